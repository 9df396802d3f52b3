// Every status and gradient status, provoked: what an instance reports when it, or its derivative, does not go well.
import { test } from 'tap'
import { gradientStatusCode, gradientStatuses, statusCode, statuses } from '../../lib/base/status.js'
import type { GradientStatus, Status } from '../../lib/base/status.js'
import {
  add,
  backtracking,
  div,
  exp,
  fixedPoint,
  grad,
  gradientDescent,
  implicit,
  jvp,
  log,
  matmul,
  mul,
  neumann,
  newton,
  oneStep,
  phantom,
  slice,
  solve,
  sqrt,
  square,
  sub,
  sum,
  sumSquares,
  tensor,
  truncated,
  unrolled,
  vmap,
} from '../../lib/index.js'
import type { Solver, Strategy, Tensor } from '../../lib/index.js'
import type { Operand } from '../../lib/ir/trace.js'
import { evaluate, evaluateWithin, values } from '../harness/evaluate.js'

const scalars =
  (f: (x: Tensor, theta: Tensor) => Operand) =>
  (x: Tensor, theta: Tensor): Tensor =>
    add(f(x, theta), mul(0, x))
type Any = Solver<Tensor, Tensor, never>

interface Row {
  readonly name: string
  readonly solver: unknown
  readonly x0: Operand
  readonly theta?: number
  readonly status: Status
  readonly iterations?: number
}

const doubling = scalars((x, theta) => mul(theta, x))
const quartic = (x: Tensor, theta: Tensor): Tensor =>
  sub(mul(0.25, sum(square(square(x)))), mul(theta, sum(x)))

