// The lasso and the elastic net as problems of a study; see lib/problems/sparseRegression.ts for what is minimised.
import type { Tensor } from '../../ir/tensor.js'
import { notEqual } from '../../ops/elementwise.js'
import { matmul } from '../../ops/linalg.js'
import { meanSquaredError, norm1, sum } from '../../ops/reduce.js'
import type { BilevelProblem } from '../../problems/bilevelProblem.js'
import { checkData } from '../../problems/samples.js'
import type { TrainingData } from '../../problems/samples.js'
import { elasticNet as makeElasticNet, lasso as makeLasso } from '../../problems/sparseRegression.js'
import { loadData } from './data.js'
import { positive, positives } from './form.js'
import type { Form } from './form.js'
import { choice, positiveNumber } from './options.js'
import type { Options } from './options.js'
import { solverOptions, studyOf } from './standardProblem.js'
import type { StandardProblem } from './standardProblem.js'

type Make = (data: TrainingData, options: object) => BilevelProblem<Tensor, Tensor>

const solvers = ['proximalGradient']

const sparse = (
  name: string,
  description: string,
  options: Readonly<Record<string, string>>,
  make: Make,
  read: (options: Options) => { readonly form: Form<Tensor>; readonly own: object },
): StandardProblem => ({
  description,
  solvers,
  data: ['synthetic', 'digits', 'file'],
  samples: 100,
  features: 20,
  size: 'features',
  options,
  make: async (given, { specification, options: about, folder }) => {
    const { form, own } = read(given)
    // A planted x with few entries is what these problems are for.
    const { features } = specification as { readonly features?: number }
    const planted =
      specification.kind === 'synthetic' ? { support: Math.ceil((features as number) / 5), ...about } : about
    const data = await loadData(specification, 'numbers', planted, folder)
    const { training } = checkData(name, data)
    return studyOf<Tensor, Tensor>(description, {
      build: (solver, chosen) =>
        make(data, { ...(chosen && solverOptions(solver, chosen, ['acceleration'])), ...own }),
      solvers,
      form,
      metrics: {
        trainingLoss: (x) => meanSquaredError(matmul(training.A, x), training.b).mul(0.5),
        nonzeros: (x) => sum(notEqual(x, 0)),
        norm1: (x) => norm1(x),
      },
    })
  },
})

const penaltyOption = { lambda: 'where λ starts; default a tenth of the least λ with x = 0' }
const start = (name: string, options: Options): object =>
  options.lambda === undefined ? {} : { logPenalty: Math.log(positiveNumber(name, options, 'lambda', 1)) }

export const lasso = sparse(
  'lasso',
  'the lasso, its penalty tuned on validation data: θ = { lambda }',
  { tune: 'what θ is: penalty (default), or penalties, one a feature', ...penaltyOption },
  makeLasso,
  (options) => ({
    form: positive('lambda'),
    own: { tune: choice('lasso', options, 'tune', ['penalty', 'penalties']), ...start('lasso', options) },
  }),
)

export const elasticNet = sparse(
  'elasticNet',
  'the elastic net, λ of the absolute values and μ of the squares tuned on validation data: θ = { lambda, mu }',
  { ...penaltyOption, mu: 'where μ starts; default 0.1' },
  makeElasticNet,
  (options) => ({
    form: positives(['lambda', 'mu']),
    own: {
      logRidge: Math.log(positiveNumber('elasticNet', options, 'mu', 0.1)),
      ...start('elasticNet', options),
    },
  }),
)
