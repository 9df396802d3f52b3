// What runs a function over a batch of θ-instances: the runtime does so in this thread, the pool in many. Mathematics is
// handed an Executor and knows neither. Imports errors and trees.
import { ArgumentError, checkOptions } from './errors.js'
import type { NDArray } from './ndarray.js'
import { Mark } from './tree.js'
import type { Tree } from './tree.js'

/** An argument that is the same for all instances of a batch; see `shared`. */
export class Shared<T> extends Mark<T> {
  readonly mark = 'shared'
  readonly place = 'arguments of a batch'
}

/** Marks an argument, or a tree of them, of a batch as one for all instances: it has no leading axis of instances. */
export const shared = <T>(value: T): Shared<T> => new Shared(value)

export interface SummedOptions {
  /** Whether one instance that failed makes the sum NaN; otherwise failed instances are left out. Default false. */
  readonly strict?: boolean
}

/** An output that is summed over the instances of a batch; see `summed`. */
export class Summed<T> extends Mark<T> {
  readonly mark = 'summed'
  readonly place = 'what a compiled function returns'
  readonly strict: boolean

  constructor(value: T, strict: boolean) {
    super(value)
    this.strict = strict
  }
}

/**
 * Marks what a compiled function returns, or a tree in it, as summed over the batch: the results have no leading axis of
 * instances there. This is how the gradient with respect to a `shared` argument is had.
 *
 * Left out, and counted by `leftOut`, are instances whose status is not `converged`, whose gradient status is not `ok`, or
 * that have a number which is not finite anywhere among the summed outputs; a sum over none is 0. The order of the
 * additions depends on the numbers of the instances alone, so that the bits depend on the batch alone, on no thread. One
 * instance is a batch of one: its sum is itself, or 0 (strict: NaN) where it failed.
 * @throws {ArgumentError} on unknown options; where it stands on anything but what a compiled function returns, the
 * function that meets it throws `ERR_MARK`.
 */
export const summed = <T>(value: T, options: SummedOptions = {}): Summed<T> => {
  checkOptions('summed', options, ['strict'])
  const { strict = false } = options
  if (typeof strict === 'boolean') return new Summed(value, strict)
  throw new ArgumentError('summed: option strict', { expected: 'true or false', received: String(strict) })
}

/**
 * What a batch computed: arrays with one entry for each instance. A function without solves always converges, in 0 steps;
 * residuals are there only if it reports them.
 */
export interface Results<V = Tree<NDArray>> {
  /**
   * The tree that the function returned, each array [batch, …shape], with NaN for instances that did not end; what is
   * `summed` has its own shape.
   */
  readonly value: V
  /** The number of instances. */
  readonly batch: number
  /** Codes; `statusNames` has their names. */
  readonly status: Uint8Array
  /** Codes; `gradientStatusNames` has their names. */
  readonly gradientStatus: Uint8Array
  /** Steps of the solve; the largest where an instance solves several times. */
  readonly iterations: Int32Array
  readonly residual?: Float64Array
  readonly adjointResidual?: Float64Array
  /** How many instances the summed outputs leave out; 0 where nothing is summed. */
  readonly leftOut: number
}

export interface Progress {
  /** Instances that ended, of `total`. */
  readonly done: number
  readonly total: number
}

export interface RunOptions {
  /** Ends the run; instances that have not ended get the status `aborted`. */
  readonly signal?: AbortSignal
  /** Ends the run after so many milliseconds, like `signal`. Default: never. */
  readonly timeoutMs?: number
  readonly onProgress?: (progress: Progress) => void
  /** Bytes of job-wide buffers at one time; larger batches run in chunks. Default 256 MiB. */
  readonly memoryLimit?: number
}

export interface PrepareOptions {
  /** Lanes a tile: 1, a multiple of 8, or the choice of the cost model. Default 'auto'. */
  readonly lanes?: number | 'auto'
}

/**
 * Runs the prepared function over a batch. There is one input for each argument of the function: a tree of arrays with
 * a leading axis of instances, but for what is marked as `shared`.
 */
export type Prepared = (inputs: readonly unknown[], options?: RunOptions) => Promise<Results>

export interface Executor {
  /** A traced function, ready to run; it is traced and lowered once for each set of shapes. */
  prepare(fn: (...args: never[]) => unknown, options?: PrepareOptions): Prepared
}
