// The step size with which hypergradient descent cannot overshoot (Bolte, Pauwels, Vaiter 2023, the bilevel proposition, with the
// constant made safe): 1/α ≥ L_h, a Lipschitz constant of ∇h for h = g∘x̄, where x̄ = F(x̄, θ) moves by at most J = L_F / (1 − ρ):
//   (I − A) dJx̄ = dA Jx̄ + dB,   [A B] moves by at most L_J (1 + J²)^½ ‖dθ‖   ⇒   L_h = L_J (1 + J²) / (1 − ρ) · l_g + l_∇g J²
// The published J² + J in the place of 1 + J² is too small for J < 1.
import { ArgumentError, checkOptions } from '../base/errors.js'

/** What is known of F and of the outer objective g on a set that holds iterates and fixed points, in Euclidean norms. */
export interface OuterConstants {
  /** ρ ≥ ‖∂ₓF‖₂, below 1. */
  readonly rho: number
  /** L_F ≥ ‖∂θF‖₂ */
  readonly theta: number
  /** L_J, a Lipschitz constant of [∂ₓF ∂θF] in (x, θ). */
  readonly jacobian: number
  /** l_g ≥ ‖∇g‖ */
  readonly outer: number
  /** l_∇g, a Lipschitz constant of ∇g; default 0, a linear g. */
  readonly outerGradient?: number
}

/**
 * 1 / L_h: Infinity where the constants say that h is linear.
 * @throws {ArgumentError} for constants out of range.
 */
export const safeStepSize = (constants: OuterConstants): number => {
  checkOptions('safeStepSize', constants, ['rho', 'theta', 'jacobian', 'outer', 'outerGradient'])
  const { rho, theta, jacobian, outer, outerGradient = 0 } = constants
  if (![rho, theta, jacobian, outer, outerGradient].every((c) => c >= 0 && Number.isFinite(c)) || rho >= 1) {
    throw new ArgumentError('safeStepSize: constants out of range', {
      expected: '0 ≤ rho < 1, the others finite and ≥ 0',
      received: JSON.stringify(constants),
    })
  }
  const J = theta / (1 - rho)
  return 1 / (((jacobian * (1 + J ** 2)) / (1 - rho)) * outer + outerGradient * J ** 2)
}
