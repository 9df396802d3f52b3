// Few-shot ridge regression as a problem of a study; see lib/problems/fewShotRidge.ts. Tasks share a centre, which is what θ can learn:
//   bₜ = Aₜ (c + 0.3 dₜ) + noise,   c and dₜ normal;   support and query rows of a task are drawn alike
import { NDArray, zeros } from '../../base/ndarray.js'
import { stream } from '../../base/random.js'
import type { Tensor } from '../../ir/tensor.js'
import { mul, sub } from '../../ops/elementwise.js'
import { matmul } from '../../ops/linalg.js'
import { reshape } from '../../ops/movement.js'
import { meanSquaredError, norm2 } from '../../ops/reduce.js'
import { fewShotRidge } from '../../problems/fewShotRidge.js'
import type { FewShotData } from '../../problems/fewShotRidge.js'
import type { DataSpecification } from '../specification/specification.js'
import { asIs } from './form.js'
import { count, readNumber } from './options.js'
import { solverOptions, studyOf } from './standardProblem.js'
import type { StandardProblem } from './standardProblem.js'

/** How far the tasks are from their centre. */
const spread = 0.3

/** Features [tasks, n, p] and targets [tasks, n] of both parts. */
const drawTasks = (tasks: number, n: number, p: number, noise: number, seed: number): FewShotData => {
  const centre = stream(seed, 'centre').normals(p)
  const offsets = stream(seed, 'tasks').normals(tasks * p)
  const part = (name: string): { features: NDArray; targets: NDArray } => {
    const features = new NDArray([tasks, n, p], stream(seed, `${name} features`).normals(tasks * n * p))
    const targets = zeros([tasks, n])
    const noises = stream(seed, `${name} noise`).normals(tasks * n)
    targets.data.forEach((_, row) => {
      const t = Math.floor(row / n)
      let z = noise * (noises[row] as number)
      for (let j = 0; j < p; j++) {
        const own = (centre[j] as number) + spread * (offsets[t * p + j] as number)
        z += (features.data[row * p + j] as number) * own
      }
      targets.data[row] = z
    })
    return { features, targets }
  }
  return { support: part('support'), query: part('query') }
}

const solvers = ['gradientDescent']
const description =
  'few-shot ridge regression, the initialisation of a few gradient steps learned: θ = { start }'

export const fewShot: StandardProblem = {
  description,
  solvers,
  data: ['synthetic'],
  samples: 6,
  features: 5,
  size: 'features',
  options: {
    tasks: 'number of tasks; default 8',
    penalty: 'λ ≥ 0; default 0.1',
    steps: 'gradient steps from θ, always all of them; default 5',
  },
  make: (options, { specification, options: about }) => {
    const name = 'fewShotRidge'
    const { samples: n, features: p, seed } = specification as DataSpecification & { kind: 'synthetic' }
    const tasks = count(name, options, 'tasks', 8)
    const own = {
      penalty: readNumber(name, options, 'penalty', 0.1),
      steps: count(name, options, 'steps', 5),
    }
    const data = drawTasks(tasks, n, p, readNumber(name, about, 'noise', 0.5), seed)
    const query = data.query as { readonly features: NDArray; readonly targets: NDArray }
    return studyOf<Tensor, Tensor>(description, {
      build: (solver, chosen) => {
        // The number of steps is the algorithm: no tolerance ends it early.
        if (chosen !== undefined) solverOptions(solver, chosen)
        return fewShotRidge(data, { ...own, steps: chosen?.maxSteps ?? own.steps })
      },
      solvers,
      form: asIs('start'),
      metrics: {
        lossAtStart: (_, { start }) => {
          const z = matmul(query.features, reshape(start as Tensor, [p, 1]))
          return mul(0.5, meanSquaredError(reshape(z, [tasks, n]), query.targets))
        },
        distance: (x, { start }) => norm2(sub(x, start as Tensor)),
      },
    })
  },
}
