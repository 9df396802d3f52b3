// Strategies on problems whose solution, and whose derivatives by every strategy, have a closed form.
import { test } from 'tap'
import { NDArray, array } from '../../lib/base/ndarray.js'
import {
  add,
  broadcast,
  concat,
  fixedPoint,
  grad,
  hvp,
  implicit,
  jacobian,
  jvp,
  luSolve,
  matmul,
  mul,
  neumann,
  newton,
  oneStep,
  phantom,
  reshape,
  sin,
  slice,
  solve,
  square,
  sub,
  sum,
  tanh,
  tensor,
  truncated,
  unrolled,
} from '../../lib/index.js'
import type { Strategy, Tensor } from '../../lib/index.js'
import { normal, value, values } from '../harness/evaluate.js'
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
import { derivative } from './formulas.js'
import { linear } from './problems.js'

const close = (actual: NDArray | undefined, expected: Matrix): number =>
  relativeError(
    [new NDArray([(actual as NDArray).size], (actual as NDArray).data)],
    [new NDArray([expected.flat().length], Float64Array.from(expected.flat()))],
  )

test('a linear map: every strategy is a polynomial in A times B, or a solve', async (t) => {
  const [A, B] = [fromArray(linear.A), fromArray(linear.B)]
  const theta = normal('linear theta', 2)
  const k = 7
  const solver = fixedPoint({
    map: (x: Tensor, p: Tensor) => add(add(matmul(linear.A, x), matmul(linear.B, p)), linear.c),
    maxSteps: k,
    tol: 0,
  })
  const C = (tau: number): Matrix => plus(scaled(tau, A), scaled(1 - tau, identity(3)))
  const rows: readonly (readonly [string, Strategy, Matrix])[] = [
    ['one-step: B', oneStep(), B],
    ['one-step at the previous iterate: B', oneStep({ at: 'previous' }), B],
    ...[1, 2, 5, 12].map((K) => [`Neumann ${String(K)}: Σ Aʲ B`, neumann(K), neumannSum(A, B, K)] as const),
    ...[1, 2, 5, 7].map(
      (K) => [`truncated ${String(K)}: Σ Aʲ B`, truncated(K), neumannSum(A, B, K)] as const,
    ),
    ['truncated beyond the steps that were made', truncated(12), neumannSum(A, B, k)],
    ...(
      [
        [1, 1],
        [4, 1],
        [1, 0.5],
        [6, 0.5],
        [3, 0.1],
      ] as const
    ).map(
      ([K, tau]) =>
        [
          `phantom ${String(K)}, ${String(tau)}: τ Σ Cʲ B`,
          phantom(K, tau),
          scaled(tau, neumannSum(C(tau), B, K)),
        ] as const,
    ),
    ...(['all', 'sqrt', 'log'] as const).map(
      (checkpoints) =>
        [
          `unrolled, checkpoints ${checkpoints}: Σ₍j<k₎ Aʲ B`,
          unrolled({ checkpoints }),
          neumannSum(A, B, k),
        ] as const,
    ),
    ['implicit: (I − A)⁻¹ B', implicit(), solved(minus(identity(3), A), B)],
  ]
  for (const [name, strategy, expected] of rows) {
    const J = values(
      (p) =>
        (['forward', 'reverse'] as const).map((mode) =>
          jacobian((q) => solve(solver, { x0: [0, 0, 0], theta: q, strategy }), { mode })(p),
        ),
      theta,
    )
    t.ok(Math.max(...J.map((one) => close(one, expected))) < 1e-14, name)
  }
})

