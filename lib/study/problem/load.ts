// The problem of a study, from what its file says: a standard problem with its data, or a module of the user.
import { ArgumentError } from '../../base/errors.js'
import { checkProblem } from '../../problems/problem.js'
import type { Problem } from '../../problems/problem.js'
import type { ProblemSpecification } from '../specification/specification.js'
import { loadModule } from './module.js'
import { makeStandardProblem } from './standardProblems.js'
import { checkStudyProblem } from './studyProblem.js'
import type { StudyProblem } from './studyProblem.js'

/** `plain` is a function with an example of its arguments, as `onestep check` takes it: it has no solvers to choose from. */
export type LoadedProblem =
  | { readonly kind: 'study'; readonly problem: StudyProblem }
  | { readonly kind: 'plain'; readonly problem: Problem }

/**
 * Loads the problem; a module is run, so only the coordinator does this.
 * @param options.folder what paths are relative to: that of the study file.
 * @throws {ArgumentError} for unknown names, wrong options, and modules that export no problem; {DataError} for files that are
 *   missing or malformed.
 */
export const loadStudyProblem = async (
  specification: ProblemSpecification,
  { folder }: { readonly folder: string },
): Promise<LoadedProblem> => {
  if (specification.kind === 'standard') {
    const { problem } = await makeStandardProblem(specification, folder)
    return { kind: 'study', problem }
  }
  const { path, options } = specification
  const exported = await loadModule(path, { folder, what: 'a problem' })
  if (typeof exported === 'function') {
    const made: unknown = await (exported as (options: unknown) => unknown)(options)
    return { kind: 'study', problem: checkStudyProblem(made, path) }
  }
  const [unused] = Object.keys(options)
  if (unused !== undefined) {
    throw new ArgumentError(`${path}: the problem takes no options`, {
      received: unused,
      remedy:
        'Leave them out, or export a function of them: export default defineStudyProblem((options) => …)',
    })
  }
  if (typeof exported === 'object' && exported !== null && 'run' in exported) {
    return { kind: 'plain', problem: checkProblem(exported, path) }
  }
  return { kind: 'study', problem: checkStudyProblem(exported, path) }
}
