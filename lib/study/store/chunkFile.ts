// The file of a chunk: what is computed once and kept for ever.
//   header   one line of JSON: format, version, manifest, chunk, lo, hi, rows, columns with their byte ranges in the body
//   zeros    up to a multiple of 8
//   body     the columns, little-endian, as chunkLayout.ts places them: NaN, ±Infinity and −0 keep their bits
//   footer   the last 256 bytes, one line of JSON padded with blanks: what the file is, its rows, the bytes before, their SHA-256
// A file is what `encodeChunk` writes, byte for byte, or it is damaged.
import { createHash } from 'node:crypto'
import { DataError } from '../../base/errors.js'
import type { Block, Column } from './block.js'
import { aligned, checkBlock, columnOf, columnText, layOut, partsOf } from './chunkLayout.js'
import type { PlacedColumn } from './chunkLayout.js'
import { explained, writeWhole } from './durable.js'
import { nodeFiles } from './files.js'

const format = 'onestep chunk'
/** Of the format of chunk files that this version of onestep writes, and the newest that it reads. */
export const chunkVersion = 1
/** Bytes of the footer. */
export const footerBytes = 256

/** Which rows a file holds: those of one chunk of one study. */
export interface ChunkIdentity {
  readonly manifestId: string
  readonly chunk: number
  readonly lo: number
  readonly hi: number
}

export interface Chunk extends ChunkIdentity {
  readonly block: Block
}

