// The outer loop: the best penalty of each of two groups of features, from 64 starts at once, each its own descent. All find the same
// one; what each of them cost is in its history.
import {
  array,
  domain,
  gather,
  hypergradientDescent,
  innerTolerance,
  linspace,
  matmul,
  meanSquaredError,
  newton,
  optimizer,
  stream,
  sumSquares,
} from 'onestep'
import type { NDArray, Tensor } from 'onestep'

const [n, p] = [60, 8]
const random = stream(3, 'two penalties')
const features = (k: number) => array(random.normals(n * p, k * n * p), [n, p])
const [A, Aval] = [features(0), features(1)]
// Four features count, four are noise: their penalty goes to the bound.
const truth = [1, -1, 0.5, -0.5, 0, 0, 0, 0]
const noise = (k: number) => array(random.normals(n, 5000 + k * n))
const group = [0, 0, 0, 0, 1, 1, 1, 1]
const targets = (data: NDArray, k: number) => matmul(data, truth).add(noise(k))

const ridge = newton({
  objective: (w: Tensor, { lambda }: { lambda: Tensor }) =>
    sumSquares(matmul(A, w).sub(targets(A, 0)))
      .add(gather(lambda, group).mul(w.square()).sum())
      .mul(0.5),
  lineSearch: 'none',
})
const starts = linspace(0.1, 100, 64)
const { theta, value, status, history } = await hypergradientDescent({
  problem: {
    inner: ridge,
    x0: new Array<number>(p).fill(0),
    outer: (w: Tensor) => meanSquaredError(matmul(Aval, w), targets(Aval, 1)),
  },
  theta0: { lambda: Array.from(starts.data, (lambda) => [lambda, lambda]) },
  optimizer: optimizer.lbfgs(),
  domain: domain.logarithmic({ low: 1e-3, high: 1e4 }),
  tolerance: innerTolerance.exponential(),
})
const converged = status.filter((s) => s === 'converged').length
const best = value.indexOf(Math.min(...value))
console.log(
  converged,
  'of',
  status.length,
  'converged; best penalties',
  [0, 1].map((j) => theta.lambda.at(best, j)),
)
console.log('hypergradients', history[best]?.value.length, 'validation error', value[best])
