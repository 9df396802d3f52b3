// Gradient descent: x ← x − α ∇f(x, θ). For μ-strongly convex, L-smooth f a contraction with ρ = max(|1 − αμ|, |1 − αL|).
import type { Solver, StoppingOptions } from '../differentiation/solver.js'
import { tensor } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import { neg } from '../ops/elementwise.js'
import { dot } from '../ops/linalg.js'
import { valueAndGrad } from '../transform/derivatives.js'
import { search } from './backtracking.js'
import { checkStepSize, heldLength } from './stepSize.js'
import type { StepSize } from './stepSize.js'
import { stopping } from './stopping.js'
import { addScaled, norm, pack } from './vectors.js'

export interface GradientDescentOptions<X, P> extends StoppingOptions {
  /** f(x, θ), a scalar. */
  readonly objective: (x: X, theta: P) => Operand
  /** α */
  readonly stepSize: StepSize<P>
}

export interface GradientDescentState<X> {
  readonly x: X
  readonly gradient: X
  readonly value: Operand
  /** The last step length. */
  readonly alpha: Operand
}

/** A minimizer of f(·, θ). Default maxSteps 10000; the error is ‖∇f(x, θ)‖₂. */
export const gradientDescent = <X, P>(
  options: GradientDescentOptions<X, P>,
): Solver<X, P, GradientDescentState<X>> => {
  const { objective, stepSize } = options
  const shared = stopping('gradientDescent', options, ['objective', 'stepSize'], { maxSteps: 10000 })
  checkStepSize('gradientDescent', stepSize)
  const differentiate = valueAndGrad((x: X, theta: P) => objective(x, theta))
  const length = ({ x, gradient, value, alpha }: GradientDescentState<X>, theta: P): Operand => {
    if (typeof stepSize !== 'object') return heldLength(stepSize, theta, alpha)
    const g = pack(gradient).vector
    return search(
      stepSize,
      (a) => tensor(objective(addScaled(x, neg(a), gradient), theta)),
      tensor(value),
      neg(dot(g, g)),
      alpha,
    )
  }
  const at = (x: X, theta: P, alpha: Operand): GradientDescentState<X> => {
    const [value, gradient] = differentiate(x, theta)
    return { x, gradient, value, alpha }
  }
  return {
    name: 'gradientDescent',
    init: (x0, theta) => at(x0, theta, typeof stepSize === 'object' ? stepSize.initial : 0),
    step: (state, theta) => {
      const alpha = length(state, theta)
      return at(
        addScaled(state.x, neg(alpha), state.gradient),
        theta,
        typeof stepSize === 'object' ? alpha : 0,
      )
    },
    point: ({ x }) => x,
    error: ({ gradient }) => norm(gradient),
    map: (x, theta, { alpha }) =>
      addScaled(x, neg(heldLength(stepSize, theta, alpha)), differentiate(x, theta)[1]),
    stopping: shared,
  }
}
