// LIBSVM sparse text: one row a line, "target index:value index:value … # comment", indices ascending.
// (Chang and Lin, LIBSVM: a library for support vector machines, README, "Data Format".)
import { ArgumentError, DataError, checkOptions } from '../base/errors.js'
import { checkChoice, COMMA, CR, countBytes, decimal, LF, SPACE, TAB } from './source.js'
import { type NonFinite, readBytes, Source, type Text } from './source.js'

/** A sparse matrix in compressed rows: row i holds entries indptr[i] … indptr[i+1] − 1, columns ascending. */
export interface SparseRows {
  readonly rows: number
  readonly columns: number
  /** Shape [rows + 1]. */
  readonly indptr: Int32Array
  /** 0-based column of each entry, shape [entries]. */
  readonly indices: Int32Array
  /** Shape [entries]; zeros that the file writes out are entries too. */
  readonly values: Float64Array
}

/** A LIBSVM file: features and one target a row, shape [rows]. */
export interface LibsvmData extends SparseRows {
  readonly targets: Float64Array
}

export interface LibsvmOptions {
  /** Number of columns; default: the largest index in the file. Give it where training and test files differ. */
  readonly features?: number
  /** The index that the file gives to its first column: 1 (default), or 0 as some programs write it. */
  readonly firstIndex?: 0 | 1
  /** NaN and infinite values: 'refuse' (default) or 'keep'. */
  readonly nonFinite?: NonFinite
  /** Name of the text in error messages; default '<text>', for a file its path. */
  readonly source?: string
}

const COLON = 58
const HASH = 35
/** Columns that 32-bit indices can address. */
const MAX_FEATURES = 2 ** 31 - 1

const checkLibsvmOptions = (options: LibsvmOptions): void => {
  checkOptions('LIBSVM reader', options, ['features', 'firstIndex', 'nonFinite', 'source'])
  const { features = 0, firstIndex = 1, nonFinite = 'refuse' } = options
  checkChoice('LIBSVM reader', 'firstIndex', firstIndex, [1, 0])
  checkChoice('LIBSVM reader', 'nonFinite', nonFinite, ['refuse', 'keep'])
  if (Number.isInteger(features) && features >= 0 && features <= MAX_FEATURES) return
  throw new ArgumentError('LIBSVM reader: option "features" is wrong', {
    expected: 'a whole number of columns below 2^31',
    received: String(features),
    remedy: 'Correct "features", or leave it out to take the largest index',
  })
}

/** The end of the word that starts at `from`: the next blank, line end, `stop` or '#'. */
const wordEnd = (bytes: Buffer, from: number, stop: number): number => {
  let i = from
  for (; i < bytes.length; i++) {
    const c = bytes[i] ?? LF
    if (c === SPACE || c === TAB || c === LF || c === CR || c === stop || c === HASH) break
  }
  return i
}

