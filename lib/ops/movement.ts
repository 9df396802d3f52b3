// Ops that move elements without computing: reshape, transpose, broadcast, slice, pad, concat, gather, triangle, eye.
import { ShapeError } from '../base/errors.js'
import { broadcastShapes, checkShape, formatShape, normalizeAxis, sameShape, sizeOf } from '../base/shape.js'
import type { Shape } from '../base/shape.js'
import { defineLinear, defineOp } from '../ir/op.js'
import type { Op } from '../ir/op.js'
import { Tensor, defineMethods } from '../ir/tensor.js'
import { apply1, tensor } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'

const first = (list: readonly Tensor[]): Tensor => list[0] as Tensor

const reshapeOp: Op<{ readonly shape: Shape }> = defineLinear({
  name: 'reshape',
  shapes: ([input], { shape }) => {
    if (sizeOf(input as Shape) !== sizeOf(shape)) {
      throw new ShapeError('reshape changes the number of elements', {
        expected: `a shape of ${String(sizeOf(input as Shape))} elements`,
        received: formatShape(shape),
      })
    }
    return [shape]
  },
  transpose: (v, { inputs }) => reshape(v, first(inputs).shape),
  batch: (x, { shape }, size) => reshape(x, [size, ...shape]),
})

/**
 * The same elements in another shape; one size may be −1 and is worked out.
 * @throws {ShapeError} when the number of elements changes.
 */
export const reshape = (x: Operand, shape: Shape): Tensor => {
  const t = tensor(x)
  const holes = shape.filter((d) => d === -1).length
  let full = shape
  if (holes === 1) {
    const rest = sizeOf(shape.filter((d) => d !== -1))
    full = shape.map((d) => (d === -1 ? (rest === 0 ? 0 : sizeOf(t.shape) / rest) : d))
  }
  checkShape(full, `reshape of ${formatShape(t.shape)} to`)
  return sameShape(full, t.shape) ? t : apply1(reshapeOp, [t], { shape: full })
}

/** All elements along one axis. */
export const ravel = (x: Operand): Tensor => reshape(x, [-1])

const transposeOp: Op<{ readonly permutation: readonly number[] }> = defineLinear({
  name: 'transpose',
  shapes: ([input], { permutation }) => [permutation.map((axis) => (input as Shape)[axis] as number)],
  transpose: (v, { attributes: { permutation } }) =>
    transpose(
      v,
      permutation.map((_, i) => permutation.indexOf(i)),
    ),
  batch: (x, { permutation }) => transpose(x, [0, ...permutation.map((axis) => axis + 1)]),
})

/** Axes in another order; by default reversed, so that a matrix is transposed. */
export const transpose = (x: Operand, permutation?: readonly number[]): Tensor => {
  const t = tensor(x)
  const order = (permutation ?? t.shape.map((_, i) => t.rank - 1 - i)).map((axis) =>
    normalizeAxis(axis, t.rank),
  )
  if (order.length !== t.rank || new Set(order).size !== t.rank) {
    throw new ShapeError(`transpose of ${formatShape(t.shape)}: not a permutation`, {
      expected: `each of the ${String(t.rank)} axes once`,
      received: formatShape(order),
    })
  }
  return order.every((axis, i) => axis === i) ? t : apply1(transposeOp, [t], { permutation: order })
}

/** The last two axes swapped. */
export const matrixTranspose = (x: Operand): Tensor => {
  const t = tensor(x)
  const order = t.shape.map((_, i) => i)
  return transpose(t, [...order.slice(0, -2), t.rank - 1, t.rank - 2])
}

const broadcastOp: Op<{ readonly shape: Shape }> = defineLinear({
  name: 'broadcast',
  shapes: ([input], { shape }) => {
    const common = broadcastShapes(input as Shape, shape)
    if (!sameShape(common, shape)) {
      throw new ShapeError(`cannot broadcast to ${formatShape(shape)}`, {
        expected: 'sizes equal to the target or 1',
        received: formatShape(input as Shape),
      })
    }
    return [shape]
  },
  // The vjp transform sums the cotangent down to the shape of the input.
  transpose: (v) => v,
  batch: (x, { shape }, size) =>
    broadcast(
      reshape(x, [size, ...new Array<number>(shape.length + 1 - x.rank).fill(1), ...x.shape.slice(1)]),
      [size, ...shape],
    ),
})

