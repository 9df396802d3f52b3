// Quantiles of streams: exact for few numbers, close for many, the same each time.
import fc from 'fast-check'
import { test } from 'tap'
import { stream } from '../../../lib/base/random.js'
import { QuantileSketch } from '../../../lib/study/page/quantileSketch.js'
import { quantile } from '../../../lib/study/statistics.js'

const shares = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1]
const sketchOf = (numbers: Iterable<number>, capacity?: number): QuantileSketch => {
  const sketch = new QuantileSketch(capacity)
  for (const x of numbers) sketch.add(x)
  return sketch
}

test('few numbers: exact', async (t) => {
  const number = fc.oneof(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), fc.constantFrom(0, 1, 1, 1, 2))
  fc.assert(
    fc.property(
      fc.array(number, { minLength: 1, maxLength: 60 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (numbers, p) => {
        const [got, expected] = [sketchOf(numbers, 64).quantile(p), quantile(numbers, p)]
        const scale = Math.max(...numbers.map(Math.abs), 1e-300)
        return Math.abs(got - expected) <= 1e-9 * scale
      },
    ),
  )
  t.ok(Number.isNaN(new QuantileSketch().quantile(0.5)), 'of nothing: NaN')
  const odd = sketchOf([1, NaN, Infinity, 3, -Infinity])
  t.strictSame(
    [odd.count, odd.skipped, odd.quantile(0.5)],
    [2, 3, 2],
    'what is not finite is counted by itself',
  )
})

test('many numbers: the rank is right to half a percent, whatever their order', async (t) => {
  const n = 300_000
  const orders: Readonly<Record<string, (i: number) => number>> = {
    ascending: (i) => i,
    descending: (i) => n - 1 - i,
    'in turns': (i) => (i % 2 === 0 ? i / 2 : n - (i + 1) / 2),
    shuffled: (() => {
      const order = stream(3, 'order').permutation(n)
      return (i: number) => order[i] ?? 0
    })(),
  }
  for (const [name, at] of Object.entries(orders)) {
    const sketch = sketchOf(Array.from({ length: n }, (_, i) => at(i)))
    for (const p of shares) t.ok(Math.abs(sketch.quantile(p) / (n - 1) - p) <= 0.005, `${name}, ${String(p)}`)
    t.strictSame([sketch.quantile(0), sketch.quantile(1)], [0, n - 1], 'the ends are exact')
    const small = sketchOf(
      Array.from({ length: n }, (_, i) => at(i)),
      64,
    )
    const worst = Math.max(...shares.map((p) => Math.abs(small.quantile(p) / (n - 1) - p)))
    t.ok(worst <= 0.03, `${name}, with 64 numbers a level: ${String(worst)}`)
  }
})
