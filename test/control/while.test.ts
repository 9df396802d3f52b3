// whileLoop: values, forward derivatives, a predicate for each element of a batch, operands, reports, refusals.
import { test } from 'tap'
import { ArgumentError, ShapeError, TraceError } from '../../lib/base/errors.js'
import { NDArray, array } from '../../lib/base/ndarray.js'
import { statusCode } from '../../lib/base/status.js'
import {
  add,
  div,
  grad,
  greater,
  jvp,
  less,
  linearSolve,
  logicalAnd,
  matmul,
  mul,
  solve,
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
  sumSquares,
  tanh,
  tensor,
  transpose,
  vmap,
  whileLoop,
  fixedPoint,
} from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'
import type { OnestepError } from '../../lib/base/errors.js'
import type { Operand } from '../../lib/ir/trace.js'
import { between, evaluate, lowered, normal, number, value, values } from '../harness/evaluate.js'
import { relativeError, rowOf, stackArrays } from '../oracle/compare.js'
import { complexStep } from '../oracle/complex.js'
import { graphOf } from '../oracle/transforms.js'

/** x · a · a … n times. */
const power = (x: Operand, a: Operand, n: Operand): Tensor =>
  whileLoop(
    ({ k }) => less(k, n),
    ({ y, k }) => ({ y: mul(y, a), k: add(k, 1) }),
    { y: tensor(x), k: tensor(0) },
  ).y

/** √a by Heron's iteration, with the number of steps. */
const heron = (a: Tensor, limit: Operand = 1e-12): [Tensor, Tensor] =>
  whileLoop(
    ([x]) => greater(sum(square(sub(div(square(x), a), 1))), square(limit)),
    ([x, k]): [Tensor, Tensor] => [mul(0.5, add(x, div(a, x))), add(k, 1)],
    [add(mul(0, a), 1), tensor(0)],
  )

/** The same in plain numbers. */
const heronSteps = (a: number): number => {
  let [x, k] = [1, 0]
  for (; ((x * x) / a - 1) ** 2 > 1e-24; k++) x = 0.5 * (x + a / x)
  return k
}

test('values', async (t) => {
  t.equal(
    number((x) => power(x, 2, 10), 3),
    3072,
  )
  t.equal(
    number((x) => power(x, 2, 0), 3),
    3,
    'no step',
  )
  const [root, steps] = values((a) => heron(a), 7)
  t.ok(Math.abs((root?.data[0] as number) - Math.sqrt(7)) < 1e-14)
  t.equal(steps?.data[0], heronSteps(7))
  for (const [predicate, expected] of [
    [NaN, 5],
    [0, 5],
    [-0, 5],
    [-1, 6],
    [1e-300, 6],
  ] as const) {
    const once = number(
      (p) =>
        whileLoop(
          ({ p: q }) => q,
          ({ x }) => ({ x: add(x, 1), p: tensor(0) }),
          { x: tensor(5), p: p },
        ).x,
      predicate,
    )
    t.equal(once, expected, `a predicate of ${String(predicate)}`)
  }
})

test('forward derivatives of every order', async (t) => {
  const [x, a, n] = [1.3, 0.9, 7]
  const along = (fn: (b: Tensor) => Tensor) => (b: Tensor) => jvp(fn, [b], [tensor(1)])[1]
  const inA = (b: Tensor): Tensor => power(x, b, n)
  t.ok(Math.abs(number((b) => along(inA)(b), a) - n * a ** (n - 1) * x) < 1e-14, 'in an operand')
  t.ok(Math.abs(number((b) => along(along(inA))(b), a) - n * (n - 1) * a ** (n - 2) * x) < 1e-13, 'twice')
  t.ok(
    Math.abs(number((b) => along(along(along(inA)))(b), a) - n * (n - 1) * (n - 2) * a ** (n - 3) * x) <
      1e-12,
    'thrice',
  )
  t.ok(Math.abs(number((b) => along((y) => power(y, a, n))(b), x) - a ** n) < 1e-14, 'in the carry')
  t.equal(
    number((b) => along((m) => power(x, a, m))(b), n),
    0,
    'in what only the condition reads',
  )
  // A loop whose number of steps depends on the data.
  const point = between(0.5, 9, 'point', 3)
  const direction = normal('direction', 3)
  const moved = value((z) => jvp((b: Tensor) => heron(b)[0], [z], [tensor(direction)])[1], point)
  const expected = complexStep(
    graphOf((z) => heron(z)[0], [point]),
    [point],
    [direction],
  ).tangents
  t.ok(relativeError([moved], expected) < 1e-13)
  t.ok(
    relativeError(
      [moved],
      [
        new NDArray(
          [3],
          direction.data.map((d, i) => d / (2 * Math.sqrt(point.data[i] as number))),
        ),
      ],
    ) < 1e-9,
  )
})

test('reverse mode is refused, and works where the loop is held constant', async (t) => {
  t.throws(() => lowered((a) => grad((b: Tensor) => power(1, b, 3))(a), 2), TraceError)
  t.throws(() => lowered((a) => grad((b: Tensor) => power(1, b, 3))(a), 2), {
    message: /scan.*solve.*stopGradient/,
  })
  t.equal(
    number((a) => grad((b: Tensor) => mul(b, stopGradient(power(1, b, 3))))(a), 2),
    8,
  )
})

