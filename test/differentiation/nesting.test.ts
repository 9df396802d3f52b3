// Solves within everything else: in the map of another solve, under vmap, in scan, whileLoop and cond, and over Tensors that are
// closed over. The oracle is a complex step through the same program with its loops run to the end.
import { test } from 'tap'
import { NDArray, array } from '../../lib/base/ndarray.js'
import { statusCode } from '../../lib/base/status.js'
import {
  add,
  fixedPoint,
  grad,
  gradientDescent,
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
  scan,
  sigmoid,
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
  vjp,
  whileLoop,
} from '../../lib/index.js'
import type { Strategy, Tensor } from '../../lib/index.js'
import { evaluate, normal, value, values } from '../harness/evaluate.js'
import { relativeError } from '../oracle/compare.js'
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
  const shrink = fixedPoint({ map: (x: Tensor, p: Tensor) => mul(0.5, add(sin(x), p)), maxSteps: 45, tol: 0 })
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
