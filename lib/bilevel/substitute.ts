// A solver, or a strategy, with something else in the place of what it had: another tolerance, other parameters.
import type { Solver } from '../differentiation/solver.js'
import type { Strategy } from '../differentiation/strategy.js'
import { tensor } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'

/** The solver with the absolute tolerance `change(tol)`, which may be a Tensor: each θ-instance has its own then. */
export const withTolerance = <X, P, S>(
  solver: Solver<X, P, S>,
  change: (tol: Operand) => Operand,
): Solver<X, P, S> => ({
  ...solver,
  stopping: { ...solver.stopping, tol: tensor(change(solver.stopping.tol)) },
})

/** The solver as one of parameters u, with θ = thetaOf(u): what is differentiated are the entries of u. */
export const withParameters = <X, P, S, U>(
  solver: Solver<X, P, S>,
  thetaOf: (u: U) => P,
): Solver<X, U, S> => {
  const { init, step, error, map, residual, linearize, ...rest } = solver
  return {
    ...rest,
    init: (x0, u) => init(x0, thetaOf(u)),
    step: (state, u) => step(state, thetaOf(u)),
    error: (state, u) => error(state, thetaOf(u)),
    ...(map && { map: (x: X, u: U, state: S) => map(x, thetaOf(u), state) }),
    ...(residual && { residual: (x: X, u: U) => residual(x, thetaOf(u)) }),
    ...(linearize && { linearize: (x: X, u: U) => linearize(x, thetaOf(u)) }),
  }
}

/** The same of a strategy, which may have a map of its own. */
export const strategyWithParameters = (strategy: Strategy, thetaOf: (u: never) => unknown): Strategy => {
  const { map } = strategy
  if (map === undefined) return strategy
  return { ...strategy, map: (x: never, u: never) => map(x, thetaOf(u) as never) }
}
