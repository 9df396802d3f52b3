// Movement ops and reductions: where each element of the result comes from.
import { NDArray, full, zeros } from '../../base/ndarray.js'
import type { Shape } from '../../base/shape.js'
import { broadcastTo, build, forEachIndex, reader } from './indexing.js'
import type { Rule } from './walk.js'

/** `index` with the entry of one axis replaced. */
const withAxis = (index: readonly number[], axis: number, at: number): number[] =>
  index.map((i, k) => (k === axis ? at : i))

/** The rule of an op of one array: the element of the result at an index. */
const from =
  <T extends object>(
    element: (x: NDArray, attributes: T) => (index: readonly number[]) => number,
  ): Rule<NDArray> =>
  ([x], attributes: T, [shape]) => [build(shape as Shape, element(x as NDArray, attributes))]

const relabel: Rule<NDArray> = ([x], _, [shape]) => [new NDArray(shape as Shape, (x as NDArray).data)]

interface Axes {
  readonly axes: readonly number[]
}

const reduction =
  (start: number, join: (x: number, y: number) => number): Rule<NDArray> =>
  ([x], { axes }: Axes, [shape]) => {
    const result = full(shape as Shape, start)
    const kept = full(
      (x as NDArray).shape.map((d, axis) => (axes.includes(axis) ? 1 : d)),
      0,
    )
    // The position in the result of every element of x, read by broadcasting.
    const positions = broadcastTo(
      new NDArray(
        kept.shape,
        kept.data.map((_, i) => i),
      ),
      (x as NDArray).shape,
    )
    ;(x as NDArray).data.forEach((value, i) => {
      const at = positions.data[i] as number
      result.data[at] = join(result.data[at] as number, value)
    })
    return [result]
  }

export const movementRules: Readonly<Record<string, Rule<NDArray>>> = {
  constant: (_, { array }: { readonly array: NDArray }) => [array],
  eye: (_, { size }: { readonly size: number }) => [build([size, size], ([i, j]) => (i === j ? 1 : 0))],
  reshape: relabel,
  transpose: from<{ readonly permutation: readonly number[] }>((x, { permutation }) => {
    const read = reader(x)
    return (index) => read(x.shape.map((_, axis) => index[permutation.indexOf(axis)] as number))
  }),
  broadcast: ([x], _, [shape]) => [broadcastTo(x as NDArray, shape as Shape)],
  slice: from<{ readonly start: readonly number[]; readonly step: readonly number[] }>(
    (x, { start, step }) => {
      const read = reader(x)
      return (index) => read(index.map((i, axis) => (start[axis] as number) + i * (step[axis] as number)))
    },
  ),
  pad: (
    [x],
    { low, interior }: { readonly low: readonly number[]; readonly interior: readonly number[] },
    [shape],
  ) => {
    const read = reader(x as NDArray)
    return [
      build(shape as Shape, (index) => {
        const source = index.map((i, axis) => (i - (low[axis] as number)) / (1 + (interior[axis] as number)))
        const inside = source.every(
          (i, axis) => Number.isInteger(i) && i >= 0 && i < ((x as NDArray).shape[axis] as number),
        )
        return inside ? read(source) : 0
      }),
    ]
  },
  concat: (parts, { axis }: { readonly axis: number }, [shape]) => {
    const sources = parts.flatMap((x) =>
      Array.from({ length: x.shape[axis] as number }, (_, at) => ({ read: reader(x), at })),
    )
    return [
      build(shape as Shape, (index) => {
        const { read, at } = sources[index[axis] as number] as (typeof sources)[number]
        return read(withAxis(index, axis, at))
      }),
    ]
  },
  gather: from<{ readonly axis: number; readonly indices: readonly number[] }>((x, { axis, indices }) => {
    const read = reader(x)
    return (index) => read(withAxis(index, axis, indices[index[axis] as number] as number))
  }),
  scatterAdd: (
    [x],
    { axis, indices }: { readonly axis: number; readonly indices: readonly number[] },
    [shape],
  ) => {
    const result = zeros(shape as Shape)
    const position = reader(
      new NDArray(
        result.shape,
        result.data.map((_, i) => i),
      ),
    )
    forEachIndex((x as NDArray).shape, (index, i) => {
      const at = position(withAxis(index, axis, indices[index[axis] as number] as number))
      result.data[at] = (result.data[at] as number) + ((x as NDArray).data[i] as number)
    })
    return [result]
  },
  triangle: from<{ readonly lower: boolean; readonly offset: number }>((x, { lower, offset }) => {
    const read = reader(x)
    return (index) => {
      const [row, column] = index.slice(-2) as [number, number]
      return (lower ? column <= row + offset : column >= row + offset) ? read(index) : 0
    }
  }),
  sum: reduction(0, (x, y) => x + y),
  max: reduction(-Infinity, Math.max),
  min: reduction(Infinity, Math.min),
}
