// The inequalities of the paper: measured against bound by k, and their ratio over all instances.
import type { BoundsResult } from '../boundsReport.js'
import { contractionFamilies } from '../contractions.js'
import { vanishingFamilies } from '../vanishing.js'
import { seriesOf } from './exhibit.js'
import type { Exhibit, Panel } from './exhibit.js'

/** The families whose curves are drawn: a nonlinear contraction, the worst case, and maps whose derivative vanishes. */
const drawn = [
  ...contractionFamilies.filter(({ tanh, extreme }) => tanh === 'outer' || extreme),
  ...vanishingFamilies.filter(({ separate }) => !separate),
].map(({ name }) => name)

/** Measured and bound of each inequality on the families drawn. */
const curves = ({ rows, summary }: BoundsResult): readonly Panel[] =>
  summary
    .filter(({ family }) => drawn.includes(family))
    .flatMap(({ inequality, family }): Panel[] => {
      const own = rows.filter((row) => row.inequality === inequality && row.family === family)
      // Implicit is exact for linear maps: nothing to see but rounding.
      if (own.every(({ bound }) => bound === 0)) return []
      return [
        {
          title: `${inequality}: ${family}`,
          x: { label: 'iteration k', scale: 'log' },
          y: { label: 'error', scale: 'log' },
          series: [
            seriesOf(
              'measured',
              own.filter(({ measured }) => measured > 0).map(({ k, measured }) => [k, measured]),
            ),
            seriesOf(
              'bound',
              own.filter(({ bound }) => bound > 0).map(({ k, bound }) => [k, bound]),
              { style: 'dotted', marker: 'none' },
            ),
          ],
        },
      ]
    })

/** The worst ratio of all instances by k, a line a family. */
const ratios = ({ rows, summary }: BoundsResult): readonly Panel[] =>
  [...new Set(summary.map(({ inequality }) => inequality))].map((inequality) => ({
    title: inequality,
    x: { label: 'iteration k', scale: 'log' },
    y: { label: 'measured / bound, the worst instance', domain: [0, 1.05] },
    series: summary
      .filter((entry) => entry.inequality === inequality)
      .map(({ family }) =>
        seriesOf(
          family,
          rows
            .filter((row) => row.inequality === inequality && row.family === family)
            .map(({ k, worst }) => [k, worst]),
        ),
      ),
  }))

export const boundsExhibits = (result: BoundsResult): readonly Exhibit[] => [
  {
    heading: 'Bounds: measured and bound',
    text: 'Every inequality of the paper on maps with known ρ, L_F and L_J: contractions, and maps whose derivative vanishes at the solution. Of each family the instance of one size that comes closest to its bound. For contractions the error of one-step ends at a floor, ρ L_F / (1 − ρ) at most; the worst case attains it. The hypergradient has a floor as well; implicit has none, and neither has a map whose derivative vanishes.',
    figure: {
      name: 'bounds',
      drawn: { title: 'Bounds: measured and bound by iteration', panels: curves(result), height: 250 },
    },
  },
  {
    heading: 'Bounds: ratio',
    text: 'The largest ratio of measured error and bound over all instances. At most 1 where the inequality holds.',
    figure: {
      name: 'bounds-ratio',
      drawn: { title: 'Bounds: the worst ratio by iteration', panels: ratios(result), height: 250 },
    },
    table: {
      columns: ['inequality', 'family', 'instances', 'checked', 'worst ratio', 'median', 'at the last k', ''],
      rows: result.summary.map((entry) => [
        ...[
          entry.inequality,
          entry.family,
          entry.instances,
          entry.count,
          entry.worst,
          entry.median,
          entry.last,
        ],
        entry.holds ? 'holds' : 'VIOLATED',
      ]),
      digits: 3,
    },
  },
  {
    heading: 'Bounds: derivatives that vanish',
    text: 'Where ∂ₓF vanishes at the solution, one-step converges to the derivative, and from the solution itself it is the derivative.',
    table: {
      columns: ['family', 'instances', '|OS − J| at k = 1', 'at the last k', 'at x̄, relative'],
      rows: result.vanishing.map(({ family, instances, first, last, atSolution }) => [
        ...[family, instances, first, last, atSolution],
      ]),
      digits: 3,
    },
  },
]

/** The published condition on the step size, which is too weak, beside a safe one. */
export const stepSizeExhibit = ({ stepSize }: BoundsResult): Exhibit => ({
  heading: 'The condition on the outer step size',
  text: 'F = sin(10 θ) / 100 and g(x) = x: ∇(g ∘ x̄) has the Lipschitz constant 1. With J = L_F / (1 − ρ) the condition as published allows 1/α from L_J (J² + J) l_g / (1 − ρ) + l_∇g J² on, which is 0.11 here; with 1 + J² in the place of J² + J it is safe. The two differ where J < 1.',
  table: {
    columns: [
      ...['condition', '1/α', 'steps without descent %', 'worst ratio to the proposition'],
      ...['|∇|² at the end', 'g − g* at the end'],
    ],
    rows: stepSize.map(({ condition, inverse, broken, worst, gradient, gap }) => [
      ...[condition, inverse, 100 * broken, worst, gradient, gap],
    ]),
    digits: 3,
  },
})
