// Drawn axes: u in (0, 1) for each entry of each θ, and the quantile function of the axis. A draw is a pure function of
// (seed, repeat, name of the axis, i, entry): other axes, the grid and the size of the space make no difference.
//   uniform, logUniform, normal   u = number i · entries + entry of the stream `theta <repeat> <name>`
//   sobol                         u = point i of one Sobol sequence, whose dimensions are the entries of all Sobol axes in order,
//                                 shifted by number `entry` of the stream `sobol <repeat> <name>`
// The shift makes point 0, which is the corner of the box, any point, makes repeats differ, and keeps the points even.
import { stream } from '../../base/random.js'
import { sizeOf } from '../../base/shape.js'
import type { Axis } from '../specification/specification.js'
import { isGrid, quantile } from './axes.js'
import type { DrawnAxis } from './axes.js'
import { sobolDirections, sobolFill } from './sobol.js'

/** A drawn axis, ready to be drawn. */
export interface Source {
  readonly name: string
  readonly entries: number
  readonly quantile: (u: number) => number
  /** Of the entries, where the axis is a Sobol axis. */
  readonly directions?: readonly Uint32Array[]
}

export interface Draw {
  readonly seed: number
  readonly repeat: number
  readonly lo: number
}

/** The drawn axes of a space, in order. */
const drawnAxes = (axes: Readonly<Record<string, Axis>>): (readonly [string, DrawnAxis])[] =>
  Object.entries(axes).flatMap(([name, axis]) => (isGrid(axis) ? [] : [[name, axis] as const]))

/** Sources of all drawn axes of a checked space. */
export const sources = (axes: Readonly<Record<string, Axis>>): Source[] => {
  let dimension = 0
  return drawnAxes(axes).map(([name, axis]) => {
    const source = { name, entries: sizeOf(axis.shape), quantile: quantile(axis) }
    if (axis.kind !== 'sobol') return source
    const directions = Array.from({ length: source.entries }, () => sobolDirections(dimension++))
    return { ...source, directions }
  })
}

/** Fills `out`, [rows, entries], with the draws of θ number lo, lo + 1, …. */
export const draw = (source: Source, { seed, repeat, lo }: Draw, out: Float64Array): void => {
  const { name, entries, directions, quantile } = source
  if (directions === undefined) {
    out.set(stream(seed, `theta ${String(repeat)} ${name}`).uniforms(out.length, lo * entries))
  } else {
    const shifts = stream(seed, `sobol ${String(repeat)} ${name}`)
    directions.forEach((v, entry) => {
      sobolFill(v, shifts.uniform(entry), lo, out, entry, entries)
    })
  }
  for (let k = 0; k < out.length; k++) out[k] = quantile(out[k] as number)
}
