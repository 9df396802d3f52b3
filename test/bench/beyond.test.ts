// What the paper does not show, at small sizes, against closed forms.
import { test } from 'tap'
import { twoStepLaw } from '../../bench/paper/beyond.js'
import { dampedLaw } from '../../bench/paper/dampedNewton.js'
import { decisions } from '../../bench/paper/decision.js'
import { estimatorCosts } from '../../bench/paper/estimatorCosts.js'
import { ridgeProblems } from '../../bench/paper/ridge.js'
import { syntheticRidgeData } from '../../bench/paper/ridgeData.js'
import { inProcess } from '../../bench/paper/runner.js'
import { distance } from '../../bench/paper/spectrum.js'
import { terms } from '../../bench/paper/terms.js'
import { ridgeSolution } from '../../bench/paper/weightedRidge.js'
import type { WeightedRidge } from '../../bench/paper/weightedRidge.js'
import { compile, ones } from '../../lib/index.js'
import type { NDArray, Tensor } from '../../lib/index.js'

const n = 40
const data = syntheticRidgeData(1, n)
const problemOf = (share: number): WeightedRidge => {
  const found = ridgeProblems(data, 'correct', [share]).find(({ step }) => step === '2/(mu+L)')
  if (found === undefined) throw new Error('no such problem')
  return found.problem
}

/** ‖(I − s H)ᴷ J*‖ / ‖J*‖ in plain loops: the error of K terms of the Neumann series at the solution. */
const remainders = (
  { features, penalty, step }: WeightedRidge,
  jacobian: NDArray,
  counts: readonly number[],
) => {
  const p = features.shape[1] as number
  const at = (i: number, j: number): number => features.data[i * p + j] as number
  const hessian = Float64Array.from({ length: p * p }, (_, place) => {
    const [j, k] = [Math.floor(place / p), place % p]
    let total = j === k ? penalty : 0
    for (let i = 0; i < n; i++) total += at(i, j) * at(i, k)
    return total
  })
  let rest = Float64Array.from(jacobian.data)
  const scale = distance(rest)
  return counts.map((count, place) => {
    for (let k = counts[place - 1] ?? 0; k < count; k++) {
      const next = Float64Array.from(rest)
      for (let j = 0; j < p; j++)
        for (let l = 0; l < p; l++)
          for (let i = 0; i < n; i++)
            next[j * n + i] =
              (next[j * n + i] as number) -
              step * (hessian[j * p + l] as number) * (rest[l * n + i] as number)
      rest = next
    }
    return distance(rest) / scale
  })
}

test('terms: neumann-K leaves (I − s H)ᴷ J, CG ends after as many steps as there are eigenvalues', async (t) => {
  const problem = problemOf(0.05)
  const counts = [1, 3, 10, 30]
  const { jacobian } = compile((theta: Tensor) => ridgeSolution(problem, theta))(ones([n])).value as {
    readonly jacobian: NDArray
  }
  const rows = await terms(inProcess, problem, { iterations: 600, counts, steps: [1, 12] })
  const of = (estimator: string): number[] =>
    rows.filter((row) => row.estimator === estimator).map(({ error }) => error)
  const law = remainders(problem, jacobian, counts)
  of('neumann').forEach((error, i) => {
    t.ok(Math.abs(error / (law[i] ?? NaN) - 1) < 1e-6, `neumann-${String(counts[i])}: ${String(error)}`)
  })
  of('truncated').forEach((error, i) => {
    t.ok(Math.abs(error / (law[i] ?? NaN) - 1) < 1e-3, `truncated-${String(counts[i])}, converged`)
  })
  t.ok((of('cg')[0] as number) > 1e-3 && (of('cg')[1] as number) < 1e-9)
  t.ok((of('implicit')[0] as number) < 1e-9)
})

test('terms: at the last iterate there is no burn-in', async (t) => {
  const rows = await terms(inProcess, problemOf(1e-3), { iterations: 1000, counts: [100, 1000], steps: [] })
  const error = (estimator: string, K: number): number =>
    rows.find((row) => row.estimator === estimator && row.terms === K)?.error ?? NaN
  t.ok(error('truncated', 1000) > 10, 'all steps of a large step size')
  t.ok(error('neumann', 1000) < 1)
  t.strictSame(
    (await terms(inProcess, problemOf(0.05), { iterations: 5, counts: [1, 10], steps: [] })).map(
      ({ estimator, terms: K }) => [estimator, K],
    ),
    [
      ['truncated', 1],
      ['neumann', 1],
      ['implicit', 0],
    ],
    'K above k is left out',
  )
})

test('damped Newton: one-step is α times the derivative', async (t) => {
  for (const { alpha, oneStep, corrected, implicit } of dampedLaw(14, [0.5, 0.9, 0.99])) {
    t.ok(Math.abs(oneStep / (1 - alpha) - 1) < 1e-6, `α = ${String(alpha)}: ${String(oneStep)}`)
    t.ok(corrected < 1e-8 && implicit < 1e-8, `divided: ${String(corrected)}`)
  }
})

test('Newton: two steps are wrong by a product of two errors', async (t) => {
  const rows = await twoStepLaw(inProcess, 14)
  t.strictSame(
    rows.map(({ k }) => k),
    [4, 5, 6, 7, 8],
  )
  for (const { k, e, product, oneStep, twoStep } of rows) {
    t.ok(oneStep < 2 * e + 1e-14 && twoStep < 5 * product + 1e-14, `k = ${String(k)}`)
  }
})

test('error against cost', async (t) => {
  const points = await estimatorCosts(data, {
    ...{ rounds: 1, descents: [{ share: 0.3, steps: 40, counts: [5, 10], cg: [2, 12] }] },
  })
  t.ok(points.every(({ cost, seconds, error }) => cost > 0 && seconds > 0 && error >= 0 && error < 10))
  const error = (problem: string, estimator: string, terms?: number): number =>
    points.find(
      (point) => point.problem.startsWith(problem) && point.estimator === estimator && point.terms === terms,
    )?.error ?? NaN
  t.ok(Math.abs(error('interior point', 'one-step') / 1e-5 - 1) < 0.05)
  t.ok(error('interior point', 'one-step / α') < 1e-9)
  t.ok(error('Newton', 'one-step') < 1e-4 && error('Newton', 'implicit') < 1e-4)
  const descent = 'gradient descent, κ = 4'
  t.ok(error(descent, 'one-step') > 0.5)
  t.ok(
    error(descent, 'neumann-K', 10) < 0.02 &&
      error(descent, 'neumann-K', 10) < error(descent, 'neumann-K', 5),
  )
  t.ok(error(descent, 'CG', 12) < 1e-6 && error(descent, 'implicit') < 1e-6)
  const table = decisions(points)
  t.equal(table.length, 5)
  t.match(
    table.find(({ situation }) => situation.startsWith('fast'))?.measured,
    /neumann-10 \d.*truncated-10/,
  )
})
