// Strategies on problems whose solution, and whose derivatives by every strategy, have a closed form.
import { test } from 'tap'
import { NDArray, array } from '../../lib/base/ndarray.js'
import {
  add,
  backtracking,
  broadcast,
  concat,
  fixedPoint,
  grad,
  gradientDescent,
  gram,
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
  sumSquares,
  tanh,
  tensor,
  transpose,
  truncated,
  unrolled,
} from '../../lib/index.js'
import type { Strategy, Tensor } from '../../lib/index.js'
import { between, evaluate, normal, number, value, values } from '../harness/evaluate.js'
import { relativeError } from '../oracle/compare.js'
import {
  fromArray,
  identity,
  minus,
  neumannSum,
  norm2,
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
  t.ok(norm2(A) < 1 && Math.abs(norm2(A) - norm2(times(A, identity(3)))) < 1e-12, 'A is a contraction')
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

// Ridge regression with a weight for each sample: x̄ = (Xᵀ W X + λ I)⁻¹ Xᵀ W y,
//   ∂x̄/∂wᵢ = −H⁻¹ xᵢ rᵢ,   ∂x̄/∂λ = −H⁻¹ x̄
const [n, p] = [6, 3]
const X = normal('X', n, p)
const y = normal('y', n)
const ridgeTheta = new NDArray([n + 1], Float64Array.from([...between(0.5, 1.5, 'w', n).data, 0.7]))
const parts = (theta: Tensor): { weights: Tensor; lambda: Tensor } => ({
  weights: slice(theta, [0, n]),
  lambda: reshape(slice(theta, [n, n + 1]), []),
})
const objective = (x: Tensor, theta: Tensor): Tensor => {
  const { weights, lambda } = parts(theta)
  return add(mul(0.5, sum(mul(weights, square(sub(matmul(X, x), y))))), mul(mul(0.5, lambda), sumSquares(x)))
}
const H = value(
  (theta) => add(gram(X, parts(theta).weights), mul(parts(theta).lambda, array(identity(p)))),
  ridgeTheta,
)
const xBar = value((theta) => luSolve(H, matmul(transpose(X), mul(parts(theta).weights, y))), ridgeTheta)
const r = value(() => sub(matmul(X, xBar), y))
const ridgeJ = solved(
  fromArray(H),
  Array.from({ length: p }, (_, i) => [
    ...Array.from({ length: n }, (__, s) => -X.at(s, i) * (r.data[s] as number)),
    -(xBar.data[i] as number),
  ]),
)

test('ridge regression: the solution and its derivative by every exact strategy', async (t) => {
  const descent = gradientDescent({ objective, stepSize: 0.08, maxSteps: 5000, tol: 1e-13 })
  const byFunction = gradientDescent({
    objective,
    stepSize: (theta: Tensor) => add(0.05, mul(0.02, parts(theta).lambda)),
    maxSteps: 5000,
    tol: 1e-13,
  })
  const searched = gradientDescent({
    objective,
    stepSize: backtracking({ initial: 1 }),
    maxSteps: 5000,
    tol: 1e-12,
  })
  const iterated = fixedPoint({
    map: (x: Tensor, theta: Tensor) => sub(x, mul(0.08, grad((z: Tensor) => objective(z, theta))(x))),
    maxSteps: 5000,
    tol: 1e-14,
  })
  const full = newton({ objective, lineSearch: 'none' })
  const lineSearch = newton({ objective, tol: 1e-12 })
  const exact = [
    implicit(),
    implicit({ linearSolver: 'cholesky' }),
    implicit({ linearSolver: 'cg', tol: 1e-13 }),
    implicit({ linearSolver: 'neumann', tol: 1e-12, maxSteps: 5000 }),
  ]
  const rows: readonly (readonly [
    string,
    (theta: Tensor, strategy: Strategy) => Tensor,
    readonly Strategy[],
  ])[] = [
    [
      'gradientDescent',
      (theta, strategy) => solve(descent, { x0: [0, 0, 0], theta, strategy }),
      [...exact, neumann(1500), truncated(1500)],
    ],
    [
      'gradientDescent, step of θ',
      (theta, strategy) => solve(byFunction, { x0: [0, 0, 0], theta, strategy }),
      exact,
    ],
    [
      'gradientDescent, backtracking',
      (theta, strategy) => solve(searched, { x0: [0, 0, 0], theta, strategy }),
      exact,
    ],
    ['fixedPoint', (theta, strategy) => solve(iterated, { x0: [0, 0, 0], theta, strategy }), exact],
    [
      'newton',
      (theta, strategy) => solve(full, { x0: [0, 0, 0], theta, strategy }),
      [
        implicit(),
        oneStep(),
        oneStep({ detachHessian: true }),
        oneStep({ at: 'previous' }),
        oneStep({ stepLengthCorrection: true }),
        truncated(1),
        unrolled(),
        neumann(2),
      ],
    ],
    [
      'newton, backtracking',
      (theta, strategy) => solve(lineSearch, { x0: [0, 0, 0], theta, strategy }),
      [implicit(), oneStep(), unrolled(), neumann(1)],
    ],
  ]
  for (const [name, run, strategies] of rows) {
    for (const strategy of strategies) {
      const { outputs, reports } = evaluate(
        (theta) => [run(theta, strategy), jacobian((q) => run(q, strategy))(theta)],
        ridgeTheta,
      )
      t.ok(relativeError([outputs[0] as NDArray], [xBar]) < 1e-11, `${name}: x̄`)
      const error = close(outputs[1], ridgeJ)
      t.ok(error < 1e-9, `${name}, ${strategy.name}: ${error.toExponential(1)}`)
      t.strictSame([reports.status, reports.gradientStatus], [0, 0])
    }
  }
})

test('ridge regression: one step of gradient descent is s H J, one of damped Newton α J, and the correction makes it J', async (t) => {
  const start = { x0: [0, 0, 0] }
  const s = 0.08
  const descent = gradientDescent({ objective, stepSize: s, maxSteps: 5000, tol: 1e-13 })
  const one = value(
    (theta) => jacobian((q) => solve(descent, { ...start, theta: q, strategy: oneStep() }))(theta),
    ridgeTheta,
  )
  t.ok(close(one, scaled(s, times(fromArray(H), ridgeJ))) < 1e-10, 's H J')
  for (const alpha of [0.9, 0.5, 0.1]) {
    const damped = newton({
      objective,
      lineSearch: backtracking({ initial: alpha }),
      maxSteps: 500,
      tol: 1e-12,
    })
    const [plain, corrected, detached, whole] = values(
      (theta) =>
        [
          oneStep(),
          oneStep({ stepLengthCorrection: true }),
          oneStep({ detachHessian: true }),
          implicit({ linearSolver: 'lu' }),
        ].map((strategy) => jacobian((q) => solve(damped, { ...start, theta: q, strategy }))(theta)),
      ridgeTheta,
    )
    t.ok(close(plain, scaled(alpha, ridgeJ)) < 1e-9, `α = ${String(alpha)}: α J`)
    t.ok(close(corrected, ridgeJ) < 1e-9, `α = ${String(alpha)}: corrected`)
    t.ok(close(detached, ridgeJ) < 1e-9, `α = ${String(alpha)}: a held Hessian makes the step full`)
    t.ok(close(whole, ridgeJ) < 1e-9, `α = ${String(alpha)}: implicit needs no correction`)
  }
})

test('another map: solve with gradient descent, differentiate one Newton step', async (t) => {
  const descent = gradientDescent({ objective, stepSize: 0.08, maxSteps: 5000, tol: 1e-13 })
  const newtonMap = (x: Tensor, theta: Tensor): Tensor => {
    const { weights, lambda } = parts(theta)
    return sub(
      x,
      luSolve(
        add(gram(X, weights), mul(lambda, array(identity(p)))),
        grad((z: Tensor) => objective(z, theta))(x),
      ),
    )
  }
  for (const mode of ['forward', 'reverse'] as const) {
    const J = value(
      (theta) =>
        jacobian((q) => solve(descent, { x0: [0, 0, 0], theta: q, strategy: oneStep({ map: newtonMap }) }), {
          mode,
        })(theta),
      ridgeTheta,
    )
    t.ok(close(J, ridgeJ) < 1e-9, mode)
  }
})

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

test('the one-step identity: a held Hessian at the previous iterate is implicit one step earlier', async (t) => {
  const logistic = (steps: number) =>
    newton({
      objective: (x: Tensor, theta: Tensor) =>
        add(sum(mul(theta, matmul(X, x).mul(y).neg().softplus())), mul(0.1, sumSquares(x))),
      lineSearch: 'none',
      maxSteps: steps,
      tol: 0,
    })
  const theta = between(0.5, 1.5, 'w', n)
  for (const k of [1, 2, 3, 5]) {
    const [held, before] = values(
      (q) => [
        jacobian((z) =>
          solve(logistic(k), {
            x0: [0.3, -0.2, 0.1],
            theta: z,
            strategy: oneStep({ detachHessian: true, at: 'previous' }),
          }),
        )(q),
        jacobian((z) => solve(logistic(k - 1), { x0: [0.3, -0.2, 0.1], theta: z, strategy: implicit() }))(q),
      ],
      theta,
    )
    t.ok(relativeError([held as NDArray], [before as NDArray]) < 1e-12, `k = ${String(k)}`)
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
  t.ok(toArray(J).size === 6 && relativeError([value((q) => second(q), x)], [toArray(J)]) < 1e-14)
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
  t.ok(number((q) => sum(solve(layer, { x0: [0, 0, 0], theta: q })), theta) !== 0)
})
