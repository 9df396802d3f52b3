// Unrolled differentiation: the derivative of the whole algorithm, x0 included.
//   forward: (x, ẋ) ← (F, A ẋ + B θ̇);     reverse: v ← Aᵀ v, θ̄ ← θ̄ + Bᵀ v, from the last step to the first
import { ArgumentError, checkOptions } from '../base/errors.js'
import { stopGradient } from '../ops/elementwise.js'
import { byReplay, repeat } from './replay.js'
import type { Strategy } from './strategy.js'

export interface UnrolledOptions {
  /**
   * How reverse mode keeps the trajectory: 'all' every state, 'sqrt' (default) about 2√k of them, 'log' about
   * log₂ k levels, each at the price of recomputing. Forward mode keeps nothing.
   */
  readonly checkpoints?: 'all' | 'sqrt' | 'log'
}

/**
 * The derivative of the whole algorithm, x0 included: forward mode iterates pairs (x, ẋ), reverse mode goes back
 * through the k steps that each instance made.
 */
export const unrolled = (options: UnrolledOptions = {}): Strategy => {
  checkOptions('unrolled', options, ['checkpoints'])
  const { checkpoints = 'sqrt' } = options
  if (!['all', 'sqrt', 'log'].includes(checkpoints)) {
    throw new ArgumentError('unrolled: option checkpoints', {
      expected: "'all', 'sqrt' or 'log'",
      received: String(checkpoints),
    })
  }
  const levels = (length: number): number =>
    checkpoints === 'all'
      ? 1
      : checkpoints === 'sqrt'
        ? 2
        : Math.max(2, Math.ceil(Math.log2(Math.max(2, length)) / 2))
  return {
    name: 'unrolled',
    throughX0: true,
    ...byReplay(({ trajectory: { init, step, point, maxSteps }, steps }) => (theta, x0) => {
      const count = stopGradient(steps)
      return point(repeat((state) => step(state, theta), init(x0, theta), maxSteps, count, levels(maxSteps)))
    }),
  }
}