test('x0: unrolled differentiates it, the others hold it constant', async (t) => {
  const [A, B] = [fromArray(linear.A), fromArray(linear.B)]
  const k = 6
  const solver = fixedPoint({
    map: (x: Tensor, p: Tensor) => add(matmul(linear.A, x), matmul(linear.B, p)),
    maxSteps: k,
    tol: 0,
  })
  let power = identity(3)
  for (let i = 0; i < k; i++) power = times(A, power)
  const start =
    (strategy: Strategy) =>
    (x0: Tensor): Tensor =>
      solve(solver, { x0, theta: [1, 2], strategy })
  const both =
    (strategy: Strategy) =>
    (p: Tensor): Tensor =>
      solve(solver, { x0: concat([p, [3]]), theta: p, strategy })
  for (const checkpoints of ['all', 'sqrt', 'log'] as const) {
    for (const mode of ['forward', 'reverse'] as const) {
      const [J, total] = values(
        (x) => [
          jacobian(start(unrolled({ checkpoints })), { mode })(x),
          jacobian(both(unrolled({ checkpoints })), { mode })(slice(x, [0, 2])),
        ],
        [1, 2, 3],
      )
      t.ok(close(J, power) < 1e-14, `Aᵏ, ${checkpoints}, ${mode}`)
      t.ok(
        close(
          total,
          plus(
            neumannSum(A, B, k),
            power.map((row) => row.slice(0, 2)),
          ),
        ) < 1e-14,
        `Σ Aʲ B + Aᵏ ∂x0, ${checkpoints}, ${mode}`,
      )
    }
  }
  // Truncated after all steps is unrolled with x0 held.
  const J = value((p) => jacobian(both(truncated(k)))(p), [1, 2])
  t.ok(close(J, neumannSum(A, B, k)) < 1e-14, 'truncated k holds x0')
  for (const strategy of [oneStep(), implicit(), neumann(3), truncated(k + 4), phantom(2, 0.5)]) {
    const Jx = value((x) => jacobian(start(strategy))(x), [1, 2, 3])
    t.strictSame([...Jx.data], new Array(9).fill(0), strategy.name)
  }
})

//   ∂x̄/∂wᵢ = −H⁻¹ xᵢ rᵢ,   ∂x̄/∂λ = −H⁻¹ x̄
test('√θ: the first and the second derivative', async (t) => {
  const root = newton({
    residual: (x: Tensor, a: Tensor) => sub(square(x), a),
    lineSearch: 'none',
    maxSteps: 20,
    tol: 1e-15,
  })
  const heron = fixedPoint({
    map: (x: Tensor, a: Tensor) => mul(0.5, add(x, a.div(x))),
    maxSteps: 20,
    tol: 1e-15,
  })
  const strategies: readonly Strategy[] = [
    ...[
      implicit(),
      implicit({ linearSolver: 'lu' }),
      implicit({ linearSolver: 'gmres', tol: 1e-14 }),
      neumann(1),
      neumann(3),
      oneStep(),
      oneStep({ at: 'previous' }),
    ],
    ...[
      phantom(1, 1),
      phantom(2, 1),
      truncated(1),
      truncated(2),
      truncated(3),
      unrolled(),
      unrolled({ checkpoints: 'all' }),
      unrolled({ checkpoints: 'log' }),
    ],
  ]
  const held = [
    oneStep({ detachHessian: true }),
    oneStep({ detachHessian: true, at: 'previous' }),
    oneStep({ stepLengthCorrection: true }),
  ]
  const theta = 1.9
  const [first, second] = [0.5 * theta ** -0.5, -0.25 * theta ** -1.5]
  for (const [name, solver, list] of [
    ['newton', root, [...strategies, ...held]],
    ['Heron', heron, strategies],
  ] as const) {
    for (const strategy of list) {
      const fn = (a: Tensor): Tensor =>
        reshape(solve(solver as unknown as typeof root, { x0: broadcast(1, [1]), theta: a, strategy }), [])
      const derivatives = values((a) => {
        const z = a
        const along =
          (f: (b: Tensor) => Tensor) =>
          (b: Tensor): Tensor =>
            jvp(f, [b], [tensor(1)])[1]
        return [
          grad(fn)(z),
          along(fn)(z),
          hvp(fn, z, 1),
          grad((b: Tensor) => grad(fn)(b))(z),
          along(along(fn))(z),
          grad(along(fn))(z),
        ]
      }, theta).map((d) => d.data[0] as number)
      t.ok(
        derivatives.slice(0, 2).every((d) => Math.abs(d / first - 1) < 1e-9),
        `${name}, ${strategy.name}: first ${derivatives.slice(0, 2).join(' ')}`,
      )
      t.ok(
        derivatives.slice(2).every((d) => Math.abs(d / second - 1) < 1e-8),
        `${name}, ${strategy.name}: second ${derivatives.slice(2).join(' ')}`,
      )
    }
  }
})

