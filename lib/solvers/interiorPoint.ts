// Mehrotra's predictor-corrector for convex quadratic programs.
//   min ½ xᵀQx + qᵀx   subject to   Ax = b,  Gx + s = h,  s ≥ 0
// Newton on the optimality conditions, with the product s∘z driven to 0:
//   Qx + q + Aᵀy + Gᵀz = 0,   Ax = b,   Gx + s = h,   s∘z = 0,   z ≥ 0
// One factorization a step: ds and dz are eliminated, which leaves  (Q + Gᵀ diag(z/s) G) dx + Aᵀ dy = …,  A dx = …,
// a Cholesky factor of the first block and one of its Schur complement (Nocedal and Wright 2006, section 16.6).
import { ArgumentError, ShapeError } from '../base/errors.js'
import { array, ones, zeros } from '../base/ndarray.js'
import type { NDArray } from '../base/ndarray.js'
import { formatShape } from '../base/shape.js'
import type { Shape } from '../base/shape.js'
import type { LinearOperator, Solver, StoppingOptions } from '../differentiation/solver.js'
import { isTensor } from '../ir/tensor.js'
import type { Tensor } from '../ir/tensor.js'
import { tensor } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import { add, div, less, maximum, minimum, mul, neg, stopGradient, sub, where } from '../ops/elementwise.js'
import { choleskyFactor, dot, gram, matmul } from '../ops/linalg.js'
import { broadcast, eye, matrixTranspose } from '../ops/movement.js'
import { min, norm2, normInf } from '../ops/reduce.js'
import { stopping } from './stopping.js'
import { pack } from './vectors.js'

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

export interface InteriorPointOptions<P> extends StoppingOptions {
  readonly problem: (theta: P) => QuadraticProgram
  /** The share of the way to the boundary that a step may go; default 0.995. */
  readonly tau?: number
  /** δ, added to the diagonals of the blocks of x, y and z; what it changes is refined away. Default 1e-10. */
  readonly regularization?: number
  /** Steps of iterative refinement on the whole system; default 1. */
  readonly refinement?: number
  /**
   * What is compared with tol: 'kkt' (default), the largest of the residuals and of the gap sᵀz; or 'centring', the norm of the
   * corrector's right-hand side, as the paper's experiment does.
   */
  readonly measure?: 'kkt' | 'centring'
}

export interface InteriorPointState {
  readonly point: PrimalDual<Operand>
  /** The last step length. */
  readonly alpha: Operand
  readonly error: Operand
}

/** Data as Tensors, and the parts that both kinds of constraints have. */
interface Problem {
  readonly Q: Tensor
  readonly q: Tensor
  readonly equality: { readonly A: Tensor; readonly b: Tensor } | undefined
  readonly inequality: { readonly G: Tensor; readonly h: Tensor } | undefined
}

