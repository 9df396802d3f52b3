// Statistics beside SciPy 1.17.1 on fixed data, beside sums over all pairs, and by what must hold for any data.
import fc from 'fast-check'
import { test } from 'tap'
import { stream } from '../../lib/base/random.js'
import {
  bootstrapInterval,
  hodgesLehmann,
  mannWhitney,
  median,
  medianAbsoluteDeviation,
  normalProbability,
  quantile,
  quantiles,
  shareDifference,
} from '../../lib/study/statistics.js'

const A = [1.83, 0.5, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.3]
const B = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29, 0.2, 4.1]
const C = [1, 2, 2, 3, 3, 3, 4, 5, 5, 7, 9, 9, 12]
const D = [2, 3, 3, 4, 6, 6, 7, 8, 9, 9, 9, 14, 15, 20]
const wave = (from: number, to: number, speed: number, shift: number): number[] =>
  Array.from({ length: to - from }, (_, i) =>
    Number(Math.exp(Math.sin((from + i) * speed) * 1.3 + shift).toFixed(6)),
  )
const E = wave(1, 41, 1, 0)
const F = wave(3, 63, 1.7, 0.4)

const close = (x: number, y: number, tolerance: number): boolean =>
  x === y || Math.abs(x - y) <= tolerance * Math.abs(y)
const mean = (x: ArrayLike<number> | undefined): number =>
  Array.from(x ?? []).reduce((a, b) => a + b, 0) / (x?.length ?? 0)

test('order statistics', async (t) => {
  // numpy.quantile(E, …), scipy.stats.median_abs_deviation(E)
  const shares = [0, 0.05, 0.1, 0.333, 0.5, 0.75, 0.9, 1]
  const expected = [0.272535, 0.27673775, 0.2873877, 0.572153749, 1.2082395, 2.64948475, 3.4703572, 3.668876]
  quantiles(E, shares).forEach((q, i) => t.ok(close(q, expected[i] ?? NaN, 1e-12), String(shares[i])))
  t.ok(close(medianAbsoluteDeviation(E), 0.85757, 1e-12))
  t.strictSame([median([3, 1, 2]), median([4, 1, 2, 3]), median([7])], [2, 2.5, 7])
  t.strictSame(
    [median([]), quantile([Infinity, Infinity], 0.3), median([-Infinity, 1, Infinity])],
    [NaN, Infinity, 1],
  )
  const list = [3, 1, 2]
  median(list)
  t.strictSame(list, [3, 1, 2], 'the sample stays as it is')
})

test('the normal distribution function', async (t) => {
  // scipy.stats.norm.cdf
  const table = [
    [-30, 4.906713927147908e-198],
    [-8, 6.22096057427174e-16],
    [-3.5, 0.00023262907903552502],
    [-3, 0.0013498980316300933],
    [-2.9, 0.0018658133003840375],
    [-1, 0.15865525393145707],
    [-0.1, 0.460172162722971],
    [0, 0.5],
    [0.5, 0.6914624612740131],
    [1.959963984540054, 0.975],
    [2.99, 0.9986051127645078],
    [3.01, 0.9986937615512306],
    [6, 0.9999999990134123],
    [9, 1],
  ] as const
  for (const [z, p] of table) t.ok(close(normalProbability(z), p, 1e-12), String(z))
  t.strictSame([-Infinity, Infinity, NaN].map(normalProbability), [0, 1, NaN])
})

