// Runs a study through a broker. What is in the run directory is done; everything else is put into the queue, again and again, until it
// is done: the broker may lose all that it holds, at any time, and so may the workers. Several may do this for one study at once.
import { setTimeout as sleep } from 'node:timers/promises'
import { ArgumentError, OnestepError, checkOptions } from '../base/errors.js'
import { countStatuses } from '../study/compute/rows.js'
import { beginPresence, forgetStop } from '../study/presence.js'
import type { RunSummary, StudyProgress } from '../study/run.js'
import type { RunDirectory } from '../study/store/runDirectory.js'
import { putBlobs } from './blobs.js'
import { withoutRepeats } from './broker.js'
import type { Broker, ChunkFailure, QueuedChunks } from './broker.js'
import { collect, deliveries, dropDeliveries } from './deliveries.js'
import { jobOf } from './job.js'

export interface ClusterProgress extends StudyProgress {
  /** Chunks that workers compute now, and those whose attempts are used up. */
  readonly active: number
  readonly failed: number
}

export interface CoordinateOptions {
  readonly broker: Broker
  readonly run: RunDirectory
  /** Ends it, as the file `stop` does: chunks that nobody has begun leave the queue; those under way are collected by the next call. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: ClusterProgress) => void
  /** Hears, on one line, of a broker that does not answer and of damaged deliveries. */
  readonly onTrouble?: (message: string) => void
  /** Seconds between two looks at what is done; default 1. */
  readonly lookSeconds?: number
  /** Seconds between two comparisons of the queue with what is done; default 3. */
  readonly reconcileSeconds?: number
  /** Chunks in the queue at most; default 10,000. */
  readonly window?: number
}

/** How it ended; chunks and rows are those that were stored meanwhile, by whomever. */
export interface Coordinated extends RunSummary {
  /** Chunks whose attempts are used up, with the reason of the last one. */
  readonly failed: readonly ChunkFailure[]
}

/**
 * Sees a study through: returns when every chunk is done or has failed, or `signal` ends it.
 * @throws {OnestepError} when the run directory cannot be written; what a broker does not do is told to `onTrouble` and tried again
 */
export const coordinate = async (options: CoordinateOptions): Promise<Coordinated> => {
  checkOptions('coordinate', options, [
    'broker',
    'run',
    'signal',
    'onProgress',
    'onTrouble',
    'lookSeconds',
    'reconcileSeconds',
    'window',
  ])
  const { run, lookSeconds = 1, reconcileSeconds = 3, window = 10_000 } = options
  for (const [name, value] of Object.entries({ lookSeconds, reconcileSeconds, window })) {
    if (value > 0) continue
    throw new ArgumentError(`coordinate: option ${name}`, {
      expected: 'a number above 0',
      received: String(value),
    })
  }
  if (run.manifest.specification.kind === 'bench') {
    throw new ArgumentError('a bench over a broker', {
      expected: 'a study of the kind map or descent',
      remedy: 'Run it on the machine that it is to measure: onestep run, without --broker',
    })
  }
  await forgetStop(run)
  await run.sweep()
  const study = new Coordination({ ...options, window }, await run.done())
  const stop = new AbortController()
  const presence = beginPresence(run, {
    threads: 0,
    progress: () => study.progress(),
    onStop: () => {
      stop.abort()
    },
  })
  const ends = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
  ends.addEventListener('abort', () => {
    presence.drain()
  })
  try {
    for (let reconciled = -Infinity; ;) {
      const due = performance.now() - reconciled >= reconcileSeconds * 1000
      // In this order: what has left the queue by the first look has left its rows by the last.
      const answered = await study.asking(async () => {
        if (due) await study.lookAtQueue()
        await study.collect()
      })
      await study.look()
      if (study.complete || ends.aborted) break
      if (due && answered && (await study.asking(() => study.enqueue()))) reconciled = performance.now()
      if (study.ended) break
      await sleep(lookSeconds * 1000, undefined, { signal: ends }).catch(() => undefined)
    }
    await study.asking(() => study.leave())
    return study.outcome()
  } finally {
    await presence.close()
  }
}

class Coordination {
  private readonly options: CoordinateOptions & { readonly window: number }
  private readonly tell: (message: string) => void
  private readonly begun = performance.now()
  private done: Uint8Array
  private queued: QueuedChunks = { waiting: new Set(), active: new Set(), failed: new Set() }
  private failed: readonly ChunkFailure[] = []
  /** Chunks that failed before this call are tried again, once. */
  private retried = false

  /** Of what was stored since this call began. */
  private readonly statuses: Record<string, number> = {}
  private chunks = 0
  private rows = 0

