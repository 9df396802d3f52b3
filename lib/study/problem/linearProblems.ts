// Ridge, logistic regression, data cleaning as problems of a study; see lib/problems/linearModel.ts for what is minimised.
import { full } from '../../base/ndarray.js'
import type { NDArray } from '../../base/ndarray.js'
import type { Tensor } from '../../ir/tensor.js'
import { equal, greater, mul, sigmoid } from '../../ops/elementwise.js'
import { matmul } from '../../ops/linalg.js'
import { max, mean, norm2, sum } from '../../ops/reduce.js'
import type { BilevelProblem } from '../../problems/bilevelProblem.js'
import { dataCleaning } from '../../problems/dataCleaning.js'
import type { LinearModelOptions } from '../../problems/linearModel.js'
import { logisticLoss, softmaxLoss, squaredLoss } from '../../problems/losses.js'
import type { Loss } from '../../problems/losses.js'
import { logisticRegression, ridgeRegression } from '../../problems/regression.js'
import { checkData } from '../../problems/samples.js'
import type { Rows, TrainingData } from '../../problems/samples.js'
import type { Tuning } from '../../problems/tuning.js'
import { loadData } from './data.js'
import type { Targets } from './data.js'
import { asIs, positive } from './form.js'
import { choice, positiveNumber, readNumber } from './options.js'
import { solverOptions, studyOf } from './standardProblem.js'
import type { StandardProblem } from './standardProblem.js'
import type { Theta } from './studyProblem.js'

type SolverName = 'newton' | 'gradientDescent'
const regressionSolvers: readonly SolverName[] = ['newton', 'gradientDescent']
const cleaningSolvers: readonly SolverName[] = ['gradientDescent', 'newton']

const tunings: readonly [Tuning, ...Tuning[]] = ['penalty', 'penalties', 'weights', 'weightLogits']

/** The parameter of a study, by what is tuned. */
const parameter: Readonly<Record<Tuning, string>> = {
  penalty: 'lambda',
  penalties: 'lambda',
  weights: 'weights',
  weightLogits: 'logits',
}

const lossOf =
  (loss: Loss, { A, b }: Rows) =>
  (x: Tensor): Tensor =>
    mean(loss.traced(matmul(A, x), b))

const regression = (
  name: string,
  description: string,
  targets: Targets,
  loss: Loss,
  make: (data: TrainingData, options: LinearModelOptions) => BilevelProblem<Tensor, Tensor>,
  accuracy?: (validation: Rows) => (x: Tensor) => Tensor,
): StandardProblem => ({
  description,
  solvers: regressionSolvers,
  data: ['synthetic', 'digits', 'file'],
  samples: 200,
  features: 20,
  size: 'features',
  options: {
    tune: `what θ is: ${tunings.join(', ')}; default ${tunings[0]}, one λ for all features`,
    lambda: 'where the penalty λ starts, or stays where weights are tuned; default 0.1',
  },
  make: async (options, { specification, options: about, folder }) => {
    const tune = choice(name, options, 'tune', tunings)
    const logPenalty = Math.log(positiveNumber(name, options, 'lambda', 0.1))
    const data = await loadData(specification, targets, about, folder)
    const { training, validation } = checkData(name, data)
    const penalised = tune === 'penalty' || tune === 'penalties'
    return studyOf<Tensor, Tensor>(description, {
      build: (solver, chosen) =>
        make(data, {
          ...(chosen && solverOptions(solver, chosen)),
          tune,
          logPenalty,
          solver: solver as SolverName,
        }),
      solvers: regressionSolvers,
      form: (penalised ? positive : asIs)(parameter[tune]),
      metrics: {
        trainingLoss: lossOf(loss, training),
        norm: (x) => norm2(x),
        ...(accuracy && { accuracy: accuracy(validation) }),
      },
    })
  },
})

export const ridge = regression(
  'ridge',
  'ridge regression, the penalty tuned on validation data: θ = { lambda }',
  'numbers',
  squaredLoss,
  ridgeRegression,
)

export const logistic = regression(
  'logistic',
  'logistic regression of two classes, the penalty tuned on validation data: θ = { lambda }',
  'signs',
  logisticLoss,
  logisticRegression,
  ({ A, b }) =>
    (x) =>
      mean(greater(mul(matmul(A, x), b), 0)),
)

/** Unit vectors: [n, c]. */
const unitVectors = (labels: Float64Array, c: number): NDArray => {
  const out = full([labels.length, c], 0)
  labels.forEach((label, i) => (out.data[i * c + label] = 1))
  return out
}

const cleaningDescription =
  'softmax regression on labels of which some are wrong, a weight a sample tuned: θ = { logits }'

export const cleaning: StandardProblem = {
  description: cleaningDescription,
  solvers: cleaningSolvers,
  data: ['synthetic', 'digits', 'file'],
  samples: 60,
  features: 6,
  size: 'features',
  options: {
    corruption: 'probability that a training label is redrawn, in [0, 1]; default 0.5',
    regularization: 'C of C ‖x‖²; default 0.2',
    seed: 'of the corruption; default 0',
  },
  make: async (options, { specification, options: about, folder }) => {
    const own = {
      corruption: readNumber('dataCleaning', options, 'corruption', 0.5),
      regularization: positiveNumber('dataCleaning', options, 'regularization', 0.2),
      seed: readNumber('dataCleaning', options, 'seed', 0),
    }
    const data = await loadData(specification, 'classes', about, folder)
    const { labels, wrong, x0 } = dataCleaning(data, own)
    const { training, validation } = checkData('dataCleaning', data)
    const classes = (x0 as NDArray).shape[1] as number
    const target = unitVectors(validation.b.data, classes)
    const corrupted = { A: training.A, b: unitVectors(labels, classes) }
    const meanWeight = (mask: Uint8Array, logits: Tensor): Tensor => {
      const members = mask.reduce((total, mark) => total + mark, 0)
      return sum(
        mul(
          sigmoid(logits),
          Float64Array.from(mask, (mark) => mark / members),
        ),
      )
    }
    return studyOf<Tensor, Tensor>(cleaningDescription, {
      build: (solver, chosen) =>
        dataCleaning(data, {
          ...(chosen && solverOptions(solver, chosen)),
          ...own,
          solver: solver as SolverName,
        }),
      solvers: cleaningSolvers,
      form: asIs('logits'),
      metrics: {
        trainingLoss: lossOf(softmaxLoss, corrupted),
        accuracy: (x) => {
          const z = matmul(validation.A, x)
          return mean(equal(max(z, -1), sum(mul(z, target), -1)))
        },
        ...Object.fromEntries(
          [['weightOfRight', wrong.map((mark) => 1 - mark)] as const, ['weightOfWrong', wrong] as const]
            .filter(([, mask]) => mask.includes(1))
            .map(([metric, mask]) => [
              metric,
              (_: Tensor, { logits }: Theta) => meanWeight(mask, logits as Tensor),
            ]),
        ),
      },
    })
  },
}
