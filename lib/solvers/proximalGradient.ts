// Proximal gradient for min f(x, θ) + h(x, θ), f smooth, h with a prox operator:
//   x ← F(x, θ) = prox₍αh₎(x − α ∇f(x, θ))
// FISTA makes the step from y = x + β (x − x₋), β = (t₋ − 1) / t, t = (1 + √(1 + 4 t₋²)) / 2, t₁ = 1 (Beck and Teboulle 2009):
//   f(xₖ) + h(xₖ) − min ≤ 2 ‖x₀ − x̄‖² / (α (k + 1)²) for convex f and h and α ≤ 1/L;
// restarted, t falls back to 1 where (y − x₊)ᵀ(x₊ − x) > 0 (O'Donoghue and Candès 2015, the gradient scheme), which restores the
// linear rate where there is one.
// F is what is differentiated: it has the same fixed points and no momentum. Where the solution is strictly complementary, F is
// smooth near it; at kinks its derivative is the one that the prox operator states.
import { ArgumentError } from '../base/errors.js'
import type { Solver, StoppingOptions } from '../differentiation/solver.js'
import { tensor } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import { add, div, greater, mul, neg, sqrt, square, sub, where } from '../ops/elementwise.js'
import { dot } from '../ops/linalg.js'
import { sumSquares } from '../ops/reduce.js'
import { valueAndGrad } from '../transform/derivatives.js'
import { search } from './backtracking.js'
import { checkStepSize, heldLength } from './stepSize.js'
import type { StepSize } from './stepSize.js'
import { stopping } from './stopping.js'
import { addScaled, norm, pack, subtract } from './vectors.js'

export interface ProximalGradientOptions<X, P> extends StoppingOptions {
  /** f(x, θ), a scalar. */
  readonly objective: (x: X, theta: P) => Operand
  /** prox₍sh₎(v) for h(·, θ), of the structure of x; see `prox`. */
  readonly prox: (v: X, s: Operand, theta: P) => X
  /**
   * α; at most 1/L converges. `backtracking()` shortens it until f(x₊) ≤ f(y) + ∇f(y)ᵀd + (1 − c)/α ‖d‖², d = x₊ − y, c its option
   * `sufficient`, which is Armijo's condition for h = 0. FISTA needs c ≥ ½, and lets α only fall.
   */
  readonly stepSize: StepSize<P>
  /** Default 'restartedFista'. */
  readonly acceleration?: 'none' | 'fista' | 'restartedFista'
}

export interface ProximalGradientState<X> {
  readonly x: X
  readonly alpha: Operand
  /** ‖y − F(y)‖₂ / α, where x = F(y). */
  readonly error: Operand
  /** With FISTA, where the next step starts, and its t. */
  readonly momentum?: { readonly y: X; readonly t: Operand }
}

const accelerations = ['none', 'fista', 'restartedFista']

/**
 * A minimizer of f(·, θ) + h(·, θ). Default maxSteps 10000; the error is ‖y − F(y)‖₂ / α of the last step x = F(y), which is no less
 * than ‖x − F(x)‖₂ / α, since F is nonexpansive for α ≤ 2/L. Without acceleration y is the iterate before x.
 */
export const proximalGradient = <X, P>(
  options: ProximalGradientOptions<X, P>,
): Solver<X, P, ProximalGradientState<X>> => {
  const { objective, prox, stepSize, acceleration = 'restartedFista' } = options
  const own = ['objective', 'prox', 'stepSize', 'acceleration']
  const shared = stopping('proximalGradient', options, own, { maxSteps: 10000 })
  checkStepSize('proximalGradient', stepSize)
  if (!accelerations.includes(acceleration)) {
    throw new ArgumentError('proximalGradient: option acceleration', {
      expected: accelerations.join(', '),
      received: String(acceleration),
    })
  }
  const searches = typeof stepSize === 'object'
  if (searches && acceleration !== 'none' && stepSize.sufficient < 0.5) {
    throw new ArgumentError('proximalGradient: backtracking accepts steps that are too long for FISTA', {
      expected: 'sufficient ≥ 0.5',
      received: String(stepSize.sufficient),
      remedy: "Use backtracking({ sufficient: 0.5 }), or acceleration: 'none'",
    })
  }
  const differentiate = valueAndGrad((x: X, theta: P) => objective(x, theta))
  const stepped = (x: X, gradient: X, alpha: Operand, theta: P): X =>
    prox(addScaled(x, neg(alpha), gradient), alpha, theta)

  const lengthFrom = (y: X, last: Operand, value: Operand, gradient: X, theta: P): Operand => {
    if (typeof stepSize !== 'object') return heldLength(stepSize, theta, last)
    const moved = (alpha: Operand): { readonly next: X; readonly d: X } => {
      const next = stepped(y, gradient, alpha, theta)
      return { next, d: subtract(next, y) }
    }
    const change = (alpha: Operand, d: X): Operand => neg(div(sumSquares(pack(d).vector), alpha))
    return search(
      stepSize,
      (alpha) => {
        const { next, d } = moved(alpha)
        const linear = dot(pack(gradient).vector, pack(d).vector)
        return add(sub(objective(next, theta), linear), change(alpha, d))
      },
      tensor(value),
      (alpha) => tensor(change(alpha, moved(alpha).d)),
      last,
      acceleration === 'none' ? stepSize.initial : last,
    )
  }
  const step = (state: ProximalGradientState<X>, theta: P): ProximalGradientState<X> => {
    const { x, momentum } = state
    const y = momentum?.y ?? x
    const [value, gradient] = differentiate(y, theta)
    const alpha = lengthFrom(y, state.alpha, value, gradient, theta)
    const next = stepped(y, gradient, alpha, theta)
    const back = subtract(y, next)
    const kept = { x: next, alpha: searches ? alpha : 0, error: div(norm(back), alpha) }
    if (momentum === undefined) return kept
    const d = subtract(next, x)
    const restart =
      acceleration === 'restartedFista' ? greater(dot(pack(back).vector, pack(d).vector), 0) : tensor(0)
    const t = mul(0.5, add(1, sqrt(add(1, mul(4, square(momentum.t))))))
    const beta = where(restart, 0, div(sub(momentum.t, 1), t))
    return { ...kept, momentum: { y: addScaled(next, beta, d), t: where(restart, 1, t) } }
  }
  return {
    name: 'proximalGradient',
    init: (x0, theta) => {
      const start: ProximalGradientState<X> = {
        x: x0,
        alpha: typeof stepSize === 'object' ? stepSize.initial : 0,
        error: 0,
        ...(acceleration === 'none' ? {} : { momentum: { y: x0, t: 1 } }),
      }
      return { ...start, error: step(start, theta).error }
    },
    step,
    point: ({ x }) => x,
    error: ({ error }) => error,
    map: (x, theta, { alpha }) =>
      stepped(x, differentiate(x, theta)[1], heldLength(stepSize, theta, alpha), theta),
    stopping: shared,
  }
}
