// The θ-Jacobian of the inner gradient of weighted ridge, ∂θ∇f = Aᵀ diag(A x − y). The published code has diag(x) (A ∘ A)ᵀ, and
// takes it at x₍k₊₁₎ where the recursion D₍k₊₁₎ = A D₍k₎ + B₍k₎ has x₍k₎. Truth and estimate share the flaw, so that their
// figure does not show it; differences of the iterates do.
import {
  compile,
  customDerivative,
  jacobian,
  matmul,
  mul,
  ones,
  solve,
  stream,
  sub,
  unrolled,
  zeros,
} from '../../../lib/index.js'
import type { NDArray, Tensor } from '../../../lib/index.js'
import { exactly } from '../exactly.js'
import { ridgePrograms, ridgeProblems } from '../ridge.js'
import type { Runner } from '../runner.js'
import { relativeError } from '../spectrum.js'
import { ridgeMap, ridgeSolution } from '../weightedRidge.js'
import type { RidgeData, WeightedRidge } from '../weightedRidge.js'
import { centralDifference, moved } from './finding.js'
import type { Finding } from './finding.js'

/** F with the right cross derivative, taken one step late. */
const lateMap = (problem: WeightedRidge): ((x: Tensor, theta: Tensor) => Tensor) => {
  const { features, targets, step } = problem
  const map = ridgeMap({ ...problem, formula: 'correct' })
  const linear = ridgeMap({ ...problem, targets: zeros(targets.shape), formula: 'correct' })
  return customDerivative((x, theta) => map(x, theta), {
    vjp: ([, theta], next, v) => [
      linear(v, theta as Tensor),
      mul(-step, mul(matmul(features, v), sub(matmul(features, next), targets))),
    ],
  })
}

/** J d for a Jacobian J: [p, n]. */
const times = ({ data, shape }: NDArray, d: Float64Array): Float64Array => {
  const [p, n] = shape as readonly [number, number]
  return Float64Array.from({ length: p }, (_, j) => {
    let total = 0
    for (let i = 0; i < n; i++) total += (data[j * n + i] as number) * (d[i] as number)
    return total
  })
}

const problemOf = (data: RidgeData, share: number, formula: WeightedRidge['formula']): WeightedRidge => {
  const found = ridgeProblems(data, formula, [share]).find(({ step }) => step === '1/L')
  if (found === undefined) throw new Error('there is no problem with the step 1/L')
  return found.problem
}

/** Of the solution and of x₁₀, at κ ≈ 101 with the step 1/L, along one random direction of θ. */
export const crossDerivative = (data: RidgeData): Finding[] => {
  const [n, p] = data.features.shape as readonly [number, number]
  const [right, published] = [problemOf(data, 1e-2, 'correct'), problemOf(data, 1e-2, 'reference')]
  const theta = ones([n])
  const direction = stream(7, 'direction of θ').normals(n)

  const solved = (problem: WeightedRidge) => {
    const program = compile((t: Tensor) => ridgeSolution(problem, t))
    return (at: NDArray | Float64Array) =>
      program(at).value as { readonly x: NDArray; readonly jacobian: NDArray }
  }
  const solution = solved(right)
  const exact = solution(theta)
  const planted = solved(published)(theta)
  const slope = centralDifference((h) => solution(moved(theta.data, direction, h)).x.data, 1e-5)

  const steps = 10
  const after = (map: (x: Tensor, t: Tensor) => Tensor) => (t: Tensor) =>
    solve(exactly(steps, map), { x0: new Float64Array(p), theta: t, strategy: unrolled() })
  const run = compile(after(ridgeMap(right)))
  const slopeAfter = centralDifference(
    (h) => (run(moved(theta.data, direction, h)).value as NDArray).data,
    1e-5,
  )
  const errorOf = (map: (x: Tensor, t: Tensor) => Tensor): number => {
    const made = compile((t: Tensor) => jacobian(after(map), { mode: 'reverse' })(t))(theta).value as NDArray
    return relativeError(times(made, direction), slopeAfter)
  }
  const rightError = errorOf(ridgeMap(right))
  const flaw = 'crossDerivative' as const
  return [
    {
      ...{
        flaw,
        quantity: 'derivative of x* along a direction of θ against central differences, relative error',
      },
      right: relativeError(times(exact.jacobian, direction), slope),
      published: relativeError(times(planted.jacobian, direction), slope),
      bar: 1e-5,
    },
    {
      ...{ flaw, quantity: 'the whole Jacobian at x*: ‖J − J*‖ / ‖J*‖', right: 0 },
      published: relativeError(planted.jacobian.data, exact.jacobian.data),
    },
    {
      ...{
        flaw,
        quantity: 'derivative of x₁₀ against central differences: right cross derivative, one step late',
      },
      ...{ right: rightError, published: errorOf(lateMap(right)), bar: 1e-5 },
    },
    {
      ...{ flaw, quantity: 'derivative of x₁₀ against central differences: both, as published' },
      ...{ right: rightError, published: errorOf(ridgeMap(published)), bar: 1e-5 },
    },
  ]
}

/** What the curve “1-step” of the figure is, at iteration 5000 with κ ≈ 1001 and the step 1/L. */
export const label = async (run: Runner, data: RidgeData): Promise<Finding[]> => {
  const [n, p] = data.features.shape as readonly [number, number]
  const theta = ones([n])
  const programs = ridgePrograms(problemOf(data, 1e-3, 'correct'))
  const { jacobian: exact } = (await run(programs.solution, theta)) as { readonly jacobian: NDArray }
  const error = async (K: number): Promise<number> => {
    const from = (await run(programs.advance(5000 - K), zeros([p]), theta)) as NDArray
    const made = (await run(programs.truncated(K), from, theta)) as NDArray
    return relativeError(made.data, exact.data)
  }
  const [one, thousand] = await Promise.all([error(1), error(1000)])
  return [
    {
      ...{ flaw: 'label', quantity: '‖J − J*‖ / ‖J*‖ of K = 1 (right) and of the K = 1000 that is shown' },
      ...{ right: one, published: thousand },
    },
  ]
}
