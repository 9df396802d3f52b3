// A cheap problem of a few variables, for studies of millions of θ and for measuring what a study itself costs:
//   inner   f(x, θ) = ½ ‖x‖² + log Σ exp(xⱼ) − θᵀx,   I ≼ ∂²f = I + diag(s) − s sᵀ ≼ 3/2 I,   s = softmax(x)
//   outer   g(x) = ½ ‖x‖²
import { zeros } from '../../base/ndarray.js'
import type { Tensor } from '../../ir/tensor.js'
import { add, mul, sub } from '../../ops/elementwise.js'
import { dot } from '../../ops/linalg.js'
import { logsumexp, max, sumSquares } from '../../ops/reduce.js'
import { opaque } from '../../problems/bilevelProblem.js'
import { gradientDescent } from '../../solvers/gradientDescent.js'
import { newton } from '../../solvers/newton.js'
import { asIs } from './form.js'
import { count } from './options.js'
import { solverOptions, studyOf } from './standardProblem.js'
import type { StandardProblem } from './standardProblem.js'

const solvers = ['newton', 'gradientDescent']
const description = 'a smooth convex function of a few variables, cheap to minimise: θ = { theta }'

export const logSumExp: StandardProblem = {
  description,
  solvers,
  data: [],
  samples: 0,
  features: 0,
  size: 'variables',
  options: { variables: 'of x and of θ; default 4' },
  make: (options) => {
    const n = count('logSumExp', options, 'variables', 4)
    const objective = (x: Tensor, theta: Tensor): Tensor =>
      sub(add(mul(0.5, sumSquares(x)), logsumexp(x)), dot(x, theta))
    return studyOf<Tensor, Tensor>(description, {
      build: (solver, chosen) => {
        const stop = chosen && solverOptions(solver, chosen)
        const inner =
          solver === 'newton'
            ? opaque(newton<Tensor, Tensor>({ objective, lineSearch: 'none', ...stop }))
            : opaque(gradientDescent<Tensor, Tensor>({ objective, stepSize: 2 / 3, ...stop }))
        return {
          name: 'logSumExp',
          inner,
          x0: zeros([n]),
          theta: zeros([n]),
          outer: (x) => mul(0.5, sumSquares(x)),
        }
      },
      solvers,
      form: asIs('theta'),
      metrics: { largest: (x) => max(x) },
    })
  },
}
