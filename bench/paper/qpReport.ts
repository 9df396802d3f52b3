// The interior-point experiment as a whole, and as a report beside the published figures.
import { progressReporter, textTable } from '../../lib/index.js'
import { publishedQpRows } from './published.js'
import { qpLaw, qpRow, sizes } from './qp.js'
import type { LawRow, QpRow, QpSize } from './qp.js'
import { qpPeerRow } from './qpPeer.js'
import type { QpPeerRow } from './qpPeer.js'

export interface QpResult {
  readonly rows: readonly QpRow[]
  /** A row of NumPy for each size; none where there is no NumPy. */
  readonly numpy: readonly QpPeerRow[]
  readonly law: readonly LawRow[]
}

/** NumPy beside us at these sizes; where it does not play, one line on stderr says why. */
const besideNumpy = async (wanted: readonly QpSize[], quick: boolean): Promise<QpPeerRow[]> => {
  const rows: QpPeerRow[] = []
  for (const size of wanted) {
    const row = await qpPeerRow(size, quick || size.n > 500 ? 3 : 7)
    if (typeof row === 'string') {
      process.stderr.write(`paper: without the column of NumPy: ${row}\n`)
      return rows
    }
    rows.push(row)
  }
  return rows
}

/** All sizes and the law in τ; `quick`: the two smallest sizes; `quiet`: without progress. All of it runs in this thread: the figure is one solve. */
export const qpExperiment = async ({
  quick,
  quiet,
}: {
  readonly quick: boolean
  readonly quiet: boolean
}): Promise<QpResult> => {
  const wanted = quick ? sizes.slice(0, 2) : sizes
  const report = progressReporter({ label: 'quadratic programs', quiet })
  const begun = performance.now()
  const rows: QpRow[] = []
  for (const size of wanted) {
    rows.push(await qpRow(size, quick ? 3 : size.n < 500 ? 9 : 5))
    const seconds = (performance.now() - begun) / 1000
    report({ done: rows.length, total: wanted.length, statuses: {}, seconds })
  }
  return { rows, numpy: await besideNumpy(wanted, quick), law: qpLaw() }
}

/** Published figures stand in the columns named "paper". */
export const showQp = ({ rows, numpy, law }: QpResult): string => {
  const accuracy = textTable({
    columns: [
      'n',
      'iterations',
      '‖∇‖',
      '|OS − ID|',
      'paper',
      'relative',
      '|OS / α − ID|',
      '|AD − ID|',
      'paper',
    ],
    rows: rows.map(({ n, iterations, gradNorm, osMinusId, relative, correctedMinusId, adMinusId }) => {
      const known = publishedQpRows[n]
      return [
        ...[n, `${String(iterations)} + 1`, gradNorm, osMinusId, known?.osMinusId ?? null],
        ...[relative, correctedMinusId, adMinusId, known?.adMinusId ?? null],
      ]
    }),
    digits: 3,
  })
  const cost = textTable({
    columns: [
      ...['n', 'forward s', 'one-step ×', 'paper', 'implicit ×', 'paper', 'unrolled ×', 'paper'],
      ...['NumPy s', 'NumPy / ours', 'x − x of NumPy'],
    ],
    rows: rows.map(({ n, seconds, overForward }) => {
      const known = publishedQpRows[n]
      const peer = numpy.find((row) => row.n === n)
      const pairs = (['oneStep', 'implicit', 'unrolled'] as const).flatMap((name) => [
        overForward[name],
        known?.[name] ?? null,
      ])
      const beside = [peer?.numpySeconds ?? null, peer?.ratio ?? null, peer?.difference ?? null]
      return [n, seconds.forward, ...pairs, ...beside]
    }),
    digits: 3,
  })
  const laws = textTable({
    columns: ['τ', 'iterations', '|OS − ID| / |ID|', '1 − τ', '|OS / α − ID|'],
    rows: law.map(({ tau, iterations, relative, corrected }) => [
      tau,
      iterations,
      relative,
      1 - tau,
      corrected,
    ]),
    digits: 3,
  })
  return [
    'Interior point, gradient of ½‖x‖² in the right-hand side of the equalities: accuracy',
    accuracy,
    '\nCost: whole run over the forward run with its one step more (medians of rounds side by side, T = 1)',
    cost,
    'NumPy: the same forward run by one LU factorization of the whole KKT matrix a step, one thread; relative difference of x',
    '\nThe error of one-step is that of the last step length: n = 100',
    laws,
  ].join('\n')
}
