// Where a descent is: plain data, typed arrays in records, so that it can be kept as text and gone on from with the same bits.
import { ArgumentError, DataError } from '../base/errors.js'
import { fromExactJson, toExactJson } from '../base/exactJson.js'
import { NDArray } from '../base/ndarray.js'
import { sizeOf } from '../base/shape.js'
import type { Shape } from '../base/shape.js'
import { flatten, flattenLike, leafCount, unflatten } from '../base/tree.js'
import type { TreeSpec } from '../base/tree.js'
import { descentStatuses } from './descentStatus.js'
import type { Domain } from './domain.js'
import type { Optimizer } from './optimizer.js'

/** A tree of arrays with a row for each instance. */
export interface Table {
  readonly spec: TreeSpec
  /** Of the leaves, of one instance. */
  readonly shapes: readonly Shape[]
  readonly data: readonly Float64Array[]
}

/** What is noted each time that the hypergradient of an instance was computed; one entry a time. */
export interface DescentHistory<T = Float64Array> {
  /** h(θ) */
  readonly value: T
  /** ‖∇h(θ)‖, in the coordinates of the domain. */
  readonly norm: T
  /** The estimate of its certificate; NaN without one. */
  readonly estimate: T
  /** Inner steps. */
  readonly iterations: T
  /** Length of the step from there; NaN where none was made. */
  readonly stepSize: T
}

export const historyKeys = ['value', 'norm', 'estimate', 'iterations', 'stepSize'] as const

/** Where a descent is. */
export interface DescentState {
  readonly format: 'onestep descent'
  readonly version: 2
  /** What they are and were made with, to be compared when it is gone on from. */
  readonly optimizer: string
  readonly domain: string
  readonly batch: number
  /** What the next step starts from. */
  readonly columns: Readonly<Record<Column, Table>>
  /** How the descent, the inner solve and the gradient of each instance stand. */
  readonly status: Uint8Array
  readonly innerStatus: Uint8Array
  readonly gradientStatus: Uint8Array
  /** Outer steps of each instance, and how often its inner tolerance was tightened. */
  readonly steps: Int32Array
  readonly refinements: Int32Array
  /** Of each instance. */
  readonly history: readonly DescentHistory[]
}

/**
 * u, where the optimizer stands; the inner solution and the adjoint, where the next solves start; the optimizer's state; θ, where h is
 * known.
 */
export const columnNames = ['u', 'x', 'adjoint', 'state', 'theta'] as const
export type Column = (typeof columnNames)[number]

/** What an optimizer, or a domain with these bounds, is and was made with, as text. */
export const nameOf = ({ name, settings = {} }: Pick<Optimizer, 'name' | 'settings'>): string =>
  `${name} ${toExactJson(settings)}`
export const domainName = ({ name, low, high }: Domain): string => nameOf({ name, settings: { low, high } })

const isArray = (x: unknown): x is NDArray => x instanceof NDArray

/** A tree of arrays [batch, …], copied. */
export const tableOf = (tree: unknown): Table => {
  const { leaves, spec } = flatten(tree, isArray)
  return {
    spec,
    shapes: leaves.map(({ shape }) => shape.slice(1)),
    data: leaves.map(({ data }) => Float64Array.from(data)),
  }
}

/** The number of instances. */
export const rowCount = ({ shapes, data }: Table): number =>
  (data[0]?.length ?? 0) / Math.max(1, sizeOf(shapes[0] ?? []))

/** Some rows of a table, as a tree of arrays [rows, …]. */
export const rowsOf = ({ spec, shapes, data }: Table, rows: ArrayLike<number>): unknown =>
  unflatten(
    spec,
    shapes.map((shape, k) => {
      const size = sizeOf(shape)
      const part = new Float64Array(rows.length * size)
      for (let j = 0; j < rows.length; j++) {
        const from = (rows[j] as number) * size
        part.set((data[k] as Float64Array).subarray(from, from + size), j * size)
      }
      return new NDArray([rows.length, ...shape], part)
    }),
  )

/** Puts row j of a tree of arrays into row i of the table. */
export const rowWriter = ({ spec, data, shapes }: Table, tree: unknown): ((i: number, j: number) => void) => {
  const leaves = flattenLike(tree, spec, isArray)
  const sizes = shapes.map(sizeOf)
  return (i, j) => {
    leaves.forEach((leaf, k) => {
      const size = sizes[k] as number
      ;(data[k] as Float64Array).set(leaf.data.subarray(j * size, (j + 1) * size), i * size)
    })
  }
}

