// A table of numbers as the readers give it, and taking a column out of it.
import { ArgumentError } from '../base/errors.js'
import { didYouMean, oneOf } from './source.js'

/** Numbers in rows and named columns. */
export interface NumberTable {
  /** Column names, unique, shape [columns]. */
  readonly names: readonly string[]
  readonly rows: number
  readonly columns: number
  /** Row-major, shape [rows, columns]. */
  readonly data: Float64Array
}

/**
 * Splits a table into the features and the target that a regression needs.
 * @param target name of the target column.
 * @returns `features`, shape [rows, columns − 1] in the old order, and `targets`, shape [rows]; both copied.
 * @throws {ArgumentError} when there is no such column.
 */
export const splitTarget = (
  table: NumberTable,
  target: string,
): { features: NumberTable; targets: Float64Array } => {
  const { names, rows, columns, data } = table
  const at = names.indexOf(target)
  if (at < 0) {
    throw new ArgumentError(`splitTarget: there is no column "${target}"`, {
      expected: oneOf(names),
      remedy: didYouMean(target, names, 'Name a column of the table'),
    })
  }
  const targets = new Float64Array(rows)
  const rest = new Float64Array(rows * (columns - 1))
  let put = 0
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const value = data[i * columns + j] ?? NaN
      if (j === at) targets[i] = value
      else rest[put++] = value
    }
  }
  const kept = names.filter((_, j) => j !== at)
  return { features: { names: kept, rows, columns: columns - 1, data: rest }, targets }
}
