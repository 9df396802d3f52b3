// What the table of standard problems has of each, and how a bilevel problem becomes the problem of a study: named parameters,
// solvers to choose from, metrics.
import { ArgumentError, checkOptions } from '../../base/errors.js'
import { stoppingOptions } from '../../differentiation/solver.js'
import type { AnySolver, StoppingOptions } from '../../differentiation/solver.js'
import type { Operand } from '../../ir/trace.js'
import type { BilevelProblem } from '../../problems/bilevelProblem.js'
import type { DataSpecification } from '../specification/specification.js'
import { solverThrough } from './form.js'
import type { Form, ThetaArrays } from './form.js'
import type { Options } from './options.js'
import type { SolverChoice, StudyProblem, Theta } from './studyProblem.js'

/** Samples of a standard problem: what the study file says of them, or the default. */
export interface DataSource {
  readonly specification: DataSpecification
  /** Those of the problem's options that are about data. */
  readonly options: Options
  /** What paths are relative to. */
  readonly folder: string
}

/** A problem with its right answer, for tests and benches: dense, meant for small problems. */
export interface MadeProblem {
  readonly problem: StudyProblem
  readonly oracle?: (theta: ThetaArrays) => { readonly value: number; readonly gradient: ThetaArrays }
}

export interface StandardProblem {
  /** One line. */
  readonly description: string
  /** Names of solvers; the first one is the default. */
  readonly solvers: readonly string[]
  /** Kinds of data that it takes; the first one is the default, and none means that it takes no data. */
  readonly data: readonly DataSpecification['kind'][]
  /** Synthetic samples where the study file does not say. */
  readonly samples: number
  readonly features: number
  /** Its own options, with what they mean; those about data come on top. */
  readonly options: Readonly<Record<string, string>>
  /** What the option `size` sets: the number of features (samples grow in proportion), or an own option. */
  readonly size: string
  readonly make: (options: Options, data: DataSource) => MadeProblem | Promise<MadeProblem>
}

type Metric<X> = (x: X, theta: Theta) => Operand

/** A choice as the options of a solver factory; `own` are those that the solver takes beside the stopping ones. */
export const solverOptions = (
  solver: string,
  { tol, maxSteps, options }: SolverChoice,
  own: readonly string[] = [],
): StoppingOptions & Options => {
  const stop = stoppingOptions.filter((name) => name !== 'tol' && name !== 'maxSteps')
  checkOptions(`solver ${solver}`, options, [...own, ...stop])
  return { tol, ...(maxSteps === undefined ? {} : { maxSteps }), ...options }
}

/** A bilevel problem for each solver as one problem of a study. */
export const studyOf = <X, P>(
  description: string,
  {
    build,
    solvers,
    form,
    metrics,
  }: {
    /** The problem by the named solver; without a choice, with the solver's own defaults. */
    readonly build: (solver: string, choice: SolverChoice | undefined) => BilevelProblem<X, P>
    readonly solvers: readonly string[]
    readonly form: Form<P>
    readonly metrics: Readonly<Record<string, Metric<X>>>
  },
): MadeProblem => {
  const [first] = solvers
  if (first === undefined) throw new ArgumentError(`${description}: there is no solver`)
  const { theta, x0, outer, oracle } = build(first, undefined)
  const made = (name: string): ((choice: SolverChoice) => AnySolver<never, never>) => {
    return (choice) =>
      solverThrough(build(name, choice).inner, form.traced) as unknown as AnySolver<never, never>
  }
  const problem: StudyProblem = {
    description,
    theta: form.named(theta),
    solvers: Object.fromEntries(solvers.map((name) => [name, made(name)])),
    x0,
    outer: (x: X, at: Theta) => outer(x, form.traced(at)),
    metrics,
  }
  if (oracle === undefined) return { problem }
  return {
    problem,
    oracle: (at) => {
      const { value, gradient } = oracle(form.plain(at))
      return { value, gradient: form.pull(at, gradient) }
    },
  }
}
