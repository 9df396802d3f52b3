// Shapes and their arithmetic: sizes, NumPy broadcasting, axes. Imports only errors.
import { ShapeError } from './errors.js'

/** Sizes of the axes of an array, outermost first; `[]` is a scalar. */
export type Shape = readonly number[]

/** "[2, 3]", as shapes are written in every message. */
export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`

/** The number of elements; 1 for a scalar. */
export const sizeOf = (shape: Shape): number => shape.reduce((size, d) => size * d, 1)

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i])

/** Refuses anything that is not a list of non-negative integers whose product is a safe index. */
export const checkShape = (shape: Shape, what = 'shape'): Shape => {
  const list: unknown = shape
  if (!Array.isArray(list) || !shape.every((d) => Number.isInteger(d) && d >= 0)) {
    throw new ShapeError(`${what} is not a shape`, {
      expected: 'a list of non-negative integers',
      received: JSON.stringify(shape),
    })
  }
  if (!Number.isSafeInteger(sizeOf(shape) * 8)) {
    throw new ShapeError(`${what} ${formatShape(shape)} is too large to address`, {
      remedy: 'Split the array into smaller ones',
    })
  }
  return shape
}

/**
 * The common shape of arrays that are broadcast against each other, by NumPy's rule: align at the last axis;
 * equal sizes match, and size 1 stretches.
 */
export const broadcastShapes = (...shapes: readonly Shape[]): Shape => {
  const rank = Math.max(0, ...shapes.map((s) => s.length))
  const result = new Array<number>(rank).fill(1)
  for (const shape of shapes) {
    for (let i = 0; i < shape.length; i++) {
      const at = rank - shape.length + i
      const d = shape[i] as number
      const current = result[at] as number
      if (d === current || d === 1) continue
      if (current !== 1) {
        throw new ShapeError(`shapes ${shapes.map(formatShape).join(' and ')} do not broadcast`, {
          expected: 'sizes that are equal or 1, aligned at the last axis',
          received: `${String(current)} and ${String(d)}`,
        })
      }
      result[at] = d
    }
  }
  return result
}

/** An axis counted from the front; negative axes count from the back. */
export const normalizeAxis = (axis: number, rank: number, what = 'axis'): number => {
  const at = axis < 0 ? axis + rank : axis
  if (!Number.isInteger(axis) || at < 0 || at >= rank) {
    throw new ShapeError(`${what} ${String(axis)} does not exist`, {
      expected:
        rank === 0
          ? 'no axis (the array is a scalar)'
          : `an integer from ${String(-rank)} to ${String(rank - 1)}`,
      received: String(axis),
    })
  }
  return at
}

/** Sorted, distinct axes from the front; undefined means all of them. */
export const normalizeAxes = (
  axes: number | readonly number[] | undefined,
  rank: number,
): readonly number[] => {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i)
  const list = (typeof axes === 'number' ? [axes] : axes).map((axis) => normalizeAxis(axis, rank))
  if (new Set(list).size !== list.length) {
    throw new ShapeError(`axes ${formatShape(list)} name one axis twice`, { expected: 'distinct axes' })
  }
  return list.sort((a, b) => a - b)
}

/** The shape without the named axes. */
export const removeAxes = (shape: Shape, axes: readonly number[]): Shape =>
  shape.filter((_, i) => !axes.includes(i))

/** Row-major strides, in elements. */
export const stridesOf = (shape: Shape): readonly number[] => {
  const strides = new Array<number>(shape.length)
  let step = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step
    step *= shape[i] as number
  }
  return strides
}
