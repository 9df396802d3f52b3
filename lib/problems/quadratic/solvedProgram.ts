// A quadratic program solved natively and judged on its own data: what its status says is what its residuals show.
import { ArgumentError, checkOptions } from '../../base/errors.js'
import type { Status } from '../../base/status.js'
import type { QpsData } from '../../data/qps.js'
import { solve } from '../../differentiation/solve.js'
import { compile } from '../../runtime/compile.js'
import { interiorPoint } from '../../solvers/interiorPoint.js'
import type { PrimalDual } from '../../solvers/kkt.js'
import { activeOf } from './activeSides.js'
import type { ActiveSide } from './activeSides.js'
import { kktResiduals } from './kktResiduals.js'
import type { KktResiduals, ProgramSolution } from './kktResiduals.js'
import { checkInfeasible, checkUnbounded } from './certificateChecks.js'
import type { CertificateCheck } from './certificateChecks.js'
import { quadraticProgram } from './quadraticProgram.js'
import type { ProgramForm, ProgramVectors } from './quadraticProgram.js'
import { numbers, sensitivityOf } from './sensitivity.js'
import type { ProgramSolver, Sensitivity } from './sensitivity.js'

export interface SolveProgramOptions {
  /** Absolute tolerance on the residuals of the program as it was read; default 1e-6. The iteration aims at a thousandth of it. */
  readonly tol?: number
  /** Step limit of the interior-point iteration; default 200. */
  readonly maxSteps?: number
  /** Whether gradients are computed; default false. */
  readonly sensitivity?: boolean
}

export interface SolvedProgram extends KktResiduals, ProgramSolution {
  readonly form: ProgramForm
  /** `converged` when the residuals are at most tol; `infeasible` and `unbounded` with a certificate that was checked. */
  readonly status: Status
  readonly iterations: number
  readonly active: readonly ActiveSide[]
  readonly certificate?: CertificateCheck
  readonly sensitivity?: Sensitivity
}

/** Residual of a certificate that is believed. */
const certificateTolerance = 1e-6
/** The iteration aims this much lower than it must; and gradients show more of the distance to the solution than residuals do. */
const closer = 1e-3
/** What a solver may say of the scaled program, and only the original one can confirm. */
const unjudged: readonly Status[] = ['converged', 'infeasible', 'unbounded']

/** The largest residual; Infinity where one is NaN. */
const worstOf = ({ primal, dual, gap }: KktResiduals): number => {
  const worst = Math.max(primal, dual, gap)
  return Number.isNaN(worst) ? Infinity : worst
}

/** The tolerance of the scaled program from which that of the original follows, but for cancellation in the gap. */
const scaledTolerance = (tol: number, { scaling: { D, R, B, sigma } }: ProgramForm): number => {
  const least = (v: Float64Array): number => v.reduce((a, b) => Math.min(a, b), 1)
  return tol * Math.min(sigma, sigma * least(D), least(R), least(B))
}

/**
 * What a run that did not converge proves. Without a verdict of the solver the multipliers are tried: where there is no solution
 * they grow along a proof.
 */
const proofIn = (
  data: QpsData,
  verdict: Status,
  solution: ProgramSolution,
): Pick<Run, 'status' | 'proof'> | undefined => {
  const status = verdict === 'unbounded' ? verdict : 'infeasible'
  const proof = (status === 'unbounded' ? checkUnbounded : checkInfeasible)(data, solution)
  const size = verdict === status ? 1 : 1 + solution.x.reduce((sum, v) => sum + Math.abs(v), 0)
  return proof.residual * size <= certificateTolerance ? { status, proof } : undefined
}

type Limits = Required<SolveProgramOptions>

interface Run {
  readonly solver: ProgramSolver
  readonly status: Status
  readonly iterations: number
  readonly point: Record<keyof PrimalDual, Float64Array>
  readonly solution: ProgramSolution
  readonly residuals: KktResiduals
  readonly worst: number
  readonly proof?: CertificateCheck
}

/** Runs to a tolerance of the scaled program, and judges by `tol`. */
const run = (form: ProgramForm, scaledTol: number, { tol, maxSteps }: Limits): Run => {
  const solver = interiorPoint({ problem: form.standard, tol: scaledTol, maxSteps })
  const f = compile((theta: ProgramVectors) => {
    const point = solve(solver, { x0: form.start, theta })
    return { point, solution: form.solution(point) }
  })
  const { value, status, iterations } = f(form.theta)
  const point = numbers<keyof PrimalDual>(value.point)
  const solution: ProgramSolution = numbers(value.solution)
  const residuals = kktResiduals(form.data, solution)
  const worst = worstOf(residuals)
  const proved = worst <= tol ? undefined : proofIn(form.data, status, solution)
  return {
    ...{ solver, iterations, point, solution, residuals, worst },
    ...(proved ?? { status: unjudged.includes(status) ? 'maxSteps' : status }),
  }
}

/** A run with the tolerance that should do, and where the data show that it did not, one as far as doubles allow: the better one. */
const best = (form: ProgramForm, limits: Limits): Run => {
  const { tol, maxSteps, sensitivity } = limits
  const aim = closer * tol
  const first = run(form, scaledTolerance(sensitivity ? closer * aim : aim, form), limits)
  const done = first.worst <= aim || first.proof !== undefined
  if (done || first.iterations >= maxSteps) return first
  const second = run(form, 0, limits)
  return second.proof === undefined && first.worst <= second.worst ? first : second
}

/**
 * Solves a program by `interiorPoint`, and judges what was found by the residuals of the data as they are.
 * @throws {ArgumentError} for an unknown or wrong option, an objective that is not convex, or a program that is too large.
 */
export const solveProgram = (data: QpsData, options: SolveProgramOptions = {}): SolvedProgram => {
  checkOptions('solveProgram', options, ['tol', 'maxSteps', 'sensitivity'])
  const { tol = 1e-6, maxSteps = 200, sensitivity = false } = options
  if (!(tol > 0)) {
    throw new ArgumentError('solveProgram: option "tol" is wrong', {
      expected: 'a positive number',
      received: String(tol),
      remedy: 'Take 1e-6',
    })
  }
  const form = quadraticProgram(data)
  const { solver, status, iterations, point, solution, residuals, worst, proof } = best(form, {
    ...{ tol, maxSteps, sensitivity },
  })
  const result = { form, iterations, ...residuals, ...solution }
  if (worst > tol) {
    return { ...result, status, active: [], ...(proof === undefined ? {} : { certificate: proof }) }
  }
  const active = activeOf(form, point, solution)
  return {
    ...result,
    status: 'converged',
    active: active.sides,
    ...(sensitivity ? { sensitivity: sensitivityOf(form, solver, active) } : {}),
  }
}
