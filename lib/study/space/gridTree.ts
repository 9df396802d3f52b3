// The grid of a space: the grid axes in the order written, the last one fastest, each counting only where its condition holds.
// An axis has one condition at most, so that the conditions make a forest, and the points below axis a are
//   T(a) = Σ over its values v of  w(v),   w(v) = Π over the axes c that stand on a and whose condition v fulfils of  T(c).
// Independent axes multiply: T is one number an axis, not one for each context, and a point is found in O(axes) by keeping the
// product of the counts of all axes that are still open. All numbers are integers below 2⁵³, and all divisions are exact.
import type { Axis } from '../specification/specification.js'
import { gridCount, isGrid, positionsOf } from './axes.js'
import type { GridAxis } from './axes.js'

/** Consecutive positions of an axis that open the same axes further on. */
interface Run {
  /** The first of them. */
  readonly position: number
  /** Σ w of the positions before. */
  readonly begin: number
  /** w of each. */
  readonly weight: number
}

/** On what a conditional axis stands: the number of the grid axis, and positions of it. */
export interface Parent {
  readonly index: number
  readonly positions: ReadonlySet<number>
}

interface Node {
  readonly axis: GridAxis
  readonly parent?: Parent
  /** T of the axis. */
  readonly count: number
  readonly runs: readonly Run[]
}

export interface GridTree {
  /** The grid axes in order. */
  readonly nodes: readonly Node[]
  /** The number of each by its name. */
  readonly index: ReadonlyMap<string, number>
  /** Points of the grid; 1 where there is no grid axis. */
  readonly size: number
}

/** On what an axis stands, grid or drawn, given the grid axes and their numbers. */
const parentOf = (
  { when }: Axis,
  grid: readonly { readonly axis: GridAxis }[],
  index: ReadonlyMap<string, number>,
): Parent | undefined => {
  if (when === undefined) return undefined
  const on = index.get(when.axis) as number
  const { axis } = grid[on] as { readonly axis: GridAxis }
  return { index: on, positions: new Set(positionsOf(axis, when.values)) }
}

/** Where the positions of an axis change what they open, given the axes that stand on it. */
const runsOf = (axis: GridAxis, children: readonly Node[]): { runs: Run[]; count: number } => {
  const total = gridCount(axis)
  const named = children.flatMap((child) => [...(child.parent as Parent).positions])
  const starts = new Set([0, ...named, ...named.map((position) => position + 1)])
  const positions = [...starts].filter((position) => position < total).sort((a, b) => a - b)
  let count = 0
  const runs = positions.map((position, k) => {
    const weight = children
      .filter((child) => child.parent?.positions.has(position))
      .reduce((product, child) => product * child.count, 1)
    const run = { position, begin: count, weight }
    count += ((positions[k + 1] ?? total) - position) * weight
    return run
  })
  return { runs, count }
}

/** The grid of a space whose axes are right, but for their number of points: that may be too large to be exact. */
export const gridTree = (axes: Readonly<Record<string, Axis>>): GridTree => {
  const grid = Object.entries(axes).flatMap(([name, axis]) => (isGrid(axis) ? [{ name, axis }] : []))
  const index = new Map(grid.map(({ name }, j) => [name, j]))
  const children: Node[][] = grid.map(() => [])
  // From the last axis on: those that stand on an axis come after it.
  const nodes = grid.toReversed().map(({ name, axis }): Node => {
    const parent = parentOf(axis, grid, index)
    const runs = runsOf(axis, children[index.get(name) as number] as Node[])
    const node = { axis, ...runs, ...(parent === undefined ? {} : { parent }) }
    if (parent !== undefined) children[parent.index]?.push(node)
    return node
  })
  const size = nodes.reduce(
    (product, node) => (node.parent === undefined ? product * node.count : product),
    1,
  )
  return { nodes: nodes.reverse(), index, size }
}

/** On what an axis of the same space stands. */
export const standsOn = (tree: GridTree, axis: Axis): Parent | undefined =>
  parentOf(axis, tree.nodes, tree.index)

/** Whether a condition holds, given the positions of the grid axes from `at` on; an axis that does not count fulfils none. */
export const holds = (parent: Parent | undefined, positions: Float64Array, at: number): boolean =>
  parent === undefined || parent.positions.has(positions[at + parent.index] as number)

/** The last run that begins at or before `count`. */
const runAt = (runs: readonly Run[], count: number): Run => {
  let low = 0
  let high = runs.length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if ((runs[middle] as Run).begin <= count) low = middle
    else high = middle - 1
  }
  return runs[low] as Run
}

/** Finds a point of the grid: writes the position of each grid axis, or −1 where it does not count, to positions[at], …. */
const locate = ({ nodes, size }: GridTree, point: number, positions: Float64Array, at: number): void => {
  let rest = point
  let open = size // points that agree in everything decided so far
  for (let j = 0; j < nodes.length; j++) {
    const { parent, count, runs } = nodes[j] as Node
    if (!holds(parent, positions, at)) {
      positions[at + j] = -1
      continue
    }
    open /= count
    const quotient = Math.floor(rest / open)
    const { position, begin, weight } = runAt(runs, quotient)
    const step = Math.floor((quotient - begin) / weight)
    positions[at + j] = position + step
    rest -= (begin + step * weight) * open
    open *= weight
  }
}

/** Positions of all grid axes at consecutive points: [count, axes], −1 where an axis does not count. */
export const locatePoints = (tree: GridTree, first: number, count: number): Float64Array => {
  const axes = tree.nodes.length
  const positions = new Float64Array(count * axes)
  for (let k = 0; k < count; k++) locate(tree, first + k, positions, k * axes)
  return positions
}
