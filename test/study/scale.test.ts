// Axes: what they span, where ticks stand and what they say, which points survive thinning.
import fc from 'fast-check'
import { test } from 'tap'
import {
  checkAxis,
  place,
  spanOf,
  thinDots,
  thinLine,
  ticksOf,
  type Axis,
  type ScaleKind,
} from '../../lib/study/scale.js'

const labels = (kind: ScaleKind, low: number, high: number, most: number): string =>
  ticksOf(kind, [low, high], most)
    .map(({ label }) => label)
    .join(' ')

const known: readonly (readonly [ScaleKind, number, number, number, string])[] = [
  ['linear', 0, 1, 6, '0 0.2 0.4 0.6 0.8 1.0'],
  ['linear', -9, 309, 8, '0 50 100 150 200 250 300'],
  ['linear', -1.1e-7, 2.1e-7, 4, '−1·10^-7 0 1·10^-7 2·10^-7'],
  ['linear', 0, 1.2e6, 4, '0 0.5·10^6 1.0·10^6'],
  ['linear', 1, 1.001, 3, '1.0000 1.0005 1.0010'],
  ['log', 1, 1e4, 6, '10^0 10^1 10^2 10^3 10^4'],
  ['log', 1e-14, 5, 8, '10^-14 10^-12 10^-10 10^-8 10^-6 10^-4 10^-2 10^0'],
  ['log', 1e-300, 1e300, 7, '10^-300 10^-200 10^-100 10^0 10^100 10^200 10^300'],
  ['log', 90, 2500, 9, '10^2 2·10^2 5·10^2 10^3 2·10^3'],
  ['log', 90, 2500, 3, '10^2 3·10^2 10^3'],
  ['log', 90, 2500, 2, '10^2 10^3'],
  ['log', 90, 950, 2, '10^2 3·10^2'],
  ['log', 2, 5.1, 8, '2 3 4 5'],
  ['log', 0.9, 60, 9, '10^0 2 5 10^1 2·10^1 5·10^1'],
]

test('ticks of known axes', async (t) => {
  for (const [kind, low, high, most, expected] of known) t.equal(labels(kind, low, high, most), expected)
})

test('ticks at whole numbers', async (t) => {
  const whole = (low: number, high: number, most: number): string =>
    ticksOf('linear', [low, high], most, true)
      .map(({ label }) => label)
      .join(' ')
  t.equal(whole(3.9, 8.1, 9), '4 5 6 7 8')
  t.equal(labels('linear', 3.9, 8.1, 9), '4.0 4.5 5.0 5.5 6.0 6.5 7.0 7.5 8.0')
  t.equal(whole(0, 5000, 6), '0 1000 2000 3000 4000 5000')
  t.throws(() => {
    checkAxis('x', { label: 'k', scale: 'log', whole: true })
  }, /option "whole"/)
})

/** The number that a tick's label says. */
const said = (label: string): number => {
  const [, minus, factor, exponent] = /^(−?)(?:([\d.]+)(?:·|$))?(?:10\^(-?\d+))?$/.exec(label) ?? []
  return (minus === '' ? 1 : -1) * Number(factor ?? 1) * Number(`1e${exponent ?? '0'}`)
}

const magnitude = fc.tuple(fc.double({ min: 1, max: 10, noNaN: true }), fc.integer({ min: -300, max: 299 }))
const positive = magnitude.map(([m, e]) => m * Number(`1e${String(e)}`))
const signed = fc.tuple(positive, fc.boolean()).map(([x, minus]) => (minus ? -x : x))

test('the smallest and the largest axes have ticks too', async (t) => {
  const ends = [
    [0, 5e-324],
    [-5e-324, 5e-324],
    [-1e300, 1e300],
    [1, 1 + 2 ** -52],
  ] as const
  for (const domain of ends) {
    const values = ticksOf('linear', domain, 5).map(({ value }) => value)
    t.ok(values.length >= 1 && values.length <= 6 && values.every(Number.isFinite), values.join(' '))
  }
  t.ok(ticksOf('log', [5e-324, 1.7e308], 5).length >= 3)
})

