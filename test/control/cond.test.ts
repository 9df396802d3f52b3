// cond: values, derivatives of the branch that is taken, predicates shared and for each element, reports, refusals.
import { test } from 'tap'
import { ArgumentError, ShapeError, TraceError } from '../../lib/base/errors.js'
import type { OnestepError } from '../../lib/base/errors.js'
import { NDArray, array } from '../../lib/base/ndarray.js'
import { gradientStatusCode, statusCode } from '../../lib/base/status.js'
import {
  add,
  cond,
  div,
  exp,
  fixedPoint,
  grad,
  greater,
  hvp,
  implicit,
  jvp,
  linearSolve,
  log,
  mul,
  neg,
  sin,
  solve,
  sqrt,
  square,
  sum,
  tensor,
  vmap,
} from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'
import type { Operand } from '../../lib/ir/trace.js'
import { evaluate, lowered, normal, number, value, values } from '../harness/evaluate.js'
import { relativeError, rowOf, stackArrays } from '../oracle/compare.js'

/** exp(x) y for p, x² + log y otherwise. */
const branches = (p: Operand, x: Tensor, y: Tensor): Tensor =>
  cond(
    p,
    () => mul(exp(x), y),
    () => add(square(x), log(y)),
  )

test('values and derivatives of the branch that is taken', async (t) => {
  const [x, y] = [0.7, 1.9]
  for (const [p, taken] of [
    [1, true],
    [-2, true],
    [1e-300, true],
    [Infinity, true],
    [0, false],
    [-0, false],
    [NaN, false],
  ] as const) {
    const all = values(
      (q, a, b) => {
        const f = (c: Tensor, d: Tensor): Tensor => branches(q, c, d)
        const [ga, gb] = grad(([c, d]: [Tensor, Tensor]) => f(c, d))([a, b])
        const pushed = jvp(f, [a, b], [tensor(2), tensor(3)])[1]
        const second = hvp((c) => f(c, b), a, 1)
        const mixed = jvp((d: Tensor) => grad((c: Tensor) => f(c, d))(a), [b], [tensor(1)])[1]
        const inPredicate = grad((r: Tensor) => branches(r, a, b))(q)
        return [f(a, b), ga, gb, pushed, second, mixed, inPredicate]
      },
      p,
      x,
      y,
    ).map((z) => z.data[0] as number)
    const e = Math.exp(x)
    const expected = taken
      ? [e * y, e * y, e, 2 * e * y + 3 * e, e * y, e, 0]
      : [x * x + Math.log(y), 2 * x, 1 / y, 4 * x + 3 / y, 2, 0, 0]
    t.ok(
      all.every((z, i) => Math.abs(z - (expected[i] as number)) < 1e-14),
      `predicate ${String(p)}: ${all.map((z) => z.toFixed(4)).join(' ')}`,
    )
  }
})

test('the branch that is not taken leaves no trace', async (t) => {
  // √x and 1/x at 0 have infinite derivatives; 0 · ∞ must not leak, whatever computes the selection.
  const safe = (x: Tensor): Tensor =>
    cond(
      greater(x, 0),
      () => add(sqrt(x), div(1, x)),
      () => mul(2, x),
    )
  const points = array([0, 4, -1])
  const alone = [...points.data].map((x) =>
    values((z) => [safe(z), grad(safe)(z), hvp(safe, z, 1)], x).map((v) => v.data[0] as number),
  )
  t.strictSame(alone, [
    [0, 2, 0],
    [2.25, 0.25 - 1 / 16, -1 / 32 + 2 / 64],
    [-2, 2, 0],
  ])
  const together = values(
    (z) => [vmap(safe)(z), vmap(grad(safe))(z), vmap((a: Tensor) => hvp(safe, a, 1))(z)],
    points,
  )
  t.strictSame(
    together.map((v) => [...v.data]),
    [0, 1, 2].map((k) => alone.map((own) => own[k])),
    'the same under vmap',
  )
})

