// Samples of standard problems from files and digits: what is read, how it is split, and what is refused.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { NDArray, array, loadDigits } from '../../../lib/index.js'
import type { TrainingData } from '../../../lib/index.js'
import { loadData } from '../../../lib/study/problem/data.js'
import type { Targets } from '../../../lib/study/problem/data.js'
import { standardized } from '../../../lib/study/problem/standardize.js'
import type { DataSpecification } from '../../../lib/study/specification/specification.js'

const folder = mkdtempSync(join(tmpdir(), 'onestep-data-'))
t.teardown(() => {
  rmSync(folder, { recursive: true })
})

/** Row i has features i, 10 i and a target. */
const rows = (target: (i: number) => number | string): string[] =>
  Array.from({ length: 10 }, (_, i) => `${String(i)},${String(10 * i)},${String(target(i))}`)
const write = (name: string, lines: readonly string[]): string => {
  writeFileSync(join(folder, name), `${lines.join('\n')}\n`)
  return name
}
type FileData = DataSpecification & { readonly kind: 'file' }
const from = (path: string, format: string, change: Partial<FileData> = {}): FileData => ({
  ...{ kind: 'file', path, format: format as FileData['format'], validation: 0.3, seed: 1 },
  ...change,
})
const load = (data: DataSpecification, targets: Targets = 'numbers', options = {}): Promise<TrainingData> =>
  loadData(data, targets, options, folder)

/** [feature, feature, target] of each row. */
const rowsOf = ({ features, targets }: TrainingData['training']): number[][] => {
  const [a, b] = [array(features), array(targets)]
  return Array.from(b.data, (target, i) => [a.data[2 * i] as number, a.data[2 * i + 1] as number, target])
}

const csv = write('plain.csv', ['a,b,y', ...rows((i) => i / 2)])
const arff = write('plain.arff', [
  ...['@relation r', '@attribute a numeric', '@attribute b numeric', '@attribute y numeric', '@data'],
  ...rows((i) => i / 2),
])
const libsvm = write(
  'plain.libsvm',
  Array.from({ length: 10 }, (_, i) => `${String(i / 2)} 1:${String(i)} 2:${String(10 * i)}`),
)

t.test('each format gives the same rows, once each, split by the seed alone', async (t) => {
  const found = await Promise.all(
    [from(csv, 'csv'), from(arff, 'arff'), from(libsvm, 'libsvm')].map((data) => load(data)),
  )
  const [first] = found as [TrainingData]
  t.equal(array(first.validation.targets).size, 3)
  t.equal(array(first.training.targets).size, 7)
  const all = [...rowsOf(first.training), ...rowsOf(first.validation)].sort((x, y) => x[0]! - y[0]!)
  t.strictSame(
    all,
    Array.from({ length: 10 }, (_, i) => [i, 10 * i, i / 2]),
  )
  for (const other of found) t.strictSame(rowsOf(other.training), rowsOf(first.training))
  const reseeded = await load(from(csv, 'csv', { seed: 2 }))
  t.notSame(rowsOf(reseeded.training), rowsOf(first.training))
})

t.test('targets are what the problem wants', async (t) => {
  const values = (data: TrainingData): number[] =>
    [...new Set([...rowsOf(data.training), ...rowsOf(data.validation)].map((row) => row[2] as number))].sort(
      (x, y) => x - y,
    )
  const two = write('two.csv', ['a,b,y', ...rows((i) => 1 + (i % 2))])
  const signs = await load(from(two, 'csv'), 'signs')
  t.strictSame(values(signs), [-1, 1])
  for (const [a, , y] of rowsOf(signs.training)) t.equal(y, (a as number) % 2 === 0 ? -1 : 1)
  const four = write('four.csv', ['a,b,y', ...rows((i) => [3, 5, 7, 9][i % 4] as number)])
  t.strictSame(values(await load(from(four, 'csv'), 'classes')), [0, 1, 2, 3])
  const first = await load(from(csv, 'csv'), 'numbers', { target: 'a' })
  t.strictSame(values(first), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 'another column')
  const names = write('names.arff', [
    ...['@relation r', '@attribute a numeric', '@attribute b numeric', '@attribute y {no,yes}', '@data'],
    ...rows((i) => (i < 5 ? 'no' : 'yes')),
  ])
  for (const [a, , y] of rowsOf((await load(from(names, 'arff'), 'signs')).training)) {
    t.equal(y, (a as number) < 5 ? -1 : 1, 'nominal values')
  }
})

