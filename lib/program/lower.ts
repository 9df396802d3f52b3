// Graph → Program: the passes in order.
//
//   import → prune → uniform → hoist → merge → stages → select (fuse) → memory → layout → encode
import { ArgumentError, checkOptions } from '../base/errors.js'
import type { Shape } from '../base/shape.js'
import type { Graph, ReportKind } from '../ir/graph.js'
import type { Constant } from './constants.js'
import { encode } from './encode.js'
import { hoist } from './hoist.js'
import { importGraph } from './import.js'
import { layOut } from './layout.js'
import { merge } from './merge.js'
import { prune } from './prune.js'
import { divide } from './stages.js'
import { markLanes, settleLanes } from './uniform.js'

/** What is lowered, and for whom. */
export interface LowerOptions {
  /** For each input, whether it is the same for all lanes. */
  readonly uniform: readonly boolean[]
  /** Lanes a tile: 1, a multiple of 8, or the choice of the cost model. Default 'auto'. */
  readonly lanes?: number | 'auto'
  /** What hoisting may keep for each lane of a loop, in bytes. Default 64 MiB. */
  readonly hoistBudgetBytes?: number
}

/** A lowered function: plain data, which may be sent to threads and machines. */
export interface Program {
  /** The buffer that the executor loads, in shared memory. See docs/program-format.md. */
  readonly bytes: Uint8Array
  /** The constants in the order in which the buffer names them. */
  readonly constants: readonly Constant[]
  readonly lanes: number
  /** Shapes of one instance; what is uniform has no axis of instances. */
  readonly inputs: readonly { readonly uniform: boolean; readonly shape: Shape }[]
  /** The outputs, then the reports. */
  readonly outputs: readonly { readonly uniform: boolean; readonly shape: Shape }[]
  readonly reports: readonly ReportKind[]
}

const defaultHoistBudget = 64 * 2 ** 20

/**
 * Lowers a graph that `prepareForLowering` returned.
 * @throws {ArgumentError} when `lanes` is neither 1 nor a multiple of 8.
 */
export const lower = (graph: Graph, options: LowerOptions): Program => {
  checkOptions('lower', options, ['uniform', 'lanes', 'hoistBudgetBytes'])
  const { uniform, lanes = 'auto', hoistBudgetBytes = defaultHoistBudget } = options
  checkLanes(lanes)
  const { region, reports } = importGraph(graph, uniform)
  prune(region)
  markLanes(region)
  hoist(region, hoistBudgetBytes)
  settleLanes(region)
  merge(region)
  const { layout, constants } = layOut(region, divide(region), lanes)
  return {
    bytes: encode(layout),
    constants,
    lanes: layout.lanes,
    inputs: layout.inputs,
    outputs: layout.outputs,
    reports,
  }
}

/** Refuses a number of lanes that no tile can have. */
export const checkLanes = (lanes: number | 'auto'): void => {
  if (
    lanes === 'auto' ||
    lanes === 1 ||
    (Number.isInteger(lanes) && lanes > 0 && lanes % 8 === 0 && lanes <= 1024)
  )
    return
  throw new ArgumentError('a tile cannot have this many lanes', {
    expected: "1, a multiple of 8 up to 1024, or 'auto'",
    received: JSON.stringify(lanes),
  })
}
