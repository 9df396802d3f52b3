// Static figures as SVG text: curves with marks and bands, alone or as small multiples, light and dark.
// Observable Plot draws the panels in a linkedom document; both are optional packages, loaded when first needed.
import { OnestepError } from '../base/errors.js'
import {
  type Figure,
  type GroupedPanels,
  type LinePlot,
  type Look,
  looksOf,
  type Panel,
  STYLE,
  toGrid,
} from './figure.js'
import { escapeMarkup, fitText, raiseExponents, widthOf, wrapText } from './markup.js'
import {
  type Interval,
  isShown,
  place,
  type ScaleKind,
  spanOf,
  thinDots,
  thinLine,
  type Tick,
  ticksOf,
} from './scale.js'

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
const SIZE = 12
const LINE = 18
/** How much wider bold type is. */
const BOLD = 1.15

/** What this file uses of Observable Plot and its document; their own types need the types of a browser. */
interface Drawing {
  readonly document: unknown
  readonly Plot: {
    plot(options: object): { innerHTML: string }
    line(data: readonly object[], options: object): object
    areaY(data: readonly object[], options: object): object
    dot(data: readonly object[], options: object): object
    ruleX(data: readonly object[], options: object): object
    axisX(options: object): object
    axisY(options: object): object
    gridX(options: object): object
    gridY(options: object): object
  }
}

let drawing: Promise<Drawing> | undefined

const loadDrawing = async (): Promise<Drawing> => {
  try {
    const [Plot, { parseHTML }] = await Promise.all([import('@observablehq/plot'), import('linkedom')])
    const { document } = parseHTML('<!doctype html><html><body></body></html>') as { document: unknown }
    return { Plot: Plot as unknown as Drawing['Plot'], document }
  } catch (cause) {
    throw new OnestepError('figures need the npm packages "@observablehq/plot" and "linkedom"', {
      code: 'ERR_MISSING_PACKAGE',
      remedy: 'Install them with npm install @observablehq/plot linkedom',
      cause,
    })
  }
}

/** The marks of Plot for one drawing, without its own style sheet. */
const draw = ({ Plot, document }: Drawing, options: object): string => {
  const { innerHTML } = Plot.plot({ document, className: 'onestep-plot', ...options })
  return `<g text-anchor="middle">${innerHTML.replace(/<style>[^]*?<\/style>/, '')}</g>`
}

const svgText = (text: string, x: number, y: number, attributes = ''): string =>
  `<text x="${String(x)}" y="${String(y)}"${attributes}>${escapeMarkup(text)}</text>`

/** The legend above the panels, in rows that wrap. */
const drawLegend = (
  tools: Drawing,
  looks: ReadonlyMap<string, Look>,
  width: number,
): { svg: string; height: number } => {
  const { Plot } = tools
  const swatch = 30
  const marks: object[] = []
  let labels = ''
  let x = 0
  let y = LINE / 2 + 2
  for (const [name, look] of looks) {
    const label = fitText(name, width - swatch - 8, SIZE)
    const wide = swatch + 6 + widthOf(label, SIZE)
    if (x > 0 && x + wide > width) {
      x = 0
      y += LINE
    }
    const [from, to] = [
      { x, y },
      { x: x + swatch, y },
    ]
    if (look.band) {
      const edge = { x: 'x', y1: y - 6, y2: y + 6 }
      marks.push(
        look.style === 'dots'
          ? Plot.ruleX([{ x: x + swatch / 2 }], { ...edge, ...barOf(look) })
          : Plot.areaY([from, to], { ...edge, fill: look.colour, fillOpacity: 0.2 }),
      )
    }
    if (look.style !== 'dots') marks.push(Plot.line([from, to], { x: 'x', y: 'y', ...strokeOf(look) }))
    if (look.marker !== 'none') {
      marks.push(Plot.dot([{ x: x + swatch / 2, y }], { x: 'x', y: 'y', ...markOf(look) }))
    }
    labels += svgText(label, x + swatch + 6, y + 4, ' text-anchor="start"')
    x += wide + 20
  }
  const height = looks.size === 0 ? 0 : y + LINE / 2 + 4
  const identity = { type: 'identity' }
  return {
    svg: draw(tools, { width, height, margin: 0, axis: null, x: identity, y: identity, marks }) + labels,
    height,
  }
}

