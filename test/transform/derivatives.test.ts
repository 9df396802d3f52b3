// grad, jvp, vjp, jacobian, hvp and hessian, alone and nested, against complex steps through the graph of one order less.
import { test } from 'tap'
import type { OnestepError } from '../../lib/base/errors.js'
import { ArgumentError, ShapeError, TraceError } from '../../lib/base/errors.js'
import { NDArray } from '../../lib/base/ndarray.js'
import {
  add,
  broadcast,
  concat,
  div,
  dot,
  exp,
  grad,
  hessian,
  hvp,
  jacobian,
  jvp,
  matmul,
  mul,
  reshape,
  sin,
  softplus,
  square,
  sub,
  sum,
  sumSquares,
  tanh,
  tensor,
  triangularSolve,
  valueAndGrad,
  vjp,
  vmap,
} from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'
import type { Operand } from '../../lib/ir/trace.js'
import { evaluate, lowered, normal, number, value, values } from '../harness/evaluate.js'
import type { Traced } from '../harness/evaluate.js'
import { relativeError, stackArrays } from '../oracle/compare.js'
import { complexStep } from '../oracle/complex.js'
import { graphOf } from '../oracle/transforms.js'
import { functions } from './functions.js'

const bar = 1e-12

/** The derivative of fn at x in a direction, by a complex step through the graph as it was traced. */
const derivative = (fn: Traced, x: NDArray, direction: NDArray): NDArray =>
  complexStep(graphOf(fn, [x]), [x], [direction]).tangents[0] as NDArray

/** ∂fn/∂x, one complex step a column: [m, n]. */
const jacobianByColumns = (fn: Traced, x: NDArray): NDArray => {
  const columns = Array.from(x.data, (_, j) =>
    derivative(
      fn,
      x,
      new NDArray(
        x.shape,
        x.data.map((__, i) => Number(i === j)),
      ),
    ),
  )
  const [m, n] = [columns[0]?.size ?? 0, x.size]
  return new NDArray(
    [m, n],
    Float64Array.from({ length: m * n }, (_, k) => columns[k % n]?.data[Math.floor(k / n)] as number),
  )
}

const reshaped = (x: NDArray, shape: readonly number[]): NDArray => new NDArray(shape, x.data)

for (const { name, fn, x } of functions) {
  test(name, async (t) => {
    const [v, u] = [normal('v', ...x.shape), normal('u', ...x.shape)]
    const below = (actual: NDArray | undefined, expected: NDArray, what: string): void => {
      const error = relativeError([actual as NDArray], [expected])
      t.ok(error <= bar, `${what}: ${error.toExponential(1)}`)
    }
    const gradient: Traced = (z) => grad(fn)(z)
    const product: Traced = (z) => hvp(fn, z, v)
    const [f, both, g, moved, pulled, wide] = values((z: Tensor) => {
      const [value1, gradient1] = valueAndGrad(fn)(z)
      const [value2, tangent] = jvp(fn, [z], [tensor(v)])
      const [value3, pullback] = vjp(fn, [z])
      return [
        concat([value1, value2, value3].map((a) => reshape(a, [1]))),
        gradient1,
        grad(fn)(z),
        tangent,
        pullback(tensor(3))[0],
        jacobian(fn)(z),
      ]
    }, x)
    const at = value(fn, x)
    below(f, stackArrays([at, at, at]), 'the value comes along')
    const byColumns = reshaped(jacobianByColumns(fn, x), x.shape)
    below(g, byColumns, 'grad')
    below(both, byColumns, 'valueAndGrad')
    below(moved, derivative(fn, x, v), 'jvp')
    below(
      pulled,
      new NDArray(
        x.shape,
        byColumns.data.map((a) => 3 * a),
      ),
      'vjp',
    )
    below(wide, byColumns, 'jacobian of a scalar function')
    const H = reshaped(jacobianByColumns(gradient, x), [...x.shape, ...x.shape])
    const [h, forward, reverse, hv] = values(
      (z) => [
        hessian(fn)(z),
        jacobian((a) => grad(fn)(a), { mode: 'forward' })(z),
        jacobian((a) => grad(fn)(a), { mode: 'reverse' })(z),
        hvp(fn, z, v),
      ],
      x,
    )
    below(h, H, 'hessian')
    below(forward, H, 'jacobian of grad, forward')
    below(reverse, H, 'jacobian of grad, reverse')
    below(hv, derivative(gradient, x, v), 'hvp')
    const third = value((z) => jvp((a: Tensor) => hvp(fn, a, v), [z], [tensor(u)])[1], x)
    below(third, derivative(product, x, u), 'jvp of hvp')
  })
}

