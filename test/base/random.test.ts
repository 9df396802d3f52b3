// Philox against its published answers and a second implementation in BigInt; streams against their own definition.
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { test } from 'tap'
import { ArgumentError } from '../../lib/base/errors.js'
import { normalQuantile, philox4x32, stream } from '../../lib/base/random.js'

type Four = [number, number, number, number]
type Two = [number, number]

const all = 0xffffffff
/** The file kat_vectors of Random123 1.14 for philox4x32-10, and one more from its C++ library. */
const published: readonly { counter: Four; key: Two; answer: Four }[] = [
  { counter: [0, 0, 0, 0], key: [0, 0], answer: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  {
    counter: [all, all, all, all],
    key: [all, all],
    answer: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    answer: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
  { counter: [1, 2, 3, 4], key: [5, 6], answer: [0xc0c839bc, 0x889c87c5, 0x61986739, 0x2d4623d0] },
]

/** Philox as the paper writes it, in exact arithmetic. */
const oracle = (counter: Four, key: Two): Four => {
  const mask = 0xffffffffn
  let [a, b, c, d] = counter.map(BigInt) as [bigint, bigint, bigint, bigint]
  let [k, l] = key.map(BigInt) as [bigint, bigint]
  for (let round = 0; round < 10; round++) {
    const p = 0xd2511f53n * a
    const q = 0xcd9e8d57n * c
    ;[a, b, c, d] = [(q >> 32n) ^ b ^ k, q & mask, (p >> 32n) ^ d ^ l, p & mask]
    k = (k + 0x9e3779b9n) & mask
    l = (l + 0xbb67ae85n) & mask
  }
  return [a, b, c, d].map(Number) as Four
}

test('philox4x32: published answers', async (t) => {
  for (const { counter, key, answer } of published) {
    t.strictSame([...philox4x32(counter, key)], answer)
    t.strictSame(oracle(counter, key), answer, 'the oracle agrees')
  }
})

const word = fc.oneof(
  fc.integer({ min: 0, max: all }),
  fc.constantFrom(0, 1, 0xffff, 0x10000, 0x80000000, all),
)

test('philox4x32: any counter and key', async () => {
  fc.assert(
    fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word), (counter, key) => {
      const same = oracle(counter, key)
      return philox4x32(counter, key).every((w, i) => w === same[i])
    }),
    { numRuns: 1000 },
  )
})

/** Words of draw `block` of a kind, by the layout that random.ts states. */
const words = (seed: number, name: string | number, block: number, kind: number, attempt = 0): Four => {
  const two32 = 2 ** 32
  const digest = createHash('sha256').update(String(name)).digest()
  const [s0, s1] =
    typeof name === 'number'
      ? [name % two32, Math.floor(name / two32)]
      : [digest.readUInt32LE(0), Number(BigInt(digest.readUInt32LE(4)) | 0x80000000n)]
  const high = BigInt(Math.floor(block / two32)) + (BigInt(kind) << 21n) + (BigInt(attempt) << 24n)
  return oracle([block % two32, Number(high), s0, s1], [seed % two32, Math.floor(seed / two32)])
}

const uniformOracle = (seed: number, name: string | number, i: number, kind: number): number => {
  const four = words(seed, name, Math.floor(i / 2), kind)
  const [high, low] = i % 2 === 0 ? [four[0], four[1]] : [four[2], four[3]]
  const bits = (BigInt(high) << 20n) | (BigInt(low) >> 12n)
  return Number(2n * bits + 1n) / 2 ** 53
}

const index = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(1000),
  fc.constantFrom(2 ** 53 - 1, 2 ** 53 - 2, 2 ** 32, 2 ** 33 - 1),
)
const name = fc.oneof(fc.string(), fc.maxSafeNat(), fc.constantFrom('', 0, 2 ** 53 - 1))

test('uniform and normal are the stated functions of (seed, stream, index)', async () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), name, index, (seed, of, i) => {
      const source = stream(seed, of)
      const normal = normalQuantile(uniformOracle(seed, of, i, 1))
      return source.uniform(i) === uniformOracle(seed, of, i, 0) && source.normal(i) === normal
    }),
    { numRuns: 500 },
  )
})

