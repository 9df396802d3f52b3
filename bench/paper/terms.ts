// K terms against K steps, and CG, on one metric: the full Jacobian of ridge by gradient descent after k steps, from the same
// cotangents e₁, …, e₁₂ at the same iterate x₍k₎, relative to the closed form in the Frobenius norm.
//   truncated-K  steps k − K … k,   error ≤ ρᴷ L_F / (1 − ρ) + K ρᵏ⁻¹ …     the second part grows with K: the burn-in
//   neumann-K    Σ₍j<K₎ Aʲ B at x₍k₎,   error ρᴷ and that of the iterate      CG-m   m steps of CG on (I − A) ν = v at x₍k₎
import { implicit, neumann, ones, zeros } from '../../lib/index.js'
import type { NDArray } from '../../lib/index.js'
import { ridgePrograms } from './ridge.js'
import type { Runner } from './runner.js'
import { relativeError } from './spectrum.js'
import type { WeightedRidge } from './weightedRidge.js'

export const termCounts = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 3000, 4000, 5000] as const
export const cgSteps = [1, 2, 3, 4, 5, 6, 8] as const

export interface TermsRow {
  readonly estimator: 'truncated' | 'neumann' | 'cg' | 'implicit'
  /** K, or steps of CG; each costs one product with (∂ₓF)ᵀ. 0 for the direct solve. */
  readonly terms: number
  /** ‖J − J*‖ / ‖J*‖ */
  readonly error: number
  /** ‖J − J₍k₎‖ / ‖J₍k₎‖ with J₍k₎ the implicit Jacobian at x₍k₎: what the estimator alone adds to the error of the iterate. */
  readonly beyondIterate: number
}

export interface TermsOptions {
  /** k; default 5000. */
  readonly iterations?: number
  readonly counts?: readonly number[]
  readonly steps?: readonly number[]
  /** Called after each row. */
  readonly onRow?: () => void
}

/** Rows of all estimators for one problem; K that exceed k are left out. */
export const terms = async (
  run: Runner,
  problem: WeightedRidge,
  { iterations = 5000, counts = termCounts, steps = cgSteps, onRow = () => undefined }: TermsOptions = {},
): Promise<TermsRow[]> => {
  const [n, p] = problem.features.shape as readonly [number, number]
  const theta = ones([n])
  const programs = ridgePrograms(problem)
  const { jacobian: exact } = (await run(programs.solution, theta)) as { readonly jacobian: NDArray }
  const used = counts.filter((K) => K <= iterations)

  // x₍k₋K₎ for falling K, and x₍k₎.
  let x = zeros([p])
  let at = 0
  const starts = new Map<number, NDArray>()
  for (const K of [...used, 0].sort((a, b) => b - a)) {
    if (iterations - K > at) x = (await run(programs.advance(iterations - K - at), x, theta)) as NDArray
    at = iterations - K
    starts.set(K, x)
  }

  const own = (await run(programs.at(implicit()), x, theta)) as NDArray
  const row = async (
    estimator: TermsRow['estimator'],
    count: number,
    jacobian: Promise<unknown>,
  ): Promise<TermsRow> => {
    const { data } = (await jacobian) as NDArray
    onRow()
    return {
      ...{ estimator, terms: count },
      error: relativeError(data, exact.data),
      beyondIterate: relativeError(data, own.data),
    }
  }
  return Promise.all([
    ...used.map((K) => row('truncated', K, run(programs.truncated(K), starts.get(K) as NDArray, theta))),
    ...used.map((K) => row('neumann', K, run(programs.at(neumann(K)), x, theta))),
    ...steps.map((m) =>
      row('cg', m, run(programs.at(implicit({ linearSolver: 'cg', maxSteps: m, tol: 0 })), x, theta)),
    ),
    row('implicit', 0, Promise.resolve(own)),
  ])
}
