// QPS text: every section, row type and bound, both formats; what is refused, and in which words; damaged files.
import { deepStrictEqual } from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { test } from 'tap'
import { DataError } from '../../lib/base/errors.js'
import { parseQps, readQps, type QpsData } from '../../lib/data/qps.js'
import type { SparseColumns } from '../../lib/data/sparseColumns.js'
import { damaged, damageRuns, resultOrDataError, saysWhere } from './mutation.js'

const small = `* a comment
NAME          QP example

ROWS
 N  obj
 G  r1
 L  r2
COLUMNS
    c1        r1                 2.0   r2                -1.0
    c1        obj                1.5
    c2        r1                 1.0   r2                 2.0
    c2        obj               -2.0
RHS
    rhs1      r1                 2.0   r2                 6.0
    rhs1      obj               -3.5
BOUNDS
 UP bnd1      c1                20.0
QUADOBJ
    c1        c1                 8.0
    c1        c2                 2.0
    c2        c2                10.0
ENDATA
`
const expected: QpsData = {
  name: 'QP example',
  sense: 'min',
  objectiveName: 'obj',
  rowNames: ['r1', 'r2'],
  columnNames: ['c1', 'c2'],
  C: {
    rows: 2,
    columns: 2,
    indptr: Int32Array.of(0, 2, 4),
    indices: Int32Array.of(0, 1, 0, 1),
    values: Float64Array.of(2, -1, 1, 2),
  },
  Q: {
    rows: 2,
    columns: 2,
    indptr: Int32Array.of(0, 2, 3),
    indices: Int32Array.of(0, 1, 1),
    values: Float64Array.of(8, 2, 10),
  },
  c: Float64Array.of(1.5, -2),
  constant: 3.5,
  rowLower: Float64Array.of(2, -Infinity),
  rowUpper: Float64Array.of(Infinity, 6),
  lower: Float64Array.of(0, 0),
  upper: Float64Array.of(20, Infinity),
}

test('a whole file', async (t) => {
  t.strictSame(parseQps(small), expected)
  t.strictSame(parseQps(small.replaceAll('\n', '\r\n')), expected)
  t.strictSame(parseQps(small.replaceAll(/ +/g, '\t').replace('QP\texample', 'QP example')), expected)
  t.strictSame(parseQps(small.trimEnd()), expected, 'no line end behind ENDATA')
})

test('fixed format: names with blanks, by their columns', async (t) => {
  const blanks = (name: string): string =>
    /^[cr]\d$/.test(name) ? `${name[0] ?? ''} ${name[1] ?? ''}` : name
  const text = small.replaceAll(/\b([cr]\d)( |$)/gm, (_, name: string) => blanks(name))
  t.strictSame(parseQps(text), {
    ...expected,
    rowNames: expected.rowNames.map(blanks),
    columnNames: expected.columnNames.map(blanks),
  })
})

/** A program with rows r (type L unless given) and columns x, y. */
const program = ({
  type = 'L',
  head = '',
  rows = '',
  columns = '',
  rest = '',
}: Partial<Record<'type' | 'head' | 'rows' | 'columns' | 'rest', string>>): string =>
  `${head}ROWS\n N f\n ${type} r\n${rows}COLUMNS\n x f 1 r 1\n${columns} y r 1\n${rest}ENDATA\n`

