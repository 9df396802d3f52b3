// Solves within everything else: in the map of another solve, under vmap, in scan, whileLoop and cond, and over Tensors that are
// closed over. The oracle is a complex step through the same program with its loops run to the end.
import { test } from 'tap'
import { NDArray, array } from '../../lib/base/ndarray.js'
import { statusCode } from '../../lib/base/status.js'
import {
  add,
  backtracking,
  cond,
  fixedPoint,
  grad,
  gradientDescent,
  greater,
  hessian,
  hvp,
  implicit,
  jacobian,
  jvp,
  less,
  linearSolve,
  matmul,
  mul,
  neumann,
  newton,
  oneStep,
  phantom,
  scan,
  sigmoid,
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
  vjp,
  vmap,
  whileLoop,
} from '../../lib/index.js'
import type { Strategy, Tensor } from '../../lib/index.js'
import { evaluate, lowered, normal, value, values } from '../harness/evaluate.js'
import { relativeError, rowOf, stackArrays } from '../oracle/compare.js'
import { toArray } from '../oracle/matrices.js'
import { derivative } from './formulas.js'

const within = (actual: NDArray | undefined, expected: NDArray, bar: number): boolean =>
  relativeError(
    [new NDArray([expected.size], (actual as NDArray).data)],
    [new NDArray([expected.size], expected.data)],
  ) < bar

/** The Jacobian of fn in both modes, and the derivative of vᵀJ along a direction. */
const outcomes = (
  fn: (theta: Tensor) => Tensor,
  theta: NDArray,
  covector: NDArray,
  direction: NDArray,
): readonly NDArray[] =>
  values((p) => {
    const q = p
    const pulled = (z: Tensor): Tensor => vjp(fn, [z])[1](tensor(covector))[0]
    return [
      jacobian(fn, { mode: 'forward' })(q),
      jacobian(fn, { mode: 'reverse' })(q),
      jvp(pulled, [q], [tensor(direction)])[1],
    ]
  }, theta)

test('a solve in the map of a solve', async (t) => {
  // z = 0.4 sin z + x + θ₁,  x = 0.5 tanh z(x, θ) + θ₂
  const program =
    (inner: Strategy, outer: Strategy, steps: number, tol: number) =>
    (theta: Tensor): Tensor => {
      const inside = fixedPoint({
        map: (z: Tensor, shift: Tensor) => add(mul(0.4, sin(z)), shift),
        maxSteps: steps,
        tol,
      })
      const outside = fixedPoint({
        map: (x: Tensor, p: Tensor) =>
          add(
            mul(0.5, tanh(solve(inside, { x0: x, theta: add(x, slice(p, [0, 2])), strategy: inner }))),
            slice(p, [2, 4]),
          ),
        maxSteps: steps,
        tol,
      })
      return solve(outside, { x0: [0.1, 0.2], theta, strategy: outer })
    }
  const theta = normal('theta', 4)
  const [covector, direction] = [normal('covector', 2), normal('direction', 4)]
  const exact = toArray(derivative((p) => program(implicit(), implicit(), 60, 0)(p), [theta], 0))
  // The second derivative: a complex step through the first by implicit differentiation, at both solutions.
  const second = toArray(
    derivative(
      (p) => vjp((z: Tensor) => program(implicit(), implicit(), 60, 0)(z), [p])[1](tensor(covector))[0],
      [theta],
      0,
    ),
  )
  const along = new NDArray(
    [4],
    Float64Array.from({ length: 4 }, (_, i) =>
      direction.data.reduce((s, d, j) => s + d * (second.data[4 * i + j] as number), 0),
    ),
  )
  const pairs: readonly (readonly [Strategy, Strategy])[] = [
    [implicit(), implicit()],
    [implicit({ linearSolver: 'gmres', tol: 1e-13 }), implicit({ linearSolver: 'bicgstab', tol: 1e-13 })],
    [neumann(60), implicit()],
    [implicit(), neumann(60)],
    [implicit(), truncated(60)],
  ]
  for (const [inner, outer] of pairs) {
    const [forward, reverse, twice] = outcomes(program(inner, outer, 100, 1e-14), theta, covector, direction)
    const name = `${inner.name} in ${outer.name}`
    t.ok(within(forward, exact, 1e-10) && within(reverse, exact, 1e-10), `${name}: Jacobian`)
    t.ok(within(twice, along, 1e-8), `${name}: second derivative`)
  }
  // Unrolled in unrolled, few steps: exactly the derivative of the program.
  const short = program(unrolled(), unrolled(), 5, 0)
  const all = toArray(derivative((p) => short(p), [theta], 0))
  const [forward, reverse] = outcomes(short, theta, covector, direction)
  t.ok(within(forward, all, 1e-12) && within(reverse, all, 1e-12), 'unrolled in unrolled')
})

