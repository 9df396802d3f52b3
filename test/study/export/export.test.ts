// Exports, read back by others: bit for bit, in the order of rows, the same bytes whatever the order of work.
import { mkdtemp, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import t from 'tap'
import { fromExactJson } from '../../../lib/base/exactJson.js'
import { exportFormats, exportRun } from '../../../lib/study/export/exportRun.js'
import type { ExportFormat } from '../../../lib/study/export/exportRun.js'
import { queryRows } from '../../../lib/study/export/sql.js'
import type { Block, Column } from '../../../lib/study/store/block.js'
import { encodeChunk, writePart } from '../../../lib/study/store/chunkFile.js'
import { chunkCount } from '../../../lib/study/store/manifest.js'
import type { Manifest } from '../../../lib/study/store/manifest.js'
import { createRun } from '../../../lib/study/store/runDirectory.js'
import type { RunDirectory } from '../../../lib/study/store/runDirectory.js'
import { sampleBlobs, sampleBlock, sampleChunk, sampleColumns, sampleManifest } from '../store/sampleRun.js'

const root = await mkdtemp(join(tmpdir(), 'onestep-export-'))
t.teardown(() => rm(root, { recursive: true, force: true }))
let count = 0

/** A run directory with these chunks, published in this order. */
const runWith = async (manifest: Manifest, order: readonly number[]): Promise<RunDirectory> => {
  const run = await createRun(join(root, String(count++)), manifest, { blobs: sampleBlobs })
  for (const chunk of order) {
    const { identity, block } = sampleChunk(manifest, chunk)
    const part = run.partPath(chunk)
    await writePart(part, encodeChunk(identity, block))
    await run.publish(chunk, part)
  }
  return run
}

const manifest = sampleManifest({ thetas: 40, chunkRows: 7, variants: 2 })
const all = [...Array(chunkCount(manifest)).keys()]
const complete = await runWith(manifest, all)

type Row = Readonly<Record<string, unknown>>

/** What a flat table must hold. */
const flatRows = (columns: readonly Column[], { rows, data }: Block): Row[] =>
  Array.from({ length: rows }, (_, i) =>
    Object.fromEntries(
      columns.flatMap(({ name, kind, shape, names = [] }, j): [string, unknown][] => {
        const of = data[j] as Block['data'][number]
        if ('offsets' in of) return [[name, [...of.values.slice(of.offsets[i], of.offsets[i + 1])]]]
        const size = shape.reduce((n, d) => n * d, 1)
        const cell = (k: number): unknown => (kind === 'code' ? names[of[k] as number] : of[k])
        if (shape.length === 0) return [[name, cell(i)]]
        return Array.from({ length: size }, (_, k) => [`${name}[${String(k)}]`, cell(i * size + k)])
      }),
    ),
  )

const expected = flatRows(sampleColumns, sampleBlock(sampleColumns, 0, 80))

/** A value whose text has every bit of it. */
const bits = (x: unknown): unknown => {
  if (Array.isArray(x)) return x.map(bits)
  if (typeof x === 'bigint') return Number(x)
  return typeof x === 'number' ? Buffer.from(Float64Array.of(x).buffer).toString('hex') : x
}
const exact = (rows: readonly Row[]): unknown[] =>
  rows.map((row) => Object.fromEntries(Object.entries(row).map(([key, x]) => [key, bits(x)])))
/** Integers come back as bigint; their bits are those of the number. */
const numbers = (rows: readonly Row[]): Row[] =>
  rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([k, x]) => [k, typeof x === 'bigint' ? Number(x) : x])),
  )

const readCsv = (text: string): string[][] =>
  text
    .split('\r\n')
    .slice(0, -1)
    .map((line) =>
      [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)]
        .map(([, cell = '']) => (cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell))
        .slice(0, Object.keys(expected[0] ?? {}).length),
    )

t.test('CSV', async (t) => {
  const report = await exportRun(complete, { format: 'csv' })
  t.match(report, { rows: 80, missing: 0, path: complete.path('export.csv') })
  const text = await readFile(complete.path('export.csv'), 'utf8')
  t.equal(Buffer.byteLength(text), report.bytes)
  const [head = [], ...rows] = readCsv(text)
  t.strictSame(head, Object.keys(expected[0] ?? {}))
  const values = rows.map((cells) =>
    Object.fromEntries(
      cells.map((cell, j): [string, unknown] => {
        const name = head[j] as string
        if (name === 'status') return [name, cell]
        return [name, name === 'history.value' ? fromExactJson(cell) : Number(cell)]
      }),
    ),
  )
  t.strictSame(exact(values), exact(expected))
})

