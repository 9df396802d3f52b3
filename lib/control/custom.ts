// A sub-graph with derivative rules of its own. Solves, linear solves and users' custom derivatives are all this op.
// The rules are functions on Tensors, so they can be differentiated and batched like anything else.
import { ArgumentError, GraphError, ShapeError, TraceError } from '../base/errors.js'
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
export type CustomRule = (
  point: Point,
  given: readonly Maybe[],
  wanted: readonly boolean[],
) => readonly Maybe[]

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
    checked(
      attributes.label,
      'tangent',
      attributes.jvp(
        { inputs, outputs },
        tangents,
        outputs.map(() => true),
      ),
      outputs,
    ),
  vjp: ({ inputs, outputs, attributes }, cotangents, wanted) => {
    const pulled = attributes.vjp({ inputs, outputs }, cotangents, wanted)
    if (pulled.length !== inputs.length) {
      throw new ArgumentError(`${attributes.label}: the vjp rule returned another number of cotangents`, {
        expected: `${String(inputs.length)} cotangents, one an argument`,
        received: String(pulled.length),
      })
    }
    return checked(attributes.label, 'cotangent', pulled, inputs)
  },
  vmap: (inputs, batched, attributes, size) => {
    const { graph } = batchGraph(attributes.graph, batched, size, () => true)
    const forward = batchRule(attributes.jvp, batched, size, batched, () => undefined)
    const backward = batchRule(
      attributes.vjp,
      batched,
      size,
      attributes.graph.outputs.map(() => true),
      (i) => batched[i],
    )
    const outputs = apply(customOp, inputs, { label: attributes.label, graph, jvp: forward, vjp: backward })
    return { outputs, batched: outputs.map(() => true) }
  },
  expand: (inputs, { graph }) => inline(graph, inputs),
})

/** Refuses what a rule returned where it does not have the shape of what it belongs to: summing it up would hide the mistake. */
const checked = (
  label: string,
  what: string,
  results: readonly Maybe[],
  like: readonly Tensor[],
): readonly Maybe[] => {
  results.forEach((result, i) => {
    const shape = (like[i] as Tensor).shape
    if (result === undefined || sameShape(result.shape, shape)) return
    throw new ShapeError(`${label}: ${what} ${String(i)} has another shape than what it belongs to`, {
      expected: formatShape(shape),
      received: formatShape(result.shape),
      remedy: `Let the rule return a ${what} of this shape`,
    })
  })
  return results
}

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
        const point = {
          inputs: ts.slice(0, inputs.length),
          outputs: ts.slice(inputs.length, inputs.length + outputs.length),
        }
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

/** A number that a rule returned stands for an array filled with it. */
const filled = (x: Operand, like: Tensor | undefined): Tensor => {
  const t = tensor(x)
  return t.rank === 0 && like !== undefined ? broadcast(t, like.shape) : t
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
    const { graph, captured } = traceGraph(
      (ts) => [fn(...ts)],
      inputs.map((t) => t.shape),
    )
    if (captured.length > 0) {
      throw new TraceError(
        'customDerivative: the function closes over a Tensor, which would have no derivative',
        {
          remedy: 'Pass it as an argument',
        },
      )
    }
    const missing = (mode: string): never => {
      throw new TraceError(`customDerivative has no ${mode} rule`, {
        remedy: `Give customDerivative a ${mode} rule`,
      })
    }
    const [output] = applyCustom(inputs, {
      label: 'customDerivative',
      graph,
      jvp: ({ inputs: xs, outputs }, tangents) => {
        const rule = rules.jvp ?? missing('jvp')
        const full = tangents.map((t, i) => orZero(t, (xs[i] as Tensor).shape))
        return [filled(rule(xs, outputs[0] as Tensor, full), outputs[0])]
      },
      vjp: ({ inputs: xs, outputs }, [v]) => {
        const rule = rules.vjp ?? missing('vjp')
        return v === undefined
          ? xs.map(() => undefined)
          : rule(xs, outputs[0] as Tensor, v).map((c, i) => filled(c, xs[i]))
      },
    })
    return output as Tensor
  }
