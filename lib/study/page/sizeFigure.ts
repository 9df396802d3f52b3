// Of a bench: seconds against the size of the problem, a line for each strategy, solver, tolerance and number of threads.
import type { Series } from '../figure.js'
import { exhibitOf, MOST_SERIES, type Exhibit } from './exhibits.js'
import { SHARES, type StudySummary, type VariantSummary } from './summary.js'

/** The name of the cell without its size. */
const named = ({ variant: { name, size } }: VariantSummary): string =>
  name.replace(`, size ${String(size)}`, '')

/** The figure; undefined where variants have no sizes, or all the same. */
export const sizeFigure = ({ variants }: StudySummary): Exhibit | undefined => {
  const timed = variants.filter(
    ({ variant, spreads }) => variant.size !== undefined && (spreads['seconds']?.count ?? 0) > 0,
  )
  if (new Set(timed.map(({ variant }) => variant.size)).size < 2) return undefined
  const groups = new Map<string, VariantSummary[]>()
  for (const variant of timed) groups.set(named(variant), [...(groups.get(named(variant)) ?? []), variant])
  const series = [...groups].slice(0, MOST_SERIES).map(([name, group]): Series => {
    const sorted = [...group].sort((a, b) => (a.variant.size ?? 0) - (b.variant.size ?? 0))
    const quantile = (p: (typeof SHARES)[number]): Float64Array =>
      Float64Array.from(sorted, ({ spreads }) => spreads['seconds']?.quantiles[SHARES.indexOf(p)] ?? NaN)
    const x = Float64Array.from(sorted, ({ variant }) => variant.size ?? NaN)
    return { name, x, y: quantile(0.5), band: { low: quantile(0.25), high: quantile(0.75) } }
  })
  const left = groups.size - series.length
  return exhibitOf(
    'Seconds against size',
    `Medians and quartiles of the measured runs.${left > 0 ? ` ${String(left)} further lines are not drawn.` : ''}`,
    {
      title: 'What size costs',
      width: 860,
      height: 340,
      x: { label: 'size', scale: 'log' },
      y: { label: 'seconds', scale: 'log' },
      series,
    },
  )
}
