// Hypergradient descent: θ ← step(θ, ∇h(θ)), h(θ) = g(x̄(θ), θ), for a batch of starts or of problems at once. One outer step is one
// program; instances that have ended are not computed again. A step is made from hypergradients alone that are known well enough:
//   converged   ‖∇h‖ + e ≤ tol          e, the estimate of the certificate
//   accurate    e ≤ share ‖∇h‖          else the inner problem is solved more exactly, from where it is
import type { Executor, Results } from '../base/executor.js'
import { NDArray } from '../base/ndarray.js'
import { gradientStatuses, statusCode, statuses } from '../base/status.js'
import { dataOf, readStarts } from './descentBatch.js'
import { judge } from './descentJudge.js'
import type { Finding, Rules } from './descentJudge.js'
import { checkRules } from './descentOptions.js'
import type { Descent, GivenOptions, HypergradientDescent } from './descentOptions.js'
import {
  checkState,
  domainName,
  emptyHistory,
  frozen,
  nameOf,
  rowCount,
  rowWriter,
  rowsOf,
  tableOf,
  thawed,
} from './descentState.js'
import type { DescentState, History, Live, Table } from './descentState.js'
import { descentCode, descentStatuses } from './descentStatus.js'
import { domain as domains } from './domain.js'
import { firstColumns, outerStep, refining } from './outerStep.js'
import type { AnyProblem, OuterProgram, Place } from './outerStep.js'

interface StepValue {
  readonly next: NDArray
  readonly state: unknown
  readonly x: unknown
  readonly adjoint: unknown
  readonly theta: unknown
  readonly value: NDArray
  readonly norm: NDArray
  readonly stepSize: NDArray
}

/** What the next step starts from. */
const placeColumns = ['u', 'x', 'adjoint', 'state'] as const satisfies readonly (keyof Place)[]

/** How much an instance is asked for in its next look. */
const accuracyOf = (
  { steps, refinements }: Live,
  rows: readonly number[],
  tolerance: GivenOptions['tolerance'],
): Readonly<Record<string, NDArray>> => {
  const of = (f: (i: number) => number): NDArray => new NDArray([rows.length], Float64Array.from(rows, f))
  const tightening = of((i) => refining ** (refinements[i] as number))
  if (tolerance === undefined) return { tightening }
  const at = typeof tolerance === 'number' ? () => tolerance : tolerance
  return { tightening, tolerance: of((i) => at(steps[i] as number)) }
}

/** Notes what a round found of each instance, and moves those that make a step. Tells whether all instances were computed. */
const advance = (live: Live, rows: readonly number[], results: Results<StepValue>, rules: Rules): boolean => {
  const { columns, status, innerStatus, gradientStatus, steps, refinements, history } = live
  const { value, certificate } = results
  const [putU, putX, putAdjoint, putState, putTheta] = [
    rowWriter(columns.u, value.next),
    rowWriter(columns.x, value.x),
    rowWriter(columns.adjoint, value.adjoint),
    rowWriter(columns.state, value.state),
    rowWriter(columns.theta, value.theta),
  ]
  const entries = value.next.data.length / rows.length
  rows.forEach((i, j) => {
    if (results.status[j] === statusCode.aborted) return
    const found: Finding = {
      inner: results.status[j] as number,
      gradient: results.gradientStatus[j] as number,
      value: value.value.data[j] as number,
      norm: value.norm.data[j] as number,
      estimate: certificate?.estimate[j],
      stepSize: value.stepSize.data[j] as number,
      finite: value.next.data.subarray(j * entries, (j + 1) * entries).every(Number.isFinite),
    }
    const end = judge(found, rules, { steps: steps[i] as number, refinements: refinements[i] as number })
    innerStatus[i] = found.inner
    gradientStatus[i] = found.gradient
    putX(i, j)
    putAdjoint(i, j)
    putTheta(i, j)
    const notes = history[i] as History
    notes.value.push(found.value)
    notes.norm.push(found.norm)
    notes.estimate.push(found.estimate ?? NaN)
    notes.iterations.push(results.iterations[j] as number)
    notes.stepSize.push(end === 'step' ? found.stepSize : NaN)
    if (end === 'step') {
      putU(i, j)
      putState(i, j)
      steps[i] = (steps[i] as number) + 1
    } else if (end === 'refine') refinements[i] = (refinements[i] as number) + 1
    else status[i] = descentCode[end]
  })
  return !results.status.includes(statusCode.aborted)
}

