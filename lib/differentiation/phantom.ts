// Phantom gradients (Geng, Zhang, Bai, Wang, Lin 2021): K damped steps from x̄ held constant.
//   h ← τ F(h, θ) + (1 − τ) h,  K times;  the series of (I − A)⁻¹ with C = τ A + (1 − τ) I in place of A
import { ArgumentError } from '../base/errors.js'
import { scan } from '../control/scan.js'
import type { Tensor } from '../ir/tensor.js'
import { add, mul } from '../ops/elementwise.js'
import { checkSteps } from './count.js'
import { byReplay } from './replay.js'
import type { Strategy } from './strategy.js'

/**
 * The derivative of K damped steps x ← τ F(x, θ) + (1 − τ) x from x̄ held constant.
 * `damping` is τ in (0, 1]; with τ = 1 and K = 1 it is one-step.
 */
export const phantom = (count: number, damping: number): Strategy => {
  checkSteps('phantom', 'steps', count)
  if (!(damping > 0 && damping <= 1)) {
    throw new ArgumentError('phantom: damping', { expected: 'a number in (0, 1]', received: String(damping) })
  }
  const { jvp, vjp } = byReplay(({ map, x }) => (theta) => {
    const step = (y: Tensor): Tensor => add(mul(damping, map(y, theta)), mul(1 - damping, y))
    return scan((y: Tensor) => [step(y), []] as const, x, [], { length: count })[0]
  })
  return { name: `phantom-${String(count)}`, jvp, vjp }
}
