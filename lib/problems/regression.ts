// Ridge and logistic regression, tuned on validation data; see `linearModel` for what is minimised.
import type { Tensor } from '../ir/tensor.js'
import type { BilevelProblem } from './bilevelProblem.js'
import { linearModel } from './linearModel.js'
import type { LinearModelOptions } from './linearModel.js'
import { logisticLoss, squaredLoss } from './losses.js'
import { checkData, checkTargets } from './samples.js'
import type { TrainingData } from './samples.js'

/**
 * Ridge regression, ℓ = ½ (z − b)², x: [p]. θ is the logarithm of one penalty or of one a feature, or sample weights.
 * @throws {ShapeError} for data that do not fit; {ArgumentError} for wrong options.
 */
export const ridgeRegression = (
  data: TrainingData,
  options: LinearModelOptions = {},
): BilevelProblem<Tensor, Tensor> =>
  linearModel({ name: 'ridgeRegression', loss: squaredLoss, ...checkData('ridgeRegression', data) }, options)

/**
 * Logistic regression, ℓ = log(1 + e^(−bz)) with targets ±1, x: [p]. θ as for ridge regression.
 * @throws {ShapeError} for data that do not fit; {ArgumentError} for other targets and wrong options.
 */
export const logisticRegression = (
  data: TrainingData,
  options: LinearModelOptions = {},
): BilevelProblem<Tensor, Tensor> => {
  const name = 'logisticRegression'
  const { training, validation } = checkData(name, data)
  const signs = (rows: typeof training): typeof training =>
    checkTargets(name, rows, (b) => b === 1 || b === -1, 'targets 1 and −1')
  return linearModel(
    { name, loss: logisticLoss, training: signs(training), validation: signs(validation) },
    options,
  )
}
