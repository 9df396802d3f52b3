// Quadratic programs: the optimality conditions and the derivatives against a dense solve of the whole system, written apart.
import { test } from 'tap'
import {
  array,
  compile,
  implicit,
  interiorPoint,
  jvp,
  oneStep,
  primalDualStart,
  solve,
  statusNames,
  stream,
  sumSquares,
  unrolled,
  valueAndGrad,
} from '../../lib/index.js'
import type { NDArray, PrimalDual, QuadraticProgram, Strategy, Tensor } from '../../lib/index.js'

interface Data {
  readonly Q: NDArray
  readonly q: NDArray
  readonly A?: NDArray
  readonly b?: NDArray
  readonly G?: NDArray
  readonly h?: NDArray
}
type Vector = 'q' | 'b' | 'h'

/** Random data with a strictly feasible point; Q of full rank. */
const random = (n: number, m: number, p: number, seed = 1): Data => {
  const draw = (name: string, count: number): Float64Array => stream(seed, name).normals(count)
  const root = draw('root', n * n)
  const Q = new Float64Array(n * n)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      for (let k = 0; k < n; k++)
        Q[i * n + j]! += ((root[i * n + k] as number) * (root[j * n + k] as number)) / n
    }
    Q[i * n + i]! += 0.1
  }
  const inside = draw('inside', n)
  const times = (matrix: Float64Array, rows: number): Float64Array =>
    Float64Array.from({ length: rows }, (_, i) =>
      inside.reduce((t, x, j) => t + x * (matrix[i * n + j] as number), 0),
    )
  const [A, G] = [draw('A', m * n), draw('G', p * n)]
  const room = stream(seed, 'room').uniforms(p)
  return {
    Q: array(Q, [n, n]),
    q: array(draw('q', n).map((v) => 3 * v)),
    ...(m === 0 ? {} : { A: array(A, [m, n]), b: array(times(A, m)) }),
    ...(p === 0 ? {} : { G: array(G, [p, n]), h: array(times(G, p).map((v, i) => v + (room[i] as number))) }),
  }
}

/** Gaussian elimination with partial pivoting. */
const gauss = (matrix: readonly Float64Array[], right: Float64Array): Float64Array => {
  const [a, x] = [matrix.map((row) => row.slice()), right.slice()]
  const n = x.length
  for (let k = 0; k < n; k++) {
    let best = k
    for (let i = k; i < n; i++) if (Math.abs(a[i]![k]!) > Math.abs(a[best]![k]!)) best = i
    ;[a[k], a[best]] = [a[best]!, a[k]!]
    ;[x[k], x[best]] = [x[best]!, x[k]!]
    for (let i = k + 1; i < n; i++) {
      const f = a[i]![k]! / a[k]![k]!
      for (let j = k; j < n; j++) a[i]![j]! -= f * a[k]![j]!
      x[i]! -= f * x[k]!
    }
  }
  for (let k = n - 1; k >= 0; k--) {
    for (let j = k + 1; j < n; j++) x[k]! -= a[k]![j]! * x[j]!
    x[k]! /= a[k]![k]!
  }
  return x
}

/** The gradients of ½‖x‖² by the equations of the active constraints: Q dx + Aᵀdy + Gₐᵀdz = −dq, A dx = db, Gₐ dx = dhₐ. */
const activeSet = (data: Data, x: Float64Array, z: Float64Array): Record<Vector, Float64Array> => {
  const n = x.length
  const row = (matrix: NDArray, i: number): Float64Array => matrix.data.subarray(i * n, (i + 1) * n)
  const active = [...z.keys()].filter((i) => z[i]! > 1e-6)
  const rows = [
    ...Array.from({ length: data.b?.size ?? 0 }, (_, i) => row(data.A as NDArray, i)),
    ...active.map((i) => row(data.G as NDArray, i)),
  ]
  const size = n + rows.length
  const K = Array.from({ length: size }, () => new Float64Array(size))
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) K[i]![j] = data.Q.data[i * n + j]!
  rows.forEach((r, k) => {
    r.forEach((v, j) => {
      K[n + k]![j] = K[j]![n + k] = v
    })
  })
  const u = gauss(
    K,
    Float64Array.from({ length: size }, (_, i) => (i < n ? x[i]! : 0)),
  )
  const m = data.b?.size ?? 0
  const h = new Float64Array(z.length)
  active.forEach((i, k) => (h[i] = u[n + m + k]!))
  return { q: u.slice(0, n).map((v) => -v), b: u.slice(n, n + m), h }
}

