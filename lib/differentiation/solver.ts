// What a solver says of itself. A solver owns no loop and no derivative code: `solve` iterates, a strategy differentiates.
import type { Tensor } from '../ir/tensor.js'
import type { Operand } from '../ir/trace.js'

/** Solves with the derivative of a residual, ∂ₓG, and with its transpose. */
export interface LinearOperator {
  readonly solve: (b: Tensor) => Operand
  readonly solveTransposed: (b: Tensor) => Operand
}

/**
 * An iterative algorithm. `X` is the tree of arrays that is sought, `P` that of θ, `S` the state of the iteration; all
 * functions are traced. A solver for one problem is usually made by a factory with options, such as `newton({ … })`.
 */
export interface Solver<X, P, S> {
  /** For messages and reports. */
  readonly name: string
  /** The state before the first step. */
  readonly init: (x0: X, theta: P) => S
  readonly step: (state: S, theta: P) => S
  /** The iterate x in a state. */
  readonly point: (state: S) => X
  /** What falls to 0 as the solve converges: a scalar ≥ 0. NaN ends the solve with status nonFinite. */
  readonly error: (state: S, theta: P) => Operand
  /**
   * The map F that is differentiated, with F(x̄, θ) = x̄ at a solution. It may differ from the step: it carries no momentum
   * and no history. `state` is the last state, to be used as a constant (a step length, say). Default: one step from `init(x)`.
   */
  readonly map?: (x: X, theta: P, state: S) => X
  /** G with G(x̄, θ) = 0 at a solution, of the structure of x; what `implicit` differentiates where there is a `linearize`. */
  readonly residual?: (x: X, theta: P) => X
  /** Solves with ∂ₓG(x, θ), on vectors of all entries of x. */
  readonly linearize?: (x: X, theta: P) => LinearOperator
  /** α where the last step was x + α d: a damped step, whose one-step derivative is α times too small. */
  readonly stepLength?: (state: S) => Operand
  /** The status code with which a state ends the iteration although its error is not small (singular, infeasible, …), else −1. */
  readonly verdict?: (state: S) => Operand
  readonly stopping: Stopping
}

/** A solver of any state. */
export type AnySolver<X, P> = Omit<Solver<X, P, never>, 'init' | 'step'> & {
  readonly init: (x0: X, theta: P) => unknown
  readonly step: (state: never, theta: P) => unknown
}

/** When an iteration ends. */
export interface Stopping {
  /** Step limit. */
  readonly maxSteps: number
  /**
   * Absolute tolerance: converged when error ≤ max(tol, rtol · error of x0). A Tensor, a scalar of the trace around the solve, gives
   * each θ-instance its own, and other numbers without another program.
   */
  readonly tol: number | Tensor
  readonly rtol: number
  /** Diverged when the error exceeds this multiple of max(1, error of x0). */
  readonly divergence: number
}

/** The options that every solver factory takes. */
export interface StoppingOptions {
  /** Step limit; default by solver. */
  readonly maxSteps?: number
  /** Absolute tolerance on the error; default 1e-8. */
  readonly tol?: number
  /** Tolerance relative to the error of x0; default 0. */
  readonly rtol?: number
  /** Diverged when the error exceeds this multiple of max(1, error of x0); default 1e12. */
  readonly divergence?: number
}

export const stoppingOptions = ['maxSteps', 'tol', 'rtol', 'divergence'] as const