/** `hypergradientDescent`, which runs in `here` unless it is told where. */
export const descentBy = (here: () => Executor): HypergradientDescent => {
  const descend = async (options: GivenOptions): Promise<Descent<unknown, unknown>> => {
    checkRules(options)
    const { problem, resume, optimizer, executor = here(), signal, onStep } = options
    const { domain = domains.box(), tol = 1e-6, share = 0.5, maxSteps = 100 } = options
    if (resume !== undefined) checkState(resume, optimizer, domain)
    const theta = resume?.columns.theta ?? readStarts(options.theta0, domain)
    const batch = resume?.batch ?? rowCount(theta)
    const dataRows = dataOf(options.data, batch)
    const worst = options.unconverged === 'use' ? statusCode.maxSteps : statusCode.converged
    const program: OuterProgram = {
      ...{ domain, optimizer, structure: theta, worst, warmStart: options.warmStart ?? true },
      problem:
        typeof problem === 'function' ? (problem as OuterProgram['problem']) : () => problem as AnyProblem,
    }
    const live = resume === undefined ? await begin(executor, program, theta, dataRows) : thawed(resume)
    const { columns, status } = live
    const running = (): number[] =>
      Array.from({ length: batch }, (_, i) => i).filter((i) => status[i] === descentCode.running)
    const { lanes = batch === 1 ? 1 : 'auto' } = options
    const run = executor.prepare(outerStep(program), { lanes })
    let rows = running()
    let whole = true
    for (let round = 1; rows.length > 0 && whole && signal?.aborted !== true; round++) {
      const accuracy = accuracyOf(live, rows, options.tolerance)
      const place = Object.fromEntries(placeColumns.map((name) => [name, rowsOf(columns[name], rows)]))
      const results = await run([place, accuracy, dataRows(rows)], signal === undefined ? {} : { signal })
      whole = advance(live, rows, results as unknown as Results<StepValue>, { worst, tol, share, maxSteps })
      rows = running()
      await onStep?.({ round, batch, running: rows.length, state: () => frozen(live) })
    }
    return descentOf(frozen(live))
  }
  return descend
}

/** The state before the first step. */
const begin = async (
  executor: Executor,
  program: OuterProgram,
  theta: Table,
  dataRows: (rows: readonly number[]) => unknown,
): Promise<Live> => {
  const batch = rowCount(theta)
  const all = Array.from({ length: batch }, (_, i) => i)
  const first = executor.prepare(firstColumns(program))
  const { value } = await first([rowsOf(theta, all), dataRows(all)])
  const { u, x, adjoint, state } = value as unknown as Record<keyof Place, unknown>
  return {
    ...{ format: 'onestep descent', version: 2, batch },
    ...{ optimizer: nameOf(program.optimizer), domain: domainName(program.domain) },
    columns: { u: tableOf(u), x: tableOf(x), adjoint: tableOf(adjoint), state: tableOf(state), theta },
    status: new Uint8Array(batch),
    innerStatus: new Uint8Array(batch),
    gradientStatus: new Uint8Array(batch),
    steps: new Int32Array(batch),
    refinements: new Int32Array(batch),
    history: all.map(emptyHistory),
  }
}

const descentOf = (state: DescentState): Descent<unknown, unknown> => {
  const { batch, columns, status, innerStatus, gradientStatus, steps, history } = state
  const all = Array.from({ length: batch }, (_, i) => i)
  const last = (key: 'value' | 'norm' | 'estimate'): Float64Array =>
    Float64Array.from(history, (h) => h[key].at(-1) ?? NaN)
  const names = <N>(codes: Uint8Array, table: readonly { readonly name: N }[]): N[] =>
    Array.from(codes, (code) => (table[code] as { readonly name: N }).name)
  return {
    theta: rowsOf(columns.theta, all),
    x: rowsOf(columns.x, all),
    ...{ value: last('value'), norm: last('norm'), estimate: last('estimate') },
    status: names(status, descentStatuses),
    innerStatus: names(innerStatus, statuses),
    gradientStatus: names(gradientStatus, gradientStatuses),
    ...{ steps, history, state },
  }
}
