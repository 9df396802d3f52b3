// The cases on which other packages return wrong gradients without a word, given to auto with tolerances as loose as their
// defaults: ridge with an ill-conditioned Hessian by 500 steps of descent, and the quadratic programs of OptNet.
import {
  add,
  array,
  auto,
  compile,
  exp,
  eye,
  gram,
  gradientDescent,
  hypergradient,
  luFactor,
  matmul,
  meanSquaredError,
  mul,
  newton,
  ones,
  stream,
  sub,
  sumSquares,
  valueAndGrad,
  zeros,
} from '../../lib/index.js'
import type { NDArray, Tensor } from '../../lib/index.js'
import { transposed } from '../paper/matrices.js'
import { activeSetSolution, rowErrors } from '../activeSet.js'
import { qpBatch, qpGradient, qpPoint } from '../qpBatch.js'

export interface PeerCase {
  readonly name: string
  /** Relative errors of the gradients that have the gradient status ok. */
  readonly silent: readonly number[]
  /** How many have another one. */
  readonly told: number
}

/** Hypergradients in log λ of ridge, 500 × 100, with the condition number κ of XᵀX + λI, about. */
const ridgeCase = (kappa: number, method: 'descent' | 'newton'): PeerCase => {
  const [rows, n, validation] = [500, 100, 200]
  const features = (name: string, count: number): NDArray =>
    array(
      stream(7, name)
        .normals(count * n)
        .map((v, k) => v * kappa ** (-(k % n) / (2 * (n - 1)))),
      [count, n],
    )
  const [X, Xval] = [features('X', rows), features('validation', validation)]
  const [y, yval] = [
    array(stream(7, 'y').normals(rows)),
    array(stream(7, 'y validation').normals(validation)),
  ]
  const Xt = transposed(X)
  const outer = (w: Tensor): Tensor => meanSquaredError(matmul(Xval, w), yval)
  const closed = (theta: Tensor): Tensor =>
    outer(luFactor(add(gram(X, ones([rows])), mul(exp(theta), eye(n)))).solve(matmul(Xt, y)))
  const objective = (w: Tensor, theta: Tensor): Tensor =>
    mul(0.5, add(sumSquares(sub(matmul(X, w), y)), mul(exp(theta), sumSquares(w))))
  const options = { objective, tol: 1e-3 }
  const inner =
    method === 'newton'
      ? newton(options)
      : gradientDescent({ ...options, stepSize: 1 / (2.2 * rows), maxSteps: 500 })
  const thetas = array([-2, -1, 0, 1])
  const exact = compile(valueAndGrad(closed)).batch(thetas).value[1]
  const found = compile(
    (theta: Tensor) =>
      hypergradient({ inner: inner as never, x0: zeros([n]), outer, strategy: auto() })(theta).gradient,
  ).batch(thetas)
  const gradient = found.value
  const errors = gradient.data.map((g, i) => Math.abs(g / (exact.data[i] as number) - 1))
  return outcome(`ridge, κ = ${kappa.toExponential(0)}, ${method}`, errors, found.gradientStatus)
}

const programCase = (tol: number, count: number): PeerCase => {
  const [n, m] = [100, 100]
  const data = qpBatch(count, n, m)
  const { value } = compile((d: never) => qpPoint(d, auto(), 1e-11)).batch(data as never)
  const exact = activeSetSolution(data, value).gradient
  const found = compile((d: never) => qpGradient(auto(), tol)(d).gradient).batch(data as never)
  const errors = rowErrors(found.value.data, exact, n)
  return outcome(`quadratic programs of OptNet, inner tolerance ${String(tol)}`, errors, found.gradientStatus)
}

const outcome = (name: string, errors: ArrayLike<number>, statuses: Uint8Array): PeerCase => {
  const silent = Array.from(errors).filter((_, i) => statuses[i] === 0)
  return { name, silent, told: errors.length - silent.length }
}

/** All of them; so many quadratic programs. */
export const peerCases = (programs: number): PeerCase[] => [
  ...([5e2, 5e3] as const).flatMap((kappa) => [ridgeCase(kappa, 'descent'), ridgeCase(kappa, 'newton')]),
  ...[1e-3, 1e-6, 1e-9].map((tol) => programCase(tol, programs)),
]
