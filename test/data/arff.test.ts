// ARFF text: attributes and rows; what is refused, and in which words; damaged files.
import { deepStrictEqual } from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { resolve } from 'node:path'
import fc from 'fast-check'
import { test } from 'tap'
import { DataError } from '../../lib/base/errors.js'
import { parseArff, readArff, type ArffData, type ArffOptions } from '../../lib/data/arff.js'
import { splitTarget } from '../../lib/data/table.js'
import { damaged, damageRuns, resultOrDataError, saysWhere } from './mutation.js'

const weather = `% a comment
@RELATION 'the weather'

@attribute "outside temperature" REAL % trailing
@Attribute humidity\tinteger
@attribute outlook {sunny, 'partly cloudy',rainy}
@attribute play{yes,no}

@DATA
% another
21.5, 80, sunny, yes
-3e1\t9 rainy,no\r
 0 ,1,'partly cloudy', "no" % end
`

test('a file with everything the reader knows', async (t) => {
  t.strictSame(parseArff(weather), {
    relation: 'the weather',
    attributes: [
      { name: 'outside temperature', kind: 'numeric' },
      { name: 'humidity', kind: 'numeric' },
      { name: 'outlook', kind: 'nominal', values: ['sunny', 'partly cloudy', 'rainy'] },
      { name: 'play', kind: 'nominal', values: ['yes', 'no'] },
    ],
    names: ['outside temperature', 'humidity', 'outlook', 'play'],
    rows: 3,
    columns: 4,
    data: Float64Array.of(21.5, 80, 0, 0, -30, 9, 2, 1, 0, 1, 1, 1),
  })
})

test('splitTarget takes one column out', async (t) => {
  const { features, targets } = splitTarget(parseArff(weather), 'humidity')
  t.strictSame(targets, Float64Array.of(80, 9, 1))
  t.strictSame(features, {
    names: ['outside temperature', 'outlook', 'play'],
    rows: 3,
    columns: 3,
    data: Float64Array.of(21.5, 0, 0, -30, 2, 1, 0, 1, 1),
  })
  t.throws(() => splitTarget(parseArff(weather), 'humid'), {
    name: 'ArgumentError',
    message: /one of outside.*/,
  })
})

test('escapes, look-alike keys, missing and non-finite values', async (t) => {
  const head = `@attribute 'it\\'s' {'a\\tb', "\\"", '\\\\', '\\0a', a, ä, longer-than-six}\n@attribute n real\n@data\n`
  const { names, data } = parseArff(
    `${head}'a\\tb',1\n"\\"",1\n'\\\\',1\n0a,1\na,1\nä,1\nlonger-than-six,1\n'longer-than-six',1`,
  )
  t.strictSame(names, ["it's", 'n'])
  t.strictSame(
    [...data].filter((_, i) => i % 2 === 0),
    [0, 1, 2, 3, 4, 5, 6, 6],
  )
  const zero = '@attribute a {\0b,b}\n@data\nb\n\0b'
  t.strictSame(parseArff(zero).data, Float64Array.of(1, 0), 'a leading zero byte is part of the value')
  const odd = '@attribute a {x}\n@attribute b real\n@data\n?,?\nx,-inf\nx,NaN'
  t.strictSame(
    parseArff(odd, { missing: 'nan', nonFinite: 'keep' }).data,
    Float64Array.of(NaN, NaN, 0, -Infinity, 0, NaN),
  )
  t.equal(parseArff('@attribute a real\n@data\n').rows, 0, 'a file without rows is a table without rows')
  t.strictSame(parseArff(`@attribute a {'?'}\n@data\n'?'`).data, Float64Array.of(0), 'a quoted ? is a value')
})

const a = '@attribute a real\n'
const refused: readonly (readonly [string, RegExp])[] = [
  ['', /^<text>:1: there is no @data line/],
  [a, /there is no @data line/],
  ['@data\n1', /there are no attributes/],
  ['1,2,3', /^<text>:1: a line of the header is unknown.*received "1,2,3".*behind the line @data/],
  ['@atribute a real', /unknown.*received "@atribute a real".*keyword/],
  ['@relation', /@relation has no name/],
  ['@relation my set', /text behind the name of the relation.*received "set".*quotes/],
  ['@attribute', /@attribute has no name/],
  ['@attribute a', /attribute "a" has type ""/],
  ['@attribute a string', /attribute "a" has type "string".*Remove string/],
  ['@attribute a date "yyyy"', /type "date"/],
  ['@attribute a relational', /type "relational"/],
  ['@attribute a real,', /text behind attribute "a"/],
  ['@attribute a {}', /has no values/],
  ['@attribute a {x,x}', /has a value twice/],
  ['@attribute a {x', /malformed.*end of the line/],
  ['@attribute a {x,,y}', /malformed/],
  [`${a}@attribute a real`, /^<text>:2: attribute "a" appears twice/],
  [`@attribute 'a real`, /a quote is not closed/],
  [`@attribute 'a\\`, /a quote is not closed/],
  [`@attribute 'a'b real`, /text behind a closing quote/],
  [`${a}@data\n{0 1}`, /^<text>:3: sparse rows.*SparseToNonSparse/],
  [`${a}@data\n1,{5}`, /instance weights/],
  [`${a}@data\n?`, /attribute "a" is missing.*missing: 'nan'/],
  [`${a}@data\nx`, /attribute "a" is not a number.*received "x"/],
  [`${a}@data\n1e999`, /attribute "a" is too large/],
  [`${a}@data\ninf`, /attribute "a" is not finite/],
  [`${a}@data\n1 2`, /wrong number of values.*Expected 1 .*received 2/],
  [`${a}@attribute b real\n@data\n1\n`, /^<text>:4: .*wrong number of values/],
  [`${a}@data\n1,`, /a value is empty.*'\?'/],
  [`${a}@data\n,1`, /a value is empty/],
  ['@attribute a {yes,no}\n@data\nyess', /attribute "a" has no value "yess".*one of yes, no.*"yes"\?/],
  ['@attribute a {yes,no}\n@data\nelephant', /Declare the value/],
]

