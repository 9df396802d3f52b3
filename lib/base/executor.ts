// What runs a function over a batch of θ-instances: the runtime does so in this thread, the pool in many. Mathematics is
// handed an Executor and knows neither. Imports errors and trees.
import { ArgumentError, checkOptions } from './errors.js'
import type { NDArray } from './ndarray.js'
import type { Status } from './status.js'
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
 * How wrong the derivative of a solve can be, in the Euclidean norm of the derivative; one number for an instance, arrays for a
 * batch. Several derivatives in one function are summed up by the largest of each figure. Infinity: not known.
 */
export interface Certificate<T = number> {
  /** Twice what is neglected and unconverged (see the option `safety`); meant to hold, not proved. */
  readonly estimate: T
  /** Proved from the constants that the caller states; Infinity without them, or where they were seen to be wrong. */
  readonly bound: T
  /** What the strategy leaves out, measured at x̄. */
  readonly neglected: T
  /** What x̄ being no fixed point yet changes, to first order. */
  readonly unconverged: T
  /** The norm of ∂ₓF as a few products see it, from below: 1 or more tells of a map that contracts nothing in this norm. NaN by auto. */
  readonly rho: T
  /** How far x̄ is from solving its equation: the last error of the solve, as its solver measures it. */
  readonly residual: T
  /** Whether `bound` is a theorem: constants were stated, and nothing showed them to be wrong. A list for a batch. */
  readonly rigorous: T extends number ? boolean : readonly boolean[]
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
  /** Products with ∂ₓF that the strategy auto, or a certificate, made; 0 with a factor of the solver's own. */
  readonly products?: Float64Array
  /** How they solved the adjoint equation: codes, `adjointMethods` has their names. */
  readonly method?: Uint8Array
  /** Where a solve was asked for one. */
  readonly certificate?: Certificate<Float64Array>
  /** How many instances the summed outputs leave out; 0 where nothing is summed. */
  readonly leftOut: number
  /** Of a run by an Executor. */
  readonly run?: RunRecord
}

/** How far a run is. */
export interface Progress {
  /** Instances that ended, of `total`. */
  readonly done: number
  readonly total: number
  /** Iterations of loops, in all instances together. */
  readonly iterations: number
  /** How many of the instances that ended have which status. */
  readonly statuses: Readonly<Partial<Record<Status, number>>>
  /** Threads that have shown a sign of life since the last report; none for long means that one long operation is running. */
  readonly alive: number
  /** Since the run began. */
  readonly seconds: number
}

export interface RunOptions {
  /** Ends the run; instances that have not ended get the status `aborted`. */
  readonly signal?: AbortSignal
  /** Ends the run after so many milliseconds, like `signal`. Default: never. */
  readonly timeoutMs?: number
  /** Called now and then, and when the run has ended. What it throws ends the run, and is thrown by it. */
  readonly onProgress?: (progress: Progress) => void
  /**
   * Bytes that the run may use beside its inputs and outputs: uniform values, the tiles of its threads, what lies between
   * stages. Where that is little, fewer instances are under way at one time, then fewer threads.
   * Default: 256 MiB between stages, whatever the rest needs.
   */
  readonly memoryLimit?: number
}

/** What a run was. */
export interface RunRecord {
  /** Lanes a tile. */
  readonly lanes: number
  /** Threads that could take part. */
  readonly threads: number
  /** Threads of OpenBLAS itself; other numbers of them give other bits. */
  readonly blasThreads: number
  readonly seconds: number
  /** Lanes × iterations of all tiles, and how many of those the instances needed. */
  readonly laneSlots: number
  readonly laneIterations: number
  /** Bytes beside inputs and outputs; what `memoryLimit` bounds. */
  readonly workingBytes: number
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