const strategies: readonly Strategy[] = [
  ...[
    oneStep(),
    oneStep({ at: 'previous' }),
    truncated(2),
    unrolled(),
    unrolled({ checkpoints: 'all' }),
    neumann(3),
    phantom(2, 0.5),
  ],
  ...[
    implicit(),
    implicit({ linearSolver: 'gmres', tol: 1e-13 }),
    implicit({ linearSolver: 'neumann', tol: 1e-13, maxSteps: 500 }),
  ],
]

test('a batch of solves is the loop of solves, each with its own number of steps', async (t) => {
  const [W, U] = [normal('W', 2, 2), normal('U', 2, 2)]
  const layer = fixedPoint({
    map: (x: Tensor, { gain, input }: { gain: Tensor; input: Tensor }) =>
      tanh(add(mul(gain, matmul(W, x)), matmul(U, input))),
    maxSteps: 12,
    tol: 1e-3,
  })
  const thetas = [0.05, 0.2, 0.3, 0.45].map((gain, i) =>
    array([gain, ...normal(`input ${String(i)}`, 2).data]),
  )
  const [covector, direction] = [normal('covector', 2), normal('direction', 3)]
  const steps = thetas.map(
    (theta) =>
      evaluate(
        (p) => solve(layer, { x0: [0, 0], theta: { gain: slice(p, [0, 1]), input: slice(p, [1, 3]) } }),
        theta,
      ).reports.iterations as number,
  )
  t.ok(new Set(steps).size > 2 && Math.max(...steps) === 12, `numbers of steps: ${steps.join(' ')}`)
  for (const strategy of strategies) {
    const run = (p: Tensor): Tensor =>
      solve(layer, { x0: [0, 0], theta: { gain: slice(p, [0, 1]), input: slice(p, [1, 3]) }, strategy })
    const pulled = (p: Tensor): Tensor => vjp(run, [p])[1](tensor(covector))[0]
    const one = (p: Tensor): readonly Tensor[] => [
      run(p),
      jvp(run, [p], [tensor(direction)])[1],
      pulled(p),
      jvp(pulled, [p], [tensor(direction)])[1],
    ]
    const { outputs, reports } = evaluate((p) => vmap(one)(p), stackArrays(thetas))
    const alone = thetas.map((theta) => values((p) => one(p), theta))
    outputs.forEach((x, k) => {
      t.ok(
        relativeError([x], [stackArrays(alone.map((own) => own[k] as NDArray))]) < 1e-12,
        `${strategy.name}: ${['x', 'jvp', 'vjp', 'second derivative'][k] as string}`,
      )
    })
    t.strictSame(
      [reports.status, reports.iterations],
      [statusCode.maxSteps, 12],
      `${strategy.name}: the worst of the batch`,
    )
    // A batch of x0, and a θ that the batch shares: its gradient is the sum.
    const shared = value(
      (p) =>
        grad((q: Tensor) =>
          sum(
            vmap((x0: Tensor) =>
              matmul(
                covector,
                solve(layer, { x0, theta: { gain: slice(q, [0, 1]), input: slice(q, [1, 3]) }, strategy }),
              ),
            )(
              tensor([
                [0, 0],
                [0.3, -0.3],
                [1, 1],
              ]),
            ),
          ),
        )(p),
      thetas[2] as NDArray,
    )
    const total = [
      [0, 0],
      [0.3, -0.3],
      [1, 1],
    ].map((x0) =>
      value(
        (p) =>
          grad((q: Tensor) =>
            matmul(
              covector,
              solve(layer, { x0, theta: { gain: slice(q, [0, 1]), input: slice(q, [1, 3]) }, strategy }),
            ),
          )(p),
        thetas[2] as NDArray,
      ),
    )
    t.ok(
      relativeError(
        [shared],
        [
          new NDArray(
            [3],
            (total[0] as NDArray).data.map(
              (z, i) => z + (total[1]?.data[i] as number) + (total[2]?.data[i] as number),
            ),
          ),
        ],
      ) < 1e-12,
      `${strategy.name}: a shared θ`,
    )
  }
})

