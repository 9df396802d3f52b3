// Small instances of every standard problem whose solution is a fixed point that depends on θ.
import {
  array,
  dataCleaning,
  elasticNet,
  equilibriumLayer,
  lasso,
  logisticRegression,
  ridgeRegression,
  stream,
  syntheticClassification,
  syntheticRegression,
} from '../../lib/index.js'
import type { BilevelProblem, LayerParameters, Tensor } from '../../lib/index.js'

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

export const instances: readonly Instance[] = [
  ...tunings.map((tune) => ({
    label: `ridge, ${tune}`,
    problem: ridgeRegression(regression, { tune, tol: 1e-12 }),
  })),
  ...tunings.map((tune) => ({
    label: `logistic, ${tune}`,
    problem: logisticRegression(classification, { tune, tol: 1e-12 }),
  })),
  {
    label: 'ridge, penalties, by Newton',
    problem: ridgeRegression(regression, { tune: 'penalties', solver: 'newton' }),
    superlinear: true,
  },
  {
    label: 'logistic, weights, by Newton',
    problem: logisticRegression(classification, { tune: 'weights', solver: 'newton' }),
    superlinear: true,
  },
  { label: 'lasso, penalty', problem: lasso(sparse, { tol: 1e-12 }) },
  {
    label: 'lasso, penalties, without momentum',
    problem: lasso(sparse, { tune: 'penalties', acceleration: 'none', tol: 1e-12 }),
  },
  { label: 'elastic net', problem: elasticNet(sparse, { tol: 1e-12 }) },
  { label: 'elastic net, FISTA', problem: elasticNet(sparse, { acceleration: 'fista', tol: 1e-12 }) },
  { label: 'data cleaning', problem: dataCleaning(classes, { tol: 1e-12 }) },
  {
    label: 'equilibrium layer',
    problem: equilibriumLayer(layerData, { width: 5, contraction: 0.8, tol: 1e-14 }),
  },
]
