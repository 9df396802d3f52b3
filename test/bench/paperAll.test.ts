// The page of the paper, from results at small sizes: all sections, nothing from outside, the numbers of every figure beside it.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { twoStepLaw } from '../../bench/paper/beyond.js'
import { bilevelExperiment } from '../../bench/paper/bilevelReport.js'
import { boundsExperiment } from '../../bench/paper/boundsReport.js'
import { convergence } from '../../bench/paper/convergence.js'
import { dampedLaw } from '../../bench/paper/dampedNewton.js'
import { decisions } from '../../bench/paper/decision.js'
import { estimatorCosts } from '../../bench/paper/estimatorCosts.js'
import { flaws } from '../../bench/paper/flaws/finding.js'
import { newtonRow } from '../../bench/paper/newton.js'
import { publishedRidge } from '../../bench/paper/published.js'
import { qpLaw, sizes } from '../../bench/paper/qp.js'
import { referenceExperiment } from '../../bench/paper/reference.js'
import { paperFiles, partsOf } from '../../bench/paper/report/page.js'
import type { PaperResults } from '../../bench/paper/report/results.js'
import { ridge, ridgeProblems } from '../../bench/paper/ridge.js'
import { syntheticRidgeData } from '../../bench/paper/ridgeData.js'
import { inProcess } from '../../bench/paper/runner.js'
import { terms } from '../../bench/paper/terms.js'
import { packageRoot } from '../../lib/runtime/native.js'
import { parseCsv } from '../../lib/data/csv.js'
import { findAll, parseMarkup, textIn } from '../study/markup.js'

const options = { quick: true, quiet: true }

const smallResults = async (): Promise<Required<PaperResults>> => {
  const data = syntheticRidgeData(1, 40)
  const slow = ridgeProblems(data, 'correct', [1e-3])[1]
  if (slow === undefined) throw new Error('no such problem')
  const made = await ridge(inProcess, data)
  const costs = await estimatorCosts(data, {
    ...{ rounds: 1, descents: [{ share: 0.3, steps: 20, counts: [5, 10], cg: [2] }] },
  })
  const row = await newtonRow(50, 1)
  const { seconds, overForward, instances } = row
  return {
    newton: { rows: [row], convergence: await convergence(inProcess, 14, [4, 5, 6]) },
    // Its times are those of Newton: the page shows what it is given, and qp.test.ts measures.
    qp: {
      rows: [
        {
          ...{ ...sizes[0], iterations: 8, gradNorm: 0.3, osMinusId: 3e-6, correctedMinusId: 7e-12 },
          ...{ adMinusId: 7e-12, relative: 1e-5, seconds, overForward, instances },
        },
      ],
      ...{ numpy: [], law: qpLaw([0.99]) },
    },
    ridge: {
      ...{ data: 'synthetic', samples: 40, ...made },
      // As if these were the published data, for the tables that stand beside the figure.
      comparison: publishedRidge.slice(0, 3).map(({ relativeError, ...place }) => ({
        ...{ ...place, relativeError, published: relativeError, deviation: 0 },
      })),
    },
    bounds: await boundsExperiment(options),
    bilevel: await bilevelExperiment(options),
    beyond: {
      ...{ data: 'synthetic', samples: 40 },
      terms: await terms(inProcess, slow.problem, { iterations: 1000, counts: [1, 1000], steps: [1, 5] }),
      interiorPoint: qpLaw([0.99]),
      damped: dampedLaw(14, [0.5, 0.9]),
      twoStep: await twoStepLaw(inProcess, 14),
      ...{ costs, decisions: decisions(costs) },
    },
    reference: await referenceExperiment(options),
  }
}

const results = await smallResults()
const files = await paperFiles(results, 'at small sizes <&>')
const html = files.get('index.html') ?? ''
const root = parseMarkup(html)
const headings = findAll(root, 'h2').map(textIn)

test('all sections are there, in three parts', async (t) => {
  const expected = [
    /^In short$/,
    /^1 What the paper shows$/,
    ...['time', 'accuracy', 'convergence'].map((what) => new RegExp(`^1\\.\\d+ Newton: ${what}$`)),
    ...['time', 'accuracy'].map((what) => new RegExp(`^1\\.\\d+ Interior point: ${what}$`)),
    /^1\.\d+ Gradient descent on weighted ridge$/,
    /^1\.\d+ Bounds: measured and bound$/,
    /^1\.\d+ Bounds: ratio$/,
    /^1\.\d+ Bounds: derivatives that vanish$/,
    /^1\.\d+ Bilevel: hypergradient descent$/,
    /^1\.\d+ The condition on the outer step size$/,
    /^2 Beyond the paper$/,
    /^2\.\d+ Terms at the last iterate/,
    /^2\.\d+ The step length$/,
    /^2\.\d+ Newton: one step and two$/,
    /^2\.\d+ What an error costs$/,
    /^2\.\d+ Which estimator when$/,
    /^3 The published code$/,
    ...Object.values(flaws).map(() => /^3\.\d+ (Ridge|Newton|Interior point): /),
    /^3\.\d+ Ridge by the published formula$/,
  ]
  t.equal(headings.length, expected.length)
  headings.forEach((heading, i) => t.match(heading, expected[i]))
  for (const title of Object.values(flaws)) t.ok(headings.some((heading) => heading.endsWith(title)))
  t.match(textIn(findAll(root, 'p')[0] ?? root), /^at small sizes <&>$/)
})

