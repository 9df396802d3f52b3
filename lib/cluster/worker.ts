// Works for whatever studies a broker has: takes a chunk, fetches what it needs, has it computed, and hands it in. The chunk is computed
// elsewhere (by a child process): this event loop only waits, so that the lock on the job is renewed in time.
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ArgumentError, checkOptions } from '../base/errors.js'
import type { ChunkOutcome } from '../study/compute/task.js'
import type { ChunkComputer } from '../study/run.js'
import { explained, temporaryPath } from '../study/store/durable.js'
import type { Manifest } from '../study/store/manifest.js'
import { readManifest } from '../study/store/manifestFile.js'
import type { RunDirectory } from '../study/store/runDirectory.js'
import { BlobCache } from './blobs.js'
import { persistently } from './broker.js'
import type { Broker, Handle } from './broker.js'
import { deliver, deliveries } from './deliveries.js'
import { checkJobAgainst, jobId } from './job.js'
import type { ChunkJob } from './job.js'
import { SharedFolder } from './sharedFolder.js'

export type WorkerEvent =
  | { readonly event: 'claimed'; readonly study: string; readonly chunk: number; readonly rows: number }
  | {
      readonly event: 'done'
      readonly study: string
      readonly chunk: number
      readonly rows: number
      readonly statuses: Readonly<Record<string, number>>
      readonly seconds: number
      /** Where the rows went: into the shared folder, to the broker, or nowhere, since another worker had stored them before. */
      readonly stored: 'folder' | 'broker' | 'kept'
    }
  | { readonly event: 'failed'; readonly study: string; readonly chunk: number; readonly reason: string }
  /** Another worker was first: nothing is computed. */
  | { readonly event: 'there'; readonly study: string; readonly chunk: number }
  | { readonly event: 'givenBack'; readonly study: string; readonly chunk: number }
  | { readonly event: 'waiting'; readonly reason: string }

export interface WorkOptions {
  readonly broker: Broker
  /** Makes what computes chunks from the blobs in a folder; it is closed at the end. */
  readonly computer: (blobs: string) => ChunkComputer
  /** A folder for blobs and chunks under way, which workers of this machine may share. */
  readonly cache: string
  /** A run directory, or a folder of run directories, that the coordinator sees too. Chunks of other studies go through the broker. */
  readonly sharedDir?: string
  /** Drains: no further chunk is taken; the one under way has `graceSeconds` to end, and is given back then. */
  readonly drain?: AbortSignal
  /** Drains, and gives the chunk under way back at once. */
  readonly signal?: AbortSignal
  /** Default 20. */
  readonly graceSeconds?: number
  /** Returns when the queue is empty; default false. */
  readonly once?: boolean
  /** Bytes of chunks that wait to be collected, beyond which no more are computed; default 256 MiB. */
  readonly backlogBytes?: number
  readonly onEvent?: (event: WorkerEvent) => void
}

/** What a worker has done. */
export interface WorkSummary {
  readonly chunks: number
  readonly rows: number
  readonly failed: number
}

/** Works until `drain` or `signal` or, with `once`, until the queue is empty. */
export const work = async (options: WorkOptions): Promise<WorkSummary> => {
  checkOptions('work', options, [
    'broker',
    'computer',
    'cache',
    'sharedDir',
    'drain',
    'signal',
    'graceSeconds',
    'once',
    'backlogBytes',
    'onEvent',
  ])
  const { broker, drain, signal, once = false, graceSeconds = 20 } = options
  if (!(graceSeconds >= 0)) {
    throw new ArgumentError('work: option graceSeconds', {
      expected: 'a number ≥ 0',
      received: String(graceSeconds),
    })
  }
  const stop = AbortSignal.any([drain, signal].filter((each) => each !== undefined))
  const cache = await BlobCache.open(join(options.cache, 'blobs'))
  const worker = new ChunkWorker(options, cache)
  try {
    const handle: Handle = (job) => (stop.aborted ? Promise.resolve('given back') : worker.handle(job))
    const loop = await persistently(() => broker.queue.claim(handle), { signal: stop })
    while (!stop.aborted && !(once && !worker.busy && (await nothingLeft(broker)))) {
      await sleep(500, undefined, { signal: stop }).catch(() => undefined)
    }
    const giveBack = (): void => {
      worker.giveBack()
    }
    const timer = setTimeout(giveBack, graceSeconds * 1000)
    signal?.addEventListener('abort', giveBack)
    if (signal?.aborted === true) giveBack()
    try {
      await loop.close()
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', giveBack)
    }
    return worker.summary
  } finally {
    await worker.close()
  }
}

/** A broker that does not answer may have work. */
const nothingLeft = async ({ queue }: Broker): Promise<boolean> => {
  try {
    const { waiting, active } = await queue.counts()
    return waiting + active === 0
  } catch {
    return false
  }
}

