// The optimality conditions of a convex quadratic program, and solves with their derivative.
//   Qx + q + Aᵀy + Gᵀz = 0,   Ax = b,   Gx + s = h,   s∘z = 0,   s, z ≥ 0
// ds and dz are eliminated, which leaves  (Q + Gᵀ diag(z/s) G) dx + Aᵀ dy = …,  A dx = …:  a Cholesky factor of the first block
// and one of its Schur complement (Nocedal and Wright 2006, section 16.6). Both stay regular where Q, A or G lack rank:
//   δ on the diagonals of the blocks of x, y and z, in the units that each has, which iterative refinement takes out again where
//   the system allows it (Friedlander and Orban 2012);   γ AᵀA in the first block, which changes no solution, since A dx is given.
import { ArgumentError, ShapeError } from '../base/errors.js'
import { formatShape } from '../base/shape.js'
import type { Tensor } from '../ir/tensor.js'
import { tensor } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import { abs, add, div, greater, maximum, mul, stopGradient, sub, where } from '../ops/elementwise.js'
import { choleskyFactor, gram, matmul } from '../ops/linalg.js'
import { broadcast, eye, matrixTranspose } from '../ops/movement.js'
import { max } from '../ops/reduce.js'

/** The data of a quadratic program. Q is symmetric positive semidefinite; constraints of a kind are given together or not at all. */
export interface QuadraticProgram {
  /** [n, n] */
  readonly Q: Operand
  /** [n] */
  readonly q: Operand
  /** [m, n] */
  readonly A?: Operand
  /** [m] */
  readonly b?: Operand
  /** [p, n] */
  readonly G?: Operand
  /** [p] */
  readonly h?: Operand
}

/** x, the multipliers y of Ax = b and z ≥ 0 of Gx ≤ h, and the slack s = h − Gx ≥ 0; parts without constraints are absent. */
export interface PrimalDual<T = Tensor> {
  readonly x: T
  readonly s?: T
  readonly z?: T
  readonly y?: T
}

/** Data as Tensors, and the parts that both kinds of constraints have. */
export interface Problem {
  readonly Q: Tensor
  readonly q: Tensor
  readonly equality: { readonly A: Tensor; readonly b: Tensor } | undefined
  readonly inequality: { readonly G: Tensor; readonly h: Tensor } | undefined
}

/**
 * The data as Tensors.
 * @throws {ArgumentError} for half of a pair A, b or G, h.
 * @throws {ShapeError} for shapes that do not fit.
 */
export const readProgram = (data: QuadraticProgram): Problem => {
  const pair = <K extends string, L extends string>(
    first: K,
    second: L,
    m: Operand | undefined,
    v: Operand | undefined,
  ): Record<K | L, Tensor> | undefined => {
    if (m === undefined && v === undefined) return undefined
    if (m === undefined || v === undefined) {
      throw new ArgumentError(`a quadratic program needs ${first} and ${second} together`, {
        received: `${m === undefined ? second : first} alone`,
      })
    }
    return { [first]: tensor(m), [second]: tensor(v) } as Record<K | L, Tensor>
  }
  const problem = {
    Q: tensor(data.Q),
    q: tensor(data.q),
    equality: pair('A', 'b', data.A, data.b),
    inequality: pair('G', 'h', data.G, data.h),
  }
  const n = problem.q.shape[0] ?? 0
  const check = (name: string, t: Tensor | undefined, rows: number | undefined, columns?: number): void => {
    if (t === undefined) return
    const expected = columns === undefined ? [rows ?? 0] : [rows ?? 0, columns]
    if (formatShape(t.shape) === formatShape(expected)) return
    throw new ShapeError(`${name} of a quadratic program does not fit`, {
      expected: formatShape(expected),
      received: formatShape(t.shape),
    })
  }
  const { Q, q, equality, inequality } = problem
  check('q', q, n)
  check('Q', Q, n, n)
  check('A', equality?.A, equality?.b.shape[0], n)
  check('G', inequality?.G, inequality?.h.shape[0], n)
  return problem
}

