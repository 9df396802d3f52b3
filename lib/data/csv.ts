// Comma-separated values (RFC 4180): quoted cells, doubled quotes, line ends inside quotes, any separator.
import { ArgumentError, type DataError, checkOptions } from '../base/errors.js'
import { CR, countBytes, decimal, END, LF, QUOTE, SPACE, TAB } from './source.js'
import {
  checkChoice,
  didYouMean,
  quoteName,
  oneOf,
  type NonFinite,
  readBytes,
  Source,
  type Text,
} from './source.js'
import type { NumberTable } from './table.js'

export interface CsvOptions {
  /** Whether the first record holds the column names (default true); without it they are c0, c1, … */
  readonly header?: boolean
  /** Names of the columns to read, in the order wanted; the others may hold anything. Default: all. */
  readonly columns?: readonly string[]
  /** One ASCII character between cells; default ','. */
  readonly separator?: string
  /** Empty cells: 'refuse' (default), or 'nan' to read them as NaN. */
  readonly missing?: 'refuse' | 'nan'
  /** NaN and infinite values: 'refuse' (default) or 'keep'. */
  readonly nonFinite?: NonFinite
  /** Name of the text in error messages; default '<text>', for a file its path. */
  readonly source?: string
}

/**
 * Checks the character that stands between the cells of a file to read or write.
 * @throws {ArgumentError} when it is not one character, or one that numbers and quotes need.
 */
