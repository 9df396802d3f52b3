// What hypergradient descent takes and returns.
import { ArgumentError, checkOptions } from '../base/errors.js'
import type { Executor, Shared } from '../base/executor.js'
import type { ArrayInput, NDArray } from '../base/ndarray.js'
import type { GradientStatus, Status } from '../base/status.js'
import type { Tensor } from '../ir/tensor.js'
import type { DescentHistory, DescentState } from './descentState.js'
import type { DescentStatus } from './descentStatus.js'
import type { Domain } from './domain.js'
import type { HypergradientOptions, SeveralInner } from './hypergradient.js'
import type { InnerTolerance } from './innerTolerance.js'
import type { Optimizer } from './optimizer.js'

/** Numbers for a batch in the place of Tensors: arrays with a leading axis of instances. */
export type Starts<T> = T extends Tensor
  ? ArrayInput
  : T extends readonly unknown[]
    ? { readonly [K in keyof T]: Starts<T[K]> }
    : T extends object
      ? { readonly [K in keyof T]: Starts<T[K]> }
      : T

/** The same, where a part may be `shared`. */
export type BatchData<T> =
  | Shared<Starts<T>>
  | (T extends Tensor
      ? ArrayInput
      : T extends readonly unknown[]
        ? { readonly [K in keyof T]: BatchData<T[K]> }
        : T extends object
          ? { readonly [K in keyof T]: BatchData<T[K]> }
          : T)

/** NDArrays [batch, …] in the place of Tensors. */
export type Columns<T> = T extends Tensor
  ? NDArray
  : T extends readonly unknown[]
    ? { readonly [K in keyof T]: Columns<T[K]> }
    : T extends object
      ? { readonly [K in keyof T]: Columns<T[K]> }
      : T

/** How far a descent is; see `onStep`. */
export interface DescentProgress {
  /** How often the program ran in this run. */
  readonly round: number
  readonly batch: number
  /** Instances that have not ended. */
  readonly running: number
  /** A copy of where the descent is, as plain data; see `checkpointText`. */
  readonly state: () => DescentState
}

interface Rules<P, D> {
  /** Where to start: arrays with a leading axis of instances. Left out with `resume`. */
  readonly theta0?: Starts<P>
  /** A state to go on from, with the same bits as if it had never been left. The other options must be the same as then. */
  readonly resume?: DescentState
  /** What `problem` takes, where it is a function: arrays with a leading axis of instances, or `shared`. */
  readonly data?: BatchData<D>
  readonly optimizer: Optimizer
  /** Where θ may lie, and in which coordinates it moves; default everywhere, in θ itself. */
  readonly domain?: Domain
  /** The tolerance of the inner solves, a number or one for each outer step; default: that of the solver. */
  readonly tolerance?: number | InnerTolerance
  /** Whether an inner solve starts at the last solution, and the search for the adjoint at the last adjoint; default true. */
  readonly warmStart?: boolean
  /** What becomes of an instance whose inner solve reached its maxSteps: it ends ('stop', the default), or goes on ('use'). */
  readonly unconverged?: 'stop' | 'use'
  /** Default 1e-6. */
  readonly tol?: number
  /** The largest error of a hypergradient, as a share of its norm, in (0, 1]; default 0.5. */
  readonly share?: number
  /** Limit of outer steps; default 100. */
  readonly maxSteps?: number
  /** Called after each round, and waited for. What it throws ends the run, and is thrown by it. */
  readonly onStep?: (progress: DescentProgress) => void | Promise<void>
  /** Ends the run: instances that have not ended are still `running`, and the state can be gone on from. */
  readonly signal?: AbortSignal
  /** What runs it; default: this thread. A Pool is one. */
  readonly executor?: Executor
  /** Lanes a tile; default 1 for one instance, else 'auto'. */
  readonly lanes?: number | 'auto'
}