test('ticks lie inside, ascend, differ, and say their value', async () => {
  const domain = (value: fc.Arbitrary<number>) =>
    fc.tuple(value, value).filter(([a, b]) => a < b && (b - a) / Math.max(Math.abs(a), Math.abs(b)) > 1e-6)
  const axis = fc.oneof(
    domain(signed).map((ends) => ['linear', ends] as const),
    domain(positive).map((ends) => ['log', ends] as const),
  )
  fc.assert(
    fc.property(axis, fc.integer({ min: 2, max: 12 }), ([kind, [low, high]], most) => {
      const ticks = ticksOf(kind, [low, high], most)
      const span = high - low
      const isTrue = ticks.every(({ value, label }) => {
        const error = Math.abs(said(label) - value)
        return error <= (kind === 'log' && !/^[\d.]+$/.test(label) ? Math.abs(value) : span) * 1e-6
      })
      const inside = ticks.every(({ value }) => value >= low - span * 1e-6 && value <= high + span * 1e-6)
      const ascend = ticks.every(({ value }, i) => i === 0 || value > (ticks[i - 1]?.value ?? NaN))
      const differ = new Set(ticks.map(({ label }) => label)).size === ticks.length
      return (
        isTrue && inside && ascend && differ && ticks.length >= 1 && ticks.length <= Math.max(most + 1, 6)
      )
    }),
    { numRuns: process.env['ONESTEP_SOAK'] === '1' ? 100_000 : 3000 },
  )
})

test('spanOf holds every value that can be shown, with a margin', async (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom<ScaleKind>('linear', 'log'),
      fc.array(fc.double(), { maxLength: 8 }),
      (kind, values) => {
        const [low, high] = spanOf(kind, values)
        const shown = values.filter((v) => (kind === 'linear' ? Math.abs(v) <= 1e300 : v > 0 && v < Infinity))
        const isSound =
          Number.isFinite(low) && Number.isFinite(high) && low < high && (kind === 'linear' || low > 0)
        return isSound && shown.every((v) => v >= low && v <= high)
      },
    ),
    { numRuns: 2000 },
  )
  t.strictSame(spanOf('linear', [0, 100]), [-3, 103])
  t.strictSame(spanOf('linear', [5]), [4.75, 5.25])
  t.strictSame(spanOf('linear', [0, 0]), [-1, 1])
  t.strictSame(spanOf('linear', [5e-324]), [-1, 1])
  t.strictSame(spanOf('log', [NaN, -1, 0]), [1, 10])
  t.equal(place('log', [1, 100], 10), 0.5)
})

test('thinLine keeps the outline of every pixel column', async () => {
  const points = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 19 }), fc.oneof(fc.integer({ min: -50, max: 50 }), fc.constant(NaN))),
  )
  fc.assert(
    fc.property(points, (list) => {
      const x = list.map(([a]) => a).sort((a, b) => a - b)
      const y = list.map(([, b]) => b)
      const { indices, hidden } = thinLine(
        x,
        y,
        (i) => !Number.isNaN(y[i]),
        (i) => Math.floor((x[i] ?? 0) / 4),
      )
      const outline = (chosen: readonly number[]) =>
        [0, 1, 2, 3, 4].map((column) => {
          const seen = chosen
            .filter((i) => Math.floor((x[i] ?? 0) / 4) === column)
            .flatMap((i) => (Number.isNaN(y[i]) ? [] : [y[i] ?? 0]))
          return [seen[0], seen.at(-1), Math.min(...seen), Math.max(...seen)].join()
        })
      const everything = y.map((_, i) => i)
      const ascend = indices.every((i, k) => k === 0 || i > (indices[k - 1] ?? NaN))
      return (
        ascend &&
        hidden === y.filter(Number.isNaN).length &&
        outline(indices).join() === outline(everything).join()
      )
    }),
    { numRuns: 1000 },
  )
})

test('thinning makes big series small, and keeps gaps', async (t) => {
  const n = 1_000_000
  const y = Float64Array.from({ length: n }, (_, i) => Math.sin(i))
  const line = thinLine(
    y,
    y,
    () => true,
    (i) => Math.floor(i / 2000),
  )
  t.ok(line.indices.length <= 4 * 500)
  const gap = thinLine(
    [0, 1, 2],
    [1, NaN, 2],
    (i) => i !== 1,
    () => 0,
  )
  t.strictSame(gap, { indices: [0, 1, 2], hidden: 1 })
  t.strictSame(
    thinDots(
      6,
      (i) => i !== 5,
      (i) => i % 2,
    ),
    { indices: [0, 1], hidden: 1 },
  )
})

test('malformed axes are refused by name', async (t) => {
  const axes: readonly object[] = [
    { label: 'x', scale: 'logarithmic' },
    { label: 'x', domain: [1, 1] },
    { label: 'x', domain: [NaN, 1] },
    { label: 'x', scale: 'log', domain: [0, 1] },
    { label: 'x', range: [0, 1] },
  ]
  for (const axis of axes)
    t.throws(() => checkAxis('panel 3, x', axis as Axis), { name: 'ArgumentError', message: /^panel 3, x/ })
})