const accepted: readonly (readonly [string, Parameters<typeof program>[0], Partial<QpsData>])[] = [
  ['no objective sense', {}, { sense: 'min', name: '', constant: 0 }],
  ['a sense on its own line', { head: 'OBJSENSE\n MAX\n' }, { sense: 'max' }],
  ['a sense behind the keyword', { head: 'OBJSENSE MAXIMIZE\n' }, { sense: 'max' }],
  ['the sense MIN', { head: 'OBJSENSE\n    MINIMIZE\n' }, { sense: 'min' }],
  ['further N rows', { rows: ' N g\n', columns: ' x g 5\n' }, { c: Float64Array.of(1, 0), rowNames: ['r'] }],
  ['an empty row', { rows: ' E s\n' }, { rowNames: ['r', 's'] }],
  ['RHS without a set', { rest: 'RHS\n r 4 f -2\n' }, { rowUpper: Float64Array.of(4), constant: 2 }],
  ['an infinite RHS', { rest: 'RHS\n r 1e30\n' }, { rowUpper: Float64Array.of(Infinity) }],
  ['an empty RHS', { rest: 'RHS\nRANGES\nBOUNDS\nQUADOBJ\n' }, { rowUpper: Float64Array.of(0) }],
  ...(
    [
      ['L', '3', [1, 4]],
      ['L', '-3', [1, 4]],
      ['G', '3', [4, 7]],
      ['G', '-3', [4, 7]],
      ['E', '3', [4, 7]],
      ['E', '-3', [1, 4]],
      ['E', '0', [4, 4]],
      ['L', '1e21', [-Infinity, 4]],
    ] as const
  ).map(
    ([type, range, [low, high]]) =>
      [
        `type ${type} with range ${range}`,
        { type, rest: `RHS\n set r 4\nRANGES\n set r ${range}\n` },
        { rowLower: Float64Array.of(low), rowUpper: Float64Array.of(high) },
      ] as const,
  ),
  [
    'a range without a set, before RHS',
    { rest: 'RANGES\n r 3\nRHS\n r 4\n' },
    { rowLower: Float64Array.of(1) },
  ],
  ...(
    [
      ['LO b x 2', [2, Infinity]],
      ['UP b x 2', [0, 2]],
      ['UP b x 0', [0, 0]],
      ['UP b x -2', [-Infinity, -2]],
      ['UP b x -2\n LO b x -5', [-5, -2]],
      ['LO b x -5\n UP b x -2', [-5, -2]],
      ['FX b x 3', [3, 3]],
      ['FR b x', [-Infinity, Infinity]],
      ['FR b x 0', [-Infinity, Infinity]],
      ['MI b x', [-Infinity, Infinity]],
      ['MI b x\n UP b x 4', [-Infinity, 4]],
      ['PL b x', [0, Infinity]],
      ['UP x 2', [0, 2]],
      ['FR x', [-Infinity, Infinity]],
      ['UP b x 1e20', [0, Infinity]],
      ['LO b x -Infinity', [-Infinity, Infinity]],
    ] as const
  ).map(
    ([line, [low, high]]) =>
      [
        `bound ${line}`,
        { rest: `BOUNDS\n ${line}\n` },
        { lower: Float64Array.of(low, 0), upper: Float64Array.of(high, Infinity) },
      ] as const,
  ),
  ...[
    'QUADOBJ\n x x 2\n x y 1\n',
    'QSECTION\n x x 2\n y x 1\n',
    'QSECTION f\n x x 2\n y x 1\n',
    'QMATRIX\n x y 1\n x x 2\n y x 1\n',
  ].map(
    (rest) =>
      [
        rest,
        { rest },
        {
          Q: {
            rows: 2,
            columns: 2,
            indptr: Int32Array.of(0, 2, 2),
            indices: Int32Array.of(0, 1),
            values: Float64Array.of(2, 1),
          },
        },
      ] as const,
  ),
]

test('what each statement means', async (t) => {
  for (const [name, parts, meaning] of accepted) {
    const data = parseQps(program(parts))
    for (const [key, value] of Object.entries(meaning)) t.strictSame(data[key as keyof QpsData], value, name)
  }
})

