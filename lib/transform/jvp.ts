// Forward mode: a graph is replayed with pairs (value, tangent).
import type { Graph, Value } from '../ir/graph.js'
import type { Maybe } from '../ir/op.js'
import type { Tensor } from '../ir/tensor.js'
import { inline } from '../ir/trace.js'

/** Outputs of a graph and their tangents; a tangent is undefined where it is zero whatever the input tangents are. */
export interface Pushed {
  readonly outputs: readonly Tensor[]
  readonly tangents: readonly Maybe[]
}

/** Replays `graph` in the current trace at `inputs`, with `tangents` of the inputs pushed along. */
export const jvpGraph = (graph: Graph, inputs: readonly Tensor[], tangents: readonly Maybe[]): Pushed => {
  const env = new Map<Value, Maybe>()
  graph.inputs.forEach((value, i) => env.set(value, tangents[i]))
  const outputs = inline(graph, inputs, (node, ins, outs) => {
    const known = node.inputs.map((value) => env.get(value))
    if (known.every((t) => t === undefined)) return
    const pushed = node.op.jvp({ inputs: ins, outputs: outs, attributes: node.attributes }, known)
    node.outputs.forEach((value, i) => env.set(value, pushed[i]))
  })
  return { outputs, tangents: graph.outputs.map((value) => env.get(value)) }
}