test('Mann and Whitney, as in SciPy', async (t) => {
  // scipy.stats.mannwhitneyu(x, y, method='auto')
  const table: readonly (readonly [string, readonly number[], readonly number[], number, number])[] = [
    ['few', A.slice(0, 5), B.slice(0, 5), 17, 0.42063492063492064],
    ['exact up to 8', A.slice(0, 6), [10, 11, 12, 13, 14, 15, 16], 0, 0.0011655011655011655],
    ['few, with ties', A.slice(0, 7), B, 50, 0.31863676767150173],
    ['ties', A, B, 67, 0.19617525927674972],
    ['integers', C, D, 55, 0.08266300871478102],
    ['many', E, F, 939, 0.06682166750501325],
    ['all equal', [1, 1, 1], [1, 1, 1, 1], 6, 1],
    ['one', [0.3], [0.1, 0.5, 0.9], 1, 1],
  ]
  for (const [name, x, y, u, p] of table) {
    const found = mannWhitney(x, y)
    t.equal(found.u, u, name)
    t.ok(close(found.p, p, 1e-10), `${name}: ${String(found.p)}`)
    t.equal(found.effect, u / (x.length * y.length), name)
  }
  t.strictSame(mannWhitney([], [1]), { u: NaN, p: NaN, effect: NaN })
  t.strictSame(mannWhitney([NaN], [1]).p, NaN)
})

const numbers = (most: number) =>
  fc.array(fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double({ min: -1e6, max: 1e6, noNaN: true })), {
    minLength: 1,
    maxLength: most,
  })

test('Mann and Whitney: by pairs, and the other way round', async (t) => {
  fc.assert(
    fc.property(numbers(20), numbers(20), (x, y) => {
      const pairs = x.flatMap((a) => y.map((b) => (a > b ? 1 : a === b ? 0.5 : 0)))
      const [one, other] = [mannWhitney(x, y), mannWhitney(y, x)]
      const p = one.p >= 0 && one.p <= 1 && close(one.p, other.p, 1e-9)
      return (
        one.u === pairs.reduce((a: number, b) => a + b, 0) && one.u + other.u === x.length * y.length && p
      )
    }),
  )
  t.pass()
})

test('Mann and Whitney: p is small as often as it says', async (t) => {
  const source = stream(5, 'ranks')
  const trials = 400
  for (const [m, n] of [
    [5, 6],
    [30, 40],
  ] as const) {
    let small = 0
    for (let k = 0; k < trials; k++) {
      if (mannWhitney(source.normals(m, k * 100), source.normals(n, k * 100 + 50)).p < 0.1) small++
    }
    t.ok(
      small / trials > 0.04 && small / trials < 0.15,
      `${String(m)} and ${String(n)}: ${String(small / trials)}`,
    )
  }
})

test('Hodges and Lehmann: the median of all differences', async (t) => {
  fc.assert(
    fc.property(numbers(25), numbers(25), (x, y) => {
      const expected = median(x.flatMap((a) => y.map((b) => b - a)))
      return close(hodgesLehmann(x, y), expected, 1e-12) || Math.abs(hodgesLehmann(x, y) - expected) < 1e-300
    }),
    { numRuns: 300 },
  )
  const many = stream(1, 'many').normals(5000)
  t.ok(
    Math.abs(
      hodgesLehmann(
        many,
        many.map((x) => x + 3),
      ) - 3,
    ) < 0.05,
    'twenty-five million pairs',
  )
  t.strictSame([hodgesLehmann([], [1]), hodgesLehmann([NaN], [1])], [NaN, NaN])
})

