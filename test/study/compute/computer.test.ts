// Rows that are computed from a manifest and blobs alone are those that the functions of the library compute, bit for bit, however
// they are cut into chunks.
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'tap'
import {
  compile,
  domain,
  hypergradient,
  hypergradientDescent,
  implicit,
  logspace,
  oneStep,
  optimizer,
} from '../../../lib/index.js'
import type { NDArray, Tensor } from '../../../lib/index.js'
import { localExecutor } from '../../../lib/runtime/executor.js'
import { Checkpoint } from '../../../lib/study/compute/checkpoint.js'
import { openComputer } from '../../../lib/study/compute/computer.js'
import { crashedRows, joinBlocks } from '../../../lib/study/compute/rows.js'
import { loadStudyProblem } from '../../../lib/study/problem/load.js'
import type { StudyProblem } from '../../../lib/study/problem/studyProblem.js'
import { parseStudy } from '../../../lib/study/specification/read.js'
import type { Block } from '../../../lib/study/store/block.js'
import type { Manifest } from '../../../lib/study/store/manifest.js'
import { bitsOf, column, prepared, temporaryFolder } from '../../harness/study.js'

const sweep = `
name: sweep
problem: ridge
space:
  lambda: { log: [1e-3, 1e2], count: 40 }
strategies: [implicit, oneStep]
tolerances: [1e-9]
repeats: 2
record: [value, gradient, certificate, residual, iterations, x]
metrics: [norm]
`

const descents = `
name: descents
kind: descent
problem: logistic
space:
  lambda: { log: [1e-2, 1], count: 6 }
descent: { optimizer: { lbfgs: {} }, domain: { logarithmic: {} }, tol: 1e-6, maxSteps: 10 }
`

const computerOf = async (text: string) => {
  const { manifest, blobs } = await prepared(text)
  const whole: Manifest = { ...manifest, chunkRows: manifest.rows }
  return openComputer(whole, (hash) => blobs.get(hash) as Uint8Array, localExecutor())
}

const problemOf = async (text: string): Promise<StudyProblem> => {
  const loaded = await loadStudyProblem(parseStudy(text).specification.problem, { folder: '.' })
  if (loaded.kind !== 'study') throw new Error('a plain problem')
  return loaded.problem
}

const bits = ({ data }: Block): string => data.map(bitsOf).join('\n')

test('a sweep has the values, gradients and certificates of the library', async (t) => {
  const computer = await computerOf(sweep)
  const problem = await problemOf(sweep)
  const lambdas = logspace(1e-3, 1e2, 40)
  const inner = Object.values(problem.solvers)[0]?.({ tol: 1e-9, options: {} })
  for (const [variant, strategy] of [implicit(), oneStep()].entries()) {
    const h = hypergradient<Tensor, { readonly lambda: Tensor }, never>({
      ...{ inner: inner as never, x0: problem.x0 as never, outer: problem.outer as never },
      ...{ strategy: strategy, certificate: true },
    })
    const norm = problem.metrics?.['norm'] as unknown as (x: Tensor, theta: unknown) => Tensor
    const expected = compile((theta: { readonly lambda: Tensor }) => {
      const { value, gradient, x } = h(theta)
      return { value, gradient, metric: { norm: norm(x, theta) }, x }
    }).batch({ lambda: lambdas })
    for (const repeat of [0, 1]) {
      const lo = variant * 80 + repeat * 40
      const { block } = await computer.rows({ lo, hi: lo + 40 })
      const { value, gradient, metric, x } = expected.value
      t.strictSame(column(block, 'theta.lambda'), lambdas.data)
      t.strictSame(column(block, 'value'), value.data)
      t.strictSame(column(block, 'gradient.lambda'), gradient.lambda.data)
      t.strictSame(column(block, 'metric.norm'), metric.norm.data)
      t.strictSame(column(block, 'x'), x.data)
      t.strictSame(column(block, 'status'), expected.status)
      t.strictSame(column(block, 'iterations'), Float64Array.from(expected.iterations))
      t.strictSame(column(block, 'residual'), expected.residual)
      t.strictSame(column(block, 'certificate.estimate'), expected.certificate?.estimate)
      t.strictSame(
        column(block, 'index'),
        Float64Array.from({ length: 40 }, (_, i) => lo + i),
      )
      t.ok(column(block, 'variant').every((code) => code === variant))
      t.ok(column(block, 'repeat').every((r) => r === repeat))
    }
  }
})

