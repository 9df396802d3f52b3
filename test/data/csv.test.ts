// CSV text: cells, quotes and columns; what is refused, and in which words; our own writer read back; damaged files.
import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'tap'
import { DataError } from '../../lib/base/errors.js'
import { parseCsv, type CsvOptions } from '../../lib/data/csv.js'
import { csvText } from '../../lib/study/csv.js'
import { damaged, damageRuns, resultOrDataError, saysWhere } from './mutation.js'

const accepted: readonly (readonly [string, CsvOptions, readonly string[], readonly number[]])[] = [
  ['a,b\n1,2\n3,4', {}, ['a', 'b'], [1, 2, 3, 4]],
  ['a,b\r\n1,2\r\n3,4\r\n', {}, ['a', 'b'], [1, 2, 3, 4]],
  ['a,b\r1,2\r', {}, ['a', 'b'], [1, 2]],
  ['\ufeffa,b\n\n1,2\n\n\n3,4\n\n', {}, ['a', 'b'], [1, 2, 3, 4]],
  ['"a","b ""x""\r\n,y"\n"1", 2 \n', {}, ['a', 'b "x"\r\n,y'], [1, 2]],
  ['1,2\n3,4', { header: false }, ['c0', 'c1'], [1, 2, 3, 4]],
  ['a;b\n1;2', { separator: ';' }, ['a', 'b'], [1, 2]],
  ['a\tb\n1\t2', { separator: '\t' }, ['a', 'b'], [1, 2]],
  ['a b\n1 2', { separator: ' ' }, ['a', 'b'], [1, 2]],
  ['id,x,y\nann,1,2\n"bo, b",3,4', { columns: ['y', 'x'] }, ['y', 'x'], [2, 1, 4, 3]],
  ['a,b\n,2\n"",\t\n', { missing: 'nan' }, ['a', 'b'], [NaN, 2, NaN, NaN]],
  ['a\n""\n', { missing: 'nan' }, ['a'], [NaN]],
  ['a\nNaN\n-Infinity\n-0\ninf', { nonFinite: 'keep' }, ['a'], [NaN, -Infinity, -0, Infinity]],
  ['a,b\n', {}, ['a', 'b'], []],
  ['a,b', {}, ['a', 'b'], []],
  ['a,b\n1,2', { columns: [] }, [], []],
]

test('accepted texts', async (t) => {
  for (const [text, options, names, data] of accepted) {
    const table = parseCsv(text, options)
    t.strictSame(table.names, names, JSON.stringify(text))
    t.strictSame([...table.data], data, JSON.stringify(text))
    t.equal(table.columns, names.length)
  }
})

const refused: readonly (readonly [string, CsvOptions, RegExp])[] = [
  ['', {}, /^<text>:1: the file is empty/],
  ['\n\n', {}, /the file is empty/],
  ['a,b,a\n1,2,3', {}, /^<text>:1: column "a" appears twice.*header: false/],
  ['a,b\n1,2\n3', {}, /^<text>:3: the record has a wrong number of cells.*2 cells.*received 1/],
  ['a,b\n1,2,3', {}, /received 3/],
  ['a,b\n1,x', {}, /^<text>:2: column "b" is not a number.*received "x"/],
  ['a,b\n1,"x\ny"\n', {}, /^<text>:2: column "b" is not a number/],
  ['a,b\n1,', {}, /column "b" is empty.*missing: 'nan'/],
  ['a\n1e999', {}, /column "a" is too large/],
  ['a\nNaN', {}, /column "a" is not finite/],
  ['a\n"1"2', {}, /text behind a closing quote.*received "\\"1\\"2"/],
  ['a\n1"2"', {}, /a quote inside a bare cell/],
  ['a\n1\n"2\n3\n', {}, /^<text>:3: a quote is not closed/],
  ['a;b\n1;2', {}, /column "a;b" is not a number/],
  ['a,b\n1,2', { columns: ['bb'] }, /there is no column "bb".*one of a, b.*"b"\?/],
]

test('malformed text is refused with line and remedy', async (t) => {
  for (const [text, options, message] of refused) {
    t.throws(
      () => parseCsv(text, options),
      { name: 'DataError', code: 'ERR_DATA', message },
      JSON.stringify(text),
    )
  }
})

test('one record with a million separators is refused at once', async (t) => {
  t.throws(() => parseCsv(','.repeat(2e6), { header: false }), { message: /too many cells.*separator/ })
})

test('wrong options are refused', async (t) => {
  const wrong: readonly object[] = [
    ...['', ',,', '"', '1', 'e', '.', '-', '\n', 'é', 5].map((separator) => ({ separator })),
    ...[{ delimiter: ',' }, { header: 1 }, { missing: 'null' }, { nonFinite: 1 }, { columns: ['a', 'a'] }],
  ]
  for (const options of wrong) {
    t.throws(() => parseCsv('a\n1', options), { name: 'ArgumentError' }, JSON.stringify(options))
  }
})

test('what the writer prints, the reader reads: the same bits', async () => {
  const column = fc.string({ unit: fc.constantFrom(...`ab ",;\n\r=é😀`), maxLength: 6 })
  const names = fc.uniqueArray(column, { minLength: 1, maxLength: 5 })
  const rows = fc.array(fc.array(fc.double(), { minLength: 5, maxLength: 5 }), { maxLength: 6 })
  fc.assert(
    fc.property(names, rows, fc.constantFrom(',', ';', '\t'), (columns, all, separator) => {
      const cells = all.map((row) => row.slice(0, columns.length))
      const table = parseCsv(csvText(columns, cells, { separator }), { separator, nonFinite: 'keep' })
      deepStrictEqual(table, {
        names: columns,
        rows: cells.length,
        columns: columns.length,
        data: Float64Array.from(cells.flat()),
      })
    }),
    { numRuns: 300 },
  )
})

test('damaged files give a table or a DataError, never anything else', async () => {
  const texts = ['a,b,c\n1,2.5,3\n-1e3,"4",5\n', '"x ""y""","z\nw"\r\n1,2\r\n3,4\r\n']
  fc.assert(
    fc.property(damaged(texts), fc.boolean(), (bytes, header) => {
      const table = resultOrDataError(() => parseCsv(bytes, { header }))
      if (table instanceof DataError) return saysWhere(table)
      return table.data.length === table.rows * table.columns && table.data.every(Number.isFinite)
    }),
    { numRuns: damageRuns },
  )
})