const refused: readonly (readonly [string, RegExp])[] = [
  ['', /^<text>:1: the file is truncated.*ENDATA/],
  ['ROWS\n N f\nCOLUMNS\n x f 1\n', /^<text>:5: the file is truncated/],
  ['ROW\n', /:1: there is no section "ROW".*"ROWS"/],
  [program({ rest: 'QCMATRIX r\n' }), /:7: there is no section "QCMATRIX"/],
  [' x f 1\n', /:1: the line belongs to no section/],
  ['COLUMNS\n', /:1: section COLUMNS stands in a wrong place.*behind ROWS.*received COLUMNS behind nothing/],
  ['ROWS\n N f\nRHS\n', /:3: section RHS stands in a wrong place/],
  ['ROWS\nROWS\n', /:2: section ROWS stands in a wrong place.*each section once/],
  [program({ rest: 'QUADOBJ\nQMATRIX\n' }), /:8: section QMATRIX stands in a wrong place/],
  ['ROWS\n N f\nCOLUMNS\nENDATA\n', /there are no variables/],
  ['ROWS\n L r\nCOLUMNS\n x r 1\nENDATA\n', /there is no objective.*type N/],
  [`${program({})} x\n`, /:8: there is text behind ENDATA/],
  [`${program({})}RHS\n`, /:8: section RHS stands in a wrong place/],
  ['ROWS x\n', /:1: there is text behind ROWS.*received "x"/],
  [
    program({ rest: 'QSECTION r\n' }),
    /:7: there is text behind QSECTION.*name of the objective.*rows cannot/,
  ],
  ['OBJSENSE\n up\n', /:2: there is no sense "up"/],
  ['OBJSENSE\n MAX MIN\n', /:2: a line of section OBJSENSE is malformed/],
  ['OBJSENSE toString\n', /:1: there is no sense "toString"/],
  ['ROWS\n X f\n', /:2: there is no row type "X".*N, L, G, E/],
  ['ROWS\n N f\n L f\n', /:3: row "f" appears twice/],
  ['ROWS\n N\n', /:2: a line of section ROWS is malformed.*received " N"/],
  [program({ columns: " M 'MARKER' 'INTORG'\n" }), /:6: integer variables are not supported.*relaxation/],
  [program({ columns: ' y r\n' }), /:6: a line of section COLUMNS is malformed/],
  [program({ columns: ' y r 1 f\n' }), /:6: a line of section COLUMNS is malformed/],
  [program({ columns: ' y r 1 f 1 r 1 f 1 r 1\n' }), /:6: a line of section COLUMNS is malformed/],
  [program({ columns: ' y q 1\n' }), /:6: there is no row "q".*section ROWS/],
  [program({ columns: ' y r one\n' }), /:6: the entry of row "r" is not a number.*received "one"/],
  [program({ columns: ' y r nan\n' }), /:6: the entry of row "r" is not finite/],
  [program({ columns: ' y r 1e999\n' }), /:6: the entry of row "r" is too large/],
  [program({ columns: ' x r 2\n' }), /:6: the entry of column "x" in row "r" appears twice/],
  [program({ columns: ' y f 1\n x r 2\n' }), /:7: column "x" appears twice.*together/],
  [program({ rest: 'RHS\n s r\n' }), /:8: there is no row "s"/],
  [program({ rest: 'RHS\n s\n' }), /:8: a line of section RHS is malformed/],
  [program({ rest: 'RHS\n s r 1 r 2\n' }), /:8: the right-hand side of row "r" appears twice/],
  [program({ rest: 'RHS\n s r 1\n t f 1\n' }), /:9: section RHS has a second set.*"s".*received "t"/],
  [
    program({ type: 'E', rest: 'RHS\n s r 1e20\n' }),
    /:8: the right-hand side of row "r" is infinite.*type E/,
  ],
  [program({ rest: 'RHS\n s r -1e20\n' }), /:8: the right-hand side of row "r" is infinite/],
  [program({ rest: 'RANGES\n s f 1\n' }), /:8: row "f" has a range, but no bounds/],
  [program({ rest: 'RANGES\n s r 1\n s r 1\n' }), /:9: the range of row "r" appears twice/],
  [program({ rest: 'RHS\n s r 1e30\nRANGES\n s r 1\n' }), /:12: row "r" admits no value/],
  [program({ rest: 'BOUNDS\n BV b x\n' }), /:8: integer and semi-continuous variables.*received BV/],
  [program({ rest: 'BOUNDS\n LI b x 1\n' }), /:8: integer and semi-continuous variables/],
  [program({ rest: 'BOUNDS\n UI b x 1\n' }), /:8: integer and semi-continuous variables/],
  [program({ rest: 'BOUNDS\n XX b x 1\n' }), /:8: there is no bound type "XX".*LO, UP, FX, FR, MI, PL/],
  [
    program({ rest: 'BOUNDS\n UP\n' }),
    /:8: a line of section BOUNDS is malformed.*UP, a set, a column and a/,
  ],
  [program({ rest: 'BOUNDS\n UP b x 1 2\n' }), /:8: a line of section BOUNDS is malformed/],
  [program({ rest: 'BOUNDS\n UP b z 1\n' }), /:8: there is no column "z"/],
  [program({ rest: 'BOUNDS\n UP b x 1\n UP b x 2\n' }), /:9: the upper bound of column "x" appears twice/],
  [program({ rest: 'BOUNDS\n FR b x\n LO b x 2\n' }), /:9: the lower bound of column "x" appears twice/],
  [
    program({ rest: 'BOUNDS\n UP b x 1\n LO b x 2\n' }),
    /:9: the bounds of column "x" admit no value.*2 and 1/,
  ],
  [program({ rest: 'BOUNDS\n LO b x 1e20\n' }), /:8: the bounds of column "x" admit no value/],
  [program({ rest: 'BOUNDS\n UP b x nan\n' }), /:8: the bound of "x" is not a number/],
  [program({ rest: 'BOUNDS\n UP b x 1\n UP c y 1\n' }), /:9: section BOUNDS has a second set/],
  [program({ rest: 'QUADOBJ\n x x\n' }), /:8: a line of section QUADOBJ is malformed/],
  [program({ rest: 'QUADOBJ\n x z 1\n' }), /:8: there is no column "z"/],
  [program({ rest: 'QUADOBJ\n x y 1\n y x 1\n' }), /:9: the quadratic entry of column "y".*twice.*QMATRIX/],
  [program({ rest: 'QMATRIX\n x y 1\n x y 1\n' }), /:9: the quadratic entry of column "x".*twice/],
  [program({ rest: 'QMATRIX\n x x 1\n x y 1\n' }), /:9: the matrix of section QMATRIX is not symmetric/],
  [program({ rest: 'QMATRIX\n x y 1\n y x 2\n' }), /:8: the matrix of section QMATRIX is not symmetric/],
]

