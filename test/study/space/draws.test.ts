// Drawn axes: each number from the place in its stream that the documentation names, alone or in any block; independent of other
// axes; different for seeds and repeats; distributed as promised.
import fc from 'fast-check'
import { test } from 'tap'
import { NDArray } from '../../../lib/base/ndarray.js'
import { normalQuantile } from '../../../lib/base/random.js'
import { quantile } from '../../../lib/study/space/axes.js'
import { thetaAt, thetaBlock, thetaCount } from '../../../lib/study/space/space.js'
import type { Axis, Space } from '../../../lib/study/specification/specification.js'
import { anySpace, everyTheta, list, logUniform, normal, sobol, space, uniform } from './spaces.js'

const bits = (x: Float64Array): Buffer => Buffer.from(Float64Array.from(x).buffer)
const column = (s: Space, name: string, seed: number, repeat: number, lo: number, hi: number): Float64Array =>
  (thetaBlock(s, { seed, repeat, lo, hi })[name] as NDArray).data

const seeds = fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 53 - 1))

test('any space: the numbers of the streams', async () => {
  fc.assert(
    fc.property(anySpace, seeds, seeds, (s, seed, repeat) => {
      const block = thetaBlock(s, { seed, repeat, lo: 0, hi: thetaCount(s) })
      return everyTheta(s, seed, repeat).every((row, i) =>
        Object.entries(row).every(([name, entries]) =>
          entries.every((x, e) => Object.is(x, block[name]?.data[i * entries.length + e])),
        ),
      )
    }),
    { numRuns: 200 },
  )
})

test('any space, cut anywhere: the same bits', async () => {
  fc.assert(
    fc.property(anySpace, seeds, fc.nat(), fc.nat(), (s, seed, x, y) => {
      const n = thetaCount(s)
      const cuts = [0, x % (n + 1), y % (n + 1), n].sort((a, b) => a - b)
      const whole = thetaBlock(s, { seed, repeat: 2, lo: 0, hi: n })
      const parts = cuts
        .slice(1)
        .map((hi, k) => thetaBlock(s, { seed, repeat: 2, lo: cuts[k] as number, hi }))
      return Object.entries(whole).every(([name, { data, shape }]) => {
        const same = Buffer.concat(parts.map((part) => bits((part[name] as NDArray).data)))
        return same.equals(bits(data)) && shape[0] === n
      })
    }),
    { numRuns: 200 },
  )
})

test('any space: θ(i) alone is row i of the block', async () => {
  fc.assert(
    fc.property(anySpace, seeds, fc.nat(), (s, seed, x) => {
      const i = x % thetaCount(s)
      const one = thetaAt(s, { seed, repeat: 1, i })
      const block = thetaBlock(s, { seed, repeat: 1, lo: 0, hi: thetaCount(s) })
      return Object.entries(s.axes).every(([name, { shape }]) => {
        const entry = one[name]
        const { data } = block[name] as NDArray
        if (shape.length === 0) return Object.is(entry, data[i])
        if (!(entry instanceof NDArray) || entry.shape.join() !== shape.join()) return false
        return bits(entry.data).equals(bits(data.slice(i * entry.size, (i + 1) * entry.size)))
      })
    }),
    { numRuns: 200 },
  )
})

test('other axes, their order and the size of the space make no difference', async (t) => {
  const a = uniform(0, 1, [2])
  const alone = space({ a }, 12)
  const others: readonly Space[] = [
    space({ b: normal(0, 1), a }, 12),
    space({ a, b: normal(0, 1), c: sobol(0, 1) }, 12),
    space({ g: list(1, 2, 3), a }, 4),
    space({ a, g: list(1, 2) }, 600),
  ]
  for (const repeat of [0, 5]) {
    const expected = column(alone, 'a', 9, repeat, 0, 12)
    for (const other of others) t.strictSame(column(other, 'a', 9, repeat, 0, 12), expected)
  }
  t.strictSame(
    column(space({ a: logUniform(1, Math.E) }, 5), 'a', 9, 0, 0, 5).map(Math.log),
    column(space({ a: uniform(0, 1) }, 5), 'a', 9, 0, 0, 5).map((u) => Math.log(Math.exp(u))),
    'bounds and scale move the same draws',
  )
})

test('seeds, repeats and names differ; the grid does not', async (t) => {
  const s = space({ g: list(1, 2), a: uniform(0, 1), b: uniform(0, 1), c: sobol(0, 1), d: sobol(0, 1) }, 50)
  const columns = [
    [1, 0],
    [1, 1],
    [2, 0],
    [0, 1],
  ].flatMap(([seed, repeat]) =>
    ['a', 'b', 'c', 'd'].map((name) => column(s, name, seed as number, repeat as number, 0, 100)),
  )
  const first = columns.map((x) => x[0])
  t.equal(new Set(first).size, columns.length, 'no two begin alike')
  t.strictSame(column(s, 'g', 1, 0, 0, 100), column(s, 'g', 2, 7, 0, 100))
})

/** The largest distance between the distribution of some numbers and F, times √n: above 1.95 once in a thousand times. */
const kolmogorov = (x: Float64Array, F: (x: number) => number): number => {
  const n = x.length
  const distances = x
    .slice()
    .sort()
    .map((v, i) => Math.max(Math.abs(F(v) - i / n), Math.abs(F(v) - (i + 1) / n)))
  return Math.sqrt(n) * distances.reduce((a, b) => Math.max(a, b), 0)
}

const moments = (x: Float64Array): { mean: number; deviation: number } => {
  const mean = x.reduce((a, b) => a + b, 0) / x.length
  return { mean, deviation: Math.sqrt(x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length) }
}

