// The grid of a space: tables written by hand, a recursion over the axes as an oracle, exact ends, sizes that cannot be enumerated.
import fc from 'fast-check'
import { test } from 'tap'
import { linspace, logspace } from '../../../lib/base/ndarray.js'
import { thetaAt, thetaBlock, thetaCount } from '../../../lib/study/space/space.js'
import type { Space } from '../../../lib/study/specification/specification.js'
import { anySpace, gridPoints, gridValues, linear, list, log, space, uniform, where } from './spaces.js'

/** Every θ of a space whose axes are all numbers, as rows in the order of the axes. */
const rows = (s: Space): number[][] => {
  const n = thetaCount(s)
  const block = thetaBlock(s, { seed: 0, repeat: 0, lo: 0, hi: n })
  return Array.from({ length: n }, (_, i) => Object.values(block).map(({ data }) => data[i] as number))
}

const tables: readonly (readonly [string, Space, readonly (readonly number[])[]])[] = [
  ['no axis: one θ, without parameters', space({}), [[]]],
  ['a list', space({ a: list(3, 1, -0) }), [[3], [1], [-0]]],
  ['one point of a grid is its low end', space({ a: linear(2, 5, 1), b: log(2, 5, 1) }), [[2, 2]]],
  [
    'the last axis runs fastest',
    space({ b: list(1, 2), a: linear(0, 1, 3) }),
    [
      [1, 0],
      [1, 0.5],
      [1, 1],
      [2, 0],
      [2, 0.5],
      [2, 1],
    ],
  ],
  [
    'a condition: count points where it holds, one elsewhere',
    space({ method: list(0, 1), momentum: where('method', [1], 0, list(0.5, 0.9)), c: list(7, 8) }),
    [
      [0, 0, 7],
      [0, 0, 8],
      [1, 0.5, 7],
      [1, 0.5, 8],
      [1, 0.9, 7],
      [1, 0.9, 8],
    ],
  ],
  [
    'a chain: an axis that does not count fulfils no condition, whatever its value',
    space({
      a: list(0, 1),
      b: where('a', [1], 5, list(5, 6)),
      c: where('b', [5], -1, list(2, 3)),
    }),
    [
      [0, 5, -1],
      [1, 5, 2],
      [1, 5, 3],
      [1, 6, -1],
    ],
  ],
  [
    'two axes on one, an axis between',
    space({
      a: list(0, 1, 2),
      between: list(10, 20),
      b: where('a', [0, 2], -1, list(3, 4)),
      c: where('a', [2], -2, list(5, 6)),
    }),
    [
      [0, 10, 3, -2],
      [0, 10, 4, -2],
      [0, 20, 3, -2],
      [0, 20, 4, -2],
      [1, 10, -1, -2],
      [1, 20, -1, -2],
      [2, 10, 3, 5],
      [2, 10, 3, 6],
      [2, 10, 4, 5],
      [2, 10, 4, 6],
      [2, 20, 3, 5],
      [2, 20, 3, 6],
      [2, 20, 4, 5],
      [2, 20, 4, 6],
    ],
  ],
  [
    'a condition on a value of a logarithmic grid, as people write it',
    space({ a: log(1e-4, 1, 5), b: where('a', [0.001, 0.1], 0, list(1, 2)) }),
    [
      [1e-4, 0],
      [logspace(1e-4, 1, 5).at(1), 1],
      [logspace(1e-4, 1, 5).at(1), 2],
      [logspace(1e-4, 1, 5).at(2), 0],
      [logspace(1e-4, 1, 5).at(3), 1],
      [logspace(1e-4, 1, 5).at(3), 2],
      [1, 0],
    ],
  ],
]

test('tables', async (t) => {
  for (const [name, s, expected] of tables) t.strictSame(rows(s), expected, name)
})

test('any space: as many points as the recursion finds, and the same', async () => {
  fc.assert(
    fc.property(anySpace, (s) => {
      const points = gridPoints(s)
      const n = thetaCount(s)
      if (n !== points.length * s.samples) return false
      const block = thetaBlock(s, { seed: 3, repeat: 1, lo: 0, hi: n })
      return Object.entries(s.axes).every(
        ([name, axis]) =>
          gridValues(axis) === undefined ||
          block[name]?.data.every((x, i) => Object.is(x, points[Math.floor(i / s.samples)]?.values[name])),
      )
    }),
    { numRuns: 300 },
  )
})

test('ends are exact, and points are those of linspace and logspace', async () => {
  const bound = fc.double({ min: 1e-9, max: 1e9, noNaN: true })
  fc.assert(
    fc.property(bound, bound, fc.integer({ min: 2, max: 200 }), (x, y, count) => {
      fc.pre(x !== y)
      const [low, high] = [Math.min(x, y), Math.max(x, y)]
      const s = space({ a: list(0, 1), b: where('a', [0], 0, linear(-low, high, count)) })
      const { data } = thetaBlock(s, { seed: 0, repeat: 0, lo: 0, hi: count }).b ?? { data: [] }
      const l = space({ a: log(low, high, count) })
      const logs = thetaBlock(l, { seed: 0, repeat: 0, lo: 0, hi: count }).a?.data ?? []
      return (
        data[0] === -low &&
        data[count - 1] === high &&
        logs[0] === low &&
        logs[count - 1] === high &&
        linspace(-low, high, count).data.every((v, i) => Object.is(v, data[i])) &&
        logspace(low, high, count).data.every((v, i) => Object.is(v, logs[i]))
      )
    }),
    { numRuns: 500, examples: [[0.1, 0.7, 4]] },
  )
})

