// Mehrotra's predictor-corrector for convex quadratic programs.
//   min ½ xᵀQx + qᵀx   subject to   Ax = b,  Gx + s = h,  s ≥ 0
// Newton on the optimality conditions, with the product s∘z driven to 0: first the affine direction, then the corrector
//   σμ1 − ω dsₐ∘dzₐ,   μ = sᵀz / p,   σ = (μ after the affine step of length α, over μ)³,   ω = min(1, 4α),
// all with one factorization (kkt.ts). Where the affine step is short its second-order part says little and would lead astray,
// so that it is weighted down (Colombo and Gondzio 2008); infeasible programs would jam without this.
import { ArgumentError } from '../base/errors.js'
import { array, ones, zeros } from '../base/ndarray.js'
import type { NDArray } from '../base/ndarray.js'
import type { Shape } from '../base/shape.js'
import { statusCode } from '../base/status.js'
import type { LinearOperator, Solver, StoppingOptions } from '../differentiation/solver.js'
import { isTensor } from '../ir/tensor.js'
import type { Tensor } from '../ir/tensor.js'
import { tensor } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import {
  add,
  div,
  equal,
  greater,
  greaterEqual,
  isFinite,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  maximum,
  minimum,
  mul,
  neg,
  stopGradient,
  sub,
  where,
} from '../ops/elementwise.js'
import { dot } from '../ops/linalg.js'
import { broadcast } from '../ops/movement.js'
import { min, norm2, normInf } from '../ops/reduce.js'
import { proofIn } from './infeasibility.js'
import type { Proof } from './infeasibility.js'
import { combine, kktAt, part, plus, readProgram, residualOf, zeroLike } from './kkt.js'
import type { Kkt, PrimalDual, Problem, QuadraticProgram, Regularization } from './kkt.js'
import { stopping } from './stopping.js'
import { pack } from './vectors.js'

export interface InteriorPointOptions<P> extends StoppingOptions {
  readonly problem: (theta: P) => QuadraticProgram
  /** The share of the way to the boundary that a step may go; default 0.995. */
  readonly tau?: number
  /** δ, added to the diagonals of the blocks of x, y and z, relative to the largest of Q, q, and of the constraints; default 1e-7. */
  readonly regularization?: number
  /** Steps of iterative refinement, which take δ out again; default 1, and two more for derivatives. */
  readonly refinement?: number
  /**
   * What is compared with tol: 'kkt' (default), the largest of the residuals and of the gap sᵀz, and the point that is returned is
   * the one where it was smallest; or 'centring', the norm of the corrector's right-hand side, as the paper's experiment does,
   * and the last point is returned.
   */
  readonly measure?: 'kkt' | 'centring'
  /** Where to begin: 'own' (default), the start that Mehrotra takes from the data; or 'x0', a warm start, with s and z moved inside. */
  readonly start?: 'own' | 'x0'
}

export interface InteriorPointState {
  readonly point: PrimalDual<Operand>
  /** Of the optimality conditions at the point. */
  readonly residual: PrimalDual<Operand>
  /** The point that is returned. */
  readonly answer: PrimalDual<Operand>
  /** The error of the answer. */
  readonly error: Operand
  /** The length of the step that led to the answer. */
  readonly alpha: Operand
  /** The best certificate that there is no solution, and how far it is from one; see infeasibility.ts. */
  readonly proof: Pick<PrimalDual<Operand>, 'x' | 'y' | 'z'>
  readonly defect: Operand
  /** The status code of what it proves, −1 while there is none; and since how many steps there is one. */
  readonly found: Operand
  readonly since: Operand
  /** The status of a program that has no solution or cannot be continued, else −1. */
  readonly verdict: Operand
}

/** A certificate this good ends the iteration, and so do so many steps after the first. */
const goodProof = 1e-10
const patience = 4

/** The largest step that keeps v ≥ 0, or 2 where nothing is in the way. */
const largestStep = (v: Tensor, d: Tensor): Tensor => min(where(less(d, 0), neg(div(v, d)), 2))

/** The largest step that keeps s and z ≥ 0. */
const room = (at: PrimalDual<Operand>, d: PrimalDual): Tensor =>
  minimum(largestStep(part(at, 's'), d.s as Tensor), largestStep(part(at, 'z'), d.z as Tensor))

/**
 * Where the gap (s + α ds)ᵀ(z + α dz) is smallest, a parabola in α, but no less than 0.1; 1 where it falls that far. Without this a
 * step may overshoot, and the next ones undo it and overshoot again, for ever.
 */
const smallestGap = (at: PrimalDual<Operand>, d: PrimalDual): Tensor => {
  const [s, z, ds, dz] = [part(at, 's'), part(at, 'z'), d.s as Tensor, d.z as Tensor]
  const [slope, bend] = [add(dot(s, dz), dot(z, ds)), dot(ds, dz)]
  const turns = logicalAnd(less(slope, 0), greater(bend, 0))
  return where(turns, maximum(0.1, div(neg(slope), mul(2, where(turns, bend, 1)))), 1)
}

