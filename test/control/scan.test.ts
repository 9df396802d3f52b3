// scan: carries, sequences, stacked outputs, both directions, counts; derivatives in both modes against complex steps; batches
// against single instances; operands, reports, refusals.
import { test } from 'tap'
import { ArgumentError, ShapeError } from '../../lib/base/errors.js'
import type { OnestepError } from '../../lib/base/errors.js'
import { NDArray, array } from '../../lib/base/ndarray.js'
import { statusCode } from '../../lib/base/status.js'
import {
  add,
  fixedPoint,
  grad,
  hessian,
  hvp,
  jvp,
  linearSolve,
  matmul,
  mul,
  scan,
  sin,
  solve,
  square,
  sub,
  sum,
  tanh,
  tensor,
  transpose,
  vmap,
} from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'
import type { Operand } from '../../lib/ir/trace.js'
import { evaluate, lowered, normal, number, value, values } from '../harness/evaluate.js'
import type { Traced } from '../harness/evaluate.js'
import { relativeError, rowOf, stackArrays } from '../oracle/compare.js'
import { complexStep } from '../oracle/complex.js'
import { graphOf } from '../oracle/transforms.js'

interface Options {
  readonly length?: number
  readonly reverse?: boolean
  readonly count?: Operand
}

/** Running sums, and twice each running sum. */
const running = (xs: Tensor, options: Options = {}): readonly Tensor[] => {
  const [last, [sums, doubled]] = scan(
    (s: Tensor, x: Tensor) => {
      const next = add(s, x)
      return [next, [next, mul(2, next)] as [Tensor, Tensor]]
    },
    tensor(0),
    xs,
    options,
  )
  return [last, sums, doubled]
}

const rows: readonly (readonly [string, Options, number, readonly number[]])[] = [
  ['forward', {}, 10, [1, 3, 6, 10]],
  ['reverse', { reverse: true }, 10, [10, 9, 7, 4]],
  ['counted', { count: 2 }, 3, [1, 3, 0, 0]],
  ['counted, reverse', { count: 3, reverse: true }, 6, [6, 5, 3, 0]],
  ['a count of 0', { count: 0 }, 0, [0, 0, 0, 0]],
  ['a count beyond the length', { count: 9 }, 10, [1, 3, 6, 10]],
  ['a negative count', { count: -1 }, 0, [0, 0, 0, 0]],
  ['a count that is NaN', { count: NaN }, 0, [0, 0, 0, 0]],
  ['a broken count', { count: 1.5 }, 3, [1, 3, 0, 0]],
]
for (const [name, options, total, sums] of rows) {
  test(`values: ${name}`, async (t) => {
    const [last, first, second] = values((xs) => running(xs, options), [1, 2, 3, 4])
    t.equal(last?.data[0], total)
    t.strictSame([...(first as NDArray).data], sums)
    t.strictSame(
      [...(second as NDArray).data],
      sums.map((s) => 2 * s),
    )
    // The same with the count as an input, for each element of a batch of its own.
    const { count } = options
    if (count === undefined) return
    const counts = array([count as number, 2, 0, 4])
    const together = values(
      (c) => vmap((own: Tensor) => running(tensor([1, 2, 3, 4]), { ...options, count: own }))(c),
      counts,
    )
    counts.data.forEach((own, i) => {
      const alone = values((c) => running(tensor([1, 2, 3, 4]), { ...options, count: c }), own)
      t.ok(
        relativeError(
          together.map((x) => rowOf(x, i)),
          alone,
        ) === 0,
        `element with count ${String(own)}`,
      )
    })
  })
}

