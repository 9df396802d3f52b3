// Certificates: theorems where constants are stated, estimates elsewhere, for vjp, jvp and Jacobians, alone, in lanes and through
// a pool; what is asked wrongly is refused, and constants that are false are seen. Random families: test/bench/certificate.
import { test } from 'tap'
import {
  Pool,
  add,
  array,
  compile,
  fixedPoint,
  gradientDescent,
  hypergradient,
  implicit,
  jacobian,
  jvp,
  matmul,
  mul,
  neumann,
  newton,
  oneStep,
  phantom,
  solve,
  sub,
  sum,
  sumSquares,
  tanh,
  truncated,
  unrolled,
  valueAndGrad,
  zeros,
} from '../../lib/index.js'
import type { CertificateOptions, NDArray, Solver, Strategy, Tensor } from '../../lib/index.js'

/** x ← a tanh(x) + θ, componentwise: everything about it is known. tanh′ ≤ 1, |tanh″| ≤ 4/(3√3). */
const contraction = (a: number, tol: number) =>
  fixedPoint({
    map: (x: Tensor, theta: Tensor) => add(mul(a, tanh(x)), theta),
    tol,
    maxSteps: 2000,
  })
const constants = (a: number): CertificateOptions => ({
  constants: { rho: a, theta: 1, jacobian: (4 / (3 * Math.sqrt(3))) * a, outerGradient: 1 },
})
const target = array([0.3, -0.2, 1.1])

/** The gradient of ½‖x̄ − target‖²: (x̄ − target) / (1 − a tanh′(x̄)), x̄ by many steps. */
const truth = (a: number, theta: readonly number[]): number[] =>
  theta.map((t, i) => {
    let x = 0
    for (let k = 0; k < 5000; k++) x = a * Math.tanh(x) + t
    return (x - (target.data[i] as number)) / (1 - a * (1 - Math.tanh(x) ** 2))
  })
const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot(...Array.from(a, (v, i) => v - (b[i] as number)))
const outer = (x: Tensor): Tensor => mul(0.5, sumSquares(sub(x, target)))
const theta = [0.5, -0.3, 0.8]
const strategies: readonly Strategy[] = [
  oneStep(),
  oneStep({ at: 'previous' }),
  neumann(4),
  truncated(4),
  phantom(3, 0.7),
  unrolled(),
  implicit(),
]

for (const a of [0.2, 0.7, 0.95]) {
  for (const tol of [1e-1, 1e-3, 1e-11]) {
    test(`a = ${String(a)}, inner tolerance ${String(tol)}`, async (t) => {
      const exact = truth(a, theta)
      for (const strategy of strategies) {
        const problem = hypergradient({
          inner: contraction(a, tol),
          x0: zeros([3]),
          outer,
          strategy,
          certificate: constants(a),
        })
        const { value, certificate, ...result } = compile((p: Tensor) => problem(p).gradient)(array(theta))
        const error = distance((value as NDArray).data, exact)
        if (certificate === undefined) throw new Error('no certificate')
        const { bound, estimate, rho, neglected, unconverged, residual, rigorous } = certificate
        const slack = 1e-12 * Math.hypot(...exact)
        t.ok(error <= bound + slack, `${strategy.name}: ${String(error)} ≤ ${String(bound)}`)
        t.ok(error <= estimate + slack, `${strategy.name}: ${String(error)} ≤ ${String(estimate)}`)
        t.ok(estimate <= 10 * error + 1e-9, `${strategy.name}: the estimate is near`)
        t.ok(rho <= a * (1 + 1e-12) && neglected >= 0 && unconverged >= 0)
        t.equal(rigorous, true)
        t.ok(residual <= tol && residual === result.residual)
      }
    })
  }
}

