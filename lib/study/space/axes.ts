// One axis by itself. Grid axes have positions 0 … count − 1 with a value each; drawn axes have a quantile function, which makes
// a value of a number u in (0, 1):
//   linear, log     evenly spaced from low to high, both exact, on that scale     uniform   low + u · (high − low)
//   list            as written                                                   log       exp(log low + u · (log high − log low))
//                                                                                normal    mean + deviation · Φ⁻¹(u)
import { linearPoint, logPoint } from '../../base/ndarray.js'
import { normalQuantile } from '../../base/random.js'
import type { Axis } from '../specification/specification.js'

export type GridAxis = Extract<Axis, { readonly kind: 'linear' | 'log' | 'list' }>
export type DrawnAxis = Exclude<Axis, GridAxis>

export const isGrid = (axis: Axis): axis is GridAxis =>
  axis.kind === 'linear' || axis.kind === 'log' || axis.kind === 'list'

/** How many positions a grid axis has. */
export const gridCount = (axis: GridAxis): number => (axis.kind === 'list' ? axis.values.length : axis.count)

/** The value at a position. */
export const gridValue = (axis: GridAxis, position: number): number => {
  switch (axis.kind) {
    case 'list':
      return axis.values[position] as number
    case 'linear':
      return linearPoint(axis.low, axis.high, axis.count, position)
    case 'log':
      return logPoint(axis.low, axis.high, axis.count, position)
  }
}

/** Of the numbers that a user writes for values of a linear or log axis, the share that decimal notation may be off. */
const tolerance = 1e-12

/** The position whose value is nearest to a number. */
export const nearestPosition = (axis: GridAxis, value: number): number => {
  if (axis.kind === 'list') {
    const distance = (position: number): number => Math.abs((axis.values[position] as number) - value)
    return axis.values.reduce((best, _, p) => (distance(p) < distance(best) ? p : best), 0)
  }
  const { low, high, count } = axis
  const share =
    axis.kind === 'linear' ? (value - low) / (high - low) : Math.log(value / low) / Math.log(high / low)
  return Math.min(Math.max(Math.round(share * (count - 1)), 0), count - 1) || 0
}

/** The positions that have these values, or −1. On linear and log axes a value may differ by rounding, 1e-12 of its scale. */
export const positionsOf = (axis: GridAxis, values: readonly number[]): number[] => {
  if (axis.kind === 'list') {
    const positions = new Map(axis.values.map((value, position) => [value, position]))
    return values.map((value) => positions.get(value) ?? -1)
  }
  const { kind, low, high } = axis
  return values.map((value) => {
    const position = nearestPosition(axis, value)
    const scale = kind === 'linear' ? Math.max(Math.abs(low), Math.abs(high)) : Math.abs(value)
    return Math.abs(gridValue(axis, position) - value) <= tolerance * scale ? position : -1
  })
}

/** θ as a function of u in [2⁻⁵³, 1 − 2⁻⁵³], in [low, high] whatever is rounded. */
export const quantile = (axis: DrawnAxis): ((u: number) => number) => {
  if (axis.kind === 'normal') {
    const { mean, deviation } = axis
    return (u) => mean + deviation * normalQuantile(u)
  }
  const { low, high } = axis
  if (axis.kind === 'logUniform' || (axis.kind === 'sobol' && axis.scale === 'log')) {
    const begin = Math.log(low)
    const width = Math.log(high) - begin
    return (u) => Math.min(Math.max(Math.exp(begin + u * width), low), high)
  }
  // u times a rounded width is no more than the width: the sum cannot pass high.
  return (u) => low + u * (high - low)
}
