// What the ops with sub-graphs have in common: operands, activity that spreads through carries, reports of a body.
import { ShapeError } from '../base/errors.js'
import { formatShape, sameShape } from '../base/shape.js'
import type { Shape } from '../base/shape.js'
import { newValue } from '../ir/graph.js'
import type { Graph, ReportKind, Value } from '../ir/graph.js'
import type { Maybe } from '../ir/op.js'
import type { Tensor } from '../ir/tensor.js'
import { tensor } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import { abs, greater } from '../ops/elementwise.js'
import { broadcast } from '../ops/movement.js'

/** The smallest set that contains `start` and is closed under `step`. */
export const closure = (
  start: readonly boolean[],
  step: (flags: readonly boolean[]) => readonly boolean[],
): readonly boolean[] => {
  let flags = start
  for (;;) {
    const grown = step(flags).map((flag, i) => flag || (flags[i] as boolean))
    if (grown.every((flag, i) => flag === flags[i])) return flags
    flags = grown
  }
}

/**
 * Which outputs of a graph depend on the inputs that are flagged. Conservative through ops with sub-graphs: every
 * output of such an op depends on every input.
 */
export const reaches = (graph: Graph, flags: readonly boolean[]): readonly boolean[] => {
  const reached = new Set<Value>(graph.inputs.filter((_, i) => flags[i]))
  for (const node of graph.nodes) {
    if (node.op.name === 'stopGradient') continue
    if (node.inputs.some((value) => reached.has(value))) for (const value of node.outputs) reached.add(value)
  }
  return graph.outputs.map((value) => reached.has(value))
}

export const orZero = (t: Maybe, shape: Shape): Tensor => t ?? broadcast(tensor(0), shape)

/** Refuses a body whose results do not have the shapes of the carry. */
export const checkCarry = (op: string, results: readonly Shape[], carry: readonly Shape[]): void => {
  if (results.length !== carry.length) {
    throw new ShapeError(`${op}: the body must return the whole carry`, {
      expected: `${String(carry.length)} arrays`,
      received: String(results.length),
    })
  }
  carry.forEach((shape, i) => {
    if (!sameShape(shape, results[i] as Shape)) {
      throw new ShapeError(`${op}: carry ${String(i)} changes its shape`, {
        expected: formatShape(shape),
        received: formatShape(results[i] as Shape),
        remedy: 'Start with an array of the shape that the body returns',
      })
    }
  })
}

/** A graph whose reports have become outputs, after its own. */
export const reportsAsOutputs = (
  graph: Graph,
): { readonly graph: Graph; readonly kinds: readonly ReportKind[] } => ({
  graph: { ...graph, outputs: [...graph.outputs, ...graph.reports.map((r) => r.value)], reports: [] },
  kinds: graph.reports.map((r) => r.kind),
})

/** A graph with inputs of the given shapes, which it ignores, put in front of input number `at`. */
export const withUnused = (graph: Graph, at: number, shapes: readonly Shape[]): Graph => ({
  ...graph,
  inputs: [...graph.inputs.slice(0, at), ...shapes.map(newValue), ...graph.inputs.slice(at)],
})

/** 1 where a predicate is true, else 0: NaN is not, as in the control ops themselves. */
export const truth = (predicate: Operand): Tensor => greater(abs(predicate), 0)

export const shapesOf = (tensors: readonly Tensor[]): readonly Shape[] => tensors.map((t) => t.shape)

/** The entries of `list` whose flag is set. */
export const select = <T>(list: readonly T[], flags: readonly boolean[]): T[] =>
  list.filter((_, i) => flags[i])

/** The inverse of `select`: entries in the places that are flagged, undefined elsewhere. */
export const spread = <T>(list: readonly T[], flags: readonly boolean[]): (T | undefined)[] => {
  let next = 0
  return flags.map((flag) => (flag ? list[next++] : undefined))
}