const maps: readonly { readonly name: string; readonly fn: (x: Tensor) => Tensor; readonly x: NDArray }[] = [
  { name: 'more outputs than inputs', fn: (x) => tanh(matmul(normal('A', 5, 2), x)), x: normal('x', 2) },
  { name: 'more inputs than outputs', fn: (x) => sin(matmul(normal('A', 2, 5), x)), x: normal('x', 5) },
  { name: 'softmax', fn: (x) => div(exp(x), sum(exp(x))), x: normal('x', 4) },
  { name: 'a matrix to a matrix', fn: (x) => matmul(x, square(x)), x: normal('x', 2, 2) },
  { name: 'a vector to a matrix', fn: (x) => mul(reshape(x, [3, 1]), sin(x)), x: normal('x', 3) },
  {
    name: 'a triangular solve',
    fn: (x) =>
      triangularSolve(
        add(mul(0.1, normal('T', 3, 3)), mul(broadcast(2, [3, 3]), reshape(exp(x), [3, 1]))),
        x,
      ),
    x: normal('x', 3),
  },
  { name: 'no dependence', fn: (x) => mul(0, broadcast(sum(x), [2])), x: normal('x', 3) },
]

for (const { name, fn, x } of maps) {
  test(`jacobian: ${name}`, async (t) => {
    const expected = jacobianByColumns(fn, x)
    const outputs = evaluate(
      (z) => [jacobian(fn)(z), jacobian(fn, { mode: 'forward' })(z), jacobian(fn, { mode: 'reverse' })(z)],
      x,
    ).outputs
    const shape = [...value(fn, x).shape, ...x.shape]
    outputs.forEach((J, i) => {
      t.strictSame(J.shape, shape, `shape, mode ${String(i)}`)
      t.ok(relativeError([J], [reshaped(expected, shape)]) <= bar, `entries, mode ${String(i)}`)
    })
  })
}

test('the third derivative of a Newton step', async (t) => {
  // f = x⁴/4 − θx: the step is N(x) = 2x/3 + θ/3x², so N′ = 2/3 − 2θ/3x³, N″ = 2θ/x⁴, N‴ = −8θ/x⁵
  const theta = 1.7
  const f = (x: Operand): Tensor => sub(mul(0.25, square(square(x))), mul(theta, x))
  const step = (x: Tensor): Tensor =>
    sub(x, div(grad((z: Tensor) => f(z))(x), grad(grad((z: Tensor) => f(z)))(x)))
  const forward = (fn: (x: Tensor) => Tensor) => (x: Tensor) => jvp(fn, [x], [tensor(1)])[1]
  const x = 1.3
  const expected = (-8 * theta) / x ** 5
  const rows: readonly (readonly [string, (x: Tensor) => Tensor])[] = [
    ['reverse thrice', grad(grad(grad(step)))],
    ['forward thrice', forward(forward(forward(step)))],
    ['forward over reverse over forward', forward(grad(forward(step)))],
    ['reverse over forward over reverse', grad(forward(grad(step)))],
  ]
  for (const [name, fn] of rows) t.ok(Math.abs(number(fn, x) / expected - 1) <= 1e-13, name)
  t.ok(Math.abs(number(grad(step), x) - (2 / 3 - (2 * theta) / (3 * x ** 3))) <= 1e-14, 'first')
  t.ok(Math.abs(number(grad(grad(step)), x) - (2 * theta) / x ** 4) <= 1e-14, 'second')
})

