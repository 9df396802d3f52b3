// A quadratic program solved natively and judged on its own data: what its status says is what its residuals show.
import { ArgumentError, checkOptions } from '../base/errors.js'
import type { Status } from '../base/status.js'
import type { QpsData } from '../data/qps.js'
import { solve } from '../differentiation/solve.js'
import { compile } from '../runtime/compile.js'
import { interiorPoint } from '../solvers/interiorPoint.js'
import type { PrimalDual } from '../solvers/kkt.js'
import { activeOf } from './activeSides.js'
import type { ActiveSide } from './activeSides.js'
import { kktResiduals } from './kktResiduals.js'
import type { KktResiduals, ProgramSolution } from './kktResiduals.js'
import { checkInfeasible, checkUnbounded } from './qpCertificates.js'
import type { CertificateCheck } from './qpCertificates.js'
import { quadraticProgram } from './quadraticProgram.js'
import type { ProgramForm, ProgramVectors } from './quadraticProgram.js'
import { numbers, sensitivityOf } from './sensitivity.js'
import type { Sensitivity } from './sensitivity.js'

export interface SolveProgramOptions {
  /** Absolute tolerance on the residuals of the program as it was read; default 1e-9. */
  readonly tol?: number
  /** Step limit of the interior-point iteration; default 100. */
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

const worstOf = ({ primal, dual, gap }: KktResiduals): number => Math.max(primal, dual, gap)

/** The tolerance of the scaled program from which that of the original follows, but for cancellation in the gap. */
const scaledTolerance = (tol: number, { scaling: { D, R, B, sigma } }: ProgramForm): number => {
  const least = (v: Float64Array): number => v.reduce((a, b) => Math.min(a, b), 1)
  return tol * Math.min(sigma, sigma * least(D), least(R), least(B))
}

const attempt = (form: ProgramForm, stopping: { readonly tol: number; readonly maxSteps: number }) => {
  const solver = interiorPoint({ problem: form.standard, ...stopping })
  const f = compile((theta: ProgramVectors) => {
    const point = solve(solver, { x0: form.start, theta })
    return { point, solution: form.solution(point) }
  })
  const { value, status, iterations } = f(form.theta)
  const point = numbers<keyof PrimalDual>(value.point)
  const solution: ProgramSolution = numbers(value.solution)
  return { status, iterations, point, solution, residuals: kktResiduals(form.data, solution) }
}

/**
 * Solves a program: with the tolerance that should do, and where the residuals of the original data show that it did not,
 * as far as doubles allow.
 * @throws {ArgumentError} for an unknown or wrong option, an objective that is not convex, or a program that is too large.
 */
export const solveProgram = (data: QpsData, options: SolveProgramOptions = {}): SolvedProgram => {
  checkOptions('solveProgram', options, ['tol', 'maxSteps', 'sensitivity'])
  const { tol = 1e-9, maxSteps = 100, sensitivity = false } = options
  if (!(tol > 0)) {
    throw new ArgumentError('solveProgram: option "tol" is wrong', {
      expected: 'a positive number',
      received: String(tol),
      remedy: 'Take 1e-9',
    })
  }
  const form = quadraticProgram(data)
  const stopping = { tol: sensitivity ? 0 : scaledTolerance(tol, form), maxSteps }
  const first = attempt(form, stopping)
  const found =
    first.status === 'converged' && stopping.tol > 0 && !(worstOf(first.residuals) <= tol)
      ? attempt(form, { tol: 0, maxSteps })
      : first
  const { status, iterations, point, solution, residuals } = found
  const result = { form, iterations, ...residuals, ...solution }
  if (worstOf(residuals) <= tol) {
    const active = activeOf(form, point, solution)
    return {
      ...result,
      status: 'converged',
      active: active.sides,
      ...(sensitivity ? { sensitivity: sensitivityOf(form, stopping, active) } : {}),
    }
  }
  const check = { infeasible: checkInfeasible, unbounded: checkUnbounded }
  if (status === 'infeasible' || status === 'unbounded') {
    const certificate = check[status](data, solution)
    if (certificate.residual <= certificateTolerance) return { ...result, status, active: [], certificate }
  }
  const unproved = ['converged', 'infeasible', 'unbounded'].includes(status)
  return { ...result, status: unproved ? 'maxSteps' : status, active: [] }
}
