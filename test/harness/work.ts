// How much work a graph is: floating-point operations, and ops by name. Loops count one body times the steps that are known.
import { sizeOf } from '../../lib/base/shape.js'
import { subgraphs } from '../../lib/ir/graph.js'
import type { Graph, Node } from '../../lib/ir/graph.js'
import { elementwiseOps } from '../../lib/ops/elementwise.js'
import { flops as kernelFlops } from '../../lib/program/cost.js'

const ofNode = (node: Node, elementwise: boolean): number => {
  const [shape = []] = node.outputs.map((value) => value.shape)
  if (elementwiseOps.has(node.op.name)) return elementwise ? sizeOf(shape) : 0
  const inner = subgraphs(node).reduce((sum, [, part]) => sum + total(part, elementwise), 0)
  if (inner > 0) return inner * ((node.attributes as { readonly length?: number }).length ?? 1)
  return kernelFlops(
    node.op.name,
    node.inputs.map((value) => value.shape),
    node.outputs.map((value) => value.shape),
    node.attributes as Record<string, unknown>,
  )
}

const total = (graph: Graph, elementwise: boolean): number =>
  graph.nodes.reduce((sum, node) => sum + ofNode(node, elementwise), 0)

/** Floating-point operations; an elementwise op is one an element, a movement none. */
export const flops = (graph: Graph): number => total(graph, true)

/** Floating-point operations of products, factorizations and sums alone. */
export const productFlops = (graph: Graph): number => total(graph, false)

/** How often each op occurs, in sub-graphs too; scalar constants and reshapes do no work and are left out. */
export const census = (graph: Graph): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  const visit = (part: Graph): void => {
    for (const node of part.nodes) {
      if (node.op.name !== 'constant' && node.op.name !== 'reshape')
        counts[node.op.name] = (counts[node.op.name] ?? 0) + 1
      for (const [, inner] of subgraphs(node)) visit(inner)
    }
  }
  visit(graph)
  return counts
}