test('no step, no sequence, trees', async (t) => {
  const [last, stacked] = values((x) => {
    const [carry, out] = scan(
      (c: { a: Tensor; b: Tensor[] }): [typeof c, { twice: Tensor }] => [
        { b: [mul(c.a, 2)], a: add(c.a, c.b[0] as Tensor) },
        { twice: c.a },
      ],
      { a: x, b: [tensor(1)] },
      undefined,
      { length: 3 },
    )
    return [carry.a, out.twice]
  }, 1)
  // a: 1, 2, 4, 8; b: 1, 2, 4, 8
  t.strictSame([last?.data[0], [...(stacked as NDArray).data]], [8, [1, 2, 4]])
  const [same, nothing] = values((x) => running(x), array([], [0]))
  t.strictSame([same?.data[0], nothing?.shape], [0, [0]], 'length 0')
  const [g] = values(
    (x) => [grad((z: Tensor) => scan((s: Tensor) => [sin(s), []] as const, z, [], { length: 0 })[0])(x)],
    3,
  )
  t.equal(g?.data[0], 1, 'the derivative of no step')
  const pair = values(
    (x, y) =>
      scan((s: Tensor, { p, q }: { p: Tensor; q: Tensor }) => [add(s, mul(p, q)), p] as const, tensor(0), {
        q: y,
        p: x,
      }),
    [1, 2, 3],
    [4, 5, 6],
  )
  t.strictSame([pair[0]?.data[0], [...(pair[1] as NDArray).data]], [32, [1, 2, 3]], 'a record of sequences')
})

/** A recurrence with an operand, a sequence, a carry of two arrays and stacked outputs, as a function of all of them. */
const recurrence =
  (options: Options) =>
  (W: Tensor, h0: Tensor, xs: Tensor): readonly Tensor[] => {
    const [[h, k], [path, norms]] = scan(
      ([h, k]: [Tensor, Tensor], x: Tensor) => {
        const next = tanh(add(matmul(W, h), mul(x, k)))
        return [
          [next, add(k, sum(mul(next, h)))] as [Tensor, Tensor],
          [next, sum(square(h))] as [Tensor, Tensor],
        ]
      },
      [h0, tensor(1)] as [Tensor, Tensor],
      xs,
      options,
    )
    return [h, k, path, norms]
  }

const variants: Readonly<Record<string, Options>> = {
  forward: {},
  reverse: { reverse: true },
  counted: { count: 3 },
  'counted, reverse': { count: 3, reverse: true },
}
for (const [name, options] of Object.entries(variants)) {
  test(`derivatives: ${name}`, async (t) => {
    const inputs = [normal('W', 2, 2), normal('h', 2), normal('x', 5, 2)]
    const directions = [normal('dW', 2, 2), normal('dh', 2), normal('dx', 5, 2)]
    const fn = recurrence(options)
    const traced = fn as unknown as Traced
    const pushed = values(
      (...ts) =>
        jvp(
          fn,
          ts as [Tensor, Tensor, Tensor],
          directions.map((d) => tensor(d)) as [Tensor, Tensor, Tensor],
        )[1],
      ...inputs,
    )
    t.ok(
      relativeError(pushed, complexStep(graphOf(traced, inputs), inputs, directions).tangents) < 1e-13,
      'jvp',
    )
    // Losses that see only the last carry, only what is stacked, and everything.
    const shapes = values(traced, ...inputs).map((x) => x.shape)
    const losses = { carry: [1, 1, 0, 0], stacked: [0, 0, 1, 1], everything: [1, 1, 1, 1] }
    for (const [what, weights] of Object.entries(losses)) {
      const loss = (...ts: Tensor[]): Tensor =>
        fn(...(ts as [Tensor, Tensor, Tensor])).reduce(
          (s, out, i) =>
            add(
              s,
              mul(
                weights[i] as number,
                sum(mul(square(out), normal(`loss ${String(i)}`, ...(shapes[i] as number[])))),
              ),
            ),
          tensor(0),
        )
      const gradient = (...ts: Tensor[]): readonly Tensor[] =>
        grad(([a, b, c]: [Tensor, Tensor, Tensor]) => loss(a, b, c))(ts as [Tensor, Tensor, Tensor])
      const pulled = values(gradient, ...inputs)
      const along = pulled.reduce(
        (s, g, i) => s + g.data.reduce((r, z, k) => r + z * (directions[i]?.data[k] as number), 0),
        0,
      )
      const [expected] = complexStep(graphOf(loss, inputs), inputs, directions).tangents
      t.ok(Math.abs(along - (expected?.data[0] as number)) < 1e-12, `vjp, loss of ${what}`)
      const second = values(
        (...ts) =>
          jvp(
            gradient,
            ts,
            directions.map((d) => tensor(d)),
          )[1],
        ...inputs,
      )
      t.ok(
        relativeError(second, complexStep(graphOf(gradient, inputs), inputs, directions).tangents) < 1e-12,
        `jvp of vjp, loss of ${what}`,
      )
    }
  })
}

