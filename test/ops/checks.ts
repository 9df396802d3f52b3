// What must hold of every graph: each check returns how far it is from holding, relative to the numbers at hand. The same
// checks run over the table of ops, over random graphs, and over rules that are wrong on purpose.
import type { NDArray } from '../../lib/base/ndarray.js'
import type { Graph } from '../../lib/ir/graph.js'
import { simplify } from '../../lib/transform/simplify.js'
import { interpret } from '../../lib/runtime/interpreter.js'
import { complexStep } from '../oracle/complex.js'
import { directions, inner, norm, relativeError, rowOf, stackArrays } from '../oracle/compare.js'
import { centralDifferences } from '../oracle/differences.js'
import { jvpOf, vjpOf, vmapOf } from '../oracle/transforms.js'
import type { Sample } from './sample.js'

type Arrays = readonly NDArray[]
export type Oracle = Exclude<Sample['oracle'], 'none'>

/** A graph for the same function. */
export type Rewrite = (graph: Graph) => Graph
/** A way to compute a graph. */
export type Evaluate = (graph: Graph, inputs: Arrays) => Arrays

const run: Evaluate = (graph, inputs) => interpret(graph, inputs).outputs

const tangents = (graph: Graph): Arrays =>
  directions(
    graph.inputs.map((value) => value.shape),
    'tangent',
  )
const cotangents = (graph: Graph): Arrays =>
  directions(
    graph.outputs.map((value) => value.shape),
    'cotangent',
  )

/** f'(x) v by the oracle. */
const derivative = (graph: Graph, inputs: Arrays, direction: Arrays, oracle: Oracle): Arrays =>
  oracle === 'complex'
    ? complexStep(graph, inputs, direction).tangents
    : centralDifferences((x) => run(graph, x), inputs, direction, 2.5e-4)

/** Values of the interpreter against those of complex arithmetic, which has its own formulas. */
export const valueError = (graph: Graph, inputs: Arrays, evaluate: Evaluate = run): number =>
  relativeError(evaluate(graph, inputs), complexStep(graph, inputs, tangents(graph)).outputs)

/** Forward mode against the oracle; derivatives below `unit` count as small. */
export const jvpError = (graph: Graph, inputs: Arrays, oracle: Oracle, unit = 0): number => {
  const v = tangents(graph)
  const pushed = run(jvpOf(graph), [...inputs, ...v]).slice(graph.outputs.length)
  return relativeError(pushed, derivative(graph, inputs, v, oracle), unit)
}

/** |⟨J v, w⟩ − ⟨v, Jᵀ w⟩| / max(‖J v‖ ‖w‖, ‖v‖ ‖Jᵀ w‖) */
export const adjointError = (graph: Graph, inputs: Arrays): number => {
  const [v, w] = [tangents(graph), cotangents(graph)]
  const pushed = run(jvpOf(graph), [...inputs, ...v]).slice(graph.outputs.length)
  const pulled = run(vjpOf(graph), [...inputs, ...w])
  const scale = Math.max(norm(pushed) * norm(w), norm(v) * norm(pulled)) || 1
  return Math.abs(inner(pushed, w) - inner(v, pulled)) / scale
}

/**
 * Forward mode over reverse mode against the oracle of reverse mode. Complex steps see a stopGradient that a rule of
 * reverse mode planted, and agree; differences do not.
 */
export const secondError = (graph: Graph, inputs: Arrays, oracle: Oracle, unit = 0): number =>
  jvpError(vjpOf(graph), [...inputs, ...cotangents(graph)], oracle, unit)

/** Forward mode twice against the oracle of forward mode, for what has no reverse mode. */
export const secondForwardError = (graph: Graph, inputs: Arrays, oracle: Oracle): number =>
  jvpError(jvpOf(graph), [...inputs, ...tangents(graph)], oracle)

/** Every way to choose some of n inputs for the batch. */
export const everyChoice = (n: number): readonly (readonly boolean[])[] =>
  Array.from({ length: 2 ** n - 1 }, (_, k) =>
    Array.from({ length: n }, (__, i) => (((k + 1) >> i) & 1) === 1),
  )

/** For a derivative at the first n of `total` inputs: the point alone, the direction alone, or both carry the batch. */
export const pointOrDirection = (n: number, total: number): readonly (readonly boolean[])[] =>
  everyChoice(2).map(([point, direction]) =>
    Array.from({ length: total }, (_, i) => (i < n ? point : direction) as boolean),
  )

/** A batch of variants against the variants one by one, over choices of the inputs that carry the batch. */
export const vmapError = (
  graph: Graph,
  variants: readonly Arrays[],
  choices: readonly (readonly boolean[])[] = everyChoice(graph.inputs.length),
): number => {
  const first = variants[0] as Arrays
  const errors = choices.map((batched) => {
    const mixed = variants.map((own) => own.map((x, i) => (batched[i] ? x : (first[i] as NDArray))))
    const inputs = first.map((x, i) =>
      batched[i] ? stackArrays(variants.map((own) => own[i] as NDArray)) : x,
    )
    const together = run(vmapOf(graph, batched, variants.length), inputs)
    const rows = mixed.map((_, k) => together.map((x) => rowOf(x, k)))
    return Math.max(0, ...mixed.map((own, k) => relativeError(rows[k] as Arrays, run(graph, own))))
  })
  return Math.max(0, ...errors)
}

/** The simplified graph against the graph. */
export const simplifyError = (graph: Graph, inputs: Arrays, simpler: Rewrite = simplify, unit = 0): number =>
  relativeError(run(simpler(graph), inputs), run(graph, inputs), unit)

/** Simplified derivatives against plain ones: here the algebra has most to do. */
export const simplifyDerivativeError = (
  graph: Graph,
  inputs: Arrays,
  simpler: Rewrite = simplify,
  unit = 0,
): number =>
  Math.max(
    simplifyError(jvpOf(graph), [...inputs, ...tangents(graph)], simpler, unit),
    simplifyError(vjpOf(graph), [...inputs, ...cotangents(graph)], simpler, unit),
  )
