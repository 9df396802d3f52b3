// The matrix of a study: each strategy with each solver with each tolerance.
import { ArgumentError, closest } from '../../base/errors.js'
import type { AnySolver } from '../../differentiation/solver.js'
import type { StudyProblem } from '../problem/studyProblem.js'
import type { Named, StudySpecification } from '../specification/specification.js'

/** One cell of the matrix. */
export interface Cell {
  readonly name: string
  readonly strategy: Named
  readonly solver: Named
  readonly tolerance: number
  readonly maxSteps?: number
}

const label = ({ name, options }: Named): string => {
  const given = Object.entries(options).map(
    ([key, value]) => `${key}=${JSON.stringify(value) ?? ''}`,
  )
  return given.length === 0 ? name : `${name}(${given.join(' ')})`
}

/** All cells, strategies outermost; the name of a cell says what differs between them. */
export const cellsOf = (specification: StudySpecification): readonly Cell[] => {
  const { strategies, solvers, tolerances, maxSteps } = specification
  return strategies.flatMap((strategy) =>
    solvers.flatMap((solver) =>
      tolerances.map((tolerance): Cell => {
        const differs = [
          ...(strategies.length > 1 ? [label(strategy)] : []),
          ...(solvers.length > 1 ? [label(solver)] : []),
          ...(tolerances.length > 1 ? [String(tolerance)] : []),
        ]
        return {
          name: differs.length === 0 ? label(strategy) : differs.join(', '),
          ...{ strategy, solver, tolerance },
          ...(maxSteps === undefined ? {} : { maxSteps }),
        }
      }),
    ),
  )
}

/**
 * The solver of a cell.
 * @throws {ArgumentError} for a name that the problem does not have.
 */
export const solverOf = (problem: StudyProblem, cell: Cell): AnySolver<never, never> => {
  const { solver, tolerance, maxSteps } = cell
  const names = Object.keys(problem.solvers)
  const name = solver.name === 'default' ? (names[0] as string) : solver.name
  const make = Object.hasOwn(problem.solvers, name) ? problem.solvers[name] : undefined
  if (make === undefined) {
    const guess = closest(name, names)
    throw new ArgumentError(`the problem has no solver "${name}"`, {
      expected: ['default', ...names].join(', '),
      received: name,
      remedy: guess === undefined ? 'Take one of these' : `Did you mean "${guess}"?`,
    })
  }
  return make({ tol: tolerance, options: solver.options, ...(maxSteps === undefined ? {} : { maxSteps }) })
}
