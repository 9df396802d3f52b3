// Small instances of every standard problem whose solution is a fixed point that depends on θ, solved to a tolerance; and how they
// are run, with θ as a record of arrays.
import { NDArray } from '../../lib/base/ndarray.js'
import {
  array,
  compile,
  dataCleaning,
  elasticNet,
  equilibriumLayer,
  hypergradient,
  lasso,
  logisticRegression,
  ridgeRegression,
  stream,
  syntheticClassification,
  syntheticRegression,
} from '../../lib/index.js'
import type { BilevelProblem, LayerParameters, Solver, Strategy, Tensor } from '../../lib/index.js'
import type { Matrix } from '../oracle/matrices.js'

type Problem = BilevelProblem<Tensor, Tensor> | BilevelProblem<Tensor, LayerParameters>

export interface Instance {
  readonly label: string
  readonly problem: Problem
  /** ∂ₓF = 0 at the solution: one step is exact. */
  readonly superlinear?: boolean
}

const regression = syntheticRegression({ samples: 30, features: 5, noise: 0.5, seed: 1 })
const sparse = syntheticRegression({
  samples: 30,
  features: 12,
  support: 4,
  noise: 0.5,
  correlation: 0.3,
  seed: 2,
})
const classification = syntheticClassification({ samples: 30, features: 4, noise: 1, seed: 3 })
const classes = syntheticClassification({ samples: 20, features: 3, classes: 3, noise: 0.5, seed: 4 })
const layerData = {
  features: array(stream(5, 'features').normals(4 * 3), [4, 3]),
  targets: array(stream(5, 'targets').normals(4 * 2), [4, 2]),
}
const tunings = ['penalty', 'penalties', 'weights', 'weightLogits'] as const

/** The problems, each with a tolerance of its inner solve. */
export const instancesAt = (tol: number): readonly Instance[] => [
  ...tunings.map((tune) => ({
    label: `ridge, ${tune}`,
    problem: ridgeRegression(regression, { tune, tol }),
  })),
  ...tunings.map((tune) => ({
    label: `logistic, ${tune}`,
    problem: logisticRegression(classification, { tune, tol }),
  })),
  {
    label: 'ridge, penalties, by Newton',
    problem: ridgeRegression(regression, { tune: 'penalties', solver: 'newton', tol }),
    superlinear: true,
  },
  {
    label: 'logistic, weights, by Newton',
    problem: logisticRegression(classification, { tune: 'weights', solver: 'newton', tol }),
    superlinear: true,
  },
  { label: 'lasso, penalty', problem: lasso(sparse, { tol }) },
  {
    label: 'lasso, penalties, without momentum',
    problem: lasso(sparse, { tune: 'penalties', acceleration: 'none', tol }),
  },
  { label: 'elastic net', problem: elasticNet(sparse, { tol }) },
  { label: 'elastic net, FISTA', problem: elasticNet(sparse, { acceleration: 'fista', tol }) },
  { label: 'data cleaning', problem: dataCleaning(classes, { tol }) },
  {
    label: 'equilibrium layer',
    problem: equilibriumLayer(layerData, { width: 5, contraction: 0.8, tol }),
  },
]

export type Leaves = Readonly<Record<string, NDArray>>

/** A problem whose θ is a record of arrays: one array is the record { theta }. */
export interface Flat {
  readonly theta: Leaves
  readonly inner: Solver<Tensor, unknown, unknown>
  readonly x0: NDArray
  readonly outer: (x: Tensor, theta: unknown) => Tensor
  readonly oracle: (theta: Leaves) => {
    readonly value: number
    readonly gradient: Leaves
    readonly x: NDArray
  }
  readonly back: (leaves: readonly Tensor[]) => unknown
}

export const flat = ({ problem }: Instance): Flat => {
  const single = problem.theta instanceof NDArray
  const theta = (single ? { theta: problem.theta } : problem.theta) as Leaves
  const oracle = problem.oracle as unknown as (theta: unknown) => {
    readonly value: number
    readonly gradient: NDArray | Leaves
    readonly x: NDArray
  }
  const names = Object.keys(theta)
  return {
    theta,
    inner: problem.inner as unknown as Flat['inner'],
    x0: problem.x0 as NDArray,
    outer: problem.outer as unknown as Flat['outer'],
    oracle: (at) => {
      const exact = oracle(single ? at.theta : at)
      return {
        ...exact,
        gradient: single ? { theta: exact.gradient as NDArray } : (exact.gradient as Leaves),
      }
    },
    back: (leaves) => (single ? leaves[0] : Object.fromEntries(names.map((name, i) => [name, leaves[i]]))),
  }
}

/** All entries, in the order of `theta`. */
export const column = (gradient: Leaves, theta: Leaves): Matrix =>
  Object.keys(theta).flatMap((name) => [...(gradient[name] as NDArray).data].map((v) => [v]))

/** The hypergradient by a strategy, with its certificate where asked for; the gradient is a column. */
export const run = ({ inner, x0, outer, theta }: Flat, strategy: Strategy, certificate = false) => {
  const h = compile(hypergradient({ inner, x0, outer, strategy, certificate }))
  const single = Object.keys(theta).join() === 'theta'
  const result = h(single ? theta.theta : theta)
  const { value, gradient, x } = result.value as unknown as {
    readonly value: number
    readonly gradient: unknown
    readonly x: NDArray
  }
  const arrays = (single ? { theta: gradient } : gradient) as Readonly<Record<string, NDArray | number>>
  const leaves = Object.fromEntries(
    Object.entries(arrays).map(([name, g]) => [
      name,
      typeof g === 'number' ? new NDArray([], Float64Array.of(g)) : g,
    ]),
  )
  return { ...result, value, x, gradient: column(leaves, theta) }
}
