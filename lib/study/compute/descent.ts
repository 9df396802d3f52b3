// Studies of kind `descent`: each row is a hypergradient descent from one start. Where it is traced, the two programs of a descent are
// stored; where it is computed, `hypergradientDescent` itself runs on them, and is told everything else as data.
import { ArgumentError } from '../../base/errors.js'
import type { Executor, RunOptions } from '../../base/executor.js'
import { NDArray } from '../../base/ndarray.js'
import { gradientStatuses, statuses } from '../../base/status.js'
import { flatten, leafPaths } from '../../base/tree.js'
import { descentBy } from '../../bilevel/descent.js'
import type { Descent } from '../../bilevel/descentOptions.js'
import { historyKeys } from '../../bilevel/descentState.js'
import { descentStatuses } from '../../bilevel/descentStatus.js'
import { storeProgram } from '../../runtime/storedProgram.js'
import type { ProgramParts } from '../../runtime/storedProgram.js'
import type { StudyProblem } from '../problem/studyProblem.js'
import { domainOf, innerToleranceOf, optimizerOf, strategyOf } from '../specification/factories.js'
import type { DescentSpecification, StudySpecification } from '../specification/specification.js'
import type { Block, Column, ColumnData } from '../store/block.js'
import type { Manifest } from '../store/manifest.js'
import type { Checkpoint } from './checkpoint.js'
import type { Computed, Opened } from './map.js'
import { identityColumns, identityData, thetasOf } from './rows.js'
import type { RowRange } from './rows.js'
import { solverOf } from './variants.js'
import type { Cell } from './variants.js'

type Thetas = Readonly<Record<string, NDArray>>

/** The options of `hypergradientDescent` that are data. */
const rulesOf = (descent: DescentSpecification) => {
  const { optimizer, domain, tolerance, ...rest } = descent
  return {
    ...rest,
    optimizer: optimizerOf(optimizer),
    domain: domainOf(domain),
    ...(tolerance === undefined ? {} : { tolerance: innerToleranceOf(tolerance) }),
    lanes: 'auto' as const,
  }
}

const descentOf = ({ descent }: StudySpecification): DescentSpecification => {
  if (descent !== undefined) return descent
  throw new ArgumentError('a study of descents says nothing about them', {
    expected: 'descent: { optimizer: … }',
  })
}

/** Thrown where a descent is only wanted for its programs. */
class Recorded extends Error {}

/** Programs of a descent: where it begins, and a step of it. */
const programsOfDescent = 2

/** Traces a variant: the programs that a descent from `thetas` runs, of which only the first is run here. */
export const storeDescent = async (
  specification: StudySpecification,
  problem: StudyProblem,
  cell: Cell,
  { thetas, here }: { readonly thetas: Thetas; readonly here: Executor },
): Promise<readonly ProgramParts[]> => {
  const programs: ProgramParts[] = []
  const recording: Executor = {
    prepare: (fn, options) => async (inputs, given) => {
      programs.push(storeProgram(fn, inputs, options))
      if (programs.length === programsOfDescent) throw new Recorded()
      return here.prepare(fn, options)(inputs, given)
    },
  }
  const descend = descentBy(() => recording)
  const inner = {
    inner: solverOf(problem, cell),
    x0: problem.x0,
    outer: problem.outer,
    strategy: strategyOf(cell.strategy),
    certificate: true,
  }
  try {
    await descend({ problem: inner as never, theta0: thetas as never, ...rulesOf(descentOf(specification)) })
  } catch (error) {
    if (!(error instanceof Recorded)) throw error
  }
  return programs
}

/** Runs stored programs in the place of the functions that they were made of: each is known by its number of arguments. */
const replaying = (executor: Executor, programs: readonly Opened[], options: RunOptions): Executor => ({
  prepare: () => async (inputs, given) => {
    const found = programs.find(({ record }) => {
      const { spec } = record.arguments
      return spec.kind === 'list' && spec.children.length === inputs.length
    })
    return executor.prepare((found as Opened).fn)(inputs, { ...options, ...given })
  },
})

