// auto beside fixed strategies: whether it is ever wrong without a word, and what it costs beside the cheapest that is right.
import { auto, implicit, neumann, oneStep, statistics, timing } from '../../lib/index.js'
import type { NDArray, Strategy } from '../../lib/index.js'
import { trueGradients } from './coverage.js'
import { compiled, thetas } from './families.js'
import type { Family } from './families.js'

/** What auto is asked for by default. */
const asked = 1e-6

export interface AutoOutcome {
  readonly family: string
  readonly seed: number
  readonly tol: number
  /** The largest relative error among gradients with gradientStatus ok, and how many have another one. */
  readonly worst: number
  readonly told: number
  readonly count: number
}

const relativeErrors = (gradient: NDArray, truth: NDArray): number[] =>
  Array.from({ length: gradient.shape[0] as number }, (_, i) => {
    const [g, exact] = [gradient, truth].map(({ data }) => data.subarray(3 * i, 3 * i + 3)) as [
      Float64Array,
      Float64Array,
    ]
    return Math.hypot(...g.map((v, k) => v - (exact[k] as number))) / Math.hypot(...exact)
  })

/** auto on problems of a family, at each inner tolerance. */
export const autoOutcomes = (family: Family, matrices: number, count: number): AutoOutcome[] =>
  Array.from({ length: matrices }, (_, seed) => seed).flatMap((seed) => {
    const theta = thetas(seed, count)
    const truth = trueGradients(family, seed, theta)
    return family.tolerances.map((tol) => {
      const results = compiled(family.problem(seed), auto(), tol, false).batch(theta)
      const errors = relativeErrors((results.value as unknown as { gradient: NDArray }).gradient, truth)
      const fine = errors.filter((_, i) => results.gradientStatus[i] === 0)
      return {
        ...{ family: family.name, seed, tol, count },
        worst: Math.max(0, ...fine),
        told: count - fine.length,
      }
    })
  })

const fixed: readonly Strategy[] = [
  oneStep(),
  neumann(10),
  neumann(100),
  implicit(),
  implicit({ linearSolver: 'cg' }),
  implicit({ linearSolver: 'gmres' }),
]

export interface AutoCost {
  readonly family: string
  readonly seed: number
  /** Time of auto over that of the cheapest fixed strategy whose errors are all at most 1e-6; solve, gradient and certificate. */
  readonly ratio: number
  readonly best: string
}

/** Costs at the tight inner tolerance, where fixed strategies can meet what is asked; undefined where none does. */
export const autoCost = async (
  family: Family,
  seed: number,
  count: number,
  rounds: number,
): Promise<AutoCost | undefined> => {
  const theta = thetas(seed, count)
  const truth = trueGradients(family, seed, theta)
  const tol = Math.min(...family.tolerances)
  const problem = family.problem(seed)
  const right = fixed.flatMap((strategy) => {
    const f = compiled(problem, strategy, tol, false)
    const { value, gradientStatus } = f.batch(theta)
    const errors = relativeErrors((value as unknown as { gradient: NDArray }).gradient, truth)
    return errors.every((e, i) => e <= asked && gradientStatus[i] === 0) ? [{ name: strategy.name, f }] : []
  })
  if (right.length === 0) return undefined
  const mine = compiled(problem, auto(), tol, false)
  const contestants = Object.fromEntries(
    [{ name: 'auto', f: mine }, ...right].map(({ name, f }) => [
      name,
      timing.computing(() => f.batch(theta)),
    ]),
  )
  const times = await timing.sideBySide(contestants, { rounds, turn: 0.01 })
  const medians = right.map(({ name }) => ({ name, seconds: statistics.median(times[name] ?? []) }))
  const best = medians.reduce((a, b) => (b.seconds < a.seconds ? b : a)).name
  return { family: family.name, seed, ratio: timing.ratio(times['auto'] ?? [], times[best] ?? []), best }
}
