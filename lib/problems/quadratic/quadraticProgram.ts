// A quadratic program as data has it, and as solvers want it:
//   min or max ½ xᵀQx + cᵀx + constant,  rowLower ≤ Cx ≤ rowUpper,  lower ≤ x ≤ upper
//   min ½ x̂ᵀQ̂x̂ + q̂ᵀx̂,  Âx̂ = b̂,  Ĝx̂ ≤ ĥ
// Equal sides are rows of A, every other finite side is a row of G, and all is scaled (equilibrate.ts): Q̂ = σDQD, and so on.
// The vectors are θ: the scaling is part of the traced program, so that derivatives with respect to them go through it.
import { ArgumentError } from '../../base/errors.js'
import type { NDArray } from '../../base/ndarray.js'
import { array, ones, zeros } from '../../base/ndarray.js'
import type { QpsData } from '../../data/qps.js'
import { eachEntry } from '../../data/sparseColumns.js'
import type { Tensor } from '../../ir/tensor.js'
import type { Operand } from '../../ir/trace.js'
import { add, mul, neg } from '../../ops/elementwise.js'
import { dot, matmul } from '../../ops/linalg.js'
import { broadcast, concat, scatterAdd, slice } from '../../ops/movement.js'
import type { PrimalDual, QuadraticProgram } from '../../solvers/kkt.js'
import { checkConvex } from './convexity.js'
import { equilibrate } from './equilibrate.js'
import type { Scaling } from './equilibrate.js'
import type { ProgramSolution } from './kktResiduals.js'

/** The sides of rows and variables: both where they are equal, and the finite ones of the others. */
export const sideNames = ['rowEqual', 'fixed', 'rowLower', 'rowUpper', 'lower', 'upper'] as const
export type SideName = (typeof sideNames)[number]

/**
 * The vectors of a program. `c` has shape [n]; each of the others has an entry for each row or variable that has such a side
 * (`ProgramForm.sides` says which), none where no row or variable has one.
 */
export type ProgramVectors<T = Tensor> = { readonly [K in 'c' | SideName]: T }

/** Rows or variables with a side of one kind, and where it lies among the constraints Ax = b or Gx ≤ h. */
export interface Side {
  readonly kind: 'row' | 'variable'
  /** Of the row or variable. */
  readonly indices: readonly number[]
  readonly equality: boolean
  /** −1 for a lower side, −Cx ≤ −rowLower. */
  readonly sign: 1 | -1
  readonly offset: number
}

/** A program made ready to be solved, and the way back. */
export interface ProgramForm {
  readonly data: QpsData
  readonly sides: { readonly [K in SideName]: Side }
  readonly scaling: Scaling
  /** Of the standard form: Q [n, n], A [equalities, n], G [inequalities, n], where there are any. */
  readonly matrices: { readonly Q: NDArray; readonly A?: NDArray; readonly G?: NDArray }
  /** The vectors of the data, an example and the usual value of θ. */
  readonly theta: ProgramVectors<NDArray>
  /** The scaled standard form, traced; what `interiorPoint` takes as its problem. */
  readonly standard: (theta: ProgramVectors) => QuadraticProgram
  /** The x0 that `solve` wants with `interiorPoint`. */
  readonly start: PrimalDual<NDArray>
  /** x, λ and μ of the program from a solution of the standard form, traced. */
  readonly solution: (point: PrimalDual<Operand>) => ProgramSolution<Tensor>
  /** ½ xᵀQx + cᵀx + constant, traced. */
  readonly objective: (x: Tensor, theta: ProgramVectors) => Tensor
}

const kinds: Readonly<Record<SideName, Pick<Side, 'kind' | 'equality' | 'sign'>>> = {
  rowEqual: { kind: 'row', equality: true, sign: 1 },
  fixed: { kind: 'variable', equality: true, sign: 1 },
  rowLower: { kind: 'row', equality: false, sign: -1 },
  rowUpper: { kind: 'row', equality: false, sign: 1 },
  lower: { kind: 'variable', equality: false, sign: -1 },
  upper: { kind: 'variable', equality: false, sign: 1 },
}

/** The numbers of a side in the data, ±Infinity where there is none. */
const numbersOf = (data: QpsData, name: SideName): Float64Array =>
  data[name === 'rowEqual' ? 'rowUpper' : name === 'fixed' ? 'upper' : name]

/** f of each side, in their order. */
const bySide = <T>(f: (name: SideName) => T): { readonly [K in SideName]: T } => ({
  rowEqual: f('rowEqual'),
  fixed: f('fixed'),
  rowLower: f('rowLower'),
  rowUpper: f('rowUpper'),
  lower: f('lower'),
  upper: f('upper'),
})

const sidesOf = (data: QpsData): { readonly [K in SideName]: Side } => {
  const offsets = { true: 0, false: 0 }
  return bySide((name) => {
    const side = kinds[name]
    const [low, high] = side.kind === 'row' ? [data.rowLower, data.rowUpper] : [data.lower, data.upper]
    const indices = [...low.keys()].filter((i) => {
      const equal = low[i] === high[i]
      return equal === side.equality && Number.isFinite(numbersOf(data, name)[i])
    })
    const offset = offsets[`${side.equality}`]
    offsets[`${side.equality}`] += indices.length
    return { ...side, indices, offset }
  })
}

