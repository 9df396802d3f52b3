// Prox operators and projections against their definitions: the minimum of h(x) + ‖x − v‖²/(2s), the variational inequality of the
// nearest point; derivatives by differences inside pieces, what is promised at kinks; NaN and negative weights.
import fc from 'fast-check'
import { test } from 'tap'
import { NDArray } from '../../lib/base/ndarray.js'
import { compile, jacobian, projection, prox, sum } from '../../lib/index.js'
import type { Operand, Tensor } from '../../lib/index.js'
import { evaluate, normal, value } from '../harness/evaluate.js'
import { centralDifferences } from '../oracle/differences.js'
import { norm, relativeError } from '../oracle/compare.js'

const vector = (...numbers: readonly number[]): NDArray =>
  new NDArray([numbers.length], Float64Array.from(numbers))
const total = (x: Float64Array, f: (v: number, i: number) => number): number =>
  x.reduce((t, v, i) => t + f(v, i), 0)
const length = (x: Float64Array): number => Math.sqrt(total(x, (v) => v * v))
const inside = (holds: boolean): number => (holds ? 0 : Infinity)

interface Row {
  readonly name: string
  readonly of: (v: Tensor, s: Operand) => Tensor
  /** h, Infinity outside its domain by more than rounding. */
  readonly h: (x: Float64Array) => number
}

const a = [1, -2, 0.5, 1.5]
const A = [
  [1, 0, 2, -1],
  [0, 1, -1, 1],
]
const along = (x: Float64Array, direction: readonly number[]): number =>
  total(x, (v, i) => v * (direction[i] as number))
const weights = [0.1, 0.5, 1, 2]

const rows: readonly Row[] = [
  { name: 'l1', of: (v, s) => prox.l1(v, s, 0.7), h: (x) => 0.7 * total(x, Math.abs) },
  {
    name: 'l1, a weight an entry',
    of: (v, s) => prox.l1(v, s, weights),
    h: (x) => total(x, (v, i) => (weights[i] as number) * Math.abs(v)),
  },
  {
    name: 'nonNegativeL1',
    of: (v, s) => prox.nonNegativeL1(v, s, 0.4),
    h: (x) => 0.4 * total(x, (v) => v) + inside(x.every((v) => v >= 0)),
  },
  { name: 'squaredL2', of: (v, s) => prox.squaredL2(v, s, 1.3), h: (x) => 0.65 * length(x) ** 2 },
  {
    name: 'nonNegativeSquaredL2',
    of: (v, s) => prox.nonNegativeSquaredL2(v, s, 1.3),
    h: (x) => 0.65 * length(x) ** 2 + inside(x.every((v) => v >= 0)),
  },
  {
    name: 'elasticNet',
    of: (v, s) => prox.elasticNet(v, s, 0.7, 1.1),
    h: (x) => 0.7 * total(x, Math.abs) + 0.55 * length(x) ** 2,
  },
  { name: 'l2', of: (v, s) => prox.l2(v, s, 0.9), h: (x) => 0.9 * length(x) },
  {
    name: 'l2, a norm a row',
    of: (v, s) => prox.l2(v.reshape([2, 2]), s, 0.9, -1).reshape([4]),
    h: (x) => 0.9 * (length(x.slice(0, 2)) + length(x.slice(2))),
  },
  { name: 'nonNegative', of: prox.nonNegative, h: (x) => inside(x.every((v) => v >= 0)) },
  {
    name: 'box',
    of: (v, s) => prox.box(v, s, [-1, -1, 0, 0.2], 0.5),
    h: (x) => inside(x.every((v, i) => v >= ([-1, -1, 0, 0.2][i] as number) && v <= 0.5)),
  },
  { name: 'l2Ball', of: (v, s) => prox.l2Ball(v, s, 1.2), h: (x) => inside(length(x) <= 1.2 + 1e-12) },
  {
    name: 'simplex',
    of: (v, s) => prox.simplex(v, s),
    h: (x) => inside(x.every((v) => v >= 0) && Math.abs(total(x, (v) => v) - 1) < 1e-12),
  },
  {
    name: 'l1Ball',
    of: (v, s) => prox.l1Ball(v, s, 1.5),
    h: (x) => inside(total(x, Math.abs) <= 1.5 + 1e-12),
  },
  {
    name: 'hyperplane',
    of: (v) => projection.hyperplane(v, a, 0.3),
    h: (x) => inside(Math.abs(along(x, a) - 0.3) < 1e-11),
  },
  {
    name: 'halfspace',
    of: (v) => projection.halfspace(v, a, 0.3),
    h: (x) => inside(along(x, a) <= 0.3 + 1e-11),
  },
  {
    name: 'affine',
    of: (v) => projection.affine(v, A, [0.2, -0.4]),
    h: (x) => inside(A.every((row, i) => Math.abs(along(x, row) - ([0.2, -0.4][i] as number)) < 1e-11)),
  },
]

