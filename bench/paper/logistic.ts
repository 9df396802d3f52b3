// Weighted ℓ2-logistic regression with data drawn by the law of the paper's Newton experiment.
//   f(x, θ) = Σᵢ θᵢ log(1 + exp(−yᵢ aᵢᵀ x)) + ½ e^λ ‖x‖²,   λ = −5, the intercept penalised too
import { array, matmul, mul, softplus, stream, sum, sumSquares } from '../../lib/index.js'
import type { NDArray, Operand, Tensor } from '../../lib/index.js'

/** e^λ */
export const penalty = Math.exp(-5)

export interface LogisticData {
  /** [n, p]; the first column is the intercept. */
  readonly features: NDArray
  /** [n], labels −1 and 1. */
  readonly labels: NDArray
}

/** Scales each column of `rows`: [n, m] to mean 0 and population standard deviation 1. */
const standardise = (rows: Float64Array, n: number, m: number): void => {
  for (let j = 0; j < m; j++) {
    let total = 0
    let squares = 0
    for (let i = 0; i < n; i++) total += rows[i * m + j] as number
    for (let i = 0; i < n; i++) squares += ((rows[i * m + j] as number) - total / n) ** 2
    const deviation = Math.sqrt(squares / n)
    for (let i = 0; i < n; i++) rows[i * m + j] = ((rows[i * m + j] as number) - total / n) / deviation
  }
}

/**
 * n samples with p features. The first p samples have label 1, the others −1; their p − 1 random features are standard
 * normal, shifted by ∓ 1 / √(p − 1), then standardised; a column of ones comes first. Published with n = 2 p.
 */
export const logisticData = (seed: number, p: number, n = 2 * p): LogisticData => {
  const m = p - 1
  const rows = stream(seed, 'newton features').normals(n * m)
  const positive = n / 2
  for (let i = 0; i < n * m; i++) rows[i] = (rows[i] as number) + (i < positive * m ? -1 : 1) / Math.sqrt(m)
  standardise(rows, n, m)
  const features = new Float64Array(n * p)
  for (let i = 0; i < n; i++) {
    features[i * p] = 1
    features.set(rows.subarray(i * m, (i + 1) * m), i * p + 1)
  }
  const labels = Float64Array.from({ length: n }, (_, i) => (i < positive ? 1 : -1))
  return { features: array(features, [n, p]), labels: array(labels) }
}

/** f(x, θ) for x: [p], θ: [n]. */
export const logisticObjective =
  ({ features, labels }: { readonly features: Operand; readonly labels: Operand }) =>
  (x: Tensor, theta: Tensor): Tensor =>
    sum(mul(theta, softplus(mul(labels, matmul(features, x)).neg()))).add(sumSquares(x).mul(penalty / 2))

/** x₀ = (½, 0, …, 0) */
export const logisticStart = (p: number): NDArray =>
  array(Float64Array.from({ length: p }, (_, j) => (j === 0 ? 0.5 : 0)))

/** θ = (1/n, …, 1/n) */
export const logisticWeights = (n: number): NDArray => array(new Float64Array(n).fill(1 / n))
