// What the last direction of an interior-point iteration proves when the program has no solution.
//   infeasible: y, z ≥ 0 with Aᵀy + Gᵀz = 0 and bᵀy + hᵀz < 0: no x satisfies both constraints (Farkas)
//   unbounded:  x with Qx = 0, Ax = 0, Gx ≤ 0 and qᵀx < 0: the objective falls for ever along x
// A regularized iteration moves, in the end, along the smallest residual that the constraints leave, which is such a
// certificate (Banjac, Goulart, Stellato and Boyd 2019 show it of the method of multipliers).
import { statusCode } from '../base/status.js'
import type { Tensor } from '../ir/tensor.js'
import {
  abs,
  add,
  div,
  greater,
  lessEqual,
  logicalAnd,
  maximum,
  mul,
  neg,
  sub,
  where,
} from '../ops/elementwise.js'
import { dot, matmul } from '../ops/linalg.js'
import { max, norm1, normInf } from '../ops/reduce.js'
import { transposed } from './kkt.js'
import type { PrimalDual, Problem } from './kkt.js'

/**
 * The part of each sum that may be left over, relative to the largest that the sum could be: the certificate is exact for data
 * that differ from those given by so much. What must be negative exceeds it. Of 224 programs with a solution none comes nearer
 * to a certificate than 4e-4 on its way.
 */
const tolerance = 1e-6

/** A status code, or −1 where nothing is proved; and both certificates, with bᵀy + hᵀz = −1 and qᵀx = −1 where they hold. */
export interface Proof {
  readonly verdict: Tensor
  readonly multipliers: Pick<PrimalDual, 'y' | 'z'>
  readonly ray: Tensor
}

/** Entries that are at most ε times their bounds, none of them NaN. */
const within = (values: Tensor, bounds: Tensor): Tensor =>
  lessEqual(max(sub(values, mul(tolerance, bounds))), 0)

const largestByColumn = (matrix: Tensor): Tensor => max(abs(matrix), 0)
const largestByRow = (matrix: Tensor): Tensor => max(abs(matrix), 1)

/** What the direction d proves. */
export const proofIn = ({ Q, q, equality, inequality }: Problem, d: PrimalDual): Proof => {
  const y = d.y
  const z = d.z && maximum(d.z, 0)
  const constraints = [
    ...(equality === undefined || y === undefined ? [] : [{ matrix: equality.A, right: equality.b, by: y }]),
    ...(inequality === undefined || z === undefined
      ? []
      : [{ matrix: inequality.G, right: inequality.h, by: z }]),
  ]
  const total = (terms: readonly Tensor[]): Tensor => terms.reduce((a, b) => add(a, b))
  const over = (v: Tensor, scale: Tensor): Tensor => div(v, where(greater(scale, 0), scale, 1))

  const size = norm1(d.x)
  const fall = neg(dot(q, d.x))
  const flat = within(abs(matmul(Q, d.x)), mul(largestByRow(Q), size))
  const keeps = [
    ...(equality === undefined
      ? []
      : [within(abs(matmul(equality.A, d.x)), mul(largestByRow(equality.A), size))]),
    ...(inequality === undefined
      ? []
      : [within(matmul(inequality.G, d.x), mul(largestByRow(inequality.G), size))]),
  ]
  const falls = greater(fall, mul(tolerance, mul(normInf(q), size)))
  const unbounded = [flat, ...keeps].reduce((a, b) => logicalAnd(a, b), falls)
  const ray = over(d.x, fall)
  const orUnbounded = where(unbounded, statusCode.unbounded, -1)
  if (constraints.length === 0) return { verdict: orUnbounded, multipliers: {}, ray }

  const gap = neg(total(constraints.map(({ right, by }) => dot(right, by))))
  const left = total(constraints.map(({ matrix, by }) => transposed(matrix, by)))
  const most = total(constraints.map(({ matrix, by }) => mul(largestByColumn(matrix), norm1(by))))
  const parts = total(constraints.map(({ right, by }) => mul(normInf(right), norm1(by))))
  const infeasible = logicalAnd(within(abs(left), most), greater(gap, mul(tolerance, parts)))
  return {
    verdict: where(infeasible, statusCode.infeasible, orUnbounded),
    multipliers: {
      ...(y === undefined ? {} : { y: over(y, gap) }),
      ...(z === undefined ? {} : { z: over(z, gap) }),
    },
    ray,
  }
}
