// customDerivative: the rules that are given are the rules that are used, in both modes, twice, and on batches.
import { test } from 'tap'
import { ArgumentError, ShapeError, TraceError } from '../../lib/base/errors.js'
import type { OnestepError } from '../../lib/base/errors.js'
import { NDArray } from '../../lib/base/ndarray.js'
import {
  add,
  cos,
  customDerivative,
  exp,
  grad,
  hvp,
  jacobian,
  jvp,
  matmul,
  mul,
  neg,
  scan,
  sin,
  sum,
  tensor,
  vmap,
} from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'
import { lowered, normal, number, value, values } from '../harness/evaluate.js'
import { relativeError, rowOf, stackArrays } from '../oracle/compare.js'

const T = (x: Tensor | undefined): Tensor => x as Tensor

/** x sin y, whose rules say twice the truth, so that it shows which rules are used. */
const doubled = customDerivative((x, y) => mul(T(x), sin(T(y))), {
  jvp: ([x, y], _, [dx, dy]) => mul(2, add(mul(sin(T(y)), T(dx)), mul(mul(T(x), cos(T(y))), T(dy)))),
  vjp: ([x, y], _, v) => [mul(2, mul(v, sin(T(y)))), mul(2, mul(v, mul(T(x), cos(T(y)))))],
})

test('the rules that are given are used', async (t) => {
  const [x, y] = [1.3, 0.4]
  const got = values(
    (a, b) => [
      doubled(T(a), T(b)),
      ...grad(([c, d]: [Tensor, Tensor]) => doubled(c, d))([T(a), T(b)]),
      jvp(doubled as (c: Tensor, d: Tensor) => Tensor, [T(a), T(b)], [tensor(1), tensor(0)])[1],
      jvp(doubled as (c: Tensor, d: Tensor) => Tensor, [T(a), T(b)], [tensor(0), tensor(1)])[1],
    ],
    x,
    y,
  ).map((z) => z.data[0] as number)
  const expected = [
    x * Math.sin(y),
    2 * Math.sin(y),
    2 * x * Math.cos(y),
    2 * Math.sin(y),
    2 * x * Math.cos(y),
  ]
  t.ok(
    got.every((z, i) => Math.abs(z - (expected[i] as number)) < 1e-15),
    String(got),
  )
  t.equal(
    number((a) => grad((c: Tensor) => doubled(c, 0))(T(a)), x),
    0,
    'a constant argument',
  )
})

test('a second derivative is that of the rule', async (t) => {
  const [x, y] = [1.3, 0.4]
  const inY = (b: Tensor): Tensor => doubled(x, b)
  // ∂(2 x cos y)/∂y = −2 x sin y
  t.ok(
    Math.abs(number((b) => grad(grad(inY))(T(b)), y) + 2 * x * Math.sin(y)) < 1e-15,
    'reverse over reverse',
  )
  t.ok(Math.abs(number((b) => hvp(inY, T(b), 1), y) + 2 * x * Math.sin(y)) < 1e-15, 'forward over reverse')
  // A rule that uses the custom function again has its rules again: 2 · 2.
  const tower: (z: Tensor) => Tensor = (z) =>
    customDerivative((c) => exp(T(c)), { vjp: ([c], _, v) => [mul(mul(2, v), tower(T(c)))] })(z)
  t.ok(Math.abs(number((b) => grad(grad(tower))(T(b)), 0.5) - 4 * Math.exp(0.5)) < 1e-14, 'recursive rules')
  // The result may be used by the rule, and is attached.
  const byResult = customDerivative((c) => exp(T(c)), { vjp: (_, out, v) => [mul(v, out)] })
  t.ok(
    Math.abs(number((b) => grad(grad(grad(byResult)))(T(b)), 0.5) - Math.exp(0.5)) < 1e-15,
    'through the result',
  )
})

test('arrays, and constants that the function closes over', async (t) => {
  const A = normal('A', 3, 2)
  const fn = customDerivative((x) => matmul(A, T(x)), {
    jvp: (_, __, [dx]) => matmul(A, mul(3, T(dx))),
    vjp: (_, __, v) => [mul(3, matmul(v, A))],
  })
  const x = normal('x', 2)
  const [forward, reverse] = values(
    (z) => [jacobian(fn, { mode: 'forward' })(T(z)), jacobian(fn, { mode: 'reverse' })(T(z))],
    x,
  )
  const expected = new NDArray(
    [3, 2],
    A.data.map((a) => 3 * a),
  )
  t.ok(relativeError([forward as NDArray, reverse as NDArray], [expected, expected]) < 1e-15)
})

