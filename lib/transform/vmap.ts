// Batching: a graph is replayed with some inputs carrying a batch as axis 0.
import type { Graph, Value } from '../ir/graph.js'
import type { Batched } from '../ir/op.js'
import type { Tensor } from '../ir/tensor.js'
import { inline, report, tensor, traceGraph } from '../ir/trace.js'
import { broadcast } from '../ops/movement.js'
import { max } from '../ops/reduce.js'

/** Replays `graph` in the current trace on a batch of `size`; input i carries it where `batched[i]` is true. */
export const vmapGraph = (
  graph: Graph,
  inputs: readonly Tensor[],
  batched: readonly boolean[],
  size: number,
): Batched => {
  const env = new Map<Value, { readonly tensor: Tensor; readonly batched: boolean }>()
  graph.inputs.forEach((value, i) =>
    env.set(value, { tensor: tensor(inputs[i] as Tensor), batched: batched[i] as boolean }),
  )
  const read = (value: Value): { readonly tensor: Tensor; readonly batched: boolean } =>
    env.get(value) as { readonly tensor: Tensor; readonly batched: boolean }
  for (const node of graph.nodes) {
    const ins = node.inputs.map(read)
    const flags = ins.map((x) => x.batched)
    const results: Batched = flags.some(Boolean)
      ? node.op.vmap(
          ins.map((x) => x.tensor),
          flags,
          node.attributes,
          size,
        )
      : unbatched(
          inline(
            { inputs: node.inputs, nodes: [node], outputs: node.outputs, reports: [] },
            ins.map((x) => x.tensor),
          ),
        )
    node.outputs.forEach((value, i) =>
      env.set(value, { tensor: results.outputs[i] as Tensor, batched: results.batched[i] as boolean }),
    )
  }
  // Of a report of each element, the largest stands for the batch: the worst status, the most iterations.
  for (const { kind, value } of graph.reports) {
    const { tensor: t, batched: b } = read(value)
    report(kind, b ? max(t) : t)
  }
  const outs = graph.outputs.map(read)
  return { outputs: outs.map((x) => x.tensor), batched: outs.map((x) => x.batched) }
}

const unbatched = (outputs: readonly Tensor[]): Batched => ({ outputs, batched: outputs.map(() => false) })

/** A graph on a batch as a graph: all outputs carry the batch. Used by rules of ops with sub-graphs. */
export const batchGraph = (
  graph: Graph,
  batched: readonly boolean[],
  size: number,
  force: (output: number) => boolean,
): { readonly graph: Graph; readonly batched: readonly boolean[] } => {
  let flags: readonly boolean[] = []
  const shapes = graph.inputs.map((value, i) => (batched[i] ? [size, ...value.shape] : value.shape))
  const traced = traceGraph((inputs) => {
    const out = vmapGraph(graph, inputs, batched, size)
    flags = out.batched.map((b, i) => b || force(i))
    return out.outputs.map((t, i) => (flags[i] && !out.batched[i] ? broadcast(t, [size, ...t.shape]) : t))
  }, shapes)
  return { graph: traced.graph, batched: flags }
}
