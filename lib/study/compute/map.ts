// Studies of kind `map`: each row is one θ-instance, h(θ) and what else is recorded of it.
import type { Executor, Results, RunOptions } from '../../base/executor.js'
import { NDArray, isArrayInput } from '../../base/ndarray.js'
import { gradientStatuses, statuses } from '../../base/status.js'
import { flatten, leafPaths } from '../../base/tree.js'
import { hypergradient } from '../../bilevel/hypergradient.js'
import type { Solver } from '../../differentiation/solver.js'
import type { Operand } from '../../ir/trace.js'
import { storeProgram } from '../../runtime/storedProgram.js'
import type { ProgramParts, StoredFunction, StoredProgram } from '../../runtime/storedProgram.js'
import type { Problem } from '../../problems/problem.js'
import type { StudyProblem, Theta } from '../problem/studyProblem.js'
import { strategyOf } from '../specification/factories.js'
import type { StudySpecification } from '../specification/specification.js'
import type { Block, Column, ColumnData } from '../store/block.js'
import type { Manifest } from '../store/manifest.js'
import { identityColumns, identityData, thetasOf } from './rows.js'
import type { RowRange } from './rows.js'
import type { Cell } from './variants.js'
import { solverOf } from './variants.js'

/** Certificates as columns, in this order. */
const certificateFields = ['estimate', 'bound', 'neglected', 'unconverged', 'rho'] as const

/** The function of θ that a variant of the study computes: value, gradient, metrics, x, as far as they are recorded. */
export const mapFunction =
  ({ record, metrics }: StudySpecification, problem: StudyProblem, cell: Cell) =>
  (theta: Theta): unknown => {
    const { value, gradient, x } = hypergradient<unknown, Theta, unknown>({
      inner: solverOf(problem, cell) as unknown as Solver<unknown, Theta, unknown>,
      x0: problem.x0,
      outer: problem.outer as (x: unknown, theta: Theta) => Operand,
      strategy: strategyOf(cell.strategy),
      certificate: record.includes('certificate'),
    })(theta)
    const wanted = metrics ?? Object.keys(problem.metrics ?? {})
    const measured = wanted.map((name): readonly [string, Operand] => {
      const metric = problem.metrics?.[name] as (x: unknown, theta: Theta) => Operand
      return [name, metric(x, theta)]
    })
    return {
      ...(record.includes('value') ? { value } : {}),
      ...(record.includes('gradient') ? { gradient } : {}),
      ...(measured.length > 0 ? { metric: Object.fromEntries(measured) } : {}),
      ...(record.includes('x') ? { x } : {}),
    }
  }

/** The arguments of a plain problem in a batch: the record of all axes where it takes a record, else one axis an argument. */
const plainArguments = (record: boolean, thetas: Readonly<Record<string, NDArray>>): readonly unknown[] =>
  record ? [thetas] : Object.values(thetas)

/** Traces a plain problem, whose function has no variants. */
export const storePlain = (
  { run, example }: Problem,
  thetas: Readonly<Record<string, NDArray>>,
): ProgramParts =>
  storeProgram(run, plainArguments(!isArrayInput(example[0]) && !Array.isArray(example[0]), thetas))

/** The columns of its rows. */
export const mapColumns = (
  specification: StudySpecification,
  variants: readonly string[],
  { results }: StoredProgram,
): readonly Column[] => {
  const { record } = specification
  const paths = leafPaths(results.spec)
  const number = (name: string): Column => ({ name, kind: 'number', shape: [] })
  return [
    ...identityColumns(specification, variants),
    ...paths.map((path, k): Column => ({
      name: path === '' ? 'value' : path,
      kind: 'number',
      shape: results.shapes[k] ?? [],
    })),
    { name: 'status', kind: 'code', shape: [], names: statuses.map(({ name }) => name) },
    { name: 'gradientStatus', kind: 'code', shape: [], names: gradientStatuses.map(({ name }) => name) },
    ...(record.includes('iterations') ? [{ name: 'iterations', kind: 'integer', shape: [] } as const] : []),
    ...(record.includes('residual') ? [number('residual')] : []),
    ...(record.includes('certificate')
      ? certificateFields.map((field) => number(`certificate.${field}`))
      : []),
    ...(record.includes('seconds') ? [number('seconds')] : []),
  ]
}

const isArray = (x: unknown): x is NDArray => x instanceof NDArray

/** What a column of results is called, and where it comes from. */
const recorded = (name: string, results: Results, rows: number, seconds: number): ColumnData => {
  const { status, gradientStatus, iterations, residual, certificate } = results
  if (name === 'status') return status
  if (name === 'gradientStatus') return gradientStatus
  if (name === 'iterations') return Float64Array.from(iterations)
  if (name === 'seconds') return new Float64Array(rows).fill(seconds / rows)
  const found =
    name === 'residual'
      ? residual
      : certificate?.[name.slice('certificate.'.length) as (typeof certificateFields)[number]]
  return found ?? new Float64Array(rows).fill(NaN)
}

/** Computes rows by the stored program of their variant. */
export const mapRows = async (
  manifest: Manifest,
  range: RowRange,
  { executor, programs }: { readonly executor: Executor; readonly programs: readonly Opened[] },
  options: RunOptions,
): Promise<Computed> => {
  const { fn, record } = programs[0] as Opened
  const thetas = thetasOf(manifest, range)
  const spec = record.arguments.spec
  const takesRecord = spec.kind === 'list' && spec.children[0]?.kind === 'record'
  const begun = performance.now()
  const results = await executor.prepare(fn)(plainArguments(takesRecord, thetas), options)
  const seconds = (performance.now() - begun) / 1000
  const rows = range.hi - range.lo
  const values = flatten(results.value, isArray).leaves.map(({ data }) => data)
  const known = [...identityData(manifest, range, thetas), ...values]
  const data = manifest.columns.map(({ name }, k) => known[k] ?? recorded(name, results, rows, seconds))
  const aborted = statuses.findIndex(({ name }) => name === 'aborted')
  return {
    block: { rows, columns: manifest.columns, data },
    seconds,
    whole: !results.status.includes(aborted),
  }
}

/** Rows that were computed. */
export interface Computed {
  readonly block: Block
  /** Of computing alone. */
  readonly seconds: number
  /** Not ended early. */
  readonly whole: boolean
}

/** A stored program that was opened, with its record. */
export interface Opened {
  readonly fn: StoredFunction
  readonly record: StoredProgram
}