test('integer is uniform by rejection, for every bound', async () => {
  fc.assert(
    fc.property(
      fc.maxSafeNat(),
      index,
      fc.oneof(fc.integer({ min: 1, max: 2 ** 53 - 1 }), fc.constantFrom(1, 2, 3, 2 ** 52 + 1, 2 ** 53 - 1)),
      (seed, i, bound) => {
        const limit = 2n ** 53n - (2n ** 53n % BigInt(bound))
        for (let attempt = 0; ; attempt++) {
          const [high, low] = words(seed, 'w', i, 2, attempt)
          const bits = (BigInt(high) << 21n) | (BigInt(low) >> 11n)
          if (bits < limit) return stream(seed, 'w').integer(i, bound) === Number(bits % BigInt(bound))
        }
      },
    ),
    { numRuns: 500 },
  )
})

test('a chunk is the same wherever it is computed', async () => {
  fc.assert(
    fc.property(index, fc.nat(40), (offset, n) => {
      const start = Math.min(offset, 2 ** 53 - 1 - n)
      const source = stream(7, 'chunks')
      const u = source.uniforms(n, start)
      const z = source.normals(n, start)
      return (
        u.every((v, i) => v === source.uniform(start + i)) &&
        z.every((v, i) => v === source.normal(start + i))
      )
    }),
    { numRuns: 300 },
  )
})

const pinned = {
  uniforms: [0.914145428683747, 0.8919373169364683, 0.9296112866429002],
  normals: [1.2479128322960396, 1.2969072102025523, 0.3487806812647473],
  integers: [22, 14, 963],
  permutation: [0, 2, 4, 7, 3, 6, 1, 5],
}

test('pinned numbers: they must never change', async (t) => {
  const source = stream(42, 'noise')
  t.strictSame([...source.uniforms(3)], pinned.uniforms)
  t.strictSame([...source.normals(3)], pinned.normals)
  t.strictSame(
    [0, 1, 2].map((i) => source.integer(i, 1000)),
    pinned.integers,
  )
  t.strictSame([...source.permutation(8)], pinned.permutation)
})

test('different seeds, names, numbers and kinds give different numbers', async (t) => {
  const firsts = [
    stream(1, 5).uniform(0),
    stream(1, '5').uniform(0),
    stream(2, 5).uniform(0),
    stream(1 + 2 ** 32, 5).uniform(0),
    stream(1, 5 + 2 ** 32).uniform(0),
    stream(1, 5).uniform(1),
  ]
  t.equal(new Set(firsts).size, firsts.length)
  t.not(stream(1, 5).normal(0), normalQuantile(stream(1, 5).uniform(0)), 'kinds share no bits')
  t.equal(stream(3).uniform(9), stream(3, 0).uniform(9), 'the default stream is 0')
})

test('uniform: moments, bins and neighbours', async (t) => {
  const n = 200_000
  const u = stream(2024, 'moments').uniforms(n)
  const bins = new Float64Array(64)
  let neighbours = 0
  u.forEach((v, i) => {
    bins[Math.floor(v * 64)]! += 1
    if (i > 0) neighbours += (v - 0.5) * ((u[i - 1] ?? NaN) - 0.5)
  })
  const chi2 = bins.reduce((sum, count) => sum + (count - n / 64) ** 2 / (n / 64), 0)
  t.ok(chi2 > 30 && chi2 < 110, `χ² of 63 degrees of freedom: ${String(chi2)}`)
  t.ok(Math.abs(neighbours / n) * 12 < 4 / Math.sqrt(n), 'neighbours are uncorrelated')
  t.ok(
    u.every((v) => v > 0 && v < 1 && (v * 2 ** 53) % 2 === 1),
    'odd multiples of 2⁻⁵³ inside (0, 1)',
  )
})

