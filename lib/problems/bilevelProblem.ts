// A bilevel problem: inner equations with a solver, an outer objective, and the right answer.
//   h(θ) = g(x̄(θ), θ),   x̄(θ) what `inner` solves for,   wanted: ∇h(θ)
// It goes as it is into `hypergradient({ inner, x0, outer, strategy })`.
import type { NDArray } from '../base/ndarray.js'
import type { Solver } from '../differentiation/solver.js'
import type { Operand, Operands } from '../ir/trace.js'
import type { Returned } from '../runtime/compile.js'

/** The arrays of a tree of Tensors, as plain data. */
export type Arrays<T> = Returned<T, NDArray>

/** h(θ), ∇h(θ) and x̄(θ), exact but for rounding. */
export interface Exact<X, P> {
  readonly value: number
  readonly gradient: Arrays<P>
  readonly x: Arrays<X>
}

/** `X` is the tree of x, `P` that of θ. */
export interface BilevelProblem<X, P> {
  readonly name: string
  readonly inner: Solver<X, P, unknown>
  readonly x0: Operands<X>
  /** Where an outer loop may start. */
  readonly theta: Arrays<P>
  /** g(x, θ), a scalar. */
  readonly outer: (x: X, theta: P) => Operand
  /**
   * What every strategy is measured against, in plain numbers and apart from the library's differentiation. Dense: meant for
   * small problems.
   */
  readonly oracle?: (theta: Arrays<P>) => Exact<X, P>
}

/** The solver, without the type of its state, so that problems with different solvers have one type. */
export const opaque = <X, P, S>(solver: Solver<X, P, S>): Solver<X, P, unknown> =>
  solver as unknown as Solver<X, P, unknown>