test('closed forms: the derivatives of xⁿ by scan', async (t) => {
  const pow =
    (n: number) =>
    (x: Tensor): Tensor =>
      scan((y: Tensor) => [mul(y, x), []] as const, tensor(1), [], { length: n })[0]
  t.equal(
    number((x) => grad(pow(5))(x), 2),
    80,
  )
  t.equal(
    number((x) => hvp(pow(5), x, 1), 2),
    160,
  )
  t.equal(
    number((x) => grad(grad(grad(pow(5))))(x), 2),
    240,
  )
})

test('a batch is the loop of single instances', async (t) => {
  const batch = [0, 1, 2].map(
    (i) =>
      [normal(`W ${String(i)}`, 2, 2), normal(`h ${String(i)}`, 2), normal(`x ${String(i)}`, 5, 2)] as const,
  )
  const counts = array([5, 0, 3])
  for (const reverse of [false, true]) {
    const loss = (W: Tensor, h: Tensor, x: Tensor, count: Operand): Tensor =>
      recurrence({ reverse, count })(W, h, x).reduce((s, out) => add(s, sum(square(out))), tensor(0))
    const all = (W: Tensor, h: Tensor, x: Tensor, count: Operand): readonly Tensor[] => [
      ...recurrence({ reverse, count })(W, h, x),
      ...grad(([a, b, c]: [Tensor, Tensor, Tensor]) => loss(a, b, c, count))([W, h, x]),
    ]
    const stacked = [0, 1, 2].map((k) => stackArrays(batch.map((own) => own[k] as NDArray)))
    const together = values(
      (...ts) => vmap(all)(...(ts as [Tensor, Tensor, Tensor, Tensor])),
      ...stacked,
      counts,
    )
    const alone = batch.map((own, i) =>
      values((...ts) => all(...(ts as [Tensor, Tensor, Tensor, Tensor])), ...own, counts.data[i] as number),
    )
    together.forEach((x, k) => {
      const error = relativeError([x], [stackArrays(alone.map((list) => list[k] as NDArray))])
      t.ok(
        error < 1e-14,
        `${reverse ? 'reverse' : 'forward'}, result ${String(k)}: ${error.toExponential(1)}`,
      )
    })
  }
})

test('what the body closes over becomes an operand and has a gradient', async (t) => {
  const A = normal('A', 4, 2)
  const descend = (data: Tensor): Tensor => {
    const gram = matmul(transpose(data), data)
    return sum(
      square(
        scan((x: Tensor) => [sub(x, mul(0.1, sub(matmul(gram, x), 1))), []] as const, tensor([1, 2]), [], {
          length: 6,
        })[0],
      ),
    )
  }
  const direction = normal('direction', 4, 2)
  const gradient = value((a) => grad(descend)(a), A)
  const [expected] = complexStep(
    graphOf((a) => descend(a), [A]),
    [A],
    [direction],
  ).tangents
  t.ok(
    Math.abs(
      gradient.data.reduce((s, g, i) => s + g * (direction.data[i] as number), 0) -
        (expected?.data[0] as number),
    ) < 1e-12,
  )
  const H = value((a) => hessian(descend)(a), A)
  const product = value((a) => hvp(descend, a, direction), A)
  const byHand = new NDArray(
    [4, 2],
    Float64Array.from({ length: 8 }, (_, i) =>
      direction.data.reduce((s, d, j) => s + (H.data[8 * i + j] as number) * d, 0),
    ),
  )
  t.ok(relativeError([product], [byHand]) < 1e-13)
})

