// The Newton experiment: weighted logistic regression, differentiated by one-step, implicit and unrolled. The published
// solver makes 8 steps, and one more, which is differentiated:
//   forward   x₉, nothing differentiated           unrolled  x₉, the derivative of all nine steps
//   one-step  x̄ = x₈, ∂θF(x̄, θ) of the ninth       implicit  x̄ = x₈, −H⁻¹ ∂θ∇f(x̄, θ)
import { compile, implicit, oneStep, solve, sumSquares, unrolled, valueAndGrad } from '../../lib/index.js'
import type { NDArray, Strategy, Tensor } from '../../lib/index.js'
import { contest, contestOver } from './contest.js'
import type { Cost, InstanceCost } from './contest.js'
import { logisticData, logisticObjective, logisticStart, logisticWeights } from './logistic.js'
import type { LogisticData } from './logistic.js'
import { publishedNewton } from './publishedNewton.js'
import { distance } from './spectrum.js'

/** Published sizes p; n = 2 p. */
export const sizes = [50, 106, 224, 473, 1000] as const

/**
 * The random instance for each size. The norm of the gradient varies between instances by 14 % (one standard deviation) at
 * p = 50 and by 5 % at p = 473; these are instances whose norm is close to that of the published one.
 */
const instances: Readonly<Record<number, number>> = { 50: 10, 106: 1, 224: 3, 473: 5, 1000: 1 }

/** The data of the experiment of size p; for a size that was not published, instance 1. */
export const experimentData = (p: number): LogisticData => logisticData(instances[p] ?? 1, p)

export interface NewtonRow extends Cost {
  readonly p: number
  /** Steps of the loop; one more is differentiated. */
  readonly iterations: number
  /** ‖∇θ ½‖x̄‖²‖ */
  readonly gradNorm: number
  readonly osMinusId: number
  readonly adMinusId: number
  /** The cost over five random instances. */
  readonly instances: InstanceCost
}

/** The four programs: value of ½‖x‖², and its gradient, as functions of θ: [n]. */
export const newtonPrograms = (p: number, data: LogisticData = experimentData(p)) => {
  const solver = publishedNewton(logisticObjective(data))
  const x0 = logisticStart(p)
  const loop = (theta: Tensor, strategy: Strategy): Tensor => solve(solver, { x0, theta, strategy })
  /** The loop and one step more, differentiated like the loop. */
  const whole = (theta: Tensor, strategy: Strategy): Tensor => solver.map(loop(theta, strategy), theta)
  const loss = (x: Tensor): Tensor => sumSquares(x).mul(0.5)
  return {
    forward: compile((theta: Tensor) => loss(whole(theta, oneStep()))),
    oneStep: compile(valueAndGrad((theta: Tensor) => loss(loop(theta, oneStep())))),
    implicit: compile(valueAndGrad((theta: Tensor) => loss(loop(theta, implicit())))),
    unrolled: compile(valueAndGrad((theta: Tensor) => loss(whole(theta, unrolled({ checkpoints: 'all' }))))),
  }
}

/** One row of the experiment; the contestants take turns for `rounds` rounds, unrolled and forward for a third of them. */
export const newtonRow = async (p: number, rounds: number): Promise<NewtonRow> => {
  const programs = newtonPrograms(p)
  const theta = logisticWeights(2 * p)
  const gradient = (name: 'oneStep' | 'implicit' | 'unrolled') => programs[name](theta).value[1] as NDArray
  const [os, id, ad] = [gradient('oneStep').data, gradient('implicit').data, gradient('unrolled').data]
  return {
    p,
    iterations: programs.oneStep(theta).iterations ?? NaN,
    gradNorm: distance(id),
    osMinusId: distance(os, id),
    adMinusId: distance(ad, id),
    ...(await contest((name) => programs[name](theta), rounds)),
    instances: await contestOver((seed) => {
      const others = newtonPrograms(p, logisticData(seed, p))
      return (name) => others[name](theta)
    }),
  }
}
