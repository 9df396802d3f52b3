// Functions of every kind of Program: several stages, loops of very uneven length, gradients by each strategy, sums. All with
// inputs of any number of instances, and their results as one piece of bytes an instance.
import { createHash } from 'node:crypto'
import { Shared } from '../../lib/base/executor.js'
import type { Results } from '../../lib/base/executor.js'
import { NDArray } from '../../lib/base/ndarray.js'
import { flatten } from '../../lib/base/tree.js'
import {
  array,
  cholesky,
  fixedPoint,
  gradientDescent,
  gram,
  implicit,
  matmul,
  newton,
  oneStep,
  ones,
  shared,
  sigmoid,
  solve,
  stream,
  sum,
  sumSquares,
  summed,
  tensor,
  unrolled,
  valueAndGrad,
  vjp,
  whileLoop,
} from '../../lib/index.js'
import type { Strategy, Tensor } from '../../lib/index.js'

/** One array [count, …shape] of normal numbers, the first of which do not depend on the count. */
export const normals = (name: string, count: number, ...shape: number[]): NDArray => {
  const size = shape.reduce((a, b) => a * b, 1)
  return array(stream(11, name).normals(count * size), [count, ...shape])
}

/** One array [count] spread evenly in the logarithm, in random order. */
export const spread = (name: string, count: number, from: number, to: number): NDArray =>
  array(
    stream(11, name)
      .uniforms(count)
      .map((u) => from * (to / from) ** u),
  )

export type Function = (...args: never[]) => unknown
export interface Program {
  readonly name: string
  readonly fn: Function
  readonly inputs: (batch: number) => readonly unknown[]
  /** Outputs that are sums over the batch. */
  readonly sums?: true
}

const [rows, columns] = [16, 3]
const features = normals('features', rows, columns)
const labels = array(
  stream(11, 'labels')
    .uniforms(rows)
    .map((u) => (u < 0.5 ? -1 : 1)),
)
const logistic = newton({
  objective: (w: Tensor, lambda: Tensor) =>
    sum(matmul(features, w).mul(labels).neg().softplus()).add(lambda.mul(0.5).mul(sumSquares(w))),
  tol: 1e-9,
})

const square = array(
  normals('square', 6, 6).data.map((x) => 0.35 * x),
  [6, 6],
)

/** x = r A x + θ, in 10 to 1,000 steps or more. */
const unevenSolver = fixedPoint<Tensor, { readonly rate: Tensor; readonly theta: Tensor }>({
  map: (x, { rate, theta }) => matmul(square, x).tanh().mul(0.01).add(x.mul(rate)).add(theta),
  tol: 1e-9,
  maxSteps: 5000,
})
export const uneven =
  (strategy: Strategy) =>
  (rate: Tensor, theta: Tensor): readonly unknown[] => {
    const [x, pull] = vjp(
      (p: { rate: Tensor; theta: Tensor }) =>
        solve(unevenSolver, { x0: array(new Float64Array(6)), theta: p, strategy }),
      [{ rate, theta }],
    )
    const [gradient] = pull(x)
    return [x, gradient.rate, gradient.theta]
  }
export const unevenInputs = (batch: number): readonly NDArray[] => [
  array(spread('rates', batch, 0.02, 0.9).data.map((u) => 1 - u)),
  normals('theta', batch, 6),
]

const descent = gradientDescent({
  objective: (w: Tensor, theta: Tensor) =>
    sumSquares(matmul(features, w).sub(1))
      .mul(0.05)
      .add(sum(w.mul(theta))),
  stepSize: 0.1,
  tol: 3e-2,
  maxSteps: 60,
})

/** A loop of its own between two straight stages. */
const halvings = (x: Tensor): Tensor =>
  whileLoop(
    ({ y }: { y: Tensor; n: Tensor }) => y.greater(1e-3),
    ({ y, n }: { y: Tensor; n: Tensor }) => ({ y: y.mul(0.75).sin(), n: n.add(y) }),
    { y: x, n: x.mul(0) },
  ).n

