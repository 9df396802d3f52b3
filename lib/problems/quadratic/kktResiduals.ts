// How far a point and multipliers are from solving a quadratic program, on its data as they were read. Apart from every
// solver and every scaling, and in sums of twice the working precision, so that what is measured is the point.
//   minimise  ½ xᵀQx + cᵀx,   rowLower ≤ Cx ≤ rowUpper,  lower ≤ x ≤ upper
//   Qx + c + Cᵀλ + μ = 0;   λ and μ are positive at an upper side, negative at a lower one, 0 where neither is active
// A maximised objective is minimised with the other sign.
import type { QpsData } from '../../data/qps.js'
import { eachEntry } from '../../data/sparseColumns.js'
import { Sums, worst } from './compensatedSums.js'

/** x, λ and μ of a program of n variables and m rows. */
export interface ProgramSolution<V = Float64Array> {
  /** [n] */
  readonly x: V
  /** λ, [m] */
  readonly rowMultipliers: V
  /** μ, [n] */
  readonly boundMultipliers: V
}

export interface KktResiduals {
  /** ½ xᵀQx + cᵀx + constant, in the sense of the data. */
  readonly objective: number
  /** The largest violation of a row or bound. */
  readonly primal: number
  /** The largest entry of |Qx + c + Cᵀλ + μ|, or of a multiplier at a side that does not exist. */
  readonly dual: number
  /** |xᵀQx + cᵀx + the sides times their multipliers|, the difference of primal and dual objective. */
  readonly gap: number
}

/** The side that a multiplier stands for. */
const side = (multiplier: number, low: number, high: number): number => (multiplier > 0 ? high : low)

/** Products of the data with a point and multipliers, each an entry of Sums. */
export const products = (
  data: QpsData,
  { x, rowMultipliers }: Pick<ProgramSolution, 'x' | 'rowMultipliers'>,
) => {
  const { C, Q } = data
  const sign = data.sense === 'max' ? -1 : 1
  const [Qx, Cx, transposed] = [new Sums(C.columns), new Sums(C.rows), new Sums(C.columns)]
  eachEntry(Q, (i, j, value) => {
    Qx.add(i, sign * value, x[j])
    if (i !== j) Qx.add(j, sign * value, x[i])
  })
  eachEntry(C, (i, j, value) => {
    Cx.add(i, value, x[j])
    transposed.add(j, value, rowMultipliers[i])
  })
  return { Qx, Cx, transposed, sign }
}

/** Σ side · multiplier over what has a finite side, added to sum 0. */
export const addSides = (
  sum: Sums,
  multipliers: Float64Array,
  low: Float64Array,
  high: Float64Array,
): void => {
  multipliers.forEach((multiplier, i) => {
    const bound = side(multiplier, low[i] as number, high[i] as number)
    if (multiplier !== 0 && Number.isFinite(bound)) sum.add(0, bound, multiplier)
  })
}

/** Multipliers at sides that do not exist. */
export const strays = (multipliers: Float64Array, low: Float64Array, high: Float64Array): Float64Array =>
  multipliers.map((multiplier, i) =>
    Number.isFinite(side(multiplier, low[i] as number, high[i] as number)) ? 0 : Math.abs(multiplier),
  )

/** The residuals of a solution; NaN in it makes them NaN. */
export const kktResiduals = (data: QpsData, solution: ProgramSolution): KktResiduals => {
  const { c, constant, rowLower, rowUpper, lower, upper, C } = data
  const { x, rowMultipliers, boundMultipliers } = solution
  const { Qx, Cx, transposed, sign } = products(data, solution)
  const violations = function* (): Iterable<number> {
    for (let i = 0; i < C.rows; i++)
      yield Math.max((rowLower[i] as number) - Cx.at(i), Cx.at(i) - (rowUpper[i] as number))
    for (let j = 0; j < C.columns; j++) {
      yield Math.max((lower[j] as number) - (x[j] as number), (x[j] as number) - (upper[j] as number))
    }
  }
  const gradients = new Sums(C.columns)
  const [objective, gap] = [new Sums(1), new Sums(1)]
  objective.add(0, constant)
  x.forEach((v, j) => {
    const linear = sign * (c[j] as number)
    gradients.addSum(j, Qx, j)
    gradients.add(j, linear)
    gradients.addSum(j, transposed, j)
    gradients.add(j, boundMultipliers[j] as number)
    objective.addSum(0, Qx, j, (sign * v) / 2)
    objective.add(0, c[j] as number, v)
    gap.addSum(0, Qx, j, v)
    gap.add(0, linear, v)
  })
  addSides(gap, rowMultipliers, rowLower, rowUpper)
  addSides(gap, boundMultipliers, lower, upper)
  return {
    objective: objective.at(0),
    primal: worst(violations()),
    dual: worst([
      ...x.map((_, j) => Math.abs(gradients.at(j))),
      ...strays(rowMultipliers, rowLower, rowUpper),
      ...strays(boundMultipliers, lower, upper),
    ]),
    gap: Math.abs(gap.at(0)),
  }
}
