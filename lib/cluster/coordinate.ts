// Runs a study through a broker. What is in the run directory is done; everything else is put into the queue, again and again, until it
// is done: the broker may lose all that it holds, at any time, and so may the workers. Several may do this for one study at once.
import { setTimeout as sleep } from 'node:timers/promises'
import { ArgumentError, OnestepError, checkOptions } from '../base/errors.js'
import { chunkCount } from '../study/store/manifest.js'
import type { RunDirectory } from '../study/store/runDirectory.js'
import { putBlobs } from './blobs.js'
import type { Broker, ChunkFailure, QueuedChunks } from './broker.js'
import { collect, deliveries, dropDeliveries } from './deliveries.js'
import { jobOf } from './job.js'
import { reasonOf } from './security.js'

export interface ClusterProgress {
  readonly chunks: {
    readonly done: number
    readonly total: number
    readonly active: number
    readonly failed: number
  }
  readonly rows: { readonly done: number; readonly total: number }
  /** Since the begin of this call. */
  readonly seconds: number
}

export interface CoordinateOptions {
  readonly broker: Broker
  readonly run: RunDirectory
  /** Ends it: chunks that nobody has begun leave the queue; those under way are collected by the next call. */
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

export interface Coordinated {
  /** Whether every chunk is done. */
  readonly complete: boolean
  /** Chunks whose attempts are used up, with the reason of the last one. */
  readonly failed: readonly ChunkFailure[]
  readonly chunks: number
  readonly done: number
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
  const { lookSeconds = 1, reconcileSeconds = 3, window = 10_000, signal } = options
  for (const [name, value] of Object.entries({ lookSeconds, reconcileSeconds, window })) {
    if (value > 0) continue
    throw new ArgumentError(`coordinate: option ${name}`, {
      expected: 'a number above 0',
      received: String(value),
    })
  }
  const study = new Coordination({ ...options, window })
  for (let reconciled = -Infinity; ;) {
    const due = performance.now() - reconciled >= reconcileSeconds * 1000
    // In this order: what is in the queue no more by the first look has left its rows by the second.
    const answered = await study.asking(async () => {
      if (due) await study.lookAtQueue()
      await study.collect()
    })
    await study.look()
    if (study.complete || signal?.aborted === true) break
    if (due && answered && (await study.asking(() => study.enqueue()))) reconciled = performance.now()
    if (study.ended) break
    await sleep(lookSeconds * 1000, undefined, signal === undefined ? {} : { signal }).catch(() => undefined)
  }
  await study.asking(() => study.leave())
  return study.outcome()
}

class Coordination {
  private readonly options: CoordinateOptions & { readonly window: number }
  private readonly begun = performance.now()
  private done: Uint8Array
  private queued: QueuedChunks = { waiting: new Set(), active: new Set(), failed: new Set() }
  private failed: readonly ChunkFailure[] = []
  /** Chunks that failed before this call are tried again, once. */
  private retried = false

  constructor(options: CoordinateOptions & { readonly window: number }) {
    this.options = options
    this.done = new Uint8Array(chunkCount(options.run.manifest))
  }

  private get doneChunks(): number {
    return this.done.reduce((sum, flag) => sum + flag, 0)
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
      this.options.onTrouble?.(`the broker does not answer: ${reasonOf(error)}`)
      return false
    }
  }

  /** Looks at what is done. */
  async look(): Promise<void> {
    const { run, onProgress } = this.options
    this.done = await run.done()
    this.failed = this.failed.filter(({ chunk }) => this.done[chunk] !== 1)
    let rows = 0
    this.done.forEach((flag, chunk) => {
      const { lo, hi } = run.range(chunk)
      rows += flag * (hi - lo)
    })
    onProgress?.({
      chunks: {
        done: this.doneChunks,
        total: this.done.length,
        active: this.queued.active.size,
        failed: this.failed.length,
      },
      rows: { done: rows, total: run.manifest.rows },
      seconds: (performance.now() - this.begun) / 1000,
    })
  }

  /** Takes what workers have handed in. */
  async collect(): Promise<void> {
    const { broker, run, onTrouble } = this.options
    for (const delivery of await deliveries(broker.objects, run.manifest.id)) {
      const outcome = await collect(broker.objects, run, delivery)
      if (outcome === 'damaged')
        onTrouble?.(`chunk ${String(delivery.chunk)} came damaged, and is computed again`)
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
    return {
      complete: this.complete,
      failed: this.failed,
      chunks: this.done.length,
      done: this.doneChunks,
    }
  }
}
