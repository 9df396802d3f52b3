// Error against time: for each strategy a line through its tolerances, so that one sees what accuracy costs.
//   error = max_j |g_j − r_j| / max_j |r_j|,   g the gradient of a variant, r that of the most accurate one, at the same θ
import { label } from '../compute/variants.js'
import type { Series } from '../figure.js'
import { median, quantiles } from '../statistics.js'
import { exhibitOf, MOST_SERIES, type Exhibit } from './exhibits.js'
import { SHARES, type StudySummary, type VariantSummary } from './summary.js'

/** The largest difference of an entry, relative to the largest entry. */
const differenceOf = (gradient: Float64Array, reference: Float64Array): number => {
  const largest = reference.reduce((size, r) => Math.max(size, Math.abs(r)), 0)
  const difference = gradient.reduce((size, g, j) => Math.max(size, Math.abs(g - (reference[j] ?? NaN))), 0)
  return largest > 0 ? difference / largest : difference
}

/** The variant whose gradients the others are measured by: implicit or auto, at the tightest tolerance. */
const referenceOf = (variants: readonly VariantSummary[]): VariantSummary | undefined => {
  const rank = ({ variant }: VariantSummary): number => (variant.strategy.name === 'implicit' ? 0 : 1)
  return variants
    .filter(
      ({ variant, gradients }) => ['implicit', 'auto'].includes(variant.strategy.name) && gradients.size > 0,
    )
    .sort((a, b) => a.variant.tolerance - b.variant.tolerance || rank(a) - rank(b))[0]
}

/** The errors of a variant where it and the reference have a gradient. */
export const errorsOf = ({ gradients }: VariantSummary, reference: VariantSummary): Float64Array =>
  Float64Array.from(
    [...gradients].flatMap(([position, gradient]) => {
      const other = reference.gradients.get(position)
      return other === undefined ? [] : [differenceOf(gradient, other)]
    }),
  )

const middle = SHARES.indexOf(0.5)

/** The median of a field in a variant. */
const medianOf = ({ spreads }: VariantSummary, field: string): number =>
  (Object.hasOwn(spreads, field) ? spreads[field]?.quantiles[middle] : undefined) ?? NaN

/** An error, in the middle of its quartiles. */
interface Spread {
  readonly error: number
  readonly low: number
  readonly high: number
}

/** How errors are known. */
interface Measure {
  readonly label: string
  readonly text: string
  readonly of: (variant: VariantSummary) => Spread
}

const spreadOf =
  (field: string) =>
  ({ spreads }: VariantSummary): Spread => {
    const found = Object.hasOwn(spreads, field) ? spreads[field]?.quantiles : undefined
    const at = (p: (typeof SHARES)[number]): number => found?.[SHARES.indexOf(p)] ?? NaN
    return { error: at(0.5), low: at(0.25), high: at(0.75) }
  }

/** By the gradients of a reference, else as a bench has measured, else as certificates estimate. */
const measureOf = (variants: readonly VariantSummary[]): Measure => {
  const reference = referenceOf(variants)
  if (reference !== undefined) {
    const { name } = reference.variant
    return {
      label: `difference to ${name}, relative, median and quartiles`,
      text: `The error of a gradient is its largest difference to that of “${name}” at the same θ, relative to the largest entry there. Variants without a difference are not shown.`,
      of: (variant) => {
        const errors = variant === reference ? [] : errorsOf(variant, reference)
        const [low = NaN, high = NaN] = quantiles(errors, [0.25, 0.75])
        return { error: median(errors), low, high }
      },
    }
  }
  const isMeasured = variants.some(({ spreads }) => (spreads['error']?.count ?? 0) > 0)
  return isMeasured
    ? {
        label: 'error, median and quartiles',
        text: 'The error is the one that was measured beside the time.',
        of: spreadOf('error'),
      }
    : {
        label: 'estimate of the error, median and quartiles',
        text: 'No variant is implicit or auto, so the error is the one that certificates estimate.',
        of: spreadOf('certificate.estimate'),
      }
}

/** What a line is called: all that tells variants apart but the tolerance. */
const lineName = ({ variant }: VariantSummary, variants: readonly VariantSummary[]): string => {
  const differs = (of: (variant: VariantSummary['variant']) => unknown): boolean =>
    new Set(variants.map((other) => of(other.variant))).size > 1
  return [
    label(variant.strategy),
    ...(differs(({ solver }) => label(solver)) ? [label(variant.solver)] : []),
    ...(differs(({ size }) => size) ? [`size ${String(variant.size)}`] : []),
    ...(differs(({ threads }) => threads) ? [`${String(variant.threads)} threads`] : []),
  ].join(', ')
}

interface Point extends Spread {
  readonly time: number
}

/** The figure; undefined where rows have no seconds, or no errors are known. */
export const errorFigure = ({ variants }: StudySummary): Exhibit | undefined => {
  const { label, text, of: errorOf } = measureOf(variants)
  const lines = new Map<string, Point[]>()
  for (const variant of variants) {
    const point = { time: medianOf(variant, 'seconds'), ...errorOf(variant) }
    if (!(point.time > 0) || !(point.error > 0)) continue
    const name = lineName(variant, variants)
    lines.set(name, [...(lines.get(name) ?? []), point])
  }
  if (lines.size === 0) return undefined
  const series = [...lines].slice(0, MOST_SERIES).map(([name, points]): Series => {
    const sorted = [...points].sort((a, b) => a.time - b.time)
    const of = (key: keyof Point): Float64Array => Float64Array.from(sorted, (point) => point[key])
    const style = points.length === 1 ? ({ style: 'dots' } as const) : {}
    return { name, x: of('time'), y: of('error'), ...style, band: { low: of('low'), high: of('high') } }
  })
  const left = lines.size - series.length
  return exhibitOf(
    'Error against time',
    left > 0 ? `${text} ${String(left)} further lines are not drawn.` : text,
    {
      ...{ title: 'What accuracy costs', width: 860, height: 340 },
      x: { label: 'seconds, median', scale: 'log' },
      y: { label, scale: 'log' },
      series,
    },
  )
}