const strokeOf = (look: Look): object => ({
  stroke: look.colour,
  strokeWidth: look.faint ? 0.8 : look.style === 'dotted' ? 2.2 : 1.8,
  strokeDasharray: look.dash,
  ...(look.faint ? { strokeOpacity: 0.45 } : {}),
})

const barOf = (look: Look): object => ({ stroke: look.colour, strokeWidth: 1.2, strokeOpacity: 0.4 })

const markOf = (look: Look): object => ({
  fill: look.colour,
  symbol: look.marker,
  r: look.marker === 'circle' ? 3.2 : 3.6,
})

const kindsOf = (panel: Panel): [ScaleKind, ScaleKind] => [
  panel.x.scale ?? 'linear',
  panel.y.scale ?? 'linear',
]

/** The intervals that both axes of the panels span together. */
const domainOf = (panels: readonly Panel[], axis: 0 | 1): Interval => {
  const first = panels[0]
  const given = first === undefined ? undefined : axis === 0 ? first.x.domain : first.y.domain
  if (given !== undefined) return given
  const values: number[] = []
  for (const panel of panels) {
    const [kindX, kindY] = kindsOf(panel)
    for (const { x, y, band } of panel.series) {
      for (let i = 0; i < x.length; i++) {
        if (!isShown(kindX, x[i] ?? NaN) || !isShown(kindY, y[i] ?? NaN)) continue
        if (axis === 0) values.push(x[i] ?? NaN)
        else values.push(y[i] ?? NaN, band?.low[i] ?? NaN, band?.high[i] ?? NaN)
      }
    }
  }
  return spanOf(first === undefined ? 'linear' : kindsOf(first)[axis], values)
}

interface Point {
  readonly x: number
  readonly y: number
  readonly low: number
  readonly high: number
}

/** Every point of a short line, about eight of a long one, staggered by series so that marks do not cover each other. */
const markedPoints = (
  points: readonly Point[],
  kind: ScaleKind,
  domain: Interval,
  phase: number,
): Point[] => {
  const shown = points.filter(({ y }) => !Number.isNaN(y))
  if (shown.length <= 15) return shown
  let cell = NaN
  return shown.filter(({ x }) => {
    const next = Math.floor(place(kind, domain, x) * 8 - phase)
    const isNew = next !== cell && !Number.isNaN(cell)
    cell = next
    return isNew
  })
}

const widest = (ticks: readonly Tick[]): number =>
  Math.max(20, ...ticks.map(({ label }) => widthOf(label.replace('^', ''), SIZE)))

interface PanelBox {
  readonly width: number
  readonly height: number
  readonly hasTitle: boolean
  readonly x: Interval
  readonly y: Interval
}