test('malformed text is refused with line and remedy', async (t) => {
  for (const [text, message] of refused) {
    t.throws(() => parseArff(text), { name: 'DataError', code: 'ERR_DATA', message }, JSON.stringify(text))
  }
})

test('wrong options are refused', async (t) => {
  for (const options of [{ mising: 'nan' }, { missing: true }, { nonFinite: 'nan' }]) {
    t.throws(() => parseArff(weather, options as unknown as ArffOptions), { name: 'ArgumentError' })
  }
})

const quote = (text: string): string =>
  `'${text.replace(/[\\']/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t')}'`

const print = ({ relation, attributes, rows, columns, data }: ArffData): string => {
  const types = attributes.map((at) =>
    at.kind === 'numeric' ? 'numeric' : `{${at.values.map(quote).join(',')}}`,
  )
  const cell = (value: number, j: number): string => {
    const attribute = attributes[j]
    if (attribute?.kind === 'nominal') return quote(attribute.values[value] ?? '')
    return Object.is(value, -0) ? '-0' : String(value)
  }
  const lines = Array.from({ length: rows }, (_, i) =>
    [...data.subarray(i * columns, (i + 1) * columns)].map(cell).join(','),
  )
  const head = attributes.map(({ name }, j) => `@attribute ${quote(name)} ${types[j] ?? ''}`)
  return [`@relation ${quote(relation)}`, ...head, '@data', ...lines, ''].join('\n')
}

test('print → parse gives the same table', async () => {
  const text = fc.string({ unit: fc.constantFrom(...`ab9 ,'"{}%?@\\\n\t:é😀`), maxLength: 10 })
  const attribute = fc.oneof(
    text.map((name) => ({ name, kind: 'numeric' as const })),
    fc
      .tuple(text, fc.uniqueArray(text, { minLength: 1, maxLength: 5 }))
      .map(([name, values]) => ({ name, kind: 'nominal' as const, values })),
  )
  const attributes = fc.uniqueArray(attribute, { selector: ({ name }) => name, minLength: 1, maxLength: 5 })
  const numbers = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), {
    minLength: 5,
    maxLength: 5,
  })
  fc.assert(
    fc.property(text, attributes, fc.array(numbers, { maxLength: 5 }), (relation, columns, rows) => {
      const cell = (value: number, j: number): number => {
        const at = columns[j]
        return at?.kind === 'nominal' ? Math.floor(Math.abs(value)) % at.values.length || 0 : value
      }
      const table: ArffData = {
        relation,
        attributes: columns,
        names: columns.map(({ name }) => name),
        rows: rows.length,
        columns: columns.length,
        data: Float64Array.from(rows.flatMap((row) => row.slice(0, columns.length).map(cell))),
      }
      deepStrictEqual(parseArff(print(table)), table)
    }),
    { numRuns: 300 },
  )
})

test('damaged files give a table or a DataError, never anything else', async () => {
  fc.assert(
    fc.property(damaged([weather, `${a}@attribute b {x,y}\n@data\n1,x\n2,y\n`]), (bytes) => {
      const table = resultOrDataError(() => parseArff(bytes))
      if (table instanceof DataError) return saysWhere(table)
      return table.data.length === table.rows * table.columns && table.data.every(Number.isFinite)
    }),
    { numRuns: damageRuns },
  )
})

const folder = resolve(
  fileURLToPath(new URL('../../..', import.meta.url)),
  process.env['ONESTEP_DATA'] ?? '../shared/data',
)
const path = resolve(folder, 'cpu.small.arff')
const skip = existsSync(path) ? false : `there is no ${path}; set ONESTEP_DATA to the folder that holds it`

test('the data set cpu.small', { skip }, async (t) => {
  const table = await readArff(path)
  t.strictSame([table.rows, table.columns, table.relation], [8192, 13, 'cpu_small'])
  const { targets } = splitTarget(table, 'usr')
  t.strictSame([Math.min(...targets), Math.max(...targets)], [0, 99])
  t.strictSame([...table.data.subarray(0, 3)], [6, 2, 1036])
})
