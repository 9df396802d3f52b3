// The main job, `npm start`: a hyperparameter study on real digits. The training problem is solved for hundreds of λ at once,
// and the validation loss is differentiated in λ by one-step, implicit and unrolled differentiation side by side.
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import {
  compile,
  csvText,
  gradientStatuses,
  htmlReport,
  implicit,
  logspace,
  oneStep,
  statuses,
  textTable,
  unrolled,
  valueAndGrad,
} from 'onestep'
import type { NDArray, Strategy, Tensor } from 'onestep'
import { loadData, validationLoss } from './digits/problem.js'
import type { DigitData } from './digits/problem.js'

const CHUNK = 64

interface Sweep {
  readonly name: string
  readonly seconds: number
  readonly loss: Float64Array
  readonly gradient: Float64Array
  readonly iterations: Float64Array
  readonly status: Float64Array
  readonly gradientStatus: Float64Array
}

/** A line on a terminal that is written over; elsewhere a line now and then. */
const progress = (text: string, done: boolean): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}${done ? '\n' : ''}`)
  else if (done) process.stderr.write(`${text}\n`)
}

/** Loss, hypergradient and statuses for every λ, by one strategy. */
const sweep = (label: string, data: DigitData, lambdas: NDArray, strategy: Strategy, tol: number): Sweep => {
  const f = compile((lambda: Tensor) => valueAndGrad(validationLoss(data, strategy, tol))(lambda))
  const count = lambdas.size
  const column = (): Float64Array => new Float64Array(count)
  const out = {
    loss: column(),
    gradient: column(),
    iterations: column(),
    status: column(),
    gradientStatus: column(),
  }
  const begin = performance.now()
  for (let at = 0; at < count; at += CHUNK) {
    const result = f.batch(lambdas.data.subarray(at, at + CHUNK))
    out.loss.set(result.value[0].data, at)
    out.gradient.set(result.value[1].data, at)
    out.iterations.set(result.iterations, at)
    out.status.set(result.status, at)
    out.gradientStatus.set(result.gradientStatus, at)
    const done = Math.min(count, at + CHUNK)
    progress(`${label.padEnd(28)} ${String(done).padStart(5)} of ${String(count)} λ`, done === count)
  }
  return { name: label, seconds: (performance.now() - begin) / 1000, ...out }
}

/** "512 converged" or "500 converged, 12 maxSteps". */
const tally = (codes: Float64Array, table: readonly { readonly name: string }[]): string => {
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
  `digits: ${String(n)} training and ${String(data.validation.images.shape[0])} validation images, ${String(p)} weights, ${String(count)} λ as lanes`,
)

const reference = sweep('reference: implicit at 1e-12', data, lambdas, implicit(), REFERENCE_TOL)
const sweeps = [oneStep(), implicit(), unrolled()].map((strategy) =>
  sweep(strategy.name, data, lambdas, strategy, TOL),
)
const all = [...sweeps, reference]
const errorOf = (s: Sweep): Float64Array =>
  errors(inLog(s.gradient, lambdas), inLog(reference.gradient, lambdas))

const table = {
  columns: [
    'strategy',
    'inner tol',
    'seconds',
    'Newton steps',
    'largest gradient error',
    'solves',
    'gradients',
  ],
  rows: all.map((s) => [
    s.name,
    (s === reference ? REFERENCE_TOL : TOL).toExponential(0),
    s.seconds,
    s.iterations.reduce((a, b) => a + b, 0),
    errorOf(s)
      .reduce((a, b) => Math.max(a, b), 0)
      .toExponential(1),
    tally(s.status, statuses),
    tally(s.gradientStatus, gradientStatuses),
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
  ...all.flatMap((s) => [s.loss[i] as number, s.gradient[i] as number, s.iterations[i] as number]),
])
await writeFile(`${values.out}/digits.csv`, csvText(columns, rows))
console.log(`wrote ${values.out}/digits.html and digits.csv`)
