// The pool: thousands of θ-instances on all cores. Every thread runs the same program and takes whatever instance is
// ready, so that nobody waits for the slowest.
import { ArgumentError, OnestepError, checkOptions } from '../base/errors.js'
import type { Executor, Prepared, PrepareOptions, Results, RunOptions, Shared } from '../base/executor.js'
import { jointProgress } from '../base/jointProgress.js'
import type { NDArray } from '../base/ndarray.js'
import { jobsOf } from '../runtime/compile.js'
import type { Batch, Compiled, Numbers, Returned } from '../runtime/compile.js'
import { checkRunOptions } from '../runtime/executor.js'
import { MemoryPool } from '../runtime/memoryPool.js'
import { SharedJob, predictJob } from '../runtime/sharedJob.js'
import type { JobMemory } from '../runtime/sharedJob.js'
import type { Result } from '../runtime/results.js'
import { eachInstance, groups, stackArguments } from './items.js'
import { faultHook } from './messages.js'
import type { Fault } from './messages.js'
import { runJob } from './runJob.js'
import { inOrder } from './stream.js'
import { Threads, mostBlasThreads } from './threads.js'

export interface PoolOptions {
  /** Default: one for each core. */
  readonly threads?: number
}

export interface PoolRunOptions extends RunOptions, PrepareOptions {
  /**
   * Threads of OpenBLAS itself, for one large instance. With more than 1 the job runs on one thread of the pool, with nothing
   * beside it in this process; its bits are those of that number of threads. Recorded in the results. Default 1.
   */
  readonly blasThreads?: number
}

export interface MapOptions extends PoolRunOptions {
  /** Batches that are under way at one time; the next one is asked for when the first of them was taken. Default 4. */
  readonly ahead?: number
}

export interface EachOptions extends MapOptions {
  /** Items a batch; default 1024. */
  readonly batchSize?: number
}

/** A function of Tensors, or what `compile` made of it. */
export type Traceable<A extends readonly unknown[], R> = ((...args: A) => R) | Compiled<A, R>
/** The arguments of a batch. */
export type BatchOf<A extends readonly unknown[]> = { readonly [K in keyof A]: Batch<A[K]> }
/** The arguments of one instance. */
export type ItemOf<A extends readonly unknown[]> = {
  readonly [K in keyof A]: Numbers<A[K]> | Shared<Numbers<A[K]>>
}

/** Stacks groups of items; `check` sees the first. */
async function* stacked(
  itemGroups: AsyncIterable<readonly (readonly unknown[])[]>,
  check: (batch: readonly unknown[]) => void,
): AsyncGenerator<readonly unknown[], void, undefined> {
  let first = true
  for await (const group of itemGroups) {
    const batch = stackArguments(group)
    if (first) check(batch)
    first = false
    yield batch
  }
}

const runOptions = ['signal', 'timeoutMs', 'onProgress', 'memoryLimit', 'lanes', 'blasThreads']

/**
 * Threads that run batches. Make one and keep it: its threads keep the programs that they ran.
 *
 *     await using pool = new Pool()
 *     const results = await pool.run(f, [lambdas, shared(data)])
 *
 * An instance that fails costs nothing but itself: its status says why. A thread that dies costs nothing but time: what it
 * held is computed again, once; what then kills a thread once more has the status `crashed`. Several runs share the threads;
 * a long one gives way to others every 50 ms. Arrays in shared memory (every NDArray of this library) are used where they lie,
 * and must not be written to during a run; others are copied when it begins.
 */
export class Pool implements Executor {
  private readonly workers: Threads
  private readonly memory = new MemoryPool()

  /**
   * @throws {ArgumentError} on a number of threads that no pool can have
   * @throws {NativeError} `ERR_NATIVE_SINGLE_THREADED` when this OpenBLAS is wrong under threads
   */
  constructor(options: PoolOptions = {}) {
    checkOptions('Pool', options, ['threads'])
    this.workers = new Threads(options.threads)
  }

  get threads(): number {
    return this.workers.count
  }

  /**
   * Runs a function over a batch: every array of `inputs` has a leading axis of instances, but for what is marked with
   * `shared`. The function is traced once for each set of shapes; pass the same function again and again.
   * @throws {OnestepError} `ERR_POOL_CLOSED`; `ERR_MEMORY_LIMIT` with what the run needs; and what `compile` throws
   */
  async run<A extends readonly unknown[], R>(
    fn: Traceable<A, R>,
    inputs: BatchOf<A>,
    options: PoolRunOptions = {},
  ): Promise<Results<Returned<R, NDArray>>> {
    checkRunOptions('run', options, runOptions)
    return (await this.start(fn, inputs, options)) as Results<Returned<R, NDArray>>
  }

