// Gradient descent: x ← x − α ∇f(x, θ). For μ-strongly convex, L-smooth f a contraction with ρ = max(|1 − αμ|, |1 − αL|).
import { ArgumentError } from '../base/errors.js'
import type { Solver, StoppingOptions } from '../differentiation/solver.js'
import { tensor } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import { neg, stopGradient } from '../ops/elementwise.js'
import { dot } from '../ops/linalg.js'
import { valueAndGrad } from '../transform/derivatives.js'
import { search } from './backtracking.js'
import type { Backtracking } from './backtracking.js'
import { stopping } from './stopping.js'
import { addScaled, norm, pack } from './vectors.js'

export interface GradientDescentOptions<X, P> extends StoppingOptions {
  /** f(x, θ), a scalar. */
  readonly objective: (x: X, theta: P) => Operand
  /** α: a number, a function of θ (differentiated like everything else), or `backtracking()` (held constant). */
  readonly stepSize: number | ((theta: P) => Operand) | Backtracking
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
  if (typeof stepSize === 'number' && !(stepSize > 0 && Number.isFinite(stepSize))) {
    throw new ArgumentError('gradientDescent: stepSize', {
      expected: 'a positive number',
      received: String(stepSize),
    })
  }
  if (typeof stepSize !== 'number' && typeof stepSize !== 'function' && stepSize?.kind !== 'backtracking') {
    throw new ArgumentError('gradientDescent: stepSize', {
      expected: 'a number, a function of θ, or backtracking()',
      received: typeof stepSize,
    })
  }
  const differentiate = valueAndGrad((x: X, theta: P) => objective(x, theta))
  const length = ({ x, gradient, value, alpha }: GradientDescentState<X>, theta: P): Operand => {
    if (typeof stepSize === 'number') return stepSize
    if (typeof stepSize === 'function') return stepSize(theta)
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
    map: (x, theta, { alpha }) => {
      const length =
        typeof stepSize === 'number'
          ? stepSize
          : typeof stepSize === 'function'
            ? stepSize(theta)
            : stopGradient(alpha)
      return addScaled(x, neg(length), differentiate(x, theta)[1])
    },
    stopping: shared,
  }
}