test('malformed text is refused with line and remedy', async (t) => {
  for (const [text, message] of refused) {
    t.throws(() => parseQps(text), { name: 'DataError', code: 'ERR_DATA', message }, JSON.stringify(text))
    const error = resultOrDataError(() => parseQps(text))
    t.ok(error instanceof DataError && saysWhere(error), JSON.stringify(text))
  }
})

test('wrong options are refused, infinity is one', async (t) => {
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ infinty: 1 }, /unknown option "infinty".*"infinity"/],
    [{ infinity: 0 }, /"infinity".*positive/],
    [{ infinity: NaN }, /"infinity"/],
  ]
  for (const [options, message] of wrong) {
    t.throws(() => parseQps(small, options), { name: 'ArgumentError', message })
  }
  const text = program({ rest: 'BOUNDS\n UP b x 1e6\n UP b y 1e25\n' })
  t.strictSame(parseQps(text, { infinity: 1e6 }).upper, Float64Array.of(Infinity, Infinity))
  t.strictSame(parseQps(text, { infinity: Infinity }).upper, Float64Array.of(1e6, 1e25))
  await t.rejects(readQps('nowhere.qps'), {
    name: 'DataError',
    message: /nowhere\.qps: the file does not exist/,
  })
})

const columnsOf = ({ indptr, indices, values }: SparseColumns): (readonly [number, number])[][] =>
  Array.from({ length: indptr.length - 1 }, (_, j) =>
    Array.from({ length: (indptr[j + 1] ?? 0) - (indptr[j] ?? 0) }, (_, k) => {
      const at = (indptr[j] ?? 0) + k
      return [indices[at] ?? -1, values[at] ?? NaN] as const
    }),
  )

/** The data as free-format text: rows by two sides, so that every pair of bounds can be written. */
const print = (data: QpsData): string => {
  const { rowNames, columnNames, rowLower, rowUpper, lower, upper } = data
  const lines = [
    `NAME ${data.name}`,
    'OBJSENSE',
    ` ${data.sense.toUpperCase()}`,
    'ROWS',
    ` N ${data.objectiveName}`,
  ]
  const rhs = [` ${data.objectiveName} ${String(-data.constant)}`]
  const ranges: string[] = []
  rowNames.forEach((name, i) => {
    const [low, high] = [rowLower[i] ?? 0, rowUpper[i] ?? 0]
    const type = low === high ? 'E' : high < Infinity ? 'L' : 'G'
    const b = type === 'G' ? low : high
    lines.push(` ${type} ${name}`)
    rhs.push(` ${name} ${Number.isFinite(b) ? String(b) : '-1e300'}`)
    if (type === 'L' && low > -Infinity) ranges.push(` ${name} ${String(high - low)}`)
  })
  lines.push('COLUMNS')
  const entries = columnsOf(data.C)
  columnNames.forEach((name, j) => {
    lines.push(` ${name} ${data.objectiveName} ${String(data.c[j])}`)
    for (const [i, value] of entries[j] ?? []) lines.push(` ${name} ${rowNames[i] ?? ''} ${String(value)}`)
  })
  lines.push('RHS', ...rhs, 'RANGES', ...ranges, 'BOUNDS')
  columnNames.forEach((name, j) => {
    lines.push(` LO ${name} ${String(lower[j])}`, ` UP ${name} ${String(upper[j])}`)
  })
  lines.push('QUADOBJ')
  columnsOf(data.Q).forEach((column, j) => {
    for (const [i, value] of column) {
      lines.push(` ${columnNames[i] ?? ''} ${columnNames[j] ?? ''} ${String(value)}`)
    }
  })
  return [...lines, 'ENDATA', ''].join('\n')
}

const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => prefix + String(i))
const whole = fc.integer({ min: -1000, max: 1000 })
const sparse = (rows: number, columns: number, lowerOnly: boolean): fc.Arbitrary<SparseColumns> =>
  fc
    .array(fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }).map((v) => v + 0)), {
      minLength: rows * columns,
      maxLength: rows * columns,
    })
    .map((cells) => {
      const indices: number[] = []
      const values: number[] = []
      const indptr = [0]
      for (let j = 0; j < columns; j++) {
        for (let i = lowerOnly ? j : 0; i < rows; i++) {
          const value = cells[j * rows + i] ?? null
          if (value === null) continue
          indices.push(i)
          values.push(value)
        }
        indptr.push(indices.length)
      }
      return {
        rows,
        columns,
        indptr: Int32Array.from(indptr),
        indices: Int32Array.from(indices),
        values: Float64Array.from(values),
      }
    })
