// Computes what a run directory lacks, on this machine: chunk after chunk, in a process that may die, until all are there or it is told to
// end. Any number of processes may do so on one directory: the first valid file of a chunk stays.
import { availableParallelism } from 'node:os'
import { checkOptions } from '../base/errors.js'
import type { ChunkOutcome, ChunkTask } from './compute/task.js'
import { ComputeAborted } from './compute/process.js'
import type { TaskOptions } from './compute/process.js'
import { beginPresence, forgetStop } from './presence.js'
import type { Manifest } from './store/manifest.js'
import type { RunDirectory } from './store/runDirectory.js'

/** Who computes chunks: a process of its own, or one for each cell of a bench. */
export interface ChunkComputer {
  compute(manifest: Manifest, task: ChunkTask, options: TaskOptions): Promise<ChunkOutcome>
  close(): Promise<void>
  /** Chunks with a smaller number are computed first; without it, they are computed in their order. */
  rank?(manifest: Manifest, chunk: number): number
}

/** How far a study is. */
export interface StudyProgress {
  /** Rows that are there or under way, of `total`. */
  readonly done: number
  readonly total: number
  /** Of the rows that were computed by this run. */
  readonly statuses: Readonly<Record<string, number>>
  readonly seconds: number
  /** Chunks that this run computed. */
  readonly chunks: number
}

export interface RunStudyOptions {
  readonly computer: ChunkComputer
  /** Which chunks are to be computed; default all. */
  readonly mine?: (chunk: number) => boolean
  /** Chunks under way at one time: while one is written, the next one is computed. Default 2. */
  readonly ahead?: number
  /** For others to see; default: one for each core. */
  readonly threads?: number
  /** Ends the run after the chunks that are under way. */
  readonly drain?: AbortSignal
  /** Ends the run at once; chunks that are under way are lost. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: StudyProgress) => void
}

/** How a run ended. */
export interface RunSummary {
  /** Chunks that this run computed, and rows. */
  readonly chunks: number
  readonly rows: number
  readonly statuses: Readonly<Record<string, number>>
  readonly seconds: number
  /** Chunks that are still missing, of those that were to be computed. */
  readonly missing: number
  readonly ending: 'complete' | 'drained' | 'aborted'
}

/** Milliseconds between two reports of progress. */
const progressInterval = 100

const optionNames = ['computer', 'mine', 'ahead', 'threads', 'drain', 'signal', 'onProgress']

/**
 * Computes the chunks that are missing.
 * @throws what computing or storing a chunk throws; what is there by then stays.
 */
export const runStudy = async (run: RunDirectory, options: RunStudyOptions): Promise<RunSummary> => {
  checkOptions('runStudy', options, optionNames)
  const { computer, mine = () => true, ahead = 2, threads = availableParallelism(), onProgress } = options
  const { manifest } = run
  const begun = performance.now()
  await forgetStop(run)
  await run.sweep()
  const done = await run.done()
  const wanted = [...done.keys()].filter(mine)
  const rank = (chunk: number): number => computer.rank?.(manifest, chunk) ?? 0
  const missing = wanted.filter((chunk) => done[chunk] !== 1).sort((a, b) => rank(a) - rank(b))
  const rowsOf = (chunk: number): number => run.range(chunk).hi - run.range(chunk).lo
  const total = wanted.reduce((n, chunk) => n + rowsOf(chunk), 0)
  const there = total - missing.reduce((n, chunk) => n + rowsOf(chunk), 0)

  const statuses: Record<string, number> = {}
  const underWay = new Map<number, number>()
  let [rows, chunks, next] = [0, 0, 0]
  const seconds = (): number => (performance.now() - begun) / 1000
  const progress = (): StudyProgress => {
    const partial = [...underWay.values()].reduce((n, part) => n + part, 0)
    return { done: there + rows + partial, total, statuses, seconds: seconds(), chunks }
  }
  const ending = new AbortController()
  const abort = (): void => {
    ending.abort()
  }
  const end = options.signal === undefined ? ending.signal : AbortSignal.any([options.signal, ending.signal])
  let draining = false
  const presence = beginPresence(run, {
    threads,
    progress: () => ({ chunks, rows, rate: rows / Math.max(1e-3, seconds()), statuses }),
    onStop: () => {
      drain()
    },
  })
  const drain = (): void => {
    draining = true
    presence.drain()
  }
  options.drain?.addEventListener('abort', drain)
  if (options.drain?.aborted === true) drain()

  const work = async (): Promise<void> => {
    while (!draining && !end.aborted) {
      const chunk = missing[next++]
      if (chunk === undefined) return
      const { lo, hi } = run.range(chunk)
      const out = run.partPath(chunk)
      underWay.set(chunk, 0)
      try {
        const task = { manifest: run.manifestHash, chunk, lo, hi }
        const outcome = await computer.compute(manifest, task, {
          ...{ out, signal: end },
          onProgress: (part) => underWay.set(chunk, part),
        })
        const stored = await run.publish(chunk, out)
        presence.log('chunk', {
          chunk,
          stored,
          rows: outcome.rows,
          seconds: outcome.seconds,
          statuses: outcome.statuses,
        })
        for (const [name, n] of Object.entries(outcome.statuses)) statuses[name] = (statuses[name] ?? 0) + n
        rows += outcome.rows
        chunks++
      } catch (error) {
        if (error instanceof ComputeAborted) return
        presence.log('failed', { chunk, reason: error instanceof Error ? error.message : String(error) })
        abort()
        throw error
      } finally {
        underWay.delete(chunk)
      }
    }
  }

  const timer =
    onProgress === undefined
      ? undefined
      : setInterval(() => {
          onProgress(progress())
        }, progressInterval)
  try {
    const ended = await Promise.allSettled(Array.from({ length: ahead }, work))
    const failed = ended.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  } finally {
    clearInterval(timer)
    options.drain?.removeEventListener('abort', drain)
    await presence.close()
  }
  onProgress?.(progress())
  const left = missing.length - chunks
  return {
    ...{ chunks, rows, statuses, missing: left, seconds: seconds() },
    ending: left === 0 ? 'complete' : options.signal?.aborted === true ? 'aborted' : 'drained',
  }
}
