// The ridge experiment at small sizes: its Jacobians against the recursion written out in plain loops, against the strategies
// applied to the whole run, and against differences; then its laws.
import { test } from 'tap'
import { exactly } from '../../bench/paper/exactly.js'
import { publishedRidge } from '../../bench/paper/published.js'
import { problemErrors, ridge, ridgeProblems } from '../../bench/paper/ridge.js'
import { showRidge } from '../../bench/paper/ridgeReport.js'
import { readRidgeData, syntheticRidgeData } from '../../bench/paper/ridgeData.js'
import { inProcess, onPool } from '../../bench/paper/runner.js'
import { relativeError, squaredSingularValues } from '../../bench/paper/spectrum.js'
import { ridgeMap, ridgeSolution } from '../../bench/paper/weightedRidge.js'
import type { Formula, WeightedRidge } from '../../bench/paper/weightedRidge.js'
import { Pool, array, compile, jacobian, matrixTranspose, ones, solve, unrolled } from '../../lib/index.js'
import type { NDArray, Tensor } from '../../lib/index.js'

const n = 40
const data = syntheticRidgeData(1, n)
const problemOf = (formula: Formula, kappa = 1001, step = '2/(mu+L)'): WeightedRidge => {
  const found = ridgeProblems(data, formula).find((entry) => entry.kappa === kappa && entry.step === step)
  if (found === undefined) throw new Error('no such problem')
  return found.problem
}
const solutionOf = (problem: WeightedRidge, theta = ones([n])): { x: NDArray; jacobian: NDArray } =>
  compile((t: Tensor) => ridgeSolution(problem, t))(theta).value as { x: NDArray; jacobian: NDArray }

/** D ← A D + B in plain loops, over `steps` steps from x = 0; the reference formula takes B one step late. */
const recursion = (
  { features, targets, penalty, step, formula }: WeightedRidge,
  steps: number,
): Float64Array => {
  const p = features.shape[1] as number
  const at = (i: number, j: number): number => features.data[i * p + j] as number
  let x = new Float64Array(p)
  let D = new Float64Array(p * n)
  for (let k = 0; k < steps; k++) {
    const residual = Float64Array.from({ length: n }, (_, i) => {
      let total = -(targets.data[i] as number)
      for (let j = 0; j < p; j++) total += at(i, j) * (x[j] as number)
      return total
    })
    const next = x.map((value, j) => {
      let g = penalty * value
      for (let i = 0; i < n; i++) g += at(i, j) * (residual[i] as number)
      return value - step * g
    })
    const moved = new Float64Array(p * n)
    for (let l = 0; l < n; l++) {
      const Ad = new Float64Array(n)
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < p; j++) Ad[i] = (Ad[i] as number) + at(i, j) * (D[j * n + l] as number)
      }
      for (let j = 0; j < p; j++) {
        const d = D[j * n + l] as number
        let g = penalty * d
        for (let i = 0; i < n; i++) g += at(i, j) * (Ad[i] as number)
        const B =
          formula === 'correct' ? at(l, j) * (residual[l] as number) : (next[j] as number) * at(l, j) ** 2
        moved[j * n + l] = d - step * g - step * B
      }
    }
    D = moved
    x = next
  }
  return D
}

for (const formula of ['correct', 'reference'] as const) {
  test(`${formula} formula: unrolled is the recursion D ← A D + B`, async (t) => {
    const problem = problemOf(formula)
    const jacobianOf = compile((theta: Tensor) =>
      jacobian(
        (w: Tensor) =>
          solve(exactly(30, ridgeMap(problem)), { x0: new Float64Array(12), theta: w, strategy: unrolled() }),
        { mode: 'reverse' },
      )(theta),
    )
    const { value } = jacobianOf(ones([n]))
    t.ok(relativeError((value as NDArray).data, recursion(problem, 30)) < 1e-11)
    // The other formula is another matrix: the test can tell them apart.
    t.ok(
      relativeError(
        (value as NDArray).data,
        recursion({ ...problem, formula: formula === 'correct' ? 'reference' : 'correct' }, 30),
      ) > 0.5,
    )
  })
}

test('the correct Jacobian is that of the solution, the reference formula is not', async (t) => {
  const problem = problemOf('correct')
  const { jacobian: exact } = solutionOf(problem)
  const h = 1e-5
  const differences = new Float64Array(12 * n)
  for (let l = 0; l < n; l++) {
    const [up, down] = [h, -h].map((shift) => {
      const theta = ones([n])
      theta.data[l] = 1 + shift
      return solutionOf(problem, theta).x.data
    })
    for (let j = 0; j < 12; j++) differences[j * n + l] = ((up?.[j] ?? NaN) - (down?.[j] ?? NaN)) / (2 * h)
  }
  t.ok(relativeError(exact.data, differences) < 1e-6)
  t.ok(relativeError(solutionOf(problemOf('reference')).jacobian.data, differences) > 0.5)
})