/** One panel at its own origin, and how many points it could not show. */
const drawPanel = (
  tools: Drawing,
  panel: Panel,
  box: PanelBox,
  looks: ReadonlyMap<string, Look>,
): { svg: string; hidden: number } => {
  const { Plot } = tools
  const [kindX, kindY] = kindsOf(panel)
  const top = (box.hasTitle ? 22 : 0) + LINE + 8
  const bottom = 2 * LINE + 8
  const ticksY = ticksOf(
    kindY,
    box.y,
    Math.max(2, Math.floor((box.height - top - bottom) / 36)),
    panel.y.whole,
  )
  const left = Math.ceil(widest(ticksY)) + 12
  // Half of a label may stand beyond the last tick.
  const ticksOfX = (most: number): Tick[] => ticksOf(kindX, box.x, most, panel.x.whole)
  const wideX = Math.max(...[2, 3, 4, 5, 6, 7, 8, 9].map((most) => widest(ticksOfX(most))))
  const right = Math.max(16, Math.ceil(wideX / 2))
  const inner = { width: box.width - left - right, height: box.height - top - bottom }
  const ticksX = ticksOfX(Math.max(2, Math.min(9, Math.floor(inner.width / (wideX + 16)))))

  const bands: object[] = []
  const lines: object[] = []
  const marks: object[] = []
  let hidden = 0
  panel.series.forEach((series, which) => {
    const look = looks.get(series.name)
    if (look === undefined) return
    const { x, y, band } = series
    const isIn = ([low, high]: Interval, v: number): boolean => v >= low && v <= high
    const inSight = (i: number): boolean => isIn(box.x, x[i] ?? NaN) && isIn(box.y, y[i] ?? NaN)
    const column = (i: number): number => Math.floor(place(kindX, box.x, x[i] ?? NaN) * inner.width)
    const pixel = (i: number): number =>
      column(i) * 1e4 + Math.floor(place(kindY, box.y, y[i] ?? NaN) * inner.height)
    const seen = look.style === 'dots' ? thinDots(x.length, inSight, pixel) : thinLine(x, y, inSight, column)
    hidden += seen.hidden
    const clamp = (v: number): number => Math.min(Math.max(v, box.y[0]), box.y[1])
    const points = seen.indices.map((i): Point => {
      const value = inSight(i) ? (y[i] ?? NaN) : NaN
      return {
        x: x[i] ?? NaN,
        y: value,
        low: clamp(band?.low[i] ?? value),
        high: clamp(band?.high[i] ?? value),
      }
    })
    if (band !== undefined && look.style === 'dots') {
      const seenPoints = points.filter(({ y: value }) => !Number.isNaN(value))
      bands.push(Plot.ruleX(seenPoints, { x: 'x', y1: 'low', y2: 'high', ...barOf(look) }))
    } else if (band !== undefined) {
      bands.push(Plot.areaY(points, { x: 'x', y1: 'low', y2: 'high', fill: look.colour, fillOpacity: 0.2 }))
    }
    if (look.style !== 'dots') lines.push(Plot.line(points, { x: 'x', y: 'y', ...strokeOf(look) }))
    if (look.marker !== 'none') {
      const marked =
        look.style === 'dots' ? points : markedPoints(points, kindX, box.x, which / panel.series.length)
      marks.push(Plot.dot(marked, { x: 'x', y: 'y', ...markOf(look) }))
    }
  })

  const axis = (ticks: readonly Tick[]) => ({
    ticks: ticks.map(({ value }) => value),
    text: ticks.map(({ label }) => label), // not tickFormat: Plot thins that out on a log scale
    label: null,
    tickSize: 4,
    fontSize: SIZE,
    fontFamily: 'inherit',
  })
  const faint = { strokeOpacity: 0.13 }
  const plotted = draw(tools, {
    width: box.width,
    height: box.height,
    marginLeft: left,
    marginRight: right,
    marginTop: top,
    marginBottom: bottom,
    x: { type: kindX, domain: box.x },
    y: { type: kindY, domain: box.y },
    marks: [
      Plot.gridX({ ticks: ticksX.map(({ value }) => value), ...faint }),
      Plot.gridY({ ticks: ticksY.map(({ value }) => value), ...faint }),
      Plot.axisX(axis(ticksX)),
      Plot.axisY(axis(ticksY)),
      ...bands,
      ...lines,
      ...marks,
    ],
  })
  const muted = ' fill="var(--muted, #57606a)" text-anchor="start"'
  const title = box.hasTitle
    ? svgText(
        fitText(panel.title ?? '', box.width - 8, 13.5 * BOLD),
        0,
        15,
        ' font-size="13.5" font-weight="600" text-anchor="start"',
      )
    : ''
  const labelY = svgText(fitText(panel.y.label, box.width - 8, SIZE), 0, top - 10, muted)
  const labelX = svgText(
    fitText(panel.x.label, inner.width, SIZE),
    left + inner.width / 2,
    box.height - 6,
    ' fill="var(--muted, #57606a)" text-anchor="middle"',
  )
  return { svg: `${raiseExponents(plotted)}${title}${labelY}${labelX}`, hidden }
}

