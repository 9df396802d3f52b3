// Proofs that a quadratic program has no solution, checked on its data as they were read.
//   infeasible:  Cᵀλ + μ = 0, and the sides times their multipliers add up to less than 0 (Farkas' lemma)
//   unbounded:   Qd = 0, cᵀd < 0, and from no point does d leave the rows and bounds
import type { QpsData } from '../data/qps.js'
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

const scaled = (v: Float64Array, by: number): Float64Array => v.map((a) => a * by)

/**
 * Checks λ as a proof that the constraints admit no point; the residual is Infinity where it is none. μ is what the rows leave
 * over: μ = −Cᵀλ wherever the variable has a side for it, which makes the proof exact there.
 */
export const checkInfeasible = (data: QpsData, { rowMultipliers }: ProgramSolution): CertificateCheck => {
  const { rowLower, rowUpper, lower, upper, C } = data
  const stray = strays(rowMultipliers, rowLower, rowUpper)
  const rows = rowMultipliers.map((v, i) => (stray[i] === 0 ? v : 0))
  const { transposed } = products(data, { x: new Float64Array(C.columns), rowMultipliers: rows })
  const wanted = lower.map((_, j) => -transposed.at(j))
  const left = strays(wanted, lower, upper)
  const bounds = wanted.map((v, j) => (left[j] === 0 ? v : 0))
  const total = new Sums(1)
  addSides(total, rows, rowLower, rowUpper)
  addSides(total, bounds, lower, upper)
  const size = -total.at(0)
  const by = size > 0 ? 1 / size : 0
  const certificate = {
    x: new Float64Array(C.columns),
    rowMultipliers: scaled(rows, by),
    boundMultipliers: scaled(bounds, by),
  }
  return { residual: size > 0 ? worst(left) * by : Infinity, certificate }
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
