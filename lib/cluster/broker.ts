// A broker carries a study to other machines: a queue of chunks, and bytes beside it. It holds nothing that cannot be made again: truth
// is the run directory. One engine (BullMQ), two brokers: Redis and PostgreSQL.
import { setTimeout as sleep } from 'node:timers/promises'
import { ArgumentError, OnestepError, checkOptions } from '../base/errors.js'
import { bullQueue } from './bullQueue.js'
import type { ChunkJob } from './job.js'
import type { ObjectStore } from './objectStore.js'
import { postgresStore } from './postgresStore.js'
import { redisStore } from './redisStore.js'
import { brokerError, reasonOf, safeBrokerAddress, withoutSecrets } from './security.js'

/** Chunks of a study in the queue, by number. */
export interface QueuedChunks {
  /** Waiting for a worker, or for another attempt. */
  readonly waiting: ReadonlySet<number>
  readonly active: ReadonlySet<number>
  /** Those whose attempts are used up. */
  readonly failed: ReadonlySet<number>
}

export interface QueueCounts {
  readonly waiting: number
  readonly active: number
  readonly failed: number
}

/** What a worker does with a job; resolves with 'given back' when another worker is to do it. A rejection is an attempt that failed. */
export type Handle = (job: ChunkJob) => Promise<'done' | 'given back'>

/** Jobs are taken one at a time until it is closed. */
export interface ClaimLoop {
  /** Takes no further job; resolves when the one under way has ended. */
  close(): Promise<void>
}

export interface ChunkQueue {
  /** Resolves once the broker has answered. */
  ready(): Promise<void>
  /** Adds jobs; one that is there already, in whatever state, stays as it is. */
  enqueue(jobs: readonly ChunkJob[]): Promise<void>
  /** What of a study is in the queue. */
  chunks(study: string): Promise<QueuedChunks>
  /** Why attempts failed, for chunks that have no attempt left. */
  failures(study: string): Promise<readonly ChunkFailure[]>
  /** Takes chunks of a study out of the queue: those that failed, or those that nobody has begun. */
  remove(study: string, which: 'failed' | 'waiting'): Promise<void>
  /** Of all studies. */
  counts(): Promise<QueueCounts>
  claim(handle: Handle): Promise<ClaimLoop>
  close(): Promise<void>
}

export interface ChunkFailure {
  readonly chunk: number
  readonly reason: string
}

export interface Broker {
  /** Its URL, without secrets. */
  readonly masked: string
  readonly queue: ChunkQueue
  readonly objects: ObjectStore
  /** What a driver said, on one line and without secrets. */
  reason(error: unknown): string
  close(): Promise<void>
}

export interface BrokerOptions {
  /** Goes to a broker on another machine even without a password or TLS. */
  readonly insecure?: boolean
  /** Seconds to wait for a broker that does not answer; default 30. */
  readonly connectSeconds?: number
  /** Seconds after which a job of a worker that says nothing belongs to nobody; default 30. */
  readonly lockSeconds?: number
  /** How often a chunk is tried; default 4. */
  readonly attempts?: number
  /** Seconds before the second attempt, doubled with each; default 2. */
  readonly backoffSeconds?: number
  /** Hears of connections that break and locks that are lost, on one line, without secrets. The same is not said twice in a row. */
  readonly onTrouble?: (message: string) => void
  readonly signal?: AbortSignal
}

const refusals =
  /WRONGPASS|NOAUTH|NOPERM|WRONG_PASS|invalid password|certificate|authentication|does not exist|permission denied|no pg_hba|SSL|self-signed/i

const positive = (name: string, value: number): void => {
  if (value > 0 && Number.isFinite(value)) return
  throw new ArgumentError(`openBroker: option ${name}`, {
    expected: 'a number above 0',
    received: String(value),
  })
}

/** Calls a listener with each message that is not the one before, or comes ten seconds after it. */
export const withoutRepeats = (tell: (message: string) => void): ((message: string) => void) => {
  let [last, at] = ['', 0]
  return (message) => {
    if (message === last && Date.now() - at < 10_000) return
    ;[last, at] = [message, Date.now()]
    tell(message)
  }
}

