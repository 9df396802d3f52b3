// Sparse linear regression, tuned on validation data: the lasso (Tibshirani 1996) and the elastic net (Zou and Hastie 2005).
//   inner   min 1/2n ‖A x − b‖² + Σⱼ λⱼ |xⱼ| + μ/2 ‖x‖²        lasso: μ = 0
//   outer   g(x) = 1/2m ‖A′ x − b′‖² on validation rows
// Near a θ at which complementarity is strict, |aⱼᵀ(A x − b)/n + μ xⱼ| < λⱼ where xⱼ = 0, the support S and the signs s stay, and
//   H x_S = A_Sᵀ b / n − λ_S s,   H = A_Sᵀ A_S / n + μ I,   u = H⁻¹ ∇g_S:   ∂h/∂λⱼ = −sⱼ uⱼ,   ∂h/∂μ = −x_Sᵀu
import { ArgumentError, checkOptions } from '../base/errors.js'
import { NDArray, array, zeros } from '../base/ndarray.js'
import { stoppingOptions } from '../differentiation/solver.js'
import type { StoppingOptions } from '../differentiation/solver.js'
import type { Tensor } from '../ir/tensor.js'
import type { Operand } from '../ir/trace.js'
import { exp, mul } from '../ops/elementwise.js'
import { matmul } from '../ops/linalg.js'
import { reshape, slice } from '../ops/movement.js'
import { meanSquaredError } from '../ops/reduce.js'
import { prox } from '../solvers/prox.js'
import { proximalGradient } from '../solvers/proximalGradient.js'
import type { ProximalGradientOptions } from '../solvers/proximalGradient.js'
import { opaque } from './bilevelProblem.js'
import type { BilevelProblem, Exact } from './bilevelProblem.js'
import { dot, product, solveDense, transposedProduct } from './denseMatrix.js'
import { squaredNormBound } from './normBound.js'
import { checkData } from './samples.js'
import type { Rows, TrainingData } from './samples.js'
import { tunings } from './tuning.js'
import type { Parametrization } from './tuning.js'

type Acceleration = Pick<ProximalGradientOptions<Tensor, Tensor>, 'acceleration'>

export interface ElasticNetOptions extends StoppingOptions, Acceleration {
  /** log λ where θ starts; default log(λ_max / 10), where λ_max = ‖Aᵀb‖∞ / n is the least λ with x̄ = 0. */
  readonly logPenalty?: number
  /** log μ where θ starts; default log 0.1. */
  readonly logRidge?: number
}

export interface LassoOptions extends StoppingOptions, Acceleration {
  /** What θ is: log λ, a scalar ('penalty', default), or log λⱼ, one a feature, [p] ('penalties'). */
  readonly tune?: 'penalty' | 'penalties'
  /** log λ where θ starts; default log(λ_max / 10), where λ_max = ‖Aᵀb‖∞ / n is the least λ with x̄ = 0. */
  readonly logPenalty?: number
}

/** λ: [p] and μ of a θ, and the derivative by θ, given those by λ and μ. */
interface Penalties {
  readonly start: NDArray
  readonly traced: (theta: Tensor) => { readonly lambda: Operand; readonly mu: Operand }
  readonly plain: (theta: NDArray) => { readonly lambda: Float64Array; readonly mu: number }
  readonly pull: (theta: NDArray, lambda: Float64Array, mu: number) => Float64Array
}

const alone = ({ start, traced, plain, pull }: Parametrization): Penalties => ({
  start,
  traced: (theta) => ({ lambda: traced(theta).lambda, mu: 0 }),
  plain: (theta) => ({ lambda: plain(theta).lambda, mu: 0 }),
  pull: (theta, lambda) => pull(theta, { w: new Float64Array(0), lambda }),
})

const withRidge = (p: number, log: number, logRidge: number): Penalties => ({
  start: array([log, logRidge]),
  traced: (theta) => {
    const at = (i: number): Tensor => exp(reshape(slice(theta, [i, i + 1]), []))
    return { lambda: at(0), mu: at(1) }
  },
  plain: ({ data: [t, r] }) => ({
    lambda: new Float64Array(p).fill(Math.exp(t as number)),
    mu: Math.exp(r as number),
  }),
  pull: ({ data: [t, r] }, lambda, mu) =>
    Float64Array.of(Math.exp(t as number) * lambda.reduce((a, b) => a + b, 0), Math.exp(r as number) * mu),
})

/** Most sweeps of coordinate descent. */
const mostSweeps = 100_000

/** min ½ xᵀGx − cᵀx + Σ λⱼ|xⱼ| + μ/2 ‖x‖² by cyclic coordinate descent, until no entry moves by more than rounding. */
const coordinateDescent = (
  G: Float64Array,
  c: Float64Array,
  lambda: Float64Array,
  mu: number,
): Float64Array => {
  const p = c.length
  const x = new Float64Array(p)
  for (let sweep = 0; sweep < mostSweeps; sweep++) {
    let [moved, size] = [0, 0]
    for (let j = 0; j < p; j++) {
      const own = (G[j * p + j] as number) + mu
      if (own === 0) continue
      let rest = c[j] as number
      for (let k = 0; k < p; k++) if (k !== j) rest -= (G[j * p + k] as number) * (x[k] as number)
      const next = (Math.sign(rest) * Math.max(Math.abs(rest) - (lambda[j] as number), 0)) / own
      moved = Math.max(moved, Math.abs(next - (x[j] as number)))
      size = Math.max(size, Math.abs(next))
      x[j] = next
    }
    if (moved <= 1e-14 * size) break
  }
  return x
}

