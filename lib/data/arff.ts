// ARFF, the attribute-relation format of Weka: a header of typed attributes, then one instance a line.
// (Witten, Frank, Hall, Data Mining; Weka manual, chapter "ARFF".) Numeric and nominal attributes, dense rows.
import { checkOptions } from '../base/errors.js'
import { COMMA, CR, countBytes, decimal, LF, SPACE, TAB } from './source.js'
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
import {
  type ArffAttribute,
  OPEN,
  PERCENT,
  readHeader,
  readWord,
  skipToText,
  textOf,
  type Word,
} from './arff-header.js'
import type { NumberTable } from './table.js'

export type { ArffAttribute } from './arff-header.js'

export interface ArffData extends NumberTable {
  readonly relation: string
  readonly attributes: readonly ArffAttribute[]
}

export interface ArffOptions {
  /** Cells written as '?': 'refuse' (default), or 'nan' to read them as NaN. */
  readonly missing?: 'refuse' | 'nan'
  /** NaN and infinite values: 'refuse' (default) or 'keep'. */
  readonly nonFinite?: NonFinite
  /** Name of the text in error messages; default '<text>', for a file its path. */
  readonly source?: string
}

const QUESTION = 63

/** A key of bytes [start, end): up to six bytes as one whole number (no string is made), else the text. */
const keyOf = (bytes: Buffer, start: number, end: number): number | string => {
  if (end - start > 6) return bytes.toString('utf8', start, end)
  let key = 1
  for (let i = start; i < end; i++) key = key * 256 + (bytes[i] ?? 0)
  return key
}

const keyOfText = (text: string): number | string => {
  const bytes = Buffer.from(text, 'utf8')
  return keyOf(bytes, 0, bytes.length)
}

const checkArffOptions = (options: ArffOptions): void => {
  checkOptions('ARFF reader', options, ['missing', 'nonFinite', 'source'])
  checkChoice('ARFF reader', 'missing', options.missing ?? 'refuse', ['refuse', 'nan'])
  checkChoice('ARFF reader', 'nonFinite', options.nonFinite ?? 'refuse', ['refuse', 'keep'])
}

/**
 * Parses ARFF text. Values are separated by commas or blanks; nominal values become their 0-based position.
 * @returns the table, with the declared relation and attributes.
 * @throws {DataError} with line and remedy: unknown types, sparse rows, instance weights, wrong numbers of cells,
 *   undeclared nominal values, missing values (unless `missing: 'nan'`).
 * @throws {ArgumentError} for a wrong option.
 */
export const parseArff = (text: Text, options: ArffOptions = {}): ArffData => {
  checkArffOptions(options)
  const { missing = 'refuse', nonFinite = 'refuse' } = options
  const source = new Source(text, options.source ?? '<text>')
  const { relation, attributes } = readHeader(source)
  const columns = attributes.length
  if (columns === 0) throw source.error('there are no attributes', { remedy: 'Declare them above @data' })
  const positions = attributes.map((attribute) =>
    attribute.kind === 'numeric'
      ? undefined
      : new Map(attribute.values.map((value, k) => [keyOfText(value), k] as const)),
  )
  const { bytes } = source
  const data = new Float64Array(countBytes(bytes.subarray(source.at), COMMA, SPACE, TAB, LF, CR) + 1)
  const word: Word = { start: 0, end: 0, quoted: undefined }

  const nameOf = (j: number): string => `attribute ${quoteName(attributes[j]?.name ?? '')}`
  const cell = (j: number): number => {
    const { start, end, quoted } = word
    const map = positions[j]
    if (quoted === undefined && end - start === 1 && bytes[start] === QUESTION) {
      if (missing === 'nan') return NaN
      throw source.error(`${nameOf(j)} is missing`, {
        expected: 'a value',
        received: '?',
        remedy: "Clean the file, or pass missing: 'nan'",
      })
    }
    if (map === undefined) {
      const value = decimal(bytes, start, end)
      return Number.isFinite(value) ? value : source.unusual(start, end, nonFinite, nameOf(j))
    }
    const position = map.get(quoted === undefined ? keyOf(bytes, start, end) : keyOfText(quoted))
    if (position !== undefined) return position
    const attribute = attributes[j]
    const values = attribute?.kind === 'nominal' ? attribute.values : []
    throw source.error(`${nameOf(j)} has no value ${source.show(start, end)}`, {
      expected: oneOf(values),
      remedy: didYouMean(textOf(source, word), values, 'Declare the value in the header'),
    })
  }

  let rows = 0
  for (skipToText(source); !source.done; skipToText(source)) {
    const first = source.at
    if (source.next === OPEN) {
      throw source.error('sparse rows are not supported', {
        received: source.show(first, first + 20),
        remedy: 'Convert the file with the Weka filter SparseToNonSparse, or use LIBSVM text',
      })
    }
    let count = 0
    for (;;) {
      source.skipBlanks()
      const at = source.at
      readWord(source, word)
      if (source.at === at) {
        throw source.next === OPEN
          ? source.error('instance weights are not supported', { remedy: 'Remove the {weight} of each row' })
          : source.error('a value is empty', { expected: 'a value', remedy: "Write a missing value as '?'" })
      }
      if (count < columns) data[rows * columns + count] = cell(count)
      count++
      source.skipBlanks()
      if (source.next === PERCENT) source.skipLine()
      if (source.atLineEnd) break
      if (source.next === COMMA) source.at++
    }
    if (count !== columns) {
      throw source.error('the row has a wrong number of values', {
        expected: `${String(columns)} values, one an attribute`,
        received: String(count),
        remedy: 'Correct the row; quote values that hold blanks or commas',
      })
    }
    rows++
  }
  return {
    relation,
    attributes,
    names: attributes.map(({ name }) => name),
    rows,
    columns,
    data: data.slice(0, rows * columns),
  }
}

/**
 * Reads the ARFF file at `path`; see {@link parseArff}.
 * @throws {DataError} also when the file is missing or cannot be read.
 */
export const readArff = async (path: string, options: ArffOptions = {}): Promise<ArffData> =>
  parseArff(await readBytes(path), { source: path, ...options })
