// Chunk files: rows come back bit for bit, and a file that is not what encodeChunk wrote is refused, whatever was done to it.
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { DataError } from '../../../lib/base/errors.js'
import type { Block, Column, ColumnData } from '../../../lib/study/store/block.js'
import { decodeChunk, encodeChunk, footerBytes, footerFits } from '../../../lib/study/store/chunkFile.js'
import type { ChunkIdentity } from '../../../lib/study/store/chunkFile.js'
import { sampleBlock, sampleColumns } from './sampleRun.js'

const identity: ChunkIdentity = { manifestId: '0123456789abcdef', chunk: 3, lo: 12, hi: 17 }
const block = sampleBlock(sampleColumns, 12, 17)
const bytes = Buffer.concat(encodeChunk(identity, block))

/** Typed arrays as their bytes: NaN and −0 are told from their like. */
const bits = (data: readonly ColumnData[]): string =>
  JSON.stringify(data, (_, x: unknown) =>
    ArrayBuffer.isView(x) ? Buffer.from(x.buffer, x.byteOffset, x.byteLength).toString('hex') : x,
  )

/** The error of a file; undefined where it is taken. */
const refusal = (file: Uint8Array, expected = {}): DataError | undefined => {
  try {
    decodeChunk(file, expected, 'some.chunk')
    return undefined
  } catch (error) {
    if (error instanceof DataError) return error
    throw error
  }
}

/** A file with another header line or footer, and a checksum that is right. */
const forged = (change: (header: string) => string, body?: Uint8Array): Buffer => {
  const end = bytes.indexOf(0x0a)
  const header = Buffer.from(change(bytes.subarray(0, end + 1).toString()))
  const padding = Buffer.alloc((8 - (header.length % 8)) % 8)
  const from = Math.ceil((end + 1) / 8) * 8
  const rest = body ?? bytes.subarray(from, bytes.length - footerBytes)
  const before = Buffer.concat([header, padding, rest])
  const footer = JSON.parse(bytes.subarray(-footerBytes).toString()) as object
  const sha256 = createHash('sha256').update(before).digest('hex')
  const text = JSON.stringify({ ...footer, bytes: before.length, sha256 })
  return Buffer.concat([before, Buffer.from(`${text.padEnd(footerBytes - 1)}\n`)])
}

t.test('there and back', (t) => {
  const chunk = decodeChunk(bytes, { ...identity, columns: sampleColumns })
  t.match(chunk, identity)
  t.strictSame(chunk.block.columns, sampleColumns)
  t.equal(bits(chunk.block.data), bits(block.data))
  t.ok(footerFits(bytes.subarray(-footerBytes), bytes.length, identity))
  // At any place in memory, and as a forgery that changes nothing.
  const moved = Buffer.concat([Buffer.alloc(3), bytes]).subarray(3)
  t.equal(bits(decodeChunk(moved).block.data), bits(block.data))
  t.equal(refusal(forged((header) => header)), undefined)
  t.end()
})

