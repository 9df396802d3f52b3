// The record that defines an op: shape rule, derivative rules, batching rule. Kernels meet it by name.
import { GraphError } from '../base/errors.js'
import type { Shape } from '../base/shape.js'
import type { Tensor } from './tensor.js'

/** One application of an op, as its rules see it: every Tensor lives in the trace that is being built. */
export interface Call<A extends object> {
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
  readonly attributes: A
}

/** A tangent or cotangent; undefined is a symbolic zero, which rules pass on without computing. */
export type Maybe = Tensor | undefined

/** Outputs of a batching rule: each output has the batch as axis 0 where `batched` says so. */
export interface Batched {
  readonly outputs: readonly Tensor[]
  readonly batched: readonly boolean[]
}

/**
 * Everything there is to know about an op. Rules are written in traced ops, so that their results can be
 * differentiated, batched and simplified again.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export interface Op<A extends object = any> {
  readonly name: string
  /** Output shapes from input shapes; throws a ShapeError that says what does not fit. */
  readonly shapes: (inputs: readonly Shape[], attributes: A) => readonly Shape[]
  /** Tangents of the outputs from tangents of the inputs. */
  readonly jvp: (call: Call<A>, tangents: readonly Maybe[]) => readonly Maybe[]
  /**
   * Cotangents of the inputs from cotangents of the outputs. A cotangent may come back in the broadcast shape of
   * the output: the vjp transform sums it to the shape of its input. `wanted` tells which inputs need a cotangent at all.
   */
  readonly vjp: (call: Call<A>, cotangents: readonly Maybe[], wanted: readonly boolean[]) => readonly Maybe[]
  /**
   * What a composite op is made of, for an op whose derivative is a rule of its own. The lowering puts it in place of
   * the op; an op without it has a kernel of its name.
   */
  readonly expand?: (inputs: readonly Tensor[], attributes: A) => readonly Tensor[]
  /** The op on inputs of which some carry a batch as axis 0, of size `size`. */
  readonly vmap: (
    inputs: readonly Tensor[],
    batched: readonly boolean[],
    attributes: A,
    size: number,
  ) => Batched
}

/** Every op by name: kernels, the interpreter and tests meet ops by it. */
export const ops = new Map<string, Op>()

/**
 * Declares an op, once.
 * @throws {GraphError} when another op has the name.
 */
export const defineOp = <A extends object>(op: Op<A>): Op<A> => {
  if (ops.has(op.name))
    throw new GraphError(`two ops are called "${op.name}"`, { remedy: 'Give one another name' })
  ops.set(op.name, op)
  return op
}

/**
 * Declares a linear op of one operand: its jvp is the op itself, its vjp the transpose.
 * `transpose` maps a cotangent of the output to one of the input; `batch` is the op on a batch along axis 0.
 */
export const defineLinear = <A extends object>(record: {
  readonly name: string
  readonly shapes: (inputs: readonly Shape[], attributes: A) => readonly Shape[]
  readonly transpose: (v: Tensor, call: Call<A>) => Tensor
  readonly batch: (x: Tensor, attributes: A, size: number) => Tensor
}): Op<A> => {
  const op: Op<A> = defineOp({
    name: record.name,
    shapes: record.shapes,
    jvp: ({ attributes, inputs }, [t]) => [
      t === undefined ? undefined : (inputs[0] as Tensor).trace.apply(op, [t], attributes)[0],
    ],
    vjp: (call, [v]) => [v === undefined ? undefined : record.transpose(v, call)],
    vmap: ([x], _, attributes, size) => ({
      outputs: [record.batch(x as Tensor, attributes, size)],
      batched: [true],
    }),
  })
  return op
}
