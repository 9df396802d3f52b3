// Hypergradient descent: the smallest gradient so far against its bound by K.
import type { BilevelCurve } from '../bilevel.js'
import type { BilevelResult } from '../bilevelReport.js'
import { seriesOf } from './exhibit.js'
import type { Exhibit, Panel } from './exhibit.js'

const nameOf = ({ estimator, inner }: BilevelCurve): string =>
  inner === 'Newton' ? `${estimator}, Newton inside` : estimator

const panels = ({ runs }: BilevelResult): readonly Panel[] =>
  runs.map(({ loss, curves, floor }) => ({
    title: `${loss}, ρ L_F l_g / (1 − ρ) = ${floor.toPrecision(2)}`,
    x: { label: 'outer steps K', scale: 'log' },
    y: { label: 'min ‖∇‖² up to K', scale: 'log' },
    series: [
      ...curves.map((curve) =>
        seriesOf(
          nameOf(curve),
          curve.points.filter(({ l, least }) => l > 0 && least > 0).map(({ l, least }) => [l, least]),
        ),
      ),
      ...curves.flatMap((curve) => {
        const known = curve.points.flatMap(({ l, bound }) =>
          l > 0 && bound !== null ? [[l, bound] as const] : [],
        )
        if (known.length === 0) return []
        return [
          seriesOf(`bound: ${nameOf(curve)}`, known, {
            style: 'dotted',
            like: nameOf(curve),
            marker: 'none',
          }),
        ]
      }),
    ],
  }))

export const bilevelExhibits = (result: BilevelResult): readonly Exhibit[] => [
  {
    heading: 'Bilevel: hypergradient descent',
    text: 'Regularization weights of ridge and logistic regression tuned by gradient descent with d(θ) = Jᵀ∇g, J by each estimator; solid: min ‖∇(g ∘ x̄)‖² over the steps so far, dotted: the bound ε² + 2 L (g(θ₀) − g*) / (K + 1) of the proposition. With gradient descent inside, one-step ends at a floor, however many inner steps there are; with Newton inside there is none. Terms and steps lower the floor, CG removes it.',
    figure: {
      name: 'bilevel',
      drawn: { title: 'Bilevel: smallest gradient by outer step', panels: panels(result), height: 340 },
    },
    table: {
      columns: ['loss', 'estimator', 'inner', 'largest |d − ∇|', 'ε', 'min ‖∇‖²', 'bound at the end', ''],
      rows: result.runs.flatMap(({ loss, curves }) =>
        curves.map(({ estimator, inner, epsilon, points, holds }) => [
          ...[loss, estimator, inner, Math.max(...points.map(({ bias }) => bias)), epsilon],
          ...[points.at(-1)?.least ?? null, points.at(-1)?.bound ?? null],
          holds === null ? '' : holds ? 'holds' : 'VIOLATED',
        ]),
      ),
      digits: 3,
    },
  },
]
