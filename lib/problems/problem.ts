// What a problem module exports: a traced function and an example of its arguments, so that commands can trace, lower and
// explain it without knowing anything else about it.
import { ArgumentError, closest } from '../base/errors.js'

/** A function of θ (and whatever else it takes), with an example of the arguments of one θ-instance. */
export interface Problem {
  /** One line for people. */
  readonly description?: string
  /** The function; it is traced, never run. */
  readonly run: (...args: never[]) => unknown
  /** One tree of arrays for each argument of `run`: their shapes count, and their numbers where the function is run. */
  readonly example: readonly unknown[]
}

const keys = ['description', 'run', 'example']

/** Declares a problem; the identity function, for the sake of type checking. */
export const defineProblem = <A extends unknown[]>(problem: {
  readonly description?: string
  readonly run: (...args: A) => unknown
  readonly example: readonly unknown[]
}): Problem => checkProblem(problem, 'defineProblem')

/**
 * Checks what a module exports by default.
 * @throws {ArgumentError} that names what is missing.
 */
export const checkProblem = (value: unknown, where: string): Problem => {
  const remedy = 'export default defineProblem({ run: (theta) => …, example: [theta] })'
  if (typeof value !== 'object' || value === null) {
    throw new ArgumentError(`${where}: no problem is exported`, {
      expected: 'a default export with run and example',
      received: value === null ? 'null' : typeof value,
      remedy,
    })
  }
  const unknown = Object.keys(value).find((key) => !keys.includes(key))
  if (unknown !== undefined) {
    const guess = closest(unknown, keys)
    throw new ArgumentError(`${where}: unknown field "${unknown}"`, {
      expected: keys.join(', '),
      remedy: guess === undefined ? 'Remove it' : `Did you mean "${guess}"?`,
    })
  }
  const { run, example, description } = value as Partial<Problem>
  if (typeof run !== 'function') {
    throw new ArgumentError(`${where}: run is missing`, {
      expected: 'a function',
      received: typeof run,
      remedy,
    })
  }
  if (!Array.isArray(example)) {
    throw new ArgumentError(`${where}: example is missing`, {
      expected: 'a list with one entry for each argument of run',
      received: typeof example,
      remedy,
    })
  }
  return { run, example, ...(description === undefined ? {} : { description }) }
}
