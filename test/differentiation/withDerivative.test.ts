// Solutions that were computed elsewhere, or by an algorithm of the user's own: derivatives against closed forms, what is reported,
// and what is refused.
import { test } from 'tap'
import { ArgumentError } from '../../lib/base/errors.js'
import { NDArray, array } from '../../lib/base/ndarray.js'
import { gradientStatusCode, statusCode } from '../../lib/base/status.js'
import {
  Pool,
  add,
  attach,
  compile,
  customDerivative,
  div,
  fixedPoint,
  grad,
  greater,
  hessian,
  implicit,
  jacobian,
  jvp,
  less,
  linspace,
  logicalAnd,
  luSolve,
  matmul,
  mul,
  neumann,
  oneStep,
  phantom,
  scan,
  shared,
  sin,
  solve,
  sqrt,
  square,
  sub,
  sum,
  sumSquares,
  tanh,
  tensor,
  truncated,
  unrolled,
  vmap,
  whileLoop,
  withDerivative,
} from '../../lib/index.js'
import type { Strategy, Tensor } from '../../lib/index.js'
import { evaluate, lowered, normal, number, value, values } from '../harness/evaluate.js'
import { relativeError } from '../oracle/compare.js'
import {
  fromArray,
  identity,
  minus,
  neumannSum,
  plus,
  scaled,
  solved,
  times,
  toArray,
} from '../oracle/matrices.js'
import type { Matrix } from '../oracle/matrices.js'
import { linear } from './problems.js'

const [A, B] = [fromArray(linear.A), fromArray(linear.B)]
const affine = (x: Tensor, p: Tensor): Tensor => add(matmul(linear.A, x), matmul(linear.B, p))
const theta = normal('attached theta', 2)
/** x = A x + B θ, solved outside. */
const outside = toArray(solved(minus(identity(3), A), times(B, fromArray(theta))))
const x0 = new NDArray([3], outside.data)

const exact = solved(minus(identity(3), A), B)
const damped = (tau: number): Matrix => plus(scaled(tau, A), scaled(1 - tau, identity(3)))
const rules: readonly (readonly [string, Strategy, Matrix])[] = [
  ['implicit', implicit(), exact],
  ['implicit by gmres', implicit({ linearSolver: 'gmres' }), exact],
  ['one-step', oneStep(), B],
  ['neumann 5', neumann(5), neumannSum(A, B, 5)],
  ['phantom', phantom(4, 0.5), scaled(0.5, neumannSum(damped(0.5), B, 4))],
]

test('a linear map, by every strategy and in both modes, is its formula', async (t) => {
  for (const [name, strategy, want] of rules) {
    const got = values(
      (x, p) =>
        (['forward', 'reverse'] as const).map((mode) =>
          jacobian((q) => attach(x, q, { map: affine, strategy }), { mode })(p),
        ),
      x0,
      theta,
    )
    for (const J of got) t.ok(relativeError([J], [toArray(want)]) < 1e-9, name)
  }
})

test('a residual: one step of Newton is the implicit derivative', async (t) => {
  const strategies = [implicit(), implicit({ linearSolver: 'lu' }), oneStep(), neumann(3)]
  for (const strategy of [...strategies, oneStep({ detachHessian: true })]) {
    const got = value(
      (x, p) => jacobian((q) => attach(x, q, { residual: (y, r) => sub(affine(y, r), y), strategy }))(p),
      x0,
      theta,
    )
    t.ok(relativeError([got], [toArray(exact)]) < 1e-10, strategy.name)
  }
})

test('what is attached to is returned as it is, bit for bit', async (t) => {
  t.strictSame(value((x, p) => attach(x, p, { map: affine }), x0, theta).data, x0.data)
})

const root = (x: Tensor, p: Tensor): Tensor => sub(square(x), p)
/** x ← ½ (x + θ/x) */
const heron = (x: Tensor, p: Tensor): Tensor => mul(0.5, add(x, div(p, x)))

