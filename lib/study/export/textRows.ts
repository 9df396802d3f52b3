// Rows as text: CSV (RFC 4180) and JSON lines. Every number reads back as the same double.
import { csvRecords, numberText } from '../csv.js'
import type { Block, Column, ColumnData } from '../store/block.js'
import { columnSize } from '../store/chunkLayout.js'
import type { Cell } from '../table.js'
import { flatColumns } from './selection.js'

/** A number in exact JSON (lib/base/exactJson.ts). */
const jsonNumber = (x: number): string =>
  Number.isFinite(x) && !Object.is(x, -0) ? String(x) : `{"$number":"${numberText(x)}"}`

const listOf = (data: ColumnData | undefined, row: number): Float64Array => {
  if (data === undefined || !('offsets' in data)) return new Float64Array()
  return data.values.subarray(data.offsets[row], data.offsets[row + 1])
}

const jsonList = (values: Float64Array): string => `[${Array.from(values, jsonNumber).join(',')}]`

/** Writes the rows of blocks, which all have these columns, as text. */
export interface TextRows {
  /** What stands before all rows. */
  readonly head: string
  readonly rows: (block: Block) => string
}

/** Cells of a flat table; text that a spreadsheet would run as a formula is guarded by an apostrophe. */
export const csvRows = (columns: readonly Column[]): TextRows => {
  const flat = flatColumns(columns)
  const names = flat.map(({ name }) => name)
  const options = { guardFormulas: true }
  const sizes = columns.map(columnSize)
  const records = function* (block: Block): Generator<readonly Cell[]> {
    const cells = flat.map(({ column, entry, kind, names: codes = [] }): ((row: number) => Cell) => {
      const data = block.data[column]
      const size = sizes[column] as number
      if (kind === 'list' || data === undefined || 'offsets' in data) {
        return (row) => `[${Array.from(listOf(data, row), jsonNumber).join(',')}]`
      }
      if (kind === 'code') return (row) => codes[data[row * size + entry] as number] ?? ''
      return (row) => data[row * size + entry] as number
    })
    for (let row = 0; row < block.rows; row++) yield cells.map((cell) => cell(row))
  }
  return {
    head: [...csvRecords(names, [], options)].join(''),
    rows: (block) => {
      const [, ...lines] = csvRecords(names, records(block), options)
      return lines.join('')
    },
  }
}

/** A record in exact JSON on each line: arrays nested as they are shaped, codes by name. */
export const jsonLineRows = (columns: readonly Column[]): TextRows => {
  const keys = columns.map(({ name }) => JSON.stringify(name))
  const nested = (shape: readonly number[], entry: (k: number) => string): string => {
    let at = 0
    const build = (level: number): string => {
      if (level === shape.length) return entry(at++)
      return `[${Array.from({ length: shape[level] as number }, () => build(level + 1)).join(',')}]`
    }
    return build(0)
  }
  return {
    head: '',
    rows: (block) => {
      const values = columns.map((column, j): ((row: number) => string) => {
        const data = block.data[j]
        const size = columnSize(column)
        if (data === undefined || 'offsets' in data) return (row) => jsonList(listOf(data, row))
        const names = (column.names ?? []).map((name) => JSON.stringify(name))
        const text =
          column.kind === 'code'
            ? (k: number) => names[data[k] as number] ?? '""'
            : (k: number) => jsonNumber(data[k] as number)
        if (column.shape.length === 0) return text
        return (row) => nested(column.shape, (k) => text(row * size + k))
      })
      const lines: string[] = []
      for (let row = 0; row < block.rows; row++) {
        lines.push(`{${values.map((value, j) => `${keys[j] as string}:${value(row)}`).join(',')}}\n`)
      }
      return lines.join('')
    },
  }
}
