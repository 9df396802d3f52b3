// The Executor of this thread: batches run in slices of time, between which events are heard, so that a run can be ended
// and followed. The pool is the Executor for many threads.
import { ArgumentError, checkOptions } from '../base/errors.js'
import type { Executor, Prepared, PrepareOptions, Results, RunOptions } from '../base/executor.js'
import { jobsOf } from './compile.js'
import type { Job } from './compile.js'
import { MemoryPool } from './memoryPool.js'
import { SharedJob, newEpoch } from './sharedJob.js'

const runOptions = ['signal', 'timeoutMs', 'onProgress', 'memoryLimit']

/** Runs functions in this thread, natively. */
export const localExecutor = (): Executor => {
  const memory = new MemoryPool()
  return {
    prepare: (fn: (...args: never[]) => unknown, options: PrepareOptions = {}): Prepared => {
      checkOptions('prepare', options, ['lanes'])
      const jobs = jobsOf(fn, options)
      return async (inputs, given = {}) => {
        checkRunOptions('run', given, runOptions)
        return run(jobs.job(inputs), memory, given)
      }
    },
  }
}

/** Refuses options of `what` that are unknown or mean nothing. */
export const checkRunOptions = (what: string, options: unknown, known: readonly string[]): void => {
  if (typeof options !== 'object' || options === null) {
    throw new ArgumentError(`${what}: the options are no object`, { received: String(options) })
  }
  checkOptions(what, options, known)
  const { signal, timeoutMs, onProgress } = options as Readonly<Record<string, unknown>>
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs > 0)) {
    throw new ArgumentError('timeoutMs is no time', {
      expected: 'a positive number',
      received: JSON.stringify(timeoutMs) ?? typeof timeoutMs,
    })
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new ArgumentError('signal cannot be listened to', {
      expected: 'an AbortSignal',
      received: typeof signal,
    })
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new ArgumentError('onProgress cannot be called', {
      expected: 'a function',
      received: typeof onProgress,
    })
  }
}

const run = async (job: Job, memory: MemoryPool, options: RunOptions): Promise<Results> => {
  const { signal, timeoutMs = Infinity, onProgress, memoryLimit } = options
  const end = performance.now() + timeoutMs
  const shared = new SharedJob(job, memory, { threads: 1, memoryLimit })
  const epoch = newEpoch()
  if (signal !== undefined || onProgress !== undefined || timeoutMs !== Infinity) {
    shared.giveWay(true)
    // Events that were waiting when the run began can end it, too.
    await nextEvent()
  }
  try {
    while (!(signal?.aborted === true || performance.now() > end)) {
      if (shared.join({ seat: 0, epoch }) !== 'gaveWay') break
      onProgress?.(shared.progress())
      await nextEvent()
    }
    onProgress?.(shared.progress())
  } catch (error) {
    shared.release()
    throw error
  }
  return shared.results()
}

const nextEvent = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
