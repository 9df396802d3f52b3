// Who works on a run directory: for each runner a small file that is rewritten now and then, and a log; and a file that asks all of them
// to end. None of it is truth: it may be missing, old or wrong.
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { appendFile, readFile, readdir, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { RunDirectory } from './store/runDirectory.js'

/** Milliseconds between two signs of life. */
const interval = 1000

/** The name of the file that asks runners to end. */
const stopFile = 'stop'

/** How far a runner is. */
export interface RunnerProgress {
  /** Chunks and rows that it computed. */
  readonly chunks: number
  readonly rows: number
  /** Rows a second. */
  readonly rate: number
  readonly statuses: Readonly<Record<string, number>>
}

/** A file of runners/. */
export interface Runner extends RunnerProgress {
  readonly format: 'onestep runner'
  readonly version: 1
  readonly id: string
  readonly host: string
  readonly pid: number
  /** ISO 8601. */
  readonly started: string
  readonly updated: string
  readonly state: 'running' | 'draining' | 'done'
  readonly threads: number
}

export interface Presence {
  /** Says that it drains. */
  drain(): void
  /** Adds a line to this runner's log, logs/ID.jsonl: the time, the event and its fields. */
  log(event: string, fields?: object): void
  /** The last word. */
  close(): Promise<void>
}

/**
 * Tells others that this process works on a run directory, and hears of the file `stop`. A disk that is full or read-only
 * keeps others from knowing, and nothing else.
 */
export const beginPresence = (
  run: RunDirectory,
  options: { readonly threads: number; readonly progress: () => RunnerProgress; readonly onStop: () => void },
): Presence => {
  const { threads, progress, onStop } = options
  const [host, pid, started] = [hostname(), process.pid, new Date().toISOString()]
  const id = `${host.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 60)}-${String(pid)}-${randomBytes(3).toString('hex')}`
  let state: Runner['state'] = 'running'
  let writing: Promise<void> = Promise.resolve()
  const write = (): Promise<void> => {
    const updated = new Date().toISOString()
    const runner: Runner = {
      ...{ format: 'onestep runner', version: 1, id, host, pid, started, updated, state, threads },
      ...progress(),
    }
    writing = writing.then(() =>
      run.replace(`runners/${id}.json`, `${JSON.stringify(runner)}\n`).catch(() => undefined),
    )
    return writing
  }
  let logging: Promise<void> = Promise.resolve()
  const log = (event: string, fields: object = {}): void => {
    const line = `${JSON.stringify({ at: new Date().toISOString(), event, ...fields })}\n`
    logging = logging.then(() => appendFile(run.path(`logs/${id}.jsonl`), line).catch(() => undefined))
  }
  log('begin', { study: run.manifest.id, host, pid, threads, onestep: run.manifest.onestep })
  const timer = setInterval(() => {
    void write()
    if (existsSync(run.path(stopFile))) onStop()
  }, interval)
  timer.unref()
  void write()
  return {
    drain: () => {
      if (state === 'running') log('drain')
      state = 'draining'
    },
    log,
    close: async () => {
      clearInterval(timer)
      state = 'done'
      log('end', progress())
      await Promise.all([write(), logging])
    },
  }
}

/** Asks all that work on the directory to end after the chunks that they hold. */
export const askToStop = (run: RunDirectory): Promise<void> => run.replace(stopFile, '')

/** Takes that back. */
export const forgetStop = async (run: RunDirectory): Promise<void> => rm(run.path(stopFile), { force: true })

/** Whoever said within this time that it works is believed. */
const believedMs = 10_000

/** Those that said lately that they work here. */
export const runnersOf = async (run: RunDirectory): Promise<readonly Runner[]> => {
  const names = await readdir(run.path('runners')).catch((): string[] => [])
  const read = async (name: string): Promise<readonly Runner[]> => {
    try {
      const runner = JSON.parse(await readFile(run.path(`runners/${name}`), 'utf8')) as Runner
      const known = (runner.format as string) === 'onestep runner'
      return known && Date.now() - Date.parse(runner.updated) < believedMs ? [runner] : []
    } catch {
      return []
    }
  }
  const all = await Promise.all(
    names.filter((name) => name.endsWith('.json') && !name.startsWith('.')).map(read),
  )
  return all.flat()
}
