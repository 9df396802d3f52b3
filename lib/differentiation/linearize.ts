// The derivative of a traced map at a point, as linear maps. The map is evaluated once, whatever is asked of it.
import type { Maybe } from '../ir/op.js'
import type { Tensor } from '../ir/tensor.js'
import { traceGraph } from '../ir/trace.js'
import { broadcast } from '../ops/movement.js'
import { jvpGraph } from '../transform/jvp.js'
import { simplify } from '../transform/simplify.js'
import { vjpGraph } from '../transform/vjp.js'
import type { Linearization, VectorMap } from './strategy.js'

/** ∂F at (x, θ). Operands for which `wanted` is false get no cotangent. */
export const linearizeAt = (
  map: VectorMap,
  x: Tensor,
  theta: readonly Tensor[],
  wanted: readonly boolean[] = theta.map(() => true),
): Linearization => {
  const { graph: raw, captured } = traceGraph(([y, ...p]) => [map(y as Tensor, p)], [x.shape, ...theta.map((t) => t.shape)])
  const graph = simplify(raw)
  const inputs = [x, ...theta, ...captured]
  const rest = captured.map(() => undefined)
  const forX = vjpGraph(graph, inputs, inputs.map((_, i) => i === 0))
  const forTheta = vjpGraph(graph, inputs, [false, ...wanted, ...captured.map(() => false)])
  return {
    value: forX.outputs[0] as Tensor,
    push: (dx, dTheta) => jvpGraph(graph, inputs, [dx, ...dTheta, ...rest]).tangents[0],
    pullX: (v) => forX.pull([v])[0] ?? broadcast(0, x.shape),
    pullTheta: (v): readonly Maybe[] => forTheta.pull([v]).slice(1, 1 + theta.length),
  }
}
