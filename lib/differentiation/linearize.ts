// The derivative of a traced map at a point, as linear maps. The map is evaluated once, whatever is asked of it.
import { gradientStatusCode } from '../base/status.js'
import type { Maybe } from '../ir/op.js'
import type { Tensor } from '../ir/tensor.js'
import { report, traceGraph } from '../ir/trace.js'
import { isFinite, neg, where } from '../ops/elementwise.js'
import { broadcast } from '../ops/movement.js'
import { norm2 } from '../ops/reduce.js'
import { jvpGraph } from '../transform/jvp.js'
import { simplify } from '../transform/simplify.js'
import { vjpGraph } from '../transform/vjp.js'
import type { Linearization, Solved, VectorMap } from './strategy.js'

/** ∂F at (x, θ). Operands for which `wanted` is false get no cotangent. */
export const linearizeAt = (
  map: VectorMap,
  x: Tensor,
  theta: readonly Tensor[],
  wanted: readonly boolean[] = theta.map(() => true),
): Linearization => {
  const { graph: raw, captured } = traceGraph(
    ([y, ...p]) => [map(y as Tensor, p)],
    [x.shape, ...theta.map((t) => t.shape)],
  )
  const graph = simplify(raw)
  const inputs = [x, ...theta, ...captured]
  const rest = captured.map(() => undefined)
  const forX = vjpGraph(
    graph,
    inputs,
    inputs.map((_, i) => i === 0),
  )
  const forTheta = vjpGraph(graph, inputs, [false, ...wanted, ...captured.map(() => false)])
  return {
    value: forX.outputs[0] as Tensor,
    push: (dx, dTheta) => jvpGraph(graph, inputs, [dx, ...dTheta, ...rest]).tangents[0],
    pullX: (v) => forX.pull([v])[0] ?? broadcast(0, x.shape),
    pullTheta: (v): readonly Maybe[] => forTheta.pull([v]).slice(1, 1 + theta.length),
  }
}

/** A solve that knows the equation G(x, θ) = 0 and solves with ∂ₓG. */
export interface Equation {
  readonly residual: VectorMap
  readonly linearize: NonNullable<Solved['linearize']>
}

/** The solver's own equation, where it has one. */
export const equationOf = ({
  residual,
  linearize,
}: Pick<Solved, 'residual' | 'linearize'>): Equation | undefined =>
  residual !== undefined && linearize !== undefined ? { residual, linearize } : undefined

/** Notes whether a solve with the solver's own linearization went well. */
const noted = (x: Tensor): Tensor => {
  report('gradientStatus', where(isFinite(norm2(x)), gradientStatusCode.ok, gradientStatusCode.singular))
  return x
}

/**
 * ẋ = −∂ₓG⁻¹ ∂θG θ̇ at a point, and its transpose: the implicit derivative, and equally that of one Newton step whose matrix is
 * held constant. Both are attached to the point and to θ, so that second derivatives are right.
 */
export const byEquation = (
  { residual, linearize }: Equation,
  x: Tensor,
  theta: readonly Tensor[],
): {
  readonly push: (dTheta: readonly Maybe[]) => Maybe
  readonly pull: (v: Tensor, wanted: readonly boolean[]) => readonly Maybe[]
} => ({
  push: (dTheta) => {
    const moved = linearizeAt(residual, x, theta).push(undefined, dTheta)
    return moved && noted(linearize(x, theta).solve(neg(moved)))
  },
  pull: (v, wanted) =>
    linearizeAt(residual, x, theta, wanted).pullTheta(noted(linearize(x, theta).solveTransposed(neg(v)))),
})