t.test('JSON lines', async (t) => {
  await exportRun(complete, { format: 'jsonl' })
  const lines = (await readFile(complete.path('export.jsonl'), 'utf8')).trimEnd().split('\n')
  t.equal(lines.length, 80)
  const rows = lines.map((line) => {
    const { 'gradient.w': w, ...rest } = fromExactJson(line) as Row
    const flat = (w as number[][]).flat()
    return { ...rest, ...Object.fromEntries(flat.map((x, k) => [`gradient.w[${String(k)}]`, x])) }
  })
  const sorted = (list: readonly Row[]) =>
    exact(list.map((row) => Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))))
  t.strictSame(sorted(rows), sorted(expected))
})

t.test('Parquet, read by hyparquet and DuckDB', async (t) => {
  await exportRun(complete, { format: 'parquet' })
  const path = complete.path('export.parquet')
  const file = await asyncBufferFromFile(path)
  const rows = (await parquetReadObjects({ file })) as Row[]
  t.strictSame(exact(numbers(rows)), exact(expected))
  const { key_value_metadata: metadata } = await parquetMetadataAsync(file)
  t.match(metadata, [{ key: 'onestep.study', value: 'sample' }])
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const reader = await connection.runAndReadAll(`select * from '${path}'`)
  const found = reader.getRowObjectsJS() as Row[]
  t.strictSame(exact(numbers(found)), exact(expected))
  const types = await connection.runAndReadAll(`select column_type from (describe select * from '${path}')`)
  t.strictSame([...new Set(types.getRowsJS().flat())], ['BIGINT', 'DOUBLE', 'VARCHAR', 'DOUBLE[]'])
  // Filters that look at the statistics of row groups must not lose zeros, infinities or NaN.
  const hits = async (where: string): Promise<unknown> => {
    const answer = await connection.runAndReadAll(`select count(*)::int from '${path}' where ${where}`)
    return answer.getRowsJS()[0]?.[0]
  }
  const values = expected.map(({ value }) => value as number)
  t.equal(await hits('value = 0'), values.filter((x) => x === 0).length)
  t.equal(await hits('isnan(value)'), values.filter(Number.isNaN).length)
  t.equal(await hits(`value = 'infinity'`), values.filter((x) => x === Infinity).length)
  connection.closeSync()
  instance.closeSync()
})

t.test('the same bytes whatever the order of work', async (t) => {
  const shuffled = [...all].sort((a, b) => ((a * 7) % 12) - ((b * 7) % 12))
  const other = await runWith(manifest, shuffled)
  for (const format of exportFormats) {
    await exportRun(other, { format })
    const [a, b] = await Promise.all([complete, other].map((run) => readFile(run.path(`export.${format}`))))
    t.ok((a as Buffer).equals(b as Buffer), format)
  }
})

t.test('chosen columns, variants and statuses', async (t) => {
  const out = join(root, 'chosen.jsonl')
  const report = await exportRun(complete, {
    format: 'jsonl',
    out,
    columns: ['history.value', 'index'],
    variants: ['variant 1'],
    statuses: ['crashed', 'maxSteps'],
  })
  const lines = (await readFile(out, 'utf8')).trimEnd().split('\n')
  const wanted = expected.filter(({ index, status }) => (index as number) >= 40 && status !== 'converged')
  t.equal(report.rows, wanted.length)
  t.equal(report.missing, 0)
  t.strictSame(
    exact(lines.map((line) => fromExactJson(line) as Row)),
    exact(wanted.map((row) => ({ 'history.value': row['history.value'], index: row['index'] }))),
  )
  for (const [options, message] of [
    [{ columns: ['valu'] }, /valu.*Did you mean "value"/],
    [{ variants: ['x'] }, /variant "x".*variant 0, variant 1/],
    [{ statuses: ['convergd'] }, /Did you mean "converged"/],
    [{ format: 'xls' as ExportFormat }, /csv, jsonl, parquet/],
  ] as const) {
    await t.rejects(exportRun(complete, { format: 'csv', ...options }), { message })
  }
})

