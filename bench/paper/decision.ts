// Which estimator when: a small table, each row with the points of the run that speak for it.
import type { CostPoint, Family } from './estimatorCosts.js'

export interface Decision {
  readonly situation: string
  /** How one sees that one is in it. */
  readonly sign: string
  readonly take: string
  /** Errors and costs of this run, what to take first. */
  readonly measured: string
}

/** A rule: the estimators whose points it shows, of the problem whose name begins like this. */
interface Rule extends Omit<Decision, 'measured'> {
  readonly problem: string
  readonly evidence: readonly (readonly [Family, number?])[]
}

const rules: readonly Rule[] = [
  {
    situation: 'Newton and other superlinear algorithms, converged',
    sign: '‖Aᵀv‖ is far below ‖v‖',
    take: 'oneStep(), or implicit() where a factor is at hand: the same error at the same cost',
    problem: 'Newton',
    evidence: [['one-step'], ['implicit'], ['unrolled']],
  },
  {
    situation: 'the last step had length α < 1: damped Newton, interior point',
    sign: 'Aᵀv ≈ (1 − α) v',
    take: 'oneStep({ stepLengthCorrection: true })',
    problem: 'interior point',
    evidence: [['one-step / α'], ['one-step'], ['implicit']],
  },
  {
    situation: 'fast linear convergence, ρ up to about 0.6',
    sign: 'ln(1/ε) / ln(1/ρ) is a few tens',
    take: 'neumann(K) with K = ln(1/ε) / ln(1/ρ): rather than truncated(K), which replays the solve',
    problem: 'gradient descent, κ = 4',
    evidence: [['neumann-K', 10], ['truncated-K', 10], ['one-step']],
  },
  {
    situation: 'slow linear convergence with symmetric A, gradient descent at κ of 100 and more',
    sign: 'ρ near 1',
    take: "implicit({ linearSolver: 'cg' }), or implicit() while x is small",
    problem: 'gradient descent, κ = 1001',
    evidence: [
      ['CG', 5],
      ['implicit'],
      ['neumann-K', 1000],
      ['truncated-K', 1000],
      ['unrolled'],
      ['one-step'],
    ],
  },
]

const shown = ({ estimator, terms, error, cost }: CostPoint): string => {
  const name = terms === undefined ? estimator : `${estimator.replace(/-K$/, '')}-${String(terms)}`
  return `${name} ${error.toExponential(1)} at ${cost.toFixed(2)} ×`
}

/** The table for these points. */
export const decisions = (points: readonly CostPoint[]): readonly Decision[] => [
  ...rules.map(({ problem, evidence, ...rule }) => ({
    ...rule,
    measured: evidence
      .flatMap(([estimator, terms]) =>
        points.filter(
          (point) =>
            point.problem.startsWith(problem) && point.estimator === estimator && point.terms === terms,
        ),
      )
      .map(shown)
      .join('; '),
  })),
  {
    situation: 'θ enters through x₀ alone, or the transient itself is wanted',
    sign: 'gradientStatus “undefined”',
    take: 'unrolled(): one-step and implicit derivatives are 0 there',
    measured: 'zero by construction',
  },
]
