// auto: gradients to the tolerance asked for, or a status that says otherwise, for every kind of system that it knows.
import { test } from 'tap'
import {
  add,
  array,
  auto,
  compile,
  fixedPoint,
  gradientStatusNames,
  hessian,
  hypergradient,
  implicit,
  jvp,
  matmul,
  mul,
  newton,
  solve,
  stream,
  sub,
  sum,
  sumSquares,
  tanh,
  valueAndGrad,
  zeros,
} from '../../lib/index.js'
import type { NDArray, Strategy, Tensor } from '../../lib/index.js'

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot(...Array.from(a, (v, i) => v - (b[i] as number)))

/** x ← tanh(Wx) + Uθ of order n; symmetric or not. */
const layer = (n: number, symmetric: boolean, size = 0.8) => {
  const draw = stream(3, `W ${String(n)}`).normals(n * n)
  const W = array(
    draw.map((_, k) => {
      const [i, j] = [Math.floor(k / n), k % n]
      const v = symmetric ? (draw[i * n + j] as number) + (draw[j * n + i] as number) : (draw[k] as number)
      return (size * v) / (symmetric ? 2 * Math.sqrt(2 * n) : 2 * Math.sqrt(n))
    }),
    [n, n],
  )
  const U = array(stream(4, 'U').normals(n * 3), [n, 3])
  // Affine where it is to be symmetric: a diagonal of slopes would spoil that.
  const map = (x: Tensor, p: Tensor): Tensor =>
    symmetric ? add(matmul(W, x), matmul(U, p)) : add(tanh(matmul(W, x)), matmul(U, p))
  return (tol: number) => fixedPoint({ map, tol, maxSteps: 5000 })
}
const outer = (x: Tensor, p: Tensor): Tensor => add(sumSquares(sub(x, 0.3)), sumSquares(p))
const theta = array([0.4, -0.7, 0.2])

const systems = [
  { name: 'small: LU', n: 10, symmetric: false, method: 'lu' },
  { name: 'larger, symmetric: LU', n: 70, symmetric: true, method: 'lu' },
  { name: 'large, symmetric: CG', n: 400, symmetric: true, method: 'cg' },
  { name: 'large: GMRES', n: 400, symmetric: false, method: 'gmres' },
]

for (const { name, n, symmetric, method } of systems) {
  test(name, async (t) => {
    const solver = layer(n, symmetric)
    const gradient = (tol: number, strategy: Strategy) =>
      compile((p: Tensor) => hypergradient({ inner: solver(tol), x0: zeros([n]), outer, strategy })(p))(theta)
    const exact = gradient(1e-14, implicit()).value as unknown as { gradient: NDArray }
    const size = Math.hypot(...exact.gradient.data)
    for (const tol of [1e-1, 1e-3, 1e-8]) {
      for (const wanted of [1e-3, 1e-6, 1e-9]) {
        const found = gradient(tol, auto({ tol: wanted }))
        const error = distance(
          (found.value as unknown as { gradient: NDArray }).gradient.data,
          exact.gradient.data,
        )
        t.equal(found.gradientStatus, 'ok', `inner ${String(tol)}, asked ${String(wanted)}`)
        t.ok(error <= wanted * size, `${String(error / size)} ≤ ${String(wanted)}`)
        t.ok(error <= (found.certificate?.estimate ?? NaN) + 1e-13 * size)
        t.ok((found.products ?? 0) > 0)
        t.equal(found.method, method)
      }
    }
    // Forward mode, through a plain solve.
    const direction = array([1, 0.5, -2])
    const pushed = (tol: number, strategy: Strategy) =>
      compile((p: Tensor, d: Tensor) =>
        jvp((q: Tensor) => solve(solver(tol), { x0: zeros([n]), theta: q, strategy }), [p], [d]),
      )(theta, direction)
    const tangent = (pushed(1e-14, implicit()).value as unknown as [NDArray, NDArray])[1].data
    for (const tol of [1e-2, 1e-9]) {
      const found = pushed(tol, auto())
      const moved = (found.value as unknown as [NDArray, NDArray])[1].data
      t.equal(found.gradientStatus, 'ok')
      t.ok(distance(moved, tangent) <= 1e-6 * Math.hypot(...tangent))
    }
  })
}

test("Newton's own factor: one solve", async (t) => {
  const objective = (x: Tensor, p: Tensor): Tensor =>
    add(sum(mul(mul(x, x), mul(x, x))), sub(mul(0.5, sumSquares(x)), sum(mul(p, x))))
  const gradient = (tol: number, strategy: Strategy) =>
    compile(
      (p: Tensor) =>
        hypergradient({ inner: newton({ objective, tol }), x0: zeros([3]), outer, strategy })(p).gradient,
    )(array([2, 3, 4]))
  const exact = (gradient(1e-14, implicit()).value as NDArray).data
  for (const tol of [1, 1e-2, 1e-8]) {
    const found = gradient(tol, auto())
    t.equal(found.gradientStatus, 'ok')
    t.ok(distance((found.value as NDArray).data, exact) <= 1e-6 * Math.hypot(...exact))
    t.equal(found.products, 0)
    t.equal(found.method, 'factor')
  }
})

