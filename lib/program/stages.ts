// Stages: uniform code first, then straight-line code and loops in turn. A `while` at top level is a stage of its own, so
// that its lanes can be refilled; everything else stays in straight stages. With levels
//
//   level(straight) = the smallest even number, level(loop) = the smallest odd number, above or at what they depend on
//
// the operations of an even level are one stage, and each loop of an odd level another. What one stage leaves for a
// later one is stored job-wide, so an operation sinks to the level of its users where that stores less.
import { forEachUse, isLane, isWhole, variable } from './region.js'
import type { Operation, Region, Variable } from './region.js'
import { isLaneOperation } from './uniform.js'

export type LaneStage =
  | { readonly kind: 'straight'; readonly operations: readonly Operation[] }
  | { readonly kind: 'loop'; readonly operation: Operation }

export interface Staged {
  readonly uniform: readonly Operation[]
  readonly lanes: readonly LaneStage[]
}

/** Divides the operations of a program into stages. */
export const divide = (program: Region): Staged => {
  const uniform = program.operations.filter((operation) => !isLaneOperation(operation))
  const operations = program.operations.filter(isLaneOperation).flatMap(withWholeCarries)
  const level = levels(operations)
  sink(operations, level)
  const last = [...level.values()].reduce((a, b) => Math.max(a, b), -1)
  const lanes: LaneStage[] = []
  for (let at = 0; at <= last; at++) {
    const members = operations.filter((operation) => level.get(operation) === at)
    if (at % 2 === 1) for (const operation of members) lanes.push({ kind: 'loop', operation })
    else if (members.length > 0) lanes.push({ kind: 'straight', operations: members })
  }
  return { uniform, lanes }
}

/** A loop is loaded from slots, which hold whole variables: a carry that starts as a part of one is copied before. */
const withWholeCarries = (operation: Operation): Operation[] => {
  if (operation.kernel !== 'while') return [operation]
  const copies: Operation[] = []
  operation.inputs = operation.inputs.map((v) => {
    if (!isLane(v) || isWhole(v)) return v
    const whole = variable(v.shape, { lane: true })
    copies.push({
      kernel: 'copy',
      attributes: {},
      inputs: [v],
      outputs: [whole],
      regions: [],
      scan: undefined,
    })
    return whole
  })
  return [...copies, operation]
}

const isLoopStage = (operation: Operation): boolean => operation.kernel === 'while'

const levels = (operations: readonly Operation[]): Map<Operation, number> => {
  const made = new Map<Variable, number>()
  const level = new Map<Operation, number>()
  for (const operation of operations) {
    let after = -1
    forEachUse(operation, (root) => (after = Math.max(after, made.get(root) ?? -1)))
    const parity = isLoopStage(operation) ? 1 : 0
    // A loop follows what it depends on strictly; straight-line code may share the level.
    const least = Math.max(parity, parity === 1 ? after + 1 : after)
    const at = least % 2 === parity ? least : least + 1
    level.set(operation, at)
    for (const v of operation.outputs) made.set(v, at)
  }
  return level
}

const sink = (operations: readonly Operation[], level: Map<Operation, number>): void => {
  const producer = new Map<Variable, Operation>()
  for (const operation of operations) for (const v of operation.outputs) producer.set(v, operation)
  /** The levels at which the users of a variable stand; only users behind the current operation are known, which is all of them. */
  const firstUse = new Map<Variable, number>()
  const lastUse = new Map<Variable, number>()
  for (const operation of [...operations].reverse()) {
    const own = level.get(operation) as number
    if (!isLoopStage(operation)) {
      const latest = Math.min(...operation.outputs.map((v) => firstUse.get(v) ?? own))
      const target = latest - (latest % 2)
      if (target > own) {
        let stored = 0
        for (const v of operation.outputs)
          if (lastUse.get(v) === latest && target === latest) stored -= v.size
        const seen = new Set<Variable>()
        forEachUse(operation, (root) => {
          const from = producer.get(root)
          if (from === undefined || seen.has(root)) return
          seen.add(root)
          const crosses = (lastUse.get(root) ?? -1) > (level.get(from) as number) || isLoopStage(from)
          if (!crosses) stored += root.size
        })
        if (stored <= 0) level.set(operation, target)
      }
    }
    const at = level.get(operation) as number
    forEachUse(operation, (root) => {
      firstUse.set(root, Math.min(firstUse.get(root) ?? Infinity, at))
      lastUse.set(root, Math.max(lastUse.get(root) ?? -1, at))
    })
  }
}
