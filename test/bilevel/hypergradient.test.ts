// Hypergradients against closed forms: both arguments of the outer objective, several inner problems, certificates above the true
// errors, wrong use.
import { test } from 'tap'
import {
  auto,
  compile,
  gradientDescent,
  hypergradient,
  implicit,
  logspace,
  neumann,
  newton,
  oneStep,
  statusNames,
  sumSquares,
  truncated,
} from '../../lib/index.js'
import { hypergradientFrom } from '../../lib/bilevel/hypergradient.js'
import type { NDArray, Strategy, Tensor } from '../../lib/index.js'
import {
  byDescent,
  byNewton,
  ridge,
  ridgeObjective,
  ridgeOuter,
  smooth,
  tracking,
  trackingGradient,
  x0,
} from './problems.js'

const lambdas = logspace(1e-2, 1e2, 9)
const far = (actual: number, expected: number, scale = 1): number =>
  Math.abs(actual - expected) / Math.max(Math.abs(expected), scale)

const exact: Readonly<Record<string, Strategy>> = {
  implicit: implicit(),
  'implicit by CG': implicit({ linearSolver: 'cg', tol: 1e-13 }),
  'one-step': oneStep(),
}

for (const [name, strategy] of Object.entries(exact)) {
  test(`ridge by Newton, ${name}: value, gradient and x`, async (t) => {
    const f = compile(hypergradient({ inner: byNewton, x0, outer: ridgeOuter, strategy }))
    const { value, status, gradientStatus, certificate } = f.batch(lambdas)
    t.ok(statusNames(status).every((s) => s === 'converged') && gradientStatus.every((code) => code === 0))
    lambdas.data.forEach((lambda, i) => {
      const truth = ridge(lambda)
      t.ok(far(value.value.data[i] as number, truth.value) < 1e-12, `value at ${String(lambda)}`)
      t.ok(
        far(value.gradient.data[i] as number, truth.gradient, 1e-3) < 1e-9,
        `gradient at ${String(lambda)}`,
      )
      truth.w.forEach((w, j) => t.ok(far(value.x.at(i, j), w) < 1e-10))
      const error = Math.abs((value.gradient.data[i] as number) - truth.gradient)
      t.ok((certificate?.estimate[i] as number) >= error, 'the estimate is above the error')
    })
  })
}

test('ridge by gradient descent: what a strategy neglects, and what is unconverged, is in the estimate', async (t) => {
  for (const strategy of [oneStep(), truncated(5), neumann(5), implicit()]) {
    for (const tol of [1e-1, 1e-3, 1e-8]) {
      const inner = gradientDescent({
        objective: ridgeObjective(),
        stepSize: (lambda: Tensor) => lambda.add(smooth).reciprocal(),
        maxSteps: 20000,
        tol,
      })
      const f = compile(hypergradient({ inner, x0, outer: ridgeOuter, strategy }))
      const { value, certificate } = f.batch(lambdas)
      lambdas.data.forEach((lambda, i) => {
        const error = Math.abs((value.gradient.data[i] as number) - ridge(lambda).gradient)
        t.ok(
          (certificate?.estimate[i] as number) >= error,
          `${strategy.name}, tol ${String(tol)}, λ = ${String(lambda)}: ${String(certificate?.estimate[i])} ≥ ${String(error)}`,
        )
      })
    }
  }
})

test('certified unless told otherwise; the gradient is the same', async (t) => {
  const given = { inner: byDescent, x0, outer: ridgeOuter }
  for (const strategy of [oneStep(), neumann(5), truncated(3), implicit(), auto()]) {
    const certified = compile(hypergradient({ ...given, strategy }))(2)
    const bare = compile(hypergradient({ ...given, strategy, certificate: false }))(2)
    t.ok((certified.certificate?.estimate ?? NaN) > 0, strategy.name)
    t.ok((certified.products ?? 0) >= x0.length && certified.method === 'lu', 'the cost is reported')
    // auto knows its error without being asked.
    t.equal(bare.certificate === undefined, strategy.name !== 'auto')
    t.ok(far(bare.value.gradient as number, certified.value.gradient as number) < 1e-13)
  }
})

test('parameters in a record', async (t) => {
  const f = compile(hypergradient({ ...tracking, strategy: implicit() }))
  const { value } = f({ v: -0.7, u: 0.3 })
  const [du, dv] = trackingGradient([0.3, -0.7])
  t.ok(far(value.gradient.u as number, du as number) < 1e-10)
  t.ok(far(value.gradient.v as number, dv as number) < 1e-10)
})

