// What the paper does not show: terms at the last iterate against steps before it, the step length, two steps of Newton, and
// what an error costs.
import type { ShownProgress } from '../../lib/index.js'
import { convergence } from './convergence.js'
import { dampedLaw } from './dampedNewton.js'
import type { DampedRow } from './dampedNewton.js'
import { decisions } from './decision.js'
import type { Decision } from './decision.js'
import { estimatorCosts } from './estimatorCosts.js'
import type { CostPoint } from './estimatorCosts.js'
import { qpLaw } from './qp.js'
import type { LawRow } from './qp.js'
import { ridgeProblems } from './ridge.js'
import type { Runner } from './runner.js'
import { cgSteps, termCounts, terms } from './terms.js'
import type { TermsRow } from './terms.js'
import type { RidgeData } from './weightedRidge.js'

/** Newton at iteration k: the laws  one-step = C e₍k₋₁₎  and  two steps = C e₍k₋₁₎ e₍k₋₂₎. */
export interface TwoStepRow {
  readonly k: number
  /** e₍k₋₁₎ */
  readonly e: number
  /** e₍k₋₁₎ e₍k₋₂₎ */
  readonly product: number
  /** Relative errors of the Jacobian. */
  readonly oneStep: number
  readonly twoStep: number
}

export interface BeyondResult {
  /** Ridge at κ ≈ 1001 with the step 2/(μ + L) after 5000 iterations. */
  readonly terms: readonly TermsRow[]
  /** The interior point. */
  readonly interiorPoint: readonly LawRow[]
  readonly damped: readonly DampedRow[]
  readonly twoStep: readonly TwoStepRow[]
  readonly costs: readonly CostPoint[]
  readonly decisions: readonly Decision[]
}

/** The law of two steps at size p, for k = 4 … 8. */
export const twoStepLaw = async (run: Runner, p: number): Promise<TwoStepRow[]> => {
  const rows = await convergence(run, p, [3, 4, 5, 6, 7, 8])
  return rows.slice(1).map(({ k, e, oneStep, twoStep }, i) => ({
    ...{ k, e, product: e * (rows[i]?.e ?? NaN), oneStep, twoStep },
  }))
}

/** All of it. What is timed runs in this thread after `run` has ended; `onProgress` hears of the parts. */
export const beyond = async (
  run: Runner,
  data: RidgeData,
  onProgress: (progress: ShownProgress) => void = () => undefined,
): Promise<BeyondResult> => {
  const slow = ridgeProblems(data, 'correct', [1e-3]).find(({ step }) => step === '2/(mu+L)')
  if (slow === undefined) throw new Error('there is no problem with the step 2/(μ + L)')
  const begun = performance.now()
  const total = 2 * termCounts.length + cgSteps.length + 1 + 3 + 4
  let done = 0
  const onPart = (): void => {
    onProgress({ done: ++done, total, statuses: {}, seconds: (performance.now() - begun) / 1000 })
  }
  const part = <T>(made: T): T => {
    onPart()
    return made
  }
  const found = {
    terms: await terms(run, slow.problem, { onRow: onPart }),
    twoStep: part(await twoStepLaw(run, 106)),
    interiorPoint: part(qpLaw()),
    damped: part(dampedLaw(50)),
  }
  const costs = await estimatorCosts(data, { onProblem: onPart })
  return { ...found, costs, decisions: decisions(costs) }
}