class ChunkWorker {
  busy = false
  private readonly options: WorkOptions
  private readonly cache: BlobCache
  private readonly shared: SharedFolder | undefined
  private readonly computer: ChunkComputer
  private readonly returned = new AbortController()
  private readonly manifests = new Map<string, Manifest>()
  private totals = { chunks: 0, rows: 0, failed: 0 }

  constructor(options: WorkOptions, cache: BlobCache) {
    this.options = options
    this.cache = cache
    this.computer = options.computer(cache.folder)
    if (options.sharedDir !== undefined) this.shared = new SharedFolder(options.sharedDir)
  }

  get summary(): WorkSummary {
    return this.totals
  }

  close(): Promise<void> {
    return this.computer.close()
  }

  /** The chunk under way, if there is one, is for another worker to do. */
  giveBack(): void {
    this.returned.abort()
  }

  async handle(job: ChunkJob): Promise<'done' | 'given back'> {
    const { study, chunk, lo, hi } = job
    const { onEvent } = this.options
    this.busy = true
    onEvent?.({ event: 'claimed', study, chunk, rows: hi - lo })
    try {
      return await this.work(job)
    } catch (error) {
      if (this.returned.signal.aborted) return this.gaveBack(job)
      this.totals = { ...this.totals, failed: this.totals.failed + 1 }
      onEvent?.({ event: 'failed', study, chunk, reason: this.options.broker.reason(error) })
      throw error
    } finally {
      this.busy = false
    }
  }

  private gaveBack({ study, chunk }: ChunkJob): 'given back' {
    this.options.onEvent?.({ event: 'givenBack', study, chunk })
    return 'given back'
  }

  private async work(job: ChunkJob): Promise<'done' | 'given back'> {
    const { broker, cache } = this.options
    const { study, chunk, lo, hi } = job
    const { signal } = this.returned
    const run = await this.shared?.run(study)
    if (await this.isThere(job, run)) {
      this.options.onEvent?.({ event: 'there', study, chunk })
      return 'done'
    }
    const manifest = await this.prepare(job, run)
    const out = run === undefined ? await localPart(cache, job) : run.partPath(chunk)
    try {
      const task = { manifest: job.manifest, chunk, lo, hi }
      const outcome = await this.computer.compute(manifest, task, { out, signal })
      if (signal.aborted) return this.gaveBack(job)
      if (run !== undefined) {
        const stored = await run.publish(chunk, out)
        this.ended(job, outcome, stored === 'written' ? 'folder' : 'kept')
      } else {
        await persistently(() => deliver(broker.objects, job, out), { signal })
        this.ended(job, outcome, 'broker')
      }
      return 'done'
    } finally {
      await rm(out, { force: true })
    }
  }

  private ended(job: ChunkJob, outcome: ChunkOutcome, stored: 'folder' | 'broker' | 'kept'): void {
    const { study, chunk } = job
    const { rows, statuses, seconds } = outcome
    this.totals = { ...this.totals, chunks: this.totals.chunks + 1, rows: this.totals.rows + rows }
    this.options.onEvent?.({ event: 'done', study, chunk, rows, statuses, seconds, stored })
  }

  /** Whether another worker was first. Where chunks go through the broker, waits until there is room for one. */
  private async isThere({ study, chunk }: ChunkJob, run: RunDirectory | undefined): Promise<boolean> {
    const { broker, onEvent, backlogBytes = 256 * 2 ** 20 } = this.options
    if (run !== undefined) return (await run.done())[chunk] === 1
    const { signal } = this.returned
    for (let told = false; ; told = true) {
      const waiting = await persistently(() => deliveries(broker.objects, study), { signal })
      if (waiting.some((delivery) => delivery.chunk === chunk)) return true
      const bytes = waiting.reduce((sum, delivery) => sum + delivery.bytes, 0)
      if (bytes <= backlogBytes) return false
      if (!told)
        onEvent?.({ event: 'waiting', reason: `${String(bytes)} bytes of chunks wait to be collected` })
      await sleep(1000, undefined, { signal })
    }
  }

  /** Fetches the manifest and what it names, and compares the job with it; the manifest. */
  private async prepare(job: ChunkJob, run: RunDirectory | undefined): Promise<Manifest> {
    const { broker } = this.options
    await this.cache.need([job.manifest], broker.objects, run)
    let manifest = this.manifests.get(job.manifest)
    if (manifest === undefined) {
      manifest = readManifest(await this.cache.read(job.manifest), `manifest ${job.manifest}`)
      // Studies come and go; a manifest is small, and read again in no time.
      this.manifests.clear()
      this.manifests.set(job.manifest, manifest)
    }
    checkJobAgainst(job, manifest)
    await this.cache.need(manifest.blobs, broker.objects, run)
    return manifest
  }
}

/** Where a chunk is written that goes through the broker. */
const localPart = async (cache: string, job: ChunkJob): Promise<string> => {
  const folder = join(cache, 'chunks')
  await explained(folder, 'make the folder', () => mkdir(folder, { recursive: true }))
  return temporaryPath(join(folder, `${jobId(job)}.chunk`))
}