test('spaces that nobody enumerates', async (t) => {
  const wide = space({ a: linear(0, 1, 2 ** 26), b: log(1, 2, 2 ** 26) })
  t.equal(thetaCount(wide), 2 ** 52)
  t.strictSame(thetaAt(wide, { seed: 0, repeat: 0, i: 2 ** 52 - 1 }), { a: 1, b: 2 })
  t.strictSame(thetaAt(wide, { seed: 0, repeat: 0, i: 2 ** 26 }), { a: 1 / (2 ** 26 - 1), b: 1 })

  // Thirty switches, and an axis on each: 2³⁰ combinations of what counts, which nothing may go through one by one.
  const pairs = Array.from({ length: 30 }, (_, k) => k)
  const switches = space({
    ...Object.fromEntries(pairs.map((k) => [`s${String(k)}`, list(0, 1)])),
    ...Object.fromEntries(
      pairs.map((k) => [`p${String(k)}`, where(`s${String(k)}`, [1], 9, list(k % 3 === 0 ? 4 : 5))]),
    ),
  })
  t.equal(thetaCount(switches), 2 ** 30)
  const at = thetaAt(switches, { seed: 0, repeat: 0, i: 0b100000000000000000000000000001 })
  t.match(at, { s0: 1, s1: 0, s29: 1, p0: 4, p1: 9, p29: 5 })

  // A deep chain: of n axes, n + 1 points.
  const deep = Object.fromEntries(
    Array.from({ length: 500 }, (_, k) => [
      `c${String(k)}`,
      k === 0 ? list(0, 1) : where(`c${String(k - 1)}`, [1], 0, list(0, 1)),
    ]),
  )
  t.equal(thetaCount(space(deep)), 501)
  const last = thetaAt(space(deep), { seed: 0, repeat: 0, i: 500 })
  t.ok(Object.values(last).every((x) => x === 1))
})

test('the largest numbers: every point of a space of almost 2^53 θ is found exactly', async () => {
  const na = 94_906_000
  const nc = 94_906_400 // (na + 4) · nc = 2⁵³ − 12,076,715,392
  const s = space({
    a: linear(0, 1, na),
    b: where('a', [0, 1], 0, linear(0, 1, 3)),
    c: linear(0, 1, nc),
  })
  const last = BigInt(thetaCount(s)) - 1n
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: last }), (i) => {
      // Rows of (a, b): 3 for the first and the last a, 1 for each other.
      const row = Number(i / BigInt(nc))
      const c = Number(i % BigInt(nc))
      const a = row < 3 ? 0 : row < na + 1 ? row - 2 : na - 1
      const b = row < 3 ? row : row < na + 1 ? 0 : row - (na + 1)
      const { a: x, b: y, c: z } = thetaAt(s, { seed: 0, repeat: 0, i: Number(i) })
      return x === (a === na - 1 ? 1 : a / (na - 1)) && y === b / 2 && z === (c === nc - 1 ? 1 : c / (nc - 1))
    }),
    { numRuns: 500, examples: [[0n], [last], [BigInt(nc * 3)], [BigInt(nc * 3 - 1)]] },
  )
})

test('conditions on a long axis', async (t) => {
  const s = space({ a: linear(0, 999_999, 1_000_000), b: where('a', [5, 999_999, 6, 10], -1, list(1, 2)) })
  t.equal(thetaCount(s), 1_000_004)
  t.strictSame(rowsAt(s, [4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 1_000_001, 1_000_002, 1_000_003]), [
    [4, -1],
    [5, 1],
    [5, 2],
    [6, 1],
    [6, 2],
    [7, -1],
    [9, -1],
    [10, 1],
    [10, 2],
    [11, -1],
    [999_998, -1],
    [999_999, 1],
    [999_999, 2],
  ])
})

const rowsAt = (s: Space, indices: readonly number[]): unknown[][] =>
  indices.map((i) => Object.values(thetaAt(s, { seed: 0, repeat: 0, i })))

test('conditional drawn axes take `otherwise`', async (t) => {
  const s = space({ a: list(0, 1), w: where('a', [1], -7, uniform(0, 1, [2])) }, 2)
  const { w } = thetaBlock(s, { seed: 1, repeat: 0, lo: 0, hi: 4 })
  t.strictSame(w?.shape, [4, 2])
  t.strictSame([...(w?.data.slice(0, 4) ?? [])], [-7, -7, -7, -7])
  t.ok(w?.data.slice(4).every((x) => x > 0 && x < 1))
})
