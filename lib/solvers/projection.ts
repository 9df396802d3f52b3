// Projections: argmin ‖x − v‖₂ over a closed convex set C, where it has a closed form (Parikh and Boyd 2014, section 6; Beck 2017,
// section 6.4). They are the prox operators of functions that are 0 on C and ∞ elsewhere.
// A projection is differentiable but where v is at a kink: on the border of C, or as near to another face. What is returned there
// is said for each; where complementarity is strict, a solution never lies there.
import { ArgumentError } from '../base/errors.js'
import type { Tensor } from '../ir/tensor.js'
import { tensor } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import {
  abs,
  add,
  clip,
  div,
  greater,
  less,
  lessEqual,
  mul,
  relu,
  sign,
  stopGradient,
  sub,
  where,
} from '../ops/elementwise.js'
import { choleskyFactor, dot, matmul } from '../ops/linalg.js'
import { transpose } from '../ops/movement.js'
import { max, norm1, norm2, sum, sumSquares } from '../ops/reduce.js'
import { whileLoop } from '../control/while.js'

/**
 * A radius or a weight as it is, and NaN where it is negative: what is computed from it is then no number either.
 * @throws {ArgumentError} for a negative number that is known while tracing.
 */
export const notNegative = (what: string, value: Operand): Operand => {
  if (typeof value !== 'number') return where(less(value, 0), NaN, value)
  if (value >= 0) return value
  throw new ArgumentError(what, { expected: 'a number ≥ 0', received: String(value) })
}

/** {x ≥ 0}. The derivative at v = 0 is 0. */
const nonNegative = (v: Operand): Tensor => relu(v)

/**
 * {low ≤ x ≤ high}, entry by entry; the bounds broadcast, and entries with low > high become NaN. At a bound the derivative is shared
 * by halves between v and the bound.
 */
const box = (v: Operand, low: Operand, high: Operand): Tensor =>
  where(greater(low, high), NaN, clip(v, low, high))

/** {‖x‖₂ ≤ radius}, over all entries. The derivative on the sphere is that of the inside, I. */
const l2Ball = (v: Operand, radius: Operand): Tensor => {
  const r = notNegative('projection.l2Ball: radius', radius)
  const length = norm2(v)
  const inside = lessEqual(length, r)
  return mul(v, where(inside, 1, div(r, where(inside, 1, length))))
}

/**
 * {x ≥ 0, Σ x = total} for a vector: x = max(v − τ, 0), where τ solves Σ max(v − τ, 0) = total. The sum is convex and linear in
 * pieces, so that Newton's method from below ends after finitely many steps. The derivative is that of the face {i: vᵢ > τ}.
 */
const simplex = (v: Operand, total: Operand = 1): Tensor => {
  const x = tensor(v)
  const size = tensor(notNegative('projection.simplex: total', total))
  const [still, sought] = [stopGradient(x), stopGradient(size)]
  const newton = (tau: Tensor): Tensor => {
    const face = greater(still, tau)
    return div(sub(sum(where(face, still, 0)), sought), sum(face))
  }
  // From max(v) − total on τ only grows and the face only shrinks; on the same face τ has the same bits.
  const start = sub(max(still), sought)
  const { tau } = whileLoop(
    (at) => greater(at.next, at.tau),
    ({ next }) => ({ tau: next, next: newton(next) }),
    { tau: start, next: newton(start) },
  )
  const face = greater(still, tau)
  const excess = sub(sum(where(face, x, 0)), size)
  // What is not finite has no face: it must not come out as 0.
  return where(face, sub(x, div(excess, sum(face))), mul(0, add(still, start)))
}

/** {‖x‖₁ ≤ radius} for a vector: outside, sign(v) times the projection of |v| on the simplex. The derivative on the border is I. */
const l1Ball = (v: Operand, radius: Operand = 1): Tensor => {
  const r = notNegative('projection.l1Ball: radius', radius)
  return where(lessEqual(norm1(v), r), v, mul(sign(v), simplex(abs(v), r)))
}

/** {aᵀx = b}, a ≠ 0 */
const hyperplane = (v: Operand, a: Operand, b: Operand): Tensor =>
  sub(v, mul(a, div(sub(dot(a, v), b), sumSquares(a))))

/** {aᵀx ≤ b}, a ≠ 0. The derivative on the border is I. */
const halfspace = (v: Operand, a: Operand, b: Operand): Tensor =>
  sub(v, mul(a, div(relu(sub(dot(a, v), b)), sumSquares(a))))

/** {A x = b} for A: [m, n] of rank m: x = v − Aᵀ (A Aᵀ)⁻¹ (A v − b). NaN where the rank is less. */
const affine = (v: Operand, A: Operand, b: Operand): Tensor =>
  sub(v, matmul(transpose(A), choleskyFactor(matmul(A, transpose(A))).solve(sub(matmul(A, v), b))))

/** Projections on convex sets: functions of v and of what defines the set, of the shape of v. */
export const projection = { nonNegative, box, l2Ball, simplex, l1Ball, hyperplane, halfspace, affine }