// Two inner problems of one θ: h = g(w(λ)) + c ‖z(λ)‖² with z of another objective, ½‖z‖² λ − sum z, z = 1/λ in each entry.
test('several inner problems: the sum of what each gives, each by its own strategy', async (t) => {
  const second = newton({
    objective: (z: Tensor, lambda: Tensor) => lambda.mul(0.5).mul(sumSquares(z)).sub(z.sum()),
    tol: 1e-12,
  })
  type Both = { readonly w: Tensor; readonly z: Tensor }
  const run = (own: Strategy | undefined) =>
    compile(
      hypergradient<Both, Tensor>({
        inner: {
          w: { solver: byNewton, x0 },
          z: { solver: second, x0: [0, 0], ...(own && { strategy: own }) },
        },
        outer: ({ w, z }, lambda) => ridgeOuter(w, lambda).add(sumSquares(z).mul(0.5)),
        strategy: implicit(),
      }),
    )
  for (const own of [undefined, oneStep()]) {
    const { value, certificate } = run(own).batch(lambdas)
    lambdas.data.forEach((lambda, i) => {
      const expected = ridge(lambda).gradient - 2 / lambda ** 3
      const error = Math.abs((value.gradient.data[i] as number) - expected)
      t.ok(error / Math.max(Math.abs(expected), 1e-3) < 1e-8, `λ = ${String(lambda)}`)
      t.ok(far(value.value.data[i] as number, ridge(lambda).value + 1 / lambda ** 2) < 1e-10)
      t.ok(far(value.x.z.at(i, 1), 1 / lambda) < 1e-10)
      t.ok((certificate?.estimate[i] as number) >= error)
    })
  }
})

test('several inner problems by auto, which moves their solutions together', async (t) => {
  const loose = newton({ objective: ridgeObjective(), tol: 1 })
  const second = newton({
    objective: (z: Tensor, lambda: Tensor) => lambda.mul(0.25).mul(z.square().square()).sub(z),
    tol: 1e-1,
  })
  const f = compile(
    hypergradient<{ readonly w: Tensor; readonly z: Tensor }, Tensor>({
      inner: { w: { solver: loose, x0 }, z: { solver: second, x0: 1 } },
      outer: ({ w, z }, lambda) => ridgeOuter(w, lambda).add(z.square()),
      strategy: auto(),
    }),
  )
  // z = λ^(−1/3)
  const expected = ridge(2).gradient - (2 / 3) * 2 ** (-5 / 3)
  const { value, gradientStatus } = f(2)
  t.equal(gradientStatus, 'ok')
  t.ok(far(value.gradient as number, expected) < 1e-6)
})

test('an adjoint that is at hand starts the search for the next one, and the certificate', async (t) => {
  const cg = (maxSteps: number) => implicit({ linearSolver: 'cg', tol: 1e-10, maxSteps })
  const common = { inner: byDescent, x0, outer: ridgeOuter }
  const whole = compile((l: Tensor) => hypergradientFrom<Tensor, Tensor>({ ...common, strategy: cg(50) })(l))(
    2,
  )
  const { adjoint, gradient } = whole.value as unknown as { adjoint: NDArray; gradient: number }
  const from = compile((l: Tensor, nu: Tensor) =>
    hypergradientFrom<Tensor, Tensor>({ ...common, strategy: cg(1) })(l, undefined, nu),
  )
  const [warm, cold] = [from(2, adjoint), from(2, [0, 0, 0, 0])]
  t.strictSame([warm.gradientStatus, cold.gradientStatus], ['ok', 'notConverged'])
  t.ok(far(warm.value.gradient as number, gradient, 1e-3) < 1e-9)
  t.ok((cold.certificate?.estimate ?? 0) > 1e3 * (warm.certificate?.estimate ?? NaN), 'and its error is told')
})

test('a warm start is the second argument, and changes the number of steps alone', async (t) => {
  const h = hypergradient({ inner: byDescent, x0, outer: ridgeOuter, strategy: implicit() })
  const cold = compile((lambda: Tensor) => h(lambda))(2)
  const warm = compile(h)(2, cold.value.x as never)
  t.ok(cold.iterations > 10 && warm.iterations <= 1, `${String(cold.iterations)}, ${String(warm.iterations)}`)
  t.ok(far(warm.value.gradient as number, cold.value.gradient as number, 1e-3) < 1e-6)
})

test('wrong use', async (t) => {
  const good = { inner: byNewton, x0, outer: ridgeOuter }
  const traced = (options: object) => () => compile(hypergradient(options as never)).graph(1)
  const table: readonly (readonly [string, () => unknown, RegExp])[] = [
    [
      'an unknown option',
      () => hypergradient({ ...good, outter: 1 } as never),
      /unknown option "outter".*"outer"/,
    ],
    ['no start', () => hypergradient({ inner: byNewton, outer: ridgeOuter } as never), /needs x0/],
    ['no inner problem', () => hypergradient({ inner: {}, outer: ridgeOuter } as never), /no inner problem/],
    [
      'an unknown option of an inner problem',
      () => hypergradient({ inner: { w: { solver: byNewton, x: 0 } }, outer: ridgeOuter } as never),
      /inner problem w: unknown option "x"/,
    ],
    ['an outer objective that is a vector', traced({ ...good, outer: (w: Tensor) => w }), /not a scalar/],
    [
      'an outer objective without x',
      traced({ ...good, outer: (_: Tensor, l: Tensor) => l }),
      /does not depend on x/,
    ],
    [
      'constants of no contraction',
      () => hypergradient({ ...good, certificate: { constants: { rho: 1, theta: 1, jacobian: 1 } } }),
      /constants out of range/,
    ],
  ]
  for (const [name, use, message] of table) t.throws(use, { message }, name)
})
