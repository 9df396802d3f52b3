// Comma-separated values (RFC 4180) from results: every double comes back bit for bit (a NaN as the one quiet NaN).
// `parseCsv` of data/csv.ts with nonFinite: 'keep' reads it.
import { ArgumentError, checkOptions } from '../base/errors.js'
import { checkSeparator } from '../data/csv.js'
import type { Cell } from './table.js'

export interface CsvWriteOptions {
  /** Character between cells; default ','. */
  readonly separator?: string
  /**
   * Put an apostrophe before text that a spreadsheet would run as a formula (= + - @, tab or CR in front). It changes
   * the text, so it is off by default; turn it on where the text comes from strangers and people open the file.
   */
  readonly guardFormulas?: boolean
}

/** The shortest text that reads back as the same double; −0, NaN and the infinities by name. */
export const numberText = (x: number): string => (Object.is(x, -0) ? '-0' : String(x))

/**
 * The records of a CSV file one by one, each with its line end (CR LF): for results too large for one string.
 * Empty text is written "" and null as nothing, so that the two differ.
 * @param columns names, the first record.
 * @param rows one cell for each column.
 * @throws {ArgumentError} when a row has another number of cells than there are columns.
 */
export function* csvRecords(
  columns: readonly string[],
  rows: Iterable<readonly Cell[]>,
  options: CsvWriteOptions = {},
): Generator<string, void, undefined> {
  checkOptions('CSV writer', options, ['separator', 'guardFormulas'])
  const { separator = ',', guardFormulas = false } = options
  checkSeparator('CSV writer', separator)
  const text = (value: string): string => {
    const safe = guardFormulas && /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
    const bare = safe !== '' && !/["\r\n]/.test(safe) && !safe.includes(separator)
    return bare ? safe : `"${safe.replaceAll('"', '""')}"`
  }
  const field = (cell: Cell): string => {
    if (cell === null) return ''
    return typeof cell === 'number' ? numberText(cell) : text(cell)
  }
  const record = (cells: readonly Cell[]): string => `${cells.map(field).join(separator)}\r\n`
  yield record(columns)
  let number = 0
  for (const row of rows) {
    if (row.length !== columns.length) {
      throw new ArgumentError(`CSV writer: row ${String(number)} has a wrong number of cells`, {
        expected: String(columns.length),
        received: String(row.length),
        remedy: 'Give one cell for each column, null for an empty one',
      })
    }
    number++
    yield record(row)
  }
}

/** A whole CSV file as one string; see {@link csvRecords}. */
export const csvText = (
  columns: readonly string[],
  rows: Iterable<readonly Cell[]>,
  options: CsvWriteOptions = {},
): string => [...csvRecords(columns, rows, options)].join('')
