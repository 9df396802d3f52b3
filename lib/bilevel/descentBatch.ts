// What a descent is given for a batch: starts and data, checked, and some of their rows.
import { ArgumentError, ShapeError } from '../base/errors.js'
import { Shared } from '../base/executor.js'
import { array, isArrayInput } from '../base/ndarray.js'
import type { NDArray } from '../base/ndarray.js'
import { formatShape } from '../base/shape.js'
import { flatten, leafPaths, unflatten } from '../base/tree.js'
import { rowCount, rowsOf, tableOf } from './descentState.js'
import type { Table } from './descentState.js'
import type { Domain } from './domain.js'

/** Refuses arrays without a leading axis of so many instances. */
const checkRows = (arrays: readonly NDArray[], paths: readonly string[], batch: number | undefined): void => {
  arrays.forEach(({ shape }, k) => {
    if (batch !== undefined && batch > 0 && shape[0] === batch) return
    throw new ShapeError(`hypergradientDescent: ${paths[k] as string} has no row for each instance`, {
      expected: batch ? `a leading axis of ${String(batch)} instances` : 'a leading axis of instances',
      received: `shape ${formatShape(shape)}`,
      remedy: 'Give every array one row for each instance, also where there is one instance only',
    })
  })
}

/**
 * The starts, a tree of arrays [batch, …].
 * @throws {ShapeError | ArgumentError} where their numbers of rows differ, and for starts outside of the domain; NaN is a matter
 * of its instance alone.
 */
export const readStarts = (theta0: unknown, { low, high, name }: Domain): Table => {
  const { leaves, spec } = flatten(theta0, isArrayInput, 'theta0')
  const arrays = leaves.map((leaf) => array(leaf))
  const paths = leafPaths(spec, 'theta0')
  if (arrays.length === 0) throw new ArgumentError('hypergradientDescent: theta0 is empty')
  checkRows(arrays, paths, arrays[0]?.shape[0])
  const table = tableOf(unflatten(spec, arrays))
  table.data.forEach((data, k) => {
    const at = data.findIndex((x) => x < low || x > high)
    if (at < 0) return
    throw new ArgumentError(`hypergradientDescent: ${paths[k] as string} lies outside of the domain`, {
      expected: `numbers from ${String(low)} to ${String(high)} (domain.${name})`,
      received: `${String(data[at])} in instance ${String(Math.floor((at * rowCount(table)) / data.length))}`,
    })
  })
  return table
}

/** Some instances of the data, which is {} where there is none; shared parts stay as they are. */
export const dataOf = (data: unknown, batch: number): ((rows: readonly number[]) => unknown) => {
  const { leaves, marks, spec } = flatten(
    data ?? {},
    isArrayInput,
    'data',
    (x): x is Shared<unknown> => x instanceof Shared,
  )
  const arrays = leaves.map((leaf) => array(leaf))
  const paths = leafPaths(spec, 'data')
  const own = arrays.filter((_, k) => marks[k] === undefined)
  const names = paths.filter((_, k) => marks[k] === undefined)
  checkRows(own, names, batch)
  const table = tableOf(own)
  let last: { readonly count: number; readonly tree: unknown } | undefined
  return (rows) => {
    // Instances leave and never come back: the same number of them are the same ones.
    if (last?.count !== rows.length) {
      const parts = (rowsOf(table, rows) as readonly NDArray[]).values()
      const filled = arrays.map((a, k) => (marks[k] === undefined ? parts.next().value : new Shared(a)))
      last = { count: rows.length, tree: unflatten<unknown>(spec, filled) }
    }
    return last.tree
  }
}