test('a batch of Newton solves with line searches, some from indefinite starts', async (t) => {
  const f = (x: Tensor, p: Tensor): Tensor =>
    sub(sum(sub(mul(0.25, square(square(x))), mul(0.5, square(x)))), sum(mul(p, x)))
  const solver = newton({ objective: f, maxSteps: 40, tol: 1e-12 })
  const starts = array([
    [2, 2],
    [0.1, -0.1],
    [-3, 0.2],
    [0, 0.55],
  ])
  const ps = array([
    [0.1, 0.2],
    [0.3, -0.1],
    [0.2, 0.2],
    [-0.4, 0.5],
  ])
  for (const strategy of [implicit(), oneStep(), unrolled()]) {
    const one = (x0: Tensor, p: Tensor): readonly Tensor[] => {
      const run = (q: Tensor): Tensor => solve(solver, { x0, theta: q, strategy })
      return [run(p), jacobian(run)(p), jacobian(run, { mode: 'reverse' })(p)]
    }
    const { outputs, reports } = evaluate((x0, p) => vmap(one)(x0, p), starts, ps)
    t.equal(reports.status, statusCode.converged, strategy.name)
    for (let i = 0; i < 4; i++) {
      const own = values((x0, p) => one(x0, p), rowOf(starts, i), rowOf(ps, i))
      t.ok(
        relativeError(
          outputs.map((x) => rowOf(x, i)),
          own,
        ) < 1e-10,
        `${strategy.name}, start ${String(i)}: as alone`,
      )
      // x³ − x = p, so dx/dp = 1/(3x² − 1), on the diagonal.
      const x = own[0] as NDArray
      const J = array(
        [0, 1].map((a) => [0, 1].map((b) => (a === b ? 1 / (3 * (x.data[a] as number) ** 2 - 1) : 0))),
      )
      t.ok(
        relativeError([own[1] as NDArray, own[2] as NDArray], [J, J]) < 1e-9 &&
          [0, 1].every((a) => J.at(a, a) > 0),
        `${strategy.name}, start ${String(i)}: the derivative at a minimum`,
      )
    }
  }
})

test('a cond in the map: lanes take their own branch', async (t) => {
  // x = ½ x + θ where x > 0, else −¼ x + θ: x̄ = 2θ for θ > 0, 0.8 θ for θ < 0.
  const map = (x: Tensor, theta: Tensor): Tensor =>
    cond(
      greater(sum(x), 0),
      () => add(mul(0.5, x), theta),
      () => add(mul(-0.25, x), theta),
    )
  const solver = fixedPoint({ map, maxSteps: 100, tol: 1e-14 })
  const thetas = array([0.7, -1.5, 2, -0.1])
  for (const strategy of [implicit(), neumann(60), truncated(60), unrolled()]) {
    const run = (theta: Tensor): Tensor => sum(solve(solver, { x0: [1], theta, strategy }))
    const [x, forward, reverse] = values(
      (p) => [vmap(run)(p), vmap((q: Tensor) => jvp(run, [q], [tensor(1)])[1])(p), vmap(grad(run))(p)],
      thetas,
    )
    const slopes = thetas.data.map((p) => (p > 0 ? 2 : 0.8))
    t.ok(
      relativeError(
        [x as NDArray],
        [
          new NDArray(
            [4],
            thetas.data.map((p, i) => p * (slopes[i] as number)),
          ),
        ],
      ) < 1e-12,
      strategy.name,
    )
    t.ok(
      relativeError(
        [forward as NDArray, reverse as NDArray],
        [new NDArray([4], slopes), new NDArray([4], slopes)],
      ) < 1e-10,
      `${strategy.name}: derivative`,
    )
    const alone = [...thetas.data].map((p) => value((q) => grad(run)(q), p).data[0] as number)
    t.ok(relativeError([array(alone)], [new NDArray([4], slopes)]) < 1e-10, `${strategy.name}: alone`)
  }
})