/** Two sides in whole numbers, so that a range is exact. */
const sides = fc
  .tuple(whole, fc.nat(50), fc.constantFrom('both', 'low', 'high'))
  .map(([low, width, which]): readonly [number, number] => [
    which === 'high' ? -Infinity : low,
    which === 'low' ? Infinity : low + width,
  ])
const program2 = fc
  .record({ m: fc.nat(4), n: fc.integer({ min: 1, max: 4 }) })
  .chain(({ m, n }) =>
    fc.record({
      name: fc.constantFrom('', 'a', 'two words'),
      sense: fc.constantFrom('min' as const, 'max' as const),
      objectiveName: fc.constant('cost'),
      rowNames: fc.constant(names('row', m)),
      columnNames: fc.constant(names('x', n)),
      C: sparse(m, n, false),
      Q: sparse(n, n, true),
      c: fc.array(whole, { minLength: n, maxLength: n }),
      constant: whole,
      rows: fc.array(sides, { minLength: m, maxLength: m }),
      bounds: fc.array(sides, { minLength: n, maxLength: n }),
    }),
  )
  .map(({ rows, bounds, c, ...data }): QpsData => ({
    ...data,
    c: Float64Array.from(c),
    rowLower: Float64Array.from(rows, ([low]) => low),
    rowUpper: Float64Array.from(rows, ([, high]) => high),
    lower: Float64Array.from(bounds, ([low]) => low),
    upper: Float64Array.from(bounds, ([, high]) => high),
  }))

test('print → parse gives the same program', async () => {
  fc.assert(
    fc.property(program2, (data) => {
      deepStrictEqual(parseQps(print(data), { infinity: Infinity }), data)
    }),
    { numRuns: 300 },
  )
})

const texts = [
  small,
  program({
    type: 'E',
    head: 'NAME t\nOBJSENSE\n MAX\n',
    rows: ' N g\n G s\n',
    columns: ' x s 2\n',
    rest: 'RHS\n r 4 s 2\nRANGES\n r -3\nBOUNDS\n FR x\n UP y -4\nQMATRIX\n x y 1\n y x 1\n x x 2\n',
  }),
]

test('a text cut at any byte gives its program or a DataError with a line', async (t) => {
  for (const text of texts) {
    for (let k = 0; k < text.length; k++) {
      const data = resultOrDataError(() => parseQps(text.slice(0, k)))
      if (data instanceof DataError) {
        if (!saysWhere(data)) t.fail(`${String(k)}: ${data.message}`)
      } else t.ok(k >= text.trimEnd().length, `cut at ${String(k)}, nothing is missing`)
    }
  }
})

test('damaged files give a program or a DataError, never anything else', async () => {
  fc.assert(
    fc.property(damaged(texts), (bytes) => {
      const data = resultOrDataError(() => parseQps(bytes))
      if (data instanceof DataError) return saysWhere(data)
      const { C, Q, c, rowLower, rowUpper, lower, upper } = data
      const ordered = (low: Float64Array, high: Float64Array): boolean =>
        low.every((v, i) => v <= (high[i] ?? NaN) && v < Infinity && (high[i] ?? NaN) > -Infinity)
      const finite = [C.values, Q.values, c].every((values) => values.every(Number.isFinite))
      return finite && ordered(rowLower, rowUpper) && ordered(lower, upper)
    }),
    { numRuns: damageRuns },
  )
})

const folder = resolve(
  fileURLToPath(new URL('../../..', import.meta.url)),
  process.env['ONESTEP_DATA'] ?? '../shared/data',
  'maros-meszaros',
)
const skip = existsSync(folder)
  ? false
  : `there is no ${folder}; set ONESTEP_DATA to the folder that holds it`
test('the Maros and Mészáros set', { skip }, async (t) => {
  const published = JSON.parse(readFileSync(resolve(folder, 'optima.json'), 'utf8')) as Readonly<
    Record<string, { readonly variables: number; readonly constraints: number }>
  >
  for (const [name, { variables, constraints }] of Object.entries(published)) {
    const { C, Q } = await readQps(resolve(folder, `${name}.QPS`))
    t.strictSame([C.columns, C.rows, Q.columns], [variables, constraints, variables], name)
  }
})
