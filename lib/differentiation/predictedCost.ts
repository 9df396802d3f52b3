// What solving a system K d = b by its matrix costs, beside iterating: predicted from the traced product d ↦ K d, in the time of one
// operation of a large product of matrices. Times were measured on one core and need only be right to a factor of two.
//   direct       n products at once, and ⅔ n³ operations of a factorization at a third of the speed
//   iterative    so many products one after another, with what GMRES does between two of them
import { sizeOf } from '../base/shape.js'
import type { Shape } from '../base/shape.js'
import { subgraphs } from '../ir/graph.js'
import type { Graph, Node, Value } from '../ir/graph.js'
import type { Tensor } from '../ir/tensor.js'
import { traceGraph } from '../ir/trace.js'
import { vmap } from '../transform/derivatives.js'
import { simplify } from '../transform/simplify.js'

/** An entry of what is computed entry by entry, and of what is only moved. */
const element = 10
const moved = 2
/** An operation of a matrix and a vector, which waits for memory; and of a factorization. */
const matrixVector = 4
const factorization = 3
/** How often an inner loop of unknown length is taken to run. */
const assumedSteps = 10
/** Products that an adjoint to the last digits takes, as was measured on maps with ρ near 0.9; never many more than n. */
const assumedProducts = 100
/** What an iteration takes for vectors: GMRES multiplies two bases of 30 five times, and some instructions are started. */
const perEntry = 1300
const perIteration = 1e5

const factorizations = new Set(['cholesky', 'lu'])
const solves = new Set(['triangularSolve', 'choleskySolve', 'luSolve'])
const movements = new Set([
  'reshape',
  'transpose',
  'broadcast',
  'slice',
  'pad',
  'concat',
  'gather',
  'triangle',
])

const costOfNode = (node: Node): number => {
  const bodies = subgraphs(node)
  if (bodies.length > 0) {
    const { length = node.op.name === 'while' ? assumedSteps : 1 } = node.attributes as { length?: number }
    return length * bodies.reduce((sum, [, body]) => sum + costOf(body), 0)
  }
  const [a = 0, b = 0, out = 0] = [node.inputs[0], node.inputs[1], node.outputs[0]].map(
    (v) => v && sizeOf(v.shape),
  )
  // C = A B has n k m products of entries, the root of what the three have together.
  if (node.op.name === 'matmul') {
    const narrow = node.outputs[0]?.shape.slice(-2).includes(1) === true
    return 2 * Math.sqrt(a * b * out) * (narrow ? matrixVector : 1)
  }
  if (node.op.name === 'gram') return a * Math.sqrt(out)
  if (factorizations.has(node.op.name)) return (2 / 3) * factorization * a ** 1.5
  if (solves.has(node.op.name)) return 2 * matrixVector * Math.sqrt(a) * out
  return (movements.has(node.op.name) ? moved : element) * Math.max(a, out)
}

/** The cost of the nodes that depend on the flagged inputs; all of them by default. */
const costOf = (graph: Graph, flags?: readonly boolean[]): number => {
  const reached = new Set<Value>(graph.inputs.filter((_, i) => flags?.[i] !== false))
  return graph.nodes.reduce((sum, node) => {
    if (flags !== undefined && !node.inputs.some((value) => reached.has(value))) return sum
    for (const value of node.outputs) reached.add(value)
    return sum + costOfNode(node)
  }, 0)
}

/** Of what a function does with its argument. */
const costOfFunction = (fn: (d: Tensor) => Tensor, shape: Shape): number => {
  const { graph, captured } = traceGraph(([d]) => [fn(d as Tensor)], [shape])
  return costOf(simplify(graph), [true, ...captured.map(() => false)])
}

/** Whether K d = b of order n is solved sooner by the matrix of K than by iterating, as far as shapes tell. */
export const prefersMatrix = (apply: (d: Tensor) => Tensor, n: number): boolean => {
  const direct = costOfFunction(vmap(apply), [n, n]) + (2 / 3) * factorization * n ** 3
  const iteration = costOfFunction(apply, [n]) + perEntry * n + perIteration
  return direct <= Math.min(assumedProducts, n) * iteration
}