/**
 * Opens a broker, and waits until it answers.
 * @throws {ArgumentError} ERR_BROKER_INSECURE for one on another machine without password or TLS
 * @throws {OnestepError} ERR_BROKER_UNREACHABLE when it does not answer in time, ERR_BROKER when it refuses us, ERR_MISSING_PACKAGE
 */
export const openBroker = async (url: string, options: BrokerOptions = {}): Promise<Broker> => {
  checkOptions('openBroker', options, [
    'insecure',
    'connectSeconds',
    'lockSeconds',
    'attempts',
    'backoffSeconds',
    'onTrouble',
    'signal',
  ])
  const {
    insecure = false,
    connectSeconds = 30,
    lockSeconds = 30,
    attempts = 4,
    backoffSeconds = 2,
  } = options
  for (const [name, value] of Object.entries({ connectSeconds, lockSeconds, attempts, backoffSeconds })) {
    positive(name, value)
  }
  const address = safeBrokerAddress(url, { insecure })
  const tell = withoutRepeats(options.onTrouble ?? (() => undefined))
  const reason = (error: unknown): string => withoutSecrets(reasonOf(error), url)
  let heard = ''
  const trouble = (error: unknown): void => {
    heard = reason(error)
    tell(heard)
  }
  const connect = async (): Promise<Broker> => {
    const objects = await (address.engine === 'redis' ? redisStore : postgresStore)(address, trouble)
    let queue: ChunkQueue | undefined
    const close = async (): Promise<void> => {
      await Promise.allSettled([queue?.close(), objects.close()])
    }
    try {
      const made = await bullQueue(address, { lockSeconds, attempts, backoffSeconds, trouble, url })
      queue = made
      await within(10, () => Promise.all([objects.ping(), made.ready()]))
      return { masked: address.masked, queue, objects, reason, close }
    } catch (error) {
      await close()
      throw error
    }
  }
  const failed = (what: string, error: unknown, code: string): OnestepError =>
    // That a driver has stopped trying says less than why.
    brokerError(what, url, heard === '' ? error : heard, code)
  const end = Date.now() + connectSeconds * 1000
  for (let wait = 100; ; wait = Math.min(2 * wait, 1000)) {
    try {
      return await connect()
    } catch (error) {
      if (error instanceof OnestepError) throw error
      if (refusals.test(reasonOf(error))) throw brokerError('the broker refuses', url, error)
      if (refusals.test(heard)) throw failed('the broker refuses', error, 'ERR_BROKER')
      if (options.signal?.aborted === true) {
        throw failed('interrupted before the broker answered', error, 'ERR_ABORTED')
      }
      if (Date.now() + wait > end) {
        const what = `no broker answered within ${String(connectSeconds)} s`
        throw failed(what, error, 'ERR_BROKER_UNREACHABLE')
      }
      await sleep(wait)
    }
  }
}

/** Waits for it, but so many seconds only. */
const within = async <T>(seconds: number, work: () => Promise<T>): Promise<T> => {
  const timer = new AbortController()
  try {
    return await Promise.race([
      work(),
      sleep(seconds * 1000, undefined, { signal: timer.signal }).then(() => {
        throw new Error('no answer')
      }),
    ])
  } finally {
    timer.abort()
  }
}

/** An operation of a broker, tried again until the broker is there or `signal` ends it. */
export const persistently = async <T>(
  operation: () => Promise<T>,
  options: { readonly signal?: AbortSignal | undefined; readonly onTrouble?: (error: unknown) => void } = {},
): Promise<T> => {
  for (let wait = 100; ; wait = Math.min(2 * wait, 2000)) {
    try {
      return await operation()
    } catch (error) {
      // Ours say what is wrong, and would say it again.
      if (error instanceof OnestepError || options.signal?.aborted === true) throw error
      options.onTrouble?.(error)
      await sleep(wait)
    }
  }
}
