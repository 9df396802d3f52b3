// The studies of examples/studies run as they are, and show what their comments promise; the numbers are those of the library called
// directly, and of closed forms.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import type { Test } from 'tap'
import { loadDigits, splitDigits } from '../../lib/data/digits.js'
import type { Digits } from '../../lib/data/digits.js'
import { NDArray, array } from '../../lib/base/ndarray.js'
import { hypergradient } from '../../lib/bilevel/hypergradient.js'
import { implicit } from '../../lib/differentiation/implicit.js'
import type { Tensor } from '../../lib/ir/tensor.js'
import { logisticRegression } from '../../lib/problems/regression.js'
import { compile } from '../../lib/runtime/compile.js'
import { makeStandardProblem } from '../../lib/study/problem/standardProblems.js'
import { runStudy } from '../../lib/study/run.js'
import { joinBlocks } from '../../lib/study/compute/rows.js'
import { computerOf, startStudy } from '../../lib/study/start.js'
import type { Block } from '../../lib/study/store/block.js'
import type { RunDirectory } from '../../lib/study/store/runDirectory.js'
import { column, temporaryFolder } from '../harness/study.js'
import type { Teardown } from '../harness/study.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = join(root, 'examples', 'studies')

/** Runs an example, and gives its rows in one block. */
const rowsOf = async (
  t: Teardown,
  name: string,
  overrides: readonly string[] = [],
): Promise<{ readonly run: RunDirectory; readonly rows: Block }> => {
  const dir = join(await temporaryFolder(t), 'run')
  const run = await startStudy(join(folder, `${name}.yaml`), { dir, overrides, threads: 2 })
  const computer = await computerOf(run, 2)
  try {
    await runStudy(run, { computer, threads: 2 })
  } finally {
    await computer.close()
  }
  const blocks: Block[] = []
  for await (const block of run.blocks()) blocks.push(block)
  return { run, rows: joinBlocks(blocks) }
}

/** The names of the codes in a column. */
const named = (rows: Block, name: string): readonly string[] => {
  const { names = [] } = rows.columns.find((entry) => entry.name === name) ?? {}
  return Array.from(column(rows, name), (code) => names[code] ?? String(code))
}

const numbers = (rows: Block, name: string): readonly number[] => Array.from(column(rows, name))

/** All rows are there, in their order, and all of them converged. */
const whole = (t: Test, rows: Block, count: number): void => {
  t.equal(rows.rows, count)
  t.strictSame(
    numbers(rows, 'index'),
    Array.from({ length: count }, (_, i) => i),
  )
  t.strictSame([...new Set(named(rows, 'status'))], ['converged'])
  t.strictSame([...new Set(named(rows, 'gradientStatus'))], ['ok'])
}

const smallestOf = (values: readonly number[]): number => values.indexOf(Math.min(...values))

/** Where a function that is known at some points near its root is zero: the polynomial through (value, point), at 0. */
const rootBetween = (points: readonly number[], values: readonly number[]): number =>
  points.reduce(
    (sum, point, i) =>
      sum +
      values.reduce((term, v, j) => (i === j ? term : (term * -v) / ((values[i] as number) - v)), point),
    0,
  )

/** The validation loss of the digits example by the library alone, as a function of log λ: [value, derivative] for each. */
const directLoss = async (): Promise<(logs: readonly number[]) => readonly (readonly [number, number])[]> => {
  const part = ({ count, side, images, labels }: Digits) => ({
    features: new NDArray([count, side * side], images),
    targets: Float64Array.from(labels, (digit) => (digit % 2 === 1 ? 1 : -1)),
  })
  const [training, validation] = splitDigits(await loadDigits({ side: 7 }), [1000, 1000], { seed: 7 })
  const data = { training: part(training as Digits), validation: part(validation as Digits) }
  const { inner, x0, outer } = logisticRegression(data, { solver: 'newton', tol: 1e-12 })
  const loss = hypergradient<Tensor, Tensor, unknown>({ inner, x0, outer, strategy: implicit() } as never)
  const f = compile((logLambda: Tensor) => {
    const { value, gradient } = loss(logLambda)
    return [value, gradient]
  })
  return (logs) => {
    const [value, gradient] = f.batch(array([...logs])).value as [NDArray, NDArray]
    return logs.map((_, i) => [value.data[i] as number, gradient.data[i] as number])
  }
}

