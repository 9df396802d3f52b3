// What a figure is made of, as plain data: panels, axes, series, and how each series looks. Draws nothing.
import { ArgumentError, checkOptions } from '../base/errors.js'
import { type Axis, checkAxis } from './scale.js'

export type Marker = 'circle' | 'square' | 'triangle' | 'diamond' | 'cross' | 'star' | 'wye'

export interface Series {
  /** Name in the legend; series of one name look the same in every panel. */
  readonly name: string
  /** Shape [n], in drawing order. */
  readonly x: ArrayLike<number>
  /** Shape [n]. NaN makes a gap. */
  readonly y: ArrayLike<number>
  /** 'line' (default), 'dotted', or 'dots' without a line. */
  readonly style?: 'line' | 'dotted' | 'dots'
  /** Mark on the line; default: one that no other of the first seven series has. */
  readonly marker?: Marker | 'none'
  /** Name of a series before it whose colour and mark this one takes: what was measured and what was expected, say. */
  readonly like?: string
  /** A thin, pale line, for one of many; default false. */
  readonly faint?: boolean
  /** A shaded band around the line, such as mean ± standard deviation, or a bar through each dot; both of shape [n]. */
  readonly band?: { readonly low: ArrayLike<number>; readonly high: ArrayLike<number> }
}

export interface Panel {
  readonly title?: string
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly Series[]
}

export interface LinePlot extends Panel {
  readonly title: string
  /** Width of the figure in pixels; default 720. */
  readonly width?: number
  /** Height of the panel with its axes in pixels, without title and legend; default 360. */
  readonly height?: number
}

export interface GroupedPanels {
  readonly title: string
  readonly panels: readonly Panel[]
  /** Panels in a row; default 2. */
  readonly columns?: number
  /** Axes that all panels have in common; default 'none'. */
  readonly share?: 'none' | 'x' | 'y' | 'both'
  /** Width of the figure in pixels; default 960. */
  readonly width?: number
  /** Height of one panel with its axes in pixels; default 280. */
  readonly height?: number
}

export type Figure = LinePlot | GroupedPanels

/** A figure with its defaults: one panel is a grid of one. */
export interface Grid {
  readonly title: string
  readonly panels: readonly Panel[]
  readonly columns: number
  readonly share: 'none' | 'x' | 'y' | 'both'
  readonly width: number
  readonly height: number
}

const wrong = (what: string, expected: string, received: unknown, remedy: string): ArgumentError =>
  new ArgumentError(what, { expected, received: String(received), remedy })

const checkPanel = (what: string, panel: Panel): void => {
  checkAxis(`${what}, x`, panel.x)
  checkAxis(`${what}, y`, panel.y)
  for (const series of panel.series) {
    const of = `${what}, series "${series.name}"`
    checkOptions(of, series, ['name', 'x', 'y', 'style', 'marker', 'like', 'faint', 'band'])
    const { x, y, style = 'line', marker = 'none', band = { low: y, high: y } } = series
    for (const values of [y, band.low, band.high]) {
      if (values.length === x.length) continue
      throw wrong(
        `${of}: lengths differ`,
        `${String(x.length)} values, as x has`,
        values.length,
        'Give a y, low and high for each x',
      )
    }
    if (!['line', 'dotted', 'dots'].includes(style)) {
      throw wrong(`${of}: option "style" is wrong`, "'line', 'dotted' or 'dots'", style, 'Take one of these')
    }
    if (marker !== 'none' && !MARKERS.includes(marker)) {
      throw wrong(
        `${of}: option "marker" is wrong`,
        `${MARKERS.join(', ')} or none`,
        marker,
        'Take one of these',
      )
    }
  }
}

/**
 * Any figure as a grid of panels with all defaults filled in.
 * @throws {ArgumentError} for an unknown option, unequal lengths, or a size that leaves no room.
 */
