// The problems of the bench "lanes": their closed forms against a solve, and that what is measured was computed.
import { test } from 'tap'
import { cheapErrors, cheapNewton, thetaBatch, variables } from '../../bench/cheapNewton.js'
import { distance } from '../../bench/paper/spectrum.js'
import {
  checkSolved,
  closedForm,
  dimension,
  fewest,
  most,
  orthogonal,
  tol,
  unevenArguments,
  unevenBatch,
  unevenErrors,
  unevenGradient,
  unevenSolution,
} from '../../bench/unevenBatch.js'
import { compile, implicit, oneStep } from '../../lib/index.js'

test('Q is orthogonal', async (t) => {
  const { data } = orthogonal()
  const row = (i: number): Float64Array => data.subarray(i * dimension, (i + 1) * dimension)
  for (let i = 0; i < dimension; i++) {
    for (let j = 0; j <= i; j++) {
      const product = row(i).reduce((total, q, k) => total + q * (row(j)[k] as number), 0)
      if (Math.abs(product - Number(i === j)) > 1e-14) t.fail(`rows ${String(i)} and ${String(j)}`)
    }
  }
  t.ok(
    data.every((q) => q !== 0),
    'and dense',
  )
})

test('steps are spread evenly in the logarithm, in random order', async (t) => {
  const { steps, rho } = unevenBatch(256)
  t.strictSame([Math.min(...steps), Math.max(...steps)], [fewest, most])
  const mean = steps.reduce((total, k) => total + k, 0) / 256
  t.ok(mean > 800 && mean < 860, `mean ${String(mean)}`)
  const sorted = [...steps].sort((a, b) => a - b)
  t.ok(sorted[64] !== undefined && sorted[64] / fewest < 5, 'a quarter takes less than five times the fewest')
  t.notSame([...steps], sorted)
  t.notSame([...steps], [...unevenBatch(256, 2).steps], 'another seed, another order')
  t.ok(rho.every((r) => r > 0 && r < 1))
})

for (const strategy of [implicit(), oneStep()]) {
  test(`${strategy.name}: as many steps as told, and the closed form to the tolerance`, async (t) => {
    const problem = unevenBatch(24)
    const results = compile(unevenGradient(strategy)).batch(unevenArguments(problem))
    checkSolved(problem, results)
    const errors = unevenErrors(unevenSolution(results.value), closedForm(problem, strategy.name))
    // ‖x − x̄‖ ≤ tol / (1 − ρ), and x̄ is about as long as θ: √d
    t.ok(errors.x > 0 && errors.x < (tol * most) / 8, String(errors.x))
    t.ok(errors.gradient > 0 && errors.gradient < (tol * most) / 4, String(errors.gradient))
  })
}

test('the closed form solves both equations', async (t) => {
  const problem = unevenBatch(8)
  const Q = orthogonal().data
  const { x, theta: nu, rho: rhoBar } = closedForm(problem, 'implicit')
  const one = closedForm(problem, 'one-step')
  t.strictSame([...one.theta], [...x], 'one step: ν = x̄')
  for (let i = 0; i < 8; i++) {
    const part = (a: Float64Array): Float64Array => a.subarray(i * dimension, (i + 1) * dimension)
    const [xi, ni, r] = [part(x), part(nu), problem.rho[i] as number]
    const turned = xi.map((_, a) => xi.reduce((s, v, b) => s + (Q[a * dimension + b] as number) * v, 0))
    const back = ni.map((_, a) => ni.reduce((s, v, b) => s + (Q[b * dimension + a] as number) * v, 0))
    const scale = distance(xi) + distance(ni)
    const equation = xi.map((v, a) => v - r * (turned[a] as number))
    t.ok(distance(equation, part(problem.theta)) < 1e-12 * scale, 'x − ρ Q x = θ')
    const adjoint = ni.map((v, a) => v - r * (back[a] as number))
    t.ok(distance(adjoint, xi) < 1e-12 * scale, 'ν − ρ Qᵀν = x')
    const product = turned.reduce((s, v, a) => s + v * (ni[a] as number), 0)
    t.ok(Math.abs((rhoBar[i] as number) - product) < 1e-12 * scale * scale, 'ρ̄ = (Q x)ᵀν')
  }
})

test('a wrong computation is not measured', async (t) => {
  const problem = unevenBatch(24)
  const results = compile(unevenGradient(oneStep())).batch(unevenArguments(problem))
  const changes: readonly (readonly [string, object, RegExp])[] = [
    ['status', { status: results.status.map((code, i) => (i === 5 ? 3 : code)) }, /instance 5 .*converge/],
    ['gradient', { gradientStatus: results.gradientStatus.map((c, i) => (i === 2 ? 1 : c)) }, /instance 2 /],
    ['steps', { iterations: results.iterations.map((k, i) => (i === 7 ? k + 1 : k)) }, /instance 7 .*steps/],
  ]
  for (const [what, change, message] of changes) {
    t.throws(() => checkSolved(problem, { ...results, ...change }), { message }, what)
  }
  const right = closedForm(problem, 'one-step')
  const worst = unevenErrors({ ...right, rho: right.rho.map((r, i) => (i === 3 ? NaN : r)) }, right)
  t.ok(worst.x === 0 && Number.isNaN(worst.gradient), 'NaN is no small error')
})

test('the cheap problem: both closed forms', async (t) => {
  const theta = thetaBatch(5, 100)
  t.strictSame(
    [...theta.data.subarray(0, 4)],
    [...thetaBatch(0, 6).data.subarray(20)],
    'θ depends on its number only',
  )
  const { value, status } = compile(cheapNewton).batch(theta)
  t.ok(status.every((code) => code === 0))
  const errors = cheapErrors(theta.data, value.x.data, value.gradient.data)
  t.ok(errors.residual < 1e-10 && errors.gradient < 1e-12, JSON.stringify(errors))
  const off = value.gradient.data.map((g, i) => (i === 9 * variables ? g + 1e-3 : g))
  t.ok(Math.abs(cheapErrors(theta.data, value.x.data, off).gradient - 1e-3) < 1e-9)
})