const distance = (a: Float64Array, b: Float64Array): number => Math.hypot(...a.map((v, i) => v - b[i]!))

const shapes = [
  { name: 'both kinds of constraints', n: 12, m: 3, p: 8 },
  { name: 'inequalities only', n: 10, m: 0, p: 14 },
  { name: 'equalities only', n: 10, m: 4, p: 0 },
  { name: 'no constraints', n: 7, m: 0, p: 0 },
  { name: 'one variable', n: 1, m: 0, p: 1 },
]

const solution = (data: Data, theta: Partial<Record<Vector, Tensor>>, strategy: Strategy): PrimalDual => {
  const problem = (t: Partial<Record<Vector, Tensor>>): QuadraticProgram => ({ ...data, ...t })
  const solver = interiorPoint({ problem, tol: 1e-11 })
  return solve(solver, { x0: primalDualStart(data), theta, strategy }) as PrimalDual
}

const vectorsOf = (data: Data): Partial<Record<Vector, NDArray>> =>
  Object.fromEntries((['q', 'b', 'h'] as const).flatMap((k) => (data[k] === undefined ? [] : [[k, data[k]]])))

for (const { name, n, m, p } of shapes) {
  test(`interior point: ${name}`, async (t) => {
    const data = random(n, m, p)
    const theta = vectorsOf(data)
    const found = compile((th: Partial<Record<Vector, Tensor>>) => solution(data, th, implicit()))(
      theta as never,
    )
    t.equal(found.status, 'converged')
    const parts = found.value as unknown as Record<'x' | 's' | 'z' | 'y', NDArray | undefined>
    const [x, y, z, s] = (['x', 'y', 'z', 's'] as const).map(
      (k) => parts[k]?.data ?? new Float64Array(0),
    ) as [Float64Array, Float64Array, Float64Array, Float64Array]
    // The optimality conditions, entry by entry.
    const at = (matrix: NDArray | undefined, i: number, j: number): number => matrix?.data[i * n + j] ?? 0
    let worst = 0
    const note = (value: number): void => {
      worst = Math.max(worst, Math.abs(value))
    }
    for (let j = 0; j < n; j++) {
      let r = data.q.data[j]!
      for (let i = 0; i < n; i++) r += at(data.Q, j, i) * x[i]!
      for (let i = 0; i < m; i++) r += at(data.A, i, j) * y[i]!
      for (let i = 0; i < p; i++) r += at(data.G, i, j) * z[i]!
      note(r)
    }
    for (let i = 0; i < m; i++) note(x.reduce((sum, v, j) => sum + at(data.A, i, j) * v, -data.b!.data[i]!))
    for (let i = 0; i < p; i++) {
      note(x.reduce((sum, v, j) => sum + at(data.G, i, j) * v, s[i]! - data.h!.data[i]!))
      note(s[i]! * z[i]!)
      t.ok(s[i]! >= 0 && z[i]! >= 0)
    }
    t.ok(worst < 1e-9, `the optimality conditions hold to ${worst.toExponential(1)}`)

    const reference = activeSet(data, x, z)
    const strategies: readonly (readonly [Strategy, number])[] = [
      [implicit(), 1e-8],
      [oneStep({ stepLengthCorrection: true }), 1e-7],
      [unrolled(), 1e-4],
    ]
    for (const [strategy, bar] of strategies) {
      const f = compile(
        valueAndGrad((th: Partial<Record<Vector, Tensor>>) =>
          sumSquares(solution(data, th, strategy).x).mul(0.5),
        ),
      )
      const result = f(theta as never)
      t.equal(result.gradientStatus, 'ok')
      const gradient = result.value[1] as unknown as Partial<Record<Vector, NDArray>>
      for (const k of ['q', 'b', 'h'] as const) {
        if (gradient[k] === undefined) continue
        const error = distance(gradient[k].data, reference[k]) / (1 + Math.hypot(...reference[k]))
        t.ok(error < bar, `${strategy.name}, ∂${k}: ${error.toExponential(1)}`)
      }
    }
    // ⟨J v, w⟩ = ⟨v, Jᵀ w⟩ with w = x
    const direction = Object.fromEntries(
      Object.entries(theta).map(([k, v]) => [k, array(stream(5, k).normals(v.size))]),
    ) as typeof theta
    const pushed = compile((th: Partial<Record<Vector, Tensor>>, d: Partial<Record<Vector, Tensor>>) =>
      jvp((u: Partial<Record<Vector, Tensor>>) => solution(data, u, implicit()).x, [th], [d]),
    )(theta as never, direction as never).value as unknown as readonly [NDArray, NDArray]
    const left = pushed[1].data.reduce((sum, v, i) => sum + v * x[i]!, 0)
    const right = Object.entries(direction).reduce(
      (sum, [k, v]) => sum + v.data.reduce((inner, d, i) => inner + d * reference[k as Vector][i]!, 0),
      0,
    )
    t.ok(Math.abs(left - right) < 1e-7 * (1 + Math.abs(left)))
  })
}