export const toGrid = (figure: Figure): Grid => {
  const isGrid = 'panels' in figure
  const known = isGrid ? ['panels', 'columns', 'share'] : ['x', 'y', 'series']
  checkOptions('figure', figure, ['title', 'width', 'height', ...known])
  const { title, width = isGrid ? 960 : 720, height = isGrid ? 280 : 360 } = figure
  const panels = isGrid ? figure.panels : [{ x: figure.x, y: figure.y, series: figure.series }]
  panels.forEach((panel, i) => {
    if (isGrid) checkOptions(`panel ${String(i)}`, panel, ['title', 'x', 'y', 'series'])
    checkPanel(isGrid ? `panel ${String(i)}` : 'figure', panel)
  })
  const { columns = 2, share = 'none' } = isGrid ? figure : { columns: 1 }
  if (!Number.isInteger(columns) || columns < 1) {
    throw wrong('figure: option "columns" is wrong', 'a whole number from 1', columns, 'Take 2')
  }
  if (!['none', 'x', 'y', 'both'].includes(share)) {
    throw wrong('figure: option "share" is wrong', "'none', 'x', 'y' or 'both'", share, 'Take one of these')
  }
  if (!(width / columns >= 160 && height >= 120 && width <= 1e4 && height <= 1e4)) {
    const received = `width ${String(width)}, height ${String(height)}, columns ${String(columns)}`
    throw wrong(
      'figure: the size is wrong',
      'panels of at least 160 × 120 pixels',
      received,
      'Enlarge it or take fewer columns',
    )
  }
  return { title, panels, columns: Math.min(columns, Math.max(panels.length, 1)), share, width, height }
}

// The hues of Okabe and Ito (2008), their lightness spread until any two lie at least 19 apart in CIELAB, for normal
// sight and for simulated protanopia, deuteranopia and tritanopia (Machado et al., 2009), with a contrast of 2.8 : 1 or
// more to the paper.
const LIGHT = ['#0b62d6', '#dc5a00', '#15a67c', '#86127f', '#5f4205', '#6f9fd6', '#2e2e2e']
const DARK = ['#3d80f5', '#f5622e', '#37d98c', '#c94393', '#ffe14d', '#7cc0ff', '#e4e4e4']
const MARKERS = ['circle', 'square', 'triangle', 'diamond', 'cross', 'star', 'wye'] as const
const DASHES = ['none', '9 4', '9 3 2 3']
const DOTTED = '1.5 4.5'
const rules = (colours: readonly string[], ink: string, muted: string): string =>
  `.onestep-figure{${colours.map((c, i) => `--series-${String(i)}:${c};`).join('')}--ink:${ink};--muted:${muted}}`

/** Colours of series and text for both schemes, as custom properties of the figure. */
export const STYLE = `<style>${rules(LIGHT, '#1b1f24', '#57606a')}@media (prefers-color-scheme:dark){${rules(DARK, '#e6e8eb', '#a2abb5')}}</style>`

/** How one series looks wherever it appears. */
export interface Look {
  readonly colour: string
  readonly marker: Marker | 'none'
  readonly dash: string
  readonly style: 'line' | 'dotted' | 'dots'
  readonly faint: boolean
  readonly band: boolean
}

/** The look of each series by name, in order of appearance: colours, marks, and dashes once the colours are used up. */
export const looksOf = (panels: readonly Panel[]): Map<string, Look> => {
  const looks = new Map<string, Look>()
  let own = 0
  for (const series of panels.flatMap((panel) => panel.series)) {
    if (looks.has(series.name)) continue
    const i = own
    const { style = 'line', like, faint = false, band } = series
    const model = like === undefined ? undefined : looks.get(like)
    if (like !== undefined && model === undefined) {
      throw wrong(
        `series "${series.name}": option "like" is wrong`,
        'the name of a series before it',
        like,
        'Name one that comes first, or leave it out',
      )
    }
    if (model === undefined) own++
    const dash = DASHES[Math.floor(i / LIGHT.length) % DASHES.length] ?? 'none'
    looks.set(series.name, {
      colour:
        model?.colour ?? `var(--series-${String(i % LIGHT.length)}, ${LIGHT[i % LIGHT.length] ?? '#000'})`,
      marker: series.marker ?? model?.marker ?? MARKERS[i % MARKERS.length] ?? 'circle',
      dash: style === 'dotted' ? DOTTED : dash,
      style,
      faint,
      band: band !== undefined,
    })
  }
  return looks
}
