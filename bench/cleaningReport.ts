// The page of the bench of hyper-cleaning: ‖∇h‖ over processor time, and all figures.
import { htmlReport, machine, machineLine } from '../lib/index.js'
import type { ContestCurve } from './cleaningContest.js'
import type { Figure } from './figures.js'

/** One HTML page. */
export const cleaningPage = ({
  figures,
  curves,
}: {
  readonly figures: readonly Figure[]
  readonly curves: readonly ContestCurve[]
}): Promise<string> => {
  return htmlReport({
    title: 'Data hyper-cleaning',
    subtitle: machineLine(machine()),
    sections: [
      {
        heading: 'Time to a small hypergradient',
        text: 'Weights of training digits, half of whose labels are redrawn, tuned by the same steps of Adam with the hypergradients of each strategy. The norm is the true one, at far more exact solutions; the time is processor time, tracing and lowering included. One-step stays where its neglected terms outweigh the gradient; the schedules of HOAG solve the inner problem only as exactly as the outer step needs it.',
        figure: {
          title: 'Hyper-cleaning: ‖∇h(θₖ)‖ over processor time',
          x: { label: 'processor seconds', scale: 'log' },
          y: { label: '‖∇h‖', scale: 'log' },
          series: curves.map(({ name, seconds, norm }) => ({ name, x: seconds, y: norm, marker: 'none' })),
        },
      },
      {
        heading: 'All figures',
        table: {
          columns: ['figure', 'value', 'bar', ''],
          rows: figures.map(({ name, value, bar, ok }) => [name, value, bar ?? '', ok ? '' : 'MISSED']),
          digits: 4,
        },
      },
    ],
    data: { figures, curves },
  })
}
