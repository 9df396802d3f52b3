// The main job, `npm start`: a hyperparameter study on real digits. The training problem is solved for hundreds of λ at once,
// on all cores, and the validation loss is differentiated in λ by one-step, implicit and unrolled differentiation side by side.
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import {
  Pool,
  csvText,
  gradientStatuses,
  htmlReport,
  implicit,
  logspace,
  oneStep,
  progressReporter,
  statuses,
  textTable,
  unrolled,
  valueAndGrad,
} from 'onestep'
import type { NDArray, Results, Strategy, Tensor } from 'onestep'
import { loadData, validationLoss } from './digits/problem.js'
import type { DigitData } from './digits/problem.js'

interface Sweep {
  readonly name: string
  readonly loss: Float64Array
  readonly gradient: Float64Array
  readonly results: Results
  readonly seconds: number
  readonly threads: number
  /** Lanes a tile. */
  readonly lanes: number
  /** Share of the lanes' iterations that some λ needed. */
  readonly laneEfficiency: number
}

/** Loss, hypergradient and statuses for every λ, by one strategy, on all cores. */
const sweep = async (
  pool: Pool,
  label: string,
  data: DigitData,
  lambdas: NDArray,
  strategy: Strategy,
  tol: number,
): Promise<Sweep> => {
  const f = (lambda: Tensor) => valueAndGrad(validationLoss(data, strategy, tol))(lambda)
  const begin = performance.now()
  const onProgress = progressReporter({ label })
  const results = await pool.run(f, [lambdas], { onProgress })
  const seconds = (performance.now() - begin) / 1000
  const { threads = 1, lanes = 1, laneIterations = NaN, laneSlots = NaN } = results.run ?? {}
  const [loss, gradient] = results.value
  return {
    ...{ name: label, loss: loss.data, gradient: gradient.data },
    ...{ results, seconds, threads, lanes, laneEfficiency: laneIterations / laneSlots },
  }
}

/** "512 converged" or "500 converged, 12 maxSteps". */
const tally = (codes: Uint8Array, table: readonly { readonly name: string }[]): string => {
  const counts = new Map<string, number>()
  for (const code of codes) {
    const name = table[code]?.name ?? String(code)
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return [...counts].map(([name, n]) => `${String(n)} ${name}`).join(', ')
}

/** dg / d log λ = λ dg / dλ */
const inLog = (gradient: Float64Array, lambdas: NDArray): Float64Array =>
  gradient.map((g, i) => g * (lambdas.data[i] as number))

/** Relative to the largest value of the reference, so that the zero at the best λ does not blow it up. */
const errors = (values: Float64Array, reference: Float64Array): Float64Array => {
  const scale = reference.reduce((m, g) => Math.max(m, Math.abs(g)), 0)
  return values.map((g, i) => Math.abs(g - (reference[i] as number)) / scale)
}

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '512' },
    training: { type: 'string', default: '1000' },
    validation: { type: 'string', default: '2000' },
    out: { type: 'string', default: fileURLToPath(new URL('../../results', import.meta.url)) },
  },
})
const count = Number(values.count)
const data = await loadData(Number(values.training), Number(values.validation))
const lambdas = logspace(1e-5, 1e1, count)
const TOL = 1e-6
const REFERENCE_TOL = 1e-12
const [n, p] = data.training.images.shape as [number, number]
console.error(
  `digits: ${String(n)} training and ${String(data.validation.images.shape[0])} validation images, ${String(p)} weights, ${String(count)} λ`,
)

await using pool = new Pool()
const reference = await sweep(pool, 'reference: implicit at 1e-12', data, lambdas, implicit(), REFERENCE_TOL)
const sweeps: Sweep[] = []
for (const strategy of [oneStep(), implicit(), unrolled()]) {
  sweeps.push(await sweep(pool, strategy.name, data, lambdas, strategy, TOL))
}
const all = [...sweeps, reference]
const errorOf = (s: Sweep): Float64Array =>
  errors(inLog(s.gradient, lambdas), inLog(reference.gradient, lambdas))

const table = {
  columns: [
    'strategy',
    'inner tol',
    'seconds',
    'λ/s',
    'threads × lanes',
    'lane efficiency',
    'Newton steps',
    'largest gradient error',
    'solves',
    'gradients',
  ],
  rows: all.map((s) => [
    s.name,
    (s === reference ? REFERENCE_TOL : TOL).toExponential(0),
    s.seconds,
    Math.round(count / s.seconds),
    `${String(s.threads)} × ${String(s.lanes)}`,
    `${(100 * s.laneEfficiency).toFixed(0)} %`,
    s.results.iterations.reduce((a, b) => a + b, 0),
    errorOf(s)
      .reduce((a, b) => Math.max(a, b), 0)
      .toExponential(1),
    tally(s.results.status, statuses),
    tally(s.results.gradientStatus, gradientStatuses),
  ]),
}
console.log(textTable(table))
const best = reference.loss.reduce((at, loss, i) => (loss < (reference.loss[at] as number) ? i : at), 0)
const bestLambda = lambdas.data[best] as number
console.log(
  `best λ = ${bestLambda.toExponential(3)}, validation loss ${(reference.loss[best] as number).toFixed(5)}, hypergradient ${(reference.gradient[best] as number).toExponential(1)}`,
)

const x = { label: 'λ', scale: 'log' as const }
const html = await htmlReport({
  title: 'Odd or even: the regularisation of a digit classifier',
  subtitle: `${String(count)} values of λ, ${String(n)} training images of ${String(p)} features, Newton's method`,
  sections: [
    {
      heading: 'Validation loss',
      text: `The loss is smallest at λ = ${bestLambda.toExponential(3)}.`,
      figure: {
        title: 'Validation loss against λ',
        x,
        y: { label: 'loss', scale: 'linear' },
        series: [{ name: 'loss', x: lambdas.data, y: reference.loss, marker: 'none' }],
      },
    },
    {
      heading: 'Hypergradient',
      text: 'The derivative of the validation loss in log λ, by each strategy: the curves lie on top of each other.',
      figure: {
        title: 'Hypergradient in log λ',
        x,
        y: { label: 'dg / d log λ', scale: 'linear' },
        series: all.map((s) => ({
          name: s.name,
          x: lambdas.data,
          y: inLog(s.gradient, lambdas),
          marker: 'none' as const,
        })),
      },
    },
    {
      heading: 'Error of each strategy',
      text: 'Difference to the reference, relative to its largest value. Newton converges superlinearly, so one step is enough.',
      figure: {
        title: 'Error of the hypergradient',
        x,
        y: { label: 'relative error', scale: 'log' },
        series: sweeps.map((s) => ({ name: s.name, x: lambdas.data, y: errorOf(s), style: 'dots' as const })),
      },
    },
    { heading: 'Cost and statuses', table },
  ],
})
await mkdir(values.out, { recursive: true })
await writeFile(`${values.out}/digits.html`, html)
const columns = ['lambda', ...all.flatMap((s) => [`${s.name} loss`, `${s.name} gradient`, `${s.name} steps`])]
const rows = Array.from(lambdas.data, (lambda, i) => [
  lambda,
  ...all.flatMap((s) => [s.loss[i] as number, s.gradient[i] as number, s.results.iterations[i] as number]),
])
await writeFile(`${values.out}/digits.csv`, csvText(columns, rows))
console.log(`wrote ${values.out}/digits.html and digits.csv`)
