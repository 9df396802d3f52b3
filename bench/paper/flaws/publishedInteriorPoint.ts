// The interior point as the published code has it: one dense matrix of the optimality conditions, in the unknowns v = (x, s, z, y),
// factorized by LU, an affine step and a corrector; start and stop test as options.
//   min ½ xᵀQx + qᵀx   subject to   Ax = b,  Gx + s = h,  s ≥ 0,  z ≥ 0
import {
  concat,
  diag,
  div,
  dot,
  eye,
  full,
  less,
  luFactor,
  luSolve,
  matmul,
  matrixTranspose,
  max,
  min,
  minimum,
  mul,
  neg,
  norm2,
  normInf,
  slice,
  sub,
  where,
  zeros,
} from '../../../lib/index.js'
import type { Operand, Solver, Tensor } from '../../../lib/index.js'
import type { QpData } from '../qp.js'

/** The share of the way to the boundary that a step goes. */
const tau = 0.99999

export interface InteriorPointChoice {
  /** What z is moved by at the start: its own margin, or that of s as in the published code. */
  readonly start: 'right' | 'published'
  /** The stop test: the norm of the corrector's right-hand side, or the largest residual of the optimality conditions. */
  readonly measure: 'corrector' | 'residual'
  readonly tol: number
}

const sizesOf = ({ q, b, h }: QpData) => ({ n: q.size, m: b.size, p: h.size })

/** The parts of v: [n + 2p + m]. */
export const partsOf = (data: QpData, v: Tensor) => {
  const { n, m, p } = sizesOf(data)
  const part = (from: number, length: number): Tensor => slice(v, [from, from + length])
  return { x: part(0, n), s: part(n, p), z: part(n + p, p), y: part(n + 2 * p, m) }
}

const residual = (data: QpData, v: Tensor, b: Operand): Tensor => {
  const { Q, q, A, G, h } = data
  const { x, s, z, y } = partsOf(data, v)
  return concat([
    matmul(Q, x)
      .add(q)
      .add(matmul(matrixTranspose(G), z))
      .add(matmul(matrixTranspose(A), y)),
    mul(s, z),
    matmul(G, x).add(s).sub(h),
    matmul(A, x).sub(b),
  ])
}

/** The derivative of the residual in v. */
const derivative = (data: QpData, v: Tensor): Tensor => {
  const { Q, A, G } = data
  const { n, m, p } = sizesOf(data)
  const { s, z } = partsOf(data, v)
  const none = (rows: number, columns: number) => zeros([rows, columns])
  const row = (...blocks: readonly Operand[]): Tensor => concat(blocks, 1)
  return concat([
    row(Q, none(n, p), matrixTranspose(G), matrixTranspose(A)),
    row(none(p, n), diag(z), diag(s), none(p, m)),
    row(G, eye(p), none(p, p), none(p, m)),
    row(A, none(m, 2 * p + m)),
  ])
}

/** The start by either rule: one linear solve, and what is not positive is moved. */
export const startOf = (data: QpData, b: Operand, rule: InteriorPointChoice['start']): Tensor => {
  const { Q, q, A, G, h } = data
  const { n, m, p } = sizesOf(data)
  const matrix = concat([
    concat([Q, matrixTranspose(G), matrixTranspose(A)], 1),
    concat([G, neg(eye(p)), zeros([p, m])], 1),
    concat([A, zeros([m, p + m])], 1),
  ])
  const solved = luSolve(matrix, concat([neg(q), h, b]))
  const [x, z, y] = [slice(solved, [0, n]), slice(solved, [n, n + p]), slice(solved, [n + p, n + p + m])]
  const moved = (t: Tensor, margin: Tensor): Tensor => where(less(margin, 0), t, t.add(margin).add(1))
  const [ofS, ofZ] = [max(z), max(neg(z))]
  return concat([x, moved(neg(z), ofS), moved(z, rule === 'right' ? ofZ : ofS), y])
}

/** The largest step that keeps t ≥ 0, or 2. */
const room = (t: Tensor, d: Tensor): Tensor => min(where(less(d, 0), neg(div(t, d)), 2))

interface State {
  readonly v: Tensor
  /** What the stop test looks at. */
  readonly error: Operand
}

/** The loop; θ = b. */
export const publishedInteriorPoint = (
  data: QpData,
  { start, measure, tol }: InteriorPointChoice,
): Solver<Tensor, Tensor, State> => {
  const { n, m, p } = sizesOf(data)
  return {
    name: 'published interior point',
    init: (_, b) => ({ v: startOf(data, b, start), error: 1 }),
    step: ({ v }, b) => {
      const factor = luFactor(derivative(data, v))
      const { s, z } = partsOf(data, v)
      const affine = factor.solve(neg(residual(data, v, b)))
      const { s: ds, z: dz } = partsOf(data, affine)
      const alpha = minimum(1, minimum(room(s, ds), room(z, dz)))
      const gap = dot(s, z)
      const sigma = div(dot(s.add(mul(alpha, ds)), z.add(mul(alpha, dz))), gap).pow(3)
      const corrector = sub(mul(sigma, gap.div(p)), mul(ds, dz))
      const d = affine.add(factor.solve(concat([zeros([n]), corrector, zeros([p + m])])))
      const parts = partsOf(data, d)
      const next = v.add(mul(minimum(1, mul(tau, minimum(room(s, parts.s), room(z, parts.z)))), d))
      return {
        v: next,
        error: measure === 'corrector' ? norm2(corrector) : normInf(residual(data, next, b)),
      }
    },
    point: ({ v }) => v,
    error: ({ error }) => error,
    residual: (v, b) => residual(data, v, b),
    linearize: (v) => luFactor(derivative(data, v)),
    stopping: { maxSteps: 50, tol, rtol: 0, divergence: Infinity },
  }
}

/** Any v, where `solve` asks for a start: the solver makes its own. */
export const anyStart = (data: QpData): Float64Array => {
  const { n, m, p } = sizesOf(data)
  return full([n + 2 * p + m], 1).data
}
