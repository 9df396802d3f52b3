// Where the columns of a block lie in the body of a chunk file: one after the other, each of its parts at a multiple of 8 bytes.
//   number, integer  rows × size float64     code  rows × size bytes     list  rows + 1 offsets, then the values, float64
import { DataError } from '../../base/errors.js'
import type { Block, Column, ColumnData } from './block.js'

/** First byte in the body, and bytes. */
export type ByteRange = readonly [start: number, length: number]

/** A column as the header of a chunk file has it. */
export interface PlacedColumn extends Column {
  readonly bytes: readonly ByteRange[]
}

/** The next multiple of 8. */
export const aligned = (bytes: number): number => Math.ceil(bytes / 8) * 8

/** Entries of a column in one row. */
export const columnSize = ({ shape }: Column): number => shape.reduce((n, d) => n * d, 1)

/** A column with its fields in one order: equal columns have equal text. */
export const columnText = ({ name, kind, shape, names }: Column): string =>
  JSON.stringify({ name, kind, shape, names })

/** Places the columns; `values(j)` is how many values the list column j holds. */
export const layOut = (
  columns: readonly Column[],
  rows: number,
  values: (column: number) => number,
): { readonly placed: readonly PlacedColumn[]; readonly bytes: number } => {
  let at = 0
  const place = (length: number): ByteRange => {
    const start = at
    at = aligned(start + length)
    return [start, length]
  }
  const placed = columns.map((column, j): PlacedColumn => {
    const { name, kind, shape, names } = column
    const entries = rows * columnSize(column)
    const bytes =
      kind === 'list'
        ? [place(8 * (rows + 1)), place(8 * values(j))]
        : [place(kind === 'code' ? entries : 8 * entries)]
    return names === undefined ? { name, kind, shape, bytes } : { name, kind, shape, names, bytes }
  })
  return { placed, bytes: at }
}

/** Every NaN as the one quiet NaN: equal numbers have equal bytes. */
const oneNaN = (values: Float64Array): Float64Array =>
  values.some(Number.isNaN) ? values.map((x) => (Number.isNaN(x) ? NaN : x)) : values

const bytesOf = (array: Float64Array | Uint8Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength)

/** The parts of a column's data, as bytes. */
export const partsOf = (data: ColumnData): Uint8Array[] => {
  if (data instanceof Uint8Array) return [data]
  if (data instanceof Float64Array) return [bytesOf(oneNaN(data))]
  return [bytesOf(data.offsets), bytesOf(oneNaN(data.values))]
}

/** The data of a column whose ranges lie in `body`, without copying. */
export const columnOf = ({ kind, bytes }: PlacedColumn, body: Uint8Array): ColumnData => {
  const numbers = ([start, length]: ByteRange): Float64Array =>
    new Float64Array(body.buffer, body.byteOffset + start, length / 8)
  const [first = [0, 0], second = [0, 0]] = bytes
  if (kind === 'list') return { offsets: numbers(first), values: numbers(second) }
  return kind === 'code' ? body.subarray(first[0], first[0] + first[1]) : numbers(first)
}

/**
 * Checks that each column holds what it says: enough entries, codes that have a name, offsets that rise from 0 to the number of
 * values.
 * @throws {DataError} naming the column
 */
export const checkBlock = ({ rows, columns, data }: Block): void => {
  const refuse = (what: string, expected: string, received: string): never => {
    throw new DataError(`block of rows: ${what}`, { code: 'ERR_CHUNK', expected, received })
  }
  if (columns.length !== data.length) {
    refuse('its columns', `data of ${String(columns.length)} columns`, String(data.length))
  }
  columns.forEach((column, j) => {
    const { name, kind, names = [] } = column
    const entries = rows * columnSize(column)
    const given = data[j] as ColumnData
    const length = (of: Float64Array | Uint8Array, expected: number): void => {
      if (of.length !== expected) {
        refuse(`column "${name}"`, `${String(expected)} entries`, String(of.length))
      }
    }
    if (kind === 'list') {
      if (given instanceof Float64Array || given instanceof Uint8Array) {
        return refuse(`column "${name}"`, 'offsets and values', 'a typed array')
      }
      const { offsets, values } = given
      length(offsets, rows + 1)
      const rises = offsets.every(
        (x, i) => Number.isInteger(x) && x >= (i === 0 ? 0 : (offsets[i - 1] as number)),
      )
      if (!rises || offsets[0] !== 0 || offsets[rows] !== values.length) {
        refuse(`column "${name}"`, `offsets that rise from 0 to ${String(values.length)}`, 'others')
      }
    } else if (kind === 'code') {
      if (!(given instanceof Uint8Array)) return refuse(`column "${name}"`, 'codes', 'no Uint8Array')
      length(given, entries)
      const unnamed = given.find((code) => code >= names.length)
      if (unnamed !== undefined) {
        refuse(`column "${name}"`, `codes below ${String(names.length)}`, String(unnamed))
      }
    } else {
      if (!(given instanceof Float64Array)) return refuse(`column "${name}"`, 'numbers', 'no Float64Array')
      length(given, entries)
    }
  })
}