test('a shared predicate takes one branch for the whole batch; one for each selects', async (t) => {
  const [xs, ys] = [
    normal('x', 4, 3),
    new NDArray(
      [4, 3],
      normal('y', 4, 3).data.map((z) => Math.exp(z)),
    ),
  ]
  const f = (p: Tensor, x: Tensor, y: Tensor): Tensor[] => [
    branches(p, x, y),
    ...grad(([a, b]: [Tensor, Tensor]) => sum(branches(p, a, b)))([x, y]),
  ]
  for (const p of [0, 1]) {
    const shared = (q: Tensor, a: Tensor, b: Tensor): Tensor[] =>
      vmap((c: Tensor, d: Tensor) => f(q, c, d))(a, b)
    const together = values((...ts) => shared(...(ts as [Tensor, Tensor, Tensor])), p, xs, ys)
    const alone = [0, 1, 2, 3].map((i) =>
      values((...ts) => f(...(ts as [Tensor, Tensor, Tensor])), p, rowOf(xs, i), rowOf(ys, i)),
    )
    together.forEach((z, k) =>
      t.ok(
        relativeError([z], [stackArrays(alone.map((own) => own[k] as NDArray))]) < 1e-15,
        `p = ${String(p)}, result ${String(k)}`,
      ),
    )
    const graph = lowered((...ts) => shared(...(ts as [Tensor, Tensor, Tensor])), p, xs, ys)
    t.ok(
      graph.nodes.some((node) => node.op.name === 'cond'),
      'still a cond',
    )
  }
  const ps = array([1, 0, NaN, -3])
  const each = values((...ts) => vmap(f)(...(ts as [Tensor, Tensor, Tensor])), ps, xs, ys)
  const alone = [0, 1, 2, 3].map((i) =>
    values(
      (...ts) => f(...(ts as [Tensor, Tensor, Tensor])),
      ps.data[i] as number,
      rowOf(xs, i),
      rowOf(ys, i),
    ),
  )
  each.forEach((z, k) =>
    t.ok(
      relativeError([z], [stackArrays(alone.map((own) => own[k] as NDArray))]) < 1e-15,
      `a predicate for each, result ${String(k)}`,
    ),
  )
  // Only one branch depends on the batch.
  const half = value(
    (a) =>
      vmap((c: Tensor) =>
        cond(
          0,
          () => c,
          () => tensor(5),
        ),
      )(a),
    [1, 2],
  )
  t.strictSame([...half.data], [5, 5])
})

test('trees, nesting, no operands', async (t) => {
  const [a, b] = values((x) => {
    const { p, q } = cond(
      greater(x, 0),
      () => ({ p: x, q: [tensor(1)] }),
      () => ({ q: [neg(x)], p: tensor(2) }),
    )
    return [p, q[0] as Tensor]
  }, -7)
  t.strictSame([a?.data[0], b?.data[0]], [2, 7], 'keys match by name')
  const quadrant = (x: Tensor, y: Tensor): Tensor =>
    cond(
      greater(x, 0),
      () =>
        cond(
          greater(y, 0),
          () => mul(x, y),
          () => sin(x),
        ),
      () =>
        cond(
          greater(y, 0),
          () => square(y),
          () => tensor(4),
        ),
    )
  for (const [x, y, f, dx, dy] of [
    [2, 3, 6, 3, 2],
    [2, -3, Math.sin(2), Math.cos(2), 0],
    [-2, 3, 9, 0, 6],
    [-2, -3, 4, 0, 0],
  ] as const) {
    const got = values(
      (u, v) => [quadrant(u, v), ...grad(([c, d]: [Tensor, Tensor]) => quadrant(c, d))([u, v])],
      x,
      y,
    )
    t.strictSame(
      got.map((z) => z.data[0]),
      [f, dx, dy],
    )
  }
})

