// Backtracking (Armijo 1966): the first α in α₀, s α₀, s² α₀, … with φ(α) ≤ φ(0) + c α φ'(0).
// Step lengths are detached: they are no part of the map that is differentiated.
import { ArgumentError, checkOptions } from '../base/errors.js'
import type { Tensor } from '../ir/tensor.js'
import { tensor } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import {
  abs,
  add,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  mul,
  neg,
  stopGradient,
} from '../ops/elementwise.js'
import { whileLoop } from '../control/while.js'

export interface BacktrackingOptions {
  /** α₀, the first step length that is tried; default 1. */
  readonly initial?: number
  /** s in (0, 1); default 0.5. */
  readonly shrink?: number
  /** c in (0, 1), the share of the predicted decrease that is enough; default 1e-4. */
  readonly sufficient?: number
  /** How often α is shrunk at most; default 40. */
  readonly maxShrinks?: number
}

/** A choice of step length; see `backtracking`. */
export interface Backtracking {
  readonly kind: 'backtracking'
  readonly initial: number
  readonly shrink: number
  readonly sufficient: number
  readonly maxShrinks: number
}

/** Step lengths by backtracking from `initial`. */
export const backtracking = (options: BacktrackingOptions = {}): Backtracking => {
  checkOptions('backtracking', options, ['initial', 'shrink', 'sufficient', 'maxShrinks'])
  const { initial = 1, shrink = 0.5, sufficient = 1e-4, maxShrinks = 40 } = options
  if (
    !(initial > 0) ||
    !(shrink > 0 && shrink < 1) ||
    !(sufficient > 0 && sufficient < 1) ||
    !(Number.isInteger(maxShrinks) && maxShrinks >= 0)
  ) {
    throw new ArgumentError('backtracking: options out of range', {
      expected: 'initial > 0, shrink and sufficient in (0, 1), maxShrinks an integer ≥ 0',
      received: JSON.stringify({ initial, shrink, sufficient, maxShrinks }),
    })
  }
  return { kind: 'backtracking', initial, shrink, sufficient, maxShrinks }
}

/**
 * The first α that is short enough, given φ(0) and the change of φ that is predicted for α: Armijo's α φ'(0) with the slope
 * φ'(0) < 0, or a function of α. Where the decrease drowns in the rounding of φ(0), φ cannot tell a long step from a good one: then
 * a step no longer than the last one is enough, so that the last steps are neither cut nor too long. A NaN is never enough.
 * @param first the α that is tried first; default: that of the rule
 * @param noise how wrong φ may be beside its rounding; default 0
 */
export const search = (
  rule: Backtracking,
  phi: (alpha: Tensor) => Tensor,
  atZero: Tensor,
  slope: Tensor | ((alpha: Tensor) => Tensor),
  last: Operand,
  first: Operand = rule.initial,
  noise: Operand = 0,
): Tensor => {
  const { shrink, sufficient, maxShrinks } = rule
  const slack = add(mul(abs(atZero), 8 * Number.EPSILON), noise)
  const enough = (alpha: Tensor, value: Tensor): Tensor => {
    const decrease =
      typeof slope === 'function' ? mul(sufficient, slope(alpha)) : mul(mul(sufficient, alpha), slope)
    const drowned = logicalAnd(lessEqual(alpha, last), lessEqual(value, add(atZero, slack)))
    const real = lessEqual(value, add(atZero, decrease))
    return logicalOr(
      logicalAnd(real, less(decrease, neg(slack))),
      logicalAnd(drowned, greaterEqual(decrease, neg(slack))),
    )
  }
  const begin = { alpha: tensor(first), value: phi(tensor(first)), k: tensor(0) }
  const { alpha } = whileLoop(
    (at) => logicalAnd(logicalNot(enough(at.alpha, at.value)), less(at.k, maxShrinks)),
    (at) => {
      const next = mul(at.alpha, shrink)
      return { alpha: next, value: phi(next), k: add(at.k, 1) }
    },
    begin,
  )
  return stopGradient(alpha)
}
