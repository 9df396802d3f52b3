// The Sobol sequence against scipy's, its promise of evenness in every dimension and in the first two together, and its digital shift.
import { createHash } from 'node:crypto'
import { test } from 'tap'
import { stream } from '../../../lib/base/random.js'
import { sobolDirections, sobolFill, sobolWord } from '../../../lib/study/space/sobol.js'
import { sobolDimensions, sobolNumbers } from '../../../lib/study/space/sobolNumbers.js'
import { thetaAt, thetaBlock, thetaCount } from '../../../lib/study/space/space.js'
import { list, sobol, space, where } from './spaces.js'

const dimensions = Array.from({ length: sobolDimensions }, (_, d) => d)
const directions = dimensions.map(sobolDirections)

// python3 -c "from scipy.stats.qmc import Sobol; print(Sobol(8, scramble=False).random(8).tolist())"
// scipy 1.10.1 runs through the points in the order of the Gray code: its point k is our point k ⊕ ⌊k / 2⌋.
const points: readonly (readonly number[])[] = [
  [0, 0, 0, 0, 0, 0, 0, 0],
  [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5],
  [0.75, 0.25, 0.25, 0.25, 0.75, 0.75, 0.25, 0.75],
  [0.25, 0.75, 0.75, 0.75, 0.25, 0.25, 0.75, 0.25],
  [0.375, 0.375, 0.625, 0.875, 0.375, 0.125, 0.375, 0.875],
  [0.875, 0.875, 0.125, 0.375, 0.875, 0.625, 0.875, 0.375],
  [0.625, 0.125, 0.875, 0.625, 0.625, 0.875, 0.125, 0.125],
  [0.125, 0.625, 0.375, 0.125, 0.125, 0.375, 0.625, 0.625],
]
// s = Sobol(8, scramble=False, bits=32); s.fast_forward(1000000); print((s.random(1) * 2**32).astype(int).tolist())
const millionth = [
  113709056, 1339682816, 3556216832, 2870095872, 2700070912, 3414765568, 4169322496, 72126464,
]
// from scipy.stats import _sobol; v = numpy.zeros((128, 32), dtype=numpy.uint64); _sobol._initialize_v(v, 128, 32)
// print(hashlib.sha256(v.astype('<u4').tobytes()).hexdigest())
const digest = 'afba27c53022765397027adbca64c07d9c7f91d7e2b54e2f9e27f870e92e3d74'

const gray = (k: number): number => k ^ (k >>> 1)
const point = (i: number): number[] => directions.slice(0, 8).map((v) => sobolWord(v, i))

test('the points of scipy', async (t) => {
  points.forEach((expected, k) => {
    t.strictSame(
      point(gray(k)).map((word) => word / 2 ** 32),
      expected,
      `point ${String(k)}`,
    )
  })
  t.strictSame(point(gray(1_000_000)), millionth)
})

test('the direction numbers of scipy, all of them', async (t) => {
  const bytes = Buffer.alloc(4 * 32 * sobolDimensions)
  directions.forEach((v, d) => {
    v.forEach((word, k) => bytes.writeUInt32LE(word, 4 * (32 * d + k)))
  })
  t.equal(createHash('sha256').update(bytes).digest('hex'), digest)
  t.equal(sobolNumbers.length, 1166, 'nothing follows the last dimension')
})

/** Numbers i · size … of a dimension, for the block of 2ᵐ points that begins at lo, shifted. */
const block = (d: number, shift: number, lo: number, m: number): Float64Array => {
  const out = new Float64Array(2 ** m)
  sobolFill(directions[d] as Uint32Array, shift, lo, out, 0, 1)
  return out
}

const shifts = stream(7, 'shifts')

test('every dimension: aligned blocks of 2^m points have one in each of 2^m intervals', async (t) => {
  const uneven: string[] = []
  for (const d of dimensions) {
    for (const [m, lo] of [
      [0, 0],
      [4, 0],
      [9, 0],
      [9, 512],
      [3, 2 ** 32 - 8],
      [6, 64 * 12_345],
    ] as const) {
      const cells = new Set(block(d, shifts.uniform(d), lo, m).map((u) => Math.floor(u * 2 ** m)))
      if (cells.size !== 2 ** m) uneven.push(`dimension ${String(d)}, 2^${String(m)} from ${String(lo)}`)
    }
  }
  t.strictSame(uneven, [])
})

