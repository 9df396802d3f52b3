// Cells of a bench in processes of their own: run like any study, kept in a run directory, ended, resumed, and survived.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { BenchComputer } from '../../../lib/study/bench/benchComputer.js'
import { prepareBench } from '../../../lib/study/bench/cells.js'
import { measureCell } from '../../../lib/study/bench/measureCell.js'
import { runStudy } from '../../../lib/study/run.js'
import type { RunStudyOptions } from '../../../lib/study/run.js'
import { parseStudy } from '../../../lib/study/specification/read.js'
import type { StudySpecification } from '../../../lib/study/specification/specification.js'
import { createRun, openRun } from '../../../lib/study/store/runDirectory.js'
import type { RunDirectory } from '../../../lib/study/store/runDirectory.js'

// Inside the package, so that modules find onestep by its name.
const folder = mkdtempSync(fileURLToPath(new URL('../../../../dist/bench-', import.meta.url)))
t.teardown(() => {
  rmSync(folder, { recursive: true })
})

const parse = (lines: string): StudySpecification =>
  parseStudy(`name: b\nkind: bench\n${lines}`, { file: 'b.yaml', format: 'yaml', overrides: [] })
    .specification

const start = async (name: string, specification: StudySpecification): Promise<RunDirectory> =>
  createRun(join(folder, name), await prepareBench(specification, { folder, version: '1' }), {
    blobs: new Map(),
  })

const compute = async (run: RunDirectory, options: Omit<RunStudyOptions, 'computer'> = {}) => {
  const computer = new BenchComputer({ folder })
  try {
    return await runStudy(run, { computer, ...options })
  } finally {
    await computer.close()
  }
}

type Row = Readonly<Record<string, number | string | undefined>>

const rowsOf = async (run: RunDirectory): Promise<Row[]> => {
  const rows: Row[] = []
  for await (const { rows: count, columns, data } of run.blocks({})) {
    for (let i = 0; i < count; i++) {
      const entries = columns.map(({ name, names }, k) => {
        const value = (data[k] as Float64Array)[i] as number
        return [name, names === undefined ? value : names[value]] as const
      })
      rows.push(Object.fromEntries(entries))
    }
  }
  return rows
}

t.test('every measured run is a row, with its accuracy beside it', async (t) => {
  const specification = parse(`
problem: ridge
solvers: [gradientDescent]
strategies: [implicit, oneStep]
bench: { sizes: [4], threads: [1, 2], repeats: 3, warmUp: 1, batch: 16 }`)
  const run = await start('matrix', specification)
  const steps: number[] = []
  const summary = await compute(run, { onProgress: ({ done }) => steps.push(done) })
  t.strictSame(
    [summary.ending, summary.rows, summary.chunks, summary.statuses],
    ['complete', 12, 4, { converged: 12 }],
  )
  t.equal(steps.at(-1), 12)
  const rows = await rowsOf(await openRun(run.dir))
  t.strictSame(
    rows.map(({ index }) => index),
    Array.from({ length: 12 }, (_, i) => i),
  )
  for (const { seconds, cpuSeconds, firstSeconds, calls, peakBytes, size, gradientStatus } of rows) {
    t.ok((seconds as number) > 0 && (cpuSeconds as number) >= 0 && (firstSeconds as number) > 0)
    t.ok((calls as number) >= 1 && (peakBytes as number) > 2 ** 24)
    t.strictSame([size, gradientStatus], [4, 'ok'])
  }
  const errors = (variant: RegExp): unknown[] => [
    ...new Set(rows.filter((row) => variant.test(String(row.variant))).map(({ error }) => error)),
  ]
  const [implicit, oneStep] = [errors(/implicit/), errors(/oneStep/)]
  t.strictSame([implicit.length, oneStep.length], [1, 1], 'the same for any number of threads')
  t.ok(
    (implicit[0] as number) < 1e-6 && (oneStep[0] as number) > 0.01,
    `${String(implicit)} ${String(oneStep)}`,
  )
})

/** A problem that kills the process that measures it, but not the one that looks at it before. */
const deadly = `import { newton, sumSquares } from 'onestep'
export default ({ size }) => {
  const measured = process.argv[1].endsWith('cellProcess.js')
  if (size === 13 && measured) process.kill(process.pid, 'SIGKILL')
  if (size === 17 && measured) throw new Error('seventeen is out of order')
  return {
    theta: { a: 1 },
    solvers: { newton: ({ tol }) => newton({ objective: (x, { a }) => sumSquares(x.sub(a)), tol }) },
    x0: new Float64Array(size), outer: (x) => sumSquares(x),
  }
}`

t.test(
  'a process that dies costs its rows alone; what cannot be computed ends the bench, which goes on later',
  async (t) => {
    writeFileSync(join(folder, 'deadly.mjs'), deadly)
    const bench = (sizes: string): StudySpecification =>
      parse(`problem: ./deadly.mjs\nbench: { sizes: [${sizes}], repeats: 2, batch: 4 }`)
    const run = await start('deadly', bench('12, 13'))
    const { ending, statuses } = await compute(run)
    t.strictSame([ending, statuses], ['complete', { converged: 2, crashed: 2 }])
    const rows = await rowsOf(run)
    t.strictSame(
      rows.map(({ size, status }) => [size, status]),
      [
        [12, 'converged'],
        [12, 'converged'],
        [13, 'crashed'],
        [13, 'crashed'],
      ],
    )
    t.ok(Number.isNaN(rows[3]?.seconds))
    const broken = await start('broken', bench('12, 17'))
    await t.rejects(compute(broken, { ahead: 1 }), { message: /seventeen is out of order/ })
    const drain = new AbortController()
    drain.abort()
    const left = await compute(broken, { drain: drain.signal })
    t.strictSame([left.missing, left.ending], [1, 'drained'], 'what was measured is kept')
  },
)

t.test('cells take turns, process by process', async (t) => {
  const specification = parse(`
problem: logSumExp
strategies: [implicit, oneStep]
repeats: 2
bench: { sizes: [3], repeats: 2, batch: 4 }`)
  const run = await start('turns', specification)
  const order: number[] = []
  const computer = new BenchComputer({ folder })
  await runStudy(run, {
    computer: {
      compute: (manifest, task, options) => {
        order.push(task.chunk)
        return computer.compute(manifest, task, options)
      },
      rank: (manifest, chunk) => computer.rank(manifest, chunk),
      close: () => computer.close(),
    },
    ahead: 1,
  })
  await computer.close()
  t.strictSame(order, [0, 2, 1, 3])
  const rows = await rowsOf(run)
  t.strictSame(
    rows.map(({ variant, repeat, run: at }) => [variant, repeat, at]),
    ['implicit', 'oneStep'].flatMap((name) => [0, 1].flatMap((p) => [0, 1].map((r) => [name, p, r]))),
    'the rows are in their order',
  )
})

t.test('a measurement ends when it is told to, with its process', async (t) => {
  writeFileSync(join(folder, 'endless.mjs'), 'export default () => { for (;;); }')
  const specification = parse(`problem: ./endless.mjs\nbench: { sizes: [1] }`)
  const controller = new AbortController()
  const measured = measureCell(specification, 0, { folder, signal: controller.signal })
  setTimeout(() => {
    controller.abort()
  }, 300)
  await t.rejects(measured, { code: 'ERR_ABORTED' })
  await t.rejects(measureCell(specification, 0, { folder, signal: controller.signal }), {
    code: 'ERR_ABORTED',
  })
})