/** One inner problem; or a function of an instance's data that makes it. Hypergradients are certified unless `certificate: false`. */
export interface DescentOptions<X, P, S, D> extends Rules<P, D> {
  readonly problem: HypergradientOptions<X, P, S> | ((data: D) => HypergradientOptions<X, P, S>)
}

/** Several inner problems by name. */
export interface SeveralDescentOptions<X extends Readonly<Record<string, unknown>>, P, D> extends Rules<
  P,
  D
> {
  readonly problem: SeveralInner<X, P> | ((data: D) => SeveralInner<X, P>)
}

/** What a descent found, an entry for each instance. */
export interface Descent<X, P> {
  /** θ where h was looked at last. */
  readonly theta: Columns<P>
  readonly x: Columns<X>
  readonly value: Float64Array
  /** ‖∇h‖ in the coordinates of the domain; at a bound, of what does not press on it. */
  readonly norm: Float64Array
  /** Estimated error of the hypergradient; NaN without a certificate. */
  readonly estimate: Float64Array
  readonly status: readonly DescentStatus[]
  /** How the last inner solve and the last hypergradient ended. */
  readonly innerStatus: readonly Status[]
  readonly gradientStatus: readonly GradientStatus[]
  /** Outer steps. */
  readonly steps: Int32Array
  readonly history: readonly DescentHistory[]
  /** Where it is, as plain data; what `resume` takes. */
  readonly state: DescentState
}

/** Hypergradient descent; what `descentBy` returns. */
export interface HypergradientDescent {
  <X, P, S, D = unknown>(options: DescentOptions<X, P, S, D>): Promise<Descent<X, P>>
  <X extends Readonly<Record<string, unknown>>, P, D = unknown>(
    options: SeveralDescentOptions<X, P, D>,
  ): Promise<Descent<X, P>>
}

const optionNames = [
  ...['problem', 'theta0', 'resume', 'data', 'optimizer', 'domain', 'tolerance', 'warmStart', 'unconverged'],
  ...['tol', 'share', 'maxSteps', 'onStep', 'signal', 'executor', 'lanes'],
]

export type GivenOptions = Rules<unknown, unknown> & { readonly problem: unknown }

const expect = (holds: boolean, name: string, expected: string, received: unknown): void => {
  if (holds) return
  throw new ArgumentError(`hypergradientDescent: ${name}`, {
    expected,
    received:
      typeof received === 'number' || typeof received === 'string' ? String(received) : typeof received,
  })
}

/** Refuses options that are unknown or mean nothing. */
export const checkRules = (options: GivenOptions): void => {
  checkOptions('hypergradientDescent', options, optionNames)
  const { problem, theta0, resume, optimizer, unconverged, tolerance, tol, share, maxSteps } = options
  expect(
    typeof problem === 'function' || (typeof problem === 'object' && problem !== null),
    'problem',
    'the options of hypergradient, or a function of data that returns them',
    problem,
  )
  expect(
    (theta0 === undefined) !== (resume === undefined),
    'theta0 or resume',
    'exactly one of them',
    theta0 === undefined ? 'none' : 'both',
  )
  expect(typeof optimizer?.step === 'function', 'optimizer', 'one that optimizer.… makes', optimizer)
  expect([undefined, 'stop', 'use'].includes(unconverged), 'unconverged', `'stop' or 'use'`, unconverged)
  expect(tol === undefined || tol > 0, 'tol', 'a positive number', tol)
  expect(share === undefined || (share > 0 && share <= 1), 'share', 'a number in (0, 1]', share)
  const whole = maxSteps === undefined || (Number.isInteger(maxSteps) && maxSteps >= 0)
  expect(whole, 'maxSteps', 'an integer ≥ 0', maxSteps)
  const known = tolerance === undefined || typeof tolerance === 'function' || tolerance > 0
  expect(known, 'tolerance', 'a positive number, or a function of the outer step', tolerance)
}
