// onestep watch: a run that grows while it is watched, runners that say nonsense, and the page it serves.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Standing } from '../../lib/study/page/standing.js'
import { openRun } from '../../lib/study/store/runDirectory.js'
import { storeChunk, writeRun } from '../study/page/runs.js'
import { gridStudy } from '../study/page/studies.js'
import { commandPath, onestep as command } from '../harness/command.js'

const folder = mkdtempSync(join(tmpdir(), 'onestep-watch-'))
t.teardown(() => {
  rmSync(folder, { recursive: true, force: true })
})

const onestep = (...args: readonly string[]) => command(folder, ...args)

/** Starts a command; the caller ends it. */
const startOnestep = (...args: readonly string[]): ChildProcess =>
  spawn(process.execPath, [commandPath, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
const dir = join(folder, 'run')

const runner = (id: string, fields: object = {}): string =>
  JSON.stringify({
    ...{
      format: 'onestep runner',
      version: 1,
      id,
      host: 'some-host',
      pid: 4711,
      state: 'running',
      threads: 2,
    },
    ...{ started: new Date().toISOString(), updated: new Date().toISOString() },
    ...{ chunks: 2, rows: 400, rate: 100, statuses: { converged: 400 }, ...fields },
  })

const tell = (name: string, text: string): void => {
  mkdirSync(join(dir, 'runners'), { recursive: true })
  writeFileSync(join(dir, 'runners', name), text)
}

t.test('once: counts, statuses, the smallest value, and nobody', async (t) => {
  await writeRun(dir, gridStudy(), (chunk) => chunk < 4)
  const { status, stdout, stderr } = onestep('watch', dir, '--once')
  t.equal(status, 4, stderr)
  t.match(stdout, /^ridge-path █{16}░{8} 66\.7 %\n {2}800 of 1,200 rows, 4 of 6 chunks\n/)
  t.match(
    stdout,
    /\n {2}800 converged\n {2}smallest value 0\.30001136: row 99, implicit, 1e-10\n {2}nobody works here\n$/,
  )
})

t.test('runners: what they say counts where it makes sense', async (t) => {
  tell('a.json', runner('a'))
  tell('b.json', runner('b', { rate: 'fast', host: 'x\u001b[31m', threads: -1, state: 'draining' }))
  tell('old.json', runner('old', { updated: '2020-01-01T00:00:00Z' }))
  tell('done.json', runner('done', { state: 'done' }))
  for (const [name, text] of [
    ['empty', ''],
    ['words', 'no json'],
    ['null', 'null'],
    ['list', '[]'],
    ['other', '{"format":"x"}'],
  ] as const)
    tell(`${name}.json`, text)
  const { status, stdout } = onestep('watch', dir, '--once', '--json')
  t.equal(status, 4)
  const now = JSON.parse(stdout) as Standing
  t.strictSame([now.rows, now.allRows, now.chunks, now.allChunks, now.complete], [800, 1200, 4, 6, false])
  t.strictSame(now.runners.map(({ id }) => id).sort(), ['a', 'b'])
  t.strictSame([now.rate, now.secondsLeft], [100, 4])
  t.strictSame(now.statuses, { converged: 800 })
  t.strictSame([now.best?.row, now.best?.variant], [99, 'implicit, 1e-10'])
  const text = onestep('watch', dir, '--once').stdout
  t.match(text, /100 rows\/s, 4\.0 s left\n/)
  t.match(text, /some-host, process 4711: running, 100 rows\/s, 2 chunks/)
  t.notOk(text.includes('\u001b'), 'no control characters of strangers')
})

/** What a process prints, line by line. */
async function* linesOf(stream: NodeJS.ReadableStream | null): AsyncGenerator<string, void, undefined> {
  let rest = ''
  for await (const part of stream ?? []) {
    const lines = (rest + String(part)).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}

t.test('until it is complete', async (t) => {
  const child = startOnestep('watch', dir, '--json', '--interval', '1')
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  const seen: number[] = []
  const run = await openRun(dir)
  for await (const line of linesOf(child.stdout)) {
    const { chunks } = JSON.parse(line) as Standing
    seen.push(chunks)
    if (chunks < 6) await storeChunk(run, gridStudy(), chunks)
  }
  t.strictSame(await ended, [0, null])
  t.strictSame([seen[0], seen.at(-1)], [4, 6])
  t.equal(onestep('watch', dir, '--once').status, 0)
  t.match(onestep('watch', dir).stdout, /100\.0 %[^]*1,182 converged, 18 maxSteps/)
})

t.test('the page, until it is interrupted', async (t) => {
  const child = startOnestep('watch', dir, '--page', '--interval', '1')
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  const { value } = await linesOf(child.stderr).next()
  const [url = ''] = /http:\/\/127\.0\.0\.1:\d+\//.exec(value ?? '') ?? []
  const page = await fetch(url)
  t.equal(page.status, 200)
  t.match(await page.text(), /<h1>ridge-path<\/h1>/)
  t.equal((await fetch(`${url}manifest.json`)).status, 404)
  const events = await fetch(`${url}events`)
  let text = ''
  for await (const part of events.body ?? []) {
    text += Buffer.from(part as Uint8Array).toString()
    if (text.includes('\n\n') && text.includes('data:')) break
  }
  t.match(text, /data: \{"name":"ridge-path"[^\n]*"complete":true/)
  child.kill('SIGINT')
  t.strictSame(await ended, [130, null])
  await t.rejects(fetch(url), 'the server has ended with it')
})

const wrong: readonly (readonly [string, readonly string[], number, RegExp])[] = [
  ['no folder', ['watch'], 2, /missing required argument/],
  ['no run', ['watch', folder], 1, /no run directory/],
  ['a port in words', ['watch', dir, '--page', '--port', 'http'], 2, /--port[^]*65535/],
  ['no interval', ['watch', dir, '--interval', '0'], 2, /--interval/],
]
t.test('wrong use is told', async (t) => {
  for (const [name, args, code, message] of wrong) {
    const { status, stderr, stdout } = onestep(...args)
    t.equal(status, code, name)
    t.match(stderr, message, name)
    t.equal(stdout, '', name)
  }
  t.match(
    onestep('watch', '--help').stdout,
    /Exit codes: 0 complete[^]*130 interrupted[^]*Example:\s+onestep watch/,
  )
})
