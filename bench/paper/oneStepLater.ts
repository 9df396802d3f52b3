// The stop test of the published Newton code looks at the gradient before the step: the step that finds it small is made as
// well. A solver that stops so makes one step more than the solver it is made of.
import type { Operand, Solver } from '../../lib/index.js'

interface Late<S> {
  readonly state: S
  /** The error before the last step. */
  readonly before: Operand
}

/** The same algorithm, stopped by the error that it had before its last step. */
export const oneStepLater = <X, P, S>(solver: Solver<X, P, S>): Solver<X, P, Late<S>> => {
  const { init, step, point, error, map, stepLength, singular, ...rest } = solver
  return {
    ...rest,
    init: (x0, theta) => {
      const state = init(x0, theta)
      return { state, before: error(state, theta) }
    },
    step: ({ state }, theta) => ({ state: step(state, theta), before: error(state, theta) }),
    point: ({ state }) => point(state),
    error: ({ before }) => before,
    ...(map && { map: (x, theta, { state }) => map(x, theta, state) }),
    ...(stepLength && { stepLength: ({ state }) => stepLength(state) }),
    ...(singular && { singular: ({ state }) => singular(state) }),
  }
}