const read = (data: QuadraticProgram): Problem => {
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

const transposed = (matrix: Tensor, v: Tensor): Tensor => matmul(matrixTranspose(matrix), v)
const of = (parts: PrimalDual<Operand>, name: keyof PrimalDual): Tensor => tensor(parts[name] as Operand)

/** The residual of the optimality conditions, each in the place of the variable that belongs to it. */
const residualOf = (problem: Problem, at: PrimalDual<Operand>): PrimalDual => {
  const { Q, q, equality, inequality } = problem
  const x = of(at, 'x')
  let dual = add(matmul(Q, x), q)
  if (equality !== undefined) dual = add(dual, transposed(equality.A, of(at, 'y')))
  if (inequality !== undefined) dual = add(dual, transposed(inequality.G, of(at, 'z')))
  const { A, b } = equality ?? {}
  const { G, h } = inequality ?? {}
  return {
    x: dual,
    ...(G === undefined || h === undefined
      ? {}
      : { s: mul(of(at, 's'), of(at, 'z')), z: sub(add(matmul(G, x), of(at, 's')), h) }),
    ...(A === undefined || b === undefined ? {} : { y: sub(matmul(A, x), b) }),
  }
}

/** Sums of corresponding parts. */
const plus = (a: PrimalDual<Operand>, alpha: Operand, b: PrimalDual<Operand>): PrimalDual => {
  const sum = (name: keyof PrimalDual): Tensor => add(a[name] as Operand, mul(alpha, b[name] as Operand))
  return {
    x: sum('x'),
    ...(a.s === undefined ? {} : { s: sum('s'), z: sum('z') }),
    ...(a.y === undefined ? {} : { y: sum('y') }),
  }
}

interface Kkt {
  readonly solve: (r: PrimalDual) => PrimalDual
  readonly solveTransposed: (r: PrimalDual) => PrimalDual
}

/** Solves with the derivative of the residual at s and z, and with its transpose, by one factorization. */
const kktAt = (problem: Problem, at: PrimalDual<Operand>, delta: number, refinement: number): Kkt => {
  const { Q, equality, inequality } = problem
  const n = Q.shape[0] as number
  const [s, z] = inequality === undefined ? [] : [of(at, 's'), of(at, 'z')]
  // With δ the rows of z read  G dx + ds − δ dz = r.z,  which bounds the weights of constraints that are active.
  const room = s === undefined || z === undefined ? undefined : add(s, mul(delta, z))
  const weights = z === undefined || room === undefined ? undefined : div(z, room)
  const regular = (m: Tensor, size: number): Tensor => (delta === 0 ? m : add(m, mul(delta, eye(size))))
  const block = weights === undefined || inequality === undefined ? Q : add(Q, gram(inequality.G, weights))
  const factor = choleskyFactor(regular(block, n))
  const A = equality?.A
  const columns = A && factor.solve(matrixTranspose(A))
  const schur = A && columns && choleskyFactor(regular(matmul(A, columns), A.shape[0] as number))
  /** H dx + Aᵀ dy = t,  A dx = r */
  const reduced = (t: Tensor, r: Tensor | undefined): { dx: Tensor; dy?: Tensor } => {
    const plain = factor.solve(t)
    if (A === undefined || columns === undefined || schur === undefined || r === undefined)
      return { dx: plain }
    const dy = schur.solve(sub(matmul(A, plain), r))
    return { dx: sub(plain, matmul(columns, dy)), dy }
  }
  /** z ds + s dz = r.s,  G dx + ds = r.z */
  const direct = (r: PrimalDual): PrimalDual => {
    if (inequality === undefined || room === undefined || z === undefined) {
      const { dx, dy } = reduced(r.x, r.y)
      return dy === undefined ? { x: dx } : { x: dx, y: dy }
    }
    const { G } = inequality
    const [rs, rz] = [r.s as Tensor, r.z as Tensor]
    const { dx, dy } = reduced(sub(r.x, transposed(G, div(sub(rs, mul(z, rz)), room))), r.y)
    const slack = sub(rz, matmul(G, dx))
    const dz = div(sub(rs, mul(z, slack)), room)
    const ds = add(slack, mul(delta, dz))
    return { x: dx, s: ds, z: dz, ...(dy === undefined ? {} : { y: dy }) }
  }
  /** The transpose: z us + uz = r.s,  G ux + s us = r.z; the rows of s and z have changed places. */
  const transposedOnce = (r: PrimalDual): PrimalDual => {
    if (inequality === undefined || room === undefined || z === undefined || weights === undefined)
      return direct(r)
    const { G } = inequality
    const rs = r.s as Tensor
    const rz = add(r.z as Tensor, mul(delta, rs))
    const { dx, dy } = reduced(sub(r.x, transposed(G, sub(rs, mul(weights, rz)))), r.y)
    const us = div(sub(rz, matmul(G, dx)), room)
    const uz = sub(rs, mul(z, us))
    return { x: dx, s: us, z: uz, ...(dy === undefined ? {} : { y: dy }) }
  }
  /** The matrix itself, and its transpose, times d. */
  const times = (d: PrimalDual, flip: boolean): PrimalDual => {
    const zero = (t: { readonly shape: readonly number[] }): Tensor => broadcast(0, t.shape)
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
  return { solve: refined(direct, false), solveTransposed: refined(transposedOnce, true) }
}

/** The largest step that keeps v ≥ 0, or 2 where nothing is in the way. */
const largestStep = (v: Tensor, d: Tensor): Tensor => min(where(less(d, 0), neg(div(v, d)), 2))

/** Moves v into the positive orthant, if it is not there: v + 1 − min(v). */
const shifted = (v: Tensor): Tensor => {
  const below = neg(min(v))
  return where(less(below, 0), v, add(v, add(1, below)))
}

/** The direction of a step, affine part and corrector, and the norm of the corrector's right-hand side. */
const directionAt = (
  problem: Problem,
  at: PrimalDual<Operand>,
  kkt: Kkt,
): { readonly d: PrimalDual; readonly centring: Operand } => {
  const residual = residualOf(problem, at)
  const affine = kkt.solve(plus(zeroParts(residual), -1, residual))
  if (problem.inequality === undefined) return { d: affine, centring: norm2(pack(residual).vector) }
  const [s, z] = [of(at, 's'), of(at, 'z')]
  const [ds, dz] = [affine.s as Tensor, affine.z as Tensor]
  const alpha = minimum(1, minimum(largestStep(s, ds), largestStep(z, dz)))
  const gap = dot(s, z)
  const after = dot(add(s, mul(alpha, ds)), add(z, mul(alpha, dz)))
  const sigma = div(after, gap)
  const centre = mul(mul(sigma, mul(sigma, sigma)), div(gap, s.shape[0] as number))
  const corrector = sub(centre, mul(ds, dz))
  const r = { ...zeroParts(residual), s: corrector }
  return { d: plus(affine, 1, kkt.solve(r)), centring: norm2(corrector) }
}

const zeroParts = (parts: PrimalDual): PrimalDual => {
  const zero = (t: Tensor): Tensor => broadcast(0, t.shape)
  return {
    x: zero(parts.x),
    ...(parts.s === undefined || parts.z === undefined ? {} : { s: zero(parts.s), z: zero(parts.z) }),
    ...(parts.y === undefined ? {} : { y: zero(parts.y) }),
  }
}

/** The largest residual, or the gap if that is larger. */
const kktError = (problem: Problem, at: PrimalDual<Operand>): Tensor => {
  const { x, y, z } = residualOf(problem, at)
  let error = normInf(x)
  if (y !== undefined) error = maximum(error, normInf(y))
  if (z !== undefined) error = maximum(error, maximum(normInf(z), dot(of(at, 's'), of(at, 'z'))))
  return error
}

/** Where the iteration begins: the solution of the equations with s = −z, moved inside. */
const start = (problem: Problem, delta: number, refinement: number): PrimalDual => {
  const { q, equality, inequality } = problem
  const ones = inequality && { s: broadcast(1, inequality.h.shape), z: broadcast(1, inequality.h.shape) }
  const kkt = kktAt(problem, { x: q, ...ones }, delta, refinement)
  // With s = z = 1 and no residual of their own the rows of s and z say  z = Gx − h = −s.
  const r: PrimalDual = {
    x: neg(q),
    ...(inequality && { s: broadcast(0, inequality.h.shape), z: inequality.h }),
    ...(equality && { y: equality.b }),
  }
  const found = kkt.solve(r)
  if (inequality === undefined) return found
  return { ...found, s: shifted(found.s as Tensor), z: shifted(found.z as Tensor) }
}

/**
 * A solver of quadratic programs; `primalDualStart` makes the x0 that `solve` needs. Default maxSteps 50, tol 1e-8.
 * One-step differentiation of the last step, which has length α, is α times the derivative: `oneStep({ stepLengthCorrection: true })`.
 */
export const interiorPoint = <P>(
  options: InteriorPointOptions<P>,
): Solver<PrimalDual<Operand>, P, InteriorPointState> => {
  const { problem: problemOf, tau = 0.995, regularization = 1e-10, refinement = 1, measure = 'kkt' } = options
  const shared = stopping(
    'interiorPoint',
    options,
    ['problem', 'tau', 'regularization', 'refinement', 'measure'],
    { maxSteps: 50 },
  )
  if (!(tau > 0 && tau < 1)) {
    throw new ArgumentError('interiorPoint: tau', {
      expected: 'a number between 0 and 1',
      received: String(tau),
    })
  }
  if (measure !== 'kkt' && measure !== 'centring') {
    throw new ArgumentError('interiorPoint: measure', {
      expected: "'kkt' or 'centring'",
      received: String(measure),
    })
  }
  const kktOf = (problem: Problem, at: PrimalDual<Operand>): Kkt =>
    kktAt(problem, at, regularization, refinement)
  return {
    name: 'interiorPoint',
    init: (_, theta) => {
      const problem = read(problemOf(theta))
      const point = start(problem, regularization, refinement)
      return { point, alpha: 1, error: measure === 'kkt' ? kktError(problem, point) : 1 }
    },
    step: ({ point }, theta) => {
      const problem = read(problemOf(theta))
      const { d, centring } = directionAt(problem, point, kktOf(problem, point))
      const alpha =
        problem.inequality === undefined
          ? tensor(1)
          : minimum(
              1,
              mul(
                tau,
                minimum(
                  largestStep(of(point, 's'), d.s as Tensor),
                  largestStep(of(point, 'z'), d.z as Tensor),
                ),
              ),
            )
      const next = plus(point, alpha, d)
      return { point: next, alpha, error: measure === 'kkt' ? kktError(problem, next) : centring }
    },
    point: ({ point }) => point,
    error: ({ error }) => error,
    stepLength: ({ alpha }) => alpha,
    map: (point, theta, { alpha }) => {
      const problem = read(problemOf(theta))
      const { d } = directionAt(problem, point, kktOf(problem, point))
      return plus(point, stopGradient(alpha), d)
    },
    residual: (point, theta) => residualOf(read(problemOf(theta)), point),
    linearize: (point, theta): LinearOperator => {
      const kkt = kktOf(read(problemOf(theta)), point)
      const { unpack } = pack(point)
      const vectors = (solve: (r: PrimalDual) => PrimalDual) => (b: Tensor) =>
        pack(inOrder(point, solve(unpack(b) as PrimalDual))).vector
      return { solve: vectors(kkt.solve), solveTransposed: vectors(kkt.solveTransposed) }
    },
    stopping: shared,
  }
}

/** The parts in the order of a point. */
const inOrder = (point: PrimalDual<Operand>, parts: PrimalDual): PrimalDual =>
  Object.fromEntries(
    Object.keys(point).map((name) => [name, parts[name as keyof PrimalDual]]),
  ) as unknown as PrimalDual

/** A start of the shapes of a solution: the x0 that `solve` wants, whose numbers do not matter. */
export const primalDualStart = ({ q, b, h }: QuadraticProgram): PrimalDual<NDArray> => {
  const shape = (v: Operand): Shape => (isTensor(v) ? v.shape : array(v).shape)
  return {
    x: zeros(shape(q)),
    ...(h === undefined ? {} : { s: ones(shape(h)), z: ones(shape(h)) }),
    ...(b === undefined ? {} : { y: zeros(shape(b)) }),
  }
}
