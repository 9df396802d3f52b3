// The first k steps of an algorithm, with k a number of the program: one program, and one lane for each k.
import { add, sub } from '../../lib/index.js'
import type { Operand, Solver } from '../../lib/index.js'

/** The state of the algorithm, and how many steps are left. */
export interface Counted<S> {
  readonly inner: S
  readonly left: Operand
}

/** x₍k₎ after exactly `count` steps of the solver, whatever its error; the derivative is that of the solver. */
export const afterSteps = <X, P, S>(solver: Solver<X, P, S>, count: Operand): Solver<X, P, Counted<S>> => {
  const { map = (x: X, theta: P) => solver.point(solver.step(solver.init(x, theta), theta)) } = solver
  return {
    name: `${solver.name}, counted`,
    init: (x0, theta) => ({ inner: solver.init(x0, theta), left: add(count, 0) }),
    step: ({ inner, left }, theta) => ({ inner: solver.step(inner, theta), left: sub(left, 1) }),
    point: ({ inner }) => solver.point(inner),
    error: ({ left }) => left,
    map: (x, theta, { inner }) => map(x, theta, inner),
    stopping: { maxSteps: 1e6, tol: 0, rtol: 0, divergence: Infinity },
  }
}
