// onestep watch: how far a run is, again and again, in the terminal and as a page on this machine.
import { setTimeout as sleep } from 'node:timers/promises'
import { ArgumentError } from '../base/errors.js'
import { serveLive } from '../study/page/liveServer.js'
import { Follower, type Standing } from '../study/page/standing.js'
import { duration } from '../study/progress.js'
import { openRun } from '../study/store/runDirectory.js'
import { formatNumber } from '../study/table.js'
import type { Register } from './register.js'
import { exitCodes } from './studyRun.js'

interface WatchOptions {
  readonly page?: true
  readonly port: string
  readonly once?: true
  readonly json?: true
  readonly interval: string
}

const whole = (name: string, text: string, low: number, high: number): number => {
  const value = text.trim() === '' ? NaN : Number(text)
  if (Number.isInteger(value) && value >= low && value <= high) return value
  throw new ArgumentError(`--${name}`, {
    expected: `a whole number from ${String(low)} to ${String(high)}`,
    received: text,
  })
}

const count = (n: number): string => n.toLocaleString('en')

/** The standing in a few lines. */
const linesOf = (now: Standing): readonly string[] => {
  const { name, rows, allRows, chunks, allChunks, statuses, rate, secondsLeft, runners, best } = now
  const share = allRows > 0 ? rows / allRows : 1
  const filled = Math.floor(24 * share)
  const pace = rate > 0 ? [`${count(Math.round(rate))} rows/s`] : []
  const left = secondsLeft === undefined || now.complete ? [] : [`${duration(secondsLeft)} left`]
  const others = Object.entries(statuses).map(([status, n]) => `${count(n)} ${status}`)
  return [
    `${name} ${'█'.repeat(filled)}${'░'.repeat(24 - filled)} ${(100 * share).toFixed(1)} %`,
    [
      `  ${count(rows)} of ${count(allRows)} rows`,
      `${count(chunks)} of ${count(allChunks)} chunks`,
      ...pace,
      ...left,
    ].join(', '),
    ...(others.length > 0 ? [`  ${others.join(', ')}`] : []),
    ...(best === undefined
      ? []
      : [`  smallest value ${formatNumber(best.value, 8)}: row ${String(best.row)}, ${best.variant}`]),
    ...runners.map(
      (runner) =>
        `  ${runner.host}, process ${String(runner.pid)}: ${runner.state}, ${count(Math.round(runner.rate))} rows/s, ${count(runner.chunks)} chunks`,
    ),
    ...(runners.length === 0 && !now.complete ? ['  nobody works here'] : []),
  ]
}

/** Shows one standing after another: in place on a terminal, below each other elsewhere. */
const terminal = (): ((now: Standing) => void) => {
  let shown = 0
  return (now) => {
    // Names come from files that others wrote: no control characters.
    const lines = linesOf(now).map((line) => line.replace(/\p{Cc}/gu, ' '))
    const { isTTY, columns = 80 } = process.stdout
    const fitted = isTTY ? lines.map((line) => [...line].slice(0, columns - 1).join('')) : lines
    process.stdout.write(
      `${isTTY && shown > 0 ? `\u001b[${String(shown)}A\u001b[J` : ''}${fitted.join('\n')}\n`,
    )
    shown = fitted.length
  }
}

const watchCommand = async (dir: string, options: WatchOptions): Promise<number> => {
  const { page = false, once = false, json = false } = options
  const interval = whole('interval', options.interval, 1, 3600)
  const port = whole('port', options.port, 0, 65_535)
  const run = await openRun(dir)
  const follower = new Follower(run)
  const show = json ? (now: Standing) => void process.stdout.write(`${JSON.stringify(now)}\n`) : terminal()
  const ending = new AbortController()
  const end = (): void => {
    ending.abort()
  }
  process.once('SIGINT', end)
  process.once('SIGTERM', end)
  const server = page ? await serveLive(run.manifest.specification.name, port) : undefined
  if (server !== undefined)
    process.stderr.write(`${server.url} shows this run, on this machine alone, until the command ends\n`)
  try {
    for (;;) {
      const now = await follower.look()
      show(now)
      server?.tell(now)
      if (once || (now.complete && !page)) return now.complete ? exitCodes.done : exitCodes.incomplete
      await sleep(interval * 1000, undefined, { signal: ending.signal }).catch(() => undefined)
      if (ending.signal.aborted) return exitCodes.interrupted
    }
  } finally {
    process.off('SIGINT', end)
    process.off('SIGTERM', end)
    await server?.close()
  }
}

/** Adds the command. */
export const registerWatch: Register = (program, finish) => {
  program
    .command('watch')
    .description('how far a run directory is, until it is complete; --page shows it in a browser, too')
    .argument('<dir>', 'a run directory')
    .option('--page', 'serve a live page on 127.0.0.1, until interrupted')
    .option('--port <number>', 'of the page; 0 is any that is free', '0')
    .option('--interval <seconds>', 'between two looks', '2')
    .option('--once', 'look once')
    .option('--json', 'a line of JSON for each look')
    .addHelpText(
      'after',
      `
Exit codes: 0 complete; 1 failed; 2 wrong use; 4 rows are missing (--once); 130 interrupted.

Example:
  onestep watch runs/lambda-sweep --page`,
    )
    .action(async (dir: string, options: WatchOptions) => {
      finish(await watchCommand(dir, options))
    })
}
