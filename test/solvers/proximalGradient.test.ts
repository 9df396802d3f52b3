// Proximal gradient on sparse regression: solutions against coordinate descent written apart, the rates of ISTA and FISTA as bounds on
// every iterate, each strategy against the formula on the support, and what is refused.
import { test } from 'tap'
import { NDArray } from '../../lib/base/ndarray.js'
import {
  add,
  backtracking,
  compile,
  concat,
  exp,
  implicit,
  jacobian,
  logspace,
  matmul,
  meanSquaredError,
  mul,
  neumann,
  oneStep,
  phantom,
  projection,
  prox,
  proximalGradient,
  slice,
  solve,
  sub,
  sum,
  sumSquares,
  syntheticRegression,
  tensor,
  truncated,
  unrolled,
} from '../../lib/index.js'
import type { ProximalGradientOptions, Strategy, Tensor } from '../../lib/index.js'
import { normal, value } from '../harness/evaluate.js'
import { relativeError } from '../oracle/compare.js'
import {
  build,
  frobenius,
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
  transposed,
} from '../oracle/matrices.js'
import type { Matrix } from '../oracle/matrices.js'

type Options = ProximalGradientOptions<Tensor, Tensor>

interface Lasso {
  readonly A: NDArray
  readonly b: NDArray
  /** 1/L for f = 1/2n ‖Ax − b‖² */
  readonly step: number
}

const lassoOf = (options: Parameters<typeof syntheticRegression>[0]): Lasso => {
  const { features, targets } = syntheticRegression(options).training
  const [A, b] = [features as NDArray, targets as NDArray]
  return { A, b, step: b.size / (norm2(fromArray(A)) ** 2 * (1 + 1e-6)) }
}

/** θ = log λ */
const solver = ({ A, b, step }: Lasso, options: Partial<Options> = {}) =>
  proximalGradient<Tensor, Tensor>({
    objective: (x) => mul(0.5, meanSquaredError(matmul(A, x), b)),
    prox: (v, s, theta) => prox.l1(v, s, exp(theta)),
    stepSize: step,
    ...options,
  })

/** The lasso by cyclic coordinate descent with residuals, column by column. */
const coordinateDescent = ({ A, b }: Lasso, lambda: number): Float64Array => {
  const [n, p] = A.shape as readonly [number, number]
  const columns = Array.from({ length: p }, (_, j) => Float64Array.from({ length: n }, (__, i) => A.at(i, j)))
  const x = new Float64Array(p)
  const r = b.data.slice()
  for (let sweep = 0; sweep < 20_000; sweep++) {
    let moved = 0
    columns.forEach((a, j) => {
      const old = x[j] as number
      const size = a.reduce((t, v) => t + v * v, 0) / n
      const rho = a.reduce((t, v, i) => t + v * (r[i] as number), 0) / n + size * old
      const next = rho > lambda ? (rho - lambda) / size : rho < -lambda ? (rho + lambda) / size : 0
      a.forEach((v, i) => (r[i] = (r[i] as number) - v * (next - old)))
      x[j] = next
      moved = Math.max(moved, Math.abs(next - old))
    })
    if (moved < 1e-15) break
  }
  return x
}

const cost = ({ A, b }: Lasso, x: Float64Array, lambda: number): number => {
  const [n, p] = A.shape as readonly [number, number]
  let total = 0
  for (let i = 0; i < n; i++) {
    let r = -(b.data[i] as number)
    for (let j = 0; j < p; j++) r += A.at(i, j) * (x[j] as number)
    total += (r * r) / (2 * n)
  }
  return total + lambda * x.reduce((t, v) => t + Math.abs(v), 0)
}

const distance = (x: Float64Array, y: Float64Array): number =>
  Math.sqrt(x.reduce((t, v, i) => t + (v - (y[i] as number)) ** 2, 0))

const tall = lassoOf({ samples: 30, features: 8, support: 4, noise: 0.5, correlation: 0.4, seed: 1 })

