// The rules of a Graph, checked: single assignment, definition before use, closedness, shapes, the signatures of
// sub-graphs, scalar reports. Transforms are tested with it; a graph that fails is a bug of an op or a transform.
import { GraphError } from '../base/errors.js'
import { checkShape, formatShape, sameShape } from '../base/shape.js'
import type { Shape } from '../base/shape.js'
import { subgraphs } from './graph.js'
import type { Graph, Node, Value } from './graph.js'

/**
 * Checks a graph and the graphs in it.
 * @throws {GraphError} naming the node and the rule that is broken.
 */
export const verifyGraph = (graph: Graph, what = 'the graph'): void => {
  const later = new Set<Value>(graph.nodes.flatMap((node) => node.outputs))
  const assigned = new Set<Value>()
  const assign = (value: Value, where: string): void => {
    if (assigned.has(value)) {
      throw new GraphError(`${where} defines a value that is defined already`, {
        expected: 'single assignment',
      })
    }
    assigned.add(value)
  }
  const use = (value: Value, where: string): void => {
    if (assigned.has(value)) return
    throw later.has(value)
      ? new GraphError(`${where} uses a value before it is defined`, { expected: 'definition before use' })
      : new GraphError(`${where} uses a value of another graph`, { expected: 'a closed graph' })
  }
  graph.inputs.forEach((value, i) => {
    const where = `input ${String(i)} of ${what}`
    guard(where, () => checkShape(value.shape))
    assign(value, where)
  })
  graph.nodes.forEach((node, i) => {
    const where = `node ${String(i)} (${node.op.name}) of ${what}`
    for (const value of node.inputs) use(value, where)
    for (const [name, body] of subgraphs(node)) verifyGraph(body, `${name} of ${where}`)
    signatures[node.op.name]?.(node, where)
    verifyShapes(node, where)
    for (const value of node.outputs) assign(value, where)
  })
  graph.outputs.forEach((value, i) => {
    use(value, `output ${String(i)} of ${what}`)
  })
  for (const { kind, value } of graph.reports) {
    const where = `the report ${kind} of ${what}`
    use(value, where)
    expectShapes(where, [[]], [value.shape])
  }
}

const formatShapes = (shapes: readonly Shape[]): string => shapes.map(formatShape).join(', ') || 'nothing'

const expectShapes = (where: string, expected: readonly Shape[], received: readonly Shape[]): void => {
  if (
    expected.length === received.length &&
    expected.every((shape, i) => sameShape(shape, received[i] as Shape))
  )
    return
  throw new GraphError(`${where} has the wrong shape`, {
    expected: formatShapes(expected),
    received: formatShapes(received),
  })
}

/** Runs a check of a lower floor, and says where it failed. */
const guard = <R>(where: string, check: () => R): R => {
  try {
    return check()
  } catch (error) {
    throw new GraphError(`${where}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

const shapesOf = (values: readonly Value[]): readonly Shape[] => values.map((value) => value.shape)

/** The shape rule of the op, run again. */
const verifyShapes = (node: Node, where: string): void => {
  const expected = guard(where, () => node.op.shapes(shapesOf(node.inputs), node.attributes))
  expectShapes(where, expected, shapesOf(node.outputs))
}

/** Signatures of the graphs in a control op: what goes in and out of each must be what the op passes. */
const signatures: Readonly<Record<string, (node: Node, where: string) => void>> = {
  // condition: (carry…, operands…) → [scalar]; body: (carry…, operands…) → carry…
  while: (node, where) => {
    const { condition, body, carried } = node.attributes as {
      readonly condition: Graph
      readonly body: Graph
      readonly carried: number
    }
    const inputs = shapesOf(node.inputs)
    expectSignature(`condition of ${where}`, condition, inputs, [[]])
    expectSignature(`body of ${where}`, body, inputs, inputs.slice(0, carried))
  },
  // inputs: [count], carry…, sequences…, operands…; body: (carry…, slices…, operands…) → (carry…, slices…)
  scan: (node, where) => {
    const { body, length, carried, sequences, counted } = node.attributes as {
      readonly body: Graph
      readonly length: number
      readonly carried: number
      readonly sequences: number
      readonly counted: boolean
    }
    const inputs = shapesOf(node.inputs)
    if (counted) expectShapes(`count of ${where}`, [[]], inputs.slice(0, 1))
    const given = counted ? inputs.slice(1) : inputs
    const carry = given.slice(0, carried)
    const taken = given.slice(carried, carried + sequences)
    if (taken.some((shape) => shape[0] !== length)) {
      throw new GraphError(`a sequence of ${where} has another length`, {
        expected: `axis 0 of size ${String(length)}`,
        received: formatShapes(taken),
      })
    }
    const stacked = shapesOf(node.outputs.slice(carried))
    const operands = given.slice(carried + sequences)
    expectSignature(
      `body of ${where}`,
      body,
      [...carry, ...taken.map((shape) => shape.slice(1)), ...operands],
      [...carry, ...stacked.map((shape) => shape.slice(1))],
    )
  },
  // inputs: predicate, arguments…; both branches: arguments… → outputs
  cond: (node, where) => {
    const branches = node.attributes as { readonly then: Graph; readonly else: Graph }
    const [predicate, ...rest] = shapesOf(node.inputs)
    expectShapes(`predicate of ${where}`, [[]], predicate === undefined ? [] : [predicate])
    expectSignature(`then of ${where}`, branches.then, rest, shapesOf(node.outputs))
    expectSignature(`else of ${where}`, branches.else, rest, shapesOf(node.outputs))
  },
}

const expectSignature = (
  where: string,
  graph: Graph,
  inputs: readonly Shape[],
  outputs: readonly Shape[],
): void => {
  expectShapes(`what goes into ${where}`, inputs, shapesOf(graph.inputs))
  expectShapes(`what comes out of ${where}`, outputs, shapesOf(graph.outputs))
}
