// The walk through a graph, for any kind of array: straight-line nodes by a table of rules, control ops by recursion,
// composite ops through what they expand to. NDArrays are one kind; tests bring complex arrays as another.
import { GraphError } from '../../base/errors.js'
import type { Shape } from '../../base/shape.js'
import type { Graph, Node, ReportKind, Value } from '../../ir/graph.js'
import { traceGraph } from '../../ir/trace.js'

/** Outputs of one op from its inputs. Inputs are never changed; an output may share the data of an input. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Rule<A> = (inputs: readonly A[], attributes: any, shapes: readonly Shape[]) => readonly A[]

/** What the walk must know of a kind of array. */
export interface Kind<A> {
  /** A rule for every op that has a kernel, by name. */
  readonly rules: Readonly<Record<string, Rule<A>>>
  /** The number in a scalar: predicates and counts. */
  readonly number: (scalar: A) => number
  /** Row i along axis 0. */
  readonly row: (x: A, i: number) => A
  /** An array of the given shape whose rows along axis 0 are `rows`. */
  readonly stack: (rows: readonly A[], shape: Shape) => A
  readonly zeros: (shape: Shape) => A
}

/** Called with every report of the graph and of the graphs in it, each time it is computed. */
export type Note<A> = (kind: ReportKind, value: A) => void

/** NaN counts as 0. */
const isTrue = (x: number): boolean => x !== 0 && !Number.isNaN(x)

const bind = <A>(env: Map<Value, A>, values: readonly Value[], arrays: readonly A[]): void => {
  values.forEach((value, i) => env.set(value, arrays[i] as A))
}

/** The outputs of `graph` at `inputs`. */
export const walk = <A>(kind: Kind<A>, graph: Graph, inputs: readonly A[], note: Note<A>): readonly A[] => {
  const env = new Map<Value, A>()
  const read = (value: Value): A => {
    const found = env.get(value)
    if (found === undefined) throw new GraphError(`value ${String(value.id)} is used but not defined`)
    return found
  }
  bind(env, graph.inputs, inputs)
  for (const node of graph.nodes) bind(env, node.outputs, evaluate(kind, node, node.inputs.map(read), note))
  for (const report of graph.reports) note(report.kind, read(report.value))
  return graph.outputs.map(read)
}

const evaluate = <A>(kind: Kind<A>, node: Node, inputs: readonly A[], note: Note<A>): readonly A[] => {
  const rule = kind.rules[node.op.name]
  if (rule !== undefined) {
    return rule(
      inputs,
      node.attributes,
      node.outputs.map((value) => value.shape),
    )
  }
  switch (node.op.name) {
    case 'while':
      return whileLoop(kind, node.attributes as WhileAttributes, inputs, note)
    case 'scan':
      return scan(kind, node.attributes as ScanAttributes, inputs, note)
    case 'cond': {
      const attributes = node.attributes as CondAttributes
      const branch = isTrue(kind.number(inputs[0] as A)) ? attributes.then : attributes.else
      return walk(kind, branch, inputs.slice(1), note)
    }
    default:
      return walk(kind, expansion(node), inputs, note)
  }
}

interface WhileAttributes {
  readonly condition: Graph
  readonly body: Graph
  readonly carried: number
}

const whileLoop = <A>(
  kind: Kind<A>,
  attributes: WhileAttributes,
  inputs: readonly A[],
  note: Note<A>,
): readonly A[] => {
  const { condition, body, carried } = attributes
  const operands = inputs.slice(carried)
  let carry = inputs.slice(0, carried)
  while (isTrue(kind.number(walk(kind, condition, [...carry, ...operands], note)[0] as A))) {
    carry = [...walk(kind, body, [...carry, ...operands], note)]
  }
  return carry
}

interface ScanAttributes {
  readonly body: Graph
  readonly length: number
  readonly carried: number
  readonly sequences: number
  readonly reverse: boolean
  readonly counted: boolean
}

const scan = <A>(
  kind: Kind<A>,
  attributes: ScanAttributes,
  inputs: readonly A[],
  note: Note<A>,
): readonly A[] => {
  const { body, length, carried, sequences, reverse, counted } = attributes
  const rest = counted ? inputs.slice(1) : inputs
  const count = counted ? kind.number(inputs[0] as A) : length
  const given = rest.slice(carried, carried + sequences)
  const operands = rest.slice(carried + sequences)
  const stacked = body.outputs.slice(carried).map((value) => value.shape)
  const rows: A[][] = stacked.map((shape) => Array.from({ length }, () => kind.zeros(shape)))
  let carry = rest.slice(0, carried)
  for (let step = 0; step < length; step++) {
    const i = reverse ? length - 1 - step : step
    if (!(i < count)) continue
    const results = walk(kind, body, [...carry, ...given.map((x) => kind.row(x, i)), ...operands], note)
    carry = results.slice(0, carried)
    rows.forEach((list, k) => (list[i] = results[carried + k] as A))
  }
  return [...carry, ...rows.map((list, k) => kind.stack(list, [length, ...(stacked[k] as Shape)]))]
}

interface CondAttributes {
  readonly then: Graph
  readonly else: Graph
}

/** The graph of a composite op, kept so that a loop traces it once. */
const expansion = (node: Node): Graph => {
  const known = expansions.get(node)
  if (known !== undefined) return known
  const { expand } = node.op
  if (expand === undefined) {
    throw new GraphError(`the interpreter has no rule for "${node.op.name}"`, {
      expected: 'an op with a rule, or with an expansion',
      remedy: 'Add a rule to lib/runtime/interpreter',
    })
  }
  const { graph } = traceGraph(
    (inputs) => expand(inputs, node.attributes),
    node.inputs.map((value) => value.shape),
  )
  expansions.set(node, graph)
  return graph
}
const expansions = new WeakMap<Node, Graph>()
