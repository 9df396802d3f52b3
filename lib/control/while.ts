// whileLoop: carry ← body(carry) as long as condition(carry) ≠ 0. Runs natively with a predicate for each lane; a lane whose
// predicate became 0 is frozen. Forward mode carries pairs; reverse mode does not exist (the number of steps is unknown).
import { ShapeError, TraceError } from '../base/errors.js'
import { formatShape } from '../base/shape.js'
import type { Shape } from '../base/shape.js'
import { flatten, flattenLike, unflatten } from '../base/tree.js'
import type { Graph } from '../ir/graph.js'
import { defineOp } from '../ir/op.js'
import type { Op } from '../ir/op.js'
import type { Tensor } from '../ir/tensor.js'
import { apply, isOperand, report, tensor, traceGraph, traceTogether } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import { where } from '../ops/elementwise.js'
import { broadcast, reshape } from '../ops/movement.js'
import { max } from '../ops/reduce.js'
import { jvpGraph } from '../transform/jvp.js'
import { vmapGraph } from '../transform/vmap.js'
import {
  checkCarry,
  closure,
  orZero,
  reaches,
  reportsAsOutputs,
  select,
  shapesOf,
  spread,
  truth,
  withUnused,
} from './loop.js'

interface WhileAttributes {
  /** (carry…, operands…) → scalar; the loop goes on where it is not 0 (NaN counts as 0). */
  readonly condition: Graph
  /** (carry…, operands…) → carry… */
  readonly body: Graph
  readonly carried: number
}

export const whileOp: Op<WhileAttributes> = defineOp({
  name: 'while',
  shapes: (inputs, { condition, body, carried }) => {
    const carry = inputs.slice(0, carried)
    checkCarry(
      'whileLoop',
      body.outputs.map((v) => v.shape),
      carry,
    )
    const predicate = condition.outputs[0]?.shape as Shape
    if (condition.outputs.length !== 1 || predicate.length !== 0) {
      throw new ShapeError('whileLoop: the condition is not a scalar', {
        expected: '[]',
        received: formatShape(predicate),
      })
    }
    return carry
  },
  jvp: ({ inputs, outputs, attributes: { condition, body, carried } }, tangents) => {
    const operandFlags = tangents.slice(carried).map((t) => t !== undefined)
    const flags = closure(
      tangents.slice(0, carried).map((t) => t !== undefined),
      (carry) => reaches(body, [...carry, ...operandFlags]),
    )
    if (!flags.some(Boolean)) return outputs.map(() => undefined)
    const all = [...flags, ...operandFlags]
    const carry = inputs.slice(0, carried)
    const carryTangents = select(carry, flags).map((x, i) =>
      orZero(select(tangents.slice(0, carried), flags)[i], x.shape),
    )
    const operands = inputs.slice(carried)
    const operandTangents = select(tangents.slice(carried), operandFlags) as Tensor[]
    // (x, ẋ) ← (body(x), ∂body ẋ)
    const moving = carryTangents.length
    const pair = traceGraph(
      (ins) => {
        const x = [
          ...ins.slice(0, carried),
          ...ins.slice(carried + moving, carried + moving + operands.length),
        ]
        const dx = [...ins.slice(carried, carried + moving), ...ins.slice(carried + moving + operands.length)]
        const pushed = jvpGraph(body, x, spread(dx, all))
        return [
          ...pushed.outputs,
          ...select(pushed.tangents, flags).map((t, i) => orZero(t, (carryTangents[i] as Tensor).shape)),
        ]
      },
      shapesOf([...carry, ...carryTangents, ...operands, ...operandTangents]),
    )
    const predicate = withUnused(
      withUnused(condition, condition.inputs.length, shapesOf(operandTangents)),
      carried,
      shapesOf(carryTangents),
    )
    const out = buildWhile(
      predicate,
      pair.graph,
      [...carry, ...carryTangents],
      [...operands, ...operandTangents],
    )
    return spread(out.slice(carried), flags)
  },
  vjp: () => {
    throw new TraceError(
      'whileLoop has no derivative in reverse mode, since its number of steps is not known beforehand',
      {
        remedy:
          'Use scan for a fixed number of steps, solve with a strategy, forward mode (jvp), or stopGradient the result',
      },
    )
  },
  // With a predicate for each element, an element whose predicate is 0 keeps its carry bit for bit.
  vmap: (inputs, batched, { condition, body, carried }, size) => {
    const operands = inputs.slice(carried)
    const operandFlags = batched.slice(carried)
    const unbatchedShapes = inputs.map((t, i) => (batched[i] ? t.shape.slice(1) : t.shape))
    const batchedShape = (shape: Shape, flag: boolean | undefined): Shape => (flag ? [size, ...shape] : shape)
    let each = false
    const flags = closure(batched.slice(0, carried), (carry) => {
      const ins = [...carry, ...operandFlags]
      const probe = (graph: Graph): readonly boolean[] => {
        let out: readonly boolean[] = []
        traceGraph(
          (ts) => {
            const mapped = vmapGraph(graph, ts, ins, size)
            out = mapped.batched
            return mapped.outputs
          },
          unbatchedShapes.map((shape, i) => batchedShape(shape, ins[i])),
        )
        return out
      }
      each = probe(condition)[0] as boolean
      return each ? carry.map(() => true) : probe(body)
    })
    const ins = [...flags, ...operandFlags]
    const carry = inputs
      .slice(0, carried)
      .map((t, i) => (flags[i] && !batched[i] ? broadcast(t, [size, ...t.shape]) : t))
    const shapes = shapesOf([...carry, ...operands])
    const predicate = traceGraph((ts) => {
      const p = vmapGraph(condition, ts, ins, size).outputs[0] as Tensor
      return [each ? max(truth(p)) : p]
    }, shapes)
    const stepped = traceGraph((ts) => {
      const out = vmapGraph(body, ts, ins, size)
      const next = out.outputs.map((t, i) =>
        flags[i] && !out.batched[i] ? broadcast(t, [size, ...t.shape]) : t,
      )
      if (!each) return next
      const active = truth(vmapGraph(condition, ts, ins, size).outputs[0] as Tensor)
      return next.map((t, i) =>
        where(reshape(active, [size, ...t.shape.slice(1).map(() => 1)]), t, ts[i] as Tensor),
      )
    }, shapes)
    return { outputs: buildWhile(predicate.graph, stepped.graph, carry, operands), batched: flags }
  },
})