/** Moves v into the positive orthant, if it is not there: v + 1 − min(v). */
const shifted = (v: Tensor): Tensor => {
  const below = neg(min(v))
  return where(less(below, 0), v, add(v, add(1, below)))
}

/** A point with s and z in the positive orthant. */
const inside = (point: PrimalDual<Operand>): PrimalDual => ({
  ...combine(point, point, (a) => a),
  ...(point.s === undefined ? {} : { s: shifted(part(point, 's')), z: shifted(part(point, 'z')) }),
})

/**
 * Where a step of the length of another one leads beyond the boundary, a thousandth of what was there; the derivative stays that of
 * the step.
 */
const lifted = (v: Tensor, before: Tensor): Tensor =>
  add(v, stopGradient(sub(maximum(v, mul(1e-3, before)), v)))

/**
 * The direction of a step, affine part and corrector, and the norm of the corrector's right-hand side.
 * @param aim how the affine direction is found, which only says where to aim: in a step it need not be refined
 */
const directionAt = (
  at: PrimalDual<Operand>,
  residual: PrimalDual<Operand>,
  kkt: Kkt,
  aim: Kkt['solve'] = kkt.solve,
): { readonly d: PrimalDual; readonly centring: Operand } => {
  const down = plus(zeroLike(residual), -1, residual)
  if (at.s === undefined) return { d: kkt.solve(down), centring: norm2(pack(residual).vector) }
  const affine = aim(down)
  const [s, z] = [part(at, 's'), part(at, 'z')]
  const [ds, dz] = [affine.s as Tensor, affine.z as Tensor]
  const alpha = stopGradient(minimum(1, room(at, affine)))
  const gap = dot(s, z)
  const sigma = div(dot(add(s, mul(alpha, ds)), add(z, mul(alpha, dz))), gap)
  const centre = mul(mul(sigma, mul(sigma, sigma)), div(gap, s.shape[0] as number))
  const corrector = sub(centre, mul(minimum(1, mul(4, alpha)), mul(ds, dz)))
  return { d: kkt.solve({ ...down, s: add(down.s as Tensor, corrector) }), centring: norm2(corrector) }
}

/** The largest residual, or the gap if that is larger. */
const kktError = (residual: PrimalDual, at: PrimalDual<Operand>): Tensor => {
  const { x, y, z } = residual
  let error = normInf(x)
  if (y !== undefined) error = maximum(error, normInf(y))
  if (z !== undefined) error = maximum(error, maximum(normInf(z), dot(part(at, 's'), part(at, 'z'))))
  return error
}

/** Where the iteration begins: the solution of the equations with s = −z, moved inside. */
const mehrotraStart = (problem: Problem, regularization: Regularization): PrimalDual => {
  const { q, equality, inequality } = problem
  const one = inequality && { s: broadcast(1, inequality.h.shape), z: broadcast(1, inequality.h.shape) }
  const kkt = kktAt(problem, { x: q, ...one }, regularization)
  // With s = z = 1 and no residual of their own the rows of s and z say  z = Gx − h = −s.
  const found = kkt.solve({
    x: neg(q),
    ...(inequality && { s: broadcast(0, inequality.h.shape), z: inequality.h }),
    ...(equality && { y: equality.b }),
  })
  return inside(found)
}

type Judgement = Pick<InteriorPointState, 'proof' | 'defect' | 'found' | 'since' | 'verdict'>

/** The better of two certificates, and whether to end by it, or because the point is no longer finite. */
const judged = (before: Judgement, proof: Proof, finite: Tensor): Judgement => {
  const better = logicalAnd(greaterEqual(proof.found, 0), less(proof.defect, before.defect))
  const kept = (name: 'x' | 'y' | 'z'): Tensor =>
    where(better, proof[name] as Operand, before.proof[name] as Operand)
  const found = where(better, proof.found, before.found)
  const defect = where(better, proof.defect, before.defect)
  const since = add(before.since, greaterEqual(found, 0))
  const ends = logicalOr(
    logicalNot(finite),
    logicalOr(lessEqual(defect, goodProof), greater(since, patience)),
  )
  const proved = logicalAnd(greaterEqual(found, 0), ends)
  return {
    proof: {
      x: kept('x'),
      ...(proof.z === undefined ? {} : { z: kept('z') }),
      ...(proof.y === undefined ? {} : { y: kept('y') }),
    },
    defect,
    found,
    since,
    verdict: where(proved, found, where(finite, -1, statusCode.singular)),
  }
}

/** The state at a point, before the next step. */
const begun = (
  point: PrimalDual<Operand>,
  residual: PrimalDual<Operand>,
  error: Operand,
): InteriorPointState => {
  const { x, y, z } = zeroLike(point)
  const proof = { x, ...(z === undefined ? {} : { z }), ...(y === undefined ? {} : { y }) }
  const nothing = { proof, defect: Infinity, found: -1, since: 0, verdict: -1 }
  return { point, residual, answer: point, error, alpha: 1, ...nothing }
}