export const programs: readonly Program[] = [
  {
    name: 'straight, with a matrix that all share',
    fn: (A: Tensor, x: Tensor) => [matmul(A, x).sin(), cholesky(gram(A, matmul(A, x).square().add(0.1)))],
    inputs: (batch) => [shared(features), normals('straight', batch, columns)],
  },
  {
    name: 'newton on logistic regression, one-step',
    fn: valueAndGrad((lambda: Tensor) =>
      sumSquares(solve(logistic, { x0: [0, 0, 0], theta: lambda, strategy: oneStep() })),
    ),
    inputs: (batch) => [spread('lambda', batch, 1e-3, 1e2)],
  },
  {
    name: 'newton on logistic regression, implicit',
    fn: valueAndGrad((lambda: Tensor) =>
      sumSquares(solve(logistic, { x0: [0, 0, 0], theta: lambda, strategy: implicit() })),
    ),
    inputs: (batch) => [spread('lambda', batch, 1e-3, 1e2)],
  },
  { name: 'an uneven fixed point, implicit', fn: uneven(implicit()), inputs: unevenInputs },
  {
    name: 'gradient descent, unrolled',
    fn: valueAndGrad((theta: Tensor) =>
      sumSquares(solve(descent, { x0: [0, 0, 0], theta, strategy: unrolled() })),
    ),
    inputs: (batch) => [normals('tilt', batch, columns)],
  },
  {
    name: 'a loop between straight stages',
    fn: (x: Tensor) => {
      const steps = halvings(x.square().add(0.5))
      const L = cholesky(gram(features, sigmoid(steps.mul(ones([rows])))))
      return { steps, L, again: halvings(sum(L).abs()), sigmoid: sigmoid(x) }
    },
    inputs: (batch) => [normals('halved', batch)],
  },
  {
    name: 'the summed gradient of a weight that all share',
    fn: (weights: Tensor, rate: Tensor, theta: Tensor) => {
      const [loss, pull] = vjp(
        (w: Tensor) =>
          sumSquares(
            solve(unevenSolver, {
              x0: array(new Float64Array(6)),
              theta: { rate, theta: theta.mul(w) },
              strategy: oneStep(),
            }),
          ),
        [weights],
      )
      return { loss: summed(loss), gradient: summed(pull(tensor(1))[0]), own: loss }
    },
    inputs: (batch) => [shared(normals('weights', 6)), ...unevenInputs(batch)],
    sums: true,
  },
]

const leavesOf = ({ value }: Results<unknown>): readonly NDArray[] =>
  flatten(value, (x): x is NDArray => x instanceof NDArray).leaves

/** Every number that came back, but for what says how it was computed. */
export const bits = (results: Results<unknown>): string => {
  const hash = createHash('sha256')
  const { status, gradientStatus, iterations, residual, adjointResidual, leftOut } = results
  for (const x of leavesOf(results)) hash.update(new Uint8Array(x.data.slice().buffer))
  for (const x of [status, gradientStatus, iterations, residual, adjointResidual]) {
    hash.update(x === undefined ? 'none' : new Uint8Array(x.slice().buffer))
  }
  return hash.update(String(leftOut)).digest('hex')
}

/** The same for one instance, of results without sums. */
export const bitsOf = (results: Results<unknown>, instance: number): string => {
  const { batch, status, gradientStatus, iterations, residual, adjointResidual } = results
  const parts = [...leavesOf(results).map(({ data }) => data), residual, adjointResidual].map((data) => {
    const size = (data?.length ?? 0) / batch
    return Buffer.from(
      new Uint8Array(data?.slice(instance * size, (instance + 1) * size).buffer ?? []),
    ).toString('hex')
  })
  return [...parts, status[instance], gradientStatus[instance], iterations[instance]].join(' ')
}

/** The instances whose bits differ; the k-th that is given should be the order[k]-th of what is right. */
export const different = (
  given: Results<unknown>,
  right: Results<unknown>,
  order: readonly number[] = [...right.status.keys()],
): readonly number[] => order.filter((i, k) => bitsOf(given, k) !== bitsOf(right, i))

/** Some instances of a batch, in an order of choice. */
export const pick = (inputs: readonly unknown[], instances: readonly number[]): readonly unknown[] =>
  inputs.map((input) => {
    if (input instanceof Shared) return input
    const { shape, data } = input as NDArray
    const size = data.length / (shape[0] as number)
    const picked = new Float64Array(size * instances.length)
    instances.forEach((i, k) => {
      picked.set(data.subarray(i * size, (i + 1) * size), k * size)
    })
    return array(picked, [instances.length, ...shape.slice(1)])
  })

/** A loop that ends only when it is told to. */
export const endless = (x: Tensor): Tensor =>
  whileLoop(
    ({ y }: { y: Tensor }) => y.greater(-1),
    ({ y }: { y: Tensor }) => ({ y: y.mul(0.5).add(1) }),
    { y: x.abs() },
  ).y
