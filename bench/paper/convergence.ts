// How the error of each estimator falls with the iterations of Newton, at p = 106: full Jacobians, errors in the operator
// norm relative to that of the Jacobian at the solution x̄. The laws, with e₍k₎ = ‖x₍k₎ − x̄‖:
//   one-step O(e₍k₋₁₎),   two steps O(e₍k₋₁₎ e₍k₋₂₎),   implicit at x₍k₎ O(e₍k₎) = O(e₍k₋₁₎²),
//   one-step at k with the Hessian held constant = implicit at x₍k₋₁₎
import { compile, implicit, jacobian, oneStep, solve, truncated, unrolled } from '../../lib/index.js'
import type { NDArray, ShownProgress, Strategy, Tensor } from '../../lib/index.js'
import { logisticObjective, logisticStart, logisticWeights } from './logistic.js'
import { experimentData } from './newton.js'
import { publishedNewton } from './publishedNewton.js'
import type { Runner } from './runner.js'
import { difference, distance, operatorNorm } from './spectrum.js'

export interface ConvergenceRow {
  readonly k: number
  /** e₍k₋₁₎ */
  readonly e: number
  readonly oneStep: number
  readonly twoStep: number
  readonly unrolled: number
  readonly implicit: number
  /** ‖∂ₓF(x₍k₋₁₎, θ)‖ */
  readonly normA: number
  /** Distance of one-step with the Hessian held constant, at k, from implicit at x₍k₋₁₎. */
  readonly detachedMinusImplicit: number
}

/** Iterations at which Newton has converged to rounding. */
const converged = 12

/** The iterate after k steps and the Jacobian ∂x₍k₎/∂θ: [p, n] by each of the strategies. */
const atIteration = async <N extends string>(
  run: Runner,
  p: number,
  k: number,
  strategies: Readonly<Record<N, Strategy>>,
) => {
  const solver = publishedNewton(logisticObjective(experimentData(p)), { maxSteps: k, tol: 0 })
  const x0 = logisticStart(p)
  const by = (strategy: Strategy) => (theta: Tensor) => solve(solver, { x0, theta, strategy })
  const names = Object.keys(strategies) as N[]
  const program = compile((theta: Tensor) => ({
    x: by(oneStep())(theta),
    jacobians: names.map((name) => jacobian(by(strategies[name]))(theta)),
  }))
  const { x, jacobians } = await run(program, logisticWeights(2 * p))
  return {
    x: (x as NDArray).data,
    jacobians: Object.fromEntries(names.map((name, i) => [name, jacobians[i]])) as Record<N, NDArray>,
  }
}

/** ‖∂ₓF(x, θ)‖ of the Newton map. */
const normOfDerivative = async (run: Runner, p: number, x: Float64Array): Promise<number> => {
  const { map } = publishedNewton(logisticObjective(experimentData(p)))
  const derivative = compile((at: Tensor, theta: Tensor) => jacobian((y: Tensor) => map(y, theta))(at))
  return operatorNorm((await run(derivative, x, logisticWeights(2 * p))) as NDArray)
}

/** One row for each k in `iterations`, all of them beside each other. `onProgress` hears of the rows. */
export const convergence = async (
  run: Runner,
  p: number,
  iterations: readonly number[],
  onProgress: (progress: ShownProgress) => void = () => undefined,
): Promise<ConvergenceRow[]> => {
  const begun = performance.now()
  let done = 0
  const limit = await atIteration(run, p, converged, { implicit: implicit() })
  const scale = operatorNorm(limit.jacobians.implicit)
  const error = (j: NDArray): number => operatorNorm(difference(j, limit.jacobians.implicit)) / scale
  const row = async (k: number): Promise<ConvergenceRow> => {
    const [before, { jacobians }] = await Promise.all([
      atIteration(run, p, k - 1, { implicit: implicit() }),
      atIteration(run, p, k, {
        oneStep: oneStep({ at: 'previous' }),
        detached: oneStep({ at: 'previous', detachHessian: true }),
        twoStep: truncated(2),
        unrolled: unrolled({ checkpoints: 'all' }),
        implicit: implicit(),
      }),
    ])
    const normA = await normOfDerivative(run, p, before.x)
    onProgress({
      ...{ done: ++done, total: iterations.length, statuses: {} },
      seconds: (performance.now() - begun) / 1000,
    })
    return {
      k,
      e: distance(before.x, limit.x),
      oneStep: error(jacobians.oneStep),
      twoStep: error(jacobians.twoStep),
      unrolled: error(jacobians.unrolled),
      implicit: error(jacobians.implicit),
      normA,
      detachedMinusImplicit: operatorNorm(difference(jacobians.detached, before.jacobians.implicit)) / scale,
    }
  }
  return Promise.all(iterations.map(row))
}