test('a plain solve, its tangents and its Jacobian', async (t) => {
  const a = 0.7
  const point = (tol: number, strategy: Strategy) => (p: Tensor) =>
    solve(contraction(a, tol), { x0: zeros([3]), theta: p, strategy, certificate: constants(a) })
  for (const tol of [1e-2, 1e-11]) {
    for (const strategy of strategies) {
      // v is fixed: Σ x, whose gradient is 1 / (1 − a tanh′).
      const one = compile(valueAndGrad((p: Tensor) => sum(point(tol, strategy)(p))))(array(theta))
      const x = truthPoint(a)
      const slopes = x.map((v) => 1 / (1 - a * (1 - Math.tanh(v) ** 2)))
      const error = distance((one.value[1] as NDArray).data, slopes)
      t.ok(error <= (one.certificate?.bound ?? -1) + 1e-12, `${strategy.name}, vjp`)
      t.ok(error <= (one.certificate?.estimate ?? -1) + 1e-12, `${strategy.name}, vjp, estimated`)
      const direction = [1, -2, 0.5]
      const pushed = compile((p: Tensor, d: Tensor) => jvp(point(tol, strategy), [p], [d])[1])(
        array(theta),
        array(direction),
      )
      const tangent = slopes.map((v, i) => v * (direction[i] as number))
      const moved = distance((pushed.value as NDArray).data, tangent)
      t.ok(moved <= (pushed.certificate?.bound ?? -1) + 1e-12, `${strategy.name}, jvp`)
      t.ok(moved <= (pushed.certificate?.estimate ?? -1) + 1e-12, `${strategy.name}, jvp, estimated`)
      // Where x̄ is far from x*, both shares may cancel by chance.
      if (tol < 1e-6) t.ok((pushed.certificate?.estimate ?? Infinity) <= 10 * moved + 1e-9)
    }
  }
  // Of the rows of a Jacobian the largest certificate stands.
  const jacobianOf = (p: Tensor): Tensor => jacobian(point(1e-11, oneStep()), { mode: 'reverse' })(p)
  const rows = compile(jacobianOf)(array(theta))
  const worst = Math.max(
    ...truthPoint(a).map((v) => {
      const s = a * (1 - Math.tanh(v) ** 2)
      return 1 / (1 - s) - 1
    }),
  )
  t.ok((rows.certificate?.estimate ?? 0) >= worst && (rows.certificate?.estimate ?? 0) < 10 * worst)
})

const truthPoint = (a: number): number[] =>
  theta.map((p) => {
    let x = 0
    for (let k = 0; k < 5000; k++) x = a * Math.tanh(x) + p
    return x
  })

test('lanes and pool: one certificate an instance', async (t) => {
  const problem = hypergradient({
    inner: contraction(0.9, 1e-2),
    x0: zeros([3]),
    outer,
    strategy: oneStep(),
    certificate: constants(0.9),
  })
  const fn = (p: Tensor): Tensor => problem(p).gradient
  const batch = array(
    Array.from({ length: 24 }, (_, i) => Math.sin(i)),
    [8, 3],
  )
  const f = compile(fn)
  const { certificate } = f.batch(batch)
  if (certificate === undefined) throw new Error('no certificate')
  for (let i = 0; i < 8; i++) {
    const alone = f(array(batch.data.slice(3 * i, 3 * i + 3))).certificate
    t.ok(Math.abs((certificate.estimate[i] as number) / (alone?.estimate ?? NaN) - 1) < 1e-6)
    t.ok(Math.abs((certificate.bound[i] as number) / (alone?.bound ?? NaN) - 1) < 1e-6)
  }
  await using pool = new Pool({ threads: 2 })
  const pooled = await pool.run(fn, [batch])
  t.strictSame(pooled.certificate, certificate)
  t.strictSame(certificate.rigorous, new Array(8).fill(true))
  let count = 0
  for await (const { certificate: own } of pool.each(fn, [[array(theta)], [array(theta)]])) {
    t.ok(own !== undefined && own.estimate > 0)
    t.equal(own?.rigorous, true)
    count++
  }
  t.equal(count, 2)
  // An instance that never ended has no theorem.
  const none = await pool.run(fn, [batch], { signal: AbortSignal.abort() })
  t.strictSame(none.certificate?.rigorous, new Array(8).fill(false))
  t.ok(none.certificate?.residual.every(Number.isNaN))
})

