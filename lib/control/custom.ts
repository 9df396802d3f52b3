// A sub-graph with derivative rules of its own. Solves, linear solves and users' custom derivatives are all this op.
// The rules are functions on Tensors, so they can be differentiated and batched like anything else.
import { GraphError, TraceError } from '../base/errors.js'
import { formatShape, sameShape } from '../base/shape.js'
import type { Graph } from '../ir/graph.js'
import { defineOp } from '../ir/op.js'
import type { Maybe, Op } from '../ir/op.js'
import type { Tensor } from '../ir/tensor.js'
import { apply, inline, report, tensor, traceGraph } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import { broadcast } from '../ops/movement.js'
import { sum } from '../ops/reduce.js'
import { batchGraph, vmapGraph } from '../transform/vmap.js'
import { orZero, reportsAsOutputs, select, spread } from './loop.js'

/** What a rule is given: operands and results of the op, in the trace that is being built. */
export interface Point {
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
}

/** Forward: tangents of the inputs → tangents of the outputs. Reverse: cotangents of the outputs → of the inputs. */
export type CustomRule = (point: Point, given: readonly Maybe[], wanted: readonly boolean[]) => readonly Maybe[]

export interface CustomAttributes {
  /** For printing, such as "solve newton". */
  readonly label: string
  readonly graph: Graph
  readonly jvp: CustomRule
  readonly vjp: CustomRule
}

export const customOp: Op<CustomAttributes> = defineOp({
  name: 'custom',
  shapes: (inputs, { graph, label }) => {
    graph.inputs.forEach((value, i) => {
      if (!sameShape(value.shape, inputs[i] ?? [])) {
        throw new GraphError(`${label}: operand ${String(i)} has the shape ${formatShape(inputs[i] ?? [])}`, {
          expected: formatShape(value.shape),
        })
      }
    })
    return graph.outputs.map((value) => value.shape)
  },
  jvp: ({ inputs, outputs, attributes }, tangents) =>
    attributes.jvp({ inputs, outputs }, tangents, outputs.map(() => true)),
  vjp: ({ inputs, outputs, attributes }, cotangents, wanted) => attributes.vjp({ inputs, outputs }, cotangents, wanted),
  vmap: (inputs, batched, attributes, size) => {
    const { graph } = batchGraph(attributes.graph, batched, size, () => true)
    const forward = batchRule(attributes.jvp, batched, size, batched, () => undefined)
    const backward = batchRule(attributes.vjp, batched, size, attributes.graph.outputs.map(() => true), (i) => batched[i])
    const outputs = apply(customOp, inputs, { label: attributes.label, graph, jvp: forward, vjp: backward })
    return { outputs, batched: outputs.map(() => true) }
  },
  expand: (inputs, { graph }) => inline(graph, inputs),
})

/** Applies the op. What its graph reports becomes outputs, so that the trace around it reports it, wherever that is. */
export const applyCustom = (inputs: readonly Operand[], attributes: CustomAttributes): Tensor[] => {
  const { graph, kinds } = reportsAsOutputs(attributes.graph)
  const own = attributes.graph.outputs.length
  const out = apply(customOp, inputs, { ...attributes, graph })
  kinds.forEach((kind, i) => {
    report(kind, out[own + i] as Tensor)
  })
  return out.slice(0, own)
}

/**
 * A rule on a batch: the rule of one element is traced and batched as a graph. `givenFlags` says which tangents or
 * cotangents carry the batch; where `resultFlag` says false the result belongs to an operand that is shared by the
 * batch, and is summed over it.
 */
const batchRule =
  (
    rule: CustomRule,
    batched: readonly boolean[],
    size: number,
    givenFlags: readonly boolean[],
    resultFlag: (i: number) => boolean | undefined,
  ): CustomRule =>
  ({ inputs, outputs }, given, wanted) => {
    const present = given.map((g) => g !== undefined)
    const operands = [...inputs, ...outputs, ...(select(given, present) as Tensor[])]
    const flags = [...batched, ...outputs.map(() => true), ...select(givenFlags, present)]
    let defined: readonly boolean[] = []
    const { graph, captured } = traceGraph(
      (ts) => {
        const point = { inputs: ts.slice(0, inputs.length), outputs: ts.slice(inputs.length, inputs.length + outputs.length) }
        const result = rule(point, spread(ts.slice(inputs.length + outputs.length), present), wanted)
        defined = result.map((r) => r !== undefined)
        return select(result, defined) as Tensor[]
      },
      operands.map((t, i) => (flags[i] ? t.shape.slice(1) : t.shape)),
    )
    const out = vmapGraph(graph, [...operands, ...captured], [...flags, ...captured.map(() => false)], size)
    return spread(out.outputs, defined).map((t, i) => {
      if (t === undefined) return undefined
      const carries = out.batched[defined.slice(0, i).filter(Boolean).length] as boolean
      const full = carries ? t : broadcast(t, [size, ...t.shape])
      return resultFlag(i) === false ? sum(full, 0) : full
    })
  }

/** Rules for `customDerivative`; a missing one is an error when it is needed. */
export interface DerivativeRules {
  /** Tangent of the result from the arguments, the result and the tangents of the arguments. */
  readonly jvp?: (inputs: readonly Tensor[], output: Tensor, tangents: readonly Tensor[]) => Operand
  /** Cotangents of the arguments from the arguments, the result and its cotangent. */
  readonly vjp?: (inputs: readonly Tensor[], output: Tensor, cotangent: Tensor) => readonly Operand[]
}

/**
 * `fn` with derivatives by the given rules instead of its own. `fn` maps Tensors to one Tensor and must take
 * everything that it uses as an argument (NDArrays may be closed over).
 * @throws {TraceError} when fn closes over a Tensor, or when a derivative is needed whose rule is missing.
 */
export const customDerivative =
  (fn: (...args: Tensor[]) => Operand, rules: DerivativeRules): ((...args: Operand[]) => Tensor) =>
  (...args) => {
    const inputs = args.map(tensor)
    const { graph, captured } = traceGraph((ts) => [fn(...ts)], inputs.map((t) => t.shape))
    if (captured.length > 0) {
      throw new TraceError('customDerivative: the function closes over a Tensor, which would have no derivative', {
        remedy: 'Pass it as an argument',
      })
    }
    const missing = (mode: string): never => {
      throw new TraceError(`customDerivative has no ${mode} rule`, { remedy: `Give customDerivative a ${mode} rule` })
    }
    const [output] = applyCustom(inputs, {
      label: 'customDerivative',
      graph,
      jvp: ({ inputs: xs, outputs }, tangents) => {
        const rule = rules.jvp ?? missing('jvp')
        const full = tangents.map((t, i) => orZero(t, (xs[i] as Tensor).shape))
        return [tensor(rule(xs, outputs[0] as Tensor, full))]
      },
      vjp: ({ inputs: xs, outputs }, [v]) => {
        const rule = rules.vjp ?? missing('vjp')
        return v === undefined ? xs.map(() => undefined) : rule(xs, outputs[0] as Tensor, v).map(tensor)
      },
    })
    return output as Tensor
  }
