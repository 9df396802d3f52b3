// Few-shot ridge regression whose θ is the initialisation (Finn, Abbeel, Levine 2017): for tasks t with support (Aₜ, bₜ) and query
// (A′ₜ, b′ₜ), K steps of gradient descent from θ: [p] on
//   f(x) = Σₜ 1/2n ‖Aₜ xₜ − bₜ‖² + λ/2 ‖xₜ‖²,   x: [tasks, p];      outer g(x) = mean over tasks of 1/2m ‖A′ₜ xₜ − b′ₜ‖²
// The initialisation is part of the algorithm, the `init` of the solver. At a fixed point it has no influence, and no strategy that
// differentiates the last steps or the fixed point sees it: they report gradientStatus 'undefined'; `unrolled` is right. With Hₜ = AₜᵀAₜ/n + λ I:
//   ∂h/∂θ = Σₜ (I − α Hₜ)ᴷ ∇gₜ
import { ArgumentError, ShapeError, checkOptions } from '../base/errors.js'
import { NDArray, zeros } from '../base/ndarray.js'
import type { ArrayInput } from '../base/ndarray.js'
import { formatShape } from '../base/shape.js'
import type { Tensor } from '../ir/tensor.js'
import { add, mul, sub } from '../ops/elementwise.js'
import { matmul } from '../ops/linalg.js'
import { broadcast, reshape } from '../ops/movement.js'
import { sumSquares } from '../ops/reduce.js'
import { gradientDescent } from '../solvers/gradientDescent.js'
import { opaque } from './bilevelProblem.js'
import type { BilevelProblem, Exact } from './bilevelProblem.js'
import { dot, product, transposedProduct } from './denseMatrix.js'
import { squaredNormBound } from './normBound.js'
import { finiteArray } from './samples.js'

/** Features [tasks, n, p] and targets [tasks, n]. */
export interface Tasks {
  readonly features: ArrayInput
  readonly targets: ArrayInput
}

export interface FewShotData {
  readonly support: Tasks
  readonly query: Tasks
}

export interface FewShotRidgeOptions {
  /** λ ≥ 0; default 0.1. */
  readonly penalty?: number
  /** K; default 5. A solve always ends with status maxSteps. */
  readonly steps?: number
}

interface TaskRows {
  readonly A: NDArray
  readonly b: NDArray
}

const checkTasks = (what: string, { features, targets }: Tasks): TaskRows => {
  const [A, b] = [
    finiteArray(`fewShotRidge: ${what} features`, features),
    finiteArray(`fewShotRidge: ${what} targets`, targets),
  ]
  if (A.rank === 3 && b.rank === 2 && A.size > 0 && b.shape.every((size, i) => size === A.shape[i]))
    return { A, b }
  throw new ShapeError(`fewShotRidge: the ${what} does not fit`, {
    expected: 'features [tasks, n, p] and targets [tasks, n]',
    received: `${formatShape(A.shape)} and ${formatShape(b.shape)}`,
  })
}

/** Task t alone. */
const task = ({ A, b }: TaskRows, t: number): TaskRows => {
  const [, n, p] = A.shape as readonly [number, number, number]
  return {
    A: new NDArray([n, p], A.data.subarray(t * n * p, (t + 1) * n * p)),
    b: new NDArray([n], b.data.subarray(t * n, (t + 1) * n)),
  }
}

const oracleOf =
  (support: TaskRows, query: TaskRows, lambda: number, alpha: number, steps: number) =>
  (theta: NDArray): Exact<Tensor, Tensor> => {
    const [tasks, p] = [support.A.shape[0] as number, theta.size]
    const x = zeros([tasks, p])
    const gradient = zeros([p])
    let value = 0
    const residual = ({ A, b }: TaskRows, v: Float64Array): Float64Array =>
      product(A, v, 1).map((z, i) => z - (b.data[i] as number))
    for (let t = 0; t < tasks; t++) {
      const [own, asked] = [task(support, t), task(query, t)]
      const [n, m] = [own.b.size, asked.b.size]
      let at: Float64Array = theta.data
      for (let k = 0; k < steps; k++) {
        const slope = transposedProduct(own.A, residual(own, at), 1)
        at = at.map((v, j) => v - alpha * ((slope[j] as number) / n + lambda * v))
      }
      x.data.set(at, t * p)
      const miss = residual(asked, at)
      value += dot(miss, miss) / (2 * m * tasks)
      let v: Float64Array = transposedProduct(asked.A, miss, 1).map((s) => s / (m * tasks))
      for (let k = 0; k < steps; k++) {
        const Hv = transposedProduct(own.A, product(own.A, v, 1), 1)
        v = v.map((s, j) => s - alpha * ((Hv[j] as number) / n + lambda * s))
      }
      v.forEach((s, j) => (gradient.data[j] = (gradient.data[j] as number) + s))
    }
    return { value, gradient, x }
  }

/**
 * The problem, with α = 1/L. x0 says the shape alone.
 * @throws {ShapeError} for data that do not fit; {ArgumentError} for wrong options.
 */
export const fewShotRidge = (
  data: FewShotData,
  options: FewShotRidgeOptions = {},
): BilevelProblem<Tensor, Tensor> => {
  checkOptions('fewShotRidge', options, ['penalty', 'steps'])
  const { penalty: lambda = 0.1, steps = 5 } = options
  if (!(lambda >= 0 && Number.isFinite(lambda)) || !(Number.isInteger(steps) && steps >= 1)) {
    throw new ArgumentError('fewShotRidge: options out of range', {
      expected: 'penalty ≥ 0, steps an integer ≥ 1',
      received: JSON.stringify({ penalty: lambda, steps }),
    })
  }
  const [support, query] = [checkTasks('support', data.support), checkTasks('query', data.query)]
  const [tasks, n, p] = support.A.shape as readonly [number, number, number]
  const m = query.A.shape[1] as number
  if (query.A.shape[0] !== tasks || query.A.shape[2] !== p) {
    throw new ShapeError('fewShotRidge: support and query differ', {
      expected: `query features [${String(tasks)}, m, ${String(p)}]`,
      received: formatShape(query.A.shape),
    })
  }
  const norms = Array.from({ length: tasks }, (_, t) => squaredNormBound(task(support, t).A))
  const alpha = 1 / (Math.max(...norms) / n + lambda)
  const misses = ({ A, b }: TaskRows, x: Tensor): Tensor =>
    sub(reshape(matmul(A, reshape(x, [tasks, p, 1])), [...b.shape]), b)
  const descent = gradientDescent<Tensor, Tensor>({
    objective: (x) => add(mul(1 / (2 * n), sumSquares(misses(support, x))), mul(lambda / 2, sumSquares(x))),
    stepSize: alpha,
    maxSteps: steps,
    tol: 0,
  })
  return {
    name: 'fewShotRidge',
    inner: opaque({ ...descent, init: (_, theta) => descent.init(broadcast(theta, [tasks, p]), theta) }),
    x0: zeros([tasks, p]),
    theta: zeros([p]),
    outer: (x) => mul(1 / (2 * m * tasks), sumSquares(misses(query, x))),
    oracle: oracleOf(support, query, lambda, alpha, steps),
  }
}