test('interior point: one-step is α times the derivative', async (t) => {
  const data = random(20, 5, 12, 3)
  const gradient = (strategy: Strategy, tau: number): Float64Array => {
    const solver = interiorPoint({ problem: (b: Tensor) => ({ ...data, b }), tau, tol: 1e-11, maxSteps: 200 })
    const f = compile(
      valueAndGrad((b: Tensor) =>
        sumSquares((solve(solver, { x0: primalDualStart(data), theta: b, strategy }) as PrimalDual).x),
      ),
    )
    return (f(data.b as NDArray).value[1] as NDArray).data
  }
  const exact = gradient(implicit(), 0.995)
  for (const tau of [0.9, 0.99, 0.999]) {
    const relative = distance(gradient(oneStep(), tau), exact) / Math.hypot(...exact)
    t.ok(Math.abs(relative / (1 - tau) - 1) < 0.05, `τ = ${tau}: ${relative.toExponential(2)}`)
    const corrected = gradient(oneStep({ stepLengthCorrection: true }), tau)
    t.ok(distance(corrected, exact) < 1e-6 * Math.hypot(...exact))
  }
})

test('interior point: many programs as lanes, one of them broken', async (t) => {
  const data = random(8, 2, 6, 7)
  const solver = interiorPoint({ problem: ({ q }: { readonly q: Tensor }) => ({ ...data, q }) })
  const f = compile(
    ({ q }: { readonly q: Tensor }) =>
      (solve(solver, { x0: primalDualStart(data), theta: { q } }) as PrimalDual).x,
  )
  const batch = 40
  const q = array(stream(2, 'q').normals(8 * batch), [batch, 8])
  const good = f.batch({ q })
  t.ok(statusNames(good.status).every((s) => s === 'converged'))
  const broken = array(
    q.data.map((v, i) => (i === 8 * 11 + 3 ? NaN : v)),
    [batch, 8],
  )
  const found = f.batch({ q: broken })
  t.equal(statusNames(found.status)[11], 'nonFinite')
  for (let i = 0; i < batch; i++) {
    if (i === 11) continue
    t.strictSame(found.value.data.slice(8 * i, 8 * i + 8), good.value.data.slice(8 * i, 8 * i + 8))
  }
})

