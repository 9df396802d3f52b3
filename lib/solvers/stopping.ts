// The stopping options that every solver takes, checked and completed.
import { ArgumentError, checkOptions } from '../base/errors.js'
import { stoppingOptions } from '../differentiation/solver.js'
import type { Stopping, StoppingOptions } from '../differentiation/solver.js'

/**
 * Completes the stopping options of a solver, and refuses unknown options.
 * @param own names of the other options that the solver takes.
 */
export const stopping = (
  solver: string,
  options: StoppingOptions,
  own: readonly string[],
  defaults: { readonly maxSteps: number },
): Stopping => {
  checkOptions(solver, options, [...own, ...stoppingOptions])
  const { maxSteps = defaults.maxSteps, tol = 1e-8, rtol = 0, divergence = 1e12 } = options
  if (!Number.isInteger(maxSteps) || maxSteps < 0) {
    throw new ArgumentError(`${solver}: maxSteps`, { expected: 'an integer ≥ 0', received: String(maxSteps) })
  }
  for (const [name, value] of Object.entries({ tol, rtol, divergence })) {
    if (!(value >= 0))
      throw new ArgumentError(`${solver}: ${name}`, { expected: 'a number ≥ 0', received: String(value) })
  }
  return { maxSteps, tol, rtol, divergence }
}
