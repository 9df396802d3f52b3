// The page in short: what the paper or a law says, beside what this run found.
import type { PaperResults } from './results.js'
import type { Exhibit } from './exhibit.js'

type Row = readonly [what: string, expected: string, here: string]

const short = (x: number): string => (x >= 0.01 && x < 1e4 ? x.toPrecision(3) : x.toExponential(1))
const range = (list: readonly number[]): string =>
  list.length === 0 ? '' : `${short(Math.min(...list))} … ${short(Math.max(...list))}`

/** Ratios one-step, implicit, unrolled of the largest size. */
const ratios = (
  rows: readonly { readonly overForward: Readonly<Record<'oneStep' | 'implicit' | 'unrolled', number>> }[],
): string => {
  const last = rows.at(-1)?.overForward
  return last === undefined
    ? ''
    : [last.oneStep, last.implicit, last.unrolled].map((x) => x.toFixed(2)).join(', ')
}

const newtonRows = ({ newton: { rows } }: PaperResults): readonly Row[] => [
  [
    'Newton: steps, and one that is differentiated',
    '8 + 1 at every size',
    [...new Set(rows.map(({ iterations }) => `${String(iterations)} + 1`))].join(', '),
  ],
  ['Newton: |OS − ID|', '8.9e-14 … 1.5e-12', range(rows.map(({ osMinusId }) => osMinusId))],
  [
    `Newton: one-step, implicit, unrolled over forward, p = ${String(rows.at(-1)?.p ?? '')}`,
    '1.04, 1.17, 1.86 at p = 1000',
    ratios(rows),
  ],
]

const interiorPointRows = ({ qp: { rows } }: PaperResults): readonly Row[] => [
  ['Interior point: |OS − ID| / |ID|', '1 − τ = 1.0e-5', range(rows.map(({ relative }) => relative))],
  ['Interior point: |OS / α − ID|', 'rounding', range(rows.map(({ correctedMinusId }) => correctedMinusId))],
  [
    `Interior point: one-step, implicit, unrolled over forward, n = ${String(rows.at(-1)?.n ?? '')}`,
    '1.07, 1.04, 1.74 at n = 1000',
    ratios(rows),
  ],
]

const ridgeRows = ({ ridge: { rows, comparison } }: PaperResults): readonly Row[] => {
  const errorAt = (estimator: string, iteration: number): string => {
    const found = rows
      .filter(({ kappa, step, formula }) => kappa > 500 && step === '2/(mu+L)' && formula === 'correct')
      .find((row) => row.estimator === estimator && row.iteration === iteration)
    return found === undefined ? '' : short(found.relativeError)
  }
  const problem = 'Ridge, κ = 1001, step 2/(μ + L)'
  const known = comparison.length > 0
  return [
    [`${problem}: unrolled at k = 1000, the burn-in`, known ? '118' : 'above 1', errorAt('unrolled', 1000)],
    [`${problem}: one-step at k = 5000`, known ? '0.976' : 'near 1', errorAt('truncated-1', 5000)],
    [`${problem}: last 1000 steps at k = 5000`, known ? '0.0430' : '', errorAt('truncated-1000', 5000)],
    [`${problem}: implicit at k = 5000`, known ? '2.0e-4' : '', errorAt('implicit', 5000)],
    ...(known
      ? [
          [
            `Ridge: largest deviation from the ${String(comparison.length)} known figures`,
            'below 5 %',
            `${(100 * Math.max(...comparison.map(({ deviation }) => Math.abs(deviation)))).toFixed(1)} %`,
          ] as const,
        ]
      : []),
  ]
}

const theoryRows = ({ bounds, bilevel }: PaperResults): readonly Row[] => {
  const broken = bounds.summary.filter(({ holds }) => !holds).length
  const checked = bounds.summary.reduce((total, { count }) => total + count, 0)
  const judged = bilevel.runs.flatMap(({ curves }) => curves.filter(({ holds }) => holds !== null))
  return [
    [
      `Bounds: ${String(checked)} inequalities on maps with known constants`,
      'all hold',
      broken === 0 ? 'all hold' : `${String(broken)} families violate theirs`,
    ],
    [
      'Bilevel: the proposition along hypergradient descent',
      'holds',
      judged.every(({ holds }) => holds === true) ? 'holds' : 'VIOLATED',
    ],
  ]
}

const beyondRows = ({ beyond: { terms } }: PaperResults): readonly Row[] => {
  const error = (estimator: string, K: number): number =>
    terms.find((row) => row.estimator === estimator && row.terms === K)?.error ?? NaN
  return [
    [
      'Beyond: 5000 differentiated steps over 5000 terms at the last iterate, error',
      'about 1000 times',
      `${(error('truncated', 5000) / error('neumann', 5000)).toFixed(0)} times`,
    ],
    [
      'Beyond: 1000 differentiated steps over 5 steps of CG, error in the same norm',
      'limited by the iterate',
      `${(error('truncated', 1000) / error('cg', 5)).toFixed(0)} times`,
    ],
  ]
}

const referenceRows = ({ reference }: PaperResults): readonly Row[] => {
  if (reference === undefined) return []
  const judged = reference.findings.filter(({ bar }) => bar !== undefined)
  const seen = judged.filter(({ right, published, bar = NaN }) => right < bar && !(published < bar))
  return [
    [
      'Published code: checks that it fails and the right formula passes',
      String(judged.length),
      String(seen.length),
    ],
  ]
}

/** The first section of the page. */
export const summaryExhibit = (results: PaperResults): Exhibit => ({
  heading: 'In short',
  text: 'Part 1 repeats the experiments of the paper beside its published figures, part 2 measures what it does not show. Everything is computed in this run, in float64; published and expected figures are marked as such. Times are processor time of one thread.',
  table: {
    columns: ['what', 'published or expected', 'here'],
    rows: [newtonRows, interiorPointRows, ridgeRows, theoryRows, beyondRows, referenceRows].flatMap(
      (rowsOf) => rowsOf(results).map((row) => [...row]),
    ),
  },
})