test('of the reports of the branch that is taken the worst stands', async (t) => {
  const bad = fixedPoint({ map: (x: Tensor) => mul(0.5, x), maxSteps: 2, tol: 1e-6 })
  const good = fixedPoint({ map: (x: Tensor) => mul(0, x), maxSteps: 2, tol: 1e-6 })
  const fn =
    (order: readonly [typeof bad, typeof bad]) =>
    (p: Tensor): Tensor =>
      cond(
        p,
        () => order.reduce<Tensor>((s, solver) => add(s, solve(solver, { x0: tensor([1]) })), tensor([0])),
        () => tensor([3]),
      )
  for (const [name, order] of [
    ['failed first', [bad, good]],
    ['failed last', [good, bad]],
  ] as const) {
    const { reports } = evaluate((p) => fn(order)(p), 1)
    t.strictSame([reports.status, reports.iterations], [statusCode.maxSteps, 2], name)
  }
  t.equal(
    evaluate((p) => fn([bad, bad])(p), 0).reports.status,
    statusCode.converged,
    'the other branch reports nothing',
  )
  // The solve is fine, but its adjoint solve inside of the branch stops early.
  const solver = fixedPoint({
    map: (x: Tensor, th: Tensor) => add(mul([0.1, 0.5, 0.9], sin(x)), mul(th, [1, 2, 3])),
    tol: 1e-12,
  })
  const loss = (p: Tensor, th: Tensor, steps: number): Tensor =>
    cond(
      p,
      () =>
        sum(
          solve(solver, {
            x0: tensor([0, 0, 0]),
            theta: th,
            strategy: implicit({ linearSolver: 'gmres', maxSteps: steps }),
          }),
        ),
      () => th,
    )
  const status = (p: number, steps: number): number | undefined =>
    evaluate((q, th) => grad((c: Tensor) => loss(q, c, steps))(th), p, 0.3).reports.gradientStatus
  t.equal(status(1, 20), gradientStatusCode.ok)
  t.equal(status(1, 1), gradientStatusCode.notConverged, 'an adjoint solve inside of a branch')
  t.equal(status(0, 1), gradientStatusCode.ok)
  t.equal(
    evaluate(
      (p) =>
        cond(
          p,
          () => linearSolve((z) => mul(0, z), [1]),
          () => tensor([1]),
        ),
      1,
    ).reports.status,
    statusCode.singular,
  )
})

const refused: readonly (readonly [string, () => unknown, new (...args: never[]) => OnestepError, RegExp])[] =
  [
    [
      'a predicate that is not a scalar',
      () =>
        cond(
          [1, 0],
          () => tensor(1),
          () => tensor(2),
        ),
      ShapeError,
      /predicate is not a scalar/,
    ],
    [
      'branches of different shapes',
      () =>
        cond(
          1,
          () => tensor(1),
          () => tensor([2]),
        ),
      ShapeError,
      /different shapes/,
    ],
    [
      'branches of different structures',
      () =>
        cond(
          1,
          () => ({ a: tensor(1) }),
          () => ({ b: tensor(1) }) as never,
        ),
      ArgumentError,
      /structure/,
    ],
    [
      'branches of different numbers of arrays',
      () =>
        cond(
          1,
          () => [tensor(1)],
          () => [tensor(1), tensor(2)],
        ),
      ArgumentError,
      /structure/,
    ],
    [
      'a branch that returns something else',
      () =>
        cond(
          1,
          () => 'text' as never,
          () => tensor(1),
        ),
      ArgumentError,
      /not an array/,
    ],
    [
      'a Tensor that leaves its branch',
      () => {
        let leaked = tensor(0)
        cond(
          1,
          () => (leaked = add(1, 2)),
          () => tensor(1),
        )
        return add(leaked, 1)
      },
      TraceError,
      /outside the function/,
    ],
  ]
for (const [name, fn, type, message] of refused) {
  test(`refused: ${name}`, async (t) => {
    t.throws(() => lowered(() => (fn(), 0)), type)
    t.throws(() => lowered(() => (fn(), 0)), { message })
  })
}

test('a number as predicate', async (t) => {
  t.equal(
    number(
      (x) =>
        cond(
          1,
          () => x,
          () => tensor(0),
        ),
      5,
    ),
    5,
  )
  t.equal(
    number(
      (x) =>
        grad((z: Tensor) =>
          cond(
            0,
            () => z,
            () => square(z),
          ),
        )(x),
      5,
    ),
    10,
  )
})