test('the lasso: the solution of coordinate descent, by every variant, in a batch of penalties', async (t) => {
  const lambdas = logspace(1e-3, 1, 9)
  const variants: readonly Partial<Options>[] = [
    ...(['none', 'fista', 'restartedFista'] as const).map((acceleration) => ({ acceleration })),
    { acceleration: 'none', stepSize: backtracking({ initial: 8 }) },
    { stepSize: backtracking({ initial: 8, sufficient: 0.5 }) },
    { stepSize: (theta) => mul(tall.step, sub(1, mul(0.1, exp(theta)))) },
  ]
  for (const options of variants) {
    const inner = solver(tall, { tol: 1e-12, ...options })
    const run = compile((theta: Tensor) => solve(inner, { x0: new NDArray([8], new Float64Array(8)), theta }))
    const batch = run.batch(lambdas.data.map(Math.log))
    const name = `${options.acceleration ?? 'restartedFista'}, step ${typeof options.stepSize}`
    t.strictSame(
      [...batch.status],
      lambdas.data.reduce<number[]>((all) => [...all, 0], []),
      `${name}: converged`,
    )
    const x = batch.value.data
    const worst = Math.max(
      ...lambdas.data.map((lambda, i) =>
        distance(x.slice(8 * i, 8 * i + 8), coordinateDescent(tall, lambda)),
      ),
    )
    t.ok(worst < 1e-9, `${name}: ${worst.toExponential(1)}`)
  }
})

test('the convergence theorems hold at every iterate: ISTA 1/k, FISTA 1/k², which ISTA does not keep', async (t) => {
  // More features than samples, strongly correlated: no strong convexity.
  const wide = lassoOf({ samples: 20, features: 60, support: 5, noise: 0.1, correlation: 0.95, seed: 2 })
  const lambda = 1e-3
  const best = coordinateDescent(wide, lambda)
  const lowest = cost(wide, best, lambda)
  const start = normal('lasso start', 60)
  const apart = distance(start.data, best) ** 2
  const steps = [1, 2, 3, 5, 8, 12, 20, 35, 60, 100, 180, 320, 600]
  const gaps = (acceleration: 'none' | 'fista' | 'restartedFista'): readonly number[] =>
    steps.map((maxSteps) => {
      const inner = solver(wide, { acceleration, maxSteps, tol: 0 })
      const x = compile((theta: Tensor) => solve(inner, { x0: start, theta }))(Math.log(lambda))
      return cost(wide, (x.value as NDArray).data, lambda) - lowest
    })
  const envelope = {
    ista: (k: number) => apart / (2 * wide.step * k),
    fista: (k: number) => (2 * apart) / (wide.step * (k + 1) ** 2),
  }
  const ratios = (found: readonly number[], bound: (k: number) => number): readonly number[] =>
    found.map((gap, i) => gap / bound(steps[i] as number))
  const [plain, fast, restarted] = [gaps('none'), gaps('fista'), gaps('restartedFista')] as const
  t.ok(Math.max(...ratios(plain, envelope.ista)) <= 1, 'ISTA within its bound')
  t.ok(Math.max(...ratios(fast, envelope.fista)) <= 1, 'FISTA within its bound')
  t.ok(Math.max(...ratios(plain, envelope.fista)) > 2, 'ISTA breaks the bound of FISTA')
  t.ok((plain.at(-1) as number) > 5 * (fast.at(-1) as number), 'FISTA is ahead of ISTA')
  t.ok((restarted.at(-1) as number) <= (fast.at(-1) as number), 'restarts are ahead of FISTA')
})

test('a strongly convex problem: restarts bring the linear rate back', async (t) => {
  const stiff = lassoOf({ samples: 40, features: 10, noise: 0.1, correlation: 0.97, seed: 3 })
  const count = (acceleration: 'none' | 'fista' | 'restartedFista'): number => {
    const inner = solver(stiff, { acceleration, tol: 1e-11, maxSteps: 100_000 })
    const run = compile((theta: Tensor) =>
      solve(inner, { x0: new NDArray([10], new Float64Array(10)), theta }),
    )
    const { status, iterations } = run(-6)
    t.equal(status, 'converged', acceleration)
    return iterations
  }
  const [plain, fista, restarted] = [count('none'), count('fista'), count('restartedFista')]
  t.ok(restarted * 2 < fista && restarted * 4 < plain, `${[plain, fista, restarted].join(', ')} steps`)
})

test('the reported error is no less than ‖x − F(x)‖/α', async (t) => {
  for (const acceleration of ['none', 'fista', 'restartedFista'] as const) {
    for (const maxSteps of [0, 1, 2, 5, 20, 60]) {
      const inner = solver(tall, { acceleration, maxSteps, tol: 0 })
      const run = compile((theta: Tensor) => {
        const x = solve(inner, { x0: normal('error start', 8), theta })
        const next = inner.map?.(x, theta, { x, alpha: 0, error: 0 }) as Tensor
        return sumSquares(sub(x, next)).sqrt().div(tall.step)
      })
      const { value: exact, residual } = run(-2)
      const [ratio, name] = [(residual as number) / (exact as number), `${acceleration}, ${String(maxSteps)}`]
      t.ok(ratio >= 1 - 1e-9 && ratio < 20, `${name}: ${ratio.toFixed(3)} times`)
      if (maxSteps === 0) t.ok(Math.abs(ratio - 1) < 1e-9, `${name}: of x0 it is exact`)
    }
  }
})