const s = 0.6

test('the result minimises h(x) + ‖x − v‖²/(2s): no other point does better', async (t) => {
  for (const row of rows) {
    const draws = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 4, maxLength: 4 })
    const cost = (x: Float64Array, v: Float64Array): number =>
      row.h(x) + total(x, (xi, i) => (xi - (v[i] as number)) ** 2) / (2 * s)
    let strict = 0
    const compiled = compile((v: Tensor) => row.of(v, s))
    const at = (v: readonly number[]): Float64Array => (compiled(vector(...v)).value as NDArray).data
    fc.assert(
      fc.property(draws, draws, fc.double({ min: 1e-3, max: 1, noNaN: true }), (v, other, part) => {
        const from = Float64Array.from(v)
        const best = at(v)
        // A point of the domain of h, and one between it and the result, which is in the domain, too.
        const elsewhere = at(other)
        const between = best.map((x, i) => x + part * ((elsewhere[i] as number) - x))
        const lowest = cost(best, from)
        if (!Number.isFinite(lowest)) return false
        // h of a point between may miss the domain by rounding: then it is no point to compare with.
        const tried = [elsewhere, between].map((x) => cost(x, from))
        strict += tried.filter((c) => Number.isFinite(c) && c > lowest + 1e-9).length
        return tried.every((c) => c >= lowest - 1e-10)
      }),
      { numRuns: 100, seed: 11 },
    )
    t.ok(strict >= 30, `${row.name}: better than ${String(strict)} other points`)
  }
})

test('derivatives inside the pieces are those of differences, in both modes', async (t) => {
  for (const { name, of } of rows) {
    for (const point of ['first', 'second', 'third']) {
      const v = normal(`prox ${point}`, 4)
      const direction = normal('prox direction', 4)
      const [slope] = centralDifferences(
        ([x]) => [value((q) => of(q, s), x as NDArray)],
        [v],
        [direction],
        1e-5,
      )
      const [forward, reverse] = (['forward', 'reverse'] as const).map((mode) =>
        value(
          (x) =>
            jacobian((q) => of(q, s), { mode })(x)
              .mul(direction)
              .sum(1),
          v,
        ),
      ) as [NDArray, NDArray]
      t.ok(relativeError([forward], [slope as NDArray], 1) < 1e-8, `${name}, ${point}, forward`)
      t.ok(relativeError([reverse], [forward], 1) < 1e-12, `${name}, ${point}, reverse`)
    }
  }
})

test('derivatives by s, the weights and the bounds', async (t) => {
  const v = [2, -1.5, 0.1, 0.9]
  const table: readonly (readonly [string, (p: Tensor) => Tensor, number])[] = [
    ['l1 by s', (p) => prox.l1(v, p, 0.7), 0.6],
    ['l1 by λ', (p) => prox.l1(v, 0.6, p), 0.7],
    ['elasticNet by μ', (p) => prox.elasticNet(v, 0.6, 0.7, p), 1.1],
    ['l2 by λ', (p) => prox.l2(v, 0.6, p), 0.9],
    ['box by its upper bound', (p) => prox.box(v, 0.6, -1, p), 0.5],
    ['l2Ball by its radius', (p) => prox.l2Ball(v, 0.6, p), 1.2],
    ['simplex by its total', (p) => prox.simplex(v, 0.6, p), 1.5],
    ['l1Ball by its radius', (p) => prox.l1Ball(v, 0.6, p), 1.5],
    ['hyperplane by its offset', (p) => projection.hyperplane(v, a, p), 0.3],
  ]
  for (const [name, fn, p] of table) {
    const point = new NDArray([], Float64Array.of(p))
    const [slope] = centralDifferences(
      ([x]) => [value(fn, x as NDArray)],
      [point],
      [new NDArray([], Float64Array.of(1))],
      1e-5,
    )
    const exact = value((x) => jacobian(fn)(x), point)
    t.ok(norm([exact]) > 0.1, `${name}: not 0`)
    t.ok(relativeError([exact], [slope as NDArray], 1) < 1e-8, name)
  }
})