const rows: readonly Row[] = [
  {
    name: 'fixedPoint of a contraction',
    solver: fixedPoint({ map: doubling }),
    x0: [1],
    theta: 0.5,
    status: 'converged',
    iterations: 26,
  },
  {
    name: 'a start that is the solution',
    solver: fixedPoint({ map: doubling }),
    x0: [0],
    theta: 0.5,
    status: 'converged',
    iterations: 0,
  },
  {
    name: 'fixedPoint without enough steps',
    solver: fixedPoint({ map: doubling, maxSteps: 5 }),
    x0: [1],
    theta: 0.5,
    status: 'maxSteps',
    iterations: 5,
  },
  {
    name: 'no step allowed',
    solver: fixedPoint({ map: doubling, maxSteps: 0 }),
    x0: [1],
    theta: 0.5,
    status: 'maxSteps',
    iterations: 0,
  },
  {
    name: 'no step allowed, none needed',
    solver: fixedPoint({ map: doubling, maxSteps: 0 }),
    x0: [0],
    theta: 0.5,
    status: 'converged',
    iterations: 0,
  },
  {
    name: 'a tolerance relative to the start',
    solver: fixedPoint({ map: doubling, tol: 0, rtol: 0.26 }),
    x0: [1],
    theta: 0.5,
    status: 'converged',
    iterations: 2,
  },
  {
    name: 'the looser of two tolerances',
    solver: fixedPoint({ map: doubling, tol: 0.13, rtol: 1e-3 }),
    x0: [1],
    theta: 0.5,
    status: 'converged',
    iterations: 2,
  },
  {
    name: 'fixedPoint that expands',
    solver: fixedPoint({ map: doubling }),
    x0: [1],
    theta: 2,
    status: 'diverged',
    iterations: 40,
  },
  {
    name: 'a divergence limit of its own',
    solver: fixedPoint({ map: doubling, divergence: 10 }),
    x0: [1],
    theta: 2,
    status: 'diverged',
    iterations: 4,
  },
  {
    name: 'a map that leaves its domain',
    solver: fixedPoint({ map: scalars((x) => sub(sqrt(x), 3)) }),
    x0: [1],
    status: 'nonFinite',
    iterations: 1,
  },
  {
    name: 'NaN in θ',
    solver: fixedPoint({ map: doubling }),
    x0: [1],
    theta: NaN,
    status: 'nonFinite',
    iterations: 0,
  },
  {
    name: 'NaN in x0',
    solver: fixedPoint({ map: doubling }),
    x0: [NaN],
    theta: 0.5,
    status: 'nonFinite',
    iterations: 0,
  },
  {
    name: 'an infinity',
    solver: fixedPoint({ map: scalars((x) => exp(exp(x))) }),
    x0: [1],
    status: 'nonFinite',
  },
  {
    name: 'gradientDescent',
    solver: gradientDescent({ objective: quartic, stepSize: 0.2 }),
    x0: [2],
    theta: 1,
    status: 'converged',
  },
  {
    name: 'gradientDescent with too long steps',
    solver: gradientDescent({ objective: (x: Tensor) => sumSquares(x), stepSize: 1.5 }),
    x0: [1],
    status: 'diverged',
  },
  {
    name: 'gradientDescent that overshoots into overflow',
    solver: gradientDescent({ objective: quartic, stepSize: 1e10, divergence: Infinity }),
    x0: [10],
    theta: 1,
    status: 'nonFinite',
  },
  {
    name: 'an infinite iterate that the error does not see',
    solver: gradientDescent({ objective: (x: Tensor, theta: Tensor) => mul(theta, sum(x)), stepSize: 1e308 }),
    x0: [0],
    theta: 1,
    // It is seen when the solve has ended.
    status: 'nonFinite',
    iterations: 10_000,
  },
  {
    name: 'gradientDescent with backtracking',
    solver: gradientDescent({ objective: quartic, stepSize: backtracking({ initial: 100 }) }),
    x0: [2, -3],
    theta: 1,
    status: 'converged',
  },
  {
    name: 'backtracking away from NaN',
    solver: gradientDescent({
      objective: (x: Tensor) => sum(sub(x, log(x))),
      stepSize: backtracking({ initial: 100 }),
    }),
    x0: [0.5],
    status: 'converged',
  },
  { name: 'newton', solver: newton({ objective: quartic }), x0: [2], theta: 1, status: 'converged' },
  {
    name: 'newton from an indefinite start',
    solver: newton({
      objective: (x: Tensor, theta: Tensor) => add(quartic(x, theta), mul(-3, sumSquares(x))),
    }),
    x0: [0.1, -0.2],
    theta: 1,
    status: 'converged',
  },
  {
    name: 'newton from a Hessian with a zero diagonal',
    solver: newton({
      objective: (x: Tensor) =>
        add(quartic(x, tensor(1)), mul(2, sum(mul(slice(x, [0, 1]), slice(x, [1, 2]))))),
    }),
    x0: [0, 0],
    status: 'converged',
  },
  {
    name: 'newton on a root',
    solver: newton({ residual: scalars((x, theta) => sub(mul(x, square(x)), theta)) }),
    x0: [3],
    theta: 8,
    status: 'converged',
  },
  {
    name: 'newton where the Jacobian vanishes',
    solver: newton({ residual: scalars((x, theta) => add(square(x), theta)) }),
    x0: [0],
    theta: 1,
    status: 'singular',
    iterations: 1,
  },
  {
    name: 'newton on a flat function',
    solver: newton({ objective: (x: Tensor, theta: Tensor) => mul(theta, sum(x)) }),
    x0: [1],
    theta: 2,
    status: 'singular',
    iterations: 1,
  },
  {
    name: 'newton with NaN',
    solver: newton({ objective: quartic }),
    x0: [1],
    theta: NaN,
    status: 'nonFinite',
    iterations: 0,
  },
  {
    name: 'newton that leaves the domain',
    solver: newton({ residual: scalars((x) => log(x)), lineSearch: 'none' }),
    x0: [5],
    status: 'nonFinite',
  },
  {
    name: 'newton with backtracking stays in the domain',
    solver: newton({ residual: scalars((x) => log(x)) }),
    x0: [5],
    status: 'converged',
  },
  {
    name: 'newton without enough steps',
    solver: newton({ objective: quartic, maxSteps: 2 }),
    x0: [9],
    theta: 1,
    status: 'maxSteps',
    iterations: 2,
  },
]

