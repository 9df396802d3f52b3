// The step length α of descent methods: a number, a function of θ, or found by backtracking.
import { ArgumentError } from '../base/errors.js'
import type { Operand } from '../ir/trace.js'
import { stopGradient } from '../ops/elementwise.js'
import type { Backtracking } from './backtracking.js'

/** A number, a function of θ (differentiated like everything else), or `backtracking()` (held constant). */
export type StepSize<P> = number | ((theta: P) => Operand) | Backtracking

/** @throws {ArgumentError} for anything else, and for a number that is not positive. */
export const checkStepSize = <P>(solver: string, stepSize: StepSize<P>): void => {
  if (typeof stepSize === 'number' && !(stepSize > 0 && Number.isFinite(stepSize))) {
    throw new ArgumentError(`${solver}: stepSize`, {
      expected: 'a positive number',
      received: String(stepSize),
    })
  }
  if (typeof stepSize !== 'number' && typeof stepSize !== 'function' && stepSize?.kind !== 'backtracking') {
    throw new ArgumentError(`${solver}: stepSize`, {
      expected: 'a number, a function of θ, or backtracking()',
      received: typeof stepSize,
    })
  }
}

/** α of the map that is differentiated: one that was searched is a constant. */
export const heldLength = <P>(stepSize: StepSize<P>, theta: P, searched: Operand): Operand =>
  typeof stepSize === 'number'
    ? stepSize
    : typeof stepSize === 'function'
      ? stepSize(theta)
      : stopGradient(searched)