/**
 * Solves min ½ xᵀQx + qᵀx subject to Ax = b, Gx ≤ h with the tree { x, s, z, y } as iterate; see {@link primalDualStart} for
 * the x0 of `solve`. Start and steps are those of the paper's experiment, with two safeguards (ω, and a step ends where the gap is
 * smallest) and the factorization of the reduced system. Derivatives by implicit() want a tol well below that of x: see docs/quadratic-programs.md.
 * Default maxSteps 50.
 *
 * A program without a solution ends with status `infeasible`, and (y, z) is then a certificate: Aᵀy + Gᵀz = 0, z ≥ 0,
 * bᵀy + hᵀz = −1; or with `unbounded`, and x is then a ray: Qx = 0, Ax = 0, Gx ≤ 0, qᵀx = −1; each to 1e-6 of the sums that it is
 * made of, and mostly far better.
 * A step of length α is α times too short to have the right one-step derivative: oneStep({ stepLengthCorrection: true }) divides by it.
 * @throws {ArgumentError} for half of a pair A, b or G, h, and for options out of range.
 * @throws {ShapeError} for shapes that do not fit.
 */
export const interiorPoint = <P>(
  options: InteriorPointOptions<P>,
): Solver<PrimalDual<Operand>, P, InteriorPointState> => {
  const { problem: problemOf, tau = 0.995, regularization = 1e-7, refinement = 1 } = options
  const { measure = 'kkt', start = 'own' } = options
  const shared = stopping(
    'interiorPoint',
    options,
    ['problem', 'tau', 'regularization', 'refinement', 'measure', 'start'],
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
  if (start !== 'own' && start !== 'x0') {
    throw new ArgumentError('interiorPoint: start', { expected: "'own' or 'x0'", received: String(start) })
  }
  const inSteps = { delta: regularization, refinement }
  const inDerivatives = { delta: regularization, refinement: refinement + 2 }
  return {
    name: 'interiorPoint',
    init: (x0, theta) => {
      const problem = readProgram(problemOf(theta))
      const point = start === 'own' ? mehrotraStart(problem, inSteps) : inside(x0)
      const residual = residualOf(problem, point)
      const error = measure === 'kkt' ? kktError(residual, point) : tensor(1)
      return begun(point, residual, error)
    },
    step: (state, theta) => {
      const { point, answer, error: least } = state
      const problem = readProgram(problemOf(theta))
      const kkt = kktAt(problem, point, inSteps)
      const { d, centring } = directionAt(point, state.residual, kkt, kkt.solveRoughly)
      const alpha =
        problem.inequality === undefined
          ? tensor(1)
          : minimum(smallestGap(point, d), minimum(1, mul(tau, room(point, d))))
      const next = plus(point, alpha, d)
      const residual = residualOf(problem, next)
      const error = measure === 'kkt' ? kktError(residual, next) : tensor(centring)
      const better = measure === 'kkt' ? less(error, least) : tensor(1)
      return {
        point: next,
        residual,
        answer: measure === 'kkt' ? combine(next, answer, (a, b) => where(better, a, b)) : next,
        error: where(better, error, least),
        alpha: where(better, alpha, state.alpha),
        ...judged(state, proofIn(problem, combine(d, d, stopGradient)), isFinite(error)),
      }
    },
    point: ({ answer, proof, verdict }) => {
      const instead = (name: 'x' | 'y' | 'z', code: number): Tensor =>
        where(equal(verdict, code), proof[name] as Operand, answer[name] as Operand)
      return {
        ...answer,
        x: instead('x', statusCode.unbounded),
        ...(answer.z === undefined ? {} : { z: instead('z', statusCode.infeasible) }),
        ...(answer.y === undefined ? {} : { y: instead('y', statusCode.infeasible) }),
      }
    },
    error: ({ error }) => error,
    verdict: ({ verdict }) => verdict,
    stepLength: ({ alpha }) => alpha,
    map: (point, theta, { alpha }) => {
      const problem = readProgram(problemOf(theta))
      const { d } = directionAt(point, residualOf(problem, point), kktAt(problem, point, inDerivatives))
      const next = plus(point, stopGradient(tensor(alpha)), d)
      if (next.s === undefined) return next
      return { ...next, s: lifted(next.s, part(point, 's')), z: lifted(next.z as Tensor, part(point, 'z')) }
    },
    residual: (point, theta) => residualOf(readProgram(problemOf(theta)), point),
    linearize: (point, theta): LinearOperator => {
      const kkt = kktAt(readProgram(problemOf(theta)), point, inDerivatives)
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

/** A start of the shapes of a solution: the x0 that `solve` wants, whose numbers do not matter unless `start` is 'x0'. */
export const primalDualStart = ({ q, b, h }: QuadraticProgram): PrimalDual<NDArray> => {
  const shape = (v: Operand): Shape => (isTensor(v) ? v.shape : array(v).shape)
  return {
    x: zeros(shape(q)),
    ...(h === undefined ? {} : { s: ones(shape(h)), z: ones(shape(h)) }),
    ...(b === undefined ? {} : { y: zeros(shape(b)) }),
  }
}
