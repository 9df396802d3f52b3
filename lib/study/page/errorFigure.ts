// Error against time: for each strategy a line through its tolerances, so that one sees what accuracy costs.
//   error = max_j |g_j − r_j| / max_j |r_j|,   g the gradient of a variant, r that of the most accurate one, at the same θ
import type { Panel, Series } from '../figure.js'
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
export const referenceOf = (variants: readonly VariantSummary[]): VariantSummary | undefined => {
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
export const medianOf = ({ spreads }: VariantSummary, field: string): number =>
  (Object.hasOwn(spreads, field) ? spreads[field]?.quantiles[middle] : undefined) ?? NaN

interface Point {
  readonly time: number
  readonly error: number
  readonly low: number
  readonly high: number
}

/** The figure; undefined where rows have no seconds, or nothing to compare. */
export const errorFigure = ({ variants }: StudySummary): Exhibit | undefined => {
  const reference = referenceOf(variants)
  const others = variants.filter((variant) => variant !== reference)
  const pointOf = (variant: VariantSummary): Point => {
    const time = medianOf(variant, 'seconds')
    if (reference === undefined) {
      const error = medianOf(variant, 'certificate.estimate')
      return { time, error, low: error, high: error }
    }
    const errors = errorsOf(variant, reference)
    const [low = NaN, high = NaN] = quantiles(errors, [0.25, 0.75])
    return { time, error: median(errors), low, high }
  }
  const lines = new Map<string, Point[]>()
  for (const variant of others) {
    const point = pointOf(variant)
    if (!(point.time > 0) || !(point.error > 0)) continue
    const { strategy, solver } = variant.variant
    const several = new Set(variants.map((other) => other.variant.solver.name)).size > 1
    const name = several ? `${strategy.name}, ${solver.name}` : strategy.name
    lines.set(name, [...(lines.get(name) ?? []), point])
  }
  if (lines.size === 0) return undefined
  const series = [...lines].slice(0, MOST_SERIES).map(([name, points]): Series => {
    const sorted = [...points].sort((a, b) => a.time - b.time)
    const of = (key: keyof Point): Float64Array => Float64Array.from(sorted, (point) => point[key])
    const bar = reference === undefined ? {} : { band: { low: of('low'), high: of('high') } }
    return { name, x: of('time'), y: of('error'), ...(points.length === 1 ? { style: 'dots' } : {}), ...bar }
  })
  const y =
    reference === undefined
      ? 'estimate of the error, median'
      : `difference to ${reference.variant.name}, relative, median and quartiles`
  const panel: Panel = {
    x: { label: 'seconds a row, median', scale: 'log' },
    y: { label: y, scale: 'log' },
    series,
  }
  const told =
    reference === undefined
      ? 'No variant is implicit or auto, so the error is the one that certificates estimate.'
      : `The error of a gradient is its largest difference to that of “${reference.variant.name}” at the same θ, relative to the largest entry there. Variants without a difference are not shown.`
  return exhibitOf('Error against time', told, {
    title: 'What accuracy costs',
    width: 860,
    height: 340,
    ...panel,
  })
}