test('of the reports of a body the worst step stands', async (t) => {
  const solves = (limits: Tensor): Tensor =>
    scan(
      (x: Tensor, tol: Tensor) =>
        [
          add(
            solve(fixedPoint({ map: (z: Tensor) => mul(0.5, z), maxSteps: 4, tol: 1e-3 }), {
              x0: mul(tol, tensor([1])),
            }),
            mul(0, x),
          ),
          [],
        ] as const,
      tensor([0]),
      limits,
    )[0]
  const good = evaluate((x) => solves(x), [1e-3, 1e-3]).reports
  t.strictSame([good.status, good.iterations], [statusCode.converged, 0])
  const bad = evaluate((x) => solves(x), [1e-3, 1, 1e-3]).reports
  t.strictSame([bad.status, bad.iterations], [statusCode.maxSteps, 4], 'a step in the middle failed')
  const counted = evaluate(
    (x) =>
      scan(
        (z: Tensor, s: Tensor) =>
          [
            add(
              mul(0, z),
              linearSolve((y) => mul(s, y), z),
            ),
            [],
          ] as const,
        tensor([1]),
        x,
        { count: 1 },
      )[0],
    [1, 0],
  )
  t.equal(counted.reports.status, statusCode.converged, 'steps beyond the count report nothing')
  t.equal(
    evaluate(
      (x) =>
        scan((z: Tensor, s: Tensor) => [linearSolve((y) => mul(s, y), z), []] as const, tensor([1]), x)[0],
      [1, 0],
    ).reports.status,
    statusCode.singular,
  )
})

const refused: readonly (readonly [string, () => unknown, new (...args: never[]) => OnestepError, RegExp])[] =
  [
    ['no length', () => scan((x: Tensor) => [x, []] as const, tensor(0), []), ShapeError, /option length/],
    [
      'a negative length',
      () => scan((x: Tensor) => [x, []] as const, tensor(0), [], { length: -1 }),
      ShapeError,
      /integer ≥ 0/,
    ],
    [
      'a broken length',
      () => scan((x: Tensor) => [x, []] as const, tensor(0), [], { length: 1.5 }),
      ShapeError,
      /integer ≥ 0/,
    ],
    [
      'a sequence of another length',
      () => scan((x: Tensor) => [x, []] as const, tensor(0), tensor([1, 2]), { length: 3 }),
      ShapeError,
      /another length/,
    ],
    [
      'sequences of two lengths',
      () => scan((x: Tensor) => [x, []] as const, tensor(0), [tensor([1, 2]), tensor([1])]),
      ShapeError,
      /another length/,
    ],
    [
      'a scalar as a sequence',
      () => scan((x: Tensor) => [x, []] as const, tensor(0), tensor(1), { length: 2 }),
      ShapeError,
      /another length/,
    ],
    [
      'a carry that changes its shape',
      () => scan((x: Tensor) => [add(x, [1, 2]), []] as const, tensor(0), [], { length: 2 }),
      ShapeError,
      /changes its shape/,
    ],
    [
      'a carry that changes its structure',
      () => scan((x: Tensor) => [[x] as never, []] as const, tensor(0), [], { length: 2 }),
      ArgumentError,
      /structure/,
    ],
    [
      'a count that is not a scalar',
      () => scan((x: Tensor) => [x, []] as const, tensor(0), [], { length: 2, count: [1, 2] }),
      ShapeError,
      /count is not a scalar/,
    ],
    [
      'an unknown option',
      () => scan((x: Tensor) => [x, []] as const, tensor(0), [], { lenght: 2 } as never),
      ArgumentError,
      /Did you mean "length"/,
    ],
  ]
for (const [name, fn, type, message] of refused) {
  test(`refused: ${name}`, async (t) => {
    t.throws(() => lowered(() => (fn(), 0)), type)
    t.throws(() => lowered(() => (fn(), 0)), { message })
  })
}