/** Mᵀ v */
export const transposed = (matrix: Tensor, v: Tensor): Tensor => matmul(matrixTranspose(matrix), v)

/** A part that is there. */
export const part = (parts: PrimalDual<Operand>, name: keyof PrimalDual): Tensor =>
  tensor(parts[name] as Operand)

/** f of the parts that both have. */
export const combine = (
  a: PrimalDual<Operand>,
  b: PrimalDual<Operand>,
  f: (a: Tensor, b: Tensor) => Tensor,
): PrimalDual => {
  const of = (name: keyof PrimalDual): Tensor => f(part(a, name), part(b, name))
  return {
    x: of('x'),
    ...(a.s === undefined ? {} : { s: of('s'), z: of('z') }),
    ...(a.y === undefined ? {} : { y: of('y') }),
  }
}

/** a + α b */
export const plus = (a: PrimalDual<Operand>, alpha: Operand, b: PrimalDual<Operand>): PrimalDual =>
  combine(a, b, (u, v) => add(u, mul(alpha, v)))

/** 0 in all parts. */
export const zeroLike = (parts: PrimalDual<Operand>): PrimalDual =>
  combine(parts, parts, (u) => broadcast(0, u.shape))

/** The residual of the optimality conditions, each in the place of the variable that belongs to it: s∘z in that of s, Gx + s − h in that of z. */
export const residualOf = (problem: Problem, at: PrimalDual<Operand>): PrimalDual => {
  const { Q, q, equality, inequality } = problem
  const x = part(at, 'x')
  let dual = add(matmul(Q, x), q)
  if (equality !== undefined) dual = add(dual, transposed(equality.A, part(at, 'y')))
  if (inequality !== undefined) dual = add(dual, transposed(inequality.G, part(at, 'z')))
  const { A, b } = equality ?? {}
  const { G, h } = inequality ?? {}
  return {
    x: dual,
    ...(G === undefined || h === undefined
      ? {}
      : { s: mul(part(at, 's'), part(at, 'z')), z: sub(add(matmul(G, x), part(at, 's')), h) }),
    ...(A === undefined || b === undefined ? {} : { y: sub(matmul(A, x), b) }),
  }
}

/** Solves with the derivative of the residual at a point, and with its transpose. */
export interface Kkt {
  /** Without refinement. */
  readonly solveRoughly: (r: PrimalDual) => PrimalDual
  readonly solve: (r: PrimalDual) => PrimalDual
  readonly solveTransposed: (r: PrimalDual) => PrimalDual
}

/** δ, relative, and how many steps of iterative refinement take it out. */
export interface Regularization {
  readonly delta: number
  readonly refinement: number
}

/** The largest entry, or 1 where all are 0. A constant. */
const scaleOf = (...parts: readonly Tensor[]): Tensor => {
  const most = parts.map((t) => max(abs(stopGradient(t)))).reduce((a, b) => maximum(a, b))
  return where(greater(most, 0), most, 1)
}

