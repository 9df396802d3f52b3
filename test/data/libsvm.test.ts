// LIBSVM text: rows in, rows out; what is refused, and in which words; damaged files.
import { deepStrictEqual } from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { resolve } from 'node:path'
import fc from 'fast-check'
import { test } from 'tap'
import { DataError } from '../../lib/base/errors.js'
import { dense, parseLibsvm, readLibsvm, type LibsvmData, type LibsvmOptions } from '../../lib/data/libsvm.js'
import { damaged, damageRuns, resultOrDataError, saysWhere } from './mutation.js'

test('two rows with a comment, blanks and an empty line', async (t) => {
  const data = parseLibsvm('# train\n+1 1:0.5\t3:-2e1  # first\r\n\n  -1 2:1\n0')
  t.strictSame(data, {
    rows: 3,
    columns: 3,
    indptr: Int32Array.of(0, 2, 3, 3),
    indices: Int32Array.of(0, 2, 1),
    values: Float64Array.of(0.5, -20, 1),
    targets: Float64Array.of(1, -1, 0),
  })
  t.strictSame(dense(data), Float64Array.of(0.5, 0, -20, 0, 1, 0, 0, 0, 0))
})

test('options: features, firstIndex, nonFinite', async (t) => {
  t.equal(parseLibsvm('1 2:1', { features: 7 }).columns, 7)
  t.equal(parseLibsvm('1', { features: 0 }).columns, 0)
  t.strictSame(parseLibsvm('1 0:1 2:1', { firstIndex: 0 }).indices, Int32Array.of(0, 2))
  const odd = parseLibsvm('-inf 1:nan 2:+Infinity 3:-0', { nonFinite: 'keep' })
  t.strictSame([...odd.targets, ...odd.values], [-Infinity, NaN, Infinity, -0])
})

const refused: readonly (readonly [string, LibsvmOptions, RegExp])[] = [
  ['', {}, /^<text>:1: the file has no rows/],
  ['# nothing', {}, /has no rows/],
  ['1:2 2:3', {}, /^<text>:1: the line has no target.*received "1:2"/],
  ['1 1:1\n1,2 1:1', {}, /^<text>:2: several targets/],
  ['x 1:1', {}, /the target is not a number.*received "x"/],
  ['1e999 1:1', {}, /the target is too large/],
  ['1 0:1', {}, /index 0 is out of order.*indices from 1.*firstIndex: 0/],
  ['1 2:1 2:1', {}, /index 2 is out of order.*above 2.*Sort/],
  ['1 3:1 2:1', {}, /index 2 is out of order/],
  ['1 -1:1', {}, /a feature is malformed/],
  ['1 1.5:1', {}, /a feature is malformed/],
  ['1 word', {}, /a feature is malformed.*received "word"/],
  ['1 :1', {}, /a feature is malformed/],
  ['1 1: 2', {}, /the value of index 1 is not a number.*received ""/],
  ['1 1:2:3', {}, /the value of index 1 is not a number.*received "2:3"/],
  ['1 1:nan', {}, /the value of index 1 is not finite.*nonFinite: 'keep'/],
  ['1 qid:2 1:1', {}, /query groups \(qid\).*Remove the qid/],
  ['1 4:1', { features: 3 }, /index 4 is too large.*at most 3/],
  ['1 3:1', { features: 3, firstIndex: 0 }, /index 3 is too large.*at most 2/],
  ['1 2147483648:1', {}, /index 2147483648 is too large/],
  ['1 99999999999:1', {}, /a feature is malformed/],
]

test('malformed text is refused with line and remedy', async (t) => {
  for (const [text, options, message] of refused) {
    t.throws(
      () => parseLibsvm(text, options),
      { name: 'DataError', code: 'ERR_DATA', message },
      JSON.stringify(text),
    )
  }
})

test('wrong options are refused', async (t) => {
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ feature: 3 }, /unknown option "feature".*"features"/],
    [{ features: -1 }, /"features"/],
    [{ features: 1.5 }, /"features"/],
    [{ features: 2 ** 31 }, /"features"/],
    [{ firstIndex: 2 }, /"firstIndex".*1 or 0/],
    [{ nonFinite: true }, /"nonFinite"/],
  ]
  for (const [options, message] of wrong) {
    t.throws(() => parseLibsvm('1 1:1', options), { name: 'ArgumentError', message })
  }
})