  constructor(options: CoordinateOptions & { readonly window: number }, done: Uint8Array) {
    this.options = options
    this.tell = withoutRepeats(options.onTrouble ?? (() => undefined))
    this.done = done
  }

  private get doneChunks(): number {
    return this.done.reduce((sum, flag) => sum + flag, 0)
  }

  private get seconds(): number {
    return (performance.now() - this.begun) / 1000
  }

  get complete(): boolean {
    return this.doneChunks === this.done.length
  }

  /** Whether nothing is left that a worker could do. */
  get ended(): boolean {
    return this.failed.length > 0 && this.doneChunks + this.failed.length === this.done.length
  }

  /** Talks to the broker; false where it does not answer, which the next look may change. Errors of the run directory are thrown. */
  async asking(work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      if (error instanceof OnestepError) throw error
      this.tell(`the broker does not answer: ${this.options.broker.reason(error)}`)
      return false
    }
  }

  /** Looks at what is done; every bit of what is new is checked. */
  async look(): Promise<void> {
    const { run, onProgress } = this.options
    const before = this.done
    const now = await run.done()
    for (const chunk of now.keys()) {
      if (now[chunk] === 1 && before[chunk] !== 1) now[chunk] = (await this.arrived(chunk)) ? 1 : 0
    }
    this.done = now
    this.failed = this.failed.filter(({ chunk }) => this.done[chunk] !== 1)
    onProgress?.(this.progress())
  }

  /** Counts the rows of a chunk; false where it is damaged. */
  private async arrived(chunk: number): Promise<boolean> {
    try {
      const block = await this.options.run.readChunk(chunk)
      this.chunks++
      this.rows += block.rows
      if (!block.columns.some(({ name }) => name === 'status')) return true
      for (const [name, n] of Object.entries(countStatuses(block))) {
        this.statuses[name] = (this.statuses[name] ?? 0) + n
      }
      return true
    } catch (error) {
      if (error instanceof OnestepError && ['ERR_CHUNK', 'ERR_CHUNK_MISSING'].includes(error.code))
        return false
      throw error
    }
  }

  progress(): ClusterProgress & { readonly rows: number; readonly rate: number } {
    const { run } = this.options
    let done = 0
    this.done.forEach((flag, chunk) => {
      if (flag === 1) done += run.range(chunk).hi - run.range(chunk).lo
    })
    return {
      done,
      total: run.manifest.rows,
      statuses: this.statuses,
      seconds: this.seconds,
      chunks: this.chunks,
      rows: this.rows,
      rate: this.rows / Math.max(1e-3, this.seconds),
      active: this.queued.active.size,
      failed: this.failed.length,
    }
  }

  /** Takes what workers have handed in. */
  async collect(): Promise<void> {
    const { broker, run } = this.options
    for (const delivery of await deliveries(broker.objects, run.manifest.id)) {
      const outcome = await collect(broker.objects, run, delivery)
      if (outcome === 'damaged')
        this.tell(`chunk ${String(delivery.chunk)} came damaged, and is computed again`)
    }
  }

  /** Puts back the blobs that the broker has lost, and sees which chunks it has. */
  async lookAtQueue(): Promise<void> {
    const { queue, objects } = this.options.broker
    const { run } = this.options
    await putBlobs(objects, run)
    if (!this.retried) await queue.remove(run.manifest.id, 'failed')
    this.retried = true
    this.queued = await queue.chunks(run.manifest.id)
  }

  /** Puts into the queue what is neither done nor there. */
  async enqueue(): Promise<void> {
    const { broker, run, window } = this.options
    const { waiting, active, failed } = this.queued
    const known = [waiting, active, failed]
    const room = Math.max(0, window - waiting.size - active.size)
    const missing = [...this.done.keys()].filter(
      (chunk) => this.done[chunk] !== 1 && !known.some((set) => set.has(chunk)),
    )
    await broker.queue.enqueue(
      missing.slice(0, room).map((chunk) => jobOf(run.manifest, run.manifestHash, chunk)),
    )
    const failures = failed.size === 0 ? [] : await broker.queue.failures(run.manifest.id)
    this.failed = failures.filter(({ chunk }) => this.done[chunk] !== 1)
  }

  /** Leaves nothing behind that nobody needs. */
  async leave(): Promise<void> {
    const { broker, run } = this.options
    const study = run.manifest.id
    await broker.queue.remove(study, 'waiting')
    if (!this.complete) return
    await broker.queue.remove(study, 'failed')
    await dropDeliveries(broker.objects, study)
  }

  outcome(): Coordinated {
    const { chunks, rows, statuses, seconds, failed } = this
    const missing = this.done.length - this.doneChunks
    return {
      chunks,
      rows,
      statuses,
      seconds,
      missing,
      failed,
      ending: this.complete ? 'complete' : 'drained',
    }
  }
}
