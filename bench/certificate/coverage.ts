// Do certificates hold? True errors of hypergradients beside their bounds and estimates, over all families and strategies.
import { implicit, neumann, oneStep, phantom, truncated } from '../../lib/index.js'
import type { NDArray, Strategy } from '../../lib/index.js'
import { compiled, families, thetas } from './families.js'
import type { Family } from './families.js'

/** One gradient of one instance. */
export interface Covered {
  readonly family: string
  readonly seed: number
  readonly tol: number
  readonly strategy: string
  readonly error: number
  readonly size: number
  readonly estimate: number
  readonly bound: number
  readonly rho: number
}

export const certified: readonly Strategy[] = [
  oneStep(),
  neumann(3),
  truncated(3),
  phantom(3, 0.5),
  implicit(),
]

/** Below this, relative to the gradient, errors are rounding of the reference. */
export const rounding = 1e-10

const rowsOf = ({ data }: NDArray, i: number): Float64Array => data.subarray(3 * i, 3 * i + 3)

/** All gradients of a family: so many matrices, and for each so many θ as lanes. */
export const cover = (family: Family, matrices: number, count: number): Covered[] => {
  const covered: Covered[] = []
  for (let seed = 0; seed < matrices; seed++) {
    const problem = family.problem(seed)
    const theta = thetas(seed, count)
    const gradientsOf = (strategy: Strategy, tol: number, certificate: boolean) => {
      const results = compiled(problem, strategy, tol, certificate).batch(theta)
      return { results, gradient: (results.value as unknown as { gradient: NDArray }).gradient }
    }
    const truth = trueGradients(family, seed, theta)
    for (const tol of family.tolerances) {
      for (const strategy of certified) {
        const { results, gradient } = gradientsOf(strategy, tol, true)
        const { estimate, bound, rho } = results.certificate ?? {}
        for (let i = 0; i < count; i++) {
          const [g, exact] = [rowsOf(gradient, i), rowsOf(truth, i)]
          covered.push({
            ...{ family: family.name, seed, tol, strategy: strategy.name },
            error: Math.hypot(...g.map((v, k) => v - (exact[k] as number))),
            size: Math.hypot(...exact),
            estimate: estimate?.[i] ?? NaN,
            bound: bound?.[i] ?? NaN,
            rho: rho?.[i] ?? NaN,
          })
        }
      }
    }
  }
  return covered
}

/** The implicit derivative where the inner problem is solved to rounding, by a better solver where descent is too slow. */
export const trueGradients = (family: Family, seed: number, theta: NDArray): NDArray => {
  const problem = (family.exact ?? family.problem)(seed)
  const results = compiled(problem, implicit(), 1e-13, false).batch(theta)
  return (results.value as unknown as { gradient: NDArray }).gradient
}

export interface Coverage {
  readonly count: number
  /** Rigorous bounds, and how many of them hold. */
  readonly bounded: number
  readonly bounds: number
  /** Estimates that hold, and the median of estimate over error where the error is not rounding. */
  readonly estimated: number
  readonly median: number
  /** Estimates that are Infinity: nothing is known. */
  readonly unknown: number
  readonly misses: readonly Covered[]
}

/** How many certificates hold. */
export const coverage = (covered: readonly Covered[]): Coverage => {
  const slack = ({ size }: Covered): number => rounding * size
  const rigorous = covered.filter(({ bound }) => Number.isFinite(bound))
  const misses = covered.filter((c) => !(c.error <= c.estimate + slack(c)))
  const ratios = covered
    .filter((c) => c.error > 10 * slack(c) && Number.isFinite(c.estimate))
    .map(({ estimate, error }) => estimate / error)
    .sort((a, b) => a - b)
  return {
    count: covered.length,
    bounded: rigorous.length,
    bounds: rigorous.filter((c) => c.error <= c.bound + slack(c)).length,
    estimated: covered.length - misses.length,
    median: ratios[Math.floor(ratios.length / 2)] ?? NaN,
    unknown: covered.filter(({ estimate }) => !Number.isFinite(estimate)).length,
    misses,
  }
}

/** All families. */
export const coverAll = (matrices: number, count: number): Covered[] =>
  families.flatMap((family) => cover(family, matrices, count))