/** The whole number in bytes [start, end), or −1 where there is none below 2³¹. */
const wholeNumber = (bytes: Buffer, start: number, end: number): number => {
  if (start === end || end - start > 10) return -1
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = (bytes[i] ?? 0) - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

/** Why the word [start, end) is no `index:value`. */
const badEntry = (source: Source, start: number, end: number): DataError => {
  const received = source.show(start, end)
  if (source.text(start, Math.min(end, start + 4)) === 'qid:') {
    return source.error('query groups (qid) are not supported', {
      received,
      remedy: 'Remove the qid entries: onestep has no ranking loss',
    })
  }
  return source.error('a feature is malformed', {
    expected: 'index:value, the index a whole number',
    received,
    remedy: 'Correct the line',
  })
}

/** Why the word [start, end) in front of a line is no target. */
const badTarget = (source: Source, start: number, end: number): DataError => {
  const word = source.bytes.subarray(start, end)
  const received = source.show(start, end)
  if (word.includes(COLON)) {
    return source.error('the line has no target', {
      expected: 'a number, then index:value entries',
      received,
      remedy: 'Write a target, such as 0, in front of every line',
    })
  }
  return source.error('several targets in one row are not supported', {
    expected: 'one number',
    received,
    remedy: 'Keep one target, or write one file for each',
  })
}

/**
 * Parses LIBSVM text. Empty lines and comments (# to the end of the line) are skipped.
 * @throws {DataError} with line and remedy: no number, indices that do not ascend or exceed `features`, qid entries.
 * @throws {ArgumentError} for a wrong option.
 */
export const parseLibsvm = (text: Text, options: LibsvmOptions = {}): LibsvmData => {
  checkLibsvmOptions(options)
  const { firstIndex = 1, nonFinite = 'refuse', features = MAX_FEATURES } = options
  const source = new Source(text, options.source ?? '<text>')
  const { bytes } = source
  const mostEntries = countBytes(bytes, COLON)
  const mostRows = countBytes(bytes, LF, CR) + 1
  const indices = new Int32Array(mostEntries)
  const values = new Float64Array(mostEntries)
  const indptr = new Int32Array(mostRows + 1)
  const targets = new Float64Array(mostRows)
  let rows = 0
  let entries = 0
  let columns = 0

  for (; !source.done; source.skipLineEnd()) {
    source.skipBlanks()
    if (source.atLineEnd) continue
    if (source.next === HASH) {
      source.skipLine()
      continue
    }
    const start = source.at
    const end = wordEnd(bytes, start, HASH)
    let target = decimal(bytes, start, end)
    if (!Number.isFinite(target)) {
      const word = bytes.subarray(start, end)
      if (word.includes(COLON) || word.includes(COMMA)) throw badTarget(source, start, end)
      target = source.unusual(start, end, nonFinite, 'the target')
    }
    source.at = end

    let last = firstIndex - 1
    for (source.skipBlanks(); !source.atLineEnd && source.next !== HASH; source.skipBlanks()) {
      const from = source.at
      const colon = wordEnd(bytes, from, COLON)
      const to = wordEnd(bytes, colon, HASH)
      const index = bytes[colon] === COLON ? wholeNumber(bytes, from, colon) : -1
      if (index < 0) throw badEntry(source, from, to)
      if (index <= last) {
        throw source.error(`index ${String(index)} is out of order`, {
          expected:
            last < firstIndex ? `indices from ${String(firstIndex)}` : `an index above ${String(last)}`,
          received: source.show(from, to),
          remedy:
            index === 0
              ? 'LIBSVM counts from 1; pass firstIndex: 0 if this file counts from 0'
              : 'Sort the entries of the row and write each index once',
        })
      }
      if (index - firstIndex >= features) {
        throw source.error(`index ${String(index)} is too large`, {
          expected: `at most ${String(features - 1 + firstIndex)}`,
          received: source.show(from, to),
          remedy: 'Correct the index, or raise the option "features" where it is given',
        })
      }
      let value = decimal(bytes, colon + 1, to)
      if (!Number.isFinite(value)) {
        value = source.unusual(colon + 1, to, nonFinite, `the value of index ${String(index)}`)
      }
      indices[entries] = index - firstIndex
      values[entries++] = value
      columns = Math.max(columns, index - firstIndex + 1)
      last = index
      source.at = to
    }
    source.skipLine()
    targets[rows++] = target
    indptr[rows] = entries
  }
  if (rows === 0) {
    throw source.error('the file has no rows', { expected: 'target index:value …', remedy: 'Check the file' })
  }
  return {
    rows,
    columns: options.features ?? columns,
    indptr: indptr.slice(0, rows + 1),
    indices: indices.slice(0, entries),
    values: values.slice(0, entries),
    targets: targets.slice(0, rows),
  }
}

/**
 * Reads the LIBSVM file at `path`; see {@link parseLibsvm}.
 * @throws {DataError} also when the file is missing or cannot be read.
 */
export const readLibsvm = async (path: string, options: LibsvmOptions = {}): Promise<LibsvmData> =>
  parseLibsvm(await readBytes(path), { source: path, ...options })

/**
 * The sparse matrix as a dense one, row-major, shape [rows, columns].
 * @param options.maxBytes refuse a larger result; default 2 GiB.
 * @throws {DataError} when the result would be larger than `maxBytes`.
 */
export const dense = (matrix: SparseRows, options: { readonly maxBytes?: number } = {}): Float64Array => {
  checkOptions('dense', options, ['maxBytes'])
  const { maxBytes = 2 ** 31 } = options
  const { rows, columns, indptr, indices, values } = matrix
  if (rows * columns * 8 > maxBytes) {
    throw new DataError(`a dense matrix of ${String(rows)} × ${String(columns)} is too large`, {
      expected: `at most ${String(maxBytes)} bytes`,
      received: `${String(rows * columns * 8)} bytes`,
      remedy: 'Take fewer rows, check the largest index of the file, or raise maxBytes',
    })
  }
  const out = new Float64Array(rows * columns)
  for (let i = 0; i < rows; i++) {
    const end = indptr[i + 1] ?? 0
    for (let k = indptr[i] ?? 0; k < end; k++) out[i * columns + (indices[k] ?? 0)] = values[k] ?? 0
  }
  return out
}
