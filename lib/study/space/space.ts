// θ(i), i = 0 … n − 1: a pure function of the space, the seed and the repeat, so that any machine computes any part.
//   n = points of the grid × samples,   i = point · samples + sample
// Axes of kind linear, log and list make a grid, in the order written, the last one fastest; the others are drawn, `samples` times
// for each point of the grid. An axis with a condition counts only where it holds: elsewhere a grid axis adds one point, not count,
// and every kind has the value `otherwise`.
import { ArgumentError, checkOptions } from '../../base/errors.js'
import { NDArray, zeros } from '../../base/ndarray.js'
import type { Axis, Space } from '../specification/specification.js'
import { gridValue } from './axes.js'
import { checkSpace } from './check.js'
import { draw, sources } from './draw.js'
import type { Source } from './draw.js'
import { gridTree, holds, locatePoints, standsOn } from './gridTree.js'
import type { GridTree, Parent } from './gridTree.js'

export type { SpaceFault } from './axisFaults.js'
export { checkSpace, spaceFaults } from './check.js'
export { describeSpace } from './describe.js'
export type { AxisDescription } from './describe.js'

/** Which draw of which experiment. */
export interface Repetition {
  /** Integer in [0, 2⁵³). */
  readonly seed: number
  /** Integer in [0, 2⁵³): each repeat draws anew what is drawn, and has the same grid. */
  readonly repeat: number
}

/** A drawn axis with a condition. */
interface Mask {
  readonly name: string
  readonly parent: Parent
  readonly otherwise: number
}

/** A space, ready to be evaluated. */
interface Plan {
  readonly tree: GridTree
  readonly sources: readonly Source[]
  readonly masks: readonly Mask[]
  readonly size: number
}

const plans = new WeakMap<Space, Plan>()

/** Checked and prepared once for each space: it is data that nobody changes. */
const planOf = (space: Space): Plan => {
  const known = plans.get(space)
  if (known !== undefined) return known
  checkSpace(space)
  const { axes, samples } = space
  const tree = gridTree(axes)
  const drawn = sources(axes)
  const masks = drawn.flatMap(({ name }) => {
    const axis = axes[name] as Axis
    const parent = standsOn(tree, axis)
    return parent === undefined ? [] : [{ name, parent, otherwise: axis.otherwise as number }]
  })
  const plan = { tree, sources: drawn, masks, size: tree.size * samples }
  plans.set(space, plan)
  return plan
}

/**
 * How many θ a space has, n: the points of its grid times its samples; 1 for a space without axes.
 * @throws {ArgumentError} when the space is wrong; see {@link checkSpace}.
 */
export const thetaCount = (space: Space): number => planOf(space).size

const checkInteger = (what: string, value: number, low: number, high: number): void => {
  if (Number.isInteger(value) && value >= low && value <= high) return
  throw new ArgumentError(`θ(i): ${what} is out of range`, {
    expected: `an integer from ${String(low)} to ${String(high)}`,
    received: String(value),
    remedy: 'thetaCount tells how many θ a space has; seeds and repeats are below 2^53',
  })
}

/** Consecutive points of the grid, and the rows of a block that belong to each: begins[k] ≤ row < begins[k + 1]. */
interface Points {
  readonly count: number
  /** [count, grid axes]. */
  readonly positions: Float64Array
  readonly begins: Float64Array
}

const pointsOf = (tree: GridTree, samples: number, lo: number, hi: number): Points => {
  const first = Math.floor(lo / samples)
  const count = Math.floor((hi - 1) / samples) - first + 1
  const begins = new Float64Array(count + 1)
  for (let k = 1; k < count; k++) begins[k] = (first + k) * samples - lo
  begins[count] = hi - lo
  return { count, positions: locatePoints(tree, first, count), begins }
}

/** Writes the values of grid axis number j. */
const fillGridAxis = (
  { nodes }: GridTree,
  j: number,
  otherwise: number,
  points: Points,
  out: Float64Array,
): void => {
  const { axis } = nodes[j] as GridTree['nodes'][number]
  const { count, positions, begins } = points
  let before = NaN
  let value = otherwise
  for (let k = 0; k < count; k++) {
    const position = positions[k * nodes.length + j] as number
    if (position !== before) value = position < 0 ? otherwise : gridValue(axis, position)
    before = position
    out.fill(value, begins[k], begins[k + 1])
  }
}

/** Writes `otherwise` where a drawn axis does not count. */
const maskDrawnAxis = ({ nodes }: GridTree, mask: Mask, points: Points, out: Float64Array): void => {
  const { count, positions, begins } = points
  const entries = out.length / (begins[count] as number)
  for (let k = 0; k < count; k++) {
    if (holds(mask.parent, positions, k * nodes.length)) continue
    out.fill(mask.otherwise, (begins[k] as number) * entries, (begins[k + 1] as number) * entries)
  }
}

/**
 * θ(lo) … θ(hi − 1): for each axis an array [hi − lo, …shape]. The same bits come out however the rows are cut into blocks.
 * @throws {ArgumentError} when the space is wrong, or a number out of range.
 * @example thetaBlock(space, { seed: 1, repeat: 0, lo: 0, hi: 1000 }).lambda // an NDArray of shape [1000]
 */
export const thetaBlock = (
  space: Space,
  options: Repetition & { readonly lo: number; readonly hi: number },
): Record<string, NDArray> => {
  checkOptions('thetaBlock', options, ['seed', 'repeat', 'lo', 'hi'])
  const plan = planOf(space)
  const { seed, repeat, lo, hi } = options
  checkInteger('the seed', seed, 0, Number.MAX_SAFE_INTEGER)
  checkInteger('the repeat', repeat, 0, Number.MAX_SAFE_INTEGER)
  checkInteger('hi', hi, 0, plan.size)
  checkInteger('lo', lo, 0, hi)
  const columns = Object.fromEntries(
    Object.entries(space.axes).map(([name, { shape }]) => [name, zeros([hi - lo, ...shape])]),
  )
  if (hi === lo) return columns
  const dataOf = (name: string): Float64Array => (columns[name] as NDArray).data
  const { tree, sources, masks } = plan
  for (const source of sources) draw(source, { seed, repeat, lo }, dataOf(source.name))
  const points = pointsOf(tree, space.samples, lo, hi)
  for (const [name, j] of tree.index) {
    fillGridAxis(tree, j, space.axes[name]?.otherwise ?? NaN, points, dataOf(name))
  }
  for (const mask of masks) maskDrawnAxis(tree, mask, points, dataOf(mask.name))
  return columns
}

/**
 * θ(i): a number for each axis of shape [], an array of its shape for every other one.
 * @throws {ArgumentError} when the space is wrong, or a number out of range.
 */
export const thetaAt = (
  space: Space,
  options: Repetition & { readonly i: number },
): Record<string, number | NDArray> => {
  checkOptions('thetaAt', options, ['seed', 'repeat', 'i'])
  const { seed, repeat, i } = options
  checkInteger('i', i, 0, planOf(space).size - 1)
  const row = thetaBlock(space, { seed, repeat, lo: i, hi: i + 1 })
  return Object.fromEntries(
    Object.entries(row).map(([name, { shape, data }]) => [
      name,
      shape.length === 1 ? (data[0] as number) : new NDArray(shape.slice(1), data),
    ]),
  )
}