/** Applies the op; what the body reports is carried along, so that the last step's reports stand. */
export const buildWhile = (
  condition: Graph,
  body: Graph,
  carry: readonly Tensor[],
  operands: readonly Tensor[],
): Tensor[] => {
  const carried = carry.length
  const { graph, kinds } = reportsAsOutputs(body)
  const extra = kinds.map(() => tensor(0))
  const attributes = {
    condition: withUnused({ ...condition, reports: [] }, carried, shapesOf(extra)),
    body: withUnused(graph, carried, shapesOf(extra)),
    carried: carried + extra.length,
  }
  const out = apply(whileOp, [...carry, ...extra, ...operands], attributes)
  kinds.forEach((kind, i) => {
    report(kind, out[carried + i] as Tensor)
  })
  return out.slice(0, carried)
}

/**
 * Repeats `carry ← body(carry)` while `condition(carry)` is not 0, and returns the last carry. `carry` is a tree of
 * arrays whose shapes stay the same. Tensors that the functions close over become operands. Differentiable in
 * forward mode.
 */
export const whileLoop = <C>(condition: (carry: C) => Operand, body: (carry: C) => C, init: C): C => {
  const { leaves, spec } = flatten(init, isOperand, 'carry')
  const carry = leaves.map(tensor)
  const shapes = shapesOf(carry)
  const {
    graphs: [predicate, step],
    captured,
  } = traceTogether([
    { fn: (ts) => [condition(unflatten(spec, ts) as C)], shapes },
    {
      fn: (ts) => flattenLike(body(unflatten(spec, ts) as C), spec, isOperand, 'result of the body'),
      shapes,
    },
  ])
  return unflatten(spec, buildWhile(predicate as Graph, step as Graph, carry, captured)) as C
}
