// Dead code, as far as only regions show it: operations whose outputs nobody uses, and carries of a loop that neither
// an output, nor the predicate, nor a live carry needs.
import { isLoop } from './region.js'
import type { Operation, Region, Variable } from './region.js'

/** Removes what the results of a region do not need, in place. */
export const prune = (region: Region): void => {
  const needed = new Set<Variable>()
  need(needed, region.results)
  mark(region, needed)
  sweep(region, needed)
}

const need = (needed: Set<Variable>, list: readonly Variable[]): void => {
  for (const v of list) needed.add(v.root)
}

/** The results that a needed output of the operation comes from; all of them for a predicate or a slice. */
const resultsFor = (operation: Operation, region: Region, needed: Set<Variable>): Variable[] =>
  region.results.length === operation.outputs.length && !isCondition(operation, region)
    ? region.results.filter((_, i) => needed.has(operation.outputs[i] as Variable))
    : region.results

const isCondition = (operation: Operation, region: Region): boolean =>
  operation.kernel === 'while' && region === operation.regions[0]

/** Adds to `needed` whatever the needed variables of a region depend on. */
const mark = (region: Region, needed: Set<Variable>): void => {
  for (const operation of [...region.operations].reverse()) {
    if (!operation.outputs.some((v) => needed.has(v))) continue
    for (let before = -1; before !== needed.size;) {
      before = needed.size
      for (const inner of operation.regions) {
        need(needed, resultsFor(operation, inner, needed))
        mark(inner, needed)
      }
      if (!isLoop(operation)) break
      // A carry that is read keeps its result alive, which may read more carries.
      operation.regions[0]?.params.slice(0, operation.inputs.length).forEach((v, i) => {
        if (needed.has(v)) needed.add(operation.outputs[i] as Variable)
      })
    }
    need(needed, liveOperands(operation, needed))
  }
}

/** Operands without those of dead carries and of sequences whose slices nobody reads. */
const liveOperands = (operation: Operation, needed: ReadonlySet<Variable>): Variable[] => {
  const { inputs, outputs, scan, regions } = operation
  if (!isLoop(operation)) return inputs
  const carries = inputs.filter((_, i) => needed.has(outputs[i] as Variable))
  const slices = (regions[0] as Region).params.slice(inputs.length)
  const sequences = scan?.sequences.filter((_, i) => needed.has(slices[i] as Variable)) ?? []
  return [...carries, ...sequences, ...(scan?.count === undefined ? [] : [scan.count])]
}

const sweep = (region: Region, needed: Set<Variable>): void => {
  region.operations = region.operations.filter((operation) => operation.outputs.some((v) => needed.has(v)))
  for (const operation of region.operations) if (operation.regions.length > 0) sweepControl(operation, needed)
}

const sweepControl = (operation: Operation, needed: Set<Variable>): void => {
  const { inputs, scan, regions } = operation
  const kept = operation.outputs.map((v) => needed.has(v))
  for (const region of regions) {
    region.results = resultsFor(operation, region, needed)
    sweep(region, needed)
  }
  if (isLoop(operation)) {
    const params = regions[0]?.params as Variable[]
    const slices = params.slice(inputs.length)
    const carries = params.filter((_, i) => i < inputs.length && kept[i])
    for (const region of regions) region.params = [...carries, ...slices.filter((v) => needed.has(v))]
    operation.inputs = inputs.filter((_, i) => kept[i])
    if (scan !== undefined) {
      scan.carried = carries.length
      scan.sequences = scan.sequences.filter((_, i) => needed.has(slices[i] as Variable))
    }
  }
  operation.outputs = operation.outputs.filter((_, i) => kept[i])
}
