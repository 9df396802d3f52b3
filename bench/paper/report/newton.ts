// Newton on weighted logistic regression: the timing plot, accuracy, and convergence.
import type { ConvergenceRow } from '../convergence.js'
import type { NewtonResult } from '../newtonReport.js'
import { publishedConvergence, publishedNewtonRows } from '../published.js'
import { costFigure } from './cost.js'
import { seriesOf } from './exhibit.js'
import type { Exhibit } from './exhibit.js'

const estimators = {
  oneStep: 'one-step',
  twoStep: 'two steps (truncated-2)',
  unrolled: 'unrolled',
  implicit: 'implicit at x(k)',
} as const satisfies Partial<Record<keyof ConvergenceRow, string>>

export const newtonExhibits = ({ rows, convergence }: NewtonResult): readonly Exhibit[] => [
  {
    heading: 'Newton: time',
    text: `Weighted logistic regression with p features and 2p samples, differentiated in the sample weights; gradient of ½‖x‖², T = 1, processor time of one thread. Mean ± standard deviation over ${String(rows[0]?.instances.seeds.length ?? 0)} random instances. The dotted curves are the published ones, from another machine and another language: compare the ratios on the right, not the seconds.

Forward makes the eight steps of the loop and one more; one-step and implicit differentiate at the end of the loop. Their curves lie on that of forward: both cost one linear solve with the factor at hand, and one-step needs no adjoint code. Unrolled makes the run twice here, once to count its steps and once to keep them, hence its three times; the published figure is lower at the largest size.`,
    figure: {
      name: 'newton-time',
      drawn: costFigure(
        'Newton: time over number of parameters',
        rows.map(({ p, instances }) => ({
          ...{ parameters: 2 * p * p + 2 * p, instances, published: publishedNewtonRows[p] },
        })),
      ),
    },
    table: {
      columns: [
        'p',
        'forward s',
        'one-step ×',
        'published',
        'implicit ×',
        'published',
        'unrolled ×',
        'published',
      ],
      rows: rows.map(({ p, seconds, overForward }) => [
        ...[p, seconds.forward],
        ...(['oneStep', 'implicit', 'unrolled'] as const).flatMap((name) => [
          overForward[name],
          publishedNewtonRows[p]?.[name] ?? null,
        ]),
      ]),
      digits: 3,
    },
  },
  {
    heading: 'Newton: accuracy',
    text: 'Differences of the gradients by one-step (OS), implicit (ID) and unrolled (AD) differentiation, and the norm of the gradient, beside the published figures.',
    table: {
      columns: ['p', 'steps', '‖∇‖', 'published', '|OS − ID|', 'published', '|AD − ID|', 'published'],
      rows: rows.map(({ p, iterations, gradNorm, osMinusId, adMinusId }) => {
        const known = publishedNewtonRows[p]
        return [
          ...[p, `${String(iterations)} + 1`, gradNorm, known?.gradNorm ?? null],
          ...[osMinusId, known?.osMinusId ?? null, adMinusId, known?.adMinusId ?? null],
        ]
      }),
      digits: 3,
    },
  },
  {
    heading: 'Newton: convergence',
    text: 'p = 106: error of the full Jacobian at iteration k, in the operator norm, relative to that of the Jacobian at the solution. One-step is linear in the error e(k−1) of the iterate; implicit and unrolled are quadratic in it. The dotted curves are an independent computation in NumPy on another random instance.',
    figure: {
      name: 'newton-convergence',
      drawn: {
        title: 'Newton: error of the Jacobian by iteration',
        x: { label: 'iteration k', whole: true },
        y: { label: 'relative error', scale: 'log' },
        series: [
          ...Object.entries(estimators).map(([key, name]) =>
            seriesOf(
              name,
              convergence.map((row) => [row.k, row[key as keyof typeof estimators]]),
            ),
          ),
          ...([1, 2, 3, 4] as const).map((place, i) =>
            seriesOf(
              `${Object.values(estimators)[i] ?? ''}, NumPy`,
              Object.entries(publishedConvergence).map(([k, row]) => [Number(k), row[place]]),
              { style: 'dotted', like: Object.values(estimators)[i] ?? '', marker: 'none' },
            ),
          ),
        ],
      },
    },
    table: {
      columns: ['k', 'e(k−1)', 'one-step', 'two steps', 'unrolled', 'implicit', '‖A‖', 'detached − ID(k−1)'],
      rows: convergence.flatMap((row) => [
        [
          ...[row.k, row.e, row.oneStep, row.twoStep, row.unrolled, row.implicit, row.normA],
          row.detachedMinusImplicit,
        ],
        ['NumPy', ...(publishedConvergence[row.k] ?? [null, null, null, null, null, null]), null],
      ]),
      digits: 2,
    },
  },
]
