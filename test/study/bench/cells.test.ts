// Cells of a bench and what they measure against: the matrix, the rows, θ of a run, and how errors are found.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import type { NDArray } from '../../../lib/index.js'
import { array } from '../../../lib/index.js'
import { thetaBatch } from '../../../lib/study/bench/batch.js'
import { benchColumns, benchVariants, prepareBench } from '../../../lib/study/bench/cells.js'
import { cellRows } from '../../../lib/study/bench/measureCell.js'
import { measureHere } from '../../../lib/study/bench/measureHere.js'
import { gradientError } from '../../../lib/study/bench/reference.js'
import { mapFunction } from '../../../lib/study/compute/map.js'
import { cellsOf } from '../../../lib/study/compute/variants.js'
import { loadStudyProblem } from '../../../lib/study/problem/load.js'
import type { StudyProblem } from '../../../lib/study/problem/studyProblem.js'
import { localExecutor } from '../../../lib/runtime/executor.js'
import { parseStudy } from '../../../lib/study/specification/read.js'
import type { StudySpecification } from '../../../lib/study/specification/specification.js'
import { chunkCount, chunkRange } from '../../../lib/study/store/manifest.js'

const folder = mkdtempSync(join(tmpdir(), 'onestep-bench-'))
t.teardown(() => {
  rmSync(folder, { recursive: true })
})

const parse = (lines: string): StudySpecification =>
  parseStudy(`name: b\nkind: bench\n${lines}`, { file: 'b.yaml', format: 'yaml', overrides: [] })
    .specification

const matrix = parse(`
problem: ridge
strategies: [implicit, oneStep]
solvers: [newton, gradientDescent]
tolerances: [1e-4, 1e-8]
repeats: 2
bench: { sizes: [3, 5, 9], threads: [1, 2], repeats: 4, batch: 8 }`)

t.test('cells are the whole matrix, sizes outermost, each with a name of its own', async (t) => {
  const variants = benchVariants(matrix)
  t.equal(variants.length, 3 * 2 * 2 * 2 * 2)
  t.equal(new Set(variants.map(({ name }) => name)).size, variants.length)
  t.equal(variants[0]?.name, 'implicit, newton, 0.0001, size 3, 1 thread')
  t.strictSame(
    variants.map(({ size }) => size),
    [3, 5, 9].flatMap((size) => Array.from({ length: 16 }, () => size)),
  )
  t.ok(variants.every(({ programs }) => programs.length === 0))
})

t.test('a chunk is what one process measures, and rows are numbered through', async (t) => {
  const manifest = await prepareBench(matrix, { folder, version: '1' })
  t.strictSame([manifest.thetas, manifest.chunkRows, manifest.rows, chunkCount(manifest)], [4, 4, 48 * 8, 96])
  let next = 0
  for (let chunk = 0; chunk < chunkCount(manifest); chunk++) {
    const { variant, lo, hi } = chunkRange(manifest, chunk)
    const { rows, columns, data } = cellRows(matrix, variant, chunk % 2)
    t.strictSame(columns, manifest.columns)
    t.strictSame([lo, hi, rows], [next, next + 4, 4])
    t.strictSame([...(data[0] as Float64Array)], [lo, lo + 1, lo + 2, lo + 3])
    next = hi
  }
  t.equal(next, manifest.rows)
})

t.test('rows of what was not measured are crashed', async (t) => {
  const { columns, data } = cellRows(matrix, 5, 1)
  const of = (name: string): number[] => [
    ...(data[columns.findIndex((column) => column.name === name)] as Float64Array),
  ]
  const statusNames = columns.find(({ name }) => name === 'status')?.names ?? []
  t.ok(of('status').every((code) => statusNames[code] === 'crashed'))
  t.ok(of('seconds').every(Number.isNaN) && of('error').every(Number.isNaN))
  t.strictSame(
    [of('run'), of('repeat'), of('size')],
    [
      [0, 1, 2, 3],
      [1, 1, 1, 1],
      [3, 3, 3, 3],
    ],
  )
})