test('at kinks the derivative is the documented one', async (t) => {
  const slopes = (fn: (v: Tensor) => Tensor, v: NDArray): readonly number[] => [
    ...value((x) => jacobian(fn)(x), v).data,
  ]
  const scalar = (x: number): NDArray => vector(x)
  t.strictSame(
    slopes((v) => prox.l1(v, 0.5, 2), scalar(1)),
    [0],
  )
  t.strictSame(
    slopes((v) => prox.l1(v, 0.5, 2), scalar(-1)),
    [0],
  )
  t.strictSame(
    [...value((p) => jacobian((q: Tensor) => prox.l1([1, -1], 0.5, q))(p), 2).data].map(Math.abs),
    [0, 0],
    'by λ',
  )
  t.strictSame(
    slopes((v) => prox.nonNegative(v, 1), scalar(0)),
    [0],
  )
  t.strictSame(
    slopes((v) => prox.nonNegativeL1(v, 0.5, 2), scalar(1)),
    [0],
  )
  t.strictSame(
    slopes((v) => prox.box(v, 1, 0, 1), scalar(1)),
    [0.5],
  )
  t.strictSame(
    slopes((v) => prox.l2Ball(v, 1, 5), vector(3, 4)),
    [1, 0, 0, 1],
    'on the sphere',
  )
  t.strictSame(
    slopes((v) => prox.l2(v, 1, 5), vector(3, 4)).map(Math.abs),
    [0, 0, 0, 0],
    'block at the threshold',
  )
  t.strictSame(
    slopes((v) => prox.l2(v, 1, 5), vector(0, 0)).map(Math.abs),
    [0, 0, 0, 0],
    'block at the origin',
  )
  t.strictSame(
    slopes((v) => prox.l2Ball(v, 1, 5), vector(0, 0)),
    [1, 0, 0, 1],
    'ball at the origin',
  )
  t.strictSame(
    slopes((v) => projection.halfspace(v, [1, 0], 2), vector(2, 7)),
    [1, 0, 0, 1],
  )
  t.strictSame(
    slopes((v) => projection.l1Ball(v, 2), vector(1, 1)),
    [1, 0, 0, 1],
  )
})

test('the simplex: ties, one entry, a vertex, far away; it sums to its total to rounding', async (t) => {
  const table: readonly (readonly [readonly number[], number, readonly number[]])[] = [
    [[0, 0, 0, 0], 1, [0.25, 0.25, 0.25, 0.25]],
    [[7], 1, [1]],
    [[5, 0, 0], 1, [1, 0, 0]],
    [[1, 1, -9], 1, [0.5, 0.5, 0]],
    [[-100, -101, -100.5], 2, [1.1666666666666714, 0.1666666666666714, 0.6666666666666714]],
    [[3, 2, 1], 0, [0, 0, 0]],
  ]
  for (const [v, size, expected] of table) {
    const x = value((q) => projection.simplex(q, size), vector(...v))
    t.ok(relativeError([x], [vector(...expected)], 1) < 1e-13, `${v.join(' ')}: ${x.data.join(' ')}`)
  }
  const many = value((q) => sum(projection.simplex(q, 3)), normal('many', 1000))
  t.ok(Math.abs((many.data[0] as number) - 3) < 1e-13)
})

test('NaN comes out as NaN; a negative weight is no number, or an error where it is seen while tracing', async (t) => {
  for (const { name, of } of rows) {
    const { outputs } = evaluate((x) => of(x, s), vector(1, NaN, 2, -1))
    t.ok(Number.isNaN(outputs[0]?.data[1]), name)
  }
  const given: readonly (readonly [string, (p: Operand) => Operand])[] = [
    ['l1', (p) => prox.l1([1, 2], 1, p)],
    ['nonNegativeL1', (p) => prox.nonNegativeL1([1, 2], 1, p)],
    ['squaredL2', (p) => prox.squaredL2([1, 2], 1, p)],
    ['elasticNet', (p) => prox.elasticNet([1, 2], 1, 1, p)],
    ['l2', (p) => prox.l2([1, 2], 1, p)],
    ['l2Ball', (p) => prox.l2Ball([1, 2], 1, p)],
    ['l1Ball', (p) => prox.l1Ball([1, 2], 1, p)],
    ['simplex', (p) => prox.simplex([1, 2], 1, p)],
  ]
  for (const [name, fn] of given) {
    t.ok(value((p) => fn(p), -0.5).data.every(Number.isNaN), `${name}, traced`)
    t.throws(
      () => value(() => fn(-0.5)),
      { code: 'ERR_ARGUMENT', expected: 'a number ≥ 0', received: '-0.5' },
      name,
    )
  }
  t.ok(Number.isNaN(value((p) => prox.box([1], 1, p, 0), 3).data[0]), 'an empty box')
})
