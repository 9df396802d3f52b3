// The timing plots: seconds of the solve alone and with its gradient over the number of parameters, mean ± standard deviation over
// random instances, beside the published curves; and what matters of them, the ratio to the solve alone.
import type { Figure, Series } from './exhibit.js'
import { contestants } from '../contest.js'
import type { Contestant, InstanceCost, Spread } from '../contest.js'
import { seriesOf } from './exhibit.js'

/** One size: its published number of parameters, and the published figures, ratios to `forward`. */
export interface CostRow {
  readonly parameters: number
  readonly instances: InstanceCost
  readonly published:
    | {
        readonly forward: number
        readonly oneStep: number
        readonly implicit: number
        readonly unrolled: number
      }
    | undefined
}

const names: Readonly<Record<Contestant, string>> = {
  forward: 'forward',
  oneStep: 'one-step',
  implicit: 'implicit',
  unrolled: 'unrolled',
}

/** Mean with its band, here; a dotted line, as published. */
const curves = (
  rows: readonly CostRow[],
  name: Contestant,
  ours: (row: CostRow) => Spread,
  published: (row: NonNullable<CostRow['published']>) => number,
): readonly [Series, Series] => {
  const spreads = rows.map((row) => [row.parameters, ours(row)] as const)
  return [
    seriesOf(
      names[name],
      spreads.map(([x, { mean }]) => [x, mean]),
      {
        band: {
          low: spreads.map(([, { mean, std }]) => Math.max(mean - std, mean / 10)),
          high: spreads.map(([, { mean, std }]) => mean + std),
        },
      },
    ),
    seriesOf(
      `${names[name]}, published`,
      rows.flatMap((row) =>
        row.published === undefined ? [] : [[row.parameters, published(row.published)] as const],
      ),
      { style: 'dotted', like: names[name], marker: 'none' },
    ),
  ]
}

/** Both panels; ours first, so that series of one name have one colour. */
export const costFigure = (title: string, rows: readonly CostRow[]): Figure => {
  const x = { label: 'number of parameters', scale: 'log' } as const
  const inOrder = (pairs: readonly (readonly [Series, Series])[]): Series[] => [
    ...pairs.map(([ours]) => ours),
    ...pairs.map(([, published]) => published),
  ]
  return {
    title,
    panels: [
      {
        ...{ title: 'Seconds', x, y: { label: 'seconds', scale: 'log' } },
        series: inOrder(
          contestants.map((name) =>
            curves(
              rows,
              name,
              ({ instances }) => instances.seconds[name],
              (known) => known.forward * (name === 'forward' ? 1 : known[name]),
            ),
          ),
        ),
      },
      {
        ...{ title: 'Over the forward run', x, y: { label: 'time / time of forward' } },
        series: inOrder(
          contestants
            .filter((name) => name !== 'forward')
            .map((name) =>
              curves(
                rows,
                name,
                ({ instances }) => instances.overForward[name],
                (known) => known[name],
              ),
            ),
        ),
      },
    ],
    height: 320,
  }
}
