// Weighted ridge regression by gradient descent, the paper's second experiment (θ: one weight a sample).
//   f(x, θ) = ½ Σᵢ θᵢ (aᵢᵀx − yᵢ)² + ½ α ‖x‖²,    F(x, θ) = x − s (Aᵀ(θ ∘ (A x − y)) + α x)
// The published code plants another θ-Jacobian of the inner gradient, and takes it one step late:
//   correct  ∂θ∇f at x₍k₎ = Aᵀ diag(A x₍k₎ − y),      reference  diag(x₍k₊₁₎) (A ∘ A)ᵀ
import {
  add,
  array,
  choleskyFactor,
  customDerivative,
  eye,
  gram,
  matmul,
  matrixTranspose,
  mul,
  neg,
  reshape,
  sub,
} from '../../lib/index.js'
import type { NDArray, Tensor } from '../../lib/index.js'

/** Which θ-Jacobian the derivative of F uses. */
export const formulas = ['correct', 'reference'] as const
export type Formula = (typeof formulas)[number]

export interface RidgeData {
  /** A: [n, p] */
  readonly features: NDArray
  /** y: [n] */
  readonly targets: NDArray
}

export interface WeightedRidge extends RidgeData {
  /** α */
  readonly penalty: number
  /** s */
  readonly step: number
  readonly formula: Formula
}

const squared = ({ features }: RidgeData): NDArray =>
  array(
    features.data.map((a) => a * a),
    features.shape,
  )

/** F(x, θ) for x: [p], θ: [n], differentiated by the formula of the problem. */
export const ridgeMap = (problem: WeightedRidge): ((x: Tensor, theta: Tensor) => Tensor) => {
  const { features, targets, penalty, step, formula } = problem
  const moved = (x: Tensor, theta: Tensor, residual: Tensor): Tensor =>
    sub(x, mul(step, add(matmul(mul(theta, residual), features), mul(penalty, x))))
  const map = (x: Tensor, theta: Tensor): Tensor => moved(x, theta, sub(matmul(features, x), targets))
  if (formula === 'correct') return map
  const squares = squared(problem)
  return customDerivative((x, theta) => map(x, theta), {
    vjp: ([, theta], next, v) => [
      moved(v, theta as Tensor, matmul(features, v)),
      mul(-step, matmul(squares, mul(next, v))),
    ],
  })
}

/** The solution x* and, by the formula of the problem, its Jacobian −H⁻¹ ∂θ∇f: [p], [p, n], in closed form at θ. */
export const ridgeSolution = (problem: WeightedRidge, theta: Tensor): { x: Tensor; jacobian: Tensor } => {
  const { features, targets, penalty, formula } = problem
  const factor = choleskyFactor(add(gram(features, theta), mul(penalty, eye(features.shape[1] as number))))
  const x = factor.solve(matmul(mul(theta, targets), features))
  const moved =
    formula === 'correct'
      ? mul(matrixTranspose(features), sub(matmul(features, x), targets))
      : mul(reshape(x, [-1, 1]), matrixTranspose(squared(problem)))
  return { x, jacobian: neg(factor.solve(moved)) }
}
