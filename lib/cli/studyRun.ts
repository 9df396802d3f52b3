// What the commands that compute a study have in common: how they report, how they are interrupted, and what they say at the end.
import { availableParallelism } from 'node:os'
import { ArgumentError } from '../base/errors.js'
import { openBroker } from '../cluster/broker.js'
import { coordinate } from '../cluster/coordinate.js'
import { progressReporter } from '../study/progress.js'
import { runStudy } from '../study/run.js'
import type { RunSummary, StudyProgress } from '../study/run.js'
import { computerOf } from '../study/start.js'
import type { RunDirectory } from '../study/store/runDirectory.js'

/** Exit codes of commands on studies; 3 is a regression that `compare` found. */
export const exitCodes = {
  done: 0,
  failed: 1,
  wrongUse: 2,
  regression: 3,
  incomplete: 4,
  interrupted: 130,
} as const

/** For the help of a command. */
export const exitCodeHelp =
  'Exit codes: 0 complete; 1 failed; 2 wrong use or a bad study file; 4 rows are missing; 130 interrupted.'

export type Reporter = 'auto' | 'json' | 'quiet'

/** "1 chunk", "3 chunks". */
export const counted = (n: number, noun: string): string => `${String(n)} ${noun}${n === 1 ? '' : 's'}`

/** A positive whole number of the command line. */
export const positive = (name: string, text: string): number => {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new ArgumentError(`--${name}`, { expected: 'a positive whole number', received: text })
}

/** Threads that a command line asks for; default: one for each core. */
export const threadsOf = (text: string | undefined): number =>
  text === undefined ? availableParallelism() : positive('threads', text)

/** Milliseconds between two lines of JSON. */
const jsonInterval = 1000

/** A line of JSON on standard output, for machines. */
export const jsonLine = (event: string, fields: object): void => {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`)
}

interface Reporting {
  readonly onProgress: (progress: StudyProgress) => void
  readonly close: () => void
}

/** Progress as asked: a bar or lines on standard error, lines of JSON on standard output, or nothing. */
export const reporting = (reporter: Reporter, label: string): Reporting => {
  if (reporter === 'quiet') return { onProgress: () => undefined, close: () => undefined }
  if (reporter === 'auto') {
    const onProgress = progressReporter({ label })
    return {
      onProgress,
      close: () => {
        onProgress.close()
      },
    }
  }
  let told = -Infinity
  return {
    onProgress: (progress) => {
      const now = performance.now()
      if (now - told < jsonInterval && progress.done < progress.total) return
      told = now
      jsonLine('progress', progress)
    },
    close: () => undefined,
  }
}

/** Hears of interrupts: the first one asks to end, the second one ends. */
export class Interrupts {
  private readonly draining = new AbortController()
  private readonly ending = new AbortController()
  private readonly hear = (): void => {
    if (this.draining.signal.aborted) {
      this.ending.abort()
      return
    }
    process.stderr.write('\nending after the chunks under way; once more ends at once\n')
    this.draining.abort()
  }

  constructor() {
    process.on('SIGINT', this.hear)
    process.on('SIGTERM', this.hear)
  }

  get drain(): AbortSignal {
    return this.draining.signal
  }

  get signal(): AbortSignal {
    return this.ending.signal
  }

  close(): void {
    process.off('SIGINT', this.hear)
    process.off('SIGTERM', this.hear)
  }
}

const tally = (statuses: Readonly<Record<string, number>>): string =>
  Object.entries(statuses)
    .map(([name, n]) => `${String(n)} ${name}`)
    .join(', ')

/** What a run came to, in a few lines; `whole`: no chunk is missing, those of other parts included. */
const summaryText = (run: RunDirectory, summary: RunSummary, whole: boolean): string => {
  const { rows, chunks, statuses, seconds, missing, ending } = summary
  const done = `${run.manifest.specification.name}: ${counted(rows, 'row')} in ${counted(chunks, 'chunk')} computed in ${seconds.toFixed(1)} s${rows > 0 ? `: ${tally(statuses)}` : ''}`
  if (ending === 'complete' && !whole) {
    return `${done}\nThis part is complete; how far the others are: onestep status ${run.dir}`
  }
  if (ending === 'complete') {
    return `${done}\nThe rows are in ${run.dir}; next: onestep report ${run.dir}`
  }
  return `${done}\n${counted(missing, 'chunk')} missing; to go on: onestep resume ${run.dir}`
}

/** How a run is to be reported. */
export interface Reported {
  readonly reporter: Reporter
}

/** Runs a study while interrupts are heard and progress is reported; says what it came to, and returns the exit code. */
const reported = async (
  run: RunDirectory,
  reporter: Reporter,
  compute: (means: {
    readonly interrupts: Interrupts
    readonly onProgress: (progress: StudyProgress) => void
  }) => Promise<RunSummary>,
): Promise<number> => {
  const interrupts = new Interrupts()
  const { onProgress, close } = reporting(reporter, run.manifest.specification.name)
  try {
    const summary = await compute({ interrupts, onProgress })
    close()
    if (reporter === 'json') jsonLine('end', { dir: run.dir, ...summary })
    else if (reporter === 'auto') {
      const whole = (await run.done()).every((flag) => flag === 1)
      process.stdout.write(`${summaryText(run, summary, whole)}\n`)
    }
    if (summary.ending === 'complete') return exitCodes.done
    return interrupts.drain.aborted ? exitCodes.interrupted : exitCodes.incomplete
  } finally {
    close()
    interrupts.close()
  }
}

export interface ComputeHere extends Reported {
  readonly threads: number
  /** Which chunks; default all. */
  readonly mine?: (chunk: number) => boolean
}

/** Computes on this machine what is missing. */
export const computeHere = async (run: RunDirectory, options: ComputeHere): Promise<number> => {
  const { threads, reporter, mine } = options
  const computer = await computerOf(run, threads)
  try {
    return await reported(run, reporter, ({ interrupts: { drain, signal }, onProgress }) =>
      runStudy(run, {
        computer,
        threads,
        onProgress,
        drain,
        signal,
        ...(mine === undefined ? {} : { mine }),
      }),
    )
  } finally {
    await computer.close()
  }
}

export interface ComputeThere extends Reported {
  /** The broker's URL. */
  readonly broker: string
  readonly insecure: boolean
}

/** Hands what is missing to the workers of a broker. */
export const computeThere = async (run: RunDirectory, options: ComputeThere): Promise<number> => {
  const { reporter, insecure } = options
  const onTrouble = (message: string): void => {
    if (reporter === 'json') jsonLine('trouble', { message })
    else process.stderr.write(`${message}\n`)
  }
  return reported(run, reporter, async ({ interrupts: { drain: signal }, onProgress }) => {
    const broker = await openBroker(options.broker, { insecure, onTrouble, signal })
    try {
      const { failed, ...summary } = await coordinate({ broker, run, signal, onProgress, onTrouble })
      for (const { chunk, reason } of failed) onTrouble(`chunk ${String(chunk)} failed: ${reason}`)
      return summary
    } finally {
      await broker.close()
    }
  })
}
