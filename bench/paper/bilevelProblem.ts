// The bilevel problem: one penalty a group of features, tuned on validation data. With ℓ(u, b) = ½ (u − b)² for ridge and
// log(1 + e^(−b u)) for logistic regression, features aᵢ: [p] in N training rows, g(j) the group of feature j, θ: [m]:
//   inner   f(x, θ) = 1/N Σᵢ ℓ(aᵢᵀx, bᵢ) + ½ Σⱼ λⱼ(θ) xⱼ²,   λⱼ(θ) = λ₀ + Λ / (1 + e^(−θ₍g(j)₎)):  compact values for all θ ∈ ℝᵐ
//   outer   g(x) = the mean of ℓ over validation rows,   x̄(θ) = argmin f(·, θ),   h(θ) = g(x̄(θ)) + γ/2 ‖θ‖²
// The prior γ/2 ‖θ‖² is known in closed form: it keeps minimizers finite, adds γ to the smoothness of h, and nothing to ε.
// Gradient descent F(x, θ) = x − s ∇ₓf(x, θ) from x₀ = 0 is a contraction. Its constants, in 2-norms and for all θ ∈ ℝᵐ, with
//   S = ‖A‖² / N, a₀ the smallest eigenvalue of AᵀA / N for ridge and 0 for logistic, S′ = ‖A′‖² / N′ of the validation rows,
//   ℓ″ ≤ φ₂ (1 or ¼), |ℓ‴| ≤ φ₃ (0 or 1 / (6√3)), and for the sigmoid σ: σ′ ≤ ¼, |σ″| ≤ 1 / (6√3):
//   μ = a₀ + λ₀ ≤ ∇²f ≤ L = φ₂ S + λ₀ + Λ,   s = 2 / (μ + L),   ρ = (L − μ) / (L + μ)
//   c = ‖∇f(0)‖, which does not depend on θ. By strong convexity and f ≥ 0: ‖x̄‖ ≤ c / μ and μ/2 ‖x̄‖² ≤ f(0). The iterates stay in
//       {x: ‖x − x̄‖ ≤ ‖x̄‖}, a closed ball that F maps into itself, so that ‖x‖ ≤ R = 2 min(c / μ, (2 f(0) / μ)^½);
//       f(0) does not depend on θ either
//   L_F = s Λ/4 R,     since ∂θF θ̇ = −s λ′ ∘ x
//   L_J = s (Λ/4 + Λ R / (6√3) + φ₃ S maxᵢ ‖aᵢ‖), the norm of the second derivative of F in (x, θ), whose parts are
//       −s (λ′ (θ̇ ∘ v + η̇ ∘ u) + λ″ x θ̇ η̇) and −s/N Aᵀ (ℓ‴ ∘ A u ∘ A v)
//   M = ‖x₀ − F(x₀)‖ = s c,     l_∇g = φ₂ S′,     l_g = ‖∇g(0)‖ + l_∇g R
// Newton stops at ‖∇f(x)‖ ≤ τ, so that ‖x − x̄‖ ≤ τ / μ. With Λ′ = Λ/4 and L_H = φ₃ S maxᵢ ‖aᵢ‖, a Lipschitz constant of ∇²f,
//   Jᴼˢ − Jx̄ = −(H⁻¹D − H̄⁻¹D̄) + H⁻¹ ∂θH H⁻¹ ∇f,   D = diag(λ′ ∘ x), has a norm of at most Λ′ τ (2 / μ² + L_H R / (2 μ³)),
//   so that its hypergradient is off by at most ε = τ Λ′ ((2 / μ² + L_H R / (2 μ³)) l_g + R / (2 μ²) l_∇g)
// and h* ≥ 0, since no loss is negative.
import { gather, gradientDescent, matmul, mean, newton, softplus, square, sub, sum } from '../../lib/index.js'
import type { NDArray, Tensor } from '../../lib/index.js'
import { longestRow, spectralNorm, transposed } from './matrices.js'
import { inverseStep } from './stepSize.js'
import type { OuterConstants } from './stepSize.js'
import { distance, squaredSingularValues } from './spectrum.js'

export const losses = ['ridge', 'logistic'] as const
export type Loss = (typeof losses)[number]

/** Rows of features: [N, p] with targets: [N], real for ridge and ±1 for logistic. */
export interface Rows {
  readonly features: NDArray
  readonly targets: NDArray
}

export interface BilevelProblem {
  readonly loss: Loss
  readonly training: Rows
  readonly validation: Rows
  /** The group of each feature, 0 … m − 1. */
  readonly groups: readonly number[]
  /** λ₀ and Λ */
  readonly penalty: { readonly least: number; readonly range: number }
  /** γ */
  readonly prior: number
}

/** The number m of groups. */
export const groupsOf = ({ groups }: BilevelProblem): number => Math.max(...groups) + 1

