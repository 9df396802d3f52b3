// Data hyper-cleaning: which training samples have a wrong label is learned from clean validation data (Franceschi, Donini, Frasconi,
// Pontil 2017; settings of Dagréou, Ablin, Vaiter, Moreau 2022). With softmax cross-entropy ℓ of x: [p, c]:
//   inner   f(x, θ) = 1/n Σᵢ σ(θᵢ) ℓ(aᵢᵀx, bᵢ) + C ‖x‖²,   C = 0.2;   labels bᵢ are redrawn with the given probability
//   outer   g(x) = the mean of ℓ over validation rows
import { ArgumentError, checkOptions } from '../base/errors.js'
import { zeros } from '../base/ndarray.js'
import type { NDArray } from '../base/ndarray.js'
import { stream } from '../base/random.js'
import { stoppingOptions } from '../differentiation/solver.js'
import type { Tensor } from '../ir/tensor.js'
import type { BilevelProblem } from './bilevelProblem.js'
import { linearModel } from './linearModel.js'
import type { LinearModelOptions } from './linearModel.js'
import { softmaxLoss } from './losses.js'
import { checkData, checkTargets } from './samples.js'
import type { Rows, TrainingData } from './samples.js'

export interface DataCleaningOptions extends Omit<LinearModelOptions, 'tune' | 'logPenalty'> {
  /** The probability with which a training label is replaced by a class drawn uniformly, in [0, 1]. Default 0.5. */
  readonly corruption?: number
  /** C; default 0.2. */
  readonly regularization?: number
  /** Number of classes; targets are 0, 1, …. Default: one more than the largest target. */
  readonly classes?: number
  /** Of the corruption; default 0. */
  readonly seed?: number
}

export interface DataCleaning extends BilevelProblem<Tensor, Tensor> {
  /** Labels that the training has: [n]. */
  readonly labels: Float64Array
  /** 1 where the label was made another one, else 0: [n]. What weights near 0 should find. */
  readonly wrong: Uint8Array
}

/** Unit vectors: [n, c]. */
const oneHot = (labels: Float64Array, c: number): NDArray => {
  const out = zeros([labels.length, c])
  labels.forEach((label, i) => (out.data[i * c + label] = 1))
  return out
}

/**
 * The problem; x0 is 0, of shape [p, c], and θ starts at weights ½. With many unknowns p c, differentiate by
 * `implicit({ linearSolver: 'cg' })`, which forms no matrix.
 * @throws {ShapeError} for data that do not fit; {ArgumentError} for targets that are no classes, and wrong options.
 */
export const dataCleaning = (data: TrainingData, options: DataCleaningOptions = {}): DataCleaning => {
  const name = 'dataCleaning'
  checkOptions(name, options, [
    ...['corruption', 'regularization', 'classes', 'seed', 'solver'],
    ...stoppingOptions,
  ])
  const { training, validation } = checkData(name, data)
  const largest = [training, validation].reduce(
    (top, { b }) => b.data.reduce((m, v) => Math.max(m, v), top),
    0,
  )
  const { corruption = 0.5, regularization = 0.2, classes = largest + 1, seed = 0, ...rest } = options
  if (
    !(corruption >= 0 && corruption <= 1) ||
    !(regularization > 0) ||
    !(Number.isInteger(classes) && classes >= 2)
  ) {
    throw new ArgumentError(`${name}: options out of range`, {
      expected: 'corruption in [0, 1], regularization > 0, classes an integer ≥ 2',
      received: JSON.stringify({ corruption, regularization, classes }),
    })
  }
  const isClass = (b: number): boolean => Number.isInteger(b) && b >= 0 && b < classes
  const checked = (rows: Rows): Rows =>
    checkTargets(name, rows, isClass, `a class 0 … ${String(classes - 1)}`)
  const clean = checked(training).b.data
  const n = clean.length
  const [redrawn, drawn] = [stream(seed, 'corruption').uniforms(n), stream(seed, 'labels').uniforms(n)]
  const labels = clean.map((label, i) =>
    (redrawn[i] as number) < corruption ? Math.floor((drawn[i] as number) * classes) : label,
  )
  const problem = linearModel(
    {
      name,
      loss: softmaxLoss,
      training: { A: training.A, b: oneHot(labels, classes) },
      validation: { A: validation.A, b: oneHot(checked(validation).b.data, classes) },
    },
    { tune: 'weightLogits', logPenalty: Math.log(2 * regularization), ...rest },
  )
  return { ...problem, labels, wrong: Uint8Array.from(labels, (label, i) => Number(label !== clean[i])) }
}
