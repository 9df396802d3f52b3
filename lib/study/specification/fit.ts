// Whether a study asks of its problem what that has: parameters, their shapes, solvers and metrics. Told with the lines of the file,
// once the problem is loaded.
import { array } from '../../base/ndarray.js'
import { formatShape, sameShape } from '../../base/shape.js'
import type { LoadedProblem } from '../problem/load.js'
import type { StudyProblem } from '../problem/studyProblem.js'
import { oneOf } from './choice.js'
import { guess, quoted } from './fault.js'
import type { Flaw, Path } from './fault.js'
import type { StudySpecification } from './specification.js'

const unknownName = (path: Path, what: string, name: string, names: readonly string[]): Flaw => ({
  path,
  message: `the problem has no ${what} ${quoted(name)}; ${guess(name, names) ?? oneOf(names.length === 0 ? ['none'] : names)}`,
})

const parameterFlaws = (
  { kind, space: { axes } }: StudySpecification,
  theta: StudyProblem['theta'],
): Flaw[] => {
  const parameters = Object.keys(theta)
  const given = Object.keys(axes)
  // A bench may take the problem's own θ.
  if (given.length === 0 && kind === 'bench') return []
  const missing = parameters.filter((name) => !given.includes(name))
  return [
    ...given.flatMap((name): Flaw[] => {
      const path = ['space', name]
      if (!Object.hasOwn(theta, name)) {
        return [
          { ...unknownName(path, 'parameter', name, missing.length > 0 ? missing : parameters), atKey: true },
        ]
      }
      const [has, wanted] = [axes[name]?.shape ?? [], array(theta[name] as never).shape]
      if (sameShape(has, wanted)) return []
      const remedy = wanted.length === 0 ? 'leave `shape` out' : `draw it, with shape: [${wanted.join(', ')}]`
      return [
        {
          path,
          message: `expected the shape ${formatShape(wanted)}; received ${formatShape(has)}; ${remedy}`,
        },
      ]
    }),
    ...missing.map((name): Flaw => {
      const { shape } = array(theta[name] as never)
      const form = shape.length === 0 ? '[1]' : `{ normal: {}, shape: [${shape.join(', ')}] }`
      return { path: ['space', name], message: `missing; the problem has this parameter: ${name}: ${form}` }
    }),
  ]
}

/** A module that exports a function only: it has one variant, and θ is whatever it takes. */
const plainFlaws = ({ kind, solvers, strategies, tolerances }: StudySpecification): Flaw[] => {
  const single = [solvers, strategies, tolerances].every((choices) => choices.length === 1)
  if (kind === 'map' && single && solvers[0]?.name === 'default') return []
  const what =
    kind === 'map' ? 'solvers, strategies and tolerances to choose from' : `studies of kind ${kind}`
  return [
    {
      path: ['problem'],
      message: `the module exports a function only, which has no ${what}; export defineStudyProblem({ theta, solvers, x0, outer })`,
    },
  ]
}

/** What a study asks for that its problem does not have. */
export const fitFlaws = (specification: StudySpecification, loaded: LoadedProblem): Flaw[] => {
  if (loaded.kind === 'plain') return plainFlaws(specification)
  const { problem } = loaded
  const { solvers, metrics = [] } = specification
  const solverNames = ['default', ...Object.keys(problem.solvers)]
  const metricNames = Object.keys(problem.metrics ?? {})
  return [
    ...parameterFlaws(specification, problem.theta),
    ...solvers.flatMap(({ name }, i) =>
      solverNames.includes(name) ? [] : [unknownName(['solvers', i], 'solver', name, solverNames)],
    ),
    ...metrics.flatMap((name, i) =>
      metricNames.includes(name) ? [] : [unknownName(['metrics', i], 'metric', name, metricNames)],
    ),
  ]
}
