// What runs a function over a batch of θ-instances: the runtime does so in this thread, the pool in many. Mathematics is
// handed an Executor and knows neither. Imports only types.
import type { NDArray } from './ndarray.js'
import type { Tree } from './tree.js'

/** An argument that is the same for all instances of a batch; see `shared`. */
export class Shared<T> {
  readonly value: T

  constructor(value: T) {
    this.value = value
  }
}

/** Marks an argument, or a tree of them, of a batch as one for all instances: it has no leading axis of instances. */
export const shared = <T>(value: T): Shared<T> => new Shared(value)

/**
 * What a batch computed: arrays with one entry for each instance. A function without solves always converges, in 0 steps;
 * residuals are there only if it reports them.
 */
export interface Results<V = Tree<NDArray>> {
  /** The tree that the function returned, each array [batch, …shape]; NaN for instances that did not end. */
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