/** @throws {ArgumentError} where complementarity is not strict: then there is no derivative. */
const oracleOf =
  (training: Rows, validation: Rows, { plain, pull }: Penalties) =>
  (theta: NDArray): Exact<Tensor, Tensor> => {
    const { A, b } = training
    const [n, p] = A.shape as readonly [number, number]
    const m = validation.b.size
    const { lambda, mu } = plain(theta)
    const G = transposedProduct(A, A.data, p).map((v) => v / n)
    const c = transposedProduct(A, b.data, 1).map((v) => v / n)
    const rough = coordinateDescent(G, c, lambda, mu)
    const support = [...rough.keys()].filter((j) => rough[j] !== 0)
    const s = support.map((j) => Math.sign(rough[j] as number))
    const H = Float64Array.from(
      support.flatMap((i) => support.map((j) => (G[i * p + j] as number) + (i === j ? mu : 0))),
    )
    const right = support.map((j, k) => (c[j] as number) - (s[k] as number) * (lambda[j] as number))
    const x = new Float64Array(p)
    solveDense(H, Float64Array.from(right)).forEach((v, k) => (x[support[k] as number] = v))
    const slack = x.map((v, j) => {
      const pressed = (c[j] as number) - dot(G.subarray(j * p, (j + 1) * p), x)
      const k = support.indexOf(j)
      return k < 0 ? 1 - Math.abs(pressed) / (lambda[j] as number) : v * (s[k] as number)
    })
    const worst = slack.reduce((least, v) => Math.min(least, v), Infinity)
    if (!(worst > 1e-9)) {
      throw new ArgumentError('a sparse regression has no derivative here: complementarity is not strict', {
        expected: 'every entry of x away from 0, or its penalty away from its gradient',
        received: `a slack of ${worst.toExponential(1)}`,
        remedy: 'Move θ a little: the derivative jumps where the support changes',
      })
    }
    const residual = product(validation.A, x, 1).map((v, i) => v - (validation.b.data[i] as number))
    const slope = transposedProduct(validation.A, residual, 1).map((v) => v / m)
    const u = new Float64Array(p)
    solveDense(
      H,
      Float64Array.from(support, (j) => slope[j] as number),
    ).forEach((v, k) => (u[support[k] as number] = v))
    const byLambda = new Float64Array(p)
    support.forEach((j, k) => (byLambda[j] = -(s[k] as number) * (u[j] as number)))
    return {
      value: dot(residual, residual) / (2 * m),
      gradient: new NDArray(theta.shape, pull(theta, byLambda, -dot(x, u))),
      x: new NDArray([p], x),
    }
  }

const sparseRegression = (
  name: string,
  { training, validation }: { readonly training: Rows; readonly validation: Rows },
  penalties: Penalties,
  options: StoppingOptions & Acceleration,
): BilevelProblem<Tensor, Tensor> => {
  const { A, b } = training
  const [n, p] = A.shape as readonly [number, number]
  const bound = squaredNormBound(A)
  return {
    name,
    inner: opaque(
      proximalGradient<Tensor, Tensor>({
        objective: (x) => mul(0.5, meanSquaredError(matmul(A, x), b)),
        prox: (v, step, theta) => {
          const { lambda, mu } = penalties.traced(theta)
          return prox.elasticNet(v, step, lambda, mu)
        },
        // Without features any step will do.
        stepSize: bound === 0 ? 1 : n / bound,
        tol: 1e-10,
        ...options,
      }),
    ),
    x0: zeros([p]),
    theta: penalties.start,
    outer: (x) => mul(0.5, meanSquaredError(matmul(validation.A, x), validation.b)),
    oracle: oracleOf(training, validation, penalties),
  }
}

/** log(λ_max / 10) */
const usualPenalty = ({ A, b }: Rows): number =>
  Math.log(transposedProduct(A, b.data, 1).reduce((top, v) => Math.max(top, Math.abs(v)), 0) / (10 * b.size))

const checkLogs = (name: string, logs: readonly number[]): void => {
  if (logs.every(Number.isFinite)) return
  throw new ArgumentError(`${name}: the start of θ is wrong`, {
    expected: 'finite logarithms',
    received: logs.join(', '),
    remedy: 'Give logPenalty; its default needs data with Aᵀb ≠ 0',
  })
}

/** The lasso; x: [p]. Default tol 1e-10. @throws {ShapeError} for data that do not fit; {ArgumentError} for wrong options. */
export const lasso = (data: TrainingData, options: LassoOptions = {}): BilevelProblem<Tensor, Tensor> => {
  checkOptions('lasso', options, ['tune', 'logPenalty', 'acceleration', ...stoppingOptions])
  const rows = checkData('lasso', data)
  const { tune = 'penalty', logPenalty = usualPenalty(rows.training), ...rest } = options
  if (tune !== 'penalty' && tune !== 'penalties') {
    throw new ArgumentError('lasso: option "tune" is wrong', {
      expected: 'penalty, penalties',
      received: String(tune),
    })
  }
  checkLogs('lasso', [logPenalty])
  const [n, p] = rows.training.A.shape as readonly [number, number]
  return sparseRegression('lasso', rows, alone(tunings[tune](n, p, logPenalty)), rest)
}

/** The elastic net; θ = (log λ, log μ), x: [p]. Errors and defaults as `lasso`. */
export const elasticNet = (
  data: TrainingData,
  options: ElasticNetOptions = {},
): BilevelProblem<Tensor, Tensor> => {
  checkOptions('elasticNet', options, ['logPenalty', 'logRidge', 'acceleration', ...stoppingOptions])
  const rows = checkData('elasticNet', data)
  const { logPenalty = usualPenalty(rows.training), logRidge = Math.log(0.1), ...rest } = options
  checkLogs('elasticNet', [logPenalty, logRidge])
  const p = rows.training.A.shape[1] as number
  return sparseRegression('elasticNet', rows, withRidge(p, logPenalty, logRidge), rest)
}