test('at convergence all exact strategies agree with the closed form of a derivative', async (t) => {
  // x = tanh(W x + U θ): J = (I − D W)⁻¹ D U with D = diag(1 − x²)
  const W = new NDArray(
    [3, 3],
    normal('W', 3, 3).data.map((w) => 0.3 * w),
  )
  const U = normal('U', 3, 2)
  const theta = normal('theta', 2)
  const layer = fixedPoint({
    map: (x: Tensor, q: Tensor) => tanh(add(matmul(W, x), matmul(U, q))),
    maxSteps: 500,
    tol: 1e-15,
  })
  const byNewton = newton({
    residual: (x: Tensor, q: Tensor) => sub(x, tanh(add(matmul(W, x), matmul(U, q)))),
    tol: 1e-15,
  })
  const x = value((q) => solve(layer, { x0: [0, 0, 0], theta: q }), theta)
  const D = Array.from(x.data, (xi, i) => Array.from({ length: 3 }, (_, j) => (i === j ? 1 - xi * xi : 0)))
  const J = solved(minus(identity(3), times(D, fromArray(W))), times(D, fromArray(U)))
  const second = (q: Tensor): Tensor =>
    luSolve(
      sub(array(identity(3)), mul(reshape(sub(1, square(q)), [3, 1]), W)),
      mul(reshape(sub(1, square(q)), [3, 1]), U),
    )
  t.ok(relativeError([value((q) => second(q), x)], [toArray(J)]) < 1e-14, 'two ways to write J')
  const rows = [
    ...[
      implicit(),
      ...(['lu', 'gmres', 'bicgstab', 'normalCg', 'neumann'] as const).map((linearSolver) =>
        implicit({ linearSolver, tol: 1e-13, maxSteps: 500 }),
      ),
    ].map((s) => [layer, s] as const),
    ...[neumann(200), truncated(200), unrolled(), phantom(300, 0.8)].map((s) => [layer, s] as const),
    ...[
      implicit(),
      oneStep(),
      oneStep({ detachHessian: true }),
      unrolled(),
      neumann(1),
      truncated(2),
      phantom(1, 1),
    ].map((s) => [byNewton, s] as const),
  ]
  for (const [solver, strategy] of rows) {
    const got = value(
      (q) =>
        jacobian((z) => solve(solver as unknown as typeof layer, { x0: [0, 0, 0], theta: z, strategy }))(q),
      theta,
    )
    const error = close(got, J)
    t.ok(error < 1e-10, `${solver.name}, ${strategy.name}: ${error.toExponential(1)}`)
  }
  // The second derivative against complex steps through the closed form of the first.
  for (const [solver, strategy] of [
    [layer, implicit()],
    [layer, neumann(400)],
    [byNewton, implicit()],
    [byNewton, oneStep()],
    [byNewton, unrolled()],
  ] as const) {
    const fn = (z: Tensor): Tensor =>
      sum(sin(solve(solver as unknown as typeof layer, { x0: [0, 0, 0], theta: z, strategy })))
    const own = value((q) => jacobian((z: Tensor) => grad(fn)(z))(q), theta)
    const tight = fixedPoint({
      map: (z: Tensor, q: Tensor) => tanh(add(matmul(W, z), matmul(U, q))),
      maxSteps: 400,
      tol: 0,
    })
    const byHand = derivative(
      (q) => {
        const at = solve(tight, { x0: [0, 0, 0], theta: q })
        return matmul(at.cos(), second(at))
      },
      [theta],
      0,
    )
    const error = close(own, byHand)
    t.ok(error < 1e-9, `${solver.name}, ${strategy.name}, second derivative: ${error.toExponential(1)}`)
  }
})
