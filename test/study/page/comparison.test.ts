// Comparisons of made-up runs: what became worse is found, what did not is not, and noise is no change.
import { test } from 'tap'
import { stream } from '../../../lib/base/random.js'
import {
  compareRuns,
  hasRegression,
  type ComparedColumn,
  type Comparison,
} from '../../../lib/study/page/comparison.js'
import { comparisonPage, comparisonTable, comparisonVerdict } from '../../../lib/study/page/comparisonPage.js'
import type { StudySource } from '../../../lib/study/page/source.js'
import * as statistics from '../../../lib/study/statistics.js'
import { findAll, parseMarkup, textIn } from '../markup.js'
import { code, number, sourceOf, statusNames, variantOf, type Row } from './studies.js'

const columns = [
  number('theta.lambda'),
  number('value'),
  { name: 'iterations', kind: 'integer', shape: [] } as const,
  number('seconds'),
  number('metric.accuracy'),
  code('status', statusNames),
]

interface Change {
  readonly value?: number
  readonly iterations?: number
  readonly seconds?: number
  readonly accuracy?: number
  /** Of a hundred rows. */
  readonly failed?: number
  readonly seed?: number
  readonly chunked?: boolean
  readonly name?: string
  readonly low?: number
  readonly thetas?: number
  readonly kind?: 'map' | 'bench'
}

/** A run: numbers over many decades of θ, seconds with noise of a tenth. */
const run = (change: Change = {}): StudySource => {
  const {
    value = 1,
    iterations = 0,
    seconds = 1,
    accuracy = 1,
    failed = 0,
    seed = 1,
    chunked = false,
  } = change
  const { name = 'before', low = 1e-4, thetas = 2000, kind = 'map' } = change
  const noise = stream(seed, 'seconds')
  const variants = [variantOf('implicit', 1e-8), variantOf('oneStep', 1e-8)]
  return sourceOf(
    {
      axes: { lambda: { kind: 'log', low, high: 1e2, count: thetas, shape: [] } },
      variants,
      columns,
      thetas,
      name,
      kind,
    },
    (variant, i): Row => {
      const lambda = 1e-4 * 1e6 ** (i / thetas)
      const timed = chunked ? Math.floor(i / 100) : i
      return {
        ...{
          'theta.lambda': lambda,
          value: lambda * (variant === 1 ? value : 1),
          iterations: 10 + (i % 5) + iterations,
        },
        seconds: 1e-3 * seconds * (1 + 0.1 * noise.normal(timed + 10_000 * variant)),
        ...{ 'metric.accuracy': accuracy * (0.5 + i / 4000), status: i % 100 < failed ? 2 : 0 },
      }
    },
  )
}

const of = ({ columns: all }: Comparison, variant: string, column: string): ComparedColumn => {
  const found = all.find((one) => one.variant === `${variant}, 1e-8` && one.column === column)
  if (found === undefined) throw new Error(`no ${column} of ${variant}`)
  return found
}

test('the same run, and the same study timed again', async (t) => {
  const same = await compareRuns(run(), run())
  t.notOk(hasRegression(same))
  t.ok(same.paired)
  for (const { column, change, verdict } of same.columns) {
    t.equal(change, 0, column)
    t.equal(verdict, column === 'metric.accuracy' ? 'not judged' : 'same', column)
  }
  const again = await compareRuns(run(), run({ seed: 2 }))
  t.equal(of(again, 'implicit', 'seconds').verdict, 'same', 'noise is no change')
  t.not(of(again, 'implicit', 'seconds').change, 0)
  t.notOk(hasRegression(again))
  t.same(await compareRuns(run(), run({ seed: 2 })), again, 'the same each time')
})

const changes: readonly (readonly [string, Change, string, string, ComparedColumn['verdict'], number])[] = [
  ['slower by a fifth', { seconds: 1.2 }, 'implicit', 'seconds', 'regression', 0.2],
  ['faster by a fifth', { seconds: 0.8 }, 'oneStep', 'seconds', 'improvement', -0.2],
  ['slower by 2 %, which is below the threshold', { seconds: 1.02 }, 'implicit', 'seconds', 'same', 0.02],
  ['a larger value in one variant', { value: 1.1 }, 'oneStep', 'value', 'regression', 0.1],
  ['the other one is as it was', { value: 1.1 }, 'implicit', 'value', 'same', 0],
  ['two more iterations', { iterations: 2 }, 'implicit', 'iterations', 'regression', 2 / 12],
  ['more rows fail', { failed: 9 }, 'implicit', 'failed', 'regression', 0.09],
  ['a metric is not judged', { accuracy: 0.5 }, 'implicit', 'metric.accuracy', 'not judged', -0.5],
]
for (const [name, change, variant, column, verdict, expected] of changes) {
  test(name, async (t) => {
    const comparison = await compareRuns(run(), run({ ...change, seed: 2 }))
    const found = of(comparison, variant, column)
    t.equal(found.verdict, verdict)
    t.ok(Math.abs(found.change - expected) < 0.02, String(found.change))
    t.ok(found.low <= found.change && found.change <= found.high)
    const regressions = changes.filter(([, other, , , v]) => other === change && v === 'regression').length
    t.equal(hasRegression(comparison), regressions > 0 || name.includes('other one'))
    if (column === 'seconds') {
      t.ok(Math.abs((found.shift ?? NaN) - expected * 1e-3) < 3e-5, 'the shift')
      if (Math.abs(expected) > 0.1) t.ok((found.p ?? NaN) < 0.01, 'and it is no chance')
    }
  })
}

