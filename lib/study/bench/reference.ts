// How wrong the gradients of a cell are, against gradients as exact as they can be had in the same process: implicit, from the solution at
// the tightest tolerance that is reached. Where the solution does not see θ (an initialisation that is learned), the trajectory is
// differentiated: unrolled, at the cell's own tolerance.
//   error = maxᵢ maxⱼ |gᵢⱼ − rᵢⱼ| / maxⱼ |rᵢⱼ|,   i a θ-instance, j an entry of θ
import type { Results } from '../../base/executor.js'
import type { NDArray } from '../../base/ndarray.js'
import { gradientStatusCode, statusCode } from '../../base/status.js'
import { sizeOf } from '../../base/shape.js'
import { localExecutor } from '../../runtime/executor.js'
import { mapFunction } from '../compute/map.js'
import { solverOf } from '../compute/variants.js'
import type { Cell } from '../compute/variants.js'
import type { StudyProblem } from '../problem/studyProblem.js'
import type { StudySpecification } from '../specification/specification.js'

type Thetas = Readonly<Record<string, NDArray>>

const tolerances = [1e-12, 1e-11, 1e-10]
/** What a linearly convergent solver may take beyond its usual limit. */
const patience = 10

/** Gradients of instance i in one list, parameters in the order of their names; undefined where none was computed. */
export const gradientOf = ({ value }: Results, i: number): Float64Array | undefined => {
  const { gradient } = value as { readonly gradient?: Thetas }
  if (gradient === undefined) return undefined
  const parts = Object.keys(gradient)
    .sort()
    .map((name) => {
      const { data, shape } = gradient[name] as NDArray
      const size = sizeOf(shape.slice(1))
      return data.subarray(i * size, (i + 1) * size)
    })
  return Float64Array.from(parts.flatMap((part) => [...part]))
}

/** Newton and its like first, which reach rounding in a few steps; then the cell's own; then the others. */
const solverOrder = (problem: StudyProblem, cell: Cell): readonly Cell[] => {
  const names = Object.keys(problem.solvers)
  const own = cell.solver.name === 'default' ? names[0] : cell.solver.name
  const others = names.filter((name) => name !== own).map((name) => ({ name, options: {} }))
  const all = [cell.solver, ...others].map((solver): Cell => ({ ...cell, solver }))
  const isDirect = (one: Cell): boolean => solverOf(problem, one).linearize !== undefined
  return [...all.filter(isDirect), ...all.filter((one) => !isDirect(one))]
}

const attempts = (problem: StudyProblem, cell: Cell): readonly Cell[] =>
  solverOrder(problem, cell).flatMap((one) =>
    tolerances.map((tolerance): Cell => {
      const { linearize, stopping } = solverOf(problem, { ...one, tolerance })
      const maxSteps = stopping.maxSteps * (linearize === undefined ? patience : 1)
      return { ...one, tolerance, maxSteps, strategy: { name: 'implicit', options: {} } }
    }),
  )

/** The gradients of instances, as exact as they can be had; undefined where they cannot. */
const referenceGradients = async (
  specification: StudySpecification,
  problem: StudyProblem,
  cell: Cell,
  thetas: Thetas,
  count: number,
): Promise<readonly (Float64Array | undefined)[]> => {
  const found: (Float64Array | undefined)[] = Array.from({ length: count }, () => undefined)
  const executor = localExecutor()
  const solve = (at: Cell): Promise<Results> =>
    executor.prepare(mapFunction({ ...specification, record: ['gradient'], metrics: [] }, problem, at))([
      thetas,
    ])
  const settle = (results: Results, statuses: readonly number[]): void => {
    found.forEach((known, i) => {
      const usable =
        statuses.includes(results.status[i] as number) && results.gradientStatus[i] === gradientStatusCode.ok
      if (known === undefined && usable) found[i] = gradientOf(results, i)
    })
  }
  for (const attempt of attempts(problem, cell)) {
    const results = await solve(attempt)
    if (results.gradientStatus.every((code) => code === gradientStatusCode.undefined)) {
      const trajectory = await solve({ ...cell, strategy: { name: 'unrolled', options: {} } })
      settle(trajectory, [statusCode.converged, statusCode.maxSteps])
      break
    }
    settle(results, [statusCode.converged])
    if (found.every((gradient) => gradient !== undefined)) break
  }
  return found
}

const largest = (x: Float64Array): number => x.reduce((top, v) => Math.max(top, Math.abs(v)), 0)

/**
 * The largest error of the gradients of some instances of a run; NaN where there is nothing to compare.
 * @param thetas of those instances, the first ones of the run.
 */
export const gradientError = async (
  specification: StudySpecification,
  problem: StudyProblem,
  cell: Cell,
  { results, thetas }: { readonly results: Results; readonly thetas: Thetas },
): Promise<number> => {
  const count = Object.values(thetas)[0]?.shape[0] ?? 0
  if (gradientOf(results, 0) === undefined) return NaN
  const references = await referenceGradients(specification, problem, cell, thetas, count)
  const errors = references.flatMap((reference, i) => {
    const gradient = gradientOf(results, i)
    if (reference === undefined || gradient === undefined) return []
    const difference = largest(gradient.map((g, j) => g - (reference[j] as number)))
    const size = largest(reference)
    return [size > 0 ? difference / size : difference]
  })
  return errors.length === 0 ? NaN : Math.max(...errors)
}