  /**
   * What `run` with the same arguments would need beside its inputs and outputs; nothing runs.
   * @throws {OnestepError} `ERR_MEMORY_LIMIT` where the limit is too small
   */
  predict<A extends readonly unknown[], R>(
    fn: Traceable<A, R>,
    inputs: BatchOf<A>,
    options: Pick<PoolRunOptions, 'lanes' | 'memoryLimit'> = {},
  ): JobMemory {
    checkOptions('predict', options, ['lanes', 'memoryLimit'])
    const { lanes, memoryLimit } = options
    const job = jobsOf(fn, lanes === undefined ? {} : { lanes }).job(inputs)
    return predictJob(job, { threads: this.threads, memoryLimit })
  }

  /**
   * Runs a function over batch after batch, and yields their results in order. Batches come from anything that can be
   * iterated, also asynchronously, and are asked for only as results are taken: a stream of any length runs in bounded
   * memory. Whoever stops taking results ends what is under way.
   */
  map<A extends readonly unknown[], R>(
    fn: Traceable<A, R>,
    batches: Iterable<BatchOf<A>> | AsyncIterable<BatchOf<A>>,
    options: MapOptions = {},
  ): AsyncGenerator<Results<Returned<R, NDArray>>, void, undefined> {
    checkRunOptions('map', options, [...runOptions, 'ahead'])
    const { ahead = 4, onProgress, ...rest } = options
    const part = onProgress && jointProgress(onProgress)
    if (!Number.isInteger(ahead) || ahead < 1) {
      throw new ArgumentError('map: option ahead', {
        expected: 'a positive integer',
        received: String(ahead),
      })
    }
    const group = {}
    return inOrder(
      batches,
      async (batch, signal) =>
        this.start(fn, batch, { ...rest, signal, ...(part && { onProgress: part() }) }, group) as Promise<
          Results<Returned<R, NDArray>>
        >,
      ahead,
      options.signal,
    )
  }

  /**
   * `map` for those who have single θ-instances: takes a stream of argument lists, groups them, and yields one result for
   * each, in order. Making batches of one's own is faster.
   * @throws {ArgumentError} where the function sums over its batch: an item has no batch that means anything
   */
  async *each<A extends readonly unknown[], R>(
    fn: Traceable<A, R>,
    items: Iterable<ItemOf<A>> | AsyncIterable<ItemOf<A>>,
    options: EachOptions = {},
  ): AsyncGenerator<Result<Returned<R, number | NDArray>>, void, undefined> {
    checkRunOptions('each', options, [...runOptions, 'ahead', 'batchSize'])
    const { batchSize = 1024, ...rest } = options
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new ArgumentError('each: option batchSize', {
        expected: 'a positive integer',
        received: String(batchSize),
      })
    }
    const jobs = jobsOf(fn, rest.lanes === undefined ? {} : { lanes: rest.lanes })
    const batches = stacked(groups(items, batchSize), (batch) => {
      if (!jobs.job(batch).ready.meaning.sums.some((sum) => sum !== undefined)) return
      throw new ArgumentError('each: the function has summed outputs', {
        remedy: 'Use map, with batches of your own',
      })
    })
    for await (const results of this.map(fn, batches as AsyncIterable<BatchOf<A>>, rest)) {
      yield* eachInstance(results) as Generator<Result<Returned<R, number | NDArray>>, void, undefined>
    }
  }

  prepare(fn: (...args: never[]) => unknown, options: PrepareOptions = {}): Prepared {
    checkOptions('prepare', options, ['lanes'])
    return async (inputs, given = {}) => {
      checkRunOptions('run', given, runOptions)
      return this.start(fn, inputs, { ...options, ...given })
    }
  }

  private async start(
    fn: unknown,
    inputs: readonly unknown[],
    options: PoolRunOptions & { readonly [faultHook]?: Fault },
    group?: unknown,
  ): Promise<Results> {
    const { lanes, blasThreads = 1, memoryLimit } = options
    if (this.workers.closed) {
      throw new OnestepError('the pool is closed', {
        code: 'ERR_POOL_CLOSED',
        remedy: 'Make a new Pool, or close this one later',
      })
    }
    if (!Array.isArray(inputs)) {
      throw new ArgumentError('the inputs of a run are no list', {
        expected: 'one entry for each argument of the function',
        received: inputs === null ? 'null' : typeof inputs,
      })
    }
    const most = blasThreads === 1 ? 1 : mostBlasThreads()
    if (!Number.isInteger(blasThreads) || blasThreads < 1 || blasThreads > most) {
      throw new ArgumentError('run: option blasThreads', {
        expected: `an integer from 1 to ${String(mostBlasThreads())}, what this OpenBLAS was built for`,
        received: String(blasThreads),
      })
    }
    const compiled = jobsOf(fn, lanes === undefined ? {} : { lanes }).job(inputs)
    const threads = blasThreads > 1 ? 1 : this.threads
    const job = new SharedJob(compiled, this.memory, { threads, memoryLimit, blasThreads })
    return runJob(this.workers, job, { ...options, group, fault: options[faultHook] })
  }

  /**
   * Ends the pool: live runs end at once, with the status `aborted` for what they had not finished, and then the threads.
   * Waits for both. A pool that nobody closes does not keep the process alive.
   */
  async close(): Promise<void> {
    return this.workers.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
