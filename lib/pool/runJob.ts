// One job on the threads of a pool, from the first participation to the results.
import { OnestepError } from '../base/errors.js'
import type { Results, RunOptions } from '../base/executor.js'
import { newEpoch } from '../runtime/sharedJob.js'
import type { SharedJob } from '../runtime/sharedJob.js'
import type { Fault } from './messages.js'
import type { Client, Threads } from './threads.js'

/** Milliseconds between two calls of onProgress. */
const progressInterval = 100
/** So many threads may die in a row without any work in between: then it is not the instances that kill them. */
const mostEmptyDeaths = 3

export interface PoolJobOptions extends RunOptions {
  readonly group?: unknown
  readonly blasThreads?: number | undefined
  readonly fault?: Fault | undefined
}

/** @throws what a thread threw, what onProgress threw, or `ERR_POOL_THREAD` when threads die for no reason of the job's. */
export const runJob = async (threads: Threads, job: SharedJob, options: PoolJobOptions): Promise<Results> => {
  const { blasThreads = 1, fault, onProgress } = options
  const client: Client = { job, group: options.group ?? job, alone: blasThreads > 1 }
  let faults = fault?.times ?? 0
  let emptyDeaths = 0
  let workAtDeath = 0
  let over = false
  let failure: { readonly error: unknown } | undefined
  const stop = (): void => {
    over = true
    threads.cancel(client)
  }
  const fail = (error: unknown): void => {
    failure ??= { error }
    stop()
  }
  const report = (): void => {
    try {
      onProgress?.(job.progress())
    } catch (error) {
      fail(error)
    }
  }

  /** Takes part again and again until nothing waits for this seat. */
  const occupy = async (seat: number): Promise<void> => {
    while (!over) {
      const dies = fault !== undefined && faults-- > 0
      const turn = {
        seat,
        epoch: newEpoch(),
        ...(blasThreads > 1 ? { blasThreads } : {}),
        ...(dies ? { faultAfter: fault.after } : {}),
      }
      const ending = await threads.run(client, {
        job: job.message,
        turn,
        ...(dies ? { death: fault.death } : {}),
      })
      if (typeof ending === 'object') {
        const held = job.putBack(seat, turn.epoch)
        const moved = job.work !== workAtDeath
        workAtDeath = job.work
        emptyDeaths = held > 0 || moved ? 0 : emptyDeaths + 1
        if (emptyDeaths >= mostEmptyDeaths) throw threadsDie(ending.died)
      } else if (ending !== 'gaveWay') {
        return
      }
    }
  }

  threads.enter(client)
  const undo = watch(options, stop)
  const timer = onProgress === undefined ? undefined : setInterval(report, progressInterval)
  try {
    const seats = Array.from({ length: job.seats }, async (_, seat) => occupy(seat).catch(fail))
    await Promise.all(seats)
    // A thread may have found nothing to do just before another one died.
    while (!over && !threads.closed && job.ended < job.batch) await occupy(0).catch(fail)
  } finally {
    clearInterval(timer)
    undo()
    threads.leave(client)
  }
  report()
  if (failure === undefined) return job.results()
  job.release()
  throw failure.error
}

/** A timer of more milliseconds, 25 days, would end at once. */
const longestTimer = 2 ** 31 - 1

/** Calls `stop` when the signal or the time says so; returns how to forget it. */
const watch = ({ signal, timeoutMs = Infinity }: RunOptions, stop: () => void): (() => void) => {
  const timer = timeoutMs > longestTimer ? undefined : setTimeout(stop, timeoutMs)
  signal?.addEventListener('abort', stop)
  if (signal?.aborted === true) stop()
  return () => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
  }
}

const threadsDie = (cause: Error): OnestepError =>
  new OnestepError('the threads of the pool die before they begin', {
    code: 'ERR_POOL_THREAD',
    received: cause.message,
    remedy: 'Run `onestep doctor`; the cause is attached',
    cause,
  })
