// The work that simplify saves, in floating-point operations, and what graphs look like afterwards. Every row says what the
// program costs as it was traced and what it may cost at most; its numbers must not change.
import { test } from 'tap'
import type { NDArray } from '../../lib/base/ndarray.js'
import { full } from '../../lib/base/ndarray.js'
import {
  add,
  div,
  exp,
  eye,
  grad,
  hessian,
  hvp,
  jacobian,
  jvp,
  matmul,
  mul,
  neg,
  outer,
  reshape,
  scan,
  sigmoid,
  sin,
  softplus,
  square,
  sub,
  sum,
  sumSquares,
  tanh,
  transpose,
  where,
} from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'
import { printGraph } from '../../lib/ir/print.js'
import type { Operand } from '../../lib/ir/trace.js'
import { interpret } from '../../lib/runtime/interpreter.js'
import { simplify } from '../../lib/transform/simplify.js'
import { between, normal } from '../harness/evaluate.js'
import { census, flops } from '../harness/work.js'
import { relativeError } from '../oracle/compare.js'
import { graphOf } from '../oracle/transforms.js'

const n = 60
const p = 5
const A = normal('A', n, n)
const X = normal('X', n, p)
const Y = normal('Y', n, p)
const y = normal('y', n)
const [u, v] = [normal('u', n), normal('v', n)]
const [w, d] = [normal('w', p), normal('d', p)]
const theta = between(0.5, 1.5, 'theta', n)

const logistic = (b: Operand): Tensor => sum(softplus(neg(mul(y, matmul(X, b)))))
const poisson = (b: Operand): Tensor => sum(sub(exp(matmul(X, b)), mul(y, matmul(X, b))))
const ridge = (b: Operand, weights: Operand): Tensor =>
  add(mul(0.5, sum(mul(weights, square(sub(matmul(X, b), y))))), mul(0.35, sumSquares(b)))
const weightedLogistic = (b: Operand, weights: Operand): Tensor =>
  add(sum(mul(weights, softplus(neg(mul(y, matmul(X, b)))))), mul(0.1, sumSquares(b)))
const leastSquares = (b: Operand): Tensor => mul(0.5, sumSquares(sub(matmul(X, b), y)))

const at = (x: readonly Tensor[], i: number): Tensor => x[i] as Tensor

interface Row {
  readonly name: string
  readonly fn: (...x: Tensor[]) => Operand
  readonly inputs: readonly NDArray[]
  /** Operations as traced: at least. */
  readonly before: number
  /** Operations when simplified: at most. */
  readonly after: number
}

const product = (rows: number, inner: number, columns: number): number => 2 * rows * inner * columns
const gramFlops = (n * p + n) * p * 2