t.test('incomplete studies', async (t) => {
  const run = await runWith(manifest, [0, 3, 5])
  const refused = await exportRun(run, { format: 'csv' })
  t.strictSame(refused, { path: undefined, rows: 0, missing: 61, bytes: 0 })
  t.notOk(
    (await readdir(run.dir)).some((name) => name.includes('export')),
    'nothing was written',
  )
  const partial = await exportRun(run, { format: 'csv', partial: true })
  t.match(partial, { rows: 19, missing: 61 })
  const one = await exportRun(run, { format: 'csv', partial: true, variants: ['variant 1'] })
  t.match(one, { rows: 0, missing: 40 })
  await unlink(run.path('export.csv'))
})

t.test('interrupted, and a folder that is not there', async (t) => {
  const abort = new AbortController()
  const run = await runWith(manifest, all)
  await t.rejects(
    exportRun(run, {
      format: 'parquet',
      signal: abort.signal,
      onProgress: ({ done }) => {
        if (done > 20) abort.abort()
      },
    }),
    { code: 'ERR_ABORTED' },
  )
  t.notOk(
    (await readdir(run.dir)).some((name) => name.includes('export')),
    'nothing is left',
  )
  await t.rejects(exportRun(run, { format: 'csv', out: join(root, 'nowhere', 'x.csv') }), {
    code: 'ERR_PATH',
    message: /nowhere.*no such file or folder/,
  })
})

t.test('text that a spreadsheet would run', async (t) => {
  const columns: Column[] = [
    { name: 'index', kind: 'integer', shape: [] },
    { name: 'status', kind: 'code', shape: [], names: ['=1+1', '@x', 'a "b", c', '-2'] },
  ]
  const run = await runWith(sampleManifest({ thetas: 4, chunkRows: 4, variants: 1, columns }), [0])
  await exportRun(run, { format: 'csv' })
  const text = await readFile(run.path('export.csv'), 'utf8')
  t.equal(text, `index,status\r\n0,'=1+1\r\n1,'@x\r\n2,"a ""b"", c"\r\n3,'-2\r\n`)
})

t.test('row groups are cut by the rows, not by the chunks', async (t) => {
  const columns: Column[] = [
    { name: 'index', kind: 'integer', shape: [] },
    { name: 'x', kind: 'number', shape: [500] },
  ]
  const bytes: Buffer[] = []
  for (const chunkRows of [100, 1100]) {
    const large = sampleManifest({ thetas: 2500, chunkRows, variants: 1, columns })
    const run = await runWith(large, [...Array(chunkCount(large)).keys()])
    await exportRun(run, { format: 'parquet' })
    const file = await asyncBufferFromFile(run.path('export.parquet'))
    const { row_groups: groups } = await parquetMetadataAsync(file)
    t.strictSame(
      groups.map(({ num_rows: n }) => Number(n)),
      [1046, 1046, 408],
    )
    bytes.push(await readFile(run.path('export.parquet')))
  }
  t.ok(bytes[0]?.equals(bytes[1] as Buffer))
})

t.test('a query sees the rows and nothing else', async (t) => {
  const answer = await queryRows(complete, 'select count(*) as n, list(index)[2] as second from rows')
  t.strictSame(answer, { columns: ['n', 'second'], rows: [[80, 1]], missing: 0 })
  const secret = join(root, 'secret.csv')
  await writeFile(secret, 'a,b\n1,2\n')
  const before = await readdir(root)
  for (const sql of [
    `select * from read_csv('${secret}')`,
    `select * from '${secret}'`,
    `select * from read_text('/etc/passwd')`,
    `copy (select 1) to '${join(root, 'out.csv')}'`,
    `copy (select 1) to '${join(root, 'out.parquet')}' (format parquet)`,
    `attach '${join(root, 'other.db')}'`,
    'install httpfs',
    `load '${join(root, 'x.duckdb_extension')}'`,
    'set enable_external_access = true',
    `set allowed_directories = ['/']`,
    `select getenv('HOME')`,
    `export database '${join(root, 'copy')}'`,
    'selec 1',
  ]) {
    await t.rejects(queryRows(complete, sql), { message: /the query was refused/ }, sql)
  }
  t.strictSame(await readdir(root), before)
})
