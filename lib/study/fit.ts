// Whether a study asks for what its problem has: parameters, solvers, metrics. Each flaw has its place in the study file.
import { array } from '../base/ndarray.js'
import { formatShape, sameShape } from '../base/shape.js'
import type { LoadedProblem } from './problem/load.js'
import type { StudyProblem } from './problem/studyProblem.js'
import { guess } from './specification/fault.js'
import type { Flaw, Path } from './specification/fault.js'
import type { StudySpecification } from './specification/specification.js'

/** A name that is none of `names`. */
const unknown = (path: Path, what: string, name: string, names: readonly string[], atKey = false): Flaw => {
  const meant = guess(name, names)
  const message = `the problem has no ${what} ${JSON.stringify(name)}; it has ${names.join(', ') || 'none'}`
  return { path, atKey, message: meant === undefined ? message : `${message}; ${meant}` }
}

/** Axes that are no parameters, parameters without an axis, and shapes that differ. */
const axisFlaws = ({ space }: StudySpecification, { theta }: StudyProblem): readonly Flaw[] => {
  const parameters = Object.keys(theta)
  const wrong = Object.entries(space.axes).flatMap(([axis, { shape }]): readonly Flaw[] => {
    const path = ['space', axis]
    if (!Object.hasOwn(theta, axis)) return [unknown(path, 'parameter', axis, parameters, true)]
    const wanted = array(theta[axis] as never).shape
    if (sameShape(shape, wanted)) return []
    const message = `expected the shape ${formatShape(wanted)} of the parameter; received ${formatShape(shape)}`
    return [{ path, message, atKey: true }]
  })
  const missing = parameters.filter((parameter) => !Object.hasOwn(space.axes, parameter))
  return [
    ...wrong,
    ...missing.map((name): Flaw => ({
      path: ['space'],
      message: `the parameter ${JSON.stringify(name)} has no axis; give it values: ${name}: [1]`,
    })),
  ]
}

/** What a study asks of its problem that it does not have. */
export const fitFlaws = (specification: StudySpecification, loaded: LoadedProblem): readonly Flaw[] => {
  const { kind, solvers, strategies, metrics = [] } = specification
  if (loaded.kind === 'plain') {
    const chosen = [...solvers, ...strategies].filter(({ name }) => name !== 'default').length
    if (kind === 'map' && solvers.every(({ name }) => name === 'default') && strategies.length === 1)
      return []
    return [
      {
        path: ['problem'],
        message: `the module exports a function only, which has no ${kind === 'map' ? `choice of solvers and strategies (received ${String(chosen)})` : 'descents'}; export defineStudyProblem({ theta, solvers, x0, outer })`,
      },
    ]
  }
  const { problem } = loaded
  const names = ['default', ...Object.keys(problem.solvers)]
  const measured = Object.keys(problem.metrics ?? {})
  return [
    ...axisFlaws(specification, problem),
    ...solvers.flatMap(({ name }, k) =>
      names.includes(name) ? [] : [unknown(['solvers', k], 'solver', name, names)],
    ),
    ...metrics.flatMap((name, k) =>
      measured.includes(name) ? [] : [unknown(['metrics', k], 'metric', name, measured)],
    ),
  ]
}