const rows: readonly Row[] = [
  // An outer product is never formed to be multiplied away.
  {
    name: 'A (u vᵀ)',
    fn: (...x) => matmul(at(x, 0), outer(at(x, 1), at(x, 2))),
    inputs: [A, u, v],
    before: product(n, n, n),
    after: 4.1 * n * n,
  },
  {
    name: '(u vᵀ) A',
    fn: (...x) => matmul(outer(at(x, 1), at(x, 2)), at(x, 0)),
    inputs: [A, u, v],
    before: product(n, n, n),
    after: 4.1 * n * n,
  },
  {
    name: '(u vᵀ) u',
    fn: (...x) => matmul(outer(at(x, 0), at(x, 1)), at(x, 0)),
    inputs: [u, v],
    before: 4 * n * n,
    after: 5 * n,
  },
  {
    name: 'A (u vᵀ)ᵀ',
    fn: (...x) => matmul(at(x, 0), transpose(outer(at(x, 1), at(x, 2)))),
    inputs: [A, u, v],
    before: product(n, n, n),
    after: 4.1 * n * n,
  },
  {
    name: 'A (u vᵀ + v uᵀ)',
    fn: (...x) => matmul(at(x, 0), add(outer(at(x, 1), at(x, 2)), outer(at(x, 2), at(x, 1)))),
    inputs: [A, u, v],
    before: product(n, n, n),
    after: 9.1 * n * n,
  },
  {
    name: 'Σⱼ (A ∘ u vᵀ)ᵢⱼ',
    fn: (...x) => sum(mul(at(x, 0), outer(at(x, 1), at(x, 2))), 1),
    inputs: [A, u, v],
    before: 4 * n * n,
    after: 2.1 * n * n,
  },
  {
    name: 'Σᵢ (A ∘ u vᵀ)ᵢⱼ',
    fn: (...x) => sum(mul(at(x, 0), outer(at(x, 1), at(x, 2))), 0),
    inputs: [A, u, v],
    before: 4 * n * n,
    after: 2.1 * n * n,
  },
  {
    name: 'Σ A ∘ u vᵀ',
    fn: (...x) => sum(mul(outer(at(x, 1), at(x, 2)), at(x, 0))),
    inputs: [A, u, v],
    before: 4 * n * n,
    after: 2.2 * n * n,
  },
  {
    name: '−(s · u vᵀ)',
    fn: (...x) => neg(mul(3, outer(at(x, 0), at(x, 1)))),
    inputs: [u, v],
    before: 4 * n * n,
    after: 2.1 * n * n,
  },
  // Products are made in the cheaper order.
  {
    name: '(X Yᵀ) v',
    fn: (...x) => matmul(matmul(at(x, 0), transpose(at(x, 1))), at(x, 2)),
    inputs: [X, Y, v],
    before: product(n, p, n),
    after: 4.1 * n * p,
  },
  {
    name: 'uᵀ (X Yᵀ)',
    fn: (...x) => matmul(at(x, 2), matmul(at(x, 0), transpose(at(x, 1)))),
    inputs: [X, Y, u],
    before: product(n, p, n),
    after: 4.1 * n * p,
  },
  {
    name: '(X Yᵀ)ᵀ v',
    fn: (...x) => matmul(transpose(matmul(at(x, 0), transpose(at(x, 1)))), at(x, 2)),
    inputs: [X, Y, v],
    before: product(n, p, n),
    after: 4.1 * n * p,
  },
  {
    name: 'A (X Xᵀ)',
    fn: (...x) => matmul(at(x, 0), matmul(at(x, 1), transpose(at(x, 1)))),
    inputs: [A, X],
    before: product(n, n, n),
    after: 2.1 * product(n, n, p),
  },
  // Small factors meet before they touch a large array.
  {
    name: '((A ∘ d) ∘ e) · 2 / 3',
    fn: (...x) => div(mul(mul(mul(at(x, 0), at(x, 1)), at(x, 2)), 2), 3),
    inputs: [A, u, v],
    before: 4 * n * n,
    after: 1.1 * n * n,
  },
  {
    name: 'A ∘ u + A ∘ v − 2 A',
    fn: (...x) => sub(add(mul(at(x, 0), at(x, 1)), mul(at(x, 2), at(x, 0))), mul(2, at(x, 0))),
    inputs: [A, u, v],
    before: 5 * n * n,
    after: 1.1 * n * n,
  },
  {
    name: '−(−A ∘ u)',
    fn: (...x) => neg(mul(neg(at(x, 0)), at(x, 1))),
    inputs: [A, u],
    before: 3 * n * n,
    after: 1.1 * n * n,
  },
  // The identity is a symbol.
  {
    name: 'I A I',
    fn: (...x) => matmul(matmul(eye(n), at(x, 0)), eye(n)),
    inputs: [A],
    before: 2 * product(n, n, n),
    after: 0,
  },
  {
    name: 'A (2 I) v',
    fn: (...x) => matmul(matmul(at(x, 0), mul(2, eye(n))), at(x, 1)),
    inputs: [A, v],
    before: product(n, n, n),
    after: 2.2 * n * n,
  },
  {
    name: 'Aᵀᵀ v',
    fn: (...x) => matmul(transpose(transpose(at(x, 0))), at(x, 1)),
    inputs: [A, v],
    before: 2 * n * n,
    after: 2 * n * n,
  },
  // Derivatives of generalised linear models.
  {
    name: '∇ least squares',
    fn: (...x) => grad(leastSquares)(at(x, 0)),
    inputs: [w],
    before: 4 * n * p,
    after: 4 * n * p + 3 * n,
  },
  {
    name: '∇² least squares',
    fn: (...x) => hessian(leastSquares)(at(x, 0)),
    inputs: [w],
    before: 2 * product(n, p, p),
    after: gramFlops,
  },
  {
    name: '∇² logistic',
    fn: (...x) => hessian(logistic)(at(x, 0)),
    inputs: [w],
    before: 2 * product(n, p, p),
    after: gramFlops + 2 * n * p + 12 * n,
  },
  {
    name: '∇² Poisson',
    fn: (...x) => hessian(poisson)(at(x, 0)),
    inputs: [w],
    before: 2 * product(n, p, p),
    after: gramFlops + 2 * n * p + 3 * n,
  },
  {
    name: '∇² ridge, weights θ',
    fn: (...x) => hessian((b) => ridge(b, at(x, 1)))(at(x, 0)),
    inputs: [w, theta],
    before: 2 * product(n, p, p),
    after: gramFlops + 3 * p * p + 3 * n,
  },
  {
    name: '∇² logistic, weights θ',
    fn: (...x) => hessian((b) => weightedLogistic(b, at(x, 1)))(at(x, 0)),
    inputs: [w, theta],
    before: 2 * product(n, p, p),
    after: gramFlops + 2 * n * p + 3 * p * p + 14 * n,
  },
  {
    name: '∂θ∇ ridge',
    fn: (...x) => jacobian((t) => grad((b: Tensor) => ridge(b, t))(at(x, 0)))(at(x, 1)),
    inputs: [w, theta],
    before: 2 * n * p * p,
    after: 4 * n * p + 3 * n,
  },
  {
    name: '∂θ (∇² ridge d)',
    fn: (...x) => jacobian((t) => hvp((b) => ridge(b, t), at(x, 0), at(x, 2)))(at(x, 1)),
    inputs: [w, theta, d],
    before: 2 * n * p * p,
    after: 4 * n * p + 3 * n,
  },
  {
    name: '∇² logistic · d',
    fn: (...x) => hvp(logistic, at(x, 0), at(x, 1)),
    inputs: [w, d],
    before: 6 * n * p,
    after: 6 * n * p + 16 * n,
  },
]

