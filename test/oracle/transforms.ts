// The transforms as functions from graph to graph, for checks: each result is an ordinary closed graph.
import type { NDArray } from '../../lib/base/ndarray.js'
import type { Shape } from '../../lib/base/shape.js'
import type { Graph } from '../../lib/ir/graph.js'
import type { Maybe } from '../../lib/ir/op.js'
import type { Tensor } from '../../lib/ir/tensor.js'
import { traceGraph } from '../../lib/ir/trace.js'
import type { Operand } from '../../lib/ir/trace.js'
import { broadcast } from '../../lib/ops/movement.js'
import { jvpGraph } from '../../lib/transform/jvp.js'
import { vjpGraph } from '../../lib/transform/vjp.js'
import { vmapGraph } from '../../lib/transform/vmap.js'

/** A function traced at the shapes of its inputs. */
export const graphOf = (
  fn: (...inputs: Tensor[]) => Operand | readonly Operand[],
  inputs: readonly NDArray[],
): Graph =>
  traceGraph(
    (ts) => {
      const out = fn(...ts)
      return Array.isArray(out) ? (out as readonly Operand[]) : [out as Operand]
    },
    inputs.map((x) => x.shape),
  ).graph

const shapesOf = (values: Graph['inputs']): readonly Shape[] => values.map((value) => value.shape)

const orZero = (list: readonly Maybe[], shapes: readonly Shape[]): readonly Operand[] =>
  list.map((t, i) => t ?? broadcast(0, shapes[i] as Shape))

/** (x…, ẋ…) ↦ (y…, ẏ…) */
export const jvpOf = (graph: Graph): Graph => {
  const shapes = shapesOf(graph.inputs)
  return traceGraph(
    (ts) => {
      const pushed = jvpGraph(graph, ts.slice(0, shapes.length), ts.slice(shapes.length))
      return [...pushed.outputs, ...orZero(pushed.tangents, shapesOf(graph.outputs))]
    },
    [...shapes, ...shapes],
  ).graph
}

/** (x…, w…) ↦ (Jᵀ w)…, for cotangents w of the outputs */
export const vjpOf = (graph: Graph): Graph => {
  const shapes = shapesOf(graph.inputs)
  return traceGraph(
    (ts) => {
      const { pull } = vjpGraph(graph, ts.slice(0, shapes.length))
      return orZero(pull(ts.slice(shapes.length)), shapes)
    },
    [...shapes, ...shapesOf(graph.outputs)],
  ).graph
}

/** The graph on a batch along axis 0 of the inputs that are flagged; every output carries it. */
export const vmapOf = (graph: Graph, batched: readonly boolean[], size: number): Graph =>
  traceGraph(
    (ts) => {
      const out = vmapGraph(graph, ts, batched, size)
      return out.outputs.map((t, i) => (out.batched[i] ? t : broadcast(t, [size, ...t.shape])))
    },
    shapesOf(graph.inputs).map((shape, i) => (batched[i] ? [size, ...shape] : shape)),
  ).graph
