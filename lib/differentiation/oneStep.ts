// One-step differentiation (Bolte, Pauwels, Vaiter 2023): the derivative of the last step alone.
//   Jᴼˢ = ∂θF(x̄, θ),     error ≤ ρ L_F / (1 − ρ) + L_J ‖x̄ − x*‖
import { ArgumentError, TraceError, checkOptions } from '../base/errors.js'
import type { Maybe } from '../ir/op.js'
import type { Tensor } from '../ir/tensor.js'
import { div, stopGradient } from '../ops/elementwise.js'
import { byEquation, equationOf, linearizeAt } from './linearize.js'
import type { Equation } from './linearize.js'
import type { Solved, Strategy } from './strategy.js'

export interface OneStepOptions<X = never, P = never> {
  /** Differentiate this map instead of the solver's. */
  readonly map?: (x: X, theta: P) => X
  /** Evaluate ∂θF at x̄ ('last', default) or at x₍k₋₁₎ ('previous'), as the paper writes it. */
  readonly at?: 'last' | 'previous'
  /**
   * Hold the solver's linearization H constant, and the step full: F = x − H⁻¹ G(x, θ), with the derivative through G alone.
   * Default false.
   */
  readonly detachHessian?: boolean
  /** Divide by the last step length α: a damped step has Jᴼˢ ≈ α J. Default false. */
  readonly stepLengthCorrection?: boolean
}

/** The solver's equation, for a last step x − H⁻¹ G(x, θ) with H held constant. */
const detached = (solved: Solved): Equation => {
  const equation = equationOf(solved)
  if (equation !== undefined) return equation
  throw new TraceError('oneStep: detachHessian needs a solver with a residual and a linearization', {
    remedy: 'Use newton, or leave detachHessian out',
  })
}

/** The derivative of the last step. */
export const oneStep = <X = never, P = never>(options: OneStepOptions<X, P> = {}): Strategy => {
  checkOptions('oneStep', options, ['map', 'at', 'detachHessian', 'stepLengthCorrection'])
  const { map, at = 'last', detachHessian = false, stepLengthCorrection = false } = options
  if (at !== 'last' && at !== 'previous') {
    throw new ArgumentError('oneStep: option at', { expected: "'last' or 'previous'", received: String(at) })
  }
  if (detachHessian && stepLengthCorrection) {
    throw new ArgumentError('oneStep: detachHessian and stepLengthCorrection exclude each other', {
      remedy: 'Leave stepLengthCorrection out: with the Hessian held constant the step is full',
    })
  }
  const pointOf = (solved: Solved): Tensor => (at === 'previous' ? (solved.previous as Tensor) : solved.x)
  const corrected = ({ stepLength }: Solved, t: Tensor): Tensor => {
    if (!stepLengthCorrection) return t
    if (stepLength === undefined) {
      throw new TraceError('oneStep: stepLengthCorrection needs a solver with a step length', {
        remedy: 'Leave stepLengthCorrection out: this solver makes full steps',
      })
    }
    return div(t, stopGradient(stepLength))
  }
  return {
    name: 'one-step',
    keepsPrevious: at === 'previous',
    ...(map === undefined ? {} : { map: map }),
    // ẋ = ∂θF(x̄, θ) θ̇
    jvp: (solved, dTheta): Maybe => {
      const { map, theta } = solved
      if (detachHessian) return byEquation(detached(solved), pointOf(solved), theta).push(dTheta)
      const t = linearizeAt(map, pointOf(solved), theta).push(undefined, dTheta)
      return t && corrected(solved, t)
    },
    // θ̄ = ∂θF(x̄, θ)ᵀ v
    vjp: (solved, v, wanted) => {
      const { map, theta } = solved
      if (detachHessian) return byEquation(detached(solved), pointOf(solved), theta).pull(v, wanted)
      return linearizeAt(map, pointOf(solved), theta, wanted).pullTheta(corrected(solved, v))
    },
  }
}
