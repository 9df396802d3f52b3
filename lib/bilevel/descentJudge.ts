// What becomes of an instance after its hypergradient was computed.
import { gradientStatusCode, statusCode } from '../base/status.js'
import type { DescentStatus } from './descentStatus.js'

/** How often the inner tolerance is tightened. */
const mostRefinements = 4

/** What one round found of one instance. */
export interface Finding {
  /** Codes of the inner solve and of the hypergradient. */
  readonly inner: number
  readonly gradient: number
  readonly value: number
  readonly norm: number
  /** Error of the hypergradient; undefined without a certificate. */
  readonly estimate: number | undefined
  readonly stepSize: number
  /** Whether θ after the step is. */
  readonly finite: boolean
}

/** What an instance is judged by. */
export interface Rules {
  /** The worst status of an inner solve that counts. */
  readonly worst: number
  readonly tol: number
  readonly share: number
  readonly maxSteps: number
}

/** What becomes of an instance: a step, another look by a tighter tolerance, or the end. */
export const judge = (
  { inner, gradient, value, norm, estimate: error = 0, stepSize, finite }: Finding,
  { worst, tol, share, maxSteps }: Rules,
  { steps, refinements }: { readonly steps: number; readonly refinements: number },
): 'step' | 'refine' | DescentStatus => {
  // A tolerance that was tightened may be out of reach.
  if (inner > worst) return refinements > 0 && inner === statusCode.maxSteps ? 'inaccurate' : 'innerFailed'
  const open = refinements < mostRefinements
  if (gradient === gradientStatusCode.toleranceNotMet) return open ? 'refine' : 'inaccurate'
  if (gradient !== gradientStatusCode.ok) return 'gradientFailed'
  if (!Number.isFinite(value) || !Number.isFinite(norm)) return 'nonFinite'
  if (norm + error <= tol) return 'converged'
  if (!(error <= share * norm)) return open ? 'refine' : 'inaccurate'
  if (steps >= maxSteps) return 'maxSteps'
  if (stepSize === 0) return open ? 'refine' : 'noDescent'
  return finite ? 'step' : 'nonFinite'
}
