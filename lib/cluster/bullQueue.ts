// The queue of chunks on BullMQ, over Redis or PostgreSQL. A job runs at least once; that its effect is there exactly once is the matter
// of the chunk files. A job that is done leaves the queue at once, so that a chunk whose file is lost can be queued again.
import { setTimeout as sleep } from 'node:timers/promises'
import type * as BullMq from 'bullmq'
import type { BackendFactory, IQueueBackend, Job, JobType, Queue, QueueOptions } from 'bullmq'
import type { ChunkQueue, ClaimLoop, Handle } from './broker.js'
import { postgresPool, redisOptions } from './drivers.js'
import { checkJob, chunkOfId, jobId } from './job.js'
import type { ChunkJob } from './job.js'
import { loadBullmq } from './packages.js'
import { reasonOf, withoutSecrets } from './security.js'
import type { BrokerAddress } from './security.js'

/** Of the queue, and of the keys in Redis: all studies of a broker share one queue. */
const queueName = 'onestep-chunks'
const prefix = 'onestep'

/** How often the worker of a job may be lost before nobody else tries. */
const maxStalledCount = 5

export interface BullOptions {
  readonly lockSeconds: number
  readonly attempts: number
  readonly backoffSeconds: number
  readonly trouble: (error: unknown) => void
  /** For what must not be shown of it. */
  readonly url: string
}

type ChunkJobs = Queue<unknown, void, string, unknown, void, string, IQueueBackend>

/** What BullMQ makes connections of, and what ends those that it does not end by itself. */
interface Connection {
  readonly connection: QueueOptions['connection']
  end(): Promise<void>
}

/** `retries` is how often Redis is tried before a command fails, null for ever. */
const connect = async (
  bullmq: typeof BullMq,
  address: BrokerAddress,
  retries: number | null,
  onError: (error: unknown) => void,
): Promise<Connection> => {
  if (address.engine === 'redis') {
    const connection = { ...redisOptions(address), maxRetriesPerRequest: retries }
    return { connection, end: () => Promise.resolve() }
  }
  const schema = bullmq.DEFAULT_SCHEMA
  const pool = await postgresPool(address, { max: 4, schema, onError })
  try {
    const client = await pool.connect()
    try {
      await bullmq.runMigrations(client, schema)
    } finally {
      client.release(true)
    }
  } catch (error) {
    await pool.end()
    throw error
  }
  return { connection: pool, end: () => pool.end() }
}

/** Jobs of `chunks` by state, as BullMQ calls them. */
const states = {
  waiting: ['waiting', 'prioritized', 'delayed'],
  active: ['active'],
  failed: ['failed'],
} as const

class BullQueue implements ChunkQueue {
  private readonly bullmq: typeof BullMq
  private readonly address: BrokerAddress
  private readonly options: BullOptions
  private readonly factory: BackendFactory
  private readonly own: Connection
  private readonly jobs: ChunkJobs

  constructor(bullmq: typeof BullMq, address: BrokerAddress, own: Connection, options: BullOptions) {
    this.bullmq = bullmq
    this.address = address
    this.own = own
    this.options = options
    this.factory = (
      address.engine === 'redis' ? bullmq.createRedisBackend : bullmq.createPostgresBackend
    ) as BackendFactory
    this.jobs = new bullmq.Queue(queueName, { connection: own.connection, prefix }, this.factory)
    this.jobs.on('error', options.trouble)
  }

  async ready(): Promise<void> {
    await this.jobs.waitUntilReady()
  }

  async enqueue(jobs: readonly ChunkJob[]): Promise<void> {
    const { attempts, backoffSeconds } = this.options
    const opts = {
      attempts,
      backoff: { type: 'exponential', delay: backoffSeconds * 1000 },
      removeOnComplete: true,
      removeOnFail: false,
      stackTraceLimit: 1,
    }
    const most = 1000
    for (let i = 0; i < jobs.length; i += most) {
      await this.jobs.addBulk(
        jobs
          .slice(i, i + most)
          .map((data) => ({ name: data.kind, data, opts: { ...opts, jobId: jobId(data) } })),
      )
    }
  }

  private async ids(study: string, types: readonly JobType[]): Promise<Set<number>> {
    const ids = await Promise.all(types.map((type) => this.jobs.getRanges([type], 0, -1)))
    const names = ids.flat().flatMap((id) => chunkOfId(id) ?? [])
    return new Set(names.filter((name) => name.study === study).map(({ chunk }) => chunk))
  }