test('vmap of derivatives is the loop of derivatives', async (t) => {
  for (const { name, fn, x } of functions) {
    const batch = [0, 1, 2].map(
      (k) =>
        new NDArray(
          x.shape,
          x.data.map((z) => z * (1 + 0.1 * k)),
        ),
    )
    const together = values((z) => [vmap(fn)(z), vmap(grad(fn))(z), vmap(hessian(fn))(z)], stackArrays(batch))
    const alone = batch.map((z) => values((a) => [fn(a), grad(fn)(a), hessian(fn)(a)], z))
    const expected = together.map((_, i) => stackArrays(alone.map((list) => list[i] as NDArray)))
    const error = relativeError(together, expected)
    t.ok(error <= 1e-13, `${name}: ${error.toExponential(1)}`)
  }
})

test('grad of vmap: a shared argument gets the sum over the batch', async (t) => {
  const batch = normal('rows', 4, 3)
  const w = normal('w', 3)
  const each = (row: Tensor, v: Tensor): Tensor => softplus(dot(row, v))
  const shared = (v: Tensor): Tensor => sum(square(vmap(each, { in: [0, null] })(tensor(batch), v)))
  const plain = (v: Tensor): Tensor => sum(square(softplus(matmul(batch, v))))
  const [a, b, ha, hb] = values(
    (v) => [grad(shared)(v), grad(plain)(v), hessian(shared)(v), hessian(plain)(v)],
    w,
  )
  t.ok(relativeError([a as NDArray, ha as NDArray], [b as NDArray, hb as NDArray]) <= 1e-14)
  const nested = value(
    (v) => vmap((z: Tensor) => vmap((row: Tensor) => each(row, z))(tensor(batch)))(v),
    stackArrays([w, w, w]),
  )
  t.strictSame(nested.shape, [3, 4], 'a batch of batches')
  t.ok(
    relativeError(
      [nested],
      [stackArrays([w, w, w].map((z) => value((v) => softplus(matmul(batch, v)), z)))],
    ) <= 1e-14,
  )
})

test('records and lists of arrays as arguments', async (t) => {
  interface Model {
    readonly layers: readonly { readonly weight: Operand; readonly bias: Operand }[]
    readonly scale: Operand
  }
  const loss = ({ layers, scale }: Model, x: Operand): Tensor =>
    mul(
      scale,
      sumSquares(
        layers.reduce<Tensor>((h, { weight, bias }) => tanh(add(matmul(weight, h), bias)), tensor(x)),
      ),
    )
  const shapes = [[2, 3], [2], [2, 2], [2], []]
  const inputs = shapes.map((shape, i) => normal(`leaf ${String(i)}`, ...shape))
  const model = ([a, b, c, d, s]: readonly Tensor[]): Model => ({
    layers: [
      { weight: a as Tensor, bias: b as Tensor },
      { weight: c as Tensor, bias: d as Tensor },
    ],
    scale: s as Tensor,
  })
  const x = normal('x', 3)
  const leaves = ({ layers, scale }: Model): Operand[] => [
    ...layers.flatMap(({ weight, bias }) => [weight, bias]),
    scale,
  ]
  const gradients = values((...ts) => leaves(grad((m: Model) => loss(m, x))(model(ts))), ...inputs)
  const directions = shapes.map((shape, i) => normal(`direction ${String(i)}`, ...shape))
  const expected = complexStep(
    lowered((...ts) => loss(model(ts), x), ...inputs),
    inputs,
    directions,
  ).tangents[0] as NDArray
  const along = gradients.reduce(
    (total, g, i) => total + g.data.reduce((s, a, k) => s + a * (directions[i]?.data[k] as number), 0),
    0,
  )
  t.ok(Math.abs(along - (expected.data[0] as number)) <= 1e-12, 'grad has the structure of the model')
  const moved = number(
    (...ts) => {
      // Keys of a record match by name, whatever their order.
      const { layers, scale } = model(directions.map((d) => tensor(d)))
      const tangent: Model = { scale, layers: layers.map(({ weight, bias }) => ({ bias, weight })) }
      return jvp((m: Model) => loss(m, x), [model(ts)], [tangent])[1]
    },
    ...inputs,
  )
  t.ok(Math.abs(moved - (expected.data[0] as number)) <= 1e-12, 'jvp takes tangents of that structure')
  const mixed = value(
    (w) =>
      vjp(
        ({ a, b }: { a: Tensor; b: Tensor }) => ({ p: [mul(a, b)], q: sum(a) }),
        [{ a: w, b: square(w) }],
      )[1]({ p: [tensor(1)], q: tensor(2) })[0].a,
    normal('w', 3),
  )
  t.ok(
    relativeError(
      [mixed],
      [
        new NDArray(
          [3],
          normal('w', 3).data.map((z) => z * z + 2),
        ),
      ],
    ) <= 1e-14,
    'vjp takes cotangents of the structure of the result',
  )
})