test('a batch: every element as if it were alone, bit for bit', async (t) => {
  const points = [0.01, 2, 1, 1e6, 3].map((a) => array([a, 2 * a]))
  const [roots, steps] = values((a) => vmap((b: Tensor) => heron(b))(a), stackArrays(points))
  points.forEach((a, i) => {
    const [root, own] = values((b) => heron(b), a)
    t.strictSame([...rowOf(roots as NDArray, i).data], [...(root as NDArray).data], `element ${String(i)}`)
    t.equal(steps?.data[i], own?.data[0], `steps of element ${String(i)}`)
  })
  t.ok(new Set(steps?.data).size > 2, 'they make different numbers of steps')
  const [, moved] = values(
    (a) => vmap((b: Tensor) => jvp((c: Tensor) => heron(c)[0], [b], [tensor([1, 1])]))(a),
    stackArrays(points),
  )
  points.forEach((a, i) => {
    const own = value((b) => jvp((c: Tensor) => heron(c)[0], [b], [tensor([1, 1])])[1], a)
    t.ok(relativeError([rowOf(moved as NDArray, i)], [own]) < 1e-15, `tangent of element ${String(i)}`)
  })
})

test('a frozen element keeps its bits, whatever its body would do', async (t) => {
  // Once x is 0 a further step divides by it; −0 and a NaN in another carry must survive as they are.
  const run = (x: Tensor, tag: Tensor): [Tensor, Tensor] => {
    const end = whileLoop(
      ({ y }) => greater(y, 0),
      ({ y, mark }) => ({ y: sub(y, div(y, y)), mark: add(mark, sqrt(sub(y, 1))) }),
      { y: x, mark: tag },
    )
    return [end.y, end.mark]
  }
  const [ys, marks] = values(
    (x, m) => vmap(run)(x, m),
    array([3, -0, NaN, 0, -5]),
    array([0, -0, 7, NaN, -Infinity]),
  )
  t.ok(
    [0, -0, NaN, 0, -5].every((y, i) => Object.is(ys?.data[i], y)),
    String(ys?.data),
  )
  t.ok(
    [Math.SQRT2 + 1, -0, 7, NaN, -Infinity].every((y, i) => Object.is(marks?.data[i], y)),
    String(marks?.data),
  )
})

test('a shared predicate stays one, and shared parts of the carry stay shared', async (t) => {
  const batch = normal('batch', 4, 2)
  const fn = (x: Tensor): Tensor => vmap((row: Tensor) => power(row, 0.5, 3))(x)
  const graph = lowered((x) => fn(x), batch)
  const loop = graph.nodes.find((node) => node.op.name === 'while')
  t.strictSame(
    loop?.outputs.map((v) => v.shape),
    [[4, 2], []],
    'the counter is not batched',
  )
  t.strictSame([...value((x) => fn(x), batch).data], [...batch.data.map((x) => x / 8)])
  // An operand that carries the batch makes the carry batched.
  const mixed = value((a) => vmap((b: Tensor) => power(2, b, 3))(a), array([1, 2, 3]))
  t.strictSame([...mixed.data], [2, 16, 54])
  const limits = value((n) => vmap((m: Tensor) => power(1, 2, m))(n), array([0, 5, 2]))
  t.strictSame([...limits.data], [1, 32, 4], 'a predicate for each from an operand')
})

test('Tensors that condition and body close over become operands, with derivatives', async (t) => {
  const A = normal('A', 4, 3)
  const b = normal('b', 4)
  // Gradient descent on ‖A x − b‖² with the Gram matrix made once, outside of the loop.
  const descent = (data: Tensor, limit: Operand): Tensor => {
    const gram = matmul(transpose(data), data)
    const right = matmul(transpose(data), b)
    const { x } = whileLoop(
      ({ x, k }) => logicalAnd(greater(sumSquares(sub(matmul(gram, x), right)), limit), less(k, 500)),
      ({ x, k }) => ({ x: sub(x, mul(0.1, sub(matmul(gram, x), right))), k: add(k, 1) }),
      { x: tensor([0, 0, 0]), k: tensor(0) },
    )
    return x
  }
  const direction = normal('direction', 4, 3)
  const moved = value((a) => jvp((data: Tensor) => descent(data, 1e-6), [a], [tensor(direction)])[1], A)
  const expected = complexStep(
    graphOf((a) => descent(a, 1e-6), [A]),
    [A],
    [direction],
  ).tangents
  t.ok(relativeError([moved], expected) < 1e-12)
  const [loop] = lowered((a) => descent(a, 1e-6), A).nodes.filter((node) => node.op.name === 'while')
  t.ok(
    loop?.inputs.some((v) => v.shape.join() === '3,3'),
    'the Gram matrix is an operand',
  )
})