  async chunks(study: string) {
    const [waiting, active, failed] = await Promise.all([
      this.ids(study, states.waiting),
      this.ids(study, states.active),
      this.ids(study, states.failed),
    ])
    return { waiting, active, failed }
  }

  async failures(study: string) {
    const chunks = [...(await this.ids(study, states.failed))].sort((a, b) => a - b)
    return Promise.all(
      chunks.map(async (chunk) => {
        const job = await this.jobs.getJob(jobId({ study, chunk }))
        return { chunk, reason: job?.failedReason ?? 'unknown' }
      }),
    )
  }

  async remove(study: string, which: 'failed' | 'waiting'): Promise<void> {
    for (const chunk of await this.ids(study, states[which])) {
      // One that a worker has taken in the meantime is locked, and stays.
      await this.jobs.remove(jobId({ study, chunk }))
    }
  }

  async counts() {
    const counts = await this.jobs.getJobCounts(...states.waiting, 'active', 'failed')
    const waiting = states.waiting.reduce((sum, state) => sum + (counts[state] ?? 0), 0)
    return { waiting, active: counts['active'] ?? 0, failed: counts['failed'] ?? 0 }
  }

  async claim(handle: Handle): Promise<ClaimLoop> {
    const { lockSeconds, trouble } = this.options
    const { Worker } = this.bullmq
    let told: () => void = () => undefined
    let underWay: Promise<unknown> = Promise.resolve()
    // It only waits: the chunk is computed by another process, and the lock is renewed by this one's idle event loop.
    const process = (job: Job<unknown, void>, token?: string): Promise<void> => {
      const known = new Promise<void>((resolve) => {
        told = resolve
      })
      const work = this.process(handle, job, token)
      underWay = work.then(
        () => within(known),
        // What was given back is no event.
        (error: unknown) => (error instanceof this.bullmq.WaitingError ? undefined : within(known)),
      )
      return work
    }
    const own = await connect(this.bullmq, this.address, null, trouble)
    const worker = new Worker<unknown, void, string, IQueueBackend>(
      queueName,
      process,
      {
        connection: own.connection,
        prefix,
        concurrency: 1,
        lockDuration: lockSeconds * 1000,
        stalledInterval: lockSeconds * 1000,
        maxStalledCount,
        drainDelay: 2,
        runRetryDelay: 500,
        autorun: false,
      },
      this.factory,
    )
    worker.on('error', trouble)
    for (const event of ['completed', 'failed'] as const) {
      worker.on(event, () => {
        told()
      })
    }
    try {
      await worker.waitUntilReady()
    } catch (error) {
      await within(worker.close(true).then(() => own.end()))
      throw error
    }
    const running = worker.run().catch(trouble)
    return {
      close: async () => {
        await worker.pause(true)
        await underWay
        if (this.address.engine === 'postgres') {
          // Or it would make another connection to listen to, after this one is closed.
          await within(worker.getBackend().disconnectBlocking())
          await within(running)
        }
        // Nothing is under way; without force it would wait for a broker that is gone.
        await within(worker.close(true).then(() => own.end()))
      },
    }
  }

  private async process(handle: Handle, job: Job<unknown, void>, token?: string): Promise<void> {
    const { UnrecoverableError, WaitingError } = this.bullmq
    let outcome: 'done' | 'given back'
    try {
      outcome = await handle(checkJob(job.data))
    } catch (error) {
      const reason = withoutSecrets(reasonOf(error), this.options.url)
      const hopeless = (error as { readonly code?: unknown }).code === 'ERR_JOB'
      throw hopeless ? new UnrecoverableError(reason) : new Error(reason)
    }
    if (outcome === 'done') return
    await job.moveToWait(token)
    throw new WaitingError()
  }

  async close(): Promise<void> {
    await within(
      this.jobs
        .getBackend()
        .close(true)
        .then(() => this.own.end()),
    )
  }
}

/** Milliseconds for what a broker that is gone would never do. */
const patienceMs = 5000

const within = (work: Promise<void>): Promise<void> =>
  Promise.race([work, sleep(patienceMs, undefined, { ref: false })])

/** The queue of a broker. BullMQ does not connect anew what failed to connect at first: whoever asks makes another queue then. */
export const bullQueue = async (address: BrokerAddress, options: BullOptions): Promise<ChunkQueue> => {
  const bullmq = await loadBullmq(address.engine)
  return new BullQueue(bullmq, address, await connect(bullmq, address, 2, options.trouble), options)
}