test('solves in a scan: implicit Euler through time', async (t) => {
  // ẋ = −sin(θ x), one fixed point a step
  const path =
    (strategy: Strategy, steps: number, tol: number) =>
    (theta: Tensor): Tensor => {
      const step = fixedPoint({
        map: (x: Tensor, { before, p }: { before: Tensor; p: Tensor }) =>
          sub(before, mul(0.1, sin(mul(p, x)))),
        maxSteps: steps,
        tol,
      })
      return scan(
        (x: Tensor) => [solve(step, { x0: x, theta: { before: x, p: theta }, strategy }), []] as const,
        tensor([1, 2]),
        [],
        { length: 5 },
      )[0]
    }
  const theta = array([1.5, 0.7])
  const [covector, direction] = [normal('covector', 2), normal('direction', 2)]
  const exact = toArray(derivative((p) => path(implicit(), 40, 0)(p), [theta], 0))
  for (const strategy of [
    implicit(),
    neumann(30),
    truncated(30),
    unrolled(),
    implicit({ linearSolver: 'cg', tol: 1e-13 }),
  ]) {
    const [forward, reverse] = outcomes(path(strategy, 60, 1e-15), theta, covector, direction)
    t.ok(within(forward, exact, 1e-10) && within(reverse, exact, 1e-10), strategy.name)
  }
  const { reports } = evaluate((p) => path(implicit(), 2, 1e-15)(p), theta)
  t.equal(reports.status, statusCode.maxSteps, 'a step that did not converge shows')
})

test('a solve in a whileLoop, a linear solve in a map, a solve of a solve', async (t) => {
  const shrink = fixedPoint({ map: (x: Tensor, p: Tensor) => mul(0.5, add(sin(x), p)), maxSteps: 60, tol: 0 })
  const loop = (theta: Tensor): Tensor =>
    whileLoop(
      ({ k }) => less(k, 3),
      ({ x, k }) => ({ x: solve(shrink, { x0: [0, 0], theta: mul(theta, x) }), k: add(k, 1) }),
      { x: tensor([1, 2]), k: tensor(0) },
    ).x
  const theta = array([0.8, 1.1])
  const moved = value((p) => jacobian(loop, { mode: 'forward' })(p), theta)
  t.ok(
    within(moved, toArray(derivative((p) => loop(p), [theta], 0)), 1e-10),
    'forward through a loop of solves',
  )
  // x = tanh(A(θ)⁻¹ (x + 1))
  const inner =
    (steps: number, tol: number, strategy: Strategy, method: 'lu' | 'cg') =>
    (p: Tensor): Tensor =>
      solve(
        fixedPoint({
          map: (x: Tensor, q: Tensor) =>
            tanh(linearSolve((z) => add(mul(3, z), mul(q, matmul(q, z))), add(x, 1), { method, tol: 1e-14 })),
          maxSteps: steps,
          tol,
        }),
        { x0: [0, 0], theta: p, strategy },
      )
  const exact = toArray(derivative((p) => inner(60, 0, implicit(), 'lu')(p), [theta], 0))
  for (const method of ['lu', 'cg'] as const) {
    const got = values(
      (p) =>
        (['forward', 'reverse'] as const).map((mode) =>
          jacobian(inner(80, 1e-14, implicit(), method), { mode })(p),
        ),
      theta,
    )
    t.ok(
      got.every((J) => within(J, exact, 1e-10)),
      `a linear solve by ${method} in a map`,
    )
  }
  // θ of one solve is the result of another.
  const chain =
    (strategy: Strategy) =>
    (p: Tensor): Tensor =>
      solve(shrink, { x0: [0, 0], theta: solve(shrink, { x0: [0, 0], theta: p, strategy }), strategy })
  const whole = toArray(derivative((p) => chain(implicit())(p), [theta], 0))
  for (const strategy of [implicit(), neumann(60)])
    t.ok(
      within(
        value((p) => jacobian(chain(strategy))(p), theta),
        whole,
        1e-10,
      ),
      `a chain, ${strategy.name}`,
    )
})

