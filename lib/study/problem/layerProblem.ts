// The equilibrium layer as a problem of a study; see lib/problems/equilibriumLayer.ts. It learns the targets of the training samples.
import { NDArray, array } from '../../base/ndarray.js'
import type { Tensor } from '../../ir/tensor.js'
import { abs, sub } from '../../ops/elementwise.js'
import { matmul } from '../../ops/linalg.js'
import { transpose } from '../../ops/movement.js'
import { max, meanSquaredError } from '../../ops/reduce.js'
import { opaque } from '../../problems/bilevelProblem.js'
import { equilibriumLayer } from '../../problems/equilibriumLayer.js'
import type { LayerParameters } from '../../problems/equilibriumLayer.js'
import { newton } from '../../solvers/newton.js'
import { loadData } from './data.js'
import { record } from './form.js'
import { count, readNumber } from './options.js'
import { solverOptions, studyOf } from './standardProblem.js'
import type { StandardProblem } from './standardProblem.js'

const solvers = ['fixedPoint', 'newton']
const description = 'a deep-equilibrium layer that learns targets: θ = { V, U, b, C }'

export const layer: StandardProblem = {
  description,
  solvers,
  data: ['synthetic', 'digits', 'file'],
  samples: 8,
  features: 3,
  size: 'width',
  options: {
    width: 'unknowns a sample; default 10',
    contraction: 'γ in (0, 1), a bound of the rate of convergence; default 0.9',
    seed: 'of the start of θ; default 0',
  },
  make: async (options, { specification, options: about, folder }) => {
    const own = {
      width: count('equilibriumLayer', options, 'width', 10),
      contraction: readNumber('equilibriumLayer', options, 'contraction', 0.9),
      seed: readNumber('equilibriumLayer', options, 'seed', 0),
    }
    const { training } = await loadData(specification, 'numbers', about, folder)
    const column = array(training.targets)
    const targets = new NDArray([column.size, 1], column.data)
    const data = { features: training.features, targets }
    return studyOf<Tensor, LayerParameters>(description, {
      build: (solver, chosen) => {
        const stop = chosen && solverOptions(solver, chosen)
        if (solver === 'fixedPoint') return equilibriumLayer(data, { ...own, ...stop })
        const problem = equilibriumLayer(data, own)
        const map = problem.inner.map as (z: Tensor, theta: LayerParameters, state: unknown) => Tensor
        const residual = (z: Tensor, theta: LayerParameters): Tensor => sub(z, map(z, theta, undefined))
        return { ...problem, inner: opaque(newton({ residual, ...stop })) }
      },
      solvers,
      form: record(),
      metrics: {
        worstMiss: (z, { C }) => max(abs(sub(matmul(z, transpose(C as Tensor)), targets))),
        meanSquare: (z) => meanSquaredError(z, 0),
      },
    })
  },
}