t.test('any block', (t) => {
  const columns = fc.array(
    fc.record({
      name: fc.string({ minLength: 1, maxLength: 12, unit: 'binary' }),
      kind: fc.constantFrom<Column['kind']>('number', 'integer', 'code', 'list'),
      shape: fc.array(fc.nat(3), { maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 5 },
  )
  const blocks = fc.tuple(columns, fc.nat(9)).chain(([list, rows]) => {
    const full = list.map((column): Column => {
      if (column.kind === 'list') return { ...column, shape: [] }
      return column.kind === 'code' ? { ...column, names: ['a', 'β', '"'] } : column
    })
    const doubles = fc.float64Array({ maxLength: 4 })
    const data = full.map(({ kind, shape }): fc.Arbitrary<ColumnData> => {
      const length = rows * shape.reduce((n, d) => n * d, 1)
      if (kind === 'code') return fc.uint8Array({ minLength: length, maxLength: length, max: 2 })
      if (kind !== 'list') return fc.float64Array({ minLength: length, maxLength: length })
      return fc.array(doubles, { minLength: rows, maxLength: rows }).map((lists) => ({
        offsets: Float64Array.from([0, ...lists]).map((_, i) =>
          lists.slice(0, i).reduce((n, x) => n + x.length, 0),
        ),
        values: Float64Array.from(lists.flatMap((x) => [...x])),
      }))
    })
    return fc.tuple(...data).map((found): Block => ({ rows, columns: full, data: found }))
  })
  fc.assert(
    fc.property(blocks, (given) => {
      const at = { ...identity, lo: 5, hi: 5 + given.rows }
      const file = Buffer.concat(encodeChunk(at, given))
      const found = decodeChunk(file, { ...at, columns: given.columns })
      return bits(found.block.data) === bits(given.data) && found.block.rows === given.rows
    }),
  )
  t.pass('every block came back')
  t.end()
})

t.test('NaN with a payload becomes the one NaN', (t) => {
  const odd = new Float64Array(new BigUint64Array([0xfff8_0000_0000_1234n, 0n]).buffer)
  const columns: Column[] = [{ name: 'x', kind: 'number', shape: [] }]
  const at = { ...identity, lo: 0, hi: 2 }
  const encode = (x: Float64Array): Buffer => Buffer.concat(encodeChunk(at, { rows: 2, columns, data: [x] }))
  t.ok(encode(odd).equals(encode(Float64Array.of(NaN, 0))))
  t.notOk(encode(odd).equals(encode(Float64Array.of(NaN, -0))))
  t.end()
})

t.test('every flipped bit, every length', (t) => {
  let taken = 0
  let fits = 0
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const file = Buffer.from(bytes)
    file[bit >> 3] = (file[bit >> 3] as number) ^ (1 << (bit & 7))
    if (refusal(file)?.code !== 'ERR_CHUNK') taken++
    // The fast look sees the end alone, and of its checksum only that it is one.
    const changed = file.subarray(-footerBytes)
    if (bit >= 8 * (bytes.length - footerBytes) && footerFits(changed, bytes.length, identity)) fits++
  }
  t.equal(taken, 0, 'a flipped bit is refused')
  t.ok(fits <= 64 * 8, `${String(fits)} flips of the checksum itself pass the fast look`)
  for (let length = 0; length < bytes.length; length++) {
    if (refusal(bytes.subarray(0, length))?.code !== 'ERR_CHUNK') taken++
    if (footerFits(bytes.subarray(Math.max(0, length - footerBytes), length), length, identity)) taken++
  }
  t.equal(taken, 0, 'a torn file is refused')
  for (const more of ['\n', ' ', '{}', '\0'.repeat(256), bytes.toString('latin1')]) {
    const file = Buffer.concat([bytes, Buffer.from(more, 'latin1')])
    t.equal(refusal(file)?.code, 'ERR_CHUNK', 'trailing garbage')
  }
  t.end()
})

t.test('other rows than expected', (t) => {
  for (const [expected, message] of [
    [{ manifestId: 'fedcba9876543210' }, /another study or chunk.*fedcba9876543210/],
    [{ chunk: 4 }, /chunk 4, received 3/],
    [{ lo: 11 }, /lo 11/],
    [{ hi: 18 }, /hi 18/],
    [{ columns: sampleColumns.slice(1) }, /column 0/],
    [{ columns: [...sampleColumns, { name: 'more', kind: 'number', shape: [] }] }, /column 6.*more/],
    [{ columns: sampleColumns.slice(0, 5) }, /no further column/],
    [
      { columns: sampleColumns.map((c) => (c.name === 'status' ? { ...c, names: ['a', 'b', 'c'] } : c)) },
      /column 4/,
    ],
  ] as const) {
    const error = refusal(bytes, expected)
    t.equal(error?.code, 'ERR_CHUNK')
    t.match(error?.message, message)
    t.match(error?.message, /some\.chunk.*resume/)
  }
  for (const other of [{ chunk: 4 }, { manifestId: 'fedcba9876543210' }, { hi: 16 }]) {
    t.notOk(footerFits(bytes.subarray(-footerBytes), bytes.length, { ...identity, ...other }))
  }
  t.end()
})

t.test('a later version is told apart from damage', (t) => {
  const later = (file: Buffer): Buffer =>
    Buffer.from(file.toString('latin1').replaceAll('"version":1', '"version":2'), 'latin1')
  const error = refusal(later(bytes))
  t.equal(error?.code, 'ERR_VERSION')
  t.match(error?.message, /later version of onestep.*version 2.*Install/)
  t.equal(refusal(forged((header) => header.replace('"version":1', '"version":2')))?.code, 'ERR_CHUNK')
  t.end()
})

t.test('hostile headers with a right checksum', (t) => {
  const changes: readonly ((header: string) => string)[] = [
    (h) => h.replace('"rows":5', '"rows":50'),
    (h) => h.replace('"lo":12', '"lo":-12'),
    (h) => h.replace('"hi":17', '"hi":1e308'),
    (h) => h.replace('"hi":17', '"hi":9007199254740991'),
    (h) => h.replace('"chunk":3', '"chunk":"3"'),
    (h) => h.replace('"shape":[2,2]', '"shape":[2,200000000]'),
    (h) => h.replace('"shape":[2,2]', '"shape":[-2,-2]'),
    (h) => h.replace('"shape":[2,2]', '"shape":4'),
    (h) => h.replace('"kind":"code"', '"kind":"list"'),
    (h) => h.replace('"kind":"list"', '"kind":"number"'),
    (h) => h.replace('"kind":"number"', '"kind":"__proto__"'),
    (h) => h.replace(/"bytes":\[\[0,40\]\]/, '"bytes":[[8,40]]'),
    (h) => h.replace(/"bytes":\[\[0,40\]\]/, '"bytes":[]'),
    (h) => h.replace(/("history.value".*"bytes":\[\[\d+,\d+\],\[\d+,)(\d+)/, '$199999999992'),
    (h) => h.replace(/("history.value".*"bytes":\[\[\d+,\d+\],\[\d+,)(\d+)/, '$13'),
    (h) => h.replace('{', '{ '),
    (h) => h.replace('"columns":[', '"columns":[null,'),
    (h) => h.replace('"names"', '"extra":1,"names"'),
    () => '{"format":"onestep chunk"}\n',
    () => `{"format":"onestep chunk",${'['.repeat(100_000)}\n`,
  ]
  for (const change of changes) t.equal(refusal(forged(change))?.code, 'ERR_CHUNK', change.toString())
  // Bodies whose checksum is right and whose content is not.
  const body = Buffer.concat(encodeChunk(identity, block)).subarray(
    Math.ceil((bytes.indexOf(0x0a) + 1) / 8) * 8,
    -footerBytes,
  )
  const status = Buffer.from(body)
  status[40 * 3 + 160] = 3
  t.match(refusal(forged((h) => h, status))?.message, /some\.chunk.*"status".*codes below 3/)
  const offsets = Buffer.from(body)
  offsets.writeDoubleLE(-1, 40 * 3 + 160 + 8 + 8)
  t.match(refusal(forged((h) => h, offsets))?.message, /"history\.value".*offsets/)
  t.end()
})

t.test('blocks that are not as they say are not written', (t) => {
  const wrong = (change: Partial<Block>): void => {
    t.throws(() => encodeChunk(identity, { ...block, ...change }), { code: 'ERR_CHUNK' })
  }
  wrong({ rows: 4 })
  wrong({ data: block.data.slice(1) })
  wrong({ data: block.data.map((x, j) => (j === 1 ? new Float64Array(4) : x)) })
  wrong({ data: block.data.map((x, j) => (j === 1 ? new Uint8Array(5) : x)) })
  wrong({ data: block.data.map((x, j) => (j === 4 ? Uint8Array.of(0, 1, 2, 3, 0) : x)) })
  wrong({ data: block.data.map((x, j) => (j === 5 ? new Float64Array(5) : x)) })
  wrong({
    data: block.data.map((x, j) =>
      j === 5 ? { offsets: Float64Array.of(0, 2, 1, 3, 3, 3), values: new Float64Array(3) } : x,
    ),
  })
  t.end()
})