test('a value that differs by less than its spread over θ is found where θ are the same, and only there', async (t) => {
  const paired = await compareRuns(run(), run({ value: 1.1 }))
  t.equal(of(paired, 'oneStep', 'value').verdict, 'regression')
  const other = await compareRuns(run(), run({ value: 1.1, low: 1e-5 }))
  t.notOk(other.paired)
  t.equal(of(other, 'oneStep', 'value').verdict, 'unclear')
})

test('chunks that are timed as a whole count once', async (t) => {
  const comparison = await compareRuns(run({ chunked: true }), run({ chunked: true, seed: 2 }))
  const { countA, low, high, verdict } = of(comparison, 'implicit', 'seconds')
  t.equal(countA, 20)
  t.ok(high - low > 0.05, 'the interval is as wide as twenty numbers make it')
  t.not(verdict, 'regression')
  const few = await compareRuns(
    run({ chunked: true, thetas: 300 }),
    run({ chunked: true, thetas: 300, seconds: 2 }),
  )
  t.equal(of(few, 'implicit', 'seconds').verdict, 'too few')
  t.notOk(hasRegression(few))
})

test('what is judged, and how strictly', async (t) => {
  const judged = await compareRuns(run(), run({ accuracy: 1.5, seconds: 1.5 }), {
    judge: ['metric.accuracy'],
  })
  t.equal(of(judged, 'implicit', 'metric.accuracy').verdict, 'regression')
  t.equal(of(judged, 'implicit', 'seconds').verdict, 'not judged')
  const loose = await compareRuns(run(), run({ seconds: 1.2, seed: 2 }), { threshold: 0.5 })
  t.equal(of(loose, 'implicit', 'seconds').verdict, 'same')
  await t.rejects(compareRuns(run(), run(), { judge: ['loss'] }), {
    name: 'ArgumentError',
    message: /loss[^]*|value/,
  })
})

test('variants that only one has', async (t) => {
  const source = run()
  const renamed: StudySource = {
    ...source,
    manifest: {
      ...source.manifest,
      variants: source.manifest.variants.map((v, k) => (k === 0 ? v : { ...v, name: 'new' })),
    },
  }
  const comparison = await compareRuns(run(), renamed)
  t.strictSame(comparison.only, [['oneStep, 1e-8'], ['new']])
  t.strictSame([...new Set(comparison.columns.map(({ variant }) => variant))], ['implicit, 1e-8'])
  const none: StudySource = {
    ...source,
    manifest: {
      ...source.manifest,
      variants: source.manifest.variants.map((v) => ({ ...v, name: `${v.name}!` })),
    },
  }
  await t.rejects(compareRuns(run(), none), { name: 'ArgumentError', message: /no variant in common/ })
})

test('a page and a table', async (t) => {
  const comparison = await compareRuns(run(), run({ name: '<i>after</i>', seconds: 1.3, seed: 2 }))
  const table = comparisonTable(comparison)
  t.strictSame(
    table.rows.slice(0, 2).map((row) => [row[1], row[7]]),
    [
      ['seconds', 'regression'],
      ['seconds', 'regression'],
    ],
    'the worst on top',
  )
  t.equal(comparisonVerdict(comparison), '2 worse and 0 better beyond 5 %')
  const root = parseMarkup(await comparisonPage(comparison))
  t.equal(findAll(root, 'h1').map(textIn).join(), 'before beside <i>after</i>')
  t.equal(findAll(root, 'svg').length, 2)
  t.equal(findAll(root, 'script').length, 0)
  t.equal(findAll(root, 'a').filter(({ attributes }) => attributes['download'] !== undefined).length, 2)
})

/** A bench of `processes` processes a cell with 3 runs each: the process matters more than the run, as on a busy machine. */
const measured = (processes: number, seed: number, factor = 1): StudySource => {
  const [ofProcess, ofRun] = [stream(seed, 'process'), stream(seed, 'run')]
  return sourceOf(
    {
      ...{ axes: {}, variants: [variantOf('implicit', 1e-8)], thetas: 3, repeats: processes, kind: 'bench' },
      columns: [number('seconds'), code('status', statusNames)],
    },
    (_, i): Row => {
      const disturbed = 0.1 * Math.abs(ofProcess.normal(Math.floor(i / 3)))
      return { seconds: factor * (1 + disturbed + 0.5 * Math.abs(ofRun.normal(i))), status: 0 }
    },
  )
}

test('of a bench each process counts once, by its least time', async (t) => {
  const found = of(await compareRuns(measured(8, 1), measured(8, 2)), 'implicit', 'seconds')
  t.strictSame([found.countA, found.countB], [8, 8])
  const least: number[] = []
  for await (const { data } of measured(8, 1).blocks) {
    const seconds = data[1] as Float64Array
    for (let i = 0; i < seconds.length; i += 3) least.push(Math.min(...seconds.slice(i, i + 3)))
  }
  t.equal(found.a, statistics.median(least))
  const slower = of(await compareRuns(measured(8, 1), measured(8, 2, 3)), 'implicit', 'seconds')
  t.equal(slower.verdict, 'regression')
  const few = of(await compareRuns(measured(4, 1), measured(4, 2, 3)), 'implicit', 'seconds')
  t.equal(few.verdict, 'too few', 'the twelve runs of four processes are four numbers')
  let wrong = 0
  for (let seed = 0; seed < 40; seed++) {
    const { verdict } = of(
      await compareRuns(measured(8, 2 * seed), measured(8, 2 * seed + 1)),
      'implicit',
      'seconds',
    )
    if (verdict === 'regression' || verdict === 'improvement') wrong++
  }
  t.ok(wrong <= 6, `${String(wrong)} of 40 comparisons of the same with itself`)
})