const refuseLarge = (n: number, constraints: number, maxBytes: number): void => {
  const bytes = 8 * n * (2 * n + constraints)
  if (bytes <= maxBytes) return
  throw new ArgumentError('quadraticProgram: the dense matrices are too large', {
    expected: `at most ${String(maxBytes)} bytes`,
    received: `${String(bytes)} bytes for ${String(n)} variables and ${String(constraints)} constraints`,
    remedy: 'Use a sparse solver, or raise maxBytes',
  })
}

/**
 * Makes a program ready to be solved by `interiorPoint`. Matrices become dense.
 * @param options.maxBytes refuse larger matrices; default 2 GiB.
 * @throws {ArgumentError} when the objective is not convex (`ERR_NOT_CONVEX`), or the matrices are too large.
 */
export const quadraticProgram = (
  data: QpsData,
  { maxBytes = 2 ** 31 }: { readonly maxBytes?: number } = {},
): ProgramForm => {
  const n = data.c.length
  const m = data.rowNames.length
  const sides = sidesOf(data)
  const each = sideNames.map((name) => ({ name, ...sides[name] }))
  const count = (equality: boolean): number =>
    each.reduce((sum, side) => sum + (side.equality === equality ? side.indices.length : 0), 0)
  const [equalities, inequalities] = [count(true), count(false)]
  refuseLarge(n, equalities + inequalities, maxBytes)
  checkConvex(data)

  const scaling = equilibrate(data)
  const { D, R, B, sigma } = scaling
  const sense = data.sense === 'max' ? -1 : 1
  const at = (v: Float64Array, i: number): number => v[i] as number
  const [Q, scaledQ] = [zeros([n, n]), zeros([n, n])]
  eachEntry(data.Q, (i, j, value) => {
    for (const k of [i * n + j, j * n + i]) {
      Q.data[k] = value
      scaledQ.data[k] = sense * sigma * at(D, i) * value * at(D, j)
    }
  })
  /** Scales of the constraints of each kind, in their order, and the matrices. */
  const scales = { true: new Float64Array(equalities), false: new Float64Array(inequalities) }
  const rows = { true: zeros([equalities, n]), false: zeros([inequalities, n]) }
  for (const { kind, indices, equality, sign, offset } of each) {
    const [scale, matrix] = [scales[`${equality}`], rows[`${equality}`].data]
    const place = new Map(indices.map((i, k) => [i, offset + k] as const))
    for (const [i, k] of place) scale[k] = at(kind === 'row' ? R : B, i)
    if (kind === 'variable') for (const [j, k] of place) matrix[k * n + j] = sign * at(B, j) * at(D, j)
    else {
      eachEntry(data.C, (i, j, value) => {
        const k = place.get(i)
        if (k !== undefined) matrix[k * n + j] = sign * at(R, i) * value * at(D, j)
      })
    }
  }
  const matrices = {
    Q: scaledQ,
    ...(equalities === 0 ? {} : { A: rows.true }),
    ...(inequalities === 0 ? {} : { G: rows.false }),
  }
  const linearScale = array(D.map((d) => sense * sigma * d))

  const right = (theta: ProgramVectors, equality: boolean): Tensor => {
    const parts = each.filter((side) => side.equality === equality)
    const vectors = parts.map(({ name, sign }) => (sign === 1 ? theta[name] : neg(theta[name])))
    return mul(array(scales[`${equality}`]), concat(vectors))
  }
  return {
    data,
    sides,
    scaling,
    matrices,
    theta: {
      c: array(data.c),
      ...bySide((name) => array(Float64Array.from(sides[name].indices, (i) => at(numbersOf(data, name), i)))),
    },
    standard: (theta) => ({
      ...matrices,
      q: mul(linearScale, theta.c),
      ...(equalities === 0 ? {} : { b: right(theta, true) }),
      ...(inequalities === 0 ? {} : { h: right(theta, false) }),
    }),
    start: {
      x: zeros([n]),
      ...(inequalities === 0 ? {} : { s: ones([inequalities]), z: ones([inequalities]) }),
      ...(equalities === 0 ? {} : { y: zeros([equalities]) }),
    },
    solution: ({ x, y, z }) => {
      const multipliers = { row: broadcast(0, [m]), variable: broadcast(0, [n]) }
      for (const { kind, indices, equality, sign, offset } of each) {
        if (indices.length === 0) continue
        const end = offset + indices.length
        const scale = scales[`${equality}`].subarray(offset, end)
        const own = slice((equality ? y : z) as Operand, [offset, end])
        const unscaled = mul(array(scale.map((s) => (sign * s) / sigma)), own)
        multipliers[kind] = add(multipliers[kind], scatterAdd(unscaled, indices, kind === 'row' ? m : n))
      }
      return { x: mul(array(D), x), rowMultipliers: multipliers.row, boundMultipliers: multipliers.variable }
    },
    objective: (x, { c }) => add(add(mul(0.5, dot(x, matmul(Q, x))), dot(c, x)), data.constant),
  }
}