for (const { name, fn, inputs, before, after } of rows) {
  test(name, async (t) => {
    const graph = graphOf(fn, inputs)
    const simpler = simplify(graph)
    t.ok(flops(graph) >= before, `as traced: ${String(flops(graph))} ≥ ${String(before)}`)
    t.ok(flops(simpler) <= after, `simplified: ${String(flops(simpler))} ≤ ${String(after)}`)
    const error = relativeError(interpret(simpler, inputs).outputs, interpret(graph, inputs).outputs)
    t.ok(error <= 1e-13, `same numbers: ${error.toExponential(1)}`)
    t.equal(simplify(simpler), simpler, 'a simplified graph is left alone')
  })
}

test('the Hessian of a generalised linear model is one weighted Gram matrix', async (t) => {
  const models: Readonly<Record<string, (b: Tensor, weights: Tensor) => Tensor>> = {
    'least squares': (b) => leastSquares(b),
    logistic: (b) => logistic(b),
    Poisson: (b) => poisson(b),
    'weighted ridge': ridge,
    'weighted logistic': weightedLogistic,
    'sum of two losses': (b, weights) => add(ridge(b, weights), sum(mul(weights, exp(matmul(X, b))))),
  }
  for (const [name, f] of Object.entries(models)) {
    const made = census(simplify(graphOf((b, weights) => hessian((z) => f(z, weights))(b), [w, theta])))
    t.equal(made['gram'], 1, `${name}: ${JSON.stringify(made)}`)
    t.ok((made['matmul'] ?? 0) <= 1, `${name}: no other product than X b`)
  }
})

const ops = (
  fn: (...x: Tensor[]) => Operand | readonly Operand[],
  ...inputs: NDArray[]
): Readonly<Record<string, number>> => census(simplify(graphOf(fn, inputs)))

test('what is computed twice is computed once', async (t) => {
  const [a] = [normal('a', 3)]
  t.strictSame(
    ops((x) => add(sin(x), sin(x)), a),
    { sin: 1, add: 1 },
  )
  t.strictSame(
    ops((x) => [matmul(X, mul(x, x)), matmul(X, mul(x, x))], w),
    { mul: 1, matmul: 1 },
  )
  t.strictSame(
    ops((x) => [sum(x, 0), sum(x, 1), sum(x, 0)], A),
    { sum: 2 },
    'attributes tell nodes apart',
  )
  t.strictSame(
    ops((x) => mul(tanh(x), grad((z: Tensor) => sum(tanh(z)))(x)), a),
    { tanh: 1, square: 1, sub: 1, mul: 1 },
    'a value and its derivative',
  )
  t.strictSame(
    ops((x) => [mul(x, -0), mul(x, 0)], a),
    { mul: 2 },
    '−0 is not 0',
  )
  t.strictSame(
    ops((x) => [add(x, full([3], 1)), add(x, full([3], 2))], a),
    { add: 2 },
    'constants of one shape',
  )
})

