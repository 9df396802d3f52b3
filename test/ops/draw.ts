// Sample inputs: arrays of a kind, drawn from a numbered stream so that every run sees the same numbers.
import { NDArray, array } from '../../lib/base/ndarray.js'
import type { Nested } from '../../lib/base/ndarray.js'
import { stream } from '../../lib/base/random.js'
import type { RandomStream } from '../../lib/base/random.js'
import { sizeOf } from '../../lib/base/shape.js'
import type { Shape } from '../../lib/base/shape.js'

/** An array of one kind, as a function of the numbers it is made from. */
export type Draw = (random: RandomStream) => NDArray

const seed = 20231

/** The arrays of a sample; another variant has other numbers of the same kind. */
export const drawAll = (name: string, draws: readonly Draw[], variant: number): readonly NDArray[] =>
  draws.map((draw, i) => draw(stream(seed, `${name} ${String(i)} ${String(variant)}`)))

/** Uniform numbers between two bounds. */
export const between =
  (low: number, high: number, ...shape: Shape): Draw =>
  (random) =>
    new NDArray(
      shape,
      random.uniforms(sizeOf(shape)).map((u) => low + (high - low) * u),
    )

/** Standard normal numbers. */
export const normal =
  (...shape: Shape): Draw =>
  (random) =>
    new NDArray(shape, random.normals(sizeOf(shape)))

/** The same numbers in every variant. */
export const given =
  (values: Nested): Draw =>
  () =>
    array(values)

/** A number of the list, another in the next variant. */
export const oneOf =
  (...list: readonly number[]): Draw =>
  (random) =>
    array(list[Number(random.name.toString().split(' ').pop()) % list.length] as number)

/** Numbers that are at least 1/4 apart from each other and from 0, in random order: away from every kink. */
export const apart =
  (...shape: Shape): Draw =>
  (random) => {
    const n = sizeOf(shape)
    const order = random.permutation(n)
    return new NDArray(
      shape,
      Float64Array.from(order, (k, i) => k - Math.floor(n / 2) + 0.25 + 0.5 * random.uniform(i)),
    )
  }

type Entry = (normal: number, i: number, j: number, n: number, block: number) => number

/** Square matrices [..., n, n] by a function of a normal number and the place. */
const matrices = (shape: Shape, entry: Entry, random: RandomStream): NDArray => {
  const n = shape[shape.length - 1] as number
  const place = (x: number, at: number): number =>
    entry(x, Math.floor(at / n) % n, at % n, n, Math.floor(at / (n * n)))
  return new NDArray(shape, random.normals(sizeOf(shape)).map(place))
}

/** Lower or upper triangular matrices with a diagonal away from 0, and other numbers in the triangle that is not read. */
export const triangular =
  (lower: boolean, ...shape: Shape): Draw =>
  (random) =>
    matrices(
      shape,
      (x, i, j) => (i === j ? 1.5 + 0.4 * Math.tanh(x) : (lower ? j < i : j > i) ? 0.5 * x : 7 + x),
      random,
    )

/** Matrices with condition numbers below about 10, whose large entries are off the diagonal, so that LU must pivot. */
export const regular =
  (...shape: Shape): Draw =>
  (random) =>
    matrices(shape, (x, i, j, n) => 0.3 * x + ((i + 1) % n === j ? 2 : 0), random)

/** Symmetric positive definite matrices, M Mᵀ / n + 1. */
export const positiveDefinite =
  (...shape: Shape): Draw =>
  (random) => {
    const n = shape[shape.length - 1] as number
    const m = random.normals(sizeOf(shape))
    const row = (at: number): Float64Array => m.subarray(at * n, (at + 1) * n)
    return matrices(
      shape,
      (_, i, j, __, block) => {
        const [u, v] = [row(block * n + i), row(block * n + j)]
        return u.reduce((sum, x, k) => sum + x * (v[k] as number), 0) / n + (i === j ? 1 : 0)
      },
      random,
    )
  }
