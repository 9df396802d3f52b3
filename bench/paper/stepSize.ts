// The step size of hypergradient descent. Gradient descent on h = g∘x̄ obeys, while 1/α is at least the Lipschitz constant of ∇h,
//   descent      h(θ₍l₊₁₎) ≤ h(θ₍l₎) − α/2 ‖∇h(θ₍l₎)‖²
//   proposition  min₍l≤K₎ ‖∇h(θ₍l₎)‖² ≤ 2 (h(θ₀) − h*) / (α (K + 1))                    (ε = 0 where one-step is exact)
// Published:  1/α ≥ L_J (J² + J) / (1 − ρ) · l_g + l_∇g J²,   J = L_F / (1 − ρ)
// Safe:       1/α ≥ L_J (1 + J²) / (1 − ρ) · l_g + l_∇g J²:  from (I − A) dJx̄ = dA Jx̄ + dB, where [A B] is L_J-Lipschitz in
//             (x, θ), which moves by at most (1 + J²)^½ ‖dθ‖, and [Jx̄; I] has norm at most (1 + J²)^½.
// They agree for J = 1 and the published one is too small for J < 1: with F(x, θ) = a sin(b θ), a = 1/100, b = 10, g(x) = x it
// is ρ = 0, L_F = a b = 1/10, L_J = a b² = 1, l_g = 1, l_∇g = 0, and ∇h has the Lipschitz constant a b² = 1, but
// 1/α = 0.11 is allowed. One-step is exact here, since ∂ₓF = 0.
import { compile, fixedPoint, linspace, oneStep, solve, valueAndGrad, statistics } from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'

/** The constants of a hypergradient: of F, and of the outer loss g. */
export interface OuterConstants {
  readonly rho: number
  readonly LF: number
  /** Lipschitz constant of ∂F = [A B] in (x, θ) together. */
  readonly LJ: number
  /** ‖∇g‖ ≤ l_g, and ∇g is l_∇g-Lipschitz. */
  readonly lg: number
  readonly lgg: number
}

export const conditions = ['published', 'safe'] as const
export type Condition = (typeof conditions)[number]

/** The smallest 1/α that a condition allows. */
export const inverseStep = (condition: Condition, { rho, LF, LJ, lg, lgg }: OuterConstants): number => {
  const J = LF / (1 - rho)
  const bend = condition === 'published' ? J ** 2 + J : 1 + J ** 2
  return ((LJ * bend) / (1 - rho)) * lg + lgg * J ** 2
}

/** Gradient descent with the largest step that a condition allows, from many starts. */
export interface StepSizeRow {
  readonly condition: Condition
  /** 1/α */
  readonly inverse: number
  readonly starts: number
  readonly steps: number
  /** Share of all steps that broke the descent inequality. */
  readonly broken: number
  /** Largest left side over right side of the proposition, over starts and K ≤ steps. */
  readonly worst: number
  /** Medians over the starts after the last step: ‖∇h‖², and h − h*. */
  readonly gradient: number
  readonly gap: number
}

const [a, b] = [0.01, 10]

/** The constants of the counterexample. */
export const counterexample: OuterConstants = { rho: 0, LF: a * b, LJ: a * b ** 2, lg: 1, lgg: 0 }

/** Starts spread over one period; `steps` steps of hypergradient descent by one-step from each. */
export const stepSizeRow = (condition: Condition, starts = 64, steps = 200): StepSizeRow => {
  const solver = fixedPoint({ map: (_x: Tensor, theta: Tensor) => theta.mul(b).sin().mul(a) })
  const h = compile(
    valueAndGrad((theta: Tensor) => solve(solver, { x0: 0, theta, strategy: oneStep({ at: 'previous' }) })),
  )
  const inverse = inverseStep(condition, counterexample)
  const period = (2 * Math.PI) / b
  // Half a distance off the minimum, where both sides of the proposition are 0.
  let theta = linspace(period / 2 / starts, period - period / 2 / starts, starts).data
  const evaluate = (): readonly [Float64Array, Float64Array] => {
    const [value, gradient] = h.batch(theta).value
    return [value.data, gradient.data]
  }
  let [value, gradient] = evaluate()
  const gap = value.map((x) => x + a)
  const least = gradient.map((g) => g * g)
  const worstUpTo = (l: number): number =>
    least.reduce((most, g, i) => Math.max(most, (g * (l + 1)) / (2 * inverse * (gap[i] as number))), 0)
  let worst = worstUpTo(0)
  let broken = 0
  for (let l = 1; l <= steps; l++) {
    const [before, slope] = [value, gradient]
    theta = theta.map((t, i) => t - (slope[i] as number) / inverse)
    ;[value, gradient] = evaluate()
    value.forEach((x, i) => {
      const allowed = (before[i] as number) - (slope[i] as number) ** 2 / (2 * inverse)
      // A unit of roundoff of h itself, of size a.
      if (x > allowed + 4 * a * 2 ** -53) broken++
      least[i] = Math.min(least[i] as number, (gradient[i] as number) ** 2)
    })
    worst = Math.max(worst, worstUpTo(l))
  }
  return {
    ...{ condition, inverse, starts, steps, worst },
    broken: broken / (starts * steps),
    gradient: statistics.median([...gradient].map((g) => g * g)),
    gap: statistics.median([...value].map((x) => x + a)),
  }
}
