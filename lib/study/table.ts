// Tables for people: aligned text for a terminal, Markdown for a document. Imports errors only.
import { ArgumentError, checkOptions } from '../base/errors.js'

/** A cell; null is an empty one. */
export type Cell = string | number | null

export interface Table {
  readonly columns: readonly string[]
  /** One cell for each column. */
  readonly rows: readonly (readonly Cell[])[]
  /** Significant digits of numbers that are not whole; default 4. */
  readonly digits?: number
}

/** A table as text, ready to be laid out. */
export interface FormattedTable {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** Columns that hold numbers only: they are set right-aligned. */
  readonly numeric: readonly boolean[]
}

/**
 * A number for a table: whole numbers in full below 10⁹ in size, others with `digits` significant digits (all digits
 * before the point), with an exponent below 10⁻⁴ and from 10⁶ on.
 */
export const formatNumber = (x: number, digits = 4): string => {
  if (!Number.isFinite(x)) return String(x)
  const size = Math.abs(x)
  if (Number.isInteger(x) && size < 1e9) return String(x)
  if (size < 1e-4 || size >= 1e6) return x.toExponential(digits - 1)
  const text = x.toPrecision(digits)
  return text.includes('e') ? x.toFixed(0) : text
}

/**
 * The cells of a table as text.
 * @throws {ArgumentError} when a row has another number of cells than there are columns, or `digits` is not 1 … 17.
 */
export const formatTable = (table: Table): FormattedTable => {
  checkOptions('table', table, ['columns', 'rows', 'digits'])
  const { columns, rows, digits = 4 } = table
  if (!Number.isInteger(digits) || digits < 1 || digits > 17) {
    throw new ArgumentError('table: option "digits" is wrong', {
      expected: 'a whole number from 1 to 17',
      received: String(digits),
      remedy: 'Take 4',
    })
  }
  rows.forEach((row, i) => {
    if (row.length === columns.length) return
    throw new ArgumentError(`table: row ${String(i)} has a wrong number of cells`, {
      expected: String(columns.length),
      received: String(row.length),
      remedy: 'Give one cell for each column, null for an empty one',
    })
  })
  // Control characters, line ends among them, would break the layout.
  const plain = (text: string): string => text.replace(/\p{Cc}+/gu, ' ')
  const format = (cell: Cell): string => {
    if (cell === null) return ''
    return typeof cell === 'number' ? formatNumber(cell, digits) : plain(cell)
  }
  return {
    columns: columns.map(plain),
    rows: rows.map((row) => row.map(format)),
    numeric: columns.map((_, j) => {
      const cells = rows.map((row) => row[j] ?? null).filter((cell) => cell !== null)
      return cells.length > 0 && cells.every((cell) => typeof cell === 'number')
    }),
  }
}

/** Length in characters as a terminal counts them, near enough: code points without combining marks. */
const lengthOf = (text: string): number => [...text.replace(/\p{M}/gu, '')].length

const layOut = ({ columns, rows, numeric }: FormattedTable, least: number) => {
  const widths = columns.map((name, j) =>
    rows.reduce((w, row) => Math.max(w, lengthOf(row[j] ?? '')), Math.max(lengthOf(name), least)),
  )
  const pad = (text: string, j: number): string => {
    const blanks = ' '.repeat((widths[j] ?? 0) - lengthOf(text))
    return numeric[j] === true ? blanks + text : text + blanks
  }
  return { widths, pad }
}

/** The table in aligned columns, for a terminal; numbers right-aligned; ends without a line end. */
export const textTable = (table: Table): string => {
  const formatted = formatTable(table)
  const { widths, pad } = layOut(formatted, 0)
  const lines = [
    formatted.columns.map(pad),
    widths.map((w) => '─'.repeat(w)),
    ...formatted.rows.map((row) => row.map(pad)),
  ]
  return lines.map((cells) => cells.join('  ').trimEnd()).join('\n')
}

/** The table in GitHub Markdown, numbers right-aligned; ends without a line end. */
export const markdownTable = (table: Table): string => {
  const escape = (text: string): string => text.replace(/[\\|]/g, '\\$&')
  const { columns, rows, numeric } = formatTable(table)
  const formatted = { columns: columns.map(escape), rows: rows.map((row) => row.map(escape)), numeric }
  const { widths, pad } = layOut(formatted, 3)
  const rules = widths.map((w, j) => (numeric[j] === true ? `${'-'.repeat(w - 1)}:` : '-'.repeat(w)))
  const lines = [formatted.columns.map(pad), rules, ...formatted.rows.map((row) => row.map(pad))]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
