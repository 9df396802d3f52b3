// What the paper does not show: terms against steps, CG, the step length, two steps of Newton, error against cost.
import type { BeyondReport } from '../beyondReport.js'
import type { TermsRow } from '../terms.js'
import { diagonal, seriesOf } from './exhibit.js'
import type { Exhibit } from './exhibit.js'
import { ridgeData } from './ridge.js'

const estimatorNames: Readonly<Record<TermsRow['estimator'], string>> = {
  truncated: 'truncated-K: the last K steps',
  neumann: 'neumann-K: K terms at the last iterate',
  cg: 'CG, K steps at the last iterate',
  implicit: 'implicit',
}

const best = (rows: readonly TermsRow[], estimator: TermsRow['estimator']): TermsRow | undefined =>
  rows
    .filter((row) => row.estimator === estimator)
    .reduce<TermsRow | undefined>(
      (least, row) => (least === undefined || row.error < least.error ? row : least),
      undefined,
    )

const termsExhibit = (result: BeyondReport): Exhibit => {
  const { terms } = result
  const errorOf = (estimator: TermsRow['estimator'], K: number): number =>
    terms.find((row) => row.estimator === estimator && row.terms === K)?.error ?? NaN
  const last = Math.max(...terms.map((row) => row.terms))
  const gain = errorOf('truncated', last) / errorOf('neumann', last)
  const [shortest, five, thousand] = [best(terms, 'truncated'), errorOf('cg', 5), errorOf('truncated', 1000)]
  const own = terms.find((row) => row.estimator === 'cg' && row.terms === 5)?.beyondIterate ?? NaN
  return {
    heading: 'Terms at the last iterate against steps before it, and CG',
    text: `Ridge at κ ≈ 1001 with the step 2/(μ + L), the full Jacobian after 5000 iterations from the same twelve cotangents at the same iterate, in one norm. One unit of K is one product with (∂ₓF)ᵀ for every estimator; CG works on (I − A) ν = v. ${ridgeData(result)}

Truncated-K is best at K = ${String(shortest?.terms ?? NaN)} and grows again: the burn-in of steps far from the solution. Neumann-K keeps no trajectory and has no burn-in: at K = ${String(last)} it is ${gain.toFixed(0)} times better than as many differentiated steps.

Five steps of CG have an error of ${five.toExponential(1)}, 1000 differentiated steps ${thousand.toExponential(1)}: ${(thousand / five).toFixed(0)} times as much for 200 times the products. CG leaves nothing to gain: ${five.toExponential(1)} is the error of the iterate itself (implicit, dotted), the linear solve is exact to ${own.toExponential(0)}. To hold that against ${thousand.toExponential(1)} would be to mix two metrics.`,
    figure: {
      name: 'terms',
      drawn: {
        title: 'Error of the Jacobian by number of products',
        x: { label: 'K, products with the transposed derivative', scale: 'log' },
        y: { label: 'relative error', scale: 'log' },
        series: [
          ...(['truncated', 'neumann', 'cg'] as const).map((estimator) =>
            seriesOf(
              estimatorNames[estimator],
              terms.filter((row) => row.estimator === estimator).map((row) => [row.terms, row.error]),
            ),
          ),
          ...terms
            .filter((row) => row.estimator === 'implicit')
            .map(({ error }) =>
              seriesOf(
                'implicit: the error of the iterate',
                [
                  [1, error],
                  [last, error],
                ],
                { style: 'dotted', marker: 'none' },
              ),
            ),
        ],
      },
    },
    table: {
      columns: ['K', 'truncated-K', 'neumann-K', 'CG', 'CG beyond the iterate'],
      rows: [...new Set(terms.map((row) => row.terms))]
        .filter((K) => K > 0)
        .sort((a, b) => a - b)
        .map((K) => {
          const of = (estimator: TermsRow['estimator']): TermsRow | undefined =>
            terms.find((row) => row.estimator === estimator && row.terms === K)
          return [
            ...[K, of('truncated')?.error ?? null, of('neumann')?.error ?? null],
            ...[of('cg')?.error ?? null, of('cg')?.beyondIterate ?? null],
          ]
        }),
      digits: 3,
    },
  }
}