/** x stretched to `shape`, by NumPy's rule. */
export const broadcast = (x: Operand, shape: Shape): Tensor => {
  const t = tensor(x)
  return sameShape(t.shape, shape) ? t : apply1(broadcastOp, [t], { shape })
}

interface SliceAttributes {
  readonly start: readonly number[]
  readonly stop: readonly number[]
  readonly step: readonly number[]
}

const sliceOp: Op<SliceAttributes> = defineLinear({
  name: 'slice',
  shapes: ([input], { start, stop, step }) => {
    const shape = input as Shape
    shape.forEach((d, i) => {
      const [a, b, s] = [start[i] as number, stop[i] as number, step[i] as number]
      if (!(
        Number.isInteger(a) &&
        Number.isInteger(b) &&
        Number.isInteger(s) &&
        0 <= a &&
        a <= b &&
        b <= d &&
        s >= 1
      )) {
        throw new ShapeError(
          `slice ${String(a)}:${String(b)}:${String(s)} of axis ${String(i)} is outside the array`,
          {
            expected: `0 ≤ start ≤ stop ≤ ${String(d)} and step ≥ 1`,
          },
        )
      }
    })
    return [
      shape.map((_, i) => Math.ceil(((stop[i] as number) - (start[i] as number)) / (step[i] as number))),
    ]
  },
  transpose: (v, { inputs, outputs, attributes: { start, step } }) => {
    const interior = step.map((s) => s - 1)
    const covered = first(outputs).shape.map((d, i) => (d === 0 ? 0 : (d - 1) * (step[i] as number) + 1))
    const high = first(inputs).shape.map((d, i) => d - (start[i] as number) - (covered[i] as number))
    return apply1(padOp, [v], { low: start, high, interior })
  },
  batch: (x, { start, stop, step }, size) =>
    apply1(sliceOp, [x], { start: [0, ...start], stop: [size, ...stop], step: [1, ...step] }),
})

/** One range an axis: [start, stop], [start, stop, step], or undefined for all; negative ends count from the back. */
export type Range = readonly [number, number] | readonly [number, number, number] | undefined

/** A rectangular part of x; axes that `ranges` does not name are kept whole. */
export const slice = (x: Operand, ...ranges: readonly Range[]): Tensor => {
  const t = tensor(x)
  if (ranges.length > t.rank) {
    throw new ShapeError(`slice of ${formatShape(t.shape)} names ${String(ranges.length)} axes`, {
      expected: `at most ${String(t.rank)}`,
    })
  }
  const from = (i: number, d: number): number => (i < 0 ? i + d : i)
  const start = t.shape.map((d, i) => from(ranges[i]?.[0] ?? 0, d))
  const stop = t.shape.map((d, i) => from(ranges[i]?.[1] ?? d, d))
  const step = t.shape.map((_, i) => ranges[i]?.[2] ?? 1)
  if (t.shape.every((d, i) => start[i] === 0 && stop[i] === d && step[i] === 1)) return t
  return apply1(sliceOp, [t], { start, stop, step })
}

interface PadAttributes {
  readonly low: readonly number[]
  readonly high: readonly number[]
  readonly interior: readonly number[]
}

const padOp: Op<PadAttributes> = defineLinear({
  name: 'pad',
  shapes: ([input], { low, high, interior }) => [
    (input as Shape).map((d, i) => {
      const size = (low[i] as number) + (high[i] as number) + d + Math.max(0, d - 1) * (interior[i] as number)
      if (!(Number.isInteger(size) && size >= 0 && (low[i] as number) >= 0 && (high[i] as number) >= 0)) {
        throw new ShapeError('pad takes a negative amount', { expected: 'non-negative integers' })
      }
      return size
    }),
  ],
  transpose: (v, { inputs, attributes: { low, interior } }) => {
    const step = interior.map((s) => s + 1)
    const stop = first(inputs).shape.map(
      (d, i) => (low[i] as number) + (d === 0 ? 0 : (d - 1) * (step[i] as number) + 1),
    )
    return apply1(sliceOp, [v], { start: low, stop, step })
  },
  batch: (x, { low, high, interior }) =>
    apply1(padOp, [x], { low: [0, ...low], high: [0, ...high], interior: [0, ...interior] }),
})

