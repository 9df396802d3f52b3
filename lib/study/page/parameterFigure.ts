// Value and hypergradient against each parameter of θ, with the estimated error of the gradient as a band: curves where one parameter
// runs over a grid, dots with bars where more do.
import type { Panel, Series } from '../figure.js'
import type { Axis } from '../scale.js'
import type { KeptRow } from './best.js'
import { exhibitOf, scaleFor, shownVariants, type Exhibit } from './exhibits.js'
import { bareName, parametersOf, scaleOf, type Field } from './fields.js'
import { sampledPositions } from './sampling.js'
import type { StudySummary, VariantSummary } from './summary.js'

/** Parameters that are drawn, and dots in a panel. */
const limits = { parameters: 6, dots: 700 }

/** Rows of one variant that converged, and what they are drawn as. */
interface Shown {
  readonly name: string
  readonly rows: readonly KeptRow[]
}

const valuesOf = (rows: readonly KeptRow[], field: number): Float64Array =>
  Float64Array.from(rows, ({ values }) => values[field] ?? NaN)

/** Parameters of which rows have more than one value. */
export const varyingParameters = ({ fields, sample }: StudySummary): readonly Field[] =>
  parametersOf(fields).filter((parameter) => {
    const at = fields.indexOf(parameter)
    const [first] = sample
    return sample.some(({ values }) => values[at] !== first?.values[at])
  })

/** Converged rows of a variant in the sample. */
export const convergedRows = (
  { fields, sample, variants }: StudySummary,
  variant: VariantSummary,
): readonly KeptRow[] => {
  const at = fields.findIndex(({ name }) => name === 'status')
  const code = fields[at]?.names?.indexOf('converged') ?? 0
  const number = variants.indexOf(variant)
  return sample.filter((row) => row.variant === number && (at < 0 || row.values[at] === code))
}

/** One panel: what is recorded under `y`, against one parameter. */
const panelOf = (
  shown: readonly Shown[],
  { fields, manifest }: StudySummary,
  parameter: Field,
  y: Field,
  isCurve: boolean,
): Panel => {
  const [atX, atY] = [fields.indexOf(parameter), fields.indexOf(y)]
  const estimate = fields.findIndex(({ name }) => name === 'certificate.estimate')
  const isGradient = y.name.startsWith('gradient.')
  const all = shown.flatMap(({ rows }) => Array.from(valuesOf(rows, atY)))
  // A gradient that runs over decades is shown by its size.
  const sizes = all.map(Math.abs).filter((size) => size > 0)
  const bySize = isGradient && scaleFor(sizes) === 'log' && scaleFor(all) === 'linear' && isWide(sizes)
  const scale = bySize ? 'log' : scaleFor(all)
  const label = isGradient ? `∂h/∂${bareName(parameter)}` : y.name === 'value' ? 'value h' : y.name
  const axis: Axis = { label: bySize ? `|${label}|` : label, scale }
  const series = shown.map(({ name, rows }): Series => {
    const sorted = isCurve ? [...rows].sort((a, b) => (a.values[atX] ?? 0) - (b.values[atX] ?? 0)) : rows
    const values = valuesOf(sorted, atY).map((v) => (bySize ? Math.abs(v) : v))
    const errors = isGradient && estimate >= 0 ? valuesOf(sorted, estimate) : undefined
    const side = (sign: number): Float64Array => values.map((v, i) => v + sign * (errors?.[i] ?? 0))
    return {
      name,
      x: valuesOf(sorted, atX),
      y: values,
      style: isCurve ? 'line' : 'dots',
      ...(errors === undefined ? {} : { band: { low: side(-1), high: side(1) } }),
    }
  })
  return {
    x: { label: bareName(parameter), scale: scaleOf(manifest, parameter) },
    y: axis,
    series,
  }
}

/** Whether the middle four fifths span three decades. */
const isWide = (sizes: readonly number[]): boolean => {
  const sorted = [...sizes].sort((a, b) => a - b)
  const at = (p: number): number => sorted[Math.floor(p * (sorted.length - 1))] ?? NaN
  return at(0.9) >= 1e3 * at(0.1)
}

/** The figure; undefined where the rows have no value, or no parameter varies. */
export const parameterFigure = (summary: StudySummary): Exhibit | undefined => {
  const { fields, variants, manifest } = summary
  const varying = varyingParameters(summary)
  const value = fields.find(({ name }) => name === 'value')
  const { shown, note } = shownVariants(variants, (variant) => convergedRows(summary, variant).length > 0)
  if (value === undefined || varying.length === 0 || shown.length === 0) return undefined
  const parameters = varying.slice(0, limits.parameters)
  const isCurve =
    varying.length === 1 && manifest.specification.repeats === 1 && manifest.specification.kind === 'map'
  const most = isCurve ? Infinity : Math.ceil(limits.dots / shown.length)
  const thinned = shown.map((variant): Shown => {
    const rows = convergedRows(summary, variant)
    const picks = Array.from(sampledPositions(rows.length, most, 'dots'), (i) => rows[i] as KeptRow)
    return { name: variant.variant.name, rows: picks }
  })
  const panels = parameters.flatMap((parameter) => {
    const gradient = fields.find(({ name }) => name === `gradient.${bareName(parameter)}`)
    return [value, ...(gradient === undefined ? [] : [gradient])].map((y) =>
      panelOf(thinned, summary, parameter, y, isCurve),
    )
  })
  const hasGradient = panels.length > parameters.length
  const left = varying.length - parameters.length
  const whole = shown.reduce((sum, { statuses, rows }) => sum + (statuses['converged'] ?? rows), 0)
  const drawn = thinned.reduce((sum, { rows }) => sum + rows.length, 0)
  const text = [
    'Rows that converged.',
    hasGradient && fields.some(({ name }) => name === 'certificate.estimate')
      ? `The ${isCurve ? 'band' : 'bar'} around a gradient is its certificate’s estimate of the error.`
      : '',
    drawn < whole
      ? `Drawn are ${drawn.toLocaleString('en')} of ${whole.toLocaleString('en')}, taken evenly.`
      : '',
    left > 0 ? `${String(left)} further parameters are not drawn.` : '',
    note,
  ]
  const what =
    manifest.specification.kind === 'descent'
      ? 'Where the descents ended'
      : hasGradient
        ? 'Value and hypergradient'
        : 'Value'
  return exhibitOf(
    parameters.length === 1 ? what : `${what}, against each parameter`,
    text.filter((part) => part !== '').join(' '),
    { title: `h(θ) = g(x̄(θ), θ)`, panels, columns: panels.length === 1 ? 1 : 2, height: 260 },
  )
}
