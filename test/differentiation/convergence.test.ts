// How fast derivatives converge: measured errors against the rates and bounds of the theory (Bolte, Pauwels, Vaiter 2023), with
// the constants of the problem computed on the side.
import { test } from 'tap'
import { NDArray } from '../../lib/base/ndarray.js'
import {
  add,
  fixedPoint,
  grad,
  gradientDescent,
  gram,
  implicit,
  jacobian,
  matmul,
  mul,
  neumann,
  newton,
  oneStep,
  solve,
  sum,
  sumSquares,
  tanh,
  truncated,
  unrolled,
} from '../../lib/index.js'
import type { Solver, Strategy, Tensor } from '../../lib/index.js'
import { between, normal, value, values } from '../harness/evaluate.js'
import { frobenius, fromArray, identity, minus, norm2, scaled, solved, times } from '../oracle/matrices.js'
import type { Matrix } from '../oracle/matrices.js'

/** Slope of the least-squares line through (log x, log y). */
const exponent = (points: readonly (readonly [number, number])[]): number => {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const)
  const [mx, my] = [0, 1].map((k) => logs.reduce((s, p) => s + (p[k] as number), 0) / logs.length) as [
    number,
    number,
  ]
  return (
    logs.reduce((s, [x, y]) => s + (x - mx) * (y - my), 0) / logs.reduce((s, [x]) => s + (x - mx) ** 2, 0)
  )
}

const distance = (a: NDArray, b: NDArray): number => frobenius(minus(fromArray(a), fromArray(b)))

type Make = (stop: { readonly maxSteps: number; readonly tol: number }) => Solver<Tensor, Tensor, never>
const start = normal('start', 3)
const jacobianOf = (
  make: Make,
  stop: { readonly maxSteps: number; readonly tol: number },
  strategy: Strategy,
  theta: NDArray,
): NDArray => value((p) => jacobian((q) => solve(make(stop), { x0: start, theta: q, strategy }))(p), theta)
const iterate = (make: Make, steps: number, theta: NDArray, tol = 0): NDArray =>
  value((p) => solve(make({ maxSteps: steps, tol }), { x0: start, theta: p }), theta)

// Weighted logistic regression with a fixed penalty; a layer with a contraction.
const X = normal('X', 8, 3)
const y = normal('y', 8)
const weights = between(0.5, 1.5, 'w', 8)
const loss = (x: Tensor, theta: Tensor): Tensor =>
  add(sum(mul(theta, matmul(X, x).mul(y).neg().softplus())), mul(0.3, sumSquares(x)))
const descent: Make = (stop) => gradientDescent({ objective: loss, stepSize: 0.2, ...stop }) as never
const newtons: Make = (stop) => newton({ objective: loss, lineSearch: 'none', ...stop }) as never
const W = new NDArray(
  [3, 3],
  normal('W', 3, 3).data.map((w) => 0.25 * w),
)
const U = normal('U', 3, 2)
const input = normal('input', 2)
const layer: Make = (stop) =>
  fixedPoint({ map: (x: Tensor, p: Tensor) => tanh(add(matmul(W, x), matmul(U, p))), ...stop }) as never

test('the error of implicit differentiation is proportional to the tolerance of the solve', async (t) => {
  for (const [name, make, theta] of [
    ['gradientDescent', descent, weights],
    ['fixedPoint', layer, input],
  ] as const) {
    const exact = jacobianOf(make, { maxSteps: 3000, tol: 1e-14 }, implicit(), theta)
    const points = [1e-1, 1e-3, 1e-5, 1e-7, 1e-9].map(
      (tol) => [tol, distance(jacobianOf(make, { maxSteps: 3000, tol }, implicit(), theta), exact)] as const,
    )
    const slope = exponent(points)
    t.ok(Math.abs(slope - 1) < 0.2, `${name}: exponent ${slope.toFixed(3)}`)
    t.ok(
      (points[0]?.[1] as number) > 1e-3 && (points[4]?.[1] as number) < 1e-7,
      `${name}: from ${String(points[0]?.[1])} to ${String(points[4]?.[1])}`,
    )
  }
})

test('one step of gradient descent: J − Jᴼˢ = (I − s H) J, so the relative error is at most ρ', async (t) => {
  const exact = fromArray(jacobianOf(descent, { maxSteps: 3000, tol: 1e-14 }, implicit(), weights))
  const one = fromArray(jacobianOf(descent, { maxSteps: 3000, tol: 1e-14 }, oneStep(), weights))
  const x = iterate(descent, 3000, weights, 1e-14)
  const H = fromArray(
    value((p) => {
      const s = matmul(X, x).mul(y).neg().sigmoid()
      return add(
        gram(X, mul(mul(p, mul(y, y)), s.mul(s.neg().add(1)))),
        mul(0.6, [
          [1, 0, 0],
          [0, 1, 0],
          [0, 0, 1],
        ]),
      )
    }, weights),
  )
  const A = minus(identity(3), scaled(0.2, H))
  const rho = norm2(A)
  t.ok(rho < 1 && rho > 0.3, `ρ = ${rho.toFixed(3)}`)
  t.ok(frobenius(minus(minus(exact, one), times(A, exact))) < 1e-9)
  t.ok(
    norm2(minus(exact, one)) <= rho * norm2(exact),
    `${String(norm2(minus(exact, one)))} ≤ ${String(rho * norm2(exact))}`,
  )
  // K terms of the Neumann series leave Aᴷ J; the error falls by ρ for each term.
  const errors = [1, 4, 8, 12].map((K) =>
    frobenius(
      minus(exact, fromArray(jacobianOf(descent, { maxSteps: 3000, tol: 1e-14 }, neumann(K), weights))),
    ),
  )
  errors.forEach((error, i) =>
    t.ok(
      error <= 1.0001 * rho ** ([1, 4, 8, 12][i] as number) * frobenius(exact),
      `${String([1, 4, 8, 12][i])} terms: ${error.toExponential(2)}`,
    ),
  )
  t.ok((errors[3] as number) < 0.2 * (errors[0] as number))
})

