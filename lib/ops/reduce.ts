// Reductions over axes: sum, max and min are ops; mean, prod, norms and logsumexp are built from them.
import { ShapeError } from '../base/errors.js'
import { formatShape, normalizeAxes, removeAxes, sameShape } from '../base/shape.js'
import type { Shape } from '../base/shape.js'
import { defineLinear, defineOp } from '../ir/op.js'
import type { Op } from '../ir/op.js'
import { defineMethods } from '../ir/tensor.js'
import type { Tensor } from '../ir/tensor.js'
import { apply1, tensor } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import {
  abs,
  div,
  equal,
  exp,
  isFinite,
  log,
  mul,
  sqrt,
  square,
  stopGradient,
  sub,
  add,
  where,
} from './elementwise.js'
import { broadcast, concat, reshape, slice } from './movement.js'

/** Axes of a reduction: one, several, or all of them; negative axes count from the back. */
export type Axes = number | readonly number[] | undefined

interface ReduceAttributes {
  /** Sorted, from the front. */
  readonly axes: readonly number[]
}

const keep = (x: Tensor, like: Shape, axes: readonly number[]): Tensor =>
  reshape(
    x,
    like.map((d, i) => (axes.includes(i) ? 1 : d)),
  )

const shapes = ([input]: readonly Shape[], { axes }: ReduceAttributes): readonly Shape[] => [
  removeAxes(input as Shape, axes),
]

const sumOp: Op<ReduceAttributes> = defineLinear({
  name: 'sum',
  shapes,
  transpose: (v, { inputs: [x], attributes: { axes } }) =>
    broadcast(keep(v, (x as Tensor).shape, axes), (x as Tensor).shape),
  batch: (x, { axes }) => apply1(sumOp, [x], { axes: axes.map((a) => a + 1) }),
})

/** Largest or smallest entry. Where several entries tie, each gets the same share of the derivative. */
const extremum = (name: 'max' | 'min'): Op<ReduceAttributes> => {
  const shareOf = (x: Tensor, out: Tensor, axes: readonly number[]): Tensor => {
    const hit = equal(x, keep(out, x.shape, axes))
    return div(hit, keep(sum(hit, axes), x.shape, axes))
  }
  const op: Op<ReduceAttributes> = defineOp<ReduceAttributes>({
    name,
    shapes: (inputs, attributes) => {
      if (attributes.axes.some((axis) => inputs[0]?.[axis] === 0)) {
        throw new ShapeError(`the ${name} of no elements`, {
          expected: 'at least one element along each reduced axis',
          received: formatShape(inputs[0] as Shape),
        })
      }
      return shapes(inputs, attributes)
    },
    jvp: ({ inputs: [x], outputs: [out], attributes: { axes } }, [t]) => [
      t === undefined ? undefined : sum(mul(t, shareOf(x as Tensor, out as Tensor, axes)), axes),
    ],
    vjp: ({ inputs: [x], outputs: [out], attributes: { axes } }, [v]) => [
      v === undefined
        ? undefined
        : mul(keep(v, (x as Tensor).shape, axes), shareOf(x as Tensor, out as Tensor, axes)),
    ],
    vmap: ([x], _, { axes }) => ({
      outputs: [apply1(op, [x as Tensor], { axes: axes.map((a) => a + 1) })],
      batched: [true],
    }),
  })
  return op
}
const maxOp = extremum('max')
const minOp = extremum('min')

const reduce =
  (op: Op<ReduceAttributes>) =>
  (x: Operand, axes?: Axes): Tensor => {
    const t = tensor(x)
    const list = normalizeAxes(axes, t.rank)
    return list.length === 0 ? t : apply1(op, [t], { axes: list })
  }

/** Sum over axes (default: all). */
export const sum = reduce(sumOp)
/** Largest entry over axes; NaN if there is one. */
export const max = reduce(maxOp)
/** Smallest entry over axes; NaN if there is one. */
export const min = reduce(minOp)

/** Mean over axes (default: all). */
export const mean = (x: Operand, axes?: Axes): Tensor => {
  const t = tensor(x)
  const count = normalizeAxes(axes, t.rank).reduce((n, axis) => n * (t.shape[axis] as number), 1)
  return div(sum(t, axes), count)
}

/** Product over axes, as a tree of products, so that its derivative is right when entries are zero. */
export const prod = (x: Operand, axes?: Axes): Tensor => {
  const t = tensor(x)
  return [...normalizeAxes(axes, t.rank)].reverse().reduce(prodAxis, t)
}

const prodAxis = (x: Tensor, axis: number): Tensor => {
  const skip = new Array<undefined>(axis).fill(undefined)
  let t = x
  let n = t.shape[axis] as number
  if (n === 0) return broadcast(1, removeAxes(x.shape, [axis]))
  for (; n > 1; n = Math.ceil(n / 2)) {
    const half = Math.floor(n / 2)
    const pairs = mul(slice(t, ...skip, [0, half]), slice(t, ...skip, [half, 2 * half]))
    t = n % 2 === 0 ? pairs : concat([pairs, slice(t, ...skip, [n - 1, n])], axis)
  }
  return reshape(t, removeAxes(x.shape, [axis]))
}

/** Σ x² over axes. */
export const sumSquares = (x: Operand, axes?: Axes): Tensor => sum(square(x), axes)

/** Euclidean norm over axes; derivative 0 at the origin. */
export const norm2 = (x: Operand, axes?: Axes): Tensor => {
  const s = sumSquares(x, axes)
  const zero = equal(s, 0)
  return where(zero, 0, sqrt(where(zero, 1, s)))
}

/** Σ |x| over axes. */
export const norm1 = (x: Operand, axes?: Axes): Tensor => sum(abs(x), axes)

/** max |x| over axes. */
export const normInf = (x: Operand, axes?: Axes): Tensor => max(abs(x), axes)

/** Mean of (x − y)². */
export const meanSquaredError = (x: Operand, y: Operand): Tensor => mean(square(sub(x, y)))

/** log Σ eˣ over axes, without overflow. */
export const logsumexp = (x: Operand, axes?: Axes): Tensor => {
  const t = tensor(x)
  const list = normalizeAxes(axes, t.rank)
  if (list.length === 0) return t
  const top = stopGradient(max(t, list))
  const shift = where(isFinite(top), top, 0)
  return add(log(sum(exp(sub(t, keep(shift, t.shape, list))), list)), shift)
}

/** x summed down to a shape from which it was broadcast. */
export const sumTo = (x: Tensor, shape: Shape): Tensor => {
  if (sameShape(x.shape, shape)) return x
  const lead = x.rank - shape.length
  const axes = x.shape.flatMap((d, i) => (i < lead || (shape[i - lead] === 1 && d !== 1) ? [i] : []))
  return reshape(sum(x, axes), shape)
}

defineMethods({ sum, mean, max, min })

declare module '../ir/tensor.js' {
  interface Tensor {
    sum(axes?: Axes): Tensor
    mean(axes?: Axes): Tensor
    max(axes?: Axes): Tensor
    min(axes?: Axes): Tensor
  }
}