for (const { name, solver, x0, theta = 1, status, iterations } of rows) {
  test(`status: ${name}`, async (t) => {
    const { outputs, reports } = evaluateWithin(
      1e-6,
      (p) => solve(solver as Any, { x0: tensor(x0), theta: p }),
      theta,
    )
    t.equal(
      statuses[reports.status as number]?.name,
      status,
      `after ${String(reports.iterations)} steps, residual ${String(reports.residual)}, x = ${String(outputs[0]?.data)}`,
    )
    if (iterations !== undefined) t.equal(reports.iterations, iterations, 'number of steps')
    if (status === 'converged')
      t.ok((reports.residual as number) <= 0.3 && outputs[0]?.data.every(Number.isFinite))
    if (status === 'nonFinite')
      t.notOk(Number.isFinite(reports.residual) && outputs[0]?.data.every(Number.isFinite))
  })
}

test('every status that a solve can end with was provoked', async (t) => {
  const ends: readonly Status[] = ['converged', 'maxSteps', 'diverged', 'nonFinite', 'singular']
  t.strictSame(
    ends.filter((end) => !rows.some(({ status }) => status === end)),
    [],
  )
})

/** Gradient statuses by both modes. */
const gradientStatusOf = (
  fn: (theta: Tensor) => Tensor,
  theta: number,
): readonly (GradientStatus | undefined)[] =>
  [
    evaluate((p) => grad((q: Tensor) => sum(fn(q)))(p), theta),
    evaluate((p) => jvp(fn, [p], [tensor(1)])[1], theta),
  ].map(({ reports }) => gradientStatuses[reports.gradientStatus as number]?.name)

const both = (status: GradientStatus): readonly GradientStatus[] => [status, status]

test('an adjoint solve that stopped early says so, with its residual', async (t) => {
  const spread = [0.1, 0.4, 0.6, 0.9]
  const solver = fixedPoint({
    map: (x: Tensor, theta: Tensor) => add(mul(spread, x), mul(theta, [1, 2, 3, 4])),
    tol: 1e-12,
  })
  const run =
    (strategy: Strategy) =>
    (theta: Tensor): Tensor =>
      solve(solver, { x0: [0, 0, 0, 0], theta, strategy })
  for (const linearSolver of ['cg', 'gmres', 'bicgstab', 'normalCg', 'neumann'] as const) {
    t.strictSame(
      gradientStatusOf(run(implicit({ linearSolver, maxSteps: 2 })), 1),
      both('notConverged'),
      linearSolver,
    )
    t.strictSame(
      gradientStatusOf(run(implicit({ linearSolver, maxSteps: 400 })), 1),
      both('ok'),
      `${linearSolver}, enough steps`,
    )
    const { reports } = evaluate(
      (p) => grad((q: Tensor) => sum(run(implicit({ linearSolver, maxSteps: 2 }))(q)))(p),
      1,
    )
    t.ok(
      (reports.adjointResidual as number) > 1e-8,
      `${linearSolver}: residual ${String(reports.adjointResidual)}`,
    )
    t.equal(reports.status, statusCode.converged, 'the solve itself is fine')
  }
  const { reports } = evaluate((p) => sum(run(implicit({ linearSolver: 'cg', maxSteps: 1 }))(p)), 1)
  t.equal(reports.gradientStatus, undefined, 'no derivative, no report')
})

test('a singular system says so', async (t) => {
  // F = x at x̄ = 0: I − A = 0 in one direction.
  const solver = fixedPoint({
    map: (x: Tensor, theta: Tensor) => add(mul([0.5, 1], x), mul(theta, [1, 0])),
    tol: 1e-9,
  })
  const run =
    (strategy: Strategy) =>
    (theta: Tensor): Tensor =>
      solve(solver, { x0: [0, 0], theta, strategy })
  for (const linearSolver of ['lu', 'cholesky'] as const)
    t.strictSame(gradientStatusOf(run(implicit({ linearSolver })), 1), both('singular'), linearSolver)
  // A double root: ∂ₓG = 2x = 0.
  const root = newton({ residual: scalars((x, theta) => mul(theta, square(x))), maxSteps: 60, tol: 1e-9 })
  const touching = (theta: Tensor): Tensor => solve(root, { x0: [0], theta })
  t.strictSame(gradientStatusOf(touching, 1), both('singular'), 'implicit by the linearization')
  const saddle = newton({
    objective: (x: Tensor, theta: Tensor) => mul(theta, sum(mul([1, -1], square(x)))),
    maxSteps: 5,
    tol: 1e-9,
  })
  t.strictSame(
    gradientStatusOf((theta) => solve(saddle, { x0: [0, 0], theta }), 1),
    both('singular'),
    'a saddle has no Cholesky factor',
  )
})