test('what a derivative closes over is a constant, and may be a Tensor of an outer derivative', async (t) => {
  // d/dx [x · d/dy (x y²) at y = 3] = d/dx 6x² = 12 x
  t.equal(
    number(
      (x: Tensor) => grad((z: Tensor) => mul(z, grad((w: Tensor) => mul(z, square(w)))(tensor(3))))(x),
      2,
    ),
    24,
  )
  t.equal(
    number((x: Tensor) => grad((z: Tensor) => mul(x, z))(x), 5),
    5,
  )
})

const one = normal('x', 3)
const refused: readonly (readonly [
  string,
  (x: Tensor) => unknown,
  new (...args: never[]) => OnestepError,
  RegExp,
])[] = [
  ['grad of a vector', (x) => grad((z: Tensor) => z)(x), ShapeError, /scalar/],
  ['grad of a tree', (x) => grad((z: Tensor) => [z, z] as never)(x), ArgumentError, /scalar/],
  ['a tangent of another shape', (x) => jvp((z: Tensor) => z, [x], [tensor(1)]), ShapeError, /tangent/],
  [
    'tangents of another structure',
    (x) => jvp((z: { a: Tensor }) => z.a, [{ a: x }], [{ b: x } as never]),
    ArgumentError,
    /structure/,
  ],
  [
    'a cotangent of another structure',
    (x) => vjp((z: Tensor) => [z, z], [x])[1]([x]),
    ArgumentError,
    /structure/,
  ],
  [
    'a cotangent of another shape',
    (x) => vjp((z: Tensor) => z, [x])[1](broadcast(1, [4])),
    ShapeError,
    /broadcast/,
  ],
  [
    'batches of different sizes',
    (x) => vmap((a: Tensor, b: Tensor) => add(a, b))(x, broadcast(1, [4])),
    ShapeError,
    /first axis/,
  ],
  [
    'nothing that carries a batch',
    (x) => vmap((a: Tensor) => a, { in: [null] })(x),
    ShapeError,
    /no batched argument/,
  ],
  ['a scalar as a batch', () => vmap((a: Tensor) => a)(tensor(1)), ShapeError, /first axis/],
  [
    'an unknown option of vmap',
    (x) => vmap((a: Tensor) => a, { out: 0 } as never)(x),
    ArgumentError,
    /unknown option/,
  ],
  [
    'an axis of vmap that is not the first',
    (x) => vmap((a: Tensor) => a, { in: [1 as 0] })(x),
    ArgumentError,
    /0 or null/,
  ],
  [
    'fewer axes than arguments of vmap',
    (x) => vmap((a: Tensor, b: Tensor) => add(a, b), { in: [0] })(x, x),
    ArgumentError,
    /2 entries/,
  ],
  [
    'an unknown option of jacobian',
    (x) => jacobian((a) => a, { mod: 'forward' } as never)(x),
    ArgumentError,
    /Did you mean "mode"/,
  ],
  [
    'an unknown mode of jacobian',
    (x) => jacobian((a) => a, { mode: 'backward' } as never)(x),
    ArgumentError,
    /'forward' or 'reverse'/,
  ],
  [
    'the Hessian of a function of nothing',
    () => hessian((a) => sum(a))(broadcast(1, [0])),
    TraceError,
    /nothing/,
  ],
]

for (const [name, fn, type, message] of refused) {
  test(`refused: ${name}`, async (t) => {
    t.throws(() => lowered((x: Tensor) => (fn(x), x), one), type, name)
    t.throws(() => lowered((x: Tensor) => (fn(x), x), one), { message })
  })
}