test('normal: moments up to the fourth, and the share beyond 3', async (t) => {
  const n = 200_000
  const z = stream(2024, 'moments').normals(n)
  const moment = (k: number): number => z.reduce((sum, v) => sum + v ** k, 0) / n
  const near = (what: string, value: number, expected: number, deviation: number): void => {
    t.ok(Math.abs(value - expected) < (4 * deviation) / Math.sqrt(n), `${what}: ${String(value)}`)
  }
  near('mean', moment(1), 0, 1)
  near('variance', moment(2), 1, Math.SQRT2)
  near('third moment', moment(3), 0, Math.sqrt(15))
  near('fourth moment', moment(4), 3, Math.sqrt(96))
  near('share beyond 3', z.filter((v) => Math.abs(v) > 3).length / n, 0.0026997960632601884, 0.052)
})

/** Φ⁻¹ to 20 digits (mpmath, 40 digits): middle, both sides of each border of AS 241, tails. */
const quantiles: readonly (readonly [number, number])[] = [
  [0.5, 0],
  [0.5000000000000001, 2.7829164246717669222e-16],
  [0.6, 0.25334710313579974132],
  [0.3, -0.52440051270804081597],
  [0.925, 1.4395314709384562291],
  [0.9251, 1.4402382675279638594],
  [0.075, -1.4395314709384559349],
  [0.07499, -1.4396021182393162092],
  [0.975, 1.9599639845400538556],
  [0.01, -2.3263478740408410931],
  [1e-5, -4.2648907939228246102],
  [1.389e-11, -6.6578828791058745545],
  [1.388e-11, -6.6579887597495701225],
  [1e-13, -7.3487961028006775135],
  [2 ** -53, -8.2095361516013868556],
  [1e-300, -37.047096299361199237],
]

test('normalQuantile: relative error below 1e-15 where p is exact', async (t) => {
  for (const [p, z] of quantiles) {
    const got = normalQuantile(p)
    t.ok(
      Math.abs(got - z) <= 1e-15 * Math.abs(z),
      `Φ⁻¹(${String(p)}) = ${String(got)}, expected ${String(z)}`,
    )
  }
})

test('normalQuantile: odd about ½, and ascending', async () => {
  const grid = fc.integer({ min: 1, max: 2 ** 52 - 1 }).map((k) => k / 2 ** 52)
  fc.assert(
    fc.property(grid, grid, (p, q) => {
      const odd = normalQuantile(1 - p) === -normalQuantile(p) || p === 0.5
      const [low, high] = p < q ? [p, q] : [q, p]
      return odd && normalQuantile(low) <= normalQuantile(high) + 1e-15 * Math.abs(normalQuantile(high))
    }),
    { numRuns: 1000 },
  )
})

test('permutation: every number once; every order equally often', async (t) => {
  fc.assert(
    fc.property(fc.nat(300), fc.nat(1000), (n, i) => {
      const order = stream(5, 'p').permutation(n, i)
      return order.length === n && new Set(order).size === n && order.every((v) => v < n)
    }),
    { numRuns: 300 },
  )
  const counts = new Map<string, number>()
  const source = stream(11, 'orders')
  for (let i = 0; i < 6000; i++) {
    const order = source.permutation(3, i).join('')
    counts.set(order, (counts.get(order) ?? 0) + 1)
  }
  t.equal(counts.size, 6)
  for (const [order, count] of counts) t.ok(Math.abs(count - 1000) < 130, `${order}: ${String(count)}`)
})

const refused: readonly (readonly [string, () => unknown])[] = [
  ['seed -1', () => stream(-1)],
  ['seed ½', () => stream(0.5)],
  ['seed NaN', () => stream(NaN)],
  ['seed 2^53', () => stream(2 ** 53)],
  ['stream -1', () => stream(0, -1)],
  ['index -1', () => stream(0).uniform(-1)],
  ['index ½', () => stream(0).normal(0.5)],
  ['index 2^53', () => stream(0).integer(2 ** 53, 2)],
  ['bound 0', () => stream(0).integer(0, 0)],
  ['n -1', () => stream(0).uniforms(-1)],
  ['offset beyond 2^53', () => stream(0).normals(2, 2 ** 53 - 1)],
  ['permutation number 2^21', () => stream(0).permutation(2, 2 ** 21)],
]

test('arguments out of range are refused by name', async (t) => {
  for (const [what, run] of refused) t.throws(run, ArgumentError, what)
})