test('rigorous is said of each instance: where it was seen that ρ is larger, there is no theorem', async (t) => {
  const problem = hypergradient({
    ...{ inner: contraction(0.9, 1e-6), x0: zeros([3]), outer, strategy: oneStep() },
    certificate: { constants: { rho: 0.5, theta: 1, jacobian: 1, outerGradient: 1 } },
  })
  const f = compile((p: Tensor) => problem(p).gradient)
  // ∂ₓF is near 0.9 at x = 0, and near 0 where tanh is flat.
  const { certificate, residual } = f.batch(array([0, 0.01, 0, 4, 5, 6], [2, 3]))
  t.strictSame(certificate?.rigorous, [false, true])
  t.strictSame([...(certificate?.bound ?? [])].map(Number.isFinite), [false, true])
  t.strictSame(certificate?.residual, residual)
  t.strictSame(f(array([4, 5, 6])).certificate?.rigorous, true)
})

test('large systems: CG where ∂ₓF is symmetric, GMRES where it is not', async (t) => {
  const n = 400
  const make = (skew: number) => {
    const W = array(
      Float64Array.from({ length: n * n }, (_, k) => {
        const [i, j] = [Math.floor(k / n), k % n]
        return (0.8 / n) * (Math.cos(i * j + i + j) + skew * Math.sin(i - j))
      }),
      [n, n],
    )
    const inner = (tol: number) =>
      fixedPoint({ map: (x: Tensor, p: Tensor) => add(matmul(W, x), p), tol, maxSteps: 3000 })
    const gradient = (tol: number, strategy: Strategy) =>
      compile(
        (p: Tensor) =>
          hypergradient({
            inner: inner(tol),
            x0: zeros([n]),
            outer: (x: Tensor) => sumSquares(x),
            strategy,
            certificate: true,
          })(p).gradient,
      )(array(Float64Array.from({ length: n }, (_, i) => Math.sin(i))))
    const exact = (gradient(1e-14, implicit()).value as NDArray).data
    return { gradient, exact }
  }
  for (const skew of [0, 1]) {
    const { gradient, exact } = make(skew)
    for (const tol of [1e-2, 1e-10]) {
      for (const strategy of [oneStep(), neumann(4), implicit()]) {
        const { value, certificate, method, products } = gradient(tol, strategy)
        const error = distance((value as NDArray).data, exact)
        const estimate = certificate?.estimate ?? NaN
        t.equal(method, skew === 0 ? 'cg' : 'gmres')
        t.ok((products ?? 0) > 2 && (products ?? Infinity) < 400)
        t.ok(error <= estimate + 1e-11 && (estimate <= 10 * error || estimate < 1e-4), `skew ${String(skew)}`)
      }
    }
  }
})

test('the cost that is reported is that of the certificate, whatever the strategy', async (t) => {
  const all: readonly Strategy[] = [
    ...strategies,
    implicit({ linearSolver: 'cg' }),
    implicit({ linearSolver: 'gmres' }),
  ]
  for (const strategy of all) {
    const h = hypergradient({
      inner: contraction(0.7, 1e-3),
      x0: zeros([3]),
      outer,
      strategy,
      certificate: true,
    })
    const { products, method } = compile((p: Tensor) => h(p).gradient)(array(theta))
    t.strictSame([products, method], [3, 'lu'], `${strategy.name}: a matrix of order 3, once`)
  }
})

test("a solver's own factor serves", async (t) => {
  const objective = (x: Tensor, p: Tensor): Tensor =>
    add(sum(mul(x, mul(x, mul(x, x)))), sub(mul(0.5, sumSquares(x)), sum(mul(p, x))))
  const gradient = (tol: number, strategy: Strategy) =>
    compile(
      (p: Tensor) =>
        hypergradient({
          inner: newton({ objective, tol }),
          x0: zeros([3]),
          outer,
          strategy,
          certificate: true,
        })(p).gradient,
    )(array([2, 3, 4]))
  const exact = (gradient(1e-14, implicit()).value as NDArray).data
  for (const tol of [1, 1e-2, 1e-9]) {
    for (const strategy of [oneStep(), implicit()]) {
      const { value, certificate } = gradient(tol, strategy)
      const error = distance((value as NDArray).data, exact)
      t.ok(error <= (certificate?.estimate ?? NaN) + 1e-13, `${strategy.name}, ${String(tol)}`)
    }
  }
})

