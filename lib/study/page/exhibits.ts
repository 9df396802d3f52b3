// What a page shows below a heading: a figure and the numbers in it, as a file to keep.
import { csvText } from '../csv.js'
import { toGrid, type Figure } from '../figure.js'
import type { ScaleKind } from '../scale.js'
import type { Table } from '../table.js'
import type { VariantSummary } from './summary.js'

export interface Exhibit {
  readonly heading: string
  readonly text?: string
  /** One of the two: a figure, or SVG for wide and for narrow screens. */
  readonly figure?: Figure
  readonly drawing?: { readonly wide: string; readonly narrow: string }
  readonly csv: string
}

/** Variants in one figure: as many as there are colours. */
export const MOST_SERIES = 7

/** The numbers of a figure: a record for each point. */
export const figureCsv = (figure: Figure): string => {
  const records = toGrid(figure).panels.flatMap((panel) =>
    panel.series.flatMap(({ name, x, y, band }) =>
      Array.from(x, (at, i) => {
        const rest = band === undefined ? [null, null] : [band.low[i] ?? NaN, band.high[i] ?? NaN]
        return [panel.title ?? `${panel.y.label} against ${panel.x.label}`, name, at, y[i] ?? NaN, ...rest]
      }),
    ),
  )
  return csvText(['panel', 'series', 'x', 'y', 'low', 'high'], records, { guardFormulas: true })
}

/** The numbers of a table. */
export const tableCsv = ({ columns, rows }: Table): string => csvText(columns, rows, { guardFormulas: true })

/** Log where all numbers are positive and the largest is `factor` times the smallest and more. */
export const scaleFor = (numbers: Iterable<number>, factor = 100): ScaleKind => {
  let [low, high] = [Infinity, -Infinity]
  for (const x of numbers) {
    if (!Number.isFinite(x)) continue
    low = Math.min(low, x)
    high = Math.max(high, x)
  }
  return low > 0 && high >= factor * low ? 'log' : 'linear'
}

/** The first variants that have something to show, and a sentence about those that are left out. */
export const shownVariants = (
  variants: readonly VariantSummary[],
  hasSomething: (variant: VariantSummary) => boolean,
): { readonly shown: readonly VariantSummary[]; readonly note: string } => {
  const found = variants.filter(hasSomething)
  const left = found.length - MOST_SERIES
  return {
    shown: found.slice(0, MOST_SERIES),
    note:
      left > 0
        ? ` Shown are the first ${String(MOST_SERIES)} variants; ${String(left)} more are in the tables.`
        : '',
  }
}

/** An exhibit of a figure, with its numbers. */
export const exhibitOf = (heading: string, text: string, figure: Figure): Exhibit => ({
  heading,
  text,
  figure,
  csv: figureCsv(figure),
})
