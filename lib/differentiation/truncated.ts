// Truncated differentiation (Shaban, Cheng, Hatch, Boots 2019): the last K applications of F, from x₍k₋K₎ held constant.
//   error ≤ ρᴷ L_F / (1 − ρ) + K ρᵏ⁻¹ L_J (1 + L_F / (1 − ρ)) ‖x₀ − x*‖;  K = 1 is one-step, K = k unrolled
import { scan } from '../control/scan.js'
import type { Tensor } from '../ir/tensor.js'
import { add, greater, maximum, minimum, stopGradient, sub, where } from '../ops/elementwise.js'
import { checkSteps } from './count.js'
import { byReplay, repeat } from './replay.js'
import type { Solved, Strategy } from './strategy.js'

/**
 * x₍k₋K₎, by running the algorithm again for k − K steps. A constant to first order. To second order it moves with θ as x̄ does,
 * for which it stands; x0 does not move.
 */
const earlier = (
  { trajectory: { init, step, point, x0, maxSteps }, x, theta, steps }: Solved,
  count: number,
): Tensor => {
  const held = theta.map(stopGradient)
  const before = maximum(sub(stopGradient(steps), count), 0)
  const start = init(x0.map(stopGradient), held)
  const [state] = scan((s: Tensor[]) => [step(s, held), []] as const, start, [], {
    length: maxSteps,
    count: before,
  })
  return add(where(greater(before, 0), x, stopGradient(x)), stopGradient(sub(point(state), x)))
}

/**
 * The derivative of the last K applications of F, from x₍k₋K₎ held constant. K = 1 is one-step.
 * An instance that made fewer than K steps is differentiated through all of them.
 */
export const truncated = (count: number): Strategy => {
  checkSteps('truncated', 'steps', count)
  const { jvp, vjp } = byReplay((solved) => (theta) => {
    const start = earlier(solved, count)
    const mine = minimum(stopGradient(solved.steps), count)
    return repeat(([x]) => [solved.map(x as Tensor, theta)], [start], count, mine, 2)[0] as Tensor
  })
  return { name: `truncated-${String(count)}`, jvp, vjp }
}
