// Regularised linear models, tuned on validation data. With outputs zᵢ = aᵢᵀx of n training rows, losses ℓ(zᵢ, bᵢ), sample weights w
// and penalties λ, one of which θ makes:
//   inner   f(x, θ) = 1/n Σᵢ wᵢ ℓ(aᵢᵀx, bᵢ) + ½ Σⱼ λⱼ ‖xⱼ‖²
//   outer   g(x) = the mean of ℓ over validation rows
// Gradient descent has α = 1/L, L = ℓ″ ‖A‖² / n · max w + max λ, and is a contraction with ρ ≤ 1 − min λ / L.
import { ArgumentError, checkOptions } from '../base/errors.js'
import { zeros } from '../base/ndarray.js'
import { stoppingOptions } from '../differentiation/solver.js'
import type { StoppingOptions } from '../differentiation/solver.js'
import type { Tensor } from '../ir/tensor.js'
import { tensor } from '../ir/trace.js'
import { add, mul, reciprocal, square } from '../ops/elementwise.js'
import { matmul } from '../ops/linalg.js'
import { reshape } from '../ops/movement.js'
import { max, mean, sum } from '../ops/reduce.js'
import { gradientDescent } from '../solvers/gradientDescent.js'
import { newton } from '../solvers/newton.js'
import { opaque } from './bilevelProblem.js'
import type { BilevelProblem } from './bilevelProblem.js'
import { linearOracle } from './linearOracle.js'
import type { Loss } from './losses.js'
import { squaredNormBound } from './normBound.js'
import type { Rows } from './samples.js'
import { tunings } from './tuning.js'
import type { Tuning } from './tuning.js'

export interface LinearModelOptions extends StoppingOptions {
  /** What θ is, see `Tuning`; default 'penalty'. */
  readonly tune?: Tuning
  /** log λ where θ starts, or where λ stays when weights are tuned. Default log 0.1. */
  readonly logPenalty?: number
  /** Default 'gradientDescent', for which strategies differ; with 'newton' all of them are exact. */
  readonly solver?: 'gradientDescent' | 'newton'
}

export interface LinearModel {
  readonly name: string
  readonly loss: Loss
  readonly training: Rows
  readonly validation: Rows
}

const solverNames = ['gradientDescent', 'newton']

/** Default tol 1e-10. @throws {ArgumentError} for unknown or wrong options. */
export const linearModel = (
  { name, loss, training, validation }: LinearModel,
  options: LinearModelOptions,
): BilevelProblem<Tensor, Tensor> => {
  checkOptions(name, options, ['tune', 'logPenalty', 'solver', ...stoppingOptions])
  const { tune = 'penalty', logPenalty = Math.log(0.1), solver = 'gradientDescent', ...stop } = options
  const refuse = (option: string, expected: string, received: unknown): never => {
    throw new ArgumentError(`${name}: option "${option}" is wrong`, { expected, received: String(received) })
  }
  if (!Object.hasOwn(tunings, tune)) refuse('tune', Object.keys(tunings).join(', '), tune)
  if (!solverNames.includes(solver)) refuse('solver', solverNames.join(', '), solver)
  if (!Number.isFinite(logPenalty)) refuse('logPenalty', 'a finite number', logPenalty)
  const { A, b } = training
  const [n, p] = A.shape as readonly [number, number]
  const shape = [p, ...b.shape.slice(1)]
  const parametrization = tunings[tune](n, p, logPenalty)
  const objective = (x: Tensor, theta: Tensor): Tensor => {
    const { w, lambda } = parametrization.traced(theta)
    const rows = tensor(lambda)
    const penalties = rows.rank === 1 && x.rank === 2 ? reshape(rows, [p, 1]) : rows
    return add(mean(mul(w, loss.traced(matmul(A, x), b))), mul(0.5, sum(mul(penalties, square(x)))))
  }
  const curvature = (loss.curvature * squaredNormBound(A)) / n
  const stepSize = (theta: Tensor): Tensor => {
    const { w, lambda } = parametrization.traced(theta)
    return reciprocal(add(mul(curvature, max(w)), max(lambda)))
  }
  const stopping = { tol: 1e-10, ...stop }
  const inner =
    solver === 'newton'
      ? opaque(newton({ objective, ...stopping }))
      : opaque(gradientDescent({ objective, stepSize, ...stopping }))
  return {
    name,
    inner,
    x0: zeros(shape),
    theta: parametrization.start,
    outer: (x) => mean(loss.traced(matmul(validation.A, x), validation.b)),
    oracle: linearOracle(loss, training, validation, parametrization, shape),
  }
}