export const checkSeparator = (what: string, separator: string): void => {
  if (/^[\t !#-*,/:-@[-`{-~]$/.test(separator)) return
  throw new ArgumentError(`${what}: option "separator" is wrong`, {
    expected: 'one ASCII character that is no quote, letter, digit, sign or point',
    received: JSON.stringify(separator),
    remedy: "Pass ',', ';' or '\\t'",
  })
}

const checkCsvOptions = (options: CsvOptions): void => {
  checkOptions('CSV reader', options, ['header', 'columns', 'separator', 'missing', 'nonFinite', 'source'])
  const { header = true, separator = ',', missing = 'refuse', nonFinite = 'refuse', columns = [] } = options
  checkChoice('CSV reader', 'header', header, [true, false])
  checkChoice('CSV reader', 'missing', missing, ['refuse', 'nan'])
  checkChoice('CSV reader', 'nonFinite', nonFinite, ['refuse', 'keep'])
  checkSeparator('CSV reader', separator)
  if (new Set(columns).size < columns.length) {
    throw new ArgumentError('CSV reader: option "columns" names a column twice', {
      received: columns.join(', '),
      remedy: 'Name each column once',
    })
  }
}

/** Walks the cells of a source: after `step`, the cell is bytes [start, end). */
class Cells {
  start = 0
  end = 0
  /** Whether the cell ends its record. */
  last = false
  private doubled = false
  private readonly source: Source
  private readonly separator: number

  constructor(source: Source, separator: number) {
    this.source = source
    this.separator = separator
  }

  /** Steps over empty lines; false at the end of the text. */
  nextRecord(): boolean {
    const { source } = this
    while (!source.done && source.atLineEnd) source.skipLineEnd()
    return !source.done
  }

  step(): void {
    if (this.source.next === QUOTE) this.quotedCell()
    else this.bareCell()
    this.last = this.source.atLineEnd
    if (this.last) this.source.skipLineEnd()
    else this.source.at++
  }

  get text(): string {
    const text = this.source.text(this.start, this.end)
    return this.doubled ? text.replaceAll('""', '"') : text
  }

  private bareCell(): void {
    const { source, separator } = this
    const { bytes } = source
    let i = source.at
    for (; i < bytes.length; i++) {
      const c = bytes[i] ?? END
      if (c === separator || c === LF || c === CR) break
      if (c === QUOTE) {
        throw source.error('there is a quote inside a bare cell', {
          received: source.show(source.at, i + 1),
          remedy: 'Put the whole cell in quotes and double the quotes inside it',
        })
      }
    }
    this.doubled = false
    this.start = source.at
    this.end = source.at = i
  }

  private quotedCell(): void {
    const { source } = this
    const opened = source.line
    this.start = ++source.at
    this.doubled = false
    for (;;) {
      const c = source.next
      if (c === END) {
        source.line = opened
        throw source.error('a quote is not closed', {
          received: source.show(this.start - 1, source.bytes.length),
          remedy: 'Close the cell with a quote; write a quote inside as two',
        })
      }
      if (c === LF || c === CR) source.skipLineEnd()
      else if (c !== QUOTE) source.at++
      else if (source.bytes[source.at + 1] === QUOTE) {
        this.doubled = true
        source.at += 2
      } else break
    }
    this.end = source.at++
    if (source.atLineEnd || source.next === this.separator) return
    throw source.error('there is text behind a closing quote', {
      expected: 'a separator or the end of the line',
      received: source.show(this.start - 1, source.at + 1),
      remedy: 'Double the quotes inside the cell, or check the option "separator"',
    })
  }
}

/** More columns than this in one record mean a wrong separator, or no line ends. */
const MAX_COLUMNS = 1_000_000

const tooManyColumns = (source: Source): DataError =>
  source.error('the first record has too many cells', {
    expected: `at most ${String(MAX_COLUMNS)}`,
    remedy: 'Check the option "separator" and the line ends of the file',
  })

const readNames = (source: Source, cells: Cells): string[] => {
  const { line } = source
  const names: string[] = []
  const seen = new Set<string>()
  do {
    cells.step()
    const name = cells.text
    if (seen.has(name)) {
      source.line = line
      throw source.error(`column ${quoteName(name)} appears twice`, {
        remedy: 'Rename one, or pass header: false if the first line holds numbers',
      })
    }
    if (seen.size === MAX_COLUMNS) throw tooManyColumns(source)
    seen.add(name)
    names.push(name)
  } while (!cells.last)
  return names
}

/** For each column of the file the column of the result, or −1. */
const placeColumns = (source: Source, names: readonly string[], wanted: readonly string[]): Int32Array => {
  if (wanted === names) return Int32Array.from(names, (_, j) => j)
  const at = new Map(names.map((name, j) => [name, j]))
  const place = new Int32Array(names.length).fill(-1)
  wanted.forEach((name, j) => {
    const from = at.get(name)
    if (from === undefined) {
      throw source.error(`there is no column ${quoteName(name)}`, {
        expected: oneOf(names),
        remedy: didYouMean(name, names, 'Correct the option "columns"'),
      })
    }
    place[from] = j
  })
  return place
}

/** How many cells the record at the reading position has; the position stays. */
const countCells = (source: Source, cells: Cells): number => {
  const { at, line } = source
  let count = 0
  do {
    cells.step()
    if (count++ === MAX_COLUMNS) throw tooManyColumns(source)
  } while (!cells.last)
  source.at = at
  source.line = line
  return count
}

/**
 * Parses CSV text into a table of numbers. Blanks around a number and empty lines are skipped; a missing value in a
 * file of one column is written "".
 * @throws {DataError} with line and remedy: a cell that is no number, records of unequal length, quotes out of place,
 *   empty cells (unless `missing: 'nan'`).
 * @throws {ArgumentError} for a wrong option.
 */
export const parseCsv = (text: Text, options: CsvOptions = {}): NumberTable => {
  checkCsvOptions(options)
  const { header = true, separator = ',', missing = 'refuse', nonFinite = 'refuse' } = options
  const source = new Source(text, options.source ?? '<text>')
  const { bytes } = source
  const cells = new Cells(source, separator.charCodeAt(0))
  if (!cells.nextRecord()) {
    throw source.error('the file is empty', { expected: 'records of cells', remedy: 'Check the file' })
  }
  const fileNames = header
    ? readNames(source, cells)
    : Array.from({ length: countCells(source, cells) }, (_, j) => `c${String(j)}`)
  const names = options.columns ?? fileNames
  const place = placeColumns(source, fileNames, names)
  const columns = names.length

  const number = (start: number, end: number, j: number): number => {
    let from = start
    let to = end
    while (from < to && (bytes[from] === SPACE || bytes[from] === TAB)) from++
    while (from < to && (bytes[to - 1] === SPACE || bytes[to - 1] === TAB)) to--
    const value = decimal(bytes, from, to)
    if (Number.isFinite(value)) return value
    const what = `column ${quoteName(fileNames[j] ?? '')}`
    if (from < to) return source.unusual(from, to, nonFinite, what)
    if (missing === 'nan') return NaN
    throw source.error(`${what} is empty`, {
      expected: 'a number',
      remedy: "Clean the file, pass missing: 'nan', or name the columns to read with columns: [...]",
    })
  }

  // Every cell ends with a separator, a line end or the end of the text.
  const mostCells = countBytes(bytes.subarray(source.at), separator.charCodeAt(0), LF, CR) + 1
  const data = new Float64Array(Math.ceil(mostCells / fileNames.length) * columns)
  let rows = 0
  while (cells.nextRecord()) {
    const { line } = source
    let count = 0
    do {
      cells.step()
      const to = place[count] ?? -1
      if (to >= 0) {
        const next = source.line
        source.line = line
        data[rows * columns + to] = number(cells.start, cells.end, count)
        source.line = next
      }
      count++
    } while (!cells.last)
    if (count !== fileNames.length) {
      source.line = line
      throw source.error('the record has a wrong number of cells', {
        expected: `${String(fileNames.length)} cells, as in the first record`,
        received: String(count),
        remedy: 'Correct the record, or check the option "separator"',
      })
    }
    rows++
  }
  return { names, rows, columns, data: data.slice(0, rows * columns) }
}

/**
 * Reads the CSV file at `path`; see {@link parseCsv}.
 * @throws {DataError} also when the file is missing or cannot be read.
 */
export const readCsv = async (path: string, options: CsvOptions = {}): Promise<NumberTable> =>
  parseCsv(await readBytes(path), { source: path, ...options })