test('dense refuses what cannot be meant, before it allocates', async (t) => {
  const wide = parseLibsvm('1 2147483647:1\n'.repeat(3))
  t.throws(() => dense(wide), { name: 'DataError', message: /3 × 2147483647.*maxBytes/ })
  t.throws(() => dense(parseLibsvm('1 3:1'), { maxBytes: 23 }), DataError)
  t.equal(dense(parseLibsvm('1 3:1'), { maxBytes: 24 }).length, 3)
})

const number = fc.double({ noNaN: true, noDefaultInfinity: true })
const print = (data: Pick<LibsvmData, 'rows' | 'indptr' | 'indices' | 'values' | 'targets'>): string =>
  Array.from({ length: data.rows }, (_, i) => {
    const entries: string[] = []
    for (let k = data.indptr[i] ?? 0; k < (data.indptr[i + 1] ?? 0); k++) {
      const value = data.values[k] ?? NaN
      entries.push(`${String((data.indices[k] ?? 0) + 1)}:${Object.is(value, -0) ? '-0' : String(value)}`)
    }
    const target = data.targets[i] ?? NaN
    return `${Object.is(target, -0) ? '-0' : String(target)} ${entries.join(' ')}\n`
  }).join('')

test('print → parse gives the same bits', async () => {
  const row = fc.record({
    target: number,
    entries: fc.uniqueArray(fc.tuple(fc.nat(1000), number), { selector: ([j]) => j, maxLength: 8 }),
  })
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 8 }), (rows) => {
      const sorted = rows.map(({ entries }) => [...entries].sort(([i], [j]) => i - j))
      const data: LibsvmData = {
        rows: rows.length,
        columns: Math.max(0, ...sorted.flat().map(([j]) => j + 1)),
        indptr: Int32Array.of(0, ...sorted.map((_, i) => sorted.slice(0, i + 1).flat().length)),
        indices: Int32Array.from(sorted.flat(), ([j]) => j),
        values: Float64Array.from(sorted.flat(), ([, v]) => v),
        targets: Float64Array.from(rows, ({ target }) => target),
      }
      deepStrictEqual(parseLibsvm(print(data)), data)
    }),
    { numRuns: 300 },
  )
})

test('damaged files give rows or a DataError, never anything else', async () => {
  const texts = ['1 1:0.5 3:2\n-1 2:1e-3 4:7 # c\n+1\n', '# head\r\n1 1:1 2:1\r\n0 2:-3.25\r\n']
  fc.assert(
    fc.property(damaged(texts), (bytes) => {
      const data = resultOrDataError(() => parseLibsvm(bytes))
      if (data instanceof DataError) return saysWhere(data)
      // What was read is a valid matrix, and printing it reads back the same.
      const again = parseLibsvm(print(data), { features: data.columns })
      return data.values.every(Number.isFinite) && again.values.every((v, k) => Object.is(v, data.values[k]))
    }),
    { numRuns: damageRuns },
  )
})

const data = resolve(
  fileURLToPath(new URL('../../..', import.meta.url)),
  process.env['ONESTEP_DATA'] ?? '../shared/data',
)
const files = [
  { file: 'a9a', rows: 32561, columns: 123, entries: 451592, positive: 7841 },
  { file: 'mushrooms.txt', rows: 8124, columns: 112, entries: 170604, positive: 8124 },
]
for (const { file, rows, columns, entries, positive } of files) {
  const path = resolve(data, file)
  const skip = existsSync(path) ? false : `there is no ${path}; set ONESTEP_DATA to the folder that holds it`
  test(`the data set ${file}`, { skip }, async (t) => {
    const set = await readLibsvm(path)
    t.strictSame([set.rows, set.columns, set.values.length], [rows, columns, entries])
    t.equal(set.targets.filter((v) => v > 0).length, positive)
    t.equal(
      dense(set).reduce((sum, v) => sum + v, 0),
      entries,
      'all features are 0 or 1',
    )
  })
}
