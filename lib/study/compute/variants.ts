// The matrix of a study: each strategy with each solver with each tolerance.
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

/** A name with its options, for people. */
export const label = ({ name, options }: Named): string => {
  const given = Object.entries(options).map(([key, value]) => `${key}=${JSON.stringify(value) ?? ''}`)
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

/** The solver of a cell; the problem has it. */
export const solverOf = (problem: StudyProblem, cell: Cell): AnySolver<never, never> => {
  const { solver, tolerance, maxSteps } = cell
  const name = solver.name === 'default' ? Object.keys(problem.solvers)[0] : solver.name
  const make = problem.solvers[name ?? ''] as StudyProblem['solvers'][string]
  return make({ tol: tolerance, options: solver.options, ...(maxSteps === undefined ? {} : { maxSteps }) })
}