test('√θ: derivatives of the first three orders', async (t) => {
  const p = 1.7
  const want = [p ** -0.5 / 2, -(p ** -1.5) / 4, (3 / 8) * p ** -2.5]
  const forms: readonly (readonly [string, (p: Tensor) => Tensor])[] = [
    ['numbers, residual', (q) => attach(tensor(Math.sqrt(p)), q, { residual: root })],
    ['numbers, map', (q) => attach(tensor(Math.sqrt(p)), q, { map: heron })],
    ['numbers, one step', (q) => attach(tensor(Math.sqrt(p)), q, { map: heron, strategy: oneStep() })],
    ['an algorithm', withDerivative({ forward: (q: Tensor) => sqrt(q), residual: root })],
  ]
  for (const [name, f] of forms) {
    const got = values((q) => [grad(f)(q), grad(grad(f))(q), grad(grad(grad(f)))(q)], p)
    // x̄ is attached: to first order its derivative is the strategy's, so that orders 2 and 3 are right where order 1 is.
    got.forEach((g, i) =>
      t.ok(Math.abs((g.data[0] as number) / (want[i] as number) - 1) < 1e-9, `${name}, ${String(i + 1)}`),
    )
  }
})

test('a loop of its own, which reverse mode could not go through', async (t) => {
  const loop = withDerivative({
    forward: (p: Tensor) =>
      whileLoop(
        ({ x, k }) => logicalAnd(greater(square(x).sub(p).abs(), 1e-14), less(k, 100)),
        ({ x, k }) => ({ x: heron(x, p), k: add(k, 1) }),
        { x: tensor(1), k: tensor(0) },
      ).x,
    residual: root,
  })
  const steps = withDerivative({
    forward: (p: Tensor) => scan((x: Tensor) => [heron(x, p), []] as const, tensor(1), [], { length: 30 })[0],
    map: heron,
    strategy: oneStep(),
  })
  const opaque = customDerivative((p) => sqrt(p), {})
  const rules = withDerivative({ forward: (p: Tensor) => opaque(p), residual: root })
  for (const [name, f] of Object.entries({ loop, steps, rules })) {
    const [d, twice, pushed] = values((p) => [grad(f)(p), grad(grad(f))(p), jvp(f, [p], [tensor(1)])[1]], 3)
    const close = (x: NDArray | undefined, want: number): boolean =>
      Math.abs((x?.data[0] as number) / want - 1) < 1e-9
    t.ok(close(d, 0.5 / Math.sqrt(3)) && close(pushed, 0.5 / Math.sqrt(3)), name)
    t.ok(close(twice, -0.25 * 3 ** -1.5), `${name}, second`)
  }
})

test('the same numbers and derivatives as the solver whose result is attached to', async (t) => {
  const W = normal('attached W', 4, 4)
  const map = (x: Tensor, p: Tensor): Tensor => tanh(add(mul(0.2, matmul(W, x)), p))
  const solver = fixedPoint({ map, tol: 1e-13 })
  const p = normal('attached bias', 4)
  const x = value((q) => solve(solver, { x0: [0, 0, 0, 0], theta: q }), p)
  for (const strategy of [implicit(), oneStep(), neumann(4), phantom(3, 0.7)]) {
    const loss = (y: Tensor): Tensor => sumSquares(sin(y))
    const [g, h, gOwn, hOwn] = values(
      (q, y) => {
        const own = (r: Tensor): Tensor => loss(solve(solver, { x0: [0, 0, 0, 0], theta: r, strategy }))
        const given = (r: Tensor): Tensor => loss(attach(y, r, { map, strategy }))
        return [grad(given)(q), hessian(given)(q), grad(own)(q), hessian(own)(q)]
      },
      p,
      x,
    )
    t.ok(
      relativeError([g as NDArray, h as NDArray], [gOwn as NDArray, hOwn as NDArray]) < 1e-11,
      strategy.name,
    )
  }
})

