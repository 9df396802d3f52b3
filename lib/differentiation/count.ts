// The check of a number of steps that several strategies take as an argument.
import { ArgumentError } from '../base/errors.js'

/** @throws {ArgumentError} unless `value` is an integer ≥ 1. */
export const checkSteps = (strategy: string, name: string, value: number): void => {
  if (!Number.isInteger(value) || value < 1) {
    throw new ArgumentError(`${strategy}: ${name}`, { expected: 'an integer ≥ 1', received: String(value) })
  }
}