test('Tensors that a solver closes over have gradients, whatever the strategy', async (t) => {
  const X = normal('X', 4, 2)
  const y = normal('y', 4)
  // The Gram matrix is made once, outside of the loop; the penalty is θ.
  const ridge =
    (strategy: Strategy, closed: boolean, kind: 'descent' | 'newton' | 'search') =>
    (data: Tensor, lambda: Tensor): Tensor => {
      const gram = matmul(transpose(data), data)
      const right = matmul(transpose(data), y)
      const f = (x: Tensor, G: Tensor, b: Tensor, l: Tensor): Tensor =>
        add(sub(mul(0.5, matmul(x, matmul(G, x))), matmul(x, b)), mul(mul(0.5, l), sumSquares(x)))
      type P = { l: Tensor; G?: Tensor; b?: Tensor }
      const objective = (x: Tensor, { l, G = gram, b = right }: P): Tensor => f(x, G, b, l)
      const stop = { maxSteps: 6, tol: 0 }
      const solver =
        kind === 'descent'
          ? gradientDescent({ objective, stepSize: 0.08, ...stop })
          : kind === 'search'
            ? gradientDescent({ objective, stepSize: backtracking(), ...stop })
            : newton({ objective, lineSearch: 'none', maxSteps: 2, tol: 0 })
      const theta: P = closed ? { l: lambda } : { l: lambda, G: gram, b: right }
      return solve(solver as unknown as ReturnType<typeof gradientDescent<Tensor, P>>, {
        x0: [0.5, -0.5],
        theta,
        strategy,
      })
    }
  const covector = normal('covector', 2)
  for (const kind of ['descent', 'newton', 'search'] as const) {
    for (const strategy of kind === 'newton'
      ? [oneStep(), oneStep({ detachHessian: true }), implicit(), unrolled()]
      : strategies) {
      const pull =
        (closed: boolean) =>
        (data: Tensor, lambda: Tensor): readonly Tensor[] => {
          const loss = (d: Tensor, l: Tensor): Tensor => matmul(covector, ridge(strategy, closed, kind)(d, l))
          return [
            ...grad(([d, l]: [Tensor, Tensor]) => loss(d, l))([data, lambda]),
            jvp(loss, [data, lambda], [tensor(normal('dX', 4, 2)), tensor(1)])[1],
          ]
        }
      const [closed, open] = [
        values((d, l) => pull(true)(d, l), X, 0.4),
        values((d, l) => pull(false)(d, l), X, 0.4),
      ]
      t.ok(
        relativeError(closed, open) < 1e-12 && (closed[0]?.data.some((g) => Math.abs(g) > 1e-3) as boolean),
        `${kind}, ${strategy.name}`,
      )
    }
  }
  const graph = lowered((d) => ridge(implicit(), true, 'descent')(d, tensor(0.4)), X)
  t.ok(
    graph.nodes.find((node) => node.op.name === 'while')?.inputs.some((v) => v.shape.join() === '2,2'),
    'the Gram matrix is an operand of the loop',
  )
})

test('an outer loss: hypergradient and its Hessian', async (t) => {
  // x̄ = argmin ½ Σ wᵢ (x − aᵢ)², wᵢ = σ(θᵢ): x̄ = Σ wᵢ aᵢ / Σ wᵢ; loss (x̄ − 1)²
  const a = normal('a', 3)
  const closed = (theta: Tensor): Tensor =>
    square(sub(sum(mul(sigmoid(theta), a)).div(sum(sigmoid(theta))), 1))
  const objective = (x: Tensor, theta: Tensor): Tensor =>
    mul(0.5, sum(mul(sigmoid(theta), square(sub(sum(x), a)))))
  const theta = normal('theta', 3)
  const exact = values((p) => [grad(closed)(p), hessian(closed)(p), hvp(closed, p, [1, 2, 3])], theta)
  const rows: readonly (readonly [string, (p: Tensor) => Tensor])[] = [
    ...([implicit(), implicit({ linearSolver: 'cg', tol: 1e-14 }), neumann(200), unrolled()] as const).map(
      (strategy) =>
        [
          `gradientDescent, ${strategy.name}`,
          (p: Tensor) =>
            square(
              sub(
                sum(
                  solve(gradientDescent({ objective, stepSize: 0.5, maxSteps: 200, tol: 1e-14 }), {
                    x0: [0],
                    theta: p,
                    strategy,
                  }),
                ),
                1,
              ),
            ),
        ] as const,
    ),
    ...([implicit(), oneStep(), unrolled(), truncated(2)] as const).map(
      (strategy) =>
        [
          `newton, ${strategy.name}`,
          (p: Tensor) =>
            square(
              sub(
                sum(
                  solve(newton({ objective, lineSearch: 'none', maxSteps: 4, tol: 1e-14 }), {
                    x0: [0],
                    theta: p,
                    strategy,
                  }),
                ),
                1,
              ),
            ),
        ] as const,
    ),
  ]
  for (const [name, loss] of rows) {
    const got = values((p) => [grad(loss)(p), hessian(loss)(p), hvp(loss, p, [1, 2, 3])], theta)
    const errors = got.map((g, i) => relativeError([g], [exact[i] as NDArray]))
    t.ok(
      errors.every((e) => e < 1e-8),
      `${name}: ${errors.map((e) => e.toExponential(1)).join(' ')}`,
    )
  }
})