/** Factorizes at s and z, once. */
export const kktAt = (
  problem: Problem,
  at: PrimalDual<Operand>,
  { delta, refinement }: Regularization,
): Kkt => {
  const { Q, equality, inequality } = problem
  const [s, z] = inequality === undefined ? [] : [part(at, 's'), part(at, 'z')]
  // The units of the objective, and of a constraint's multiplier: an objective or a matrix times 10⁵ changes nothing else.
  const unit = scaleOf(Q, problem.q)
  const unitOf = (matrix: Tensor): Tensor => {
    const size = scaleOf(matrix)
    return div(mul(size, size), unit)
  }
  // With δ the rows of z read  G dx + ds − δ dz = r.z,  which bounds the weights of constraints that are active.
  const slackDelta = inequality && mul(delta, unitOf(inequality.G))
  const room = s && z && slackDelta && add(s, mul(slackDelta, z))
  const weights = z && room && div(z, room)
  const regular = (m: Tensor, by: Tensor): Tensor =>
    delta === 0 ? m : add(m, mul(mul(delta, by), eye(m.shape[0] as number)))
  const A = equality?.A
  const gamma = A && div(1, unitOf(A))
  // All but the weights stays the same from step to step.
  const lasting = regular(A && gamma ? add(Q, mul(gamma, matmul(matrixTranspose(A), A))) : Q, unit)
  const factor = choleskyFactor(
    weights === undefined || inequality === undefined ? lasting : add(lasting, gram(inequality.G, weights)),
  )
  const columns = A && factor.solve(matrixTranspose(A))
  const schur = A && columns && choleskyFactor(regular(matmul(A, columns), unitOf(A)))
  /** H dx + Aᵀ dy = t,  A dx = r */
  const reduced = (t: Tensor, r: Tensor | undefined): { dx: Tensor; dy?: Tensor } => {
    if (
      A === undefined ||
      gamma === undefined ||
      columns === undefined ||
      schur === undefined ||
      r === undefined
    )
      return { dx: factor.solve(t) }
    const plain = factor.solve(add(t, transposed(A, mul(gamma, r))))
    const dy = schur.solve(sub(matmul(A, plain), r))
    return { dx: sub(plain, matmul(columns, dy)), dy }
  }
  /** z ds + s dz = r.s,  G dx + ds = r.z */
  const direct = (r: PrimalDual): PrimalDual => {
    if (inequality === undefined || room === undefined || z === undefined || slackDelta === undefined) {
      const { dx, dy } = reduced(r.x, r.y)
      return dy === undefined ? { x: dx } : { x: dx, y: dy }
    }
    const { G } = inequality
    const [rs, rz] = [r.s as Tensor, r.z as Tensor]
    const { dx, dy } = reduced(sub(r.x, transposed(G, div(sub(rs, mul(z, rz)), room))), r.y)
    const slack = sub(rz, matmul(G, dx))
    const dz = div(sub(rs, mul(z, slack)), room)
    const ds = add(slack, mul(slackDelta, dz))
    return { x: dx, s: ds, z: dz, ...(dy === undefined ? {} : { y: dy }) }
  }
  /** The transpose: z us + uz = r.s,  G ux + s us = r.z; the rows of s and z have changed places. */
  const transposedOnce = (r: PrimalDual): PrimalDual => {
    if (!inequality || !room || !z || !weights || !slackDelta) return direct(r)
    const { G } = inequality
    const rs = r.s as Tensor
    const rz = add(r.z as Tensor, mul(slackDelta, rs))
    const { dx, dy } = reduced(sub(r.x, transposed(G, sub(rs, mul(weights, rz)))), r.y)
    const us = div(sub(rz, matmul(G, dx)), room)
    const uz = sub(rs, mul(z, us))
    return { x: dx, s: us, z: uz, ...(dy === undefined ? {} : { y: dy }) }
  }
  /** The matrix itself, and its transpose, times d. */
  const times = (d: PrimalDual, flip: boolean): PrimalDual => {
    const zero = (t: Tensor): Tensor => broadcast(0, t.shape)
    const homogeneous = {
      ...problem,
      q: zero(problem.q),
      equality: equality && { A: equality.A, b: zero(equality.b) },
      inequality: inequality && { G: inequality.G, h: zero(inequality.h) },
    }
    const plain = residualOf(homogeneous, d)
    if (s === undefined || z === undefined || inequality === undefined) return plain
    const [ds, dz] = [d.s as Tensor, d.z as Tensor]
    if (!flip) return { ...plain, s: add(mul(z, ds), mul(s, dz)) }
    return {
      ...plain,
      s: add(mul(z, ds), dz),
      z: add(matmul(inequality.G, d.x), mul(s, ds)),
    }
  }
  const refined =
    (solve: (r: PrimalDual) => PrimalDual, flip: boolean) =>
    (r: PrimalDual): PrimalDual => {
      let d = solve(r)
      for (let k = 0; k < refinement; k++) d = plus(d, 1, solve(plus(r, -1, times(d, flip))))
      return d
    }
  return {
    solveRoughly: direct,
    solve: refined(direct, false),
    solveTransposed: refined(transposedOnce, true),
  }
}