/** x surrounded by zeros: `low` before and `high` after each axis, `interior` between neighbours. */
export const pad = (
  x: Operand,
  low: readonly number[],
  high: readonly number[],
  interior?: readonly number[],
): Tensor => {
  const t = tensor(x)
  const inside = interior ?? t.shape.map(() => 0)
  if ([low, high, inside].some((list) => list.length !== t.rank)) {
    throw new ShapeError(`pad of ${formatShape(t.shape)}`, {
      expected: `${String(t.rank)} amounts in each list`,
    })
  }
  return apply1(padOp, [t], { low, high, interior: inside })
}

const concatOp: Op<{ readonly axis: number }> = defineOp({
  name: 'concat',
  shapes: (inputs, { axis }) => {
    const shape = inputs[0] as Shape
    for (const other of inputs) {
      if (other.length !== shape.length || other.some((d, i) => i !== axis && d !== shape[i])) {
        throw new ShapeError(`concat along axis ${String(axis)}`, {
          expected: 'the same sizes along the other axes',
          received: inputs.map(formatShape).join(', '),
        })
      }
    }
    const total = inputs.reduce((sum, s) => sum + (s[axis] as number), 0)
    return [shape.map((d, i) => (i === axis ? total : d))]
  },
  jvp: ({ inputs, attributes }, tangents) => [
    tangents.every((t) => t === undefined)
      ? undefined
      : apply1(
          concatOp,
          inputs.map((x, i) => tangents[i] ?? broadcast(0, x.shape)),
          attributes,
        ),
  ],
  vjp: ({ inputs, attributes: { axis } }, [v]) => {
    let at = 0
    return inputs.map((x) => {
      const from = at
      at += x.shape[axis] as number
      return v === undefined ? v : slice(v, ...new Array<undefined>(axis).fill(undefined), [from, at])
    })
  },
  vmap: (inputs, batched, { axis }, size) => {
    const parts = inputs.map((x, i) => (batched[i] ? x : broadcast(x, [size, ...x.shape])))
    return { outputs: [apply1(concatOp, parts, { axis: axis + 1 })], batched: [true] }
  },
})

/** Arrays joined along an existing axis. */
export const concat = (parts: readonly Operand[], axis = 0): Tensor => {
  const list = parts.map(tensor)
  if (list.length === 0) throw new ShapeError('concat of nothing', { expected: 'at least one array' })
  return list.length === 1
    ? first(list)
    : apply1(concatOp, list, { axis: normalizeAxis(axis, first(list).rank) })
}

/** Arrays of one shape joined along a new axis. */
export const stack = (parts: readonly Operand[], axis = 0): Tensor => {
  const list = parts.map(tensor)
  if (list.length === 0) throw new ShapeError('stack of nothing', { expected: 'at least one array' })
  const at = normalizeAxis(axis, first(list).rank + 1)
  return concat(
    list.map((t) => reshape(t, [...t.shape.slice(0, at), 1, ...t.shape.slice(at)])),
    at,
  )
}

interface GatherAttributes {
  readonly axis: number
  readonly indices: readonly number[]
}

const gatherOp: Op<GatherAttributes> = defineLinear({
  name: 'gather',
  shapes: ([input], { axis, indices }) => {
    const d = (input as Shape)[axis] as number
    const bad = indices.find((i) => !(Number.isInteger(i) && i >= 0 && i < d))
    if (bad !== undefined) {
      throw new ShapeError(`gather index ${String(bad)} is outside axis ${String(axis)}`, {
        expected: `integers from 0 to ${String(d - 1)}`,
      })
    }
    return [(input as Shape).map((n, i) => (i === axis ? indices.length : n))]
  },
  transpose: (v, { inputs, attributes }) =>
    apply1(scatterAddOp, [v], { ...attributes, size: first(inputs).shape[attributes.axis] as number }),
  batch: (x, { axis, indices }) => apply1(gatherOp, [x], { axis: axis + 1, indices }),
})