test('rows do not depend on how they are cut', async (t) => {
  const computer = await computerOf(sweep)
  const { block: whole } = await computer.rows({ lo: 0, hi: 80 })
  const expected = bits(whole)
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 1, max: 79 }), { maxLength: 4 }), async (cuts) => {
      const ends = [0, ...cuts.sort((a, b) => a - b), 80]
      const parts: Block[] = []
      for (const [k, hi] of ends.slice(1).entries()) {
        parts.push((await computer.rows({ lo: ends[k] as number, hi })).block)
      }
      t.equal(bits(joinBlocks(parts)), expected)
    }),
    { numRuns: 10 },
  )
})

test('descents are those of hypergradientDescent', async (t) => {
  const computer = await computerOf(descents)
  const problem = await problemOf(descents)
  const { block } = await computer.rows({ lo: 0, hi: 6 })
  const start = logspace(1e-2, 1, 6)
  const found = await hypergradientDescent({
    problem: {
      inner: Object.values(problem.solvers)[0]?.({ tol: 1e-8, options: {} }) as never,
      ...{ x0: problem.x0 as never, outer: problem.outer as never },
      ...{ strategy: implicit(), certificate: true },
    },
    theta0: { lambda: start },
    optimizer: optimizer.lbfgs(),
    domain: domain.logarithmic(),
    ...{ tol: 1e-6, maxSteps: 10 },
  })
  t.ok(found.status.includes('converged'))
  const end = (found.theta as { readonly lambda: NDArray }).lambda
  t.strictSame(column(block, 'theta.lambda'), start.data)
  t.strictSame(column(block, 'end.lambda'), end.data)
  t.strictSame(column(block, 'value'), found.value)
  t.strictSame(column(block, 'estimate'), found.estimate)
  t.strictSame(column(block, 'steps'), Float64Array.from(found.steps))
  const at = block.columns.findIndex(({ name }) => name === 'history.norm')
  const { offsets, values } = block.data[at] as { offsets: Float64Array; values: Float64Array }
  found.history.forEach(({ norm }, i) => {
    t.strictSame(values.slice(offsets[i], offsets[i + 1]), norm)
  })
  const parts = [await computer.rows({ lo: 0, hi: 2 }), await computer.rows({ lo: 2, hi: 6 })]
  t.equal(bits(joinBlocks(parts.map((part) => part.block))), bits(block))
})

test('a descent that was ended goes on from its checkpoint, with the same bits', async (t) => {
  const folder = await temporaryFolder(t)
  const computer = await computerOf(descents)
  const range = { lo: 0, hi: 6 }
  const kept = (): Checkpoint => new Checkpoint(folder, computer.manifest.id, range, 0)
  const whole = await computer.rows(range)
  const ending = new AbortController()
  let rounds = 0
  const onProgress = (): void => {
    if (++rounds === 2) ending.abort()
  }
  const cut = await computer.rows(range, { signal: ending.signal, onProgress, checkpoint: kept() })
  t.equal(cut.whole, false)
  t.equal((await readdir(folder)).length, 1)
  let later = 0
  const rest = await computer.rows(range, { checkpoint: kept(), onProgress: () => later++ })
  t.equal(rest.whole, true)
  t.equal(bits(rest.block), bits(whole.block))
  t.ok(later > 0 && later < Math.max(...column(whole.block, 'steps')) + 1, `${String(later)} rounds`)
  t.strictSame(await readdir(folder), [], 'it is gone when the rows are there')
  await writeFile(join(folder, `${computer.manifest.id}-0-6.json`), 'torn')
  t.equal(bits((await computer.rows(range, { checkpoint: kept() })).block), bits(whole.block))
})

test('rows that crashed have their θ, and nothing else', async (t) => {
  for (const text of [sweep, descents]) {
    const computer = await computerOf(text)
    const { block } = await computer.rows({ lo: 1, hi: 4 })
    const crashed = crashedRows(computer.manifest, { lo: 1, hi: 4 })
    t.strictSame(crashed.columns, block.columns)
    for (const name of ['index', 'variant', 'repeat', 'theta.lambda']) {
      t.strictSame(column(crashed, name), column(block, name))
    }
    const { names } = crashed.columns.find(({ name }) => name === 'status') as { names: readonly string[] }
    t.strictSame(
      [...column(crashed, 'status')].map((code) => names[code]),
      ['crashed', 'crashed', 'crashed'],
    )
    t.ok(column(crashed, 'value').every(Number.isNaN))
    t.equal(bits(joinBlocks([crashed])), bits(crashed))
  }
})