test('interior point: what does not fit is refused', async (t) => {
  const { Q, q, A, b, G } = random(4, 2, 3)
  const inTrace = (data: object) => () => {
    const solver = interiorPoint({ problem: () => data as QuadraticProgram })
    return compile(() => solve(solver, { x0: primalDualStart(data as QuadraticProgram) }).x as Tensor)()
  }
  t.throws(inTrace({ Q, q, A }), { code: 'ERR_ARGUMENT', message: /A and b together.*A alone/ })
  t.throws(inTrace({ Q, q, A: G, b }), { code: 'ERR_SHAPE', message: /A of a quadratic program/ })
  t.throws(inTrace({ Q: q, q }), { code: 'ERR_SHAPE', message: /Q of a quadratic program/ })
  const problem = (): QuadraticProgram => ({ Q, q })
  t.throws(() => interiorPoint({ problem, tau: 1 }), { code: 'ERR_ARGUMENT', message: /tau/ })
  t.throws(() => interiorPoint({ problem, measure: 'gap' as never }), { message: /measure/ })
  t.throws(() => interiorPoint({ problem, tua: 1 } as never), { code: 'ERR_UNKNOWN_OPTION' })
})

test('interior point: steps that overshoot by turns end', async (t) => {
  // Found by random programs: with steps to the boundary the point goes round in a cycle of two.
  const Q = array(
    [0.05676390488520985, -0.010475933072740853, -0.010475933072740853, 0.8804767381976116],
    [2, 2],
  )
  const rows = [
    [1.751954063069732, 1.3634910986911062, -0.8633102201505914],
    [-1.2709025475139042, -1.1793922545542044, 4.1820756486548865],
    [1.2709025475139042, 1.1793922545542044, 6.47220171012594],
    [0, -1, 0.8585855333034977],
    [1, 0, -0.4748259055339487],
    [0, 1, 1.6480021976723829],
  ] as const
  const data = {
    Q,
    q: array([-0.38079810740879255, -0.12601511839408086]),
    G: array(
      rows.flatMap(([a, b]) => [a, b]),
      [6, 2],
    ),
    h: array(rows.map(([, , h]) => h)),
  }
  const solver = interiorPoint({ problem: () => data, tol: 1e-10 })
  const found = compile(() => (solve(solver, { x0: primalDualStart(data) }) as PrimalDual).x)()
  t.equal(found.status, 'converged')
  t.ok(found.iterations < 20)
  const x = (found.value as NDArray).data
  t.ok(Math.abs(x[0]! + 0.4748259) < 1e-6 && Math.abs(x[1]! + 0.0230563) < 1e-6)
})

test('interior point: the units of the objective change neither x nor its derivative', async (t) => {
  const base = random(20, 5, 12, 4)
  const gradient = (unit: number, strategy: Strategy): Float64Array => {
    const times = (a: NDArray): NDArray =>
      array(
        a.data.map((v) => v * unit),
        a.shape,
      )
    const data = { ...base, Q: times(base.Q), q: times(base.q) }
    const problem = (b: Tensor): QuadraticProgram => ({ ...data, b })
    const solver = interiorPoint({ problem, tol: 1e-12 * Math.max(1, unit), maxSteps: 100 })
    const f = compile(
      valueAndGrad((b: Tensor) =>
        sumSquares((solve(solver, { x0: primalDualStart(data), theta: b, strategy }) as PrimalDual).x),
      ),
    )
    return (f(base.b as NDArray).value[1] as NDArray).data
  }
  const exact = gradient(1, implicit())
  for (const unit of [1e-5, 1, 1e5]) {
    for (const strategy of [implicit(), oneStep({ stepLengthCorrection: true })]) {
      const error = distance(gradient(unit, strategy), exact) / Math.hypot(...exact)
      t.ok(error < 1e-7, `${strategy.name}, objective × ${String(unit)}: ${error.toExponential(1)}`)
    }
  }
})
