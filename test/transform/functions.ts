// Scalar functions of one array that derivatives are tested on: each goes through other ops, all are smooth at their point.
import type { NDArray } from '../../lib/base/ndarray.js'
import {
  add,
  cholesky,
  choleskySolve,
  cond,
  cos,
  customDerivative,
  diag,
  dot,
  exp,
  greater,
  linearSolve,
  log,
  logdet,
  logsumexp,
  matmul,
  mul,
  norm2,
  outer,
  prod,
  scan,
  sigmoid,
  sin,
  slice,
  softplus,
  square,
  sub,
  sum,
  sumSquares,
  tanh,
  transpose,
  vmap,
} from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'
import { between, normal } from '../harness/evaluate.js'

export interface Row {
  readonly name: string
  readonly fn: (x: Tensor) => Tensor
  readonly x: NDArray
}

const X = normal('data', 5, 3)
const y = normal('targets', 5)
const Q = normal('form', 3, 3)
const definite = (x: Tensor): Tensor => add(diag(add(square(x), 2)), outer(x, x))

/** x₁ + x₂ of two functions that are chosen by the sign of the first entry. */
const branches = (x: Tensor): Tensor =>
  cond(
    greater(sum(slice(x, [0, 1])), 0),
    () => sum(exp(x)),
    () => sum(mul(sin(x), square(x))),
  )

/** x ← tanh(Q x + x₀) five times. */
const recurrence = (x: Tensor): Tensor =>
  sum(scan((z: Tensor) => [tanh(add(matmul(Q, z), x)), []] as const, x, [], { length: 5 })[0])

/** sin, with a rule written by hand. */
const handWritten = customDerivative((x) => sin(x), {
  jvp: ([x], _, [dx]) => mul(cos(x as Tensor), dx as Tensor),
  vjp: ([x], _, v) => [mul(cos(x as Tensor), v)],
})

export const functions: readonly Row[] = [
  { name: 'quadratic form', fn: (x) => dot(x, matmul(Q, x)), x: normal('x', 3) },
  { name: 'logistic loss', fn: (w) => sum(softplus(mul(y, matmul(X, w)))), x: normal('w', 3) },
  { name: 'log-sum-exp', fn: (w) => logsumexp(matmul(X, w)), x: normal('w', 3) },
  {
    name: 'Rosenbrock',
    fn: (x) => {
      const [a, b] = [slice(x, [0, 3]), slice(x, [1, 4])]
      return sum(add(mul(100, square(sub(b, square(a)))), square(sub(1, a))))
    },
    x: between(0.5, 1.5, 'x', 4),
  },
  { name: 'product', fn: (x) => prod(x), x: between(0.5, 1.5, 'x', 5) },
  { name: 'distance', fn: (x) => norm2(sub(x, y)), x: normal('x', 5) },
  { name: 'network', fn: (x) => sumSquares(tanh(matmul(X, tanh(matmul(Q, x))))), x: normal('x', 3) },
  { name: 'matrix argument', fn: (x) => sum(sigmoid(matmul(x, transpose(X)))), x: normal('x', 2, 3) },
  { name: 'log-determinant', fn: (x) => logdet(definite(x)), x: normal('x', 3) },
  { name: 'Cholesky solve', fn: (x) => dot(x, choleskySolve(definite(x), [1, 2, 3])), x: normal('x', 3) },
  { name: 'Cholesky factor', fn: (x) => sum(mul(Q, cholesky(definite(x)))), x: normal('x', 3) },
  {
    name: 'linear solve',
    fn: (x) =>
      dot(
        x,
        linearSolve((z) => matmul(definite(x), z), [1, -1, 2]),
      ),
    x: normal('x', 3),
  },
  { name: 'scan', fn: recurrence, x: normal('x', 3) },
  { name: 'branch taken', fn: branches, x: between(0.2, 1, 'x', 3) },
  { name: 'branch not taken', fn: branches, x: between(-1, -0.2, 'x', 3) },
  {
    name: 'batch',
    fn: (x) => sum(vmap((row: Tensor) => log(add(sumSquares(row), 1)))(mul(X, x))),
    x: normal('x', 3),
  },
  { name: 'custom rule', fn: (x) => sum(mul(x, handWritten(x))), x: normal('x', 4) },
]
