// Proofs that a quadratic program has no solution, checked on its data as they were read.
//   infeasible:  Cᵀλ + μ = 0, and the sides times their multipliers add up to less than 0 (Farkas' lemma)
//   unbounded:   Qd = 0, cᵀd < 0, and from no point does d leave the rows and bounds
import type { QpsData } from '../../data/qps.js'
import { eachEntry } from '../../data/sparseColumns.js'
import type { SparseColumns } from '../../data/sparseColumns.js'
import { Sums, worst } from './compensatedSums.js'
import { addSides, products, strays } from './kktResiduals.js'
import type { ProgramSolution } from './kktResiduals.js'
import { leastSquares } from './leastSquares.js'
import type { LinearMap } from './leastSquares.js'

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

/** How often a proof is corrected before it is judged. */
const rounds = 3

const scaled = (v: Float64Array, by: number): Float64Array => v.map((a) => a * by)

/** The products with those entries of C that are wanted, by columns and by rows. */
const partOf = (C: SparseColumns, wanted: (i: number, j: number) => boolean): LinearMap => {
  const product = (size: number, flip: boolean) => (v: Float64Array) => {
    const out = new Float64Array(size)
    eachEntry(C, (i, j, value) => {
      if (!wanted(i, j)) return
      const [to, from] = flip ? [j, i] : [i, j]
      out[to] = (out[to] as number) + value * (v[from] as number)
    })
    return out
  }
  return { times: product(C.rows, false), transposed: product(C.columns, true) }
}

/** The best of a proof and its corrections, each made from the one before. */
const bestOf = <P extends CertificateCheck>(first: P, correct: (proof: P) => P): CertificateCheck => {
  let [best, last] = [first, first]
  for (let k = 0; k < rounds && best.residual > 0 && last.residual < Infinity; k++) {
    last = correct(last)
    if (last.residual < best.residual) best = last
  }
  return { residual: best.residual, certificate: best.certificate }
}

/**
 * Checks λ as a proof that the constraints admit no point; the residual is Infinity where it is none. μ is what the rows leave
 * over: μ = −Cᵀλ wherever the variable has a side for it. Where none has one, the smallest change of λ that takes the rest away
 * makes a proof of what is almost one.
 */
export const checkInfeasible = (data: QpsData, { rowMultipliers }: ProgramSolution): CertificateCheck => {
  const { rowLower, rowUpper, lower, upper, C } = data
  const proofBy = (multipliers: Float64Array) => {
    const stray = strays(multipliers, rowLower, rowUpper)
    const rows = multipliers.map((v, i) => (stray[i] === 0 ? v : 0))
    const { transposed } = products(data, { x: new Float64Array(C.columns), rowMultipliers: rows })
    const wanted = lower.map((_, j) => -transposed.at(j))
    const without = strays(wanted, lower, upper)
    const bounds = wanted.map((v, j) => (without[j] === 0 ? v : 0))
    const left = wanted.map((v, j) => v - (bounds[j] as number))
    const total = new Sums(1)
    addSides(total, rows, rowLower, rowUpper)
    addSides(total, bounds, lower, upper)
    const by = total.at(0) < 0 ? -1 / total.at(0) : 0
    return {
      rows,
      left,
      residual: by > 0 ? worst(left.map(Math.abs)) * by : Infinity,
      certificate: {
        x: new Float64Array(C.columns),
        rowMultipliers: scaled(rows, by),
        boundMultipliers: scaled(bounds, by),
      },
    }
  }
  return bestOf(proofBy(rowMultipliers), ({ rows, left }) => {
    const part = partOf(C, (i, j) => rows[i] !== 0 && left[j] !== 0)
    const change = leastSquares({ times: part.transposed, transposed: part.times }, left)
    return proofBy(rows.map((v, i) => v + (change[i] as number)))
  })
}

/**
 * Checks d, given as x, as a direction along which the objective falls without end; Infinity where it does not fall. The smallest
 * change of d that takes Qd away, and what leaves rows and bounds, makes a proof of what is almost one.
 */
export const checkUnbounded = (data: QpsData, given: ProgramSolution): CertificateCheck => {
  const { c, rowLower, rowUpper, lower, upper, C, Q } = data
  const sign = data.sense === 'max' ? -1 : 1
  /** The part of v that leaves its sides. */
  const against = (v: number, low: number, high: number): number =>
    (v < 0 && low > -Infinity) || (v > 0 && high < Infinity) ? v : 0
  const proofBy = (direction: Float64Array) => {
    const fall = new Sums(1)
    direction.forEach((v, j) => {
      fall.add(0, -sign * (c[j] as number), v)
    })
    const x = scaled(direction, fall.at(0) > 0 ? 1 / fall.at(0) : 0)
    const certificate = {
      x,
      rowMultipliers: new Float64Array(C.rows),
      boundMultipliers: new Float64Array(C.columns),
    }
    const { Qx, Cx } = products(data, certificate)
    const curved = x.map((_, j) => sign * Qx.at(j))
    const rows = rowLower.map((low, i) => against(Cx.at(i), low, rowUpper[i] as number))
    const bounds = lower.map((low, j) => against(x[j] as number, low, upper[j] as number))
    const residual = worst([...curved, ...rows, ...bounds].map(Math.abs))
    return { curved, rows, bounds, residual: fall.at(0) > 0 ? residual : Infinity, certificate }
  }
  return bestOf(proofBy(given.x), ({ curved, rows, bounds, certificate: { x } }) => {
    const [m, n] = [C.rows, C.columns]
    const free = (j: number): boolean => bounds[j] === 0
    const inRows = partOf(C, (i, j) => rows[i] !== 0 && free(j))
    const lowerPart = partOf(Q, (_, j) => free(j))
    const upperPart = partOf(Q, (i, j) => i !== j && free(i))
    const plus = (a: Float64Array, b: Float64Array): Float64Array => a.map((v, j) => v + (b[j] as number))
    const start = x.map((v, j) => (free(j) ? v : 0))
    const change = leastSquares(
      {
        times: (v) =>
          Float64Array.from([...plus(lowerPart.times(v), upperPart.transposed(v)), ...inRows.times(v)]),
        transposed: (r) => {
          const curvature = r.subarray(0, n)
          return plus(
            plus(lowerPart.transposed(curvature), upperPart.times(curvature)),
            inRows.transposed(r.subarray(n, n + m)),
          )
        },
      },
      Float64Array.from([...curved, ...rows]),
    )
    return proofBy(start.map((v, j) => v - (change[j] as number)))
  })
}
