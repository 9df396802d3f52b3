// Arrays by index: building them element by element, reading them through broadcasting, and applying a function of
// matrices over leading batch axes.
import { NDArray, zeros } from '../../base/ndarray.js'
import { broadcastShapes, sameShape, sizeOf, stridesOf } from '../../base/shape.js'
import type { Shape } from '../../base/shape.js'
import type { Rule } from './walk.js'

/** Calls `visit` with every index of `shape` in row-major order; the list is reused. */
export const forEachIndex = (
  shape: Shape,
  visit: (index: readonly number[], position: number) => void,
): void => {
  const index = shape.map(() => 0)
  for (let position = 0; position < sizeOf(shape); position++) {
    visit(index, position)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1
      if ((index[axis] as number) < (shape[axis] as number)) break
      index[axis] = 0
    }
  }
}

/** The array whose element at each index is `element(index)`. */
export const build = (shape: Shape, element: (index: readonly number[]) => number): NDArray => {
  const result = zeros(shape)
  forEachIndex(shape, (index, position) => (result.data[position] = element(index)))
  return result
}

/** Reads x at an index, one number an axis. */
export const reader = (x: NDArray): ((index: readonly number[]) => number) => {
  const strides = stridesOf(x.shape)
  return (index) => {
    let at = 0
    for (let axis = 0; axis < strides.length; axis++)
      at += (index[axis] as number) * (strides[axis] as number)
    return x.data[at] as number
  }
}

/** x stretched to `shape` by NumPy's rule: aligned at the last axis, an axis of size 1 is read at 0. */
export const broadcastTo = (x: NDArray, shape: Shape): NDArray => {
  if (sameShape(x.shape, shape)) return x
  const read = reader(x)
  const lead = shape.length - x.rank
  return build(shape, (index) =>
    read(x.shape.map((d, axis) => (d === 1 ? 0 : (index[lead + axis] as number)))),
  )
}

/** A function of matrices and vectors without leading axes. */
export type Core<T extends object> = (operands: readonly NDArray[], attributes: T) => readonly NDArray[]

/**
 * The rule of an op that acts on the last `ranks[i]` axes of operand i: `core` is called for every index of the
 * leading axes, which broadcast.
 */
export const overLeadingAxes =
  <T extends object>(ranks: readonly number[], core: Core<T>): Rule<NDArray> =>
  (inputs, attributes: T, shapes) => {
    const tails = inputs.map((x, i) => x.shape.slice(x.rank - (ranks[i] as number)))
    const lead = broadcastShapes(...inputs.map((x, i) => x.shape.slice(0, x.rank - (ranks[i] as number))))
    const whole = inputs.map((x, i) => broadcastTo(x, [...lead, ...(tails[i] as Shape)]))
    const results = shapes.map(zeros)
    for (let at = 0; at < sizeOf(lead); at++) {
      const operands = whole.map((x, i) => block(x, tails[i] as Shape, at))
      core(operands, attributes).forEach((out, k) => {
        ;(results[k] as NDArray).data.set(out.data, at * out.size)
      })
    }
    return results
  }

/** Part number `at` of an array that consists of arrays of one shape; it shares their data. */
export const block = (x: NDArray, shape: Shape, at: number): NDArray => {
  const size = sizeOf(shape)
  return new NDArray(shape, x.data.subarray(at * size, (at + 1) * size))
}