test('without the flaws there are two parts', async (t) => {
  const { reference: _, ...rest } = results
  t.strictSame(
    partsOf(rest).map(({ title }) => title),
    ['What the paper shows', 'Beyond the paper'],
  )
})

test('one file: nothing is fetched and nothing runs', async (t) => {
  t.notMatch(html.replaceAll('xmlns="http://www.w3.org/2000/svg"', ''), /https?:|\bsrc=|@import|url\(/)
  t.strictSame(
    findAll(root, 'script').map(({ attributes }) => attributes['type']),
    ['application/json'],
  )
  t.notMatch(html, />(?:undefined|NaN px)<|\[object/)
})

test('every figure has its CSV, which has its numbers', async (t) => {
  const csvs = [...files.keys()].filter((name) => name.endsWith('.csv'))
  t.equal(findAll(root, 'figure').length, csvs.length)
  const text = findAll(root, 'p').map(textIn)
  for (const name of csvs) {
    t.ok(
      text.some((paragraph) => paragraph.includes(name)),
      `the page names ${name}`,
    )
    const lines = (files.get(name) ?? '').trimEnd().split('\r\n')
    t.equal(lines[0], 'panel,series,x axis,y axis,x,y,low,high')
    t.ok(lines.length > 4, `${name}: ${String(lines.length)} lines`)
  }
  // All numbers of one series of one figure.
  const terms = (files.get('terms.csv') ?? '').split('\r\n').filter((line) => line.includes('neumann-K: '))
  t.strictSame(
    parseCsv(terms.map((line) => line.split(',').slice(-4, -2).join(',')).join('\n'), { header: false }).data,
    Float64Array.from(
      results.beyond.terms
        .filter(({ estimator }) => estimator === 'neumann')
        .flatMap(({ terms: K, error }) => [K, error]),
    ),
  )
  const band = (files.get('newton-time.csv') ?? '')
    .split('\r\n')
    .find((line) => line.startsWith('Seconds,unrolled,'))
  const { mean, std } = results.newton.rows[0]?.instances.seconds.unrolled ?? { mean: NaN, std: NaN }
  t.strictSame(band?.split(',').slice(-4).map(Number), [
    5100,
    mean,
    Math.max(mean - std, mean / 10),
    mean + std,
  ])
})

test('results.json holds all results, what JSON has no number for by name', async (t) => {
  const read = JSON.parse(files.get('results.json') ?? '') as Record<string, { findings?: object[] }>
  t.strictSame(Object.keys(read), Object.keys(results))
  t.strictSame(read['newton'], results.newton)
  t.ok(read['reference']?.findings?.some((finding) => 'published' in finding && finding.published === 'NaN'))
})

test('the mean and the deviation are over five instances', async (t) => {
  for (const { instances, seconds } of results.newton.rows) {
    t.strictSame(instances.seeds, [1, 2, 3, 4, 5])
    t.strictSame(Object.keys(instances.seconds), Object.keys(seconds))
    t.ok(Object.values(instances.seconds).every(({ mean, std }) => mean > 0 && std >= 0 && std < 2.1 * mean))
    t.strictSame(instances.overForward.forward, { mean: 1, std: 0 })
  }
})

test('what is wrong is said before anything is measured', async (t) => {
  const out = join(t.testdir(), 'page')
  const run = (...args: readonly string[]) =>
    spawnSync(process.execPath, [join(packageRoot(), 'dist', 'bench', 'paper', 'main.js'), 'all', ...args], {
      encoding: 'utf8',
    })
  const missing = run()
  t.equal(missing.status, 1)
  t.match(missing.stderr, /required option '--out <folder>' not specified/)
  const nowhere = run('--out', out, '--data', '/nowhere/cpu.small.arff')
  t.equal(nowhere.status, 1)
  t.match(nowhere.stderr, /^paper: .*\/nowhere\/cpu.small.arff/)
  t.notMatch(nowhere.stderr, /Newton/, 'no progress')
  t.ok(!existsSync(out) || readdirSync(out).length === 0)
})
