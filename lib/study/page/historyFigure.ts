// How descents converge: value and norm of the hypergradient against the outer step, the median and eight tenths of all starts, and some
// of them one by one. A descent that has ended keeps its last number.
import type { Panel, Series } from '../figure.js'
import { quantiles } from '../statistics.js'
import { exhibitOf, scaleFor, type Exhibit } from './exhibits.js'
import { historyColumns, type History, type StudySummary, type VariantSummary } from './summary.js'

/** What is drawn of a descent, and how it is called. */
const panels = { value: 'value h', norm: 'norm of the hypergradient' } as const

/** Variants, lines of single starts in each, and steps of a band. */
const limits = { variants: 4, lines: 6, steps: 300 }

const listIn = ({ lists }: History, name: string): Float64Array =>
  (Object.hasOwn(lists, name) ? lists[name] : undefined) ?? new Float64Array()

const seriesOf = (
  { variant, histories }: VariantSummary,
  name: string,
  withLines: boolean,
): readonly Series[] => {
  const lists = histories.map((history) => listIn(history, name)).filter(({ length }) => length > 0)
  const longest = Math.max(0, ...lists.map(({ length }) => length))
  if (longest === 0) return []
  const every = Math.ceil(longest / limits.steps)
  const steps = Float64Array.from({ length: Math.ceil(longest / every) }, (_, i) => i * every)
  const at = Array.from(steps, (step) =>
    quantiles(
      lists.map((list) => list[Math.min(step, list.length - 1)] ?? NaN),
      [0.1, 0.5, 0.9],
    ),
  )
  const of = (k: number): Float64Array => Float64Array.from(at, (three) => three[k] ?? NaN)
  const band: Series = {
    name: variant.name,
    x: steps,
    y: of(1),
    marker: 'none',
    band: { low: of(0), high: of(2) },
  }
  if (!withLines) return [band]
  const some = lists.filter((_, i) => i % Math.ceil(lists.length / limits.lines) === 0)
  const single = some.map((list): Series => ({
    name: `${variant.name}: single starts`,
    ...{ x: Float64Array.from(list.keys()), y: list },
    ...{ marker: 'none', like: variant.name, faint: true },
  }))
  return [band, ...single]
}

/** The figure; undefined where no histories are recorded. */
export const historyFigure = ({ manifest, variants }: StudySummary): Exhibit | undefined => {
  const recorded = historyColumns(manifest.columns)
  const found = variants.filter(({ histories }) => histories.length > 0)
  const shown = found.slice(0, limits.variants)
  if (recorded.length === 0 || shown.length === 0) return undefined
  const drawn = Object.entries(panels).filter(([key]) => recorded.includes(`history.${key}`))
  const all = drawn.map(([key, label]): Panel => {
    const series = shown.flatMap((variant) => seriesOf(variant, `history.${key}`, shown.length <= 2))
    const numbers = series.flatMap(({ y }) => Array.from(y))
    const scale = scaleFor(numbers, 20)
    return { x: { label: 'outer step', whole: true }, y: { label, scale }, series }
  })
  if (all.every(({ series }) => series.length === 0)) return undefined
  const count = Math.max(...shown.map(({ histories }) => histories.length))
  const left = found.length - shown.length
  const text =
    `The line is the median and the band holds eight tenths of up to ${String(count)} starts of each variant, taken evenly; a descent that has ended keeps its last number.` +
    (left > 0 ? ` ${String(left)} further variants are not drawn.` : '')
  return exhibitOf('Convergence of the descents', text, {
    title: 'Descents from many starts',
    panels: all,
    columns: 2,
    height: 300,
  })
}
