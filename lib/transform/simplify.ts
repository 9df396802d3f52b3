// Graph → the same function with less work: dead code, common subexpressions, constants, and the algebra of rules.ts.
// A graph is replayed in a trace whose `apply` tries the rules first; whatever the rules build is simplified again.
import type { NDArray } from '../base/ndarray.js'
import { subgraphs } from '../ir/graph.js'
import type { Graph, Node, Value } from '../ir/graph.js'
import type { Op } from '../ir/op.js'
import { Tensor } from '../ir/tensor.js'
import { Trace, constant, inline, traceGraph } from '../ir/trace.js'
import { rules } from './rules.js'
import type { Producers } from './rules.js'

interface Level {
  /** Replace composite ops by what they are made of, and drop stopGradient: the last pass before lowering. */
  readonly expand: boolean
}

const identities = new WeakMap<object, number>()
let nextIdentity = 0
const identityOf = (x: object): number => {
  const known = identities.get(x)
  if (known !== undefined) return known
  identities.set(x, nextIdentity)
  return nextIdentity++
}

/** Attributes as text; sub-graphs and rules by identity. */
const keyOf = (op: Op, inputs: readonly Tensor[], attributes: object): string => {
  const text = JSON.stringify(attributes, (name, value: unknown) =>
    name !== '' &&
    (typeof value === 'function' || (typeof value === 'object' && value !== null && !Array.isArray(value)))
      ? `#${String(identityOf(value))}`
      : value,
  )
  return `${op.name}(${inputs.map((t) => t.value.id).join()})${text}`
}

class Simplifier extends Trace implements Producers {
  private readonly level: Level
  private readonly seen = new Map<string, Tensor[]>()
  private readonly made = new Map<Value, Node>()
  private readonly scalars = new Map<string, Tensor>()

  constructor(level: Level) {
    super()
    this.level = level
  }

  producer(t: Tensor): Node | undefined {
    return this.made.get(t.value)
  }

  input(node: Node, i: number): Tensor {
    return new Tensor(this, node.inputs[i] as Value)
  }

  override constant(source: NDArray | number): Tensor {
    if (typeof source !== 'number' && source.rank > 0) return super.constant(source)
    const number = typeof source === 'number' ? source : (source.data[0] as number)
    const key = Object.is(number, -0) ? '-0' : String(number)
    const known = this.scalars.get(key)
    if (known !== undefined) return known
    const t = super.constant(number)
    this.scalars.set(key, t)
    return t
  }

  override apply(op: Op, inputs: readonly Tensor[], attributes: object): Tensor[] {
    const lifted = inputs.map((t) => this.lift(t))
    if (this.level.expand) {
      if (op.name === 'stopGradient') return lifted
      if (op.expand !== undefined) return [...op.expand(lifted, attributes)]
    }
    if (op !== constant) {
      const better = rules.get(op.name)?.(lifted, attributes, this)
      if (better !== undefined) return [better]
    }
    const key = op === constant ? '' : keyOf(op, lifted, attributes)
    const known = this.seen.get(key)
    if (known !== undefined && op !== constant) return known
    const outputs = super.apply(op, lifted, attributes)
    const node = this.nodes[this.nodes.length - 1] as Node
    for (const value of node.outputs) this.made.set(value, node)
    this.seen.set(key, outputs)
    return outputs
  }
}

/** The nodes that outputs and reports need, in order. */
const live = (graph: Graph): Node[] => {
  const needed = new Set<Value>([...graph.outputs, ...graph.reports.map((r) => r.value)])
  return [...graph.nodes]
    .reverse()
    .filter((node) => {
      if (!node.outputs.some((value) => needed.has(value))) return false
      for (const value of node.inputs) needed.add(value)
      return true
    })
    .reverse()
}

const run = (graph: Graph, level: Level): Graph => {
  const shapes = graph.inputs.map((value) => value.shape)
  const inner = new Map<Graph, Graph>()
  const withSimplerParts = (node: Node): Node => {
    const parts = subgraphs(node)
    // A composite that stays keeps its sub-graph: its derivative rules refer to it.
    if (parts.length === 0 || (node.op.expand !== undefined && !level.expand)) return node
    if (node.op.expand !== undefined) return node
    const simpler = parts.map(([name, part]) => {
      const known = inner.get(part) ?? run(part, level)
      inner.set(part, known)
      return [name, known] as const
    })
    return { ...node, attributes: { ...node.attributes, ...Object.fromEntries(simpler) } }
  }
  const prepared = { ...graph, nodes: live(graph).map(withSimplerParts) }
  const { graph: simpler } = traceGraph((inputs) => inline(prepared, inputs), shapes, new Simplifier(level))
  return { ...simpler, nodes: live(simpler) }
}

const done = new WeakMap<Graph, Graph>()

/** The same function of the same inputs, with the same derivatives, in less work. */
export const simplify = (graph: Graph): Graph => {
  const known = done.get(graph)
  if (known !== undefined) return known
  const simpler = run(graph, { expand: false })
  done.set(graph, simpler)
  done.set(simpler, simpler)
  return simpler
}

/**
 * The graph that is lowered: composites (solves, custom derivatives, logdet) expanded, stopGradient dropped, simplified.
 * Its derivatives are no longer those of the source.
 */
export const prepareForLowering = (graph: Graph): Graph => {
  let at = run(graph, { expand: true })
  // Expanding may bring up new sub-graphs with composites in them; a fixed point is reached in a pass or two.
  for (let pass = 0; pass < 8 && hasComposite(at); pass++) at = run(at, { expand: true })
  return run(at, { expand: true })
}

const hasComposite = (graph: Graph): boolean =>
  graph.nodes.some(
    (node) => node.op.expand !== undefined || subgraphs(node).some(([, part]) => hasComposite(part)),
  )
