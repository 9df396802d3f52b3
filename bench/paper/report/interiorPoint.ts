// The interior point on random quadratic programs: the timing plot, and accuracy.
import { publishedQpRows } from '../published.js'
import type { QpResult } from '../qpReport.js'
import { costFigure } from './cost.js'
import type { Exhibit } from './exhibit.js'

/** Entries of Q, q, A, b, G, h, as the paper counts parameters. */
const parameters = (n: number, m: number, p: number): number => n * n + n * p + n * m + n + m + p

export const interiorPointExhibits = ({ rows, numpy }: QpResult): readonly Exhibit[] => [
  {
    heading: 'Interior point: time',
    text: `Random quadratic programs, differentiated in the right-hand side of the equalities; gradient of ½‖x‖², T = 1, processor time of one thread, mean ± standard deviation over ${String(rows[0]?.instances.seeds.length ?? 0)} random instances; published curves dotted, as above. Here one factorization serves a whole step, where the published code makes two.`,
    figure: {
      name: 'interior-point-time',
      drawn: costFigure(
        'Interior point: time over number of parameters',
        rows.map(({ n, m, p, instances }) => ({
          ...{ parameters: parameters(n, m, p), instances, published: publishedQpRows[n] },
        })),
      ),
    },
    table: {
      columns: [
        ...[
          'n',
          'forward s',
          'one-step ×',
          'published',
          'implicit ×',
          'published',
          'unrolled ×',
          'published',
        ],
        ...(numpy.length === 0 ? [] : ['NumPy ×']),
      ],
      rows: rows.map(({ n, seconds, overForward }) => [
        ...[n, seconds.forward],
        ...(['oneStep', 'implicit', 'unrolled'] as const).flatMap((name) => [
          overForward[name],
          publishedQpRows[n]?.[name] ?? null,
        ]),
        ...(numpy.length === 0 ? [] : [numpy.find((row) => row.n === n)?.ratio ?? null]),
      ]),
      digits: 3,
    },
  },
  {
    heading: 'Interior point: accuracy',
    text: 'The difference of one-step (OS) from implicit (ID) is no rounding: relative to the gradient it is 1 − τ = 10⁻⁵, what the last step stayed short of the full length. Divided by the last step length α it is gone. The published instances are other random draws.',
    table: {
      columns: [
        ...['n', 'steps', '‖∇‖', '|OS − ID|', 'published', '|OS − ID| / |ID|'],
        ...['|OS / α − ID|', '|AD − ID|', 'published'],
      ],
      rows: rows.map(({ n, iterations, gradNorm, osMinusId, relative, correctedMinusId, adMinusId }) => {
        const known = publishedQpRows[n]
        return [
          ...[n, `${String(iterations)} + 1`, gradNorm, osMinusId, known?.osMinusId ?? null, relative],
          ...[correctedMinusId, adMinusId, known?.adMinusId ?? null],
        ]
      }),
      digits: 3,
    },
  },
]