/**
 * A figure as one SVG element: title, legend, panels, and a note where points could not be shown. It has no script and
 * no outside reference, follows the light or dark scheme of its reader, and is the same text for the same figure.
 * @throws {ArgumentError} for a malformed figure.
 * @throws {OnestepError} (ERR_MISSING_PACKAGE) when "@observablehq/plot" or "linkedom" is not installed.
 */
export const drawFigure = async (figure: Figure): Promise<string> => {
  const grid = toGrid(figure)
  const tools = await (drawing ??= loadDrawing())
  const { title, panels, columns, width, height } = grid
  const looks = looksOf(panels)
  const legend = drawLegend(tools, looks, width - 8)
  const group = (svg: string, x: number, y: number): string =>
    `<g transform="translate(${String(x)},${String(y)})">${svg}</g>`

  let y = 4
  let body = ''
  for (const line of wrapText(title, width - 8, 16 * BOLD)) {
    y += 20
    body += svgText(line, 0, y - 4, ' font-size="16" font-weight="600" text-anchor="start"')
  }
  if (looks.size > 1 || panels.length > 1) {
    body += group(legend.svg, 0, (y += 4))
    y += legend.height
  }
  y += 10

  const gap = 20
  const panelWidth = Math.floor((width - gap * (columns - 1)) / columns)
  let hidden = 0
  panels.forEach((panel, i) => {
    const shares = (axis: 'x' | 'y'): boolean => grid.share === axis || grid.share === 'both'
    const box = {
      width: panelWidth,
      height,
      hasTitle: panels.some((p) => p.title !== undefined),
      x: domainOf(shares('x') ? panels : [panel], 0),
      y: domainOf(shares('y') ? panels : [panel], 1),
    }
    const drawn = drawPanel(tools, panel, box, looks)
    hidden += drawn.hidden
    body += group(drawn.svg, (i % columns) * (panelWidth + gap), y + Math.floor(i / columns) * (height + gap))
  })
  const rows = Math.ceil(panels.length / columns)
  y += rows * height + Math.max(rows - 1, 0) * gap
  if (hidden > 0) {
    const note = `${String(hidden)} ${hidden === 1 ? 'point is' : 'points are'} not shown: not finite, not positive on a log axis, or outside the axes.`
    for (const line of wrapText(note, width - 8, 11)) {
      y += 16
      body += svgText(line, 0, y, ' font-size="11" fill="var(--muted, #57606a)" text-anchor="start"')
    }
  }
  const box = `${String(width)} ${String(Math.ceil(y + 6))}`
  const [w = '', h = ''] = box.split(' ')
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" class="onestep-figure" role="img" aria-label="${escapeMarkup(title)}"` +
    ` width="${w}" height="${h}" viewBox="0 0 ${box}" font-family="${escapeMarkup(FONT)}" font-size="${String(SIZE)}"` +
    ` fill="var(--ink, #1b1f24)" color="var(--ink, #1b1f24)" style="max-width:100%;height:auto">${STYLE}${body}</svg>`
  )
}

/** One panel of curves as SVG text; see {@link drawFigure}. */
export const linePlot = (plot: LinePlot): Promise<string> => drawFigure(plot)

/** Small multiples with one legend as SVG text; see {@link drawFigure}. */
export const groupedPanels = (panels: GroupedPanels): Promise<string> => drawFigure(panels)