test('the first two dimensions: one point in each box of area 2^-m', async (t) => {
  const m = 8
  for (const lo of [0, 256, 2560]) {
    const [x, y] = [block(0, shifts.uniform(0), lo, m), block(1, shifts.uniform(1), lo, m)]
    for (let a = 0; a <= m; a++) {
      const boxes = new Set(
        [...x].map((u, i) => Math.floor(u * 2 ** a) * 2 ** m + Math.floor((y[i] as number) * 2 ** (m - a))),
      )
      t.equal(boxes.size, 2 ** m, `from ${String(lo)}, ${String(2 ** a)} × ${String(2 ** (m - a))}`)
    }
  }
})

test('a block is its points, each by the definition', async (t) => {
  for (const lo of [0, 1, 7, 2 ** 20 - 3, 2 ** 31 - 4, 2 ** 32 - 9]) {
    for (const d of [0, 1, 2, 40, 127]) {
      const s = shifts.uniform(d)
      const out = new Float64Array(18).fill(-1)
      sobolFill(directions[d] as Uint32Array, s, lo, out, 1, 2)
      const shift = BigInt(s * 2 ** 53)
      const expected = Array.from({ length: 9 }, (_, k) => {
        const i = BigInt(lo + k)
        let word = 0n
        directions[d]?.forEach((v, bit) => (word ^= (i >> BigInt(bit)) & 1n ? BigInt(v) : 0n))
        return Number((word << 21n) ^ shift) / 2 ** 53
      })
      t.strictSame(
        [...out],
        expected.flatMap((u) => [-1, u]),
        `dimension ${String(d)} from ${String(lo)}`,
      )
    }
  }
})

test('axes share one sequence: dimensions in order, a shift for each entry', async (t) => {
  const s = space(
    {
      g: list(0, 1),
      a: sobol(-1, 3),
      b: sobol(1e-2, 1e2, 'log', [2]),
      c: where('g', [1], -5, sobol(0, 1)),
    },
    8,
  )
  const n = thetaCount(s)
  t.equal(n, 16)
  const [seed, repeat] = [11, 3]
  const theta = thetaBlock(s, { seed, repeat, lo: 0, hi: n })
  const shift = (name: string, entry: number): number => stream(seed, `sobol 3 ${name}`).uniform(entry)
  const [a, b0, b1, c] = [
    block(0, shift('a', 0), 0, 4),
    block(1, shift('b', 0), 0, 4),
    block(2, shift('b', 1), 0, 4),
    block(3, shift('c', 0), 0, 4),
  ] as [Float64Array, Float64Array, Float64Array, Float64Array]
  t.strictSame(
    [...(theta.a?.data ?? [])],
    [...a].map((u) => -1 + 4 * u),
  )
  const logs = [...(theta.b?.data ?? [])].map((x) => Math.log10(x))
  const expected = [...b0].flatMap((u, i) => [-2 + 4 * u, -2 + 4 * (b1[i] as number)])
  t.ok(logs.every((x, k) => Math.abs(x - (expected[k] as number)) < 1e-13))
  t.strictSame(
    [...(theta.c?.data ?? [])],
    [...c].map((u, i) => (i < 8 ? -5 : u)),
  )
  t.not(thetaAt(s, { seed, repeat: 4, i: 0 }).a, theta.a?.data[0], 'repeats differ')
})

test('evenness is worth something: the mean of a smooth function of six parameters', async (t) => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const s = space(Object.fromEntries(names.map((name) => [name, sobol(0, 1)])), 4096)
  const theta = thetaBlock(s, { seed: 1, repeat: 0, lo: 0, hi: 4096 })
  const f = (i: number): number =>
    names.reduce((product, name) => product * (0.5 + (theta[name]?.data[i] as number)), 1)
  const mean = Array.from({ length: 4096 }, (_, i) => f(i)).reduce((sum, x) => sum + x) / 4096
  // Independent draws: a standard error of √((13/12)⁶ − 1) / 64 = 0.0123.
  t.ok(Math.abs(mean - 1) < 1e-3, `off by ${String(mean - 1)}`)
})