test('chained blocks are the strategy applied to the whole run', async (t) => {
  const problem = problemOf('correct')
  const { jacobian: exact } = solutionOf(problem)
  const whole = compile((theta: Tensor) =>
    jacobian(
      (w: Tensor) =>
        solve(exactly(2000, ridgeMap(problem)), { x0: new Float64Array(12), theta: w, strategy: unrolled() }),
      { mode: 'reverse' },
    )(theta),
  )
  const { rows } = await problemErrors(inProcess, problem, { count: 2 })
  const chained = rows.find(({ estimator, iteration }) => estimator === 'unrolled' && iteration === 2000)
  const error = relativeError((whole(ones([n])).value as NDArray).data, exact.data)
  t.ok(Math.abs((chained?.relativeError ?? NaN) / error - 1) < 1e-9)
})

test('a pool computes the bits of a direct call', async (t) => {
  await using pool = new Pool({ threads: 2 })
  const problem = problemOf('reference', 101)
  const options = { count: 2, sweep: true }
  t.strictSame(
    await problemErrors(onPool(pool), problem, options),
    await problemErrors(inProcess, problem, options),
  )
})

test('rows, and what the figure shows', async (t) => {
  const parts: number[] = []
  await using pool = new Pool({ threads: 2 })
  const { rows, iterates, sweep } = await ridge(onPool(pool), data, ({ done, total }) => {
    parts.push(done / total)
  })
  t.strictSame(
    parts,
    Array.from({ length: 42 }, (_, i) => (i + 1) / 42),
    'eight problems of five blocks, and two sweeps',
  )
  const estimators = [
    'unrolled',
    'truncated-1',
    'truncated-10',
    'truncated-100',
    'truncated-1000',
    'neumann-1000',
    'implicit',
    'cg-5',
  ]
  t.equal(rows.length, 2 * 4 * 5 * estimators.length)
  t.strictSame(new Set(rows.map(({ estimator }) => estimator)), new Set(estimators))
  t.strictSame([...new Set(rows.map(({ kappa }) => kappa))], [1001, 101])
  t.strictSame([...new Set(rows.map(({ iteration }) => iteration))], [1000, 2000, 3000, 4000, 5000])
  t.ok([...rows, ...iterates, ...sweep].every(({ relativeError: e }) => Number.isFinite(e) && e >= 0))
  const error = (
    estimator: string,
    iteration: number,
    kappa = 1001,
    step = '2/(mu+L)',
    formula = 'correct',
  ): number =>
    [...rows, ...sweep].find(
      (row) =>
        row.estimator === estimator &&
        row.iteration === iteration &&
        row.kappa === kappa &&
        row.step === step &&
        row.formula === formula,
    )?.relativeError ?? NaN
  t.ok(error('unrolled', 1000) > 10, 'the burn-in of unrolling')
  t.ok(error('unrolled', 1000, 1001, '1/L') < 1, 'a small step has none')
  t.ok(error('truncated-1000', 5000) < error('unrolled', 5000), 'truncation forgets the burn-in')
  t.ok(error('neumann-1000', 5000) < error('truncated-1000', 5000), 'neumann at the last iterate has none')
  t.ok(error('implicit', 5000) < 1e-2 * error('truncated-1000', 5000))
  t.ok(error('truncated-1', 5000) > 0.9, 'one step of gradient descent tells next to nothing')
  t.ok(
    error('cg-5', 5000, 1001, '1/L') < 2 * error('implicit', 5000, 1001, '1/L'),
    'five steps of CG are enough',
  )
  t.ok(error('neumann-5000', 5000) < 10 * error('implicit', 5000))
  t.match(
    showRidge({ data: 'synthetic', samples: n, rows, iterates, sweep, comparison: [] }),
    /synthetic data, 40 samples/,
  )
})

test('synthetic data have the singular values of cpusmall, scaled', async (t) => {
  const features = compile((a: Tensor) => matrixTranspose(a))(data.features).value as NDArray
  const values = squaredSingularValues(features).map((x) => Math.sqrt(Math.max(0, x) * (8192 / n)))
  t.ok(Math.abs((values[0] as number) / 1.3e8 - 1) < 1e-6 && Math.abs((values[2] as number) / 1e7 - 1) < 1e-6)
  t.ok(data.targets.data.every((y) => y >= 0 && y <= 99))
})

test('every published figure names a row of the experiment', async (t) => {
  const names = /^(iterate|unrolled|implicit|(truncated|neumann)-(1|10|100|500|[1-5]000))$/
  for (const { estimator, iteration, relativeError: e } of publishedRidge) {
    t.ok(names.test(estimator) && iteration % 1000 === 0 && e > 1e-12, `${estimator} @${String(iteration)}`)
  }
})

test('data files', async (t) => {
  await t.rejects(readRidgeData('/nowhere/cpu.small.arff'), { code: 'ERR_DATA' })
  const folder = t.testdir({
    'other.arff': '@relation r\n@attribute a numeric\n@attribute b numeric\n@data\n1,2\n',
    'small.arff':
      '@relation r\n@attribute a numeric\n@attribute usr numeric\n@attribute b numeric\n@data\n1,2,3\n4,5,6\n',
  })
  await t.rejects(readRidgeData(`${folder}/other.arff`), { code: 'ERR_DATA', message: /usr.*received a, b/ })
  const { features, targets } = await readRidgeData(`${folder}/small.arff`)
  t.strictSame(features.toNested(), [
    [1, 3],
    [4, 6],
  ])
  t.strictSame(targets, array([2, 5]))
})