t.test('standardised features have mean 0 and deviation 1 on the training rows', async (t) => {
  const data = await load(from(csv, 'csv'), 'numbers', { standardize: true })
  const moments = (column: number): readonly [number, number] => {
    const all = rowsOf(data.training).map((row) => row[column] as number)
    const mean = all.reduce((s, v) => s + v, 0) / all.length
    return [mean, all.reduce((s, v) => s + (v - mean) ** 2, 0) / all.length]
  }
  for (const column of [0, 1]) {
    const [mean, variance] = moments(column)
    t.ok(Math.abs(mean) < 1e-12 && Math.abs(variance - 1) < 1e-12)
  }
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 4, maxLength: 20 }),
      fc.double({ min: -1e9, max: 1e9, noNaN: true }),
      (column, constant) => {
        const n = column.length
        const both = (values: readonly number[]): NDArray =>
          new NDArray([values.length, 2], Float64Array.from(values.flatMap((v) => [v, constant])))
        const [x, y] = standardized(both(column), both([1, 2]))
        const own = Array.from({ length: n }, (_, i) => x.data[2 * i] as number)
        const mean = own.reduce((s, v) => s + v, 0) / n
        const still = x.data.every((v, at) => at % 2 === 0 || v === 0) && y.data[1] === 0
        return still && Math.abs(mean) < 1e-6 && [...x.data, ...y.data].every(Number.isFinite)
      },
    ),
  )
})

t.test('digits: the sizes, sides and targets that are asked for', async (t) => {
  const wanted = { kind: 'digits', training: 40, validation: 20, seed: 5 } as const
  const { training, validation } = await load(wanted, 'signs', { side: 7, positive: [3] })
  t.strictSame(
    [array(training.features).shape, array(validation.features).shape],
    [
      [40, 49],
      [20, 49],
    ],
  )
  const classes = await load(wanted, 'classes', { side: 7 })
  const [signs, labels] = [array(training.targets).data, array(classes.training.targets).data]
  t.strictSame(
    [...signs],
    [...labels].map((label) => (label === 3 ? 1 : -1)),
  )
  t.ok(new Set(labels).size > 5, 'many digits')
  const { images } = await loadDigits({ side: 7 })
  t.ok(array(training.features).data.every((v) => v >= 0 && v <= 1) && images.length > 0)
})

const three = write('three.csv', ['a,b,y', ...rows((i) => i % 3)])
const wrong: readonly (readonly [string, DataSpecification, Targets, object, RegExp])[] = [
  ['no file', from('gone.csv', 'csv'), 'numbers', {}, /gone\.csv: the file does not exist/],
  ['malformed', from(csv, 'arff'), 'numbers', {}, /plain\.csv.*line 1|plain\.csv/],
  ['three values for two signs', from(three, 'csv'), 'signs', {}, /two values.*3 values: 0, 1, 2/],
  ['halves for classes', from(csv, 'csv'), 'classes', {}, /whole numbers/],
  ['no such column', from(csv, 'csv'), 'numbers', { target: 'z' }, /no column "z"/],
  ['a column of LIBSVM', from(libsvm, 'libsvm'), 'numbers', { target: 'y' }, /"target" has no meaning/],
  ['all for validation', from(csv, 'csv', { validation: 1 }), 'numbers', {}, /no rows are left/],
  ['none for validation', from(csv, 'csv', { validation: 0.01 }), 'numbers', {}, /no rows are left/],
  ['a format', from(csv, 'xls'), 'numbers', {}, /libsvm, arff or csv/],
  ['an option of digits', from(csv, 'csv'), 'numbers', { side: 7 }, /unknown option "side"/],
  ['yes', from(csv, 'csv'), 'numbers', { standardize: 'yes' }, /"standardize".*true or false.*"yes"/],
  ['a number for a name', from(csv, 'csv'), 'numbers', { target: 3 }, /"target".*a text/],
  [
    'too many digits',
    { kind: 'digits', training: 9999, validation: 9999, seed: 0 },
    'signs',
    {},
    /at most 10000/,
  ],
  [
    'digits of words',
    { kind: 'digits', training: 9, validation: 9, seed: 0 },
    'signs',
    { positive: ['one'] },
    /"positive".*list of numbers/,
  ],
  ['no samples', { kind: 'synthetic', samples: 0, features: 2, seed: 0 }, 'numbers', {}, /≥ 1/],
]

t.test('what is wrong is told', async (t) => {
  for (const [name, data, targets, options, message] of wrong) {
    await t.rejects(load(data, targets, options), { message }, name)
  }
})
