// How tests run a function of Tensors: traced, prepared for lowering, verified, interpreted; and natively, as one instance and
// in lanes beside others, which must give the same.
import { NDArray, array } from '../../lib/base/ndarray.js'
import type { ArrayInput } from '../../lib/base/ndarray.js'
import { stream } from '../../lib/base/random.js'
import { sizeOf } from '../../lib/base/shape.js'
import type { Shape } from '../../lib/base/shape.js'
import type { Graph } from '../../lib/ir/graph.js'
import type { Tensor } from '../../lib/ir/tensor.js'
import type { Operand } from '../../lib/ir/trace.js'
import { verifyGraph } from '../../lib/ir/verify.js'
import { interpret } from '../../lib/runtime/interpreter.js'
import type { Interpreted } from '../../lib/runtime/interpreter.js'
import { prepareForLowering } from '../../lib/transform/simplify.js'
import { graphOf } from '../oracle/transforms.js'
import { checkNative } from './native.js'

export type Traced = (...inputs: Tensor[]) => Operand | readonly Operand[]

/** The graph that would be lowered, at inputs of these shapes. */
export const lowered = (fn: Traced, ...inputs: readonly ArrayInput[]): Graph => {
  const graph = prepareForLowering(
    graphOf(
      fn,
      inputs.map((x) => array(x)),
    ),
  )
  verifyGraph(graph)
  return graph
}

/**
 * Outputs and reports of fn at the inputs, by the interpreter.
 * @throws {Error} when the native executor computes something else; outputs may differ by `bar`.
 */
export const evaluateWithin = (bar: number, fn: Traced, ...inputs: readonly ArrayInput[]): Interpreted => {
  const graph = lowered(fn, ...inputs)
  const arrays = inputs.map((x) => array(x))
  const interpreted = interpret(graph, arrays)
  checkNative(graph, arrays, interpreted, bar)
  return interpreted
}

/** The same, where rounding is not enlarged by the problem. */
export const evaluate = (fn: Traced, ...inputs: readonly ArrayInput[]): Interpreted =>
  evaluateWithin(1e-12, fn, ...inputs)

/** The outputs alone. */
export const values = (fn: Traced, ...inputs: readonly ArrayInput[]): readonly NDArray[] =>
  evaluate(fn, ...inputs).outputs

/** The first output. */
export const value = (fn: Traced, ...inputs: readonly ArrayInput[]): NDArray =>
  values(fn, ...inputs)[0] as NDArray

/** The first output, a scalar. */
export const number = (fn: Traced, ...inputs: readonly ArrayInput[]): number =>
  value(fn, ...inputs).data[0] as number

/** An array of normal numbers that depends on its name alone. */
export const normal = (name: string, ...shape: Shape): NDArray =>
  new NDArray(shape, stream(2023, name).normals(sizeOf(shape)))

/** Uniform numbers between two bounds. */
export const between = (low: number, high: number, name: string, ...shape: Shape): NDArray =>
  new NDArray(
    shape,
    stream(2023, name)
      .uniforms(sizeOf(shape))
      .map((u) => low + (high - low) * u),
  )