/** What a file must be about; what is left out is not looked at. */
export interface ExpectedChunk extends Partial<ChunkIdentity> {
  readonly columns?: readonly Column[]
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

const magic = ascii(`{"format":"${format}",`)

const headerOf = (
  { manifestId, chunk, lo, hi }: ChunkIdentity,
  placed: readonly PlacedColumn[],
): Uint8Array => {
  const columns = placed.map(({ name, kind, shape, names, bytes }) => ({ name, kind, shape, names, bytes }))
  return ascii(
    `${JSON.stringify({ format, version: chunkVersion, manifest: manifestId, chunk, lo, hi, rows: hi - lo, columns })}\n`,
  )
}

interface Footer {
  readonly manifestId: string
  readonly chunk: number
  readonly rows: number
  /** Before the footer. */
  readonly bytes: number
  readonly sha256: string
}

const footerText = ({ manifestId, chunk, rows, bytes, sha256 }: Footer): string => {
  const text = JSON.stringify({
    format,
    version: chunkVersion,
    manifest: manifestId,
    chunk,
    rows,
    bytes,
    sha256,
  })
  return `${text.padEnd(footerBytes - 1)}\n`
}

const isCount = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0

const damaged = (
  source: string,
  what: string,
  detail: { expected?: string; received?: string } = {},
): DataError =>
  new DataError(`${source}: ${what}`, {
    code: 'ERR_CHUNK',
    ...detail,
    remedy: 'The rows of this chunk are computed again by "onestep resume"',
  })

const fromTheFuture = (source: string, version: number): DataError =>
  new DataError(`${source}: a chunk file of a later version of onestep`, {
    code: 'ERR_VERSION',
    expected: `version ${String(chunkVersion)} of the format or older`,
    received: `version ${String(version)}`,
    remedy: 'Install the version of onestep that wrote it, or a later one',
  })

const parse = (text: string): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** Every version has such a header line and footer; a flipped bit in one of them alone makes no later version. */
const checkVersion = (
  header: Readonly<Record<string, unknown>>,
  footer: Readonly<Record<string, unknown>>,
  source: string,
): void => {
  const { version } = header
  if (footer['format'] !== format || footer['version'] !== version) return
  if (isCount(version) && version > chunkVersion) throw fromTheFuture(source, version)
}

/** Whether a file of this length ends as one of this chunk must: a fast look that reads only its last 256 bytes. */
export const footerFits = (tail: Uint8Array, size: number, expected: ChunkIdentity): boolean => {
  const { sha256 } = parse(Buffer.from(tail).toString('latin1'))
  const { manifestId, chunk, lo, hi } = expected
  const footer = { manifestId, chunk, rows: hi - lo, bytes: size - footerBytes, sha256: String(sha256) }
  return /^[0-9a-f]{64}$/.test(footer.sha256) && Buffer.from(tail).equals(ascii(footerText(footer)))
}

/**
 * The bytes of a chunk's file, in pieces.
 * @throws {DataError} when the block is not as its columns say
 */
export const encodeChunk = (identity: ChunkIdentity, block: Block): Uint8Array[] => {
  const { manifestId, chunk, lo, hi } = identity
  const { rows, columns, data } = block
  if (rows !== hi - lo) {
    throw new DataError(`chunk ${String(chunk)}: its rows`, {
      code: 'ERR_CHUNK',
      expected: `${String(hi - lo)} rows`,
      received: String(rows),
    })
  }
  checkBlock(block)
  const { placed } = layOut(columns, rows, (j) => {
    const column = data[j]
    return column !== undefined && 'values' in column && 'offsets' in column ? column.values.length : 0
  })
  const header = headerOf(identity, placed)
  const pieces = [header, ...data.flatMap(partsOf)].flatMap((piece) => {
    const padding = aligned(piece.length) - piece.length
    return padding === 0 ? [piece] : [piece, new Uint8Array(padding)]
  })
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  const bytes = pieces.reduce((n, piece) => n + piece.length, 0)
  const footer = { manifestId, chunk, rows, bytes, sha256: hash.digest('hex') }
  return [...pieces, ascii(footerText(footer))]
}

/** The header's columns, or undefined where it is no header that `encodeChunk` writes. */
const readHeader = (
  line: string,
): { readonly identity: ChunkIdentity; readonly columns: readonly PlacedColumn[] } | undefined => {
  const { manifest, chunk, lo, hi, columns } = parse(line)
  if (typeof manifest !== 'string' || !isCount(chunk) || !isCount(lo) || !isCount(hi) || hi < lo)
    return undefined
  const isPair = (x: unknown): boolean => Array.isArray(x) && x.length === 2 && x.every(isCount)
  const isColumn = (x: unknown): x is PlacedColumn => {
    if (typeof x !== 'object' || x === null) return false
    const { name, kind, shape, names, bytes } = x as Record<string, unknown>
    return (
      typeof name === 'string' &&
      typeof kind === 'string' &&
      ['number', 'integer', 'code', 'list'].includes(kind) &&
      Array.isArray(shape) &&
      shape.every(isCount) &&
      (names === undefined || (Array.isArray(names) && names.every((y) => typeof y === 'string'))) &&
      Array.isArray(bytes) &&
      bytes.every(isPair)
    )
  }
  if (!Array.isArray(columns) || !columns.every(isColumn)) return undefined
  return { identity: { manifestId: manifest, chunk, lo, hi }, columns }
}

/** Refuses a chunk that is another one than expected. */
const checkExpected = (chunk: Chunk, expected: ExpectedChunk, source: string): void => {
  for (const key of ['manifestId', 'chunk', 'lo', 'hi'] as const) {
    const wanted = expected[key]
    if (wanted === undefined || wanted === chunk[key]) continue
    throw damaged(source, 'the rows of another study or chunk', {
      expected: `${key} ${String(wanted)}`,
      received: String(chunk[key]),
    })
  }
  const { columns } = expected
  if (columns === undefined) return
  const found = chunk.block.columns.map(columnText)
  const wanted = columns.map(columnText)
  const j = wanted.findIndex((text, at) => text !== found[at])
  if (j < 0 && found.length === wanted.length) return
  const at = j < 0 ? wanted.length : j
  throw damaged(source, `column ${String(at)} is not that of the study`, {
    expected: wanted[at] ?? 'no further column',
    received: found[at] ?? 'none',
  })
}

/**
 * The rows in the bytes of a chunk's file; every bit of it is checked. The block's arrays are views of the bytes.
 * @throws {DataError} ERR_CHUNK when it is damaged, torn or another chunk, ERR_VERSION when a later version wrote it
 */
export const decodeChunk = (
  bytes: Uint8Array,
  expected: ExpectedChunk = {},
  source = 'chunk file',
): Chunk => {
  if (!Buffer.from(bytes.subarray(0, magic.length)).equals(magic)) throw damaged(source, 'no chunk file')
  const end = bytes.indexOf(0x0a)
  const line = new TextDecoder().decode(bytes.subarray(0, Math.max(0, end)))
  const length = bytes.length - footerBytes
  const tail = bytes.subarray(Math.max(0, length))
  const ending = parse(Buffer.from(tail).toString('latin1'))
  checkVersion(parse(line), ending, source)
  const { sha256 } = ending
  const header = readHeader(line)
  if (header === undefined) throw damaged(source, 'a damaged header')
  const { identity, columns } = header
  const { manifestId, chunk, lo, hi } = identity
  const rows = hi - lo
  if (length < 0 || typeof sha256 !== 'string') throw damaged(source, 'torn: it has no footer')
  const footer = footerText({ manifestId, chunk, rows, bytes: length, sha256 })
  if (!Buffer.from(tail).equals(ascii(footer))) throw damaged(source, 'a footer that is not that of its rows')
  if (createHash('sha256').update(bytes.subarray(0, length)).digest('hex') !== sha256) {
    throw damaged(source, 'its checksum is wrong')
  }
  const { placed, bytes: bodyBytes } = layOut(columns, rows, (j) =>
    Math.floor((columns[j]?.bytes[1]?.[1] ?? 0) / 8),
  )
  const canonical = Buffer.from(bytes.subarray(0, end + 1)).equals(headerOf(identity, placed))
  if (!canonical || aligned(end + 1) + bodyBytes !== length) {
    throw damaged(source, 'a header that does not fit the rows')
  }
  const from = aligned(end + 1)
  const body = new Uint8Array(bytes.buffer, bytes.byteOffset + from, bodyBytes)
  // Typed arrays begin at multiples of 8 bytes.
  const placedBody = body.byteOffset % 8 === 0 ? body : body.slice()
  const data = placed.map((column) => columnOf(column, placedBody))
  const plain = placed.map(({ name, kind, shape, names }): Column =>
    names === undefined ? { name, kind, shape } : { name, kind, shape, names },
  )
  const block: Block = { rows, columns: plain, data }
  try {
    checkBlock(block)
  } catch (error) {
    throw error instanceof DataError ? error.retold({ what: `${source}: ${error.what}` }) : error
  }
  const found = { manifestId, chunk, lo, hi, block }
  checkExpected(found, expected, source)
  return found
}

/** Writes the pieces of a chunk to a new file, synced; nothing is left of it when that fails. */
export const writePart = (path: string, buffers: readonly Uint8Array[], files = nodeFiles): Promise<void> =>
  explained(path, 'write the rows of a chunk', () => writeWhole(files, path, buffers))