test('digits-penalty: the best λ, its value and the zero of its derivative are those of the library', async (t) => {
  const name = 'digits-penalty'
  const direct = await directLoss()
  const { run, rows } = await rowsOf(t, name)
  whole(t, rows, 1600)
  t.strictSame(
    run.manifest.variants.map((variant) => variant.name),
    ['implicit, 0.001', 'implicit, 1e-10', 'oneStep, 0.001', 'oneStep, 1e-10'],
  )
  const count = 400
  const of = (column: string, variant: number) =>
    numbers(rows, column).slice(variant * count, (variant + 1) * count)
  const lambdas = of('theta.lambda', 0)
  const truth = direct(lambdas.map(Math.log))

  for (const [variant, label] of [
    [1, 'implicit'],
    [3, 'one-step'],
  ] as const) {
    const [values, gradients] = [of('value', variant), of('gradient.lambda', variant)]
    const offValue = values.map((value, i) => Math.abs(value - (truth[i] as [number, number])[0]))
    t.ok(Math.max(...offValue) < 1e-10, `${label}: values are off by ${String(Math.max(...offValue))}`)
    const off = gradients.map((g, i) =>
      Math.abs(g * (lambdas[i] as number) - (truth[i] as [number, number])[1]),
    )
    t.ok(Math.max(...off) < 1e-10, `${label}: gradients in log λ are off by ${String(Math.max(...off))}`)
    const best = smallestOf(values)
    t.equal(best, smallestOf(truth.map(([value]) => value)), `${label}: the best λ`)
    t.ok((gradients[best - 1] as number) < 0 && (gradients[best + 1] as number) > 0, `${label}: a zero there`)
  }

  t.test('certificates hold at the loose tolerance', (t) => {
    for (const variant of [0, 2]) {
      const [gradients, estimates] = [of('gradient.lambda', variant), of('certificate.estimate', variant)]
      const beyond = gradients.filter((g, i) => {
        const exact = (truth[i] as [number, number])[1] / (lambdas[i] as number)
        return Math.abs(g - exact) > (estimates[i] as number) + 1e-10 * Math.abs(exact)
      })
      t.equal(beyond.length, 0, String(run.manifest.variants[variant]?.name))
      t.ok(estimates.every(Number.isFinite), 'none says that it does not know')
    }
    const accuracies = of('metric.accuracy', 1)
    t.ok(Math.max(...accuracies) > 0.8 && Math.max(...accuracies) < 1)
    t.end()
  })

  t.test('the zero, by a closer study', async (t) => {
    const best = smallestOf(of('value', 1))
    const [low, high] = [lambdas[best - 1] as number, lambdas[best + 1] as number]
    // By the library: the secant method on the derivative.
    let [a, b] = [Math.log(low), Math.log(high)]
    let [[, ga], [, gb]] = direct([a, b]) as [[number, number], [number, number]]
    for (let k = 0; k < 20 && Math.abs(b - a) > 1e-15 && ga !== gb; k++) {
      const next = b - (gb * (b - a)) / (gb - ga)
      ;[a, ga, b] = [b, gb, next]
      gb = (direct([b])[0] as [number, number])[1]
    }
    const expected = Math.exp(b)
    const closer = await rowsOf(t, name, [
      `space.lambda={ log: [${String(low)}, ${String(high)}], count: 65 }`,
      'tolerances=[1e-12]',
      'strategies=[oneStep]',
    ])
    const [points, slopes] = [numbers(closer.rows, 'theta.lambda'), numbers(closer.rows, 'gradient.lambda')]
    const after = slopes.findIndex((g) => g > 0)
    const [from, to] = [after - 3, after + 3]
    const found = Math.exp(rootBetween(points.slice(from, to).map(Math.log), slopes.slice(from, to)))
    t.ok(Math.abs(found / expected - 1) < 1e-10, `λ ${String(found)}, by the library ${String(expected)}`)

    const { rows } = await rowsOf(t, name, [`space.lambda=${String(expected)}`])
    const [gradients, estimates] = [numbers(rows, 'gradient.lambda'), numbers(rows, 'certificate.estimate')]
    gradients.forEach((g, variant) => {
      const message = `${String(g)} ± ${String(estimates[variant])} at the best λ`
      t.ok(Math.abs(g) <= (estimates[variant] as number) + 1e-9, message)
    })
    t.ok(
      Math.abs(gradients[2] as number) > 1e-2,
      'which says something: a loose one-step derivative is not zero',
    )
    t.ok(Math.max(...[1, 3].map((variant) => Math.abs(gradients[variant] as number))) < 1e-4)
    t.end()
  })
})

