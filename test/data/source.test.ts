// Numbers read from bytes, against the Number of JavaScript; texts that are none; files that cannot be read.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import tap, { test } from 'tap'
import { ArgumentError, DataError } from '../../lib/base/errors.js'
import { readArff } from '../../lib/data/arff.js'
import { readCsv } from '../../lib/data/csv.js'
import { parseLibsvm, readLibsvm } from '../../lib/data/libsvm.js'
import { decimal, didYouMean, oneOf, Source } from '../../lib/data/source.js'

const read = (text: string): number => decimal(Buffer.from(`<${text}>`), 1, Buffer.byteLength(text) + 1)

test('decimal: every double comes back from each way to write it', async () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.nat(20), (x, digits) => {
      const texts = [String(x), x.toExponential(), x.toExponential(digits), x.toPrecision(digits + 1)]
      const zero = Object.is(x, -0) ? Object.is(read('-0'), -0) : true
      return zero && texts.every((text) => Object.is(read(text), Number(text)))
    }),
    { numRuns: 3000 },
  )
})

test('decimal: correctly rounded, as Number is, for any digits', async () => {
  const digits = (max: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: max })
  const exponent = fc.oneof(
    fc.constant(''),
    fc.integer({ min: -400, max: 400 }).map((e) => `e${String(e)}`),
  )
  fc.assert(
    fc.property(fc.constantFrom('', '-', '+'), digits(25), digits(25), exponent, (sign, a, b, e) => {
      fc.pre(a !== '' || b !== '')
      const text = `${sign}${a}${b === '' ? '' : '.'}${b}${e}`
      return Object.is(read(text), Number(text))
    }),
    { numRuns: 5000 },
  )
})

const notNumbers = [
  '',
  '+',
  '-',
  '.',
  'e5',
  '1e',
  '1e+',
  '1.2.3',
  '--1',
  '1-',
  '0x10',
  '1_0',
  'NaN',
  'inf',
  'Infinity',
  '１',
]
const numbers: readonly (readonly [string, number])[] = [
  ['1.', 1],
  ['.5', 0.5],
  ['+1E+02', 100],
  ['-0', -0],
  ['1e400', Infinity],
  ['1e-400', 0],
  ['1e99999999999999999999', Infinity],
  ['9007199254740993', 9007199254740992],
  ['0.1', 0.1],
  ['123456789012345e22', 123456789012345e22],
  ['5e-324', 5e-324],
]

test('decimal: its grammar', async (t) => {
  for (const text of notNumbers) t.ok(Number.isNaN(read(text)), JSON.stringify(text))
  for (const [text, value] of numbers) t.ok(Object.is(read(text), value), text)
})

test('Source: line ends of every kind are one line each', async (t) => {
  const source = new Source('a\r\nb\rc\nd', 'x')
  const lines: string[] = []
  while (!source.done) {
    const { at } = source
    source.skipLine()
    lines.push(`${String(source.line)}${source.text(at, source.at)}`)
    source.skipLineEnd()
  }
  t.strictSame(lines, ['1a', '2b', '3c', '4d'])
  t.equal(new Source('\ufeffab', 'x').next, 97, 'a byte order mark is skipped')
})

test('Source: bytes that are no UTF-8 text are refused with a remedy', async (t) => {
  t.throws(() => new Source(Buffer.of(0x1f, 0x8b, 8), 'x.gz'), { message: /gzip.*gunzip/ })
  t.throws(() => new Source(Buffer.from('\ufeffa', 'utf16le'), 'x'), { message: /UTF-16.*iconv/ })
  for (const text of [undefined, null, 5, {}, new Float64Array(2)]) {
    t.throws(() => parseLibsvm(text as string), ArgumentError)
  }
})

test('messages stay short and find near names', async (t) => {
  const long = Array.from({ length: 100 }, () => 'x'.repeat(10_000))
  t.ok(oneOf(long).length < 1000)
  t.equal(didYouMean('colum', ['column', 'row'], 'else'), 'Did you mean "column"?')
  t.equal(didYouMean('y'.repeat(10_000), long, 'else'), 'else')
})

const folder = mkdtempSync(join(tmpdir(), 'onestep-data-'))
const readers: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  readArff,
  readCsv,
  readLibsvm,
}

for (const [name, reader] of Object.entries(readers)) {
  test(`${name}: files that cannot be read`, async (t) => {
    const missing = join(folder, 'missing.txt')
    await t.rejects(
      reader(missing),
      new DataError(`${missing}: the file does not exist`, {
        remedy: 'Check the path; data files are not part of the package',
      }),
    )
    await t.rejects(reader(folder), { name: 'DataError', message: /EISDIR/ })
    await t.rejects(reader(join(folder, 'a\0b')), { name: 'DataError' })
    await t.rejects(reader(0 as unknown as string), ArgumentError, 'a number would be a file descriptor')
  })
}

test('errors name the file and the line', async (t) => {
  const path = join(folder, 'bad.txt')
  writeFileSync(path, '1 1:2\n\n1 1:x\n')
  await t.rejects(readLibsvm(path), {
    message: new RegExp(`^${path}:3: the value of index 1 is not a number`),
  })
  writeFileSync(path, 'a,b\n1,2\n3,oops\n')
  await t.rejects(readCsv(path), { message: new RegExp(`^${path}:3: column "b" is not a number`) })
  writeFileSync(path, '@relation r\n@attribute a real\n@data\nx\n')
  await t.rejects(readArff(path), { message: new RegExp(`^${path}:4: attribute "a" is not a number`) })
})

tap.teardown(() => {
  rmSync(folder, { recursive: true })
})
