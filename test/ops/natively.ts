// The native executor against the interpreter, through the public compile.
import { shared } from '../../lib/base/executor.js'
import type { NDArray } from '../../lib/base/ndarray.js'
import type { Graph } from '../../lib/ir/graph.js'
import type { Tensor } from '../../lib/ir/tensor.js'
import { inline } from '../../lib/ir/trace.js'
import { compile } from '../../lib/runtime/compile.js'
import { interpret } from '../../lib/runtime/interpreter.js'
import { rowOf, stackArrays } from '../oracle/compare.js'

type Arrays = readonly NDArray[]
type Measure = (actual: Arrays, expected: Arrays) => number

/** Runs a graph natively on a batch; inputs that are flagged are the same for all instances. */
export const runner = (
  graph: Graph,
  lanes: number,
): ((variants: readonly Arrays[], same?: readonly boolean[]) => readonly Arrays[]) => {
  const compiled = compile<Tensor[], Tensor[]>((...inputs) => inline(graph, inputs), { lanes })
  return (variants, same = []) => {
    const given = graph.inputs.map((_, i) => {
      const own = variants.map((inputs) => inputs[i] as NDArray)
      return same[i] === true ? shared(own[0] as NDArray) : stackArrays(own)
    })
    const value = compiled.batch(...given).value
    return variants.map((_, k) => value.map((x) => rowOf(x, k)))
  }
}

/** The worst error of results against the interpreter. */
export const against = (
  graph: Graph,
  variants: readonly Arrays[],
  results: readonly Arrays[],
  measure: Measure,
): number =>
  Math.max(0, ...variants.map((inputs, k) => measure(results[k] as Arrays, interpret(graph, inputs).outputs)))

/** The worst error over numbers of lanes and sizes of batches. */
export const nativeError = (
  graph: Graph,
  variants: readonly Arrays[],
  measure: Measure,
  tiles: readonly number[],
  batches: readonly number[] = [variants.length],
): number =>
  Math.max(
    ...tiles.map((lanes) => {
      const run = runner(graph, lanes)
      return Math.max(
        ...batches.map((batch) => {
          const some = variants.slice(0, batch)
          return against(graph, some, run(some), measure)
        }),
      )
    }),
  )

/** The worst error with each input in turn the same for all instances. */
export const sharedError = (graph: Graph, variants: readonly Arrays[], measure: Measure): number => {
  const run = runner(graph, 8)
  return Math.max(
    0,
    ...graph.inputs.map((_, at) => {
      const some = variants.map((own) => own.map((x, i) => (i === at ? (variants[0]?.[i] as NDArray) : x)))
      const same = graph.inputs.map((__, i) => i === at)
      return against(graph, some, run(some, same), measure)
    }),
  )
}