test('a batch is the loop of single instances, for every choice of what carries it', async (t) => {
  const [xs, ys] = [normal('x', 3), normal('y', 3)]
  const f = (x: Tensor, y: Tensor): Tensor[] => {
    const [dx, dy] = grad(([c, d]: [Tensor, Tensor]) => doubled(c, d))([x, y])
    return [
      doubled(x, y),
      dx,
      dy,
      jvp(doubled as (c: Tensor, d: Tensor) => Tensor, [x, y], [tensor(1), tensor(2)])[1],
    ]
  }
  for (const [flagX, flagY] of [
    [0, 0],
    [0, null],
    [null, 0],
  ] as const) {
    const pick = (z: NDArray, flag: 0 | null): NDArray => (flag === 0 ? z : rowOf(z, 0))
    const together = values(
      (a, b) => vmap(f, { in: [flagX, flagY] })(T(a), T(b)),
      pick(xs, flagX),
      pick(ys, flagY),
    )
    const alone = [0, 1, 2].map((i) =>
      values(
        (a, b) => f(T(a), T(b)),
        flagX === 0 ? rowOf(xs, i) : rowOf(xs, 0),
        flagY === 0 ? rowOf(ys, i) : rowOf(ys, 0),
      ),
    )
    t.ok(
      relativeError(
        together,
        together.map((_, k) => stackArrays(alone.map((own) => own[k] as NDArray))),
      ) < 1e-15,
      JSON.stringify([flagX, flagY]),
    )
  }
  // The gradient of an argument that the batch shares is the sum over the batch.
  const shared = number(
    (y) => grad((d: Tensor) => sum(vmap((c: Tensor) => doubled(c, d))(tensor(xs))))(T(y)),
    0.4,
  )
  t.ok(Math.abs(shared - 2 * Math.cos(0.4) * xs.data.reduce((s, x) => s + x, 0)) < 1e-14)
  const looped = number(
    (y) =>
      grad(
        (d: Tensor) =>
          scan((s: Tensor, c: Tensor) => [add(s, doubled(c, d)), []] as const, tensor(0), xs as never)[0],
      )(T(y)),
    0.4,
  )
  t.ok(Math.abs(shared - looped) < 1e-14, 'as in a scan')
})

const once = { jvp: () => tensor(0), vjp: () => [tensor(0)] }
const refused: readonly (readonly [
  string,
  (x: Tensor) => unknown,
  new (...args: never[]) => OnestepError,
  RegExp,
])[] = [
  [
    'a missing reverse rule',
    (x) => grad(customDerivative((z) => neg(T(z)), { jvp: once.jvp }) as (z: Tensor) => Tensor)(x),
    TraceError,
    /no vjp rule/,
  ],
  [
    'a missing forward rule',
    (x) => jvp(customDerivative((z) => neg(T(z)), { vjp: once.vjp }) as (z: Tensor) => Tensor, [x], [x]),
    TraceError,
    /no jvp rule/,
  ],
  [
    'closing over a Tensor',
    (x) => customDerivative((z) => mul(T(z), x), once)(1),
    TraceError,
    /Pass it as an argument/,
  ],
  [
    'too few cotangents',
    (x) =>
      grad((z: Tensor) => customDerivative((a, b) => mul(T(a), T(b)), { vjp: (_, __, v) => [v] })(z, z))(x),
    ArgumentError,
    /2 cotangents, one an argument, received 1/,
  ],
  [
    'a cotangent of another shape',
    (x) => grad((z: Tensor) => customDerivative((a) => mul(2, T(a)), { vjp: () => [tensor([1, 2])] })(z))(x),
    ShapeError,
    /cotangent 0 has another shape.*\[2\]/,
  ],
  [
    'a tangent of another shape',
    (x) =>
      jvp((z: Tensor) => customDerivative((a) => mul(2, T(a)), { jvp: () => tensor([1, 2]) })(z), [x], [x]),
    ShapeError,
    /tangent 0 has another shape.*\[2\]/,
  ],
]
for (const [name, fn, type, message] of refused) {
  test(`refused: ${name}`, async (t) => {
    t.throws(() => lowered((x) => (fn(T(x)), 0), 1), type)
    t.throws(() => lowered((x) => (fn(T(x)), 0), 1), { message })
  })
}

test('a rule may return numbers', async (t) => {
  const flat = customDerivative((a) => sin(T(a)), { jvp: () => 0, vjp: () => [0] })
  t.equal(value((x) => grad((z: Tensor) => flat(z))(T(x)), 1).data[0], 0)
})