test('what nobody needs is not computed', async (t) => {
  const [a] = [normal('a', 3)]
  t.strictSame(
    ops((x) => (sin(x), x), a),
    {},
  )
  t.strictSame(
    ops((x) => grad((z: Tensor) => add(sum(z), mul(0, 5)))(x), a),
    { broadcast: 1 },
  )
  t.strictSame(
    ops((x) => jvp((z: Tensor) => [sin(z), exp(z)], [x], [x])[0][1] as Tensor, a),
    { exp: 1 },
  )
  const dead = graphOf(
    (x) => scan((z: Tensor) => [sin(z), (exp(z), [])] as const, x, [], { length: 3 })[0],
    [a],
  )
  t.strictSame([census(dead)['exp'], census(simplify(dead))['exp']], [1, undefined], 'inside a loop')
})

test('constants are folded, neutral elements dropped', async (t) => {
  const [a] = [normal('a', 3)]
  t.strictSame(
    ops((x) => add(mul(1, x), sub(2, 2)), a),
    {},
  )
  t.strictSame(
    ops((x) => mul(x, div(add(1, 2), 3)), a),
    {},
  )
  t.strictSame(
    ops((x) => neg(neg(div(sub(x, 0), 1))), a),
    {},
  )
  t.strictSame(
    ops((x) => where(1, x, sin(x)), a),
    {},
  )
  t.strictSame(
    ops((x) => x.pow(1), a),
    {},
  )
  t.strictSame(
    ops((x) => [x.pow(2), x.pow(3), x.pow(0.5), x.pow(-1)], a),
    { square: 1, mul: 1, sqrt: 1, reciprocal: 1 },
  )
  t.strictSame(
    ops((x) => reshape(reshape(x, [3, 1]), [3]), a),
    {},
  )
  t.strictSame(
    ops((x) => transpose(transpose(x)), A),
    {},
  )
  t.strictSame(ops((x) => add(x, mul(sigmoid(x), 0)), a)['sigmoid'], 1, 'x · 0 stays: it is NaN where x is')
})

const expectPrinted = (
  name: string,
  fn: (...x: Tensor[]) => Operand,
  inputs: readonly NDArray[],
  text: string,
): void => {
  test(`printed: ${name}`, async (t) => {
    t.equal(printGraph(simplify(graphOf(fn, inputs))), text.trim())
  })
}

const [a23, b3] = [normal('a', 2, 3), normal('b', 3)]

expectPrinted(
  'an outer product in a product',
  (a, u1, v1) => matmul(a, outer(u1, v1)),
  [normal('a', 4, 4), normal('b', 4), normal('c', 4)],
  `
{ a: [4, 4], b: [4], c: [4] →
  d: [4, 1] = reshape b shape=[4, 1]
  e: [1, 4] = reshape c shape=[1, 4]
  f: [4, 1] = matmul a d transposeA=false transposeB=false
  g: [4, 4] = matmul f e transposeA=false transposeB=false
  in g }`,
)

expectPrinted(
  'the gradient of least squares',
  (a, x, t) => grad((z: Tensor) => mul(0.5, sumSquares(sub(matmul(a, z), t))))(x),
  [a23, b3, normal('t', 2)],
  `
{ a: [2, 3], b: [3], c: [2] →
  d: [3, 1] = reshape b shape=[3, 1]
  e: [2, 1] = matmul a d transposeA=false transposeB=false
  f: [2] = reshape e shape=[2]
  g: [2] = sub f c
  h: [2, 1] = reshape g shape=[2, 1]
  i: [3, 1] = matmul a h transposeA=true transposeB=false
  j: [3] = reshape i shape=[3]
  in j }`,
)

expectPrinted(
  'the Hessian of a Poisson regression',
  (a, x) => hessian((z) => sum(exp(matmul(a, z))))(x),
  [a23, b3],
  `
{ a: [2, 3], b: [3] →
  c: [3, 1] = reshape b shape=[3, 1]
  d: [2, 1] = matmul a c transposeA=false transposeB=false
  e: [2] = reshape d shape=[2]
  f: [2] = exp e
  g: [3, 3] = gram a f
  in g }`,
)

expectPrinted(
  'a loop over a product with the identity',
  (x) => scan((z: Tensor) => [sin(matmul(eye(3), z)), []] as const, x, [], { length: 4 })[0],
  [b3],
  `
{ a: [3] →
  b: [3] = scan a length=4 carried=1 sequences=0 reverse=false counted=false
    body: { a: [3] →
      b: [3] = sin a
      in b }
  in b }`,
)