const stepLengthExhibit = ({ interiorPoint, damped }: BeyondReport): Exhibit => ({
  heading: 'The step length',
  text: 'A last step of length α has ∂ₓF → (1 − α) I, so that one-step gives α J and is wrong by 1 − α: the interior point with its τ, and Newton with short steps. One division by α, stepLengthCorrection, removes it and leaves the error of the iterate.',
  figure: {
    name: 'step-length',
    drawn: {
      title: 'Error of one-step by 1 − α',
      x: { label: '1 − α', scale: 'log' },
      y: { label: 'relative error of the gradient', scale: 'log' },
      series: [
        seriesOf(
          'interior point, one-step',
          interiorPoint.map(({ tau, relative }) => [1 - tau, relative]),
          { style: 'dots' },
        ),
        seriesOf(
          'damped Newton, one-step',
          damped.map(({ alpha, oneStep }) => [1 - alpha, oneStep]),
          { style: 'dots' },
        ),
        seriesOf(
          'damped Newton, one-step / α',
          damped.map(({ alpha, corrected }) => [1 - alpha, corrected]),
        ),
        seriesOf(
          'damped Newton, implicit',
          damped.map(({ alpha, implicit }) => [1 - alpha, implicit]),
        ),
        diagonal('the law 1 − α', 1e-5, 0.5),
      ],
    },
  },
  table: {
    columns: ['solver', 'α', '1 − α', 'one-step, relative', 'one-step / α', 'implicit'],
    rows: [
      ...interiorPoint.map(({ tau, relative, corrected }) => [
        ...[
          'interior point, n = 100 (one-step / α: absolute)',
          String(tau),
          1 - tau,
          relative,
          corrected,
          null,
        ],
      ]),
      ...damped.map(({ alpha, oneStep, corrected, implicit }) => [
        ...['damped Newton, p = 50', String(alpha), 1 - alpha, oneStep, corrected, implicit],
      ]),
    ],
    digits: 3,
  },
})

const twoStepExhibit = ({ twoStep }: BeyondReport): Exhibit => ({
  heading: 'Newton: one step and two',
  text: 'p = 106. One-step is wrong by a multiple of e(k−1), two steps (truncated-2) by a multiple of e(k−1) e(k−2): both points of an iteration k lie near the diagonal, each over its own error. One more forward step does the same as a second differentiated one, and is cheaper.',
  figure: {
    name: 'two-steps',
    drawn: {
      title: 'Error of the Jacobian over what the law says',
      x: { label: 'e(k−1) for one step, e(k−1) e(k−2) for two', scale: 'log' },
      y: { label: 'relative error', scale: 'log' },
      series: [
        seriesOf(
          'one-step over e(k−1)',
          twoStep.map(({ e, oneStep }) => [e, oneStep]),
        ),
        seriesOf(
          'two steps over e(k−1) e(k−2)',
          twoStep.map(({ product, twoStep: error }) => [product, error]),
        ),
        diagonal('slope 1', 1e-14, 1),
      ],
    },
  },
  table: {
    columns: ['k', 'e(k−1)', 'e(k−1) e(k−2)', 'one-step', 'over e(k−1)', 'two steps', 'over the product'],
    rows: twoStep.map(({ k, e, product, oneStep, twoStep: error }) => [
      ...[k, e, product, oneStep, oneStep / e, error, error / product],
    ]),
    digits: 2,
  },
})

const costExhibits = ({ costs, decisions }: BeyondReport): readonly Exhibit[] => {
  const problems = [...new Set(costs.map(({ problem }) => problem))]
  const families = [...new Set(costs.map(({ estimator }) => estimator))]
  return [
    {
      heading: 'What an error costs',
      text: 'Processor time of solve and gradient over that of the solve alone, T = 1, programs side by side, and the error of the gradient of ½‖x‖² against that at the solution. A curve joins the points of one estimator for growing K. Truncated differentiation finds x(k−K) by solving again, hence its two. Differences of some hundredths are the noise of the machine.',
      figure: {
        name: 'error-cost',
        drawn: {
          title: 'Error against cost',
          panels: problems.map((problem) => ({
            title: problem,
            x: { label: 'time of solve and gradient / time of solve' },
            y: { label: 'relative error', scale: 'log' },
            series: families.map((family) =>
              seriesOf(
                family,
                costs
                  .filter((point) => point.problem === problem && point.estimator === family)
                  .map(({ cost, error }) => [cost, error]),
              ),
            ),
          })),
          height: 290,
        },
      },
      table: {
        columns: ['problem', 'estimator', 'K', 'cost ×', 'error'],
        rows: costs.map(({ problem, estimator, terms, cost, error }) => [
          ...[problem, estimator, terms ?? null, cost, error],
        ]),
        digits: 3,
      },
    },
    {
      heading: 'Which estimator when',
      text: 'Each row with the points of this run that speak for it: error of the gradient, and time over that of the solve alone.',
      table: {
        columns: ['situation', 'how one sees it', 'take', 'measured here'],
        rows: decisions.map(({ situation, sign, take, measured }) => [situation, sign, take, measured]),
      },
    },
  ]
}

export const beyondExhibits = (result: BeyondReport): readonly Exhibit[] => [
  termsExhibit(result),
  stepLengthExhibit(result),
  twoStepExhibit(result),
  ...costExhibits(result),
]