/** The mean of ℓ over rows. */
const meanLoss =
  (loss: Loss, { features, targets }: Rows) =>
  (x: Tensor): Tensor => {
    const u = matmul(features, x)
    return loss === 'ridge' ? mean(square(sub(u, targets))).mul(0.5) : mean(softplus(u.mul(targets).neg()))
  }

/** g(x) + γ/2 ‖θ‖², whose value at x̄(θ) is h(θ). */
export const outerLoss = ({
  loss,
  validation,
  prior,
}: BilevelProblem): ((x: Tensor, theta: Tensor) => Tensor) => {
  const data = meanLoss(loss, validation)
  return (x, theta) => data(x).add(sum(square(theta)).mul(prior / 2))
}

/** f(x, θ) */
export const innerObjective = (problem: BilevelProblem): ((x: Tensor, theta: Tensor) => Tensor) => {
  const { loss, training, groups, penalty } = problem
  const data = meanLoss(loss, training)
  return (x, theta) => {
    const lambda = gather(theta, groups).sigmoid().mul(penalty.range).add(penalty.least)
    return data(x).add(sum(lambda.mul(square(x))).mul(0.5))
  }
}

/** The constants of a problem; see the head of this file. */
export interface BilevelConstants extends OuterConstants {
  readonly mu: number
  readonly L: number
  /** s */
  readonly step: number
  readonly R: number
  readonly M: number
  /** The smoothness of h by the safe constant, with the prior: α = 1 / L_h. */
  readonly Lh: number
  /** ε over τ, for Newton. */
  readonly newtonShare: number
}

/** ρ L_F l_g / (1 − ρ): the part of ε that does not go to 0 with the inner steps. */
export const floorOf = ({ rho, LF, lg }: BilevelConstants): number => (rho * LF * lg) / (1 - rho)

/** ρᵏ⁻¹ M (L_J l_g + L_F l_∇g) / (1 − ρ): the part of ε that does. */
export const transientOf = ({ rho, LF, LJ, lg, lgg, M }: BilevelConstants, k: number): number =>
  (rho ** (k - 1) * M * (LJ * lg + LF * lgg)) / (1 - rho)

/** ‖∇‖ at x = 0 of the mean loss over rows: ‖Aᵀ b‖ / N, half of it for logistic. */
const gradientAtZero = (loss: Loss, { features, targets }: Rows): number => {
  const [n, p] = features.shape as readonly [number, number]
  const total = new Float64Array(p)
  for (let i = 0; i < n; i++)
    for (let j = 0; j < p; j++)
      total[j] = (total[j] as number) + (features.data[i * p + j] as number) * (targets.data[i] as number)
  return distance(total) / n / (loss === 'ridge' ? 1 : 2)
}

/** 1 / (6√3): the largest |σ″|, and the largest |ℓ‴| of the logistic loss. */
const bend = 1 / (6 * Math.sqrt(3))

export const constantsOf = (problem: BilevelProblem): BilevelConstants => {
  const { loss, training, validation, penalty, prior } = problem
  const { least, range } = penalty
  const [phi2, phi3] = loss === 'ridge' ? [1, 0] : [1 / 4, bend]
  const spectrum = squaredSingularValues(transposed(training.features))
  const N = training.features.shape[0] as number
  const S = (spectrum[0] as number) / N
  const smallest = loss === 'ridge' ? Math.max(0, spectrum[spectrum.length - 1] as number) / N : 0
  const [mu, L] = [smallest + least, phi2 * S + least + range]
  const step = 2 / (mu + L)
  const c = gradientAtZero(loss, training)
  const atZero =
    loss === 'ridge' ? distance(training.targets.data) ** 2 / (2 * training.targets.size) : Math.log(2)
  const R = 2 * Math.min(c / mu, Math.sqrt((2 * atZero) / mu))
  const lgg = (phi2 * spectralNorm(validation.features) ** 2) / (validation.features.shape[0] as number)
  const LH = phi3 * S * longestRow(training.features)
  const outer = {
    rho: (L - mu) / (L + mu),
    LF: (step * range * R) / 4,
    LJ: step * (range / 4 + range * R * bend + LH),
    lg: gradientAtZero(loss, validation) + lgg * R,
    lgg,
  }
  return {
    ...{ ...outer, mu, L, step, R, M: step * c, Lh: inverseStep('safe', outer) + prior },
    newtonShare:
      (range / 4) * ((2 / mu ** 2 + (LH * R) / (2 * mu ** 3)) * outer.lg + (R * lgg) / (2 * mu ** 2)),
  }
}

/** k steps of gradient descent. */
export const descentOf = (problem: BilevelProblem, step: number, k: number) =>
  gradientDescent({ objective: innerObjective(problem), stepSize: step, maxSteps: k, tol: 0 })

/** Newton, until ‖∇f‖ ≤ tol. */
export const newtonOf = (problem: BilevelProblem, tol: number) =>
  newton({ objective: innerObjective(problem), tol, lineSearch: 'none' })
