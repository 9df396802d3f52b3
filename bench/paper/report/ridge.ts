// Gradient descent on weighted ridge: the four panels of the paper, by either formula of the cross derivative.
import { basename } from 'node:path'
import type { StepName } from '../published.js'
import type { RidgeRow } from '../ridge.js'
import type { RidgeResult } from '../ridgeReport.js'
import type { Formula } from '../weightedRidge.js'
import { seriesOf } from './exhibit.js'
import type { Exhibit, Panel } from './exhibit.js'

/** κ by rows, step by columns, as in the paper. */
const places = [1001, 101].flatMap((kappa) => (['1/L', '2/(mu+L)'] as const).map((step) => ({ kappa, step })))
const stepNames: Readonly<Record<StepName, string>> = { '1/L': '1/L', '2/(mu+L)': '2/(μ + L)' }

/** Curves of the figure: estimator, name, and whether it is 1 before the first iteration, as the Jacobian of x₀ is 0. */
const curves = [
  ['unrolled', 'unrolled', true],
  ['truncated-1000', 'last 1000 steps (in the paper “1-step”)', false],
  ['truncated-1', 'one-step', false],
  ['implicit', 'implicit', false],
] as const

const panels = (result: RidgeResult, formula: Formula): readonly Panel[] =>
  places.map(({ kappa, step }) => {
    const at = (list: readonly RidgeRow[], estimator: string, wanted: Formula): [number, number][] =>
      list
        .filter(
          (row) =>
            Math.abs(row.kappa - kappa) <= 1 &&
            row.step === step &&
            row.estimator === estimator &&
            row.formula === wanted,
        )
        .map((row) => [row.iteration, row.relativeError])
    return {
      title: `κ = ${String(kappa)}, step ${stepNames[step]}`,
      x: { label: 'iteration k' },
      y: { label: 'relative error', scale: 'log' },
      series: [
        seriesOf('iterate', [[0, 1], ...at(result.iterates, 'iterate', 'correct')], {
          ...{ style: 'dotted', marker: 'cross' },
        }),
        ...curves.map(([estimator, name, fromStart]) =>
          seriesOf(
            name,
            [...(fromStart ? ([[0, 1]] as [number, number][]) : []), ...at(result.rows, estimator, formula)],
            { marker: 'circle' },
          ),
        ),
        seriesOf('CG, 5 steps', at(result.rows, 'cg-5', formula), { style: 'dots', marker: 'wye' }),
      ],
    }
  })

/** What the data are. */
export const ridgeData = ({ data, samples }: { readonly data: string; readonly samples: number }): string =>
  data === 'synthetic'
    ? `Synthetic data with the singular values of cpusmall, ${String(samples)} samples of 12 features: the published figures belong to cpusmall and are not shown beside them (give --data cpu.small.arff).`
    : `Data: ${basename(data)}, ${String(samples)} samples of 12 features.`

const comparisonTable = (result: RidgeResult, formula: Formula) => {
  const rows = result.comparison.filter((row) => row.formula === formula)
  if (rows.length === 0) return {}
  return {
    table: {
      columns: ['κ', 'step', 'estimator', 'iteration', 'here', 'NumPy', 'deviation %'],
      rows: rows.map(({ kappa, step, estimator, iteration, relativeError, published, deviation }) => [
        ...[kappa, stepNames[step], estimator, iteration, relativeError, published],
        Number((100 * deviation).toFixed(1)),
      ]),
      digits: 3,
    },
  }
}

export const ridgeExhibits = (result: RidgeResult): readonly Exhibit[] => [
  {
    heading: 'Gradient descent on weighted ridge',
    text: `‖x − x*‖ / ‖x*‖ of the iterates (dotted, crosses) and ‖J − J*‖ / ‖J*‖ of the Jacobian in the sample weights (dots), each estimator at every 1000th iterate; over iterations where the paper has wall time, which its loop spends on a dense 8192 × 8192 matrix. ${ridgeData(result)}

The single last step tells next to nothing here (relative error near ρ): what the paper draws as “1-step” is the derivative of the last 1000 steps. With the large step at κ = 1001 the error of unrolled differentiation first rises: the burn-in. Five steps of CG lie on implicit, down to where they stop being exact.${result.comparison.length === 0 ? '' : ' The column NumPy is an independent computation by the same formulas.'}`,
    figure: {
      name: 'ridge',
      drawn: {
        title: 'Ridge: error of iterates and Jacobians',
        panels: panels(result, 'correct'),
        height: 300,
      },
    },
    ...comparisonTable(result, 'correct'),
  },
]

/** The same by the cross derivative of the published code. */
export const ridgeReferenceExhibit = (result: RidgeResult): Exhibit => ({
  heading: 'Ridge by the published formula',
  text: `The figure of the paper as its code computes it: the cross derivative diag(x) (A ∘ A)ᵀ, one step late, in the estimate and in the truth alike. It looks as healthy as the right one. ${ridgeData(result)}`,
  figure: {
    name: 'ridge-reference',
    drawn: {
      title: 'Ridge by the published formula',
      panels: panels(result, 'reference'),
      height: 300,
    },
  },
  ...comparisonTable(result, 'reference'),
})