test('trees, and Tensors that the equation closes over', async (t) => {
  // x.a = u / w, x.b = v²
  const f = (u: Tensor, v: Tensor, w: Tensor): { a: Tensor; b: Tensor } =>
    attach(
      { a: div(u, w), b: square(v) },
      { u, v },
      { residual: (x, p) => ({ a: sub(mul(w, x.a), p.u), b: sub(x.b, square(p.v)) }) },
    )
  const g = grad(({ u, v, w }: Readonly<Record<'u' | 'v' | 'w', Tensor>>) => {
    const { a, b } = f(u, v, w)
    return add(sum(a), sum(b))
  })
  const [du, dv, dw] = values(
    (u, v, w) => {
      const d = g({ u, v, w })
      return [d.u, d.v, d.w]
    },
    [1, 2],
    [3, 4, 5],
    2,
  )
  t.ok(relativeError([du as NDArray], [array([0.5, 0.5])]) < 1e-14)
  t.ok(relativeError([dv as NDArray], [array([6, 8, 10])]) < 1e-14)
  t.ok(relativeError([dw as NDArray], [array(-3 / 4)]) < 1e-14)
})

test('batches: lanes, vmap and a pool give what one instance gives', async (t) => {
  const f = (x: Tensor, p: Tensor): { x: Tensor; d: Tensor } => ({
    x: attach(x, p, { residual: root }),
    d: grad((q: Tensor) => attach(x, q, { residual: root }))(p),
  })
  const p = linspace(0.5, 4, 37)
  const x = new NDArray([37], p.data.map(Math.sqrt))
  const one = compile(f)
  const batch = one.batch(x, p)
  const single = [...p.data].map((q) => one(Math.sqrt(q), q).value.d as number)
  t.ok(relativeError([batch.value.d], [array(single)]) < 1e-15)
  t.ok(batch.status.every((code) => code === statusCode.converged))
  t.ok(relativeError([value((y, q) => vmap(f)(y, q).d, x, p)], [array(single)]) < 1e-15)
  await using pool = new Pool({ threads: 2 })
  const pooled = await pool.run(f, [x, p])
  t.strictSame((pooled.value as { d: NDArray }).d.data, batch.value.d.data)
  // One x̄ for all: the instances to which it does not belong are told.
  const { status } = one.batch(shared(Math.sqrt(0.5)), p)
  t.equal(status[0], statusCode.converged)
  t.ok(status.subarray(1).every((code) => code === statusCode.maxSteps))
})

const reported: readonly (readonly [string, number, number | undefined, number, number])[] = [
  // x̄, tol, status, ‖G‖
  ['a solution', 2, undefined, statusCode.converged, 0],
  ['within the default tolerance', 2 + 1e-7, undefined, statusCode.converged, 4e-7],
  ['not within it', 2 + 1e-6, undefined, statusCode.maxSteps, 4e-6],
  ['within a tolerance that is given', 2.1, 0.5, statusCode.converged, 0.41],
  ['no solution', 2.1, undefined, statusCode.maxSteps, 0.41],
  ['tolerance 0, met', 2, 0, statusCode.converged, 0],
  ['not a number', NaN, undefined, statusCode.nonFinite, NaN],
  ['infinite', Infinity, undefined, statusCode.nonFinite, Infinity],
]

test('what is reported of x̄', async (t) => {
  for (const [name, x, tol, status, residual] of reported) {
    const options = { residual: root, ...(tol === undefined ? {} : { tol }) }
    const { reports } = evaluate((y, p) => attach(y, p, options), x, 4)
    t.equal(reports.status, status, name)
    t.equal(reports.iterations, 0, name)
    if (Number.isFinite(residual)) t.ok(Math.abs((reports.residual as number) - residual) < 1e-5, name)
    else t.notOk(Number.isFinite(reports.residual), name)
  }
})

test('an algorithm that stopped early is told, with its own facts beside', async (t) => {
  const crude = withDerivative({
    forward: (p: Tensor) =>
      solve(fixedPoint({ map: heron, maxSteps: 2, tol: 1e-12 }), { x0: tensor(1), theta: p }),
    residual: root,
    tol: 1e-8,
  })
  const { reports } = evaluate((p) => crude(p), 9)
  t.equal(reports.status, statusCode.maxSteps)
  t.equal(reports.iterations, 2)
  t.ok((reports.residual as number) > 0.1)
})

test('how wrong it is can be certified', async (t) => {
  const f = compile(
    (x: Tensor, p: Tensor) =>
      jvp((q: Tensor) => attach(x, q, { residual: root, tol: 1, certificate: true }), [p], [tensor(1)])[1],
  )
  const off = f(2.01, 4)
  const truth = 0.25
  t.ok(Math.abs((off.value as number) - truth) <= (off.certificate?.estimate as number))
  t.ok((off.certificate?.estimate as number) < 0.01)
})