test('bootstrap intervals, as in SciPy', async (t) => {
  const deviation = ([x]: readonly Float64Array[]): number => {
    const list = x ?? new Float64Array()
    return Math.sqrt(list.reduce((sum, v) => sum + (v - mean(list)) ** 2, 0) / (list.length - 1))
  }
  const averaged = ([x]: readonly Float64Array[]): number => mean(x)
  const ratio = ([x, y]: readonly Float64Array[]): number => mean(y) / mean(x)
  // scipy.stats.bootstrap with 400,000 resamples (200,000 for the ratio): ends, standard error
  const table: readonly (readonly [
    string,
    readonly number[][],
    typeof averaged,
    'percentile' | 'bca',
    number,
    number,
    number,
  ])[] = [
    ['mean of E', [E], averaged, 'percentile', 1.18878827, 1.93257531, 0.18982],
    ['mean of E', [E], averaged, 'bca', 1.20271505, 1.94826606, 0.18982],
    ['deviation of E', [E], deviation, 'percentile', 1.01498183, 1.35061954, 0.085448],
    ['deviation of E', [E], deviation, 'bca', 1.05855833, 1.37908571, 0.085448],
    ['mean of A', [A], averaged, 'bca', 1.34111111, 2.22222222, 0.224974],
    ['ratio', [E, F], ratio, 'percentile', 1.01961734, 1.93110139, 0.232745],
    ['ratio', [E, F], ratio, 'bca', 1.01804924, 1.92759819, 0.232745],
  ]
  for (const [name, samples, statistic, method, low, high, error] of table) {
    const found = bootstrapInterval(samples, statistic, { method, resamples: 20_000, seed: 3 })
    const told = `${name}, ${method}: ${String(found.low)} … ${String(found.high)}`
    t.ok(Math.abs(found.low - low) < 0.08 * error && Math.abs(found.high - high) < 0.08 * error, told)
    t.equal(found.estimate, statistic(samples.map((s) => Float64Array.from(s))))
  }
})

test('bootstrap intervals: reproducible, wider for higher levels, right as often as they say', async (t) => {
  const averaged = ([x]: readonly Float64Array[]): number => mean(x)
  const of = (level: number, seed: number) =>
    bootstrapInterval([E], averaged, { level, seed, resamples: 500 })
  t.strictSame(of(0.9, 1), of(0.9, 1))
  t.notSame(of(0.9, 1), of(0.9, 2))
  t.ok(of(0.99, 1).low < of(0.8, 1).low && of(0.99, 1).high > of(0.8, 1).high)
  const same = { estimate: 2, low: 2, high: 2 }
  t.strictSame(bootstrapInterval([[2, 2, 2]], averaged), same, 'no spread')
  t.strictSame(bootstrapInterval([[2]], averaged, { method: 'percentile' }), same, 'one number')

  const source = stream(11, 'skewed')
  let held = 0
  for (let k = 0; k < 200; k++) {
    const sample = source.normals(40, 40 * k).map(Math.exp)
    const { low, high } = bootstrapInterval([sample], averaged, { level: 0.9, resamples: 400, seed: k })
    if (low <= Math.exp(0.5) && Math.exp(0.5) <= high) held++
  }
  t.ok(held >= 160 && held <= 196, `${String(held)} of 200 hold the mean, for nine of ten`)

  const wrong: readonly (readonly [number[][], object, RegExp])[] = [
    [[], {}, /no sample/],
    [[[1], []], {}, /an empty sample/],
    [[[1]], { level: 1 }, /option level/],
    [[[1]], { resamples: 3 }, /option resamples/],
    [[[1]], { repeats: 3 }, /unknown option "repeats"/],
  ]
  for (const [samples, options, message] of wrong)
    t.throws(() => bootstrapInterval(samples, averaged, options), { name: 'ArgumentError', message })
})

test('differences of shares: the examples of Newcombe (1998), method 10', async (t) => {
  const table = [
    [56, 70, 48, 80, 0.0524, 0.3339],
    [9, 10, 3, 10, 0.1705, 0.809],
    [6, 7, 2, 7, 0.0582, 0.8062],
    [5, 56, 0, 29, -0.0381, 0.1926],
    [0, 10, 0, 20, -0.1611, 0.2775],
    [10, 10, 0, 20, 0.6791, 1],
  ] as const
  for (const [l, n, k, m, low, high] of table) {
    const found = shareDifference([k, m], [l, n])
    t.ok(
      Math.abs(found.low - low) < 6e-5 && Math.abs(found.high - high) < 6e-5,
      `${String(found.low)} … ${String(found.high)}`,
    )
    t.equal(found.estimate, l / n - k / m)
  }
})
