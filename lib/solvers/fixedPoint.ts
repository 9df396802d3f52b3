// Fixed-point iteration: x ← F(x, θ) until ‖F(x, θ) − x‖ is small. Converges linearly with rate ρ when ‖∂ₓF‖ ≤ ρ < 1.
import type { Solver, StoppingOptions } from '../differentiation/solver.js'
import { stopping } from './stopping.js'
import { norm, subtract } from './vectors.js'

export interface FixedPointOptions<X, P> extends StoppingOptions {
  /** The map F(x, θ); its result has the structure and shapes of x. */
  readonly map: (x: X, theta: P) => X
}

export interface FixedPointState<X> {
  readonly x: X
  /** F(x, θ) */
  readonly next: X
}

/** x̄ with F(x̄, θ) = x̄, by iterating F. Default maxSteps 1000; the error is ‖F(x, θ) − x‖₂. */
export const fixedPoint = <X, P>(options: FixedPointOptions<X, P>): Solver<X, P, FixedPointState<X>> => {
  const { map } = options
  return {
    name: 'fixedPoint',
    init: (x0, theta) => ({ x: x0, next: map(x0, theta) }),
    step: ({ next }, theta) => ({ x: next, next: map(next, theta) }),
    point: ({ x }) => x,
    error: ({ x, next }) => norm(subtract(next, x)),
    map: (x, theta) => map(x, theta),
    stopping: stopping('fixedPoint', options, ['map'], { maxSteps: 1000 }),
  }
}
