// An algorithm that makes a given number of steps, whatever the error: for figures "at iteration k".
import type { Solver, Tensor } from '../../lib/index.js'

/** x₍k₎ after exactly `steps` applications of F from x₀; its status is maxSteps. */
export const exactly = (
  steps: number,
  map: (x: Tensor, theta: Tensor) => Tensor,
): Solver<Tensor, Tensor, Tensor> => ({
  name: `${String(steps)} steps`,
  init: (x0) => x0,
  step: (x, theta) => map(x, theta),
  point: (x) => x,
  error: () => 1,
  map: (x, theta) => map(x, theta),
  stopping: { maxSteps: steps, tol: 0, rtol: 0, divergence: Infinity },
})