t.test('the identity is that of what is measured', async (t) => {
  writeFileSync(join(folder, 'p.mjs'), moduleText(1))
  const specification = parse(`problem: ./p.mjs\nbench: { sizes: [2] }`)
  const id = async (one: StudySpecification, version = '1'): Promise<string> =>
    (await prepareBench(one, { folder, version })).id
  const first = await id(specification)
  t.match(first, /^[0-9a-f]{16}$/)
  t.equal(await id(specification), first)
  t.not(await id(specification, '2'), first, 'another version')
  t.not(await id({ ...specification, seed: 9 }), first, 'another seed')
  writeFileSync(join(folder, 'p.mjs'), moduleText(2))
  t.not(await id(specification), first, 'another module')
})

const moduleText = (x: number): string => `
const solver = { name: 's', init: (x) => x, step: (x) => x, point: (x) => x, error: () => 0,
  stopping: { tol: 1e-8, maxSteps: 9, rtol: 0, divergence: 1e12 } }
export default ({ size }) => ({ theta: { a: ${String(x)} }, solvers: { s: () => solver }, x0: size, outer: (x) => x })`

const wrong: readonly (readonly [string, string, RegExp])[] = [
  ['a module without a size', 'problem: ./plain.mjs\nbench: { sizes: [2] }', /takes no options.*size/],
  ['a solver of no name', 'problem: ./p.mjs\nsolvers: [newton]\nbench: { sizes: [2] }', /no solver "newton"/],
  [
    'an axis of no name',
    'problem: ridge\nspace: { lamda: [1] }\nbench: { sizes: [2] }',
    /no parameter "lamda".*"lambda"/,
  ],
  ['digits have no size', 'problem: ridge\ndata: digits\nbench: { sizes: [2] }', /scales synthetic data/],
  ['no file', 'problem: ./gone.mjs\nbench: { sizes: [2] }', /gone\.mjs: no such file/],
]

t.test('what cannot be measured is told before anything is', async (t) => {
  writeFileSync(join(folder, 'plain.mjs'), 'export default { run: (a) => a, example: [1] }')
  for (const [name, text, message] of wrong) {
    await t.rejects(prepareBench(parse(text), { folder, version: '1' }), { message }, name)
  }
  const { bench: _, ...rest } = matrix
  t.throws(() => benchVariants(rest), { message: /is no bench/ })
  t.throws(() => cellRows(matrix, 99, 0), { message: /no cell 99.*0 … 47/ })
})

const problemOf = async (specification: StudySpecification): Promise<StudyProblem> => {
  const loaded = await loadStudyProblem(specification.problem, { folder })
  if (loaded.kind === 'plain') throw new Error('no problem of a study')
  return loaded.problem
}

t.test('θ of a run: those of the space over again, or spread around the start', async (t) => {
  const drawn = parse(`problem: elasticNet\nspace: { lambda: [1, 2, 4] }\nbench: { sizes: [5] }`)
  const problem = await problemOf(drawn)
  const { lambda, mu } = thetaBatch(problem, drawn, { batch: 8, repeat: 0 })
  t.strictSame([...(lambda as NDArray).data], [1, 2, 4, 1, 2, 4, 1, 2])
  const start = array(problem.theta.mu as number).data[0] as number
  const values = [...(mu as NDArray).data]
  t.equal(new Set(values).size, 8, 'all different')
  t.ok(values.every((v) => v > 0.5 * start && v < 1.5 * start))
  const again = thetaBatch(problem, drawn, { batch: 8, repeat: 0 })
  t.strictSame([...(again.mu as NDArray).data], values, 'the same each time')
  t.notSame([...(thetaBatch(problem, drawn, { batch: 8, repeat: 1 }).mu as NDArray).data], values)
  const unfit = parse(
    `problem: ridge\nspace: { lambda: { uniform: [1, 2], shape: [3] } }\nbench: { sizes: [5] }`,
  )
  const ridge = await problemOf(unfit)
  t.throws(() => thetaBatch(ridge, unfit, { batch: 8, repeat: 0 }), { message: /"lambda" has another shape/ })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 5 }), (batch, repeat) => {
      const theta = thetaBatch(problem, drawn, { batch, repeat })
      return Object.values(theta).every(
        ({ shape, data }) => shape[0] === batch && data.every(Number.isFinite),
      )
    }),
  )
})

