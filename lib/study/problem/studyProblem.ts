// A problem as studies see it: a bilevel problem whose θ is a record of named parameters, with solvers to choose from.
//   value   h(θ) = g(x̄(θ), θ),   gradient ∇h(θ),   metrics  mₖ(x̄(θ), θ)
import { ArgumentError, checkOptions } from '../../base/errors.js'
import type { ArrayInput } from '../../base/ndarray.js'
import type { AnySolver } from '../../differentiation/solver.js'
import type { Tensor } from '../../ir/tensor.js'
import type { Operand, Operands } from '../../ir/trace.js'

/** θ: a Tensor for each parameter of the space. */
export type Theta = Readonly<Record<string, Tensor>>

/** What a study asks of a solver. */
export interface SolverChoice {
  readonly tol: number
  readonly maxSteps?: number
  /** Further options of the solver in the study file. */
  readonly options: Readonly<Record<string, unknown>>
}

export interface StudyProblem {
  /** One line for people. */
  readonly description?: string
  /** The parameters and their shapes: an example of θ, and where a descent starts that has no space. */
  readonly theta: Readonly<Record<string, ArrayInput>>
  /** Solvers by name; the first one is what `default` means. */
  readonly solvers: Readonly<Record<string, (choice: SolverChoice) => AnySolver<never, never>>>
  readonly x0: unknown
  /** g(x, θ), a scalar. */
  readonly outer: (x: never, theta: never) => Operand
  /** Scalars to record beside the value, by name. */
  readonly metrics?: Readonly<Record<string, (x: never, theta: never) => Operand>>
}

/** What a problem module of a study exports by default: a problem, or what makes one of the options in the study file. */
export type StudyProblemSource =
  StudyProblem | ((options: Readonly<Record<string, unknown>>) => StudyProblem | Promise<StudyProblem>)

const fields = ['description', 'theta', 'solvers', 'x0', 'outer', 'metrics']

const names = (record: object): string => Object.keys(record).join(', ') || 'none'

/** Checks a problem. @throws {ArgumentError} that names what is missing. */
export const checkStudyProblem = (value: unknown, where: string): StudyProblem => {
  const remedy =
    'export default defineStudyProblem({ theta: { lambda: 1 }, solvers: { newton: ({ tol }) => newton({ …, tol }) }, x0, outer })'
  if (typeof value !== 'object' || value === null) {
    throw new ArgumentError(`${where}: no problem of a study`, {
      expected: 'a record with theta, solvers, x0 and outer',
      received: value === null ? 'null' : typeof value,
      remedy,
    })
  }
  checkOptions(where, value, fields)
  const { theta, solvers, outer, x0, metrics = {} } = value as StudyProblem
  const isRecord = (x: unknown): x is object => typeof x === 'object' && x !== null && !Array.isArray(x)
  const need = (holds: boolean, what: string, expected: string, received: string): void => {
    if (!holds) throw new ArgumentError(`${where}: ${what}`, { expected, received, remedy })
  }
  need(
    isRecord(theta) && Object.keys(theta).length > 0,
    'theta',
    'a record with an example of each parameter',
    typeof theta,
  )
  need(
    isRecord(solvers) &&
      Object.keys(solvers).length > 0 &&
      Object.values(solvers).every((f) => typeof f === 'function'),
    'solvers',
    'a record of functions that make a solver',
    isRecord(solvers) ? names(solvers) : typeof solvers,
  )
  need(x0 !== undefined, 'x0', 'where the solvers start', 'undefined')
  need(typeof outer === 'function', 'outer', 'a function of x and θ', typeof outer)
  need(
    isRecord(metrics) && Object.values(metrics).every((f) => typeof f === 'function'),
    'metrics',
    'a record of functions of x and θ',
    typeof metrics,
  )
  return value as StudyProblem
}

/** A problem as it is declared: `X` is the tree of x, `T` has an example of each parameter of θ. */
export interface StudyProblemOptions<X, T extends Readonly<Record<string, ArrayInput>>> {
  /** One line for people. */
  readonly description?: string
  /** The parameters and their shapes: an example of θ. */
  readonly theta: T
  /** Solvers by name; the first one is the default. */
  readonly solvers: Readonly<
    Record<string, (choice: SolverChoice) => AnySolver<X, { readonly [K in keyof T]: Tensor }>>
  >
  readonly x0: Operands<X>
  /** g(x, θ), a scalar. */
  readonly outer: (x: X, theta: { readonly [K in keyof T]: Tensor }) => Operand
  /** Scalars to record beside the value, by name. */
  readonly metrics?: Readonly<Record<string, (x: X, theta: { readonly [K in keyof T]: Tensor }) => Operand>>
}

type Promised<T> = T | Promise<T>

/**
 * Declares the problem of a study module, or what makes one of the options in the study file; checks it, for the sake of messages.
 * @throws {ArgumentError} that names what is missing.
 */
export const defineStudyProblem = <X, T extends Readonly<Record<string, ArrayInput>>>(
  source:
    | StudyProblemOptions<X, T>
    | ((options: Readonly<Record<string, unknown>>) => Promised<StudyProblemOptions<X, T>>),
): StudyProblemSource =>
  typeof source === 'function'
    ? (source as unknown as StudyProblemSource)
    : checkStudyProblem(source, 'defineStudyProblem')