test('reports of a body are those of its last step', async (t) => {
  const body =
    (limit: number) =>
    (n: Tensor): Tensor =>
      whileLoop(
        ({ k }) => less(k, n),
        ({ x, k }) => ({
          x: linearSolve((z) => mul(2, z), add(x, 1), { method: 'cg', maxSteps: limit }),
          k: add(k, 1),
        }),
        { x: tensor([1, 2]), k: tensor(0) },
      ).x
  t.equal(evaluate((n) => body(5)(n), 2).reports.status, statusCode.converged)
  t.equal(evaluate((n) => body(0)(n), 2).reports.status, statusCode.maxSteps)
  t.equal(evaluate((n) => body(0)(n), 0).reports.status, statusCode.converged, 'no step, nothing to report')
  const inner = fixedPoint({ map: (x: Tensor) => mul(0.5, x), maxSteps: 3, tol: 0 })
  const nested = (n: Tensor): Tensor =>
    whileLoop(
      ({ k }) => less(k, n),
      ({ x, k }) => ({ x: add(solve(inner, { x0: x }), 1), k: add(k, 1) }),
      { x: tensor([1]), k: tensor(0) },
    ).x
  const { reports } = evaluate((n) => nested(n), 2)
  t.strictSame([reports.status, reports.iterations], [statusCode.maxSteps, 3])
})

const refused: readonly (readonly [string, () => unknown, new (...args: never[]) => OnestepError, RegExp])[] =
  [
    [
      'a condition that is not a scalar',
      () =>
        whileLoop(
          (x) => less(x, 1),
          (x: Tensor) => x,
          tensor([1, 2]),
        ),
      ShapeError,
      /condition is not a scalar/,
    ],
    [
      'a carry that changes its shape',
      () =>
        whileLoop(
          (x) => less(sum(x), 1),
          (x: Tensor) => add(x, [1, 2]),
          tensor(0),
        ),
      ShapeError,
      /changes its shape.*\[\].*\[2\]/,
    ],
    [
      'a body that drops part of the carry',
      () =>
        whileLoop(
          ({ x }) => less(x, 1),
          ({ x }) => ({ x }) as never,
          { x: tensor(0), y: tensor(1) },
        ),
      ArgumentError,
      /no key "y"/,
    ],
    [
      'a body that adds to the carry',
      () =>
        whileLoop(
          ({ x }) => less(x, 1),
          ({ x }) => ({ x, y: x }) as never,
          { x: tensor(0) },
        ),
      ArgumentError,
      /unknown key "y"/,
    ],
    [
      'a Tensor that leaves its loop',
      () => {
        let leaked = tensor(0)
        whileLoop(
          (x) => less(x, 1),
          (x: Tensor) => (leaked = add(x, 1)),
          tensor(0),
        )
        return add(leaked, 1)
      },
      TraceError,
      /outside the function/,
    ],
    [
      'a carry of something else',
      () =>
        whileLoop(
          () => 0,
          (x: string) => x,
          'text',
        ),
      ArgumentError,
      /not an array/,
    ],
  ]
for (const [name, fn, type, message] of refused) {
  test(`refused: ${name}`, async (t) => {
    t.throws(() => lowered(() => (fn(), 0)), type)
    t.throws(() => lowered(() => (fn(), 0)), { message })
  })
}

test('loops in loops', async (t) => {
  // Σ_{i<n} Σ_{j<i} i·j
  const double = number(
    (n) =>
      whileLoop(
        ({ i }) => less(i, n),
        ({ i, s }) => ({
          i: add(i, 1),
          s: whileLoop(
            ({ j }) => less(j, i),
            ({ j, r }) => ({ j: add(j, 1), r: add(r, mul(i, j)) }),
            { j: tensor(0), r: s },
          ).r,
        }),
        { i: tensor(0), s: tensor(0) },
      ).s,
    6,
  )
  let expected = 0
  for (let i = 0; i < 6; i++) for (let j = 0; j < i; j++) expected += i * j
  t.equal(double, expected)
  // Halved until below 1, then tripled until above 2, and so on four times: each element its own number of steps.
  const bounce = (x: Tensor): Tensor =>
    whileLoop(
      ({ k }) => less(k, 4),
      ({ y, k }) => ({
        y: whileLoop(
          (z) => less(z, 2),
          (z: Tensor) => mul(z, 3),
          whileLoop(
            (z) => greater(z, 1),
            (z: Tensor) => mul(z, 0.5),
            y,
          ),
        ),
        k: add(k, 1),
      }),
      { y: x, k: tensor(0) },
    ).y
  const plain = (x: number): number => {
    let y = x
    for (let k = 0; k < 4; k++) {
      while (y > 1) y *= 0.5
      while (y < 2) y *= 3
    }
    return y
  }
  const points = [7, 1, 0.003, 12e5]
  t.strictSame([...value((x) => vmap(bounce)(x), points).data], points.map(plain))
  t.ok(
    relativeError(
      [value((x) => vmap((y: Tensor) => power(tanh(y), 2, 2))(x), array([1, 2]))],
      [array([4 * Math.tanh(1), 4 * Math.tanh(2)])],
    ) < 1e-15,
  )
})