export type History = DescentHistory<number[]>

/** A state that is being written; its history grows. */
export interface Live extends Omit<DescentState, 'history'> {
  readonly history: readonly History[]
}

export const emptyHistory = (): History => ({
  value: [],
  norm: [],
  estimate: [],
  iterations: [],
  stepSize: [],
})

const historyMap = <A, B>(history: DescentHistory<A>, f: (list: A) => B): DescentHistory<B> =>
  Object.fromEntries(historyKeys.map((key) => [key, f(history[key])])) as unknown as DescentHistory<B>

/** A copy that stays as it is. */
export const frozen = (live: Live): DescentState => ({
  ...structuredClone({ ...live, history: [] }),
  history: live.history.map((h) => historyMap(h, (list) => Float64Array.from(list))),
})

/** A copy that is written on. */
export const thawed = (state: DescentState): Live => ({
  ...structuredClone({ ...state, history: [] }),
  history: state.history.map((h) => historyMap(h, (list) => Array.from(list))),
})

/** The text of a state; `readCheckpoint` reads it. */
export const checkpointText = (state: DescentState): string => `${toExactJson(state)}\n`

const has = (x: unknown, key: string): boolean => typeof x === 'object' && x !== null && Object.hasOwn(x, key)

/** What is wrong with a state; undefined for nothing. */
const fault = (state: DescentState): string | undefined => {
  if (!has(state, 'format') || state.format !== 'onestep descent') return 'its format is another one'
  if (state.version !== 2) return `its version is ${String(state.version)}`
  const { batch, columns, status, innerStatus, gradientStatus, steps, refinements, history } = state
  if (!Number.isInteger(batch) || batch < 1) return `its batch is ${String(batch)}`
  const perInstance = { status, innerStatus, gradientStatus, steps, refinements }
  for (const [name, list] of Object.entries(perInstance)) {
    if (!(ArrayBuffer.isView(list) && list.length === batch)) return `${name} is no list of ${String(batch)}`
  }
  if (status.some((code) => code >= descentStatuses.length)) return 'it has an unknown status'
  for (const name of columnNames) {
    const table = columns?.[name] as Table | undefined
    const fits =
      table !== undefined &&
      leafCount(table.spec) === table.data.length &&
      table.shapes.length === table.data.length &&
      table.data.every(
        (d, k) => d instanceof Float64Array && d.length === batch * sizeOf(table.shapes[k] as Shape),
      )
    if (!fits) return `column ${name} does not fit`
  }
  const noted = (entry: DescentHistory): boolean =>
    historyKeys.every((key) => entry[key] instanceof Float64Array && entry[key].length === entry.value.length)
  if (!Array.isArray(history) || history.length !== batch || !(history as DescentHistory[]).every(noted)) {
    return 'its history does not fit'
  }
  return undefined
}

const faultOf = (state: DescentState): string | undefined => {
  try {
    return fault(state)
  } catch (error) {
    return String(error)
  }
}

/**
 * The state of a text that `checkpointText` wrote.
 * @throws {DataError} for a text that was cut or is something else.
 */
export const readCheckpoint = (text: string): DescentState => {
  const state = fromExactJson(text) as DescentState
  const what = faultOf(state)
  if (what === undefined) return state
  throw new DataError('the checkpoint cannot be read', { received: what })
}

/**
 * Refuses what cannot be gone on from.
 * @throws {ArgumentError}
 */
export const checkState = (state: DescentState, optimizer: Optimizer, domain: Domain): void => {
  const what = faultOf(state)
  if (what !== undefined) {
    throw new ArgumentError('hypergradientDescent: resume is no state of a descent', {
      received: what,
      remedy: 'Give the state of a descent, or what readCheckpoint returns',
    })
  }
  const [own, place] = [nameOf(optimizer), domainName(domain)]
  if (state.optimizer === own && state.domain === place) return
  throw new ArgumentError('hypergradientDescent: the state to go on from was made by another optimizer', {
    expected: `${state.optimizer} in domain.${state.domain}`,
    received: `${own} in domain.${place}`,
    remedy: 'Give the same options as then',
  })
}