test('Newton: one-step and unrolled see the error of the previous iterate, implicit that of the last', async (t) => {
  const best = iterate(newtons, 12, weights)
  const exact = jacobianOf(newtons, { maxSteps: 12, tol: 1e-14 }, implicit(), weights)
  const rows = [1, 2, 3, 4].map((k) => {
    const stop = { maxSteps: k, tol: 0 }
    const [before, after] = [k - 1, k].map((j) => distance(iterate(newtons, j, weights), best)) as [
      number,
      number,
    ]
    const J = values(
      (p) =>
        [oneStep({ at: 'previous' }), truncated(2), unrolled(), implicit()].map((strategy) =>
          jacobian((q) => solve(newtons(stop), { x0: start, theta: q, strategy }))(p),
        ),
      weights,
    )
    return { before, after, errors: J.map((j) => distance(j, exact)) }
  })
  const tail = rows.filter(({ after }) => after > 1e-13)
  t.ok(tail.length >= 3)
  const slopes = [0, 3].map((i) =>
    exponent(tail.map(({ before, errors }) => [before, errors[i] as number] as const)),
  )
  t.ok(
    Math.abs((slopes[0] as number) - 1) < 0.2,
    `one-step at the previous iterate: exponent ${String(slopes[0])}`,
  )
  t.ok(Math.abs((slopes[1] as number) - 2) < 0.4, `implicit: exponent ${String(slopes[1])}`)
  const { errors } = rows[2] as (typeof rows)[number]
  t.ok((errors[1] as number) < 0.3 * (errors[0] as number), `a second step helps: ${String(errors)}`)
  t.ok((errors[2] as number) <= (errors[1] as number) * 1.5, `and so do all of them: ${String(errors)}`)
})

test('bounds of the paper hold on a family of contractions with known constants', async (t) => {
  // F = tanh(W x + U θ): ρ = ‖W‖, L_F = ‖U‖; tanh″ is at most 4/(3√3), so L_J = 4/(3√3) ‖W‖ max(‖W‖, ‖U‖).
  for (const size of [0.2, 0.5, 0.8]) {
    const raw = normal(`contraction ${String(size)}`, 3, 3)
    const matrix = new NDArray(
      [3, 3],
      raw.data.map((w) => (size * w) / norm2(fromArray(raw))),
    )
    const make: Make = (stop) =>
      fixedPoint({
        map: (x: Tensor, p: Tensor) => tanh(add(matmul(matrix, x), matmul(U, p))),
        ...stop,
      }) as never
    const [rho, LF] = [norm2(fromArray(matrix)), norm2(fromArray(U))]
    const LJ = (4 / (3 * Math.sqrt(3))) * rho * Math.max(rho, LF)
    const best = iterate(make, 400, input, 1e-14)
    const x = best.data
    const D: Matrix = Array.from(x, (xi, i) =>
      Array.from({ length: 3 }, (_, j) => (i === j ? 1 - xi * xi : 0)),
    )
    const exact = solved(minus(identity(3), times(D, fromArray(matrix))), times(D, fromArray(U)))
    for (const k of [1, 3, 8]) {
      const [e1, e] = [k - 1, k].map((j) => distance(iterate(make, j, input), best)) as [number, number]
      const [one, whole] = values(
        (p) =>
          [oneStep({ at: 'previous' }), implicit()].map((strategy) =>
            jacobian((q) => solve(make({ maxSteps: k, tol: 0 }), { x0: start, theta: q, strategy }))(p),
          ),
        input,
      ) as [NDArray, NDArray]
      const measured = [one, whole].map((J) => norm2(minus(fromArray(J), exact)))
      const bounds = [
        (rho * LF) / (1 - rho) + LJ * e1,
        ((LJ * LF) / (1 - rho) ** 2) * e + (LJ / (1 - rho)) * e,
      ]
      measured.forEach((m, i) =>
        t.ok(
          m <= (bounds[i] as number) + 1e-12,
          `ρ = ${size}, k = ${String(k)}, ${i === 0 ? 'one-step' : 'implicit'}: ${m.toExponential(2)} ≤ ${(bounds[i] as number).toExponential(2)}`,
        ),
      )
    }
  }
})

test('the gradient of an outer loss: one step is a descent direction, and terms bring it to the gradient', async (t) => {
  const target = normal('target', 3)
  const outer =
    (strategy: Strategy) =>
    (p: Tensor): Tensor =>
      sumSquares(
        solve(descent({ maxSteps: 2000, tol: 1e-13 }), { x0: start, theta: p, strategy }).sub(target),
      )
  const gradients = values(
    (p) =>
      [implicit(), oneStep(), neumann(3), neumann(10), neumann(100)].map((strategy) =>
        grad(outer(strategy))(p),
      ),
    weights,
  )
  const [exact, ...others] = gradients.map((g) => [...g.data]) as [number[], ...number[][]]
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((s, z, i) => s + z * (b[i] as number), 0)
  const cosines = others.map((g) => dot(g, exact) / Math.sqrt(dot(g, g) * dot(exact, exact)))
  t.ok(
    cosines.every((cosine, i) => cosine > (i === 0 ? 0.5 : (cosines[i - 1] as number) - 1e-12)),
    String(cosines),
  )
  t.ok(Math.abs((cosines[3] as number) - 1) < 1e-10)
})
