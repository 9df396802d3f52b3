// A derivative beside a difference that has an error of its own.
//   disagrees     |derivative − difference| > tol · size + error,   size = max(|derivative|, |difference|)
//   agrees        otherwise, if error ≤ tol · the largest size of all rows
//   inconclusive  otherwise
import { gradientStatusCode, statusCode } from '../../base/status.js'
import type { Status } from '../../base/status.js'
import type { Difference } from './differences.js'

export type Verdict = 'agrees' | 'disagrees' | 'inconclusive'

/** Parts of the error of a difference. They add up to it. */
export interface ErrorShares {
  /** What is left when the step length tends to 0. */
  readonly truncation: number
  /** Rounding, and whatever else moves the values at very close θ. */
  readonly noise: number
  /** Half the jump of the derivative at θ. */
  readonly kink: number
  /** Solves that stop at their tolerance; measured where the verdict depends on it, else 0. */
  readonly stopping: number
}

/** Why a row is inconclusive: the largest share of the error, or a status. */
export type Doubt = keyof ErrorShares | 'status' | 'gradientStatus'

/** What is known of one direction. */
export interface Finding {
  readonly derivative: number
  /** Undefined where too few values could be used. */
  readonly found: Difference | undefined
  readonly stopping: number
  /** How many of the values have which status. */
  readonly statuses: Readonly<Partial<Record<Status, number>>>
}

/** What truncation and noise, which are estimates, are multiplied by. */
const safety = 4

export const sharesOf = ({ found, stopping }: Finding): ErrorShares => ({
  truncation: safety * (found?.truncation ?? NaN),
  noise: safety * (found?.noise ?? NaN),
  kink: found?.kink ?? NaN,
  stopping,
})

export const errorOf = (finding: Finding): number => {
  const { truncation, noise, kink, stopping } = sharesOf(finding)
  return truncation + noise + kink + stopping
}

/** max(|derivative|, |difference|), as far as they are finite. */
export const sizeOf = ({ derivative, found }: Finding): number =>
  [derivative, found?.derivative ?? 0]
    .map(Math.abs)
    .filter(Number.isFinite)
    .reduce((a, b) => Math.max(a, b), 0)

/** Whether the derivative is another one than the difference. One that is not finite is, where the difference can be trusted. */
export const differs = (finding: Finding, tol: number): boolean => {
  const { derivative, found } = finding
  if (found === undefined) return false
  const bar = tol * sizeOf(finding)
  const error = errorOf(finding)
  return Number.isFinite(derivative) ? Math.abs(derivative - found.derivative) > bar + error : error <= bar
}

/**
 * The verdict on one row.
 * @param status codes at θ
 * @param common the largest size of all rows
 */
export const judge = (
  finding: Finding,
  { status, gradientStatus }: { readonly status: number; readonly gradientStatus: number },
  tol: number,
  common: number,
): { readonly verdict: Verdict; readonly doubt?: Doubt } => {
  const unsure = (doubt: Doubt) => ({ verdict: 'inconclusive', doubt }) as const
  const solved = status === statusCode.converged
  // A fixed number of steps is a function of θ, too; the derivative of the solution need not be its own.
  if (finding.found === undefined || !(solved || status === statusCode.maxSteps)) return unsure('status')
  if (differs(finding, tol)) return solved ? { verdict: 'disagrees' } : unsure('status')
  if (!(errorOf(finding) <= tol * common)) {
    const shares = Object.entries(sharesOf(finding)) as [keyof ErrorShares, number][]
    return unsure(shares.reduce((a, b) => (b[1] > a[1] ? b : a))[0])
  }
  return gradientStatus === gradientStatusCode.ok ? { verdict: 'agrees' } : unsure('gradientStatus')
}
