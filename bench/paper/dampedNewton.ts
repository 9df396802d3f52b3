// Damped Newton, x ← x − α H⁻¹ g: ∂ₓF → (1 − α) I at the solution, so that one-step gives α J. Divided by α it is J.
//   ‖Jᴼˢ − J‖ / ‖J‖ = 1 − α,    as in the interior point, whose last step has length τ
import { compile, grad, implicit, mul, oneStep, solve, sub, sumSquares } from '../../lib/index.js'
import type { NDArray, Solver, Strategy, Tensor } from '../../lib/index.js'
import { logisticData, logisticObjective, logisticStart, logisticWeights } from './logistic.js'
import { publishedNewton } from './publishedNewton.js'
import type { PublishedState } from './publishedNewton.js'
import { relativeError } from './spectrum.js'

/** Newton with steps of length α, which it says of itself. */
export const dampedNewton = (
  objective: (x: Tensor, theta: Tensor) => Tensor,
  alpha: number,
): Solver<Tensor, Tensor, PublishedState> => {
  const full = publishedNewton(objective, { maxSteps: 400 })
  const shortened = (x: Tensor, next: Tensor): Tensor => sub(x, mul(alpha, sub(x, next)))
  return {
    ...full,
    name: 'damped newton',
    step: (state, theta) => {
      const { x, before } = full.step(state, theta)
      return { x: shortened(state.x, x), before }
    },
    map: (x, theta) => shortened(x, full.map(x, theta)),
    stepLength: () => alpha,
  }
}

export interface DampedRow {
  readonly alpha: number
  readonly iterations: number
  /** Relative errors of the gradient of ½‖x‖² in θ, against implicit with full steps. */
  readonly oneStep: number
  readonly corrected: number
  readonly implicit: number
}

/** The law at size p, for each step length. */
export const dampedLaw = (
  p: number,
  alphas: readonly number[] = [0.5, 0.9, 0.99, 0.999],
): readonly DampedRow[] => {
  const objective = logisticObjective(logisticData(1, p))
  const [x0, theta] = [logisticStart(p), logisticWeights(2 * p)]
  const gradient = (solver: Solver<Tensor, Tensor, PublishedState>, strategy: Strategy) => {
    const program = compile(
      grad((t: Tensor) => mul(0.5, sumSquares(solve(solver, { x0, theta: t, strategy })))),
    )
    const { value, iterations } = program(theta)
    return { iterations: iterations ?? NaN, data: (value as NDArray).data }
  }
  const exact = gradient(publishedNewton(objective), implicit()).data
  return alphas.map((alpha) => {
    const solver = dampedNewton(objective, alpha)
    const plain = gradient(solver, oneStep())
    const error = (strategy: Strategy): number => relativeError(gradient(solver, strategy).data, exact)
    return {
      ...{ alpha, iterations: plain.iterations, oneStep: relativeError(plain.data, exact) },
      corrected: error(oneStep({ stepLengthCorrection: true })),
      implicit: error(implicit()),
    }
  })
}
