// Proofs that a quadratic program has no solution, checked on its data as they were read.
//   infeasible:  Cᵀλ + μ = 0, and the sides times their multipliers add up to less than 0 (Farkas' lemma)
//   unbounded:   Qd = 0, cᵀd < 0, and from no point does d leave the rows and bounds
import type { QpsData } from '../data/qps.js'
import { eachEntry } from '../data/sparseColumns.js'
import { Sums, worst } from './compensatedSums.js'
import { addSides, products, strays } from './kktResiduals.js'
import type { ProgramSolution } from './kktResiduals.js'

/** How good a proof is that a program has no solution. */
export interface CertificateCheck {
  /**
   * infeasible: ‖Cᵀλ + μ‖∞ where the sides times their multipliers are −1: no point with ‖x‖₁ below its reciprocal satisfies
   * the constraints. unbounded: the largest of ‖Qd‖∞ and of what d violates of the constraints of directions, where cᵀd = −1.
   */
  readonly residual: number
  /** The certificate, scaled so: λ and μ, or d in the place of x. */
  readonly certificate: ProgramSolution
}

/** Steps of the correction of a proof. */
const mostSteps = 50

const scaled = (v: Float64Array, by: number): Float64Array => v.map((a) => a * by)

/** Multipliers of rows as a proof, with the best multipliers of bounds: μ = −Cᵀλ wherever the variable has a side for it. */
const proofBy = (data: QpsData, rowMultipliers: Float64Array) => {
  const { rowLower, rowUpper, lower, upper, C } = data
  const stray = strays(rowMultipliers, rowLower, rowUpper)
  const rows = rowMultipliers.map((v, i) => (stray[i] === 0 ? v : 0))
  const { transposed } = products(data, { x: new Float64Array(C.columns), rowMultipliers: rows })
  const wanted = lower.map((_, j) => -transposed.at(j))
  const size = strays(wanted, lower, upper)
  const bounds = wanted.map((v, j) => (size[j] === 0 ? v : 0))
  const total = new Sums(1)
  addSides(total, rows, rowLower, rowUpper)
  addSides(total, bounds, lower, upper)
  /** What no bound can take, and what the sides add up to. */
  return { rows, bounds, left: wanted.map((v, j) => v - (bounds[j] as number)), total: total.at(0) }
}

/**
 * The smallest change of λ, on the rows where it is not 0, that takes away Cᵀλ in the columns with a remainder: least squares by
 * conjugate gradients (Björck 1996, algorithm 7.4.1), so that a proof that is almost one becomes one.
 */
const correction = ({ C }: QpsData, rows: Float64Array, left: Float64Array): Float64Array => {
  const change = new Float64Array(C.rows)
  const inside = (i: number, j: number): boolean => rows[i] !== 0 && left[j] !== 0
  const times = (v: Float64Array): Float64Array => {
    const out = new Float64Array(C.columns)
    eachEntry(C, (i, j, value) => {
      if (inside(i, j)) out[j] = (out[j] as number) + value * (v[i] as number)
    })
    return out
  }
  const transposed = (r: Float64Array): Float64Array => {
    const out = new Float64Array(C.rows)
    eachEntry(C, (i, j, value) => {
      if (inside(i, j)) out[i] = (out[i] as number) + value * (r[j] as number)
    })
    return out
  }
  const square = (v: Float64Array): number => v.reduce((sum, a) => sum + a * a, 0)
  let r = left
  let s = transposed(r)
  let p = s
  let gamma = square(s)
  const first = gamma
  for (let k = 0; k < mostSteps && gamma > 1e-32 * first; k++) {
    const q = times(p)
    const alpha = gamma / square(q)
    p.forEach((v, i) => {
      change[i] = (change[i] as number) + alpha * v
    })
    r = r.map((v, j) => v - alpha * (q[j] as number))
    s = transposed(r)
    const next = square(s)
    const [beta, before] = [next / gamma, p]
    p = s.map((v, i) => v + beta * (before[i] as number))
    gamma = next
  }
  return change
}

/** Checks λ as a proof that the constraints admit no point; the residual is Infinity where it is none. */
export const checkInfeasible = (data: QpsData, { rowMultipliers }: ProgramSolution): CertificateCheck => {
  const first = proofBy(data, rowMultipliers)
  const change = correction(data, first.rows, first.left)
  const proofs = [
    first,
    proofBy(
      data,
      first.rows.map((v, i) => v + (change[i] as number)),
    ),
  ].map(({ rows, bounds, left, total }) => {
    const by = total < 0 ? -1 / total : 0
    const residual = total < 0 ? worst(left.map(Math.abs)) * by : Infinity
    return {
      residual,
      certificate: {
        x: new Float64Array(data.c.length),
        rowMultipliers: scaled(rows, by),
        boundMultipliers: scaled(bounds, by),
      },
    }
  })
  const [given, corrected] = proofs as [CertificateCheck, CertificateCheck]
  return corrected.residual < given.residual ? corrected : given
}

/** Checks d, given as x, as a direction along which the objective falls without end; Infinity where it does not fall. */
export const checkUnbounded = (data: QpsData, given: ProgramSolution): CertificateCheck => {
  const { c, rowLower, rowUpper, lower, upper, C } = data
  const fall = new Sums(1)
  const sign = data.sense === 'max' ? -1 : 1
  given.x.forEach((v, j) => {
    fall.add(0, sign * (c[j] as number), v)
  })
  const size = -fall.at(0)
  const certificate = {
    x: scaled(given.x, size > 0 ? 1 / size : 0),
    rowMultipliers: new Float64Array(C.rows),
    boundMultipliers: new Float64Array(C.columns),
  }
  const { Qx, Cx } = products(data, certificate)
  const against = (v: number, low: number, high: number): number =>
    Math.max(low > -Infinity ? -v : 0, high < Infinity ? v : 0)
  const residual = worst([
    ...certificate.x.map((_, j) => Math.abs(Qx.at(j))),
    ...certificate.x.map((v, j) => against(v, lower[j] as number, upper[j] as number)),
    ...rowLower.map((low, i) => against(Cx.at(i), low, rowUpper[i] as number)),
  ])
  return { residual: size > 0 ? residual : Infinity, certificate }
}
