// The form in which a graph is lowered: regions of operations over variables. A region uses what encloses it directly,
// without operand lists, so that moving code out of a loop is moving an operation to another list.
//
//   operation  = kernel, inputs, outputs, attributes, regions
//   while      inputs: initial carries; regions: condition (result: predicate), body (results: new carries), both over the same params
//   scan       inputs: initial carries; one region over carries and slices; results: new carries, stacked
//   cond       inputs: predicate; regions: then, else
import type { NDArray } from '../base/ndarray.js'
import { sizeOf } from '../base/shape.js'
import type { Shape } from '../base/shape.js'

/** An array of the lowered function. */
export interface Variable {
  readonly id: number
  readonly shape: Shape
  readonly size: number
  /** The variable in whose memory this one lies, `at` elements in: itself, unless it is a reshape or a part of another. */
  readonly root: Variable
  readonly at: number
  /** The contents, where they are known. */
  readonly constant: NDArray | undefined
  /** A slice of a sequence: a pointer that a scan sets, so that no memory is planned for it. */
  readonly slice: boolean
  /** Per lane, or uniform. Kept at the root. */
  lane: boolean
}

export interface Region {
  params: Variable[]
  operations: Operation[]
  results: Variable[]
}

export interface Operation {
  readonly kernel: string
  readonly attributes: Readonly<Record<string, unknown>>
  inputs: Variable[]
  outputs: Variable[]
  regions: Region[]
  /** What a scan cuts into slices, and whether it runs backwards and by a count. */
  readonly scan: ScanShape | undefined
}

export interface ScanShape {
  readonly length: number
  readonly reverse: boolean
  count: Variable | undefined
  /** How many of the params, inputs, outputs and results are carries; the others are slices and stacked outputs. */
  carried: number
  sequences: Variable[]
}

let nextId = 0

/** A variable with memory of its own. */
export const variable = (
  shape: Shape,
  options: { readonly lane?: boolean; readonly constant?: NDArray; readonly slice?: boolean } = {},
): Variable => {
  const made = {
    id: nextId++,
    shape,
    size: sizeOf(shape),
    at: 0,
    constant: options.constant,
    slice: options.slice ?? false,
    lane: options.lane ?? false,
  }
  return Object.assign(made, { root: made as Variable })
}

/** The elements of `of` from number `at` on, in another shape; no code and no memory. */
export const alias = (of: Variable, shape: Shape, at = 0): Variable => ({
  id: nextId++,
  shape,
  size: sizeOf(shape),
  root: of.root,
  at: of.at + at,
  constant: undefined,
  slice: false,
  lane: false,
})

/** Whether a variable has one array for each lane. */
export const isLane = (v: Variable): boolean => v.root.lane

/** Whether `v` is all of its root, perhaps in another shape. */
export const isWhole = (v: Variable): boolean => v.size === v.root.size

export const isLoop = (operation: Operation): boolean =>
  operation.kernel === 'while' || operation.kernel === 'scan'

/** What an operation uses by itself, not counting what its regions use. */
export const operands = (operation: Operation): readonly Variable[] => {
  const { scan } = operation
  if (scan === undefined) return operation.inputs
  return [...operation.inputs, ...scan.sequences, ...(scan.count === undefined ? [] : [scan.count])]
}

/** Calls `visit` with each root that an operation uses and does not define itself; it may see one several times. */
export const forEachUse = (operation: Operation, visit: (root: Variable) => void): void => {
  for (const v of operands(operation)) visit(v.root)
  if (operation.regions.length === 0) return
  const own = new Set<Variable>()
  const outside = (root: Variable): void => {
    if (!own.has(root)) visit(root)
  }
  for (const region of operation.regions) {
    for (const v of region.params) own.add(v.root)
    for (const inner of region.operations) {
      forEachUse(inner, outside)
      for (const v of inner.outputs) own.add(v.root)
    }
    for (const v of region.results) outside(v.root)
  }
}