const n = 40_000

test('uniform, log-uniform, normal: distributions', async (t) => {
  const s = space({ u: uniform(-2, 6), l: logUniform(1e-5, 1e3), z: normal(3, 0.5), w: normal(0, 1, [2]) }, n)
  const { u, l, z, w } = thetaBlock(s, { seed: 4, repeat: 0, lo: 0, hi: n }) as Record<
    'u' | 'l' | 'z' | 'w',
    NDArray
  >
  t.ok(kolmogorov(u.data, (x) => (x + 2) / 8) < 1.95)
  t.ok(kolmogorov(l.data, (x) => Math.log(x / 1e-5) / Math.log(1e8)) < 1.95)
  t.ok(
    u.data.every((x) => x > -2 && x < 6),
    'inside',
  )
  t.ok(
    l.data.every((x) => x > 1e-5 && x < 1e3),
    'inside',
  )
  const { mean, deviation } = moments(u.data)
  const five = 5 / Math.sqrt(n) // five standard errors of a mean with deviation 1
  t.ok(Math.abs(mean - 2) < (five * 8) / Math.sqrt(12), `mean ${String(mean)}`)
  t.ok(Math.abs(deviation - 8 / Math.sqrt(12)) < five * 8 * 0.2, `deviation ${String(deviation)}`)
  const gauss = moments(z.data)
  t.ok(Math.abs(gauss.mean - 3) < five * 0.5, `mean ${String(gauss.mean)}`)
  t.ok(Math.abs(gauss.deviation - 0.5) < (five * 0.5) / Math.sqrt(2), `deviation ${String(gauss.deviation)}`)
  const quartiles = [0.25, 0.5, 0.75].map(
    (p) => z.data.filter((x) => x < 3 + 0.5 * normalQuantile(p)).length / n - p,
  )
  t.ok(
    quartiles.every((d) => Math.abs(d) < five / 2),
    `quartiles off by ${quartiles.join(', ')}`,
  )
  t.ok(Math.abs(moments(w.data).deviation - 1) < five, 'arrays too')
})

test('no bounds and no draw lead out of the interval', async () => {
  const bound = fc.double({ noDefaultInfinity: true, noNaN: true, min: -1e307, max: 1e307 })
  const u = fc.oneof(
    fc.double({ noNaN: true, min: 2 ** -53, max: 1 - 2 ** -53 }),
    fc.constantFrom(2 ** -53, 1 - 2 ** -53),
  )
  fc.assert(
    fc.property(bound, bound, u, (x, y, at) => {
      fc.pre(x !== y)
      const inside = (axis: Axis): boolean => {
        if (axis.kind !== 'uniform' && axis.kind !== 'logUniform') return false
        const theta = quantile(axis)(at)
        return theta >= axis.low && theta <= axis.high
      }
      const [a, b] = [Math.abs(x) + 1e-300, Math.abs(y) + 1e-300]
      return (
        inside(uniform(Math.min(x, y), Math.max(x, y))) &&
        (a === b || inside(logUniform(Math.min(a, b), Math.max(a, b))))
      )
    }),
    { numRuns: 2000 },
  )
})

test('axes, entries, repeats, seeds and neighbours are uncorrelated', async (t) => {
  const s = space({ a: uniform(-1, 1), b: uniform(-1, 1), w: uniform(-1, 1, [2]) }, n)
  const a = column(s, 'a', 1, 0, 0, n)
  const w = column(s, 'w', 1, 0, 0, n)
  const pairs: Readonly<Record<string, readonly [Float64Array, Float64Array]>> = {
    axes: [a, column(s, 'b', 1, 0, 0, n)],
    entries: [w.filter((_, k) => k % 2 === 0), w.filter((_, k) => k % 2 === 1)],
    repeats: [a, column(s, 'a', 1, 1, 0, n)],
    seeds: [a, column(s, 'a', 2, 0, 0, n)],
    neighbours: [a.slice(1), a.slice(0, -1)],
  }
  for (const [name, [x, y]] of Object.entries(pairs)) {
    const correlation = (3 * x.reduce((sum, v, i) => sum + v * (y[i] as number), 0)) / x.length
    t.ok(Math.abs(correlation) < 5 / Math.sqrt(n), `${name}: ${String(correlation)}`)
  }
})

test('numbers out of range', async (t) => {
  const s = space({ a: list(1, 2, 3) })
  const good = { seed: 0, repeat: 0, lo: 0, hi: 3 }
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ seed: -1 }, /the seed is out of range\. Expected an integer from 0 to 9007199254740991, received -1/],
    [{ seed: 1.5 }, /the seed/],
    [{ repeat: NaN }, /the repeat .* received NaN/],
    [{ hi: 4 }, /hi is out of range\. Expected an integer from 0 to 3, received 4\. thetaCount tells/],
    [{ lo: 2, hi: 1 }, /lo is out of range\. Expected an integer from 0 to 1, received 2/],
    [{ low: 1 }, /thetaBlock: unknown option "low"\. .* Did you mean "lo"\?/],
  ]
  for (const [change, message] of wrong) t.throws(() => thetaBlock(s, { ...good, ...change }), { message })
  t.throws(() => thetaAt(s, { seed: 0, repeat: 0, i: 3 }), { message: /i is out of range.* from 0 to 2/ })
  t.throws(() => thetaAt(s, { seed: 0, repeat: 0, i: 0, ...{ index: 1 } }), {
    message: /thetaAt: unknown option "index"/,
  })
  t.strictSame(thetaBlock(s, { ...good, lo: 3 }).a?.shape, [0])
})
