// Reverse mode: a graph is replayed forward, then its nodes are visited backwards and cotangents are summed up.
import type { Graph, Node, Value } from '../ir/graph.js'
import type { Maybe } from '../ir/op.js'
import type { Tensor } from '../ir/tensor.js'
import { inline } from '../ir/trace.js'
import { addMaybe } from '../ops/elementwise.js'
import { sumTo } from '../ops/reduce.js'

/** Outputs of a graph, and the map from cotangents of the outputs to cotangents of the inputs. */
export interface Pullback {
  readonly outputs: readonly Tensor[]
  readonly pull: (cotangents: readonly Maybe[]) => Maybe[]
}

/**
 * Replays `graph` in the current trace at `inputs`. Only inputs for which `wanted` is true (default: all) get a
 * cotangent; nodes that no wanted input reaches are not visited on the way back.
 */
export const vjpGraph = (graph: Graph, inputs: readonly Tensor[], wanted?: readonly boolean[]): Pullback => {
  const reached = new Set<Value>(graph.inputs.filter((_, i) => wanted?.[i] ?? true))
  const tape: { node: Node; ins: readonly Tensor[]; outs: readonly Tensor[] }[] = []
  const outputs = inline(graph, inputs, (node, ins, outs) => {
    if (!node.inputs.some((value) => reached.has(value))) return
    for (const value of node.outputs) reached.add(value)
    tape.push({ node, ins, outs })
  })
  const pull = (cotangents: readonly Maybe[]): Maybe[] => {
    const sums = new Map<Value, Maybe>()
    const accumulate = (value: Value, v: Maybe): void => {
      // A rule may leave a cotangent in the broadcast shape of its output: this is the one place where it is summed.
      if (v !== undefined) sums.set(value, addMaybe(sums.get(value), sumTo(v, value.shape)))
    }
    graph.outputs.forEach((value, i) => {
      accumulate(value, cotangents[i])
    })
    for (const { node, ins, outs } of [...tape].reverse()) {
      const known = node.outputs.map((value) => sums.get(value))
      if (known.every((v) => v === undefined)) continue
      const needs = node.inputs.map((value) => reached.has(value))
      const pulled = node.op.vjp({ inputs: ins, outputs: outs, attributes: node.attributes }, known, needs)
      node.inputs.forEach((value, i) => {
        if (needs[i]) accumulate(value, pulled[i])
      })
    }
    return graph.inputs.map((value, i) => ((wanted?.[i] ?? true) ? sums.get(value) : undefined))
  }
  return { outputs, pull }
}