test('a map that contracts nothing is told, and false constants prove nothing', async (t) => {
  const map = (x: Tensor, p: Tensor): Tensor => add(matmul(array([0, 5, 0, 0], [2, 2]), x), p)
  const far = compile(
    (p: Tensor) =>
      hypergradient({
        inner: fixedPoint({ map }),
        x0: zeros([2]),
        outer: (x: Tensor) => sumSquares(x),
        strategy: oneStep(),
        certificate: true,
      })(p).gradient,
  )(array([1, 1]))
  t.ok((far.certificate?.rho ?? 0) >= 1)
  t.equal(far.certificate?.bound, Infinity)
  const claims = (rho: number) =>
    compile(
      (p: Tensor) =>
        hypergradient({
          inner: contraction(0.9, 1e-3),
          x0: zeros([3]),
          outer,
          strategy: oneStep(),
          certificate: { constants: { rho, theta: 1, jacobian: 1, outerGradient: 1 } },
        })(p).gradient,
    )(array([0.01, 0, -0.01])).certificate
  t.ok(Number.isFinite(claims(0.9)?.bound))
  t.equal(claims(0.3)?.bound, Infinity, 'ρ was seen to be larger')
})

test('where the iterate is too far away for its change to be foreseen, that is said', async (t) => {
  // y³ − y/100 = θ with y = x − 1, by Newton from y = −1: its first steps are far from those that converge.
  const objective = (x: Tensor, p: Tensor): Tensor => {
    const y = sub(x, 1)
    return add(mul(0.25, sumSquares(mul(y, y))), sub(mul(0.005, sumSquares(y)), sum(mul(p, x))))
  }
  const h = (maxSteps: number) =>
    hypergradient({
      inner: newton({ objective, maxSteps, lineSearch: 'none', tol: 1e-14 }),
      x0: zeros([1]),
      outer: (x: Tensor) => sum(x),
      strategy: implicit(),
    })
  const at = (maxSteps: number) => compile((p: Tensor) => h(maxSteps)(p).gradient)(array([2]))
  const exact = (at(100).value as NDArray).data
  const estimates = [1, 2, 3, 5, 8, 12, 20].map((maxSteps) => {
    const { value, certificate } = at(maxSteps)
    const estimate = certificate?.estimate ?? NaN
    t.ok(distance((value as NDArray).data, exact) <= estimate, `${String(maxSteps)} steps`)
    return estimate
  })
  t.equal(estimates[0], Infinity)
  t.ok((estimates.at(-1) ?? Infinity) < 1e-6)
})

test('what is not known is Infinity', async (t) => {
  const inner = gradientDescent({
    objective: (x: Tensor, p: Tensor) => sum(mul(p, x)).add(mul(0, sumSquares(x))),
    stepSize: 1,
    maxSteps: 3,
  })
  const { certificate } = compile(
    (p: Tensor) =>
      hypergradient({ inner, x0: zeros([2]), outer: (x: Tensor) => sumSquares(x), certificate: true })(p)
        .gradient,
  )(array([1, 2]))
  t.equal(certificate?.estimate, Infinity)
})

test('wrong certificates are refused', async (t) => {
  const wrong = contraction(0.5, 1e-6) as unknown as Solver<Tensor, Tensor, unknown>
  const ask = (certificate: unknown) => () =>
    compile((p: Tensor) =>
      sum(solve<Tensor, Tensor, unknown>(wrong, { x0: zeros([3]), theta: p, certificate } as never)),
    )(array(theta))
  t.throws(ask({ constants: { rho: 1, theta: 1, jacobian: 1 } }), {
    code: 'ERR_ARGUMENT',
    message: /rho < 1/,
  })
  t.throws(ask({ constants: { rho: 0.5, theta: -1, jacobian: 1 } }), { message: /out of range/ })
  t.throws(ask({ constants: { rho: 0.5, theta: 1 } }), { message: /out of range/ })
  t.throws(ask({ safety: 0.5 }), { message: /safety/ })
  t.throws(ask({ constant: {} }), { code: 'ERR_UNKNOWN_OPTION' })
})