const errorsOf = async (text: string, change: (x: number) => number = (x) => x): Promise<number> => {
  const specification = parse(`${text}\nbench: { sizes: [4] }`)
  const problem = await problemOf(specification)
  const [cell] = cellsOf(specification)
  if (cell === undefined) throw new Error('no cell')
  const thetas = thetaBatch(problem, specification, { batch: 3, repeat: 0 })
  const results = await localExecutor().prepare(mapFunction(specification, problem, cell))([thetas])
  const { gradient } = results.value as { gradient: Record<string, NDArray> }
  for (const { data } of Object.values(gradient)) data.forEach((g, i) => (data[i] = change(g)))
  return gradientError(specification, problem, cell, { results, thetas })
}

t.test('errors are those that were planted', async (t) => {
  const exact = 'strategies: [implicit]\ntolerances: [1e-11]\n'
  const unrolled = 'problem: fewShotRidge\nstrategies: [unrolled]\n'
  for (const [text, floor] of [
    [`problem: ridge\n${exact}`, 1e-10],
    [`problem: ridge\nsolvers: [gradientDescent]\n${exact}`, 1e-8],
    [`problem: lasso\n${exact}`, 1e-8],
    [`problem: equilibriumLayer\n${exact}`, 1e-8],
    [unrolled, 1e-14],
  ] as const) {
    const found = await errorsOf(text)
    t.ok(found <= floor, `${text}: ${found.toExponential(1)}`)
    const planted = await errorsOf(text, (g) => g * 1.03)
    t.ok(Math.abs(planted - 0.03) < 1e-6, `${text}: a planted error is found, ${String(planted)}`)
    t.ok(Number.isNaN(await errorsOf(text, () => NaN)), 'NaN is no small error')
  }
  const one = await errorsOf('problem: ridge\nsolvers: [gradientDescent]\nstrategies: [oneStep]\n')
  t.ok(one > 0.01 && one < 1, `one step on gradient descent: ${String(one)}`)
  t.ok((await errorsOf('problem: fewShotRidge\nstrategies: [oneStep]\n')) > 0.5, 'it does not see the start')
})

t.test('a cell measured here: statuses, iterations, and what is recorded', async (t) => {
  const run = (text: string) => {
    const specification = parse(`${text}\nbench: { sizes: [4], repeats: 2, warmUp: 0, batch: 3 }`)
    const [variant] = benchVariants(specification)
    if (variant === undefined) throw new Error('no cell')
    return measureHere({ specification, variant, repeat: 0, folder })
  }
  const gradient = await run('problem: ridge\nsolvers: [gradientDescent]')
  t.equal(gradient.runs.length, 2)
  t.ok(gradient.runs.every(({ seconds, cpuSeconds, calls }) => seconds > 0 && cpuSeconds >= 0 && calls >= 1))
  t.ok(gradient.firstSeconds > 0 && gradient.peakBytes > 2 ** 24 && gradient.iterations > 10)
  t.ok(gradient.error < 1e-4 && gradient.status === 0 && gradient.gradientStatus === 0)
  const cut = await run('problem: ridge\nsolvers: [gradientDescent]\nmaxSteps: 3')
  const names = benchColumns(matrix).find(({ name }) => name === 'status')?.names ?? []
  t.equal(names[cut.status], 'maxSteps')
  t.equal(cut.iterations, 3)
  const value = await run('problem: ridge\nrecord: [value]')
  t.ok(Number.isNaN(value.error), 'no gradient, no error')
  const nothing = await run('problem: ridge\nrecord: [seconds]')
  t.ok(nothing.error < 1e-6, 'value and gradient where the study records neither')
})
