// How far two lists of arrays are apart.
import { NDArray } from '../../lib/base/ndarray.js'
import { stream } from '../../lib/base/random.js'
import { sameShape, sizeOf } from '../../lib/base/shape.js'
import type { Shape } from '../../lib/base/shape.js'

const largest = (data: Float64Array): number =>
  data.reduce((worst, x) => (Number.isFinite(x) ? Math.max(worst, Math.abs(x)) : worst), 0)

/** |x − y|, where NaN equals NaN and infinities of one sign are equal. */
const gap = (x: number, y: number): number =>
  Object.is(x, y) || x === y ? 0 : Number.isFinite(x) && Number.isFinite(y) ? Math.abs(x - y) : Infinity

/**
 * The largest difference of an entry, relative to the largest entry of its array, or to a thousandth of the largest entry
 * of all arrays, or to `unit`, whichever is most; as it is where everything is zero. Infinite where shapes or special
 * values differ.
 */
export const relativeError = (actual: readonly NDArray[], expected: readonly NDArray[], unit = 0): number => {
  if (actual.length !== expected.length) return Infinity
  const floor = Math.max(1e-3 * magnitude(expected), unit)
  return expected.reduce((worst, want, i) => {
    const got = actual[i] as NDArray
    if (!sameShape(got.shape, want.shape)) return Infinity
    const scale = Math.max(largest(want.data), floor) || 1
    return want.data.reduce((error, y, k) => Math.max(error, gap(got.data[k] as number, y) / scale), worst)
  }, 0)
}

/**
 * The largest difference of an entry relative to itself, where differences below the smallest normal number's spacing do
 * not count. Infinite where shapes, special values or signs of zeros differ.
 */
export const entryError = (actual: readonly NDArray[], expected: readonly NDArray[]): number =>
  relativeError(actual, expected) === Infinity
    ? Infinity
    : expected.reduce((worst, want, i) => {
        const got = (actual[i] as NDArray).data
        return want.data.reduce((error, y, k) => {
          const x = got[k] as number
          if (x === 0 && y === 0) return Object.is(x, y) ? error : Infinity
          const distance = gap(x, y)
          return distance <= 2 * Number.MIN_VALUE ? error : Math.max(error, distance / Math.abs(y))
        }, worst)
      }, 0)

/** The largest entry of all arrays. */
export const magnitude = (arrays: readonly NDArray[]): number =>
  Math.max(0, ...arrays.map((x) => largest(x.data)))

/** Σ ⟨x, y⟩ */
export const inner = (xs: readonly NDArray[], ys: readonly NDArray[]): number =>
  xs.reduce((sum, x, i) => x.data.reduce((s, value, k) => s + value * (ys[i]?.data[k] as number), sum), 0)

/** √Σ‖x‖² */
export const norm = (xs: readonly NDArray[]): number => Math.sqrt(inner(xs, xs))

/** Arrays of standard normal numbers. */
export const directions = (shapes: readonly Shape[], name: string): readonly NDArray[] =>
  shapes.map((shape, i) => new NDArray(shape, stream(7, `${name} ${String(i)}`).normals(sizeOf(shape))))

/** Arrays of one shape joined along a new axis 0. */
export const stackArrays = (list: readonly NDArray[]): NDArray => {
  const first = list[0] as NDArray
  return new NDArray([list.length, ...first.shape], Float64Array.from(list.flatMap((x) => [...x.data])))
}

/** Entry i along axis 0. */
export const rowOf = (x: NDArray, i: number): NDArray => {
  const shape = x.shape.slice(1)
  return new NDArray(shape, x.data.slice(i * sizeOf(shape), (i + 1) * sizeOf(shape)))
}