test('strategies-conditioning: what neglects something loses more and more, what does not loses nothing', async (t) => {
  const { run, rows } = await rowsOf(t, 'strategies-conditioning')
  const [conditions, draws] = [13, 8]
  whole(t, rows, 8 * conditions * draws)
  const [gradient, exact] = [numbers(rows, 'gradient.scale'), numbers(rows, 'metric.exact')]
  const [estimates, kappa] = [numbers(rows, 'certificate.estimate'), numbers(rows, 'theta.condition')]
  const seconds = numbers(rows, 'seconds')
  const iterations = numbers(rows, 'iterations')
  t.equal(
    gradient.filter((g, i) => Math.abs(g - (exact[i] as number)) > (estimates[i] as number)).length,
    0,
    'errors are within their certificates',
  )

  /** One number for each condition number: the largest of its draws. */
  const over = (variant: string, of: (row: number) => number): readonly number[] => {
    const first = run.manifest.variants.findIndex(({ name }) => name === variant) * conditions * draws
    return Array.from({ length: conditions }, (_, k) =>
      Math.max(...Array.from({ length: draws }, (_, j) => of(first + k * draws + j))),
    )
  }
  const error = (row: number): number => Math.abs((gradient[row] as number) / (exact[row] as number) - 1)
  const rises = (values: readonly number[]): boolean =>
    values.every((value, k) => k === 0 || value > 0.99 * (values[k - 1] as number))

  const oneStep = over('oneStep, gradientDescent', error)
  t.ok(
    rises(oneStep) && (oneStep[0] as number) < 1e-12 && (oneStep.at(-1) as number) > 0.9,
    oneStep.join(' '),
  )
  for (const name of ['truncated(steps=20)', 'neumann(terms=20)']) {
    const errors = over(`${name}, gradientDescent`, error)
    t.ok(rises(errors) && (errors[1] as number) < 1e-7 && (errors.at(-1) as number) > 0.9, errors.join(' '))
    t.ok(
      errors.every((e, k) => k === 0 || e < (oneStep[k] as number)),
      `${name} is better than one step`,
    )
  }
  t.ok(Math.max(...over('implicit, gradientDescent', error)) < 1e-8, 'implicit does not lose')
  for (const strategy of ['oneStep', 'truncated(steps=20)', 'neumann(terms=20)', 'implicit']) {
    t.ok(Math.max(...over(`${strategy}, newton`, error)) < 1e-12, `${strategy}, newton`)
  }
  const steps = over('implicit, gradientDescent', (row) => iterations[row] as number)
  t.ok(rises(steps) && (steps.at(-1) as number) > 10_000, `gradient descent takes ${steps.join(', ')} steps`)
  t.ok(Math.max(...over('implicit, newton', (row) => iterations[row] as number)) <= 2)
  t.ok(
    seconds.every((s, row) => s > 0 && s === seconds[row - (row % draws)]),
    'a chunk is a condition number: its rows share their seconds evenly',
  )
  t.ok(kappa.every((k, row) => k === kappa[row - (row % draws)]))
})

test('bilevel-starts: 256 descents end at a few minima', async (t) => {
  const { run, rows } = await rowsOf(t, 'bilevel-starts')
  const features = 6
  whole(t, rows, 256)
  t.equal(new Set(numbers(rows, 'theta.lambda')).size, 256 * features, 'all starts differ')
  const [values, norms, estimates] = ['value', 'norm', 'estimate'].map((name) => numbers(rows, name)) as [
    readonly number[],
    readonly number[],
    readonly number[],
  ]
  t.ok(
    norms.every((norm, i) => norm + (estimates[i] as number) <= 1e-6),
    'norm and certificate together are below tol',
  )
  const minima = [...values]
    .sort((a, b) => a - b)
    .filter((v, i, all) => i === 0 || v - (all[i - 1] as number) > 1e-5)
  t.ok(minima.length >= 2 && minima.length <= 4, `minima ${minima.join(', ')}`)

  // By a closed form: value and derivative in log λ, where the bounds let it move.
  const { problem } = run.manifest.specification
  const { oracle } = await makeStandardProblem(problem as never, folder)
  const ends = column(rows, 'end.lambda')
  for (const minimum of minima) {
    const row = values.indexOf(minimum)
    const lambda = array(Float64Array.from(ends.subarray(row * features, (row + 1) * features)))
    const { value, gradient } = (oracle as NonNullable<typeof oracle>)({ lambda })
    t.ok(Math.abs(value - minimum) < 1e-10, `the value ${String(minimum)}`)
    const free = Array.from(lambda.data, (l, j) => {
      const slope = l * ((gradient.lambda as NDArray).data[j] as number)
      const held = (l < 1.0001e-4 && slope > 0) || (l > 999.9 && slope < 0)
      return held ? 0 : slope
    })
    t.ok(Math.hypot(...free) < 1.1e-6, `stationary: ${String(Math.hypot(...free))}`)
  }
})

test('each example says how it is run', (t) => {
  const studies = readdirSync(folder).filter((name) => name.endsWith('.yaml'))
  t.ok(studies.length >= 3)
  for (const name of studies) {
    const text = readFileSync(join(folder, name), 'utf8')
    t.match(text, new RegExp(`onestep run (examples/studies/)?${name}`), `${name} says how it is run`)
    t.ok(text.includes(`\nname: ${name.replace('.yaml', '')}\n`), `${name} has the name of its file`)
  }
  t.end()
})
