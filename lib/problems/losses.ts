// Losses of linear models, traced and in plain numbers: ℓ(z, y) of the outputs z of a sample and its target y.
import type { NDArray } from '../base/ndarray.js'
import type { Tensor } from '../ir/tensor.js'
import { mul, neg, softplus, square, sub } from '../ops/elementwise.js'
import { logsumexp, sum } from '../ops/reduce.js'

/** ℓ, ∂ℓ/∂z: [c] and ∂²ℓ/∂z²: [c, c] of one sample with c outputs. */
export interface LossAt {
  readonly value: number
  readonly gradient: Float64Array
  readonly hessian: Float64Array
}

export interface Loss {
  /** ℓ of each sample: outputs [n] or [n, c] → [n]. */
  readonly traced: (z: Tensor, y: NDArray) => Tensor
  /** A bound of ‖∂²ℓ/∂z²‖₂. */
  readonly curvature: number
  readonly at: (z: Float64Array, y: Float64Array) => LossAt
}

const scalar = (
  rule: (z: number, y: number) => readonly [number, number, number],
): ((z: Float64Array, y: Float64Array) => LossAt) => {
  return ([z], [y]) => {
    const [value, first, second] = rule(z as number, y as number)
    return { value, gradient: Float64Array.of(first), hessian: Float64Array.of(second) }
  }
}

/** ½ (z − y)² */
export const squaredLoss: Loss = {
  traced: (z, y) => mul(0.5, square(sub(z, y))),
  curvature: 1,
  at: scalar((z, y) => [0.5 * (z - y) ** 2, z - y, 1]),
}

/** log(1 + e^(−yz)), y = ±1 */
export const logisticLoss: Loss = {
  traced: (z, y) => softplus(neg(mul(y, z))),
  curvature: 0.25,
  at: scalar((z, y) => {
    const s = 1 / (1 + Math.exp(y * z))
    return [Math.max(-y * z, 0) + Math.log1p(Math.exp(-Math.abs(z))), -y * s, s * (1 - s)]
  }),
}

/** log Σ e^(z_k) − yᵀz, y one of the unit vectors; with p = softmax(z): ∂ = p − y, ∂² = diag(p) − p pᵀ ≤ ½ I. */
export const softmaxLoss: Loss = {
  traced: (z, y) => sub(logsumexp(z, -1), sum(mul(z, y), -1)),
  curvature: 0.5,
  at: (z, y) => {
    const top = Math.max(...z)
    const total = z.reduce((t, v) => t + Math.exp(v - top), 0)
    const p = z.map((v) => Math.exp(v - top) / total)
    const c = z.length
    const hessian = new Float64Array(c * c)
    p.forEach((pi, i) => {
      p.forEach((pj, j) => (hessian[i * c + j] = (i === j ? pi : 0) - pi * pj))
    })
    return {
      value: top + Math.log(total) - z.reduce((t, v, i) => t + v * (y[i] as number), 0),
      gradient: p.map((v, i) => v - (y[i] as number)),
      hessian,
    }
  },
}
