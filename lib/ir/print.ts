// The text form of a graph: names in order of definition, shapes, attributes, sub-graphs indented. The same graph
// always prints the same text, whatever the ids of its values.
//
//   { a: [2, 3], b: [3] →
//     c: [2, 3] = mul a b
//     d: [2] = sum c axes=[1]
//     in d }
import { NDArray } from '../base/ndarray.js'
import { formatShape } from '../base/shape.js'
import { subgraphs } from './graph.js'
import type { Graph, Node, Value } from './graph.js'

/** a … z, aa, ab, … */
const nameOf = (position: number): string =>
  (position < 26 ? '' : nameOf(Math.floor(position / 26) - 1)) + String.fromCharCode(97 + (position % 26))

/** Longer lists of numbers are cut. */
const shownNumbers = 8

const formatNumber = (x: number): string => (Object.is(x, -0) ? '-0' : String(x))

const formatNumbers = (list: readonly number[]): string =>
  [...list.slice(0, shownNumbers).map(formatNumber), ...(list.length > shownNumbers ? ['…'] : [])].join(', ')

const formatArray = (x: NDArray): string =>
  x.rank === 0
    ? formatNumber(x.data[0] as number)
    : `(${formatNumbers([...x.data.subarray(0, shownNumbers + 1)])})`

/** Plain data as text; undefined for what is not data (a rule of a custom op) and for sub-graphs, printed below. */
const formatAttribute = (value: unknown): string | undefined => {
  if (value instanceof NDArray) return formatArray(value)
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'number'))
    return `[${formatNumbers(value)}]`
  if (typeof value === 'number') return formatNumber(value)
  return typeof value === 'boolean' || typeof value === 'string' ? String(value) : undefined
}

const formatAttributes = (node: Node): string =>
  Object.entries(node.attributes)
    .map(([key, value]) => [key, formatAttribute(value)] as const)
    .flatMap(([key, text]) => (text === undefined ? [] : [` ${key}=${text}`]))
    .join('')

/** The scalar that a constant node holds, if it does: it is printed where it is used. */
const literal = (node: Node): string | undefined => {
  const { array } = node.attributes as { readonly array?: unknown }
  return node.op.name === 'constant' && array instanceof NDArray && array.rank === 0
    ? formatArray(array)
    : undefined
}

const indent = (text: string): string => text.replaceAll('\n', '\n  ')

/** The text form of a graph. Scalar constants are written where they are used. */
export const printGraph = (graph: Graph): string => {
  const names = new Map<Value, string>()
  let next = 0
  const define = (value: Value): string => {
    const name = nameOf(next++)
    names.set(value, name)
    return `${name}: ${formatShape(value.shape)}`
  }
  const read = (value: Value): string => names.get(value) ?? `?${formatShape(value.shape)}`
  const printNode = (node: Node): readonly string[] => {
    const number = literal(node)
    if (number !== undefined) {
      for (const value of node.outputs) names.set(value, number)
      return []
    }
    const operands = node.inputs.map((value) => ` ${read(value)}`).join('')
    const outputs = node.outputs.map(define).join(', ')
    const bodies = subgraphs(node).map(([name, body]) => `\n  ${name}: ${indent(printGraph(body))}`)
    return [`${outputs} = ${node.op.name}${operands}${formatAttributes(node)}${bodies.join('')}`]
  }
  const head = ['{', ...(graph.inputs.length > 0 ? [graph.inputs.map(define).join(', ')] : []), '→'].join(' ')
  const lines = graph.nodes.flatMap(printNode).map(indent)
  const reports = graph.reports.map(({ kind, value }) => `; ${kind} = ${read(value)}`).join('')
  const tail = `in ${graph.outputs.map(read).join(', ')}${reports} }`
  return [head, ...lines, tail].join('\n  ')
}