test('θ that enters through x0 only', async (t) => {
  const solver = fixedPoint({ map: (x: Tensor) => mul(0.5, add(x, div(2, x))), maxSteps: 3, tol: 0 })
  const run =
    (strategy: Strategy) =>
    (theta: Tensor): Tensor =>
      solve(solver, { x0: add([0, 0], theta), strategy })
  for (const strategy of [
    oneStep(),
    oneStep({ at: 'previous' }),
    implicit(),
    neumann(3),
    truncated(2),
    phantom(2, 0.5),
  ]) {
    t.strictSame(gradientStatusOf(run(strategy), 3), both('undefined'), strategy.name)
    const [g] = values((p) => [grad((q: Tensor) => sum(run(strategy)(q)))(p)], 3)
    t.equal(g?.data[0], 0, 'and the derivative is 0')
  }
  t.strictSame(gradientStatusOf(run(unrolled()), 3), both('ok'), 'unrolled differentiates x0')
  const step = (x: number): number => 0.5 * (x + 2 / x)
  const slope = (x: number): number => 0.5 * (1 - 2 / (x * x))
  const expected = 2 * slope(3) * slope(step(3)) * slope(step(step(3)))
  const [g] = values((p) => [grad((q: Tensor) => sum(run(unrolled())(q)))(p)], 3)
  t.ok(Math.abs((g?.data[0] as number) - expected) < 1e-15)
  // Where θ enters the map as well, x0 may depend on it: no complaint.
  const warm = fixedPoint({
    map: (x: Tensor, theta: Tensor) => mul(0.5, add(x, div(theta, x))),
    maxSteps: 30,
    tol: 1e-14,
  })
  t.strictSame(
    gradientStatusOf((theta) => solve(warm, { x0: add([1, 1], theta), theta }), 2),
    both('ok'),
  )
  t.strictSame(
    gradientStatusOf((theta) => solve(warm, { x0: [1, 1], theta }), 2),
    both('ok'),
  )
})

test('in a batch the worst instance is reported, and the others are what they are alone', async (t) => {
  const solver = fixedPoint({ map: doubling, maxSteps: 100 })
  const run = (theta: Tensor): Tensor => solve(solver, { x0: [1], theta, strategy: unrolled() })
  const { outputs, reports } = evaluate((p) => vmap(run)(p), [0.5, NaN, 2, 0.1])
  t.equal(reports.status, statusCode.nonFinite)
  t.strictSame(
    [0, 3].map((i) => outputs[0]?.data[i]),
    [0.5, 0.1].map((theta) => evaluate((p) => run(p), theta).outputs[0]?.data[0]),
  )
  const pulled = evaluate(
    (p) =>
      vmap((q: Tensor) =>
        grad((z: Tensor) =>
          sum(
            solve(fixedPoint({ map: (x: Tensor, a: Tensor) => add(mul(a, x), 1), tol: 1e-6 }), {
              x0: [1],
              theta: z,
              strategy: implicit({ linearSolver: 'neumann', maxSteps: 20 }),
            }),
          ),
        )(q),
      )(p),
    [0.1, 0.9],
  )
  t.equal(pulled.reports.gradientStatus, gradientStatusCode.notConverged)
})

test('a solver without θ', async (t) => {
  const { outputs, reports } = evaluate(
    (x) =>
      solve(
        fixedPoint({
          map: (z: Tensor) =>
            matmul(
              [
                [0.5, 0.1],
                [0, 0.2],
              ],
              z,
            ),
        }),
        { x0: x },
      ),
    [1, 1],
  )
  t.ok(outputs[0]?.data.every((x) => Math.abs(x) < 1e-7))
  t.equal(reports.status, statusCode.converged)
})