const scatterAddOp: Op<GatherAttributes & { readonly size: number }> = defineLinear({
  name: 'scatterAdd',
  shapes: ([input], { axis, indices, size }) => {
    if (
      (input as Shape)[axis] !== indices.length ||
      indices.some((i) => !(Number.isInteger(i) && i >= 0 && i < size))
    ) {
      throw new ShapeError('scatterAdd indices do not fit', {
        expected: `${String((input as Shape)[axis])} integers from 0 to ${String(size - 1)}`,
      })
    }
    return [(input as Shape).map((n, i) => (i === axis ? size : n))]
  },
  transpose: (v, { attributes: { axis, indices } }) => apply1(gatherOp, [v], { axis, indices }),
  batch: (x, { axis, indices, size }) => apply1(scatterAddOp, [x], { axis: axis + 1, indices, size }),
})

/** The entries of x at fixed indices along an axis; an index may appear more than once. */
export const gather = (x: Operand, indices: readonly number[], axis = 0): Tensor => {
  const t = tensor(x)
  const at = normalizeAxis(axis, t.rank)
  return apply1(gatherOp, [t], {
    axis: at,
    indices: indices.map((i) => (i < 0 ? i + (t.shape[at] as number) : i)),
  })
}

/** Zeros of length `size` along an axis, to which the entries of x are added at fixed indices. */
export const scatterAdd = (x: Operand, indices: readonly number[], size: number, axis = 0): Tensor => {
  const t = tensor(x)
  return apply1(scatterAddOp, [t], { axis: normalizeAxis(axis, t.rank), indices: [...indices], size })
}

const triangleOp: Op<{ readonly lower: boolean; readonly offset: number }> = defineLinear({
  name: 'triangle',
  shapes: ([input]) => {
    if ((input as Shape).length < 2) {
      throw new ShapeError('a triangle of something that is not a matrix', {
        expected: 'at least two axes',
        received: formatShape(input as Shape),
      })
    }
    return [input as Shape]
  },
  transpose: (v, { attributes }) => apply1(triangleOp, [v], attributes),
  batch: (x, attributes) => apply1(triangleOp, [x], attributes),
})

/** The lower triangle of the last two axes, zeros above diagonal number `offset`. */
export const tril = (x: Operand, offset = 0): Tensor => apply1(triangleOp, [x], { lower: true, offset })
/** The upper triangle of the last two axes, zeros below diagonal number `offset`. */
export const triu = (x: Operand, offset = 0): Tensor => apply1(triangleOp, [x], { lower: false, offset })

const eyeOp: Op<{ readonly size: number }> = defineOp({
  name: 'eye',
  shapes: (_, { size }) => [checkShape([size, size], 'eye')],
  jvp: () => [undefined],
  vjp: () => [],
  vmap: (_, __, { size }) => ({ outputs: [eye(size)], batched: [false] }),
})

/** The identity matrix. It is a symbol: products with it are never carried out. */
export const eye = (size: number): Tensor => apply1(eyeOp, [], { size })

/** The diagonal of the last two axes of a square x. */
export const diagonal = (x: Operand): Tensor => {
  const t = tensor(x)
  const n = t.shape[t.rank - 1] as number
  if (t.rank < 2 || t.shape[t.rank - 2] !== n) {
    throw new ShapeError('diagonal of something that is not square', { received: formatShape(t.shape) })
  }
  const lead = t.shape.slice(0, -2)
  const flat = reshape(t, [...lead, n * n])
  return slice(flat, ...lead.map(() => undefined), [0, n * n, n + 1])
}

/** Square matrices with the last axis of x on their diagonals. */
export const diag = (x: Operand): Tensor => {
  const t = tensor(x)
  const n = t.shape[t.rank - 1]
  if (n === undefined) throw new ShapeError('diag of a scalar', { expected: 'at least one axis' })
  const lead = t.shape.slice(0, -1)
  const zero = t.shape.map(() => 0)
  return reshape(pad(t, zero, zero, [...lead.map(() => 0), n]), [...lead, n, n])
}

defineMethods({ reshape, ravel, transpose, broadcast, slice, gather, diagonal })
Object.defineProperty(Tensor.prototype, 'T', {
  get(this: Tensor) {
    return matrixTranspose(this)
  },
})

declare module '../ir/tensor.js' {
  interface Tensor {
    reshape(shape: Shape): Tensor
    ravel(): Tensor
    transpose(permutation?: readonly number[]): Tensor
    broadcast(shape: Shape): Tensor
    slice(...ranges: readonly Range[]): Tensor
    gather(indices: readonly number[], axis?: number): Tensor
    diagonal(): Tensor
    /** The transpose of the last two axes. */
    readonly T: Tensor
  }
}
