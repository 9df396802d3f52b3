// A space for people: one line an axis.
import type { Axis, Space } from '../specification/specification.js'
import { gridCount, isGrid } from './axes.js'

/** An axis in words, ready for a table. */
export interface AxisDescription {
  readonly axis: string
  /** '[2, 3]'; '' for a number. */
  readonly shape: string
  readonly kind: string
  /** '0.001 … 1000'; '1, 2, 4'; 'mean 0, deviation 1'. */
  readonly range: string
  /** Positions of a grid axis where it counts; draws for each point of the grid. */
  readonly count: number
  /** 'where method is 1 or 2; else 0'; '' where there is none. */
  readonly condition: string
}

/** Values of a list that are written out. */
const shown = 6

const join = (values: readonly number[], last: string): string => {
  const texts = values.map(String)
  if (texts.length > shown) {
    return `${texts.slice(0, shown - 1).join(', ')}, …, ${texts.at(-1) as string}`
  }
  return texts.length < 2
    ? texts.join('')
    : `${texts.slice(0, -1).join(', ')}${last}${texts.at(-1) as string}`
}

const range = (axis: Axis): string => {
  if (axis.kind === 'list') return join(axis.values, ', ')
  if (axis.kind === 'normal') return `mean ${String(axis.mean)}, deviation ${String(axis.deviation)}`
  const bounds = `${String(axis.low)} … ${String(axis.high)}`
  return axis.kind === 'sobol' && axis.scale === 'log' ? `${bounds}, log` : bounds
}

const condition = ({ when, otherwise }: Axis): string =>
  when === undefined ? '' : `where ${when.axis} is ${join(when.values, ' or ')}; else ${String(otherwise)}`

/** The axes of a checked space, in order. */
export const describeSpace = ({ axes, samples }: Space): AxisDescription[] =>
  Object.entries(axes).map(([name, axis]) => ({
    axis: name,
    shape: axis.shape.length === 0 ? '' : `[${axis.shape.join(', ')}]`,
    kind: axis.kind,
    range: range(axis),
    count: isGrid(axis) ? gridCount(axis) : samples,
    condition: condition(axis),
  }))
