// Tables as text and Markdown, word for word; CSV records, byte for byte.
import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'tap'
import { csvRecords, csvText, numberText } from '../../lib/study/csv.js'
import { formatNumber, markdownTable, textTable, type Cell, type Table } from '../../lib/study/table.js'

const table: Table = {
  columns: ['strategy', 'error', 'seconds', 'iterations'],
  rows: [
    ['one-step', 1.234e-7, 0.0123, 12],
    ['implicit | direct', 5.5e-16, -1.5, 1234567],
    ['café\n\\ x', NaN, Infinity, null],
  ],
}

test('textTable', async (t) => {
  t.equal(
    textTable(table),
    [
      'strategy               error   seconds  iterations',
      '─────────────────  ─────────  ────────  ──────────',
      'one-step            1.234e-7   0.01230          12',
      'implicit | direct  5.500e-16    -1.500     1234567',
      'café \\ x                 NaN  Infinity',
    ].join('\n'),
  )
  t.equal(textTable({ columns: ['a', 'b'], rows: [] }), 'a  b\n─  ─')
  t.equal(
    textTable({ columns: ['e\u0301'], rows: [['xx']] }),
    'e\u0301\n──\nxx',
    'a combining mark takes no room',
  )
})

test('markdownTable', async (t) => {
  t.equal(
    markdownTable(table),
    [
      '| strategy           |     error |  seconds | iterations |',
      '| ------------------ | --------: | -------: | ---------: |',
      '| one-step           |  1.234e-7 |  0.01230 |         12 |',
      '| implicit \\| direct | 5.500e-16 |   -1.500 |    1234567 |',
      '| café \\\\ x          |       NaN | Infinity |            |',
    ].join('\n'),
  )
  t.equal(
    markdownTable({ columns: ['n'], rows: [[1]] }),
    '|   n |\n| --: |\n|   1 |',
    'rules have three characters',
  )
})

test('every line of a Markdown table has the same cells', async () => {
  const cell = fc.oneof(fc.string({ unit: 'binary' }), fc.double(), fc.constant(null))
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell), { maxLength: 5 }), (rows) => {
      const lines = markdownTable({ columns: ['a', 'b'], rows }).split('\n')
      const bars = (line: string): number => line.replace(/\\[\\|]/g, '').split('|').length
      return lines.length === rows.length + 2 && lines.every((line) => bars(line) === 4)
    }),
    { numRuns: 500 },
  )
})

const numbers: readonly (readonly [number, string, string])[] = [
  [0, '0', '0'],
  [-0, '0', '-0'],
  [12, '12', '12'],
  [999999999, '999999999', '999999999'],
  [1e9, '1.000e+9', '1000000000'],
  [0.1, '0.1000', '0.1'],
  [123456.7, '123457', '123456.7'],
  [9999.96, '10000', '9999.96'],
  [1234.5678, '1235', '1234.5678'],
  [0.00012346, '0.0001235', '0.00012346'],
  [0.000099, '9.900e-5', '0.000099'],
  [NaN, 'NaN', 'NaN'],
  [-Infinity, '-Infinity', '-Infinity'],
  [5e-324, '4.941e-324', '5e-324'],
]

test('numbers: four digits for people, all of them for machines', async (t) => {
  for (const [x, people, machine] of numbers) {
    t.equal(formatNumber(x), people)
    t.equal(numberText(x), machine)
  }
})

test('csvText follows RFC 4180', async (t) => {
  const rows: Cell[][] = [
    ['plain', 0.1],
    ['a "quoted", word', -0],
    ['two\r\nlines', NaN],
    ['', null],
    ['=1+1', 1e300],
  ]
  t.equal(
    csvText(['na"me', 'x'], rows),
    '"na""me",x\r\nplain,0.1\r\n"a ""quoted"", word",-0\r\n"two\r\nlines",NaN\r\n"",\r\n=1+1,1e+300\r\n',
  )
  t.equal(csvText(['a;b', 'c,d'], [], { separator: ';' }), '"a;b";c,d\r\n')
  t.equal(
    csvText(['a'], [['=1+1'], ['@x'], [-1], ['b']], { guardFormulas: true }),
    "a\r\n'=1+1\r\n'@x\r\n-1\r\nb\r\n",
  )
})

test('numberText comes back bit for bit', async () => {
  fc.assert(
    fc.property(fc.double(), (x) => Object.is(Number(numberText(x)), x)),
    { numRuns: 1000 },
  )
})

test('csvRecords are made one by one', async () => {
  const endless = function* () {
    for (let i = 0; ; i++) yield [i]
  }
  const records = csvRecords(['i'], endless())
  const firsts = [1, 2, 3].map(() => records.next().value)
  deepStrictEqual(firsts, ['i\r\n', '0\r\n', '1\r\n'])
})

test('wrong rows and options are refused', async (t) => {
  const bad = { name: 'ArgumentError' }
  t.throws(() => textTable({ columns: ['a', 'b'], rows: [[1, 2], [1]] }), {
    ...bad,
    message: /row 1 .*Expected 2, received 1/,
  })
  t.throws(() => textTable({ columns: ['a'], rows: [], digits: 0 }), bad)
  t.throws(() => markdownTable({ columns: ['a'], rows: [], wide: true } as unknown as Table), bad)
  t.throws(() => csvText(['a'], [[1], []]), { ...bad, message: /row 1/ })
  t.throws(() => csvText(['a'], [], { separator: '' }), bad)
  t.throws(() => csvText(['a'], [], { sep: ';' } as object), bad)
})
