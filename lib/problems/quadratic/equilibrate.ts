// Scaling of a quadratic program by powers of two, which is exact:  x = D x̂, rows of C times R, bounds on x times B, the
// objective times σ. Ruiz's iteration (A scaling algorithm to equilibrate both rows and columns norms in matrices, RAL,
// 2001) on the symmetric matrix of the optimality conditions, as in OSQP (Stellato et al. 2020, section 5.1):
//   K = [ Q  Cᵀ I ; C 0 0 ; I 0 0 ],  each row and column divided by the root of its largest entry, until all are near 1.
import type { QpsData } from '../../data/qps.js'
import { eachEntry } from '../../data/sparseColumns.js'

/** Powers of two. */
export interface Scaling {
  /** Of the variables, [n]. */
  readonly D: Float64Array
  /** Of the rows, [m]. */
  readonly R: Float64Array
  /** Of the bounds of each variable, [n]. */
  readonly B: Float64Array
  /** Of the objective. */
  readonly sigma: number
}

const rounds = 12
/** Size of the scaled objective. Multipliers grow with it, and curvature sinks into the regularization of the solver without it. */
const target = 0.5

/** The power of two nearest to x > 0 on a logarithmic scale; 1 for what is no such number. */
const powerOfTwo = (x: number): number =>
  x > 0 && Number.isFinite(x) ? 2 ** Math.max(-500, Math.min(500, Math.round(Math.log2(x)))) : 1

/** Largest absolute entries; `note(i, v)` takes v into account at i. */
const largest = (size: number): { readonly norms: Float64Array; note: (i: number, v: number) => void } => {
  const norms = new Float64Array(size)
  return {
    norms,
    note: (i, v) => {
      norms[i] = Math.max(norms[i] as number, Math.abs(v))
    },
  }
}

/** The scaling of a program; rows and columns without entries keep their scale. */
export const equilibrate = ({ C, Q, c, lower, upper }: QpsData): Scaling => {
  const [n, m] = [C.columns, C.rows]
  const [D, R, B] = [new Float64Array(n).fill(1), new Float64Array(m).fill(1), new Float64Array(n).fill(1)]
  const bounded = lower.map((low, j) => (low > -Infinity || (upper[j] as number) < Infinity ? 1 : 0))
  const at = (v: Float64Array, i: number): number => v[i] as number
  for (let round = 0; round < rounds; round++) {
    const [columns, rows] = [largest(n), largest(m)]
    eachEntry(Q, (i, j, value) => {
      const scaled = value * at(D, i) * at(D, j)
      columns.note(i, scaled)
      columns.note(j, scaled)
    })
    eachEntry(C, (i, j, value) => {
      const scaled = value * at(R, i) * at(D, j)
      columns.note(j, scaled)
      rows.note(i, scaled)
    })
    const bounds = D.map((d, j) => at(bounded, j) * d * at(B, j))
    bounds.forEach((v, j) => {
      columns.note(j, v)
    })
    const divide = (scale: Float64Array, norms: Float64Array): void => {
      norms.forEach((norm, i) => {
        if (norm > 0) scale[i] = at(scale, i) / Math.sqrt(norm)
      })
    }
    divide(D, columns.norms)
    divide(R, rows.norms)
    divide(B, bounds)
  }
  const [d, r, b] = [D, R, B].map((v) => v.map(powerOfTwo)) as [Float64Array, Float64Array, Float64Array]
  const inQ = largest(n)
  eachEntry(Q, (i, j, value) => {
    const scaled = value * at(d, i) * at(d, j)
    inQ.note(i, scaled)
    inQ.note(j, scaled)
  })
  const linear = c.reduce((norm, v, j) => Math.max(norm, Math.abs(v * at(d, j))), 0)
  const curvature = inQ.norms.reduce((sum, v) => sum + v, 0) / n
  return { D: d, R: r, B: b, sigma: powerOfTwo(target / Math.max(curvature, linear)) }
}