test('backtracking accepts the first step that its condition holds for', async (t) => {
  const { A, b } = tall
  const rows = fromArray(A)
  const residual = (x: Matrix): Matrix => minus(times(rows, x), fromArray(b))
  const f = (x: Matrix): number => frobenius(residual(x)) ** 2 / (2 * b.size)
  const start = normal('search start', 8)
  const x = fromArray(start)
  const gradient = scaled(1 / b.size, times(transposed(rows), residual(x)))
  const lambda = 0.05
  const soft = (v: number, s: number): number => Math.sign(v) * Math.max(Math.abs(v) - s * lambda, 0)
  /** f(x₊) − f(x) − ∇fᵀd − (1 − c)/α ‖d‖², which has to be ≤ 0. */
  const excess = (alpha: number, c: number): number => {
    const next = minus(x, scaled(alpha, gradient)).map((row) => row.map((v) => soft(v, alpha)))
    const d = minus(next, x)
    const linear = times(transposed(gradient), d).flat()[0] as number
    return f(next) - f(x) - linear - ((1 - c) / alpha) * frobenius(d) ** 2
  }
  for (const sufficient of [1e-4, 0.5, 0.9]) {
    for (const shrink of [0.5, 0.8]) {
      for (const initial of [64, 0.01]) {
        const rule = backtracking({ initial, shrink, sufficient })
        const inner = solver(tall, { acceleration: 'none', stepSize: rule })
        const run = compile((theta: Tensor) => inner.step(inner.init(tensor(start), theta), theta).alpha)
        const alpha = run(Math.log(lambda)).value as number
        const name = `c = ${String(sufficient)}, from ${String(initial)} by ${String(shrink)}: α = ${alpha.toPrecision(3)}`
        t.ok(excess(alpha, sufficient) <= 0, name)
        if (initial < 1) t.equal(alpha, initial, 'a step that will do is not shortened')
        else t.ok(excess(alpha / shrink, sufficient) > 0, `${name}: a longer one is too long`)
      }
    }
  }
})

// The lasso at λ = e^θ on its support S, with signs σ:  H_SS x_S = A_Sᵀb/n − λσ;  F moves x_S alone:
//   ∂ₓF = D (I − sH) with D = diag(S),   ∂θF = −s λ D σ,   dx_S/dθ = −λ H_SS⁻¹ σ
test('every strategy on a strictly complementary lasso, in both modes, against the formula on the support', async (t) => {
  const theta = Math.log(0.1)
  const lambda = Math.exp(theta)
  const { A, b, step } = tall
  const n = b.size
  const x = coordinateDescent(tall, lambda)
  const signs = [...x].map(Math.sign)
  const rows = fromArray(A)
  const H = scaled(1 / n, times(transposed(rows), rows))
  const residual = minus(times(rows, fromArray(new NDArray([8], x))), fromArray(b))
  const slope = scaled(1 / n, times(transposed(rows), residual)).flat()
  const slack = signs.map((sign, j) =>
    sign === 0 ? 1 - Math.abs(slope[j] as number) / lambda : Math.abs(x[j] as number),
  )
  t.ok(
    Math.min(...slack) > 1e-3 && signs.includes(0) && signs.some(Boolean),
    'strictly complementary, and sparse',
  )
  const D = build(8, 8, (i, j) => Number(i === j && signs[i] !== 0))
  const dF = times(D, minus(identity(8), scaled(step, H)))
  const dTheta = scaled(
    -step * lambda,
    build(8, 1, (i) => signs[i] as number),
  )
  const truth = solved(minus(identity(8), dF), dTheta)
  const tau = 0.7
  const damped = plus(scaled(tau, dF), scaled(1 - tau, identity(8)))
  const table: readonly (readonly [Strategy, Matrix, number])[] = [
    [implicit(), truth, 1e-9],
    [implicit({ linearSolver: 'gmres', tol: 1e-13 }), truth, 1e-9],
    [implicit({ linearSolver: 'neumann', tol: 1e-13, maxSteps: 5000 }), truth, 1e-9],
    [unrolled(), truth, 1e-8],
    [oneStep(), dTheta, 1e-12],
    [oneStep({ at: 'previous' }), dTheta, 1e-12],
    ...[1, 5, 20, 2000].map((K) => [neumann(K), neumannSum(dF, dTheta, K), 1e-9] as const),
    ...[1, 5, 20].map((K) => [truncated(K), neumannSum(dF, dTheta, K), 1e-9] as const),
    [phantom(4, tau), scaled(tau, neumannSum(damped, dTheta, 4)), 1e-9],
  ]
  for (const acceleration of ['none', 'fista', 'restartedFista'] as const) {
    const inner = solver(tall, { acceleration, tol: 1e-13, maxSteps: 3000 })
    for (const [strategy, expected, bar] of table) {
      const of = (p: Tensor): Tensor =>
        solve(inner, { x0: new NDArray([8], new Float64Array(8)), theta: p, strategy })
      const run = compile((p: Tensor) => ({
        forward: jacobian(of, { mode: 'forward' })(p),
        reverse: jacobian(of, { mode: 'reverse' })(p),
      }))
      const { value: found, status, gradientStatus } = run(theta)
      t.strictSame([status, gradientStatus], ['converged', 'ok'], `${acceleration}, ${strategy.name}`)
      for (const mode of ['forward', 'reverse'] as const) {
        const error = relativeError([found[mode] as NDArray], [new NDArray([8], toArray(expected).data)])
        t.ok(error < bar, `${acceleration}, ${strategy.name}, ${mode}: ${error.toExponential(1)}`)
      }
    }
  }
  const share = frobenius(minus(dTheta, truth)) / frobenius(truth)
  t.ok(share > 0.1 && share <= norm2(dF), `one step neglects ${share.toFixed(2)} ≤ ρ of the derivative`)
})

