// Parallel coordinates: an axis for each parameter of θ and one for the value, a line for each row, coloured by its value, so that one
// sees where the good ones run.
import { csvText } from '../csv.js'
import { escapeMarkup, fitText, raiseExponents } from '../markup.js'
import { place, spanOf, ticksOf, type Interval, type ScaleKind } from '../scale.js'
import type { KeptRow } from './best.js'
import { scaleFor, type Exhibit } from './exhibits.js'
import { bareName, scaleOf, type Field } from './fields.js'
import { convergedRows, varyingParameters } from './parameterFigure.js'
import { sampledPositions } from './sampling.js'
import type { StudySummary } from './summary.js'

const limits = { axes: 9, lines: 400 }

// Steps of viridis (van der Walt and Smith, 2015): the best value has the strongest contrast to the paper in either scheme.
const LIGHT = ['#440154', '#414487', '#2a788e', '#22a884', '#6cc24a', '#bcc832']
const DARK = ['#fde725', '#8fd744', '#35b779', '#21908d', '#3b6ba5', '#6a5aa8']
const rules = (colours: readonly string[]): string =>
  colours
    .map((colour, i) => `.lines .v${String(i)}{stroke:${colour}}.key .v${String(i)}{fill:${colour}}`)
    .join('')
const STYLE = `<style>.parallel .tick{paint-order:stroke;stroke:var(--paper,#fff);stroke-width:3px;stroke-linejoin:round}.lines path{fill:none;stroke-width:1;stroke-opacity:.55}.lines .best{stroke-width:2.4;stroke-opacity:1}${rules(LIGHT)}.parallel{--ink:#1b1f24;--muted:#57606a}@media (prefers-color-scheme:dark){${rules(DARK)}.parallel{--ink:#e6e8eb;--muted:#a2abb5}}</style>`

interface Scaled {
  readonly label: string
  readonly field: number
  readonly kind: ScaleKind
  readonly domain: Interval
}

/** A coordinate in pixels, short. */
const px = (x: number): string => String(Math.round(x * 10) / 10)

const drawAxis = (
  { label, kind, domain }: Scaled,
  x: number,
  top: number,
  height: number,
  room: number,
): string => {
  const ticks = ticksOf(kind, domain, Math.floor(height / 40)).map(({ value, label: text }) => {
    const y = top + height * (1 - place(kind, domain, value))
    return `<path d="M${px(x - 4)} ${px(y)}h4" stroke="var(--muted)"/><text x="${px(x - 7)}" y="${px(y + 4)}" text-anchor="end" class="tick">${text}</text>`
  })
  const name = escapeMarkup(fitText(label, room, 12))
  return `<path d="M${px(x)} ${px(top)}v${px(height)}" stroke="var(--muted)"/><text x="${px(x)}" y="${px(top - 12)}" text-anchor="middle" font-weight="600">${name}</text>${raiseExponents(ticks.join(''))}`
}

interface Drawing {
  readonly axes: readonly Scaled[]
  /** The worst first. */
  readonly rows: readonly KeptRow[]
  readonly best: ReadonlySet<number>
}

const drawSvg = ({ axes, rows, best }: Drawing, least: number): string => {
  const [left, right, top, height] = [62, 40, 34, 260]
  const width = Math.max(least, left + right + (axes.length - 1) * 74)
  const gap = (width - left - right) / (axes.length - 1)
  const at = (k: number): number => left + k * gap
  const value = axes[axes.length - 1] as Scaled
  const shareOf = ({ kind, domain, field }: Scaled, row: KeptRow): number =>
    place(kind, domain, row.values[field] ?? NaN)
  const stepOf = (row: KeptRow): number =>
    Math.min(LIGHT.length - 1, Math.floor(shareOf(value, row) * LIGHT.length))
  const lines = rows.map((row) => {
    const points = axes.map((axis, k) => `${px(at(k))} ${px(top + height * (1 - shareOf(axis, row)))}`)
    const kind = `v${String(Math.max(0, stepOf(row)))}${best.has(row.index) ? ' best' : ''}`
    return `<path class="${kind}" d="M${points.join('L')}"/>`
  })
  const y = top + height + 24
  const key = LIGHT.map(
    (_, i) =>
      `<rect class="v${String(i)}" x="${String(left + 34 + i * 18)}" y="${px(y)}" width="18" height="10"/>`,
  )
  const legend = `<g class="key"><text x="${String(left)}" y="${px(y + 10)}">low</text>${key.join('')}<text x="${String(left + 40 + LIGHT.length * 18)}" y="${px(y + 10)}">high value</text></g>`
  const drawn = axes.map((axis, k) => drawAxis(axis, at(k), top, height, gap - 6)).join('')
  const [w, h] = [String(Math.ceil(width)), String(y + 20)]
  return `<svg xmlns="http://www.w3.org/2000/svg" class="parallel" role="img" aria-label="Parallel coordinates over θ" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" font-family="system-ui, sans-serif" font-size="12" fill="var(--ink)">${STYLE}<g class="lines">${lines.join('')}</g>${drawn}${legend}</svg>`
}

/** The figure; undefined where fewer than two parameters vary, or rows have no value. */
export const parallelCoordinates = (summary: StudySummary): Exhibit | undefined => {
  const { fields, manifest, variants, best } = summary
  const valueAt = fields.findIndex(({ name }) => name === 'value')
  const varying = varyingParameters(summary).slice(0, limits.axes - 1)
  if (valueAt < 0 || varying.length < 2) return undefined
  const isComplete = ({ values }: KeptRow): boolean =>
    [...varying.map((field) => fields.indexOf(field)), valueAt].every((at) => Number.isFinite(values[at]))
  const all = variants.flatMap((variant) => convergedRows(summary, variant)).filter(isComplete)
  if (all.length === 0) return undefined
  const marked = new Set(best.map(({ index }) => index))
  const picked = new Set(
    [...sampledPositions(all.length, limits.lines, 'lines')].map((i) => all[i] as KeptRow),
  )
  const rows = [...new Set([...picked, ...all.filter(({ index }) => marked.has(index))])]
  rows.sort((a, b) => (b.values[valueAt] ?? 0) - (a.values[valueAt] ?? 0) || b.index - a.index)
  const scaled = (field: Field, label: string, given?: ScaleKind): Scaled => {
    const at = fields.indexOf(field)
    const numbers = rows.map(({ values }) => values[at] ?? NaN)
    const kind =
      (given === 'log' && numbers.every((x) => x > 0)) || (given === undefined && scaleFor(numbers) === 'log')
        ? 'log'
        : 'linear'
    return { label, field: at, kind, domain: spanOf(kind, numbers) }
  }
  const axes = [
    ...varying.map((field) => scaled(field, bareName(field), scaleOf(manifest, field))),
    scaled(fields[valueAt] as Field, 'value'),
  ]
  const drawing = { axes, rows, best: marked }
  const records = rows.map((row) => [
    row.index,
    variants[row.variant]?.variant.name ?? '',
    ...axes.map(({ field }) => row.values[field] ?? NaN),
  ])
  const columns = ['index', 'variant', ...axes.map(({ label }) => label)]
  return {
    heading: 'Parallel coordinates',
    text: `Each line is a row that converged; ${String(rows.length)} are drawn, the best ones thick.`,
    drawing: { wide: drawSvg(drawing, 960), narrow: drawSvg(drawing, 358) },
    csv: csvText(columns, records, { guardFormulas: true }),
  }
}
