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

/** A certificate, with bᵀy + hᵀz = −1 or qᵀx = −1. */
export interface Proof {
  /** The status code of what is proved, −1 where nothing is. */
  readonly found: Tensor
  /** The largest part that is left over. */
  readonly defect: Tensor
  /** The ray, and the multipliers; which of them counts `found` tells. */
  readonly x: Tensor
  readonly y?: Tensor
  readonly z?: Tensor
}

/** The largest of values over scales, where the scale is not 0. */
const largestRatio = (values: Tensor, scales: Tensor): Tensor =>
  max(where(greater(scales, 0), div(values, where(greater(scales, 0), scales, 1)), 0))

const sizeByColumn = (matrix: Tensor): Tensor => max(abs(matrix), 0)
const sizeByRow = (matrix: Tensor): Tensor => max(abs(matrix), 1)
const total = (terms: readonly Tensor[]): Tensor => terms.reduce((a, b) => add(a, b))
const over = (v: Tensor, scale: Tensor): Tensor => div(v, where(greater(scale, 0), scale, 1))

/** What the direction d proves. */
export const proofIn = ({ Q, q, equality, inequality }: Problem, d: PrimalDual): Proof => {
  const size = norm1(d.x)
  const fall = neg(dot(q, d.x))
  const falls = greater(fall, mul(tolerance, mul(normInf(q), size)))
  const along = [
    largestRatio(abs(matmul(Q, d.x)), mul(sizeByRow(Q), size)),
    ...(equality === undefined
      ? []
      : [largestRatio(abs(matmul(equality.A, d.x)), mul(sizeByRow(equality.A), size))]),
    ...(inequality === undefined
      ? []
      : [largestRatio(matmul(inequality.G, d.x), mul(sizeByRow(inequality.G), size))]),
  ].reduce((a, b) => maximum(a, b))
  const unbounded = logicalAnd(falls, lessEqual(along, tolerance))
  const ray = { found: where(unbounded, statusCode.unbounded, -1), defect: along, x: over(d.x, fall) }

  const y = d.y
  const z = d.z && maximum(d.z, 0)
  const constraints = [
    ...(equality === undefined || y === undefined ? [] : [{ matrix: equality.A, right: equality.b, by: y }]),
    ...(inequality === undefined || z === undefined
      ? []
      : [{ matrix: inequality.G, right: inequality.h, by: z }]),
  ]
  if (constraints.length === 0) return ray
  const gap = neg(total(constraints.map(({ right, by }) => dot(right, by))))
  const parts = total(constraints.map(({ right, by }) => mul(normInf(right), norm1(by))))
  const left = total(constraints.map(({ matrix, by }) => transposed(matrix, by)))
  const most = total(constraints.map(({ matrix, by }) => mul(sizeByColumn(matrix), norm1(by))))
  const combined = largestRatio(abs(left), most)
  const infeasible = logicalAnd(greater(gap, mul(tolerance, parts)), lessEqual(combined, tolerance))
  return {
    ...ray,
    found: where(infeasible, statusCode.infeasible, ray.found),
    defect: where(infeasible, combined, along),
    ...(y === undefined ? {} : { y: over(y, gap) }),
    ...(z === undefined ? {} : { z: over(z, gap) }),
  }
}
