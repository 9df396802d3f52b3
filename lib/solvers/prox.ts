// Prox operators: prox₍s h₎(v) = argmin h(x) + ‖x − v‖² / (2s), for convex h that are not smooth (Parikh and Boyd 2014, section 6).
// All are functions (v, s, …parameters of h) with s > 0, so that `proximalGradient` can be given
//   prox: (v, s, { lambda }) => prox.l1(v, s, lambda),   or   prox: prox.nonNegative.
// Differentiable in v, s and the parameters but at kinks, where what is returned is one element of the Clarke Jacobian, said for
// each. A fixed point of the proximal gradient step lies at a kink only where strict complementarity fails.
import type { Tensor } from '../ir/tensor.js'
import { tensor } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import { abs, add, div, lessEqual, mul, relu, sign, sub, where } from '../ops/elementwise.js'
import { reshape } from '../ops/movement.js'
import { norm2 } from '../ops/reduce.js'
import type { Axes } from '../ops/reduce.js'
import { normalizeAxes } from '../base/shape.js'
import { notNegative, projection } from './projection.js'

/** sλ */
const threshold = (name: string, s: Operand, lambda: Operand): Tensor =>
  mul(s, notNegative(`prox.${name}: the weight of the norm`, lambda))

/**
 * h = λ ‖x‖₁, λ a scalar or one an entry: the soft threshold sign(v) max(|v| − sλ, 0).
 * Its derivative at the kink |v| = sλ is that of the flat piece: 0 in v, s and λ.
 */
const l1 = (v: Operand, s: Operand, lambda: Operand): Tensor => {
  const t = threshold('l1', s, lambda)
  return where(lessEqual(abs(v), t), 0, sub(v, mul(sign(v), t)))
}

/** h = λ ‖x‖₁ on {x ≥ 0}: max(v − sλ, 0). The derivative at the kink v = sλ is 0. */
const nonNegativeL1 = (v: Operand, s: Operand, lambda: Operand): Tensor =>
  relu(sub(v, threshold('nonNegativeL1', s, lambda)))

/** h = μ/2 ‖x‖₂²: v / (1 + sμ) */
const squaredL2 = (v: Operand, s: Operand, mu: Operand): Tensor =>
  div(v, add(1, threshold('squaredL2', s, mu)))

/** h = μ/2 ‖x‖₂² on {x ≥ 0}: max(v, 0) / (1 + sμ). The derivative at the kink v = 0 is 0. */
const nonNegativeSquaredL2 = (v: Operand, s: Operand, mu: Operand): Tensor => squaredL2(relu(v), s, mu)

/** h = λ ‖x‖₁ + μ/2 ‖x‖₂²: the soft threshold divided by 1 + sμ. At the kink as `l1`. */
const elasticNet = (v: Operand, s: Operand, lambda: Operand, mu: Operand): Tensor =>
  squaredL2(l1(v, s, lambda), s, mu)

/**
 * h = λ Σ ‖x‖₂, with one norm over the axes (default: all of them; −1: one a row, the group lasso): v max(1 − sλ / ‖v‖₂, 0).
 * The derivative at the kink ‖v‖₂ = sλ is 0. λ is a scalar, or an array that broadcasts with the axes kept as size 1.
 */
const l2 = (v: Operand, s: Operand, lambda: Operand, axes?: Axes): Tensor => {
  const x = tensor(v)
  const list = normalizeAxes(axes, x.rank)
  const length = reshape(
    norm2(x, axes),
    x.shape.map((d, i) => (list.includes(i) ? 1 : d)),
  )
  const t = threshold('l2', s, lambda)
  const flat = lessEqual(length, t)
  return mul(x, where(flat, 0, sub(1, div(t, where(flat, 1, length)))))
}

/** {x ≥ 0}; see `projection`. */
const nonNegative = (v: Operand, _s: Operand): Tensor => projection.nonNegative(v)

/** {low ≤ x ≤ high}; see `projection`. */
const box = (v: Operand, _s: Operand, low: Operand, high: Operand): Tensor => projection.box(v, low, high)

/** {‖x‖₂ ≤ radius}; see `projection`. */
const l2Ball = (v: Operand, _s: Operand, radius: Operand): Tensor => projection.l2Ball(v, radius)

/** {x ≥ 0, Σ x = total}; see `projection`. */
const simplex = (v: Operand, _s: Operand, total: Operand = 1): Tensor => projection.simplex(v, total)

/** {‖x‖₁ ≤ radius}; see `projection`. */
const l1Ball = (v: Operand, _s: Operand, radius: Operand = 1): Tensor => projection.l1Ball(v, radius)

/** Prox operators of s h: functions (v, s, …) of the shape of v. A negative weight or radius makes NaN. */
export const prox = {
  ...{ l1, nonNegativeL1, squaredL2, nonNegativeSquaredL2, elasticNet, l2 },
  ...{ nonNegative, box, l2Ball, simplex, l1Ball },
}
