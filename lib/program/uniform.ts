// Uniform analysis: a variable is uniform when it depends on uniform inputs and constants only. An operation with regions is
// either uniform altogether or per lane in all its carries, outputs and stacked outputs; in a loop that is per lane, what
// does not depend on a carry may still be uniform, and is hoisted.
import { forEachUse, isLane } from './region.js'
import type { Operation, Region, Variable } from './region.js'

/** Sets `lane` of every variable that the region defines; its params know already. */
export const markLanes = (region: Region): void => {
  for (const operation of region.operations) {
    let lane = false
    forEachUse(operation, (root) => (lane ||= root.lane))
    for (const v of operation.outputs) v.lane = lane
    markRegions(operation, lane, markLanes)
  }
}

/** Whether an operation runs in lane stages. */
export const isLaneOperation = (operation: Operation): boolean => operation.outputs.some((v) => v.lane)

/** After hoisting: whatever was left inside an operation that is per lane is computed per lane. */
export const settleLanes = (region: Region, lane = false): void => {
  for (const operation of region.operations) {
    for (const v of operation.outputs) v.lane ||= lane
    markRegions(operation, isLaneOperation(operation), settleLanes)
  }
}

const markRegions = (
  operation: Operation,
  lane: boolean,
  inside: (region: Region, lane: boolean) => void,
): void => {
  const { scan } = operation
  for (const inner of operation.regions) {
    inner.params.forEach((v, i) => {
      v.lane = scan !== undefined && v.slice ? isLane(scan.sequences[i - scan.carried] as Variable) : lane
    })
    inside(inner, lane)
  }
}