/** The columns of its rows; `end` is θ where the descent ended. */
export const descentColumns = (
  specification: StudySpecification,
  variants: readonly string[],
): readonly Column[] => {
  const { record, space } = specification
  const number = (name: string): Column => ({ name, kind: 'number', shape: [] })
  const code = (name: string, table: readonly { readonly name: string }[]): Column => ({
    ...{ name, kind: 'code', shape: [] },
    names: [...table.map((entry) => entry.name), ...(name === 'status' ? ['aborted', 'crashed'] : [])],
  })
  return [
    ...identityColumns(specification, variants),
    ...Object.entries(space.axes).map(([name, { shape }]): Column => ({
      ...{ name: `end.${name}`, kind: 'number', shape },
    })),
    ...['value', 'norm', 'estimate'].map(number),
    code('status', descentStatuses),
    code('innerStatus', statuses),
    code('gradientStatus', gradientStatuses),
    { name: 'steps', kind: 'integer', shape: [] },
    ...historyKeys.map((key): Column => ({ name: `history.${key}`, kind: 'list', shape: [] })),
    ...(record.includes('seconds') ? [number('seconds')] : []),
  ]
}

const lists = (rows: readonly Float64Array[]): ColumnData => {
  const offsets = new Float64Array(rows.length + 1)
  rows.forEach((row, i) => (offsets[i + 1] = (offsets[i] as number) + row.length))
  const values = new Float64Array(offsets[rows.length] as number)
  rows.forEach((row, i) => {
    values.set(row, offsets[i])
  })
  return { offsets, values }
}

const codes = (names: readonly string[], table: readonly { readonly name: string }[]): Uint8Array => {
  const code = new Map(table.map(({ name }, k) => [name, k]))
  return Uint8Array.from(names, (name) => code.get(name) as number)
}

const isArray = (x: unknown): x is NDArray => x instanceof NDArray

/** The columns behind those of identity, in the order of `descentColumns`. */
const dataOf = (
  found: Descent<unknown, unknown>,
  axes: readonly string[],
  seconds: number,
): readonly ColumnData[] => {
  const { leaves, spec } = flatten(found.theta, isArray)
  const paths = leafPaths(spec)
  const { history, steps } = found
  return [
    ...axes.map((axis) => (leaves[paths.indexOf(axis)] as NDArray).data),
    ...[found.value, found.norm, found.estimate],
    codes(found.status, descentStatuses),
    codes(found.innerStatus, statuses),
    codes(found.gradientStatus, gradientStatuses),
    Float64Array.from(steps),
    ...historyKeys.map((key) => lists(history.map((entry) => entry[key]))),
    new Float64Array(steps.length).fill(seconds / steps.length),
  ]
}

export interface DescentRowsOptions {
  readonly signal?: AbortSignal
  /** Hears how many rows have not ended. */
  readonly onRound?: (running: number) => void
  /** Where the descent is kept, and gone on from. */
  readonly checkpoint?: Checkpoint
}

/** Computes rows: a descent of all of them, by the stored programs of their variant. */
export const descentRows = async (
  manifest: Manifest,
  range: RowRange,
  { executor, programs }: { readonly executor: Executor; readonly programs: readonly Opened[] },
  { signal, onRound, checkpoint }: DescentRowsOptions,
): Promise<Computed> => {
  const { specification, columns } = manifest
  const thetas = thetasOf(manifest, range)
  const descend = descentBy(() => replaying(executor, programs, {}))
  const resume = await checkpoint?.read()
  const begun = performance.now()
  const found = (await descend({
    problem: (() => undefined) as never,
    ...(resume === undefined ? { theta0: thetas as never } : { resume }),
    ...rulesOf(descentOf(specification)),
    ...(signal === undefined ? {} : { signal }),
    onStep: async ({ running, state }) => {
      onRound?.(running)
      await checkpoint?.keep(state)
    },
  })) as Descent<unknown, unknown>
  const seconds = (performance.now() - begun) / 1000
  const whole = !found.status.includes('running')
  if (whole) await checkpoint?.remove()
  const axes = Object.keys(specification.space.axes)
  const all = [...identityData(manifest, range, thetas), ...dataOf(found, axes, seconds)]
  const block: Block = { rows: range.hi - range.lo, columns, data: all.slice(0, columns.length) }
  return { block, seconds, whole }
}