test('lanes choose for themselves, and get the bits of a batch of another order', async (t) => {
  const solver = layer(10, false)(1e-2)
  const f = compile(
    (p: Tensor) => hypergradient({ inner: solver, x0: zeros([10]), outer, strategy: auto() })(p).gradient,
    { lanes: 8 },
  )
  const batch = array(stream(9, 'batch').normals(60), [20, 3])
  const found = f.batch(batch)
  t.ok(gradientStatusNames(found.gradientStatus).every((s) => s === 'ok'))
  const reversed = array(
    batch.data.map((_, k) => batch.data[(19 - Math.floor(k / 3)) * 3 + (k % 3)] as number),
    [20, 3],
  )
  const other = f.batch(reversed)
  const rows = (value: unknown, i: number): Float64Array => (value as NDArray).data.slice(3 * i, 3 * i + 3)
  for (let i = 0; i < 20; i++) t.strictSame(rows(found.value, i), rows(other.value, 19 - i))
})

test('what cannot be met is told', async (t) => {
  // A plain solve knows its cotangent at x̄ alone, and says so where x̄ is not there yet.
  const plain = (tol: number) =>
    compile(
      valueAndGrad((p: Tensor) =>
        sumSquares(solve(layer(10, false)(tol), { x0: zeros([10]), theta: p, strategy: auto() })),
      ),
    )(theta).gradientStatus
  t.equal(plain(1e-2), 'toleranceNotMet')
  t.equal(plain(1e-10), 'ok')
  // I − ∂ₓF is singular: x ← x + 0 (x − θ).
  const still = fixedPoint({ map: (x: Tensor, p: Tensor) => add(x, mul(0, p)), maxSteps: 3 })
  const singular = compile(
    (p: Tensor) => hypergradient({ inner: still, x0: array([1, 2, 3]), outer, strategy: auto() })(p).gradient,
  )(theta)
  t.not(singular.gradientStatus, 'ok')
  // Too few steps for GMRES, and a matrix that is too large to be formed.
  const few = compile(
    (p: Tensor) =>
      hypergradient({
        inner: layer(600, false, 1.9)(1e-9),
        x0: zeros([600]),
        outer,
        strategy: auto({ tol: 1e-12, maxSteps: 1 }),
      })(p).gradient,
  )(theta)
  t.equal(few.gradientStatus, 'toleranceNotMet')
  t.equal(few.method, 'gmres')
})

test('LU takes over where GMRES falls short, for the instances where it does', async (t) => {
  const n = 400
  const gradient = (strategy: Strategy, tol: number) =>
    compile(
      (p: Tensor) =>
        hypergradient({
          inner: layer(n, false, 1.9)(tol),
          x0: zeros([n]),
          outer,
          strategy,
          certificate: false,
        })(p).gradient,
    )
  const batch = array([0.4, -0.7, 0.2, 1, 2, 3], [2, 3])
  const exact = gradient(implicit(), 1e-13).batch(batch).value.data
  const { value, gradientStatus, method, products } = gradient(auto({ maxSteps: 1 }), 1e-4).batch(batch)
  t.ok(gradientStatus.every((code) => code === 0))
  t.strictSame([...(method ?? [])], [1, 1], 'lu')
  t.ok(products?.every((count) => count >= n))
  t.ok(distance(value.data, exact) <= 1e-6 * Math.hypot(...exact))
  // Where tanh is flat two products suffice.
  const mixed = gradient(auto({ maxSteps: 2 }), 1e-10).batch(
    array([0.4, -0.7, 0.2, 4000, 5000, -6000], [2, 3]),
  )
  t.strictSame([...(mixed.method ?? [])], [1, 2], 'lu, and cg, since ∂ₓF = 0 is symmetric')
  t.ok(mixed.gradientStatus.every((code) => code === 0))
})

test('second derivatives and wrong options are refused', async (t) => {
  const f = (p: Tensor): Tensor =>
    sumSquares(solve(layer(10, false)(1e-9), { x0: zeros([10]), theta: p, strategy: auto() }))
  t.throws(() => compile((p: Tensor): Tensor => hessian(f)(p))(theta), {
    message: /cannot be differentiated again/,
  })
  t.throws(() => auto({ tol: 0 }), { code: 'ERR_ARGUMENT' })
  t.throws(() => auto({ maxSteps: 0 }), { code: 'ERR_ARGUMENT' })
  t.throws(() => auto({ tolerance: 1 } as never), { code: 'ERR_UNKNOWN_OPTION' })
})