test('θ that the equation does not see is told', async (t) => {
  const undefinedCode = gradientStatusCode.undefined
  const blind = withDerivative({ forward: (p: Tensor) => mul(2, p), map: (x: Tensor) => x.mul(0.5) })
  const closing = (c: Tensor): Tensor =>
    withDerivative({ forward: (p: Tensor) => sqrt(p.add(c).sub(c)), residual: root })(tensor(2))
  const handed = (x: Tensor): Tensor => attach(x, 4, { residual: root })
  for (const [name, f] of Object.entries({ blind, closing, handed })) {
    const reverse = evaluate((p) => grad((q: Tensor) => f(q))(p), 2).reports
    const forward = evaluate((p) => jvp((q: Tensor) => f(q), [p], [tensor(1)])[1], 2).reports
    t.equal(reverse.gradientStatus, undefinedCode, `${name}, reverse`)
    t.equal(forward.gradientStatus, undefinedCode, `${name}, forward`)
  }
  t.equal(
    number((p) => grad((q: Tensor) => blind(q))(p), 2),
    0,
  )
})

test('a singular equation is told', async (t) => {
  const { reports } = evaluate(
    (x, p) => grad((q: Tensor) => attach(x, q, { residual: (y, r: Tensor) => square(sub(y, r)) }))(p),
    2,
    2,
  )
  t.equal(reports.gradientStatus, gradientStatusCode.singular)
})

const half = (x: Tensor, p: Tensor): Tensor => x.mul(0.5).add(p)
const differentiated = (strategy: Strategy) => (): unknown =>
  grad((p: Tensor) => attach(tensor(2), p, { map: half, strategy }))(tensor(1))
const refused: readonly (readonly [string, () => unknown, RegExp])[] = [
  ['no equation', () => attach(1, 1, {}), /exactly one of map and residual.*neither/],
  ['two equations', () => attach(1, 1, { map: half, residual: root }), /both/],
  ['an unknown option', () => attach(1, 1, { maps: half } as never), /Did you mean "map"/],
  ['a negative tolerance', () => attach(tensor(1), 1, { map: half, tol: -1 }), /tol/],
  ['nothing to attach to', () => attach([] as never, 1, { map: half as never }), /x0 is empty/],
  [
    'a residual of another structure',
    () => attach({ a: 1 }, 1, { residual: (x: { a: Tensor }) => [x.a] as never }),
    /residual\(x, theta\).*structure/,
  ],
  ['unrolled', differentiated(unrolled()), /steps of a solver.*unrolled/],
  ['truncated', differentiated(truncated(3)), /steps of a solver.*truncated-3/],
  ['one-step at the previous iterate', differentiated(oneStep({ at: 'previous' })), /steps of a solver/],
  ['no algorithm', () => withDerivative({ map: half } as never), /forward/],
  ['an algorithm without an equation', () => withDerivative({ forward: (p: Tensor) => p }), /neither/],
  [
    'an algorithm with a strategy for steps',
    () => withDerivative({ forward: (p: Tensor) => p, map: half, strategy: unrolled() }),
    /unrolled/,
  ],
]

test('refused', async (t) => {
  for (const [name, fn, message] of refused) {
    t.throws(() => lowered(() => (fn(), 0)), ArgumentError, name)
    t.throws(() => lowered(() => (fn(), 0)), { message }, name)
  }
})

test('a direct solution of a linear system has the derivative of a solve', async (t) => {
  const M = normal('attached M', 3, 3)
  const b = normal('attached b', 3)
  const through = (m: Tensor): Tensor =>
    withDerivative({
      forward: ({ m: mm }: { m: Tensor }) => luSolve(mm, b),
      residual: (x: Tensor, { m: mm }: { m: Tensor }) => sub(matmul(mm, x), b),
    })({ m })
  const [own, reference] = values((m) => [jacobian(through)(m), jacobian((z) => luSolve(z, b))(m)], M)
  t.ok(relativeError([own as NDArray], [reference as NDArray]) < 1e-11)
})
