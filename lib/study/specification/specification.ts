// What a study is, as plain data: the resolved form of a study file, after defaults and overrides, in which everything is said.
// It is kept in the run directory, sent to other machines, and hashed: no function, no path that only one machine has but those
// of modules and data files, which are read by the coordinator alone.

export type StudyKind = 'map' | 'descent' | 'bench'

/** A name with options: a strategy, a solver, an optimizer, a domain. */
export interface Named {
  readonly name: string
  readonly options: Readonly<Record<string, unknown>>
}

/** Where samples come from; paths are absolute or relative to the study file. */
export type DataSpecification =
  | { readonly kind: 'synthetic'; readonly samples: number; readonly features: number; readonly seed: number }
  | { readonly kind: 'digits'; readonly training: number; readonly validation: number; readonly seed: number }
  | {
      readonly kind: 'file'
      readonly path: string
      readonly format: 'libsvm' | 'arff' | 'csv'
      /** Of the rows, drawn by the seed, that are kept for validation, in (0, 1). */
      readonly validation: number
      readonly seed: number
    }

export type ProblemSpecification =
  | {
      readonly kind: 'standard'
      /** A standard problem: ridge, logistic, lasso, elasticNet, dataCleaning, equilibriumLayer, fewShotRidge. */
      readonly name: string
      readonly data?: DataSpecification
      readonly options: Readonly<Record<string, unknown>>
    }
  | {
      readonly kind: 'module'
      /** A file that exports a problem by default. */
      readonly path: string
      /** Handed to the module's function, where it exports one. */
      readonly options: Readonly<Record<string, unknown>>
    }

/** On another axis: this one counts only where that one has one of these values. */
export interface Condition {
  readonly axis: string
  readonly values: readonly number[]
}

interface AxisBase {
  /** Of the parameter; [] is a number. Each entry of an array is drawn by itself; grids and lists are for numbers alone. */
  readonly shape: readonly number[]
  readonly when?: Condition
  /** The value where `when` does not hold. */
  readonly otherwise?: number
}

/** How one parameter of θ runs. `linear`, `log` and `list` make a grid; the others are drawn, `samples` times for each point of the grid. */
export type Axis = AxisBase &
  (
    | { readonly kind: 'linear' | 'log'; readonly low: number; readonly high: number; readonly count: number }
    | { readonly kind: 'list'; readonly values: readonly number[] }
    | { readonly kind: 'uniform' | 'logUniform'; readonly low: number; readonly high: number }
    | { readonly kind: 'normal'; readonly mean: number; readonly deviation: number }
    | {
        readonly kind: 'sobol'
        readonly low: number
        readonly high: number
        readonly scale: 'linear' | 'log'
      }
  )

/** θ(i), i = 0 … size − 1: a pure function of the space and the seed. */
export interface Space {
  readonly axes: Readonly<Record<string, Axis>>
  /** Draws for each point of the grid; 1 where nothing is drawn. */
  readonly samples: number
}

/** What a row holds beside its index and θ. Statuses are always there. */
export const recordNames = [
  'value',
  'gradient',
  'certificate',
  'residual',
  'iterations',
  'seconds',
  'x',
] as const
export type RecordName = (typeof recordNames)[number]

export interface DescentSpecification {
  readonly optimizer: Named
  /** box or logarithmic, with their bounds. */
  readonly domain: Named
  readonly tol: number
  readonly share: number
  readonly maxSteps: number
  /** Inner tolerance: a number, or a schedule by name. */
  readonly tolerance?: number | Named
  readonly warmStart: boolean
  readonly unconverged: 'stop' | 'use'
}

export interface BenchSpecification {
  /** Sizes of the problem; handed to it as the option `size`. */
  readonly sizes: readonly number[]
  readonly threads: readonly number[]
  /** Measured runs and runs before them, of each cell. */
  readonly repeats: number
  readonly warmUp: number
  /** θ-instances a run. */
  readonly batch: number
}

export interface StudySpecification {
  readonly version: 1
  /** Letters, digits, '.', '_' and '-', not beginning with '.': it names files. */
  readonly name: string
  readonly description?: string
  readonly kind: StudyKind
  readonly problem: ProblemSpecification
  readonly space: Space
  /** The matrix: each strategy with each solver with each tolerance is a variant. */
  readonly strategies: readonly Named[]
  readonly solvers: readonly Named[]
  /** Of the solve. */
  readonly tolerances: readonly number[]
  readonly maxSteps?: number
  readonly record: readonly RecordName[]
  /** Of the problem's metrics, by name; all of them by default. */
  readonly metrics?: readonly string[]
  /** Each repeat draws anew what is drawn. */
  readonly repeats: number
  readonly seed: number
  readonly descent?: DescentSpecification
  readonly bench?: BenchSpecification
  /** Rows a chunk, or seconds that a chunk should take. */
  readonly chunk: { readonly rows?: number; readonly seconds?: number }
}