test('constraints: a projected gradient, on a tree, differentiated on the active face', async (t) => {
  // min ½ ‖x − θ‖² on the simplex and ½ ‖y − θ‖² on [0, 1]³: both are projections.
  const inner = proximalGradient<{ x: Tensor; y: Tensor }, Tensor>({
    objective: ({ x, y }, theta) => mul(0.5, add(sumSquares(sub(x, theta)), sumSquares(sub(y, theta)))),
    prox: ({ x, y }) => ({ x: projection.simplex(x), y: projection.box(y, 0, 1) }),
    stepSize: 0.5,
    tol: 1e-13,
  })
  const start = { x: [1, 0, 0], y: [0, 0, 0] }
  const theta = [0.9, 0.3, -1]
  const J = value(
    (p) =>
      jacobian((q: Tensor) => {
        const { x, y } = solve(inner, { x0: start, theta: q })
        return concat([x, y])
      })(p),
    theta,
  )
  const expected = [
    [0.5, -0.5, 0],
    [-0.5, 0.5, 0],
    [0, 0, 0],
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 0],
  ]
  t.ok(relativeError([J], [toArray(expected)]) < 1e-9)
})

test('an inner tolerance that is not met, a step that is too long, NaN: statuses', async (t) => {
  const statusOf = (options: Partial<Options>, theta: number): string =>
    compile((p: Tensor) =>
      sum(
        slice(solve(solver(tall, options), { x0: new NDArray([8], new Float64Array(8)), theta: p }), [0, 1]),
      ),
    )(theta).status
  t.equal(statusOf({ maxSteps: 3 }, -2), 'maxSteps')
  t.equal(statusOf({ stepSize: 40 * tall.step, acceleration: 'none' }, -2), 'diverged')
  t.equal(statusOf({}, NaN), 'nonFinite')
  t.equal(statusOf({ stepSize: backtracking({ initial: 1e9, sufficient: 0.5 }) }, -2), 'converged')
})

test('wrong options are refused, with what to do', async (t) => {
  const make = (options: object) => () => solver(tall, options)
  t.throws(make({ acceleration: 'nesterov' }), {
    code: 'ERR_ARGUMENT',
    expected: /none, fista, restartedFista/,
  })
  t.throws(make({ stepSize: 0 }), { code: 'ERR_ARGUMENT', expected: 'a positive number', received: '0' })
  t.throws(make({ stepSize: 'auto' }), { code: 'ERR_ARGUMENT', expected: /backtracking/ })
  t.throws(make({ stepSize: backtracking() }), { code: 'ERR_ARGUMENT', remedy: /sufficient: 0.5/ })
  t.doesNotThrow(make({ stepSize: backtracking(), acceleration: 'none' }))
  t.throws(make({ momentum: 0.9 }), { code: 'ERR_UNKNOWN_OPTION' })
  t.throws(make({ tol: -1 }), { code: 'ERR_ARGUMENT' })
})
