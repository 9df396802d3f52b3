// Loop-invariant code motion. An operation of a loop body moves before the loop when it depends on nothing that the loop
// defines, and when keeping its outputs is cheaper than computing them again:
//
//   uniform                          always: it is computed once a job
//   per lane, small                  always
//   per lane                         when recomputing takes longer than reading the result back, largest gain a byte first, within a budget
//
// A branch of a cond gives up only what is uniform and surely ends. Regions are treated from the inside out, so that
// an operation may move through several loops.
import { elementTime, flops, memoryElement, peakFlop } from './cost.js'
import { isElementwise } from './import.js'
import { forEachUse, isLoop } from './region.js'
import type { Operation, Region, Variable } from './region.js'

/** Nanoseconds an element that a kept value must save: it takes room in the tile, and from stage to stage. */
const keepElement = 0.1
/** Values of at most so many elements are always kept. */
const smallSize = 64

/** Moves invariant operations out of the loops of a region, in place. `budgetBytes` is per lane and loop. */
export const hoist = (region: Region, budgetBytes: number): void => {
  const operations: Operation[] = []
  for (const operation of region.operations) {
    for (const inner of operation.regions) hoist(inner, budgetBytes)
    if (isLoop(operation)) operations.push(...liftFromLoop(operation, budgetBytes))
    else if (!isUniform(operation))
      for (const inner of operation.regions) operations.push(...liftFromBranch(inner))
    operations.push(operation)
  }
  region.operations = operations
}

/** Splits off operations in order, those first that `moves` accepts. */
const split = (region: Region, moves: (operation: Operation) => boolean): Operation[] => {
  const moved: Operation[] = []
  region.operations = region.operations.filter((operation) => {
    if (!moves(operation)) return true
    moved.push(operation)
    return false
  })
  return moved
}

const isUniform = (operation: Operation): boolean => operation.outputs.every((v) => !v.lane)

const usesAny = (operation: Operation, set: ReadonlySet<Variable>): boolean => {
  let found = false
  forEachUse(operation, (root) => (found ||= set.has(root)))
  return found
}

const containsWhile = (operation: Operation): boolean =>
  operation.kernel === 'while' || operation.regions.some((inner) => inner.operations.some(containsWhile))

const liftFromBranch = (branch: Region): Operation[] => {
  const stays = new Set<Variable>()
  return split(branch, (operation) => {
    if (isUniform(operation) && !containsWhile(operation) && !usesAny(operation, stays)) return true
    for (const v of operation.outputs) stays.add(v)
    return false
  })
}

const liftFromLoop = (loop: Operation, budgetBytes: number): Operation[] => {
  const variant = new Set<Variable>(loop.regions.flatMap((region) => region.params))
  const invariant: Operation[] = []
  for (const region of loop.regions) {
    for (const operation of region.operations) {
      if (usesAny(operation, variant)) for (const v of operation.outputs) variant.add(v)
      else invariant.push(operation)
    }
  }
  if (invariant.length === 0) return []
  const chosen = choose(loop, invariant, budgetBytes)
  return loop.regions.flatMap((region) => split(region, (operation) => chosen.has(operation)))
}

/** The invariant operations that are worth moving, and what they need. */
const choose = (
  loop: Operation,
  invariant: readonly Operation[],
  budgetBytes: number,
): ReadonlySet<Operation> => {
  const producer = new Map<Variable, Operation>()
  for (const operation of invariant) for (const v of operation.outputs) producer.set(v, operation)
  const chosen = new Set<Operation>()
  const take = (wanted: Operation): void => {
    const waiting = [wanted]
    for (let operation = waiting.pop(); operation !== undefined; operation = waiting.pop()) {
      if (chosen.has(operation)) continue
      chosen.add(operation)
      forEachUse(operation, (root) => {
        const needed = producer.get(root)
        if (needed !== undefined) waiting.push(needed)
      })
    }
  }
  const candidates: { readonly operation: Operation; readonly gain: number; readonly bytes: number }[] = []
  const recompute = new Map<Operation, Recompute>()
  const frontier = usedByTheRest(loop, new Set(invariant))
  for (const operation of invariant) {
    const cost = recomputeOf(operation, producer, recompute)
    recompute.set(operation, cost)
    const size = operation.outputs.reduce((total, v) => total + v.size, 0)
    if (isUniform(operation) || size <= smallSize) take(operation)
    else if (operation.outputs.some((v) => frontier.has(v))) {
      const gain = cost.time + cost.reads * memoryElement - size * (memoryElement + keepElement)
      if (gain > 0) candidates.push({ operation, gain, bytes: 8 * size })
    }
  }
  let left = budgetBytes
  for (const { operation, bytes } of candidates.sort((a, b) => b.gain / b.bytes - a.gain / a.bytes)) {
    if (chosen.has(operation) || bytes > left) continue
    left -= bytes
    take(operation)
  }
  return chosen
}

/** Variables that operations outside of `set`, or the results of the loop, use. */
const usedByTheRest = (loop: Operation, set: ReadonlySet<Operation>): ReadonlySet<Variable> => {
  const used = new Set<Variable>()
  for (const region of loop.regions) {
    for (const v of region.results) used.add(v.root)
    for (const operation of region.operations)
      if (!set.has(operation)) forEachUse(operation, (root) => used.add(root))
  }
  return used
}

/** What it takes to compute an operation in every iteration: nanoseconds, and elements to be read from memory. */
interface Recompute {
  readonly time: number
  readonly reads: number
}

const recomputeOf = (
  operation: Operation,
  producer: ReadonlyMap<Variable, Operation>,
  known: ReadonlyMap<Operation, Recompute>,
): Recompute => {
  if (!isElementwise(operation.kernel)) return { time: timeOf(operation), reads: 0 }
  // A chain of elementwise operations is fused: only its first operands are read.
  const size = (operation.outputs[0] as Variable).size
  let time = size * elementTime(operation.kernel)
  let reads = 0
  for (const v of new Set(operation.inputs)) {
    const before = producer.get(v.root)
    const cost = before !== undefined && isElementwise(before.kernel) ? known.get(before) : undefined
    time += cost?.time ?? 0
    reads += cost?.reads ?? (v.size > 1 ? v.size : 0)
  }
  return { time, reads }
}

/** Nanoseconds of one application in one lane. */
const timeOf = (operation: Operation): number => {
  const size = operation.outputs.reduce((total, v) => total + v.size, 0)
  const own = flops(
    operation.kernel,
    operation.inputs.map((v) => v.shape),
    operation.outputs.map((v) => v.shape),
    operation.attributes,
  )
  const inner = operation.regions
    .flatMap((region) => region.operations)
    .reduce((total, o) => total + timeOf(o), 0)
  const element = isElementwise(operation.kernel) ? elementTime(operation.kernel) : 2 * memoryElement
  return 4 * own * peakFlop + size * element + inner * (operation.scan?.length ?? 1)
}
