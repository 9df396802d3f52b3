// Figures: well-formed, inside their box, legible (no two labels overlap), honest about what they leave out.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { test } from 'tap'
import {
  looksOf,
  type Figure,
  type GroupedPanels,
  type LinePlot,
  type Series,
} from '../../lib/study/figure.js'
import { widthOf } from '../../lib/study/markup.js'
import { drawFigure, groupedPanels, linePlot } from '../../lib/study/plot.js'
import { findAll, parseMarkup, textIn, type Element } from './markup.js'

const k = Array.from({ length: 100 }, (_, i) => i + 1)
const convergence: LinePlot = {
  title: 'Error against iterations',
  x: { label: 'iteration k' },
  y: { label: 'error', scale: 'log' },
  series: [
    { name: 'one-step', x: k, y: k.map((i) => 0.9 ** i + 1e-3) },
    { name: 'implicit <&> "exact"', x: k, y: k.map((i) => 0.8 ** i), style: 'dotted' },
    { name: 'samples', x: k, y: k.map((i) => 1 / i), style: 'dots' },
  ],
}
const four: GroupedPanels = {
  title: 'Four problems',
  panels: ['ridge', 'lasso', 'quadratic program', 'logistic']
    .map((title) => ({ ...convergence, title }))
    .map(({ title, x, y, series }) => ({ title, x, y, series })),
}

interface Label {
  readonly text: string
  readonly left: number
  readonly right: number
  /** Middle of the line of text, near enough. */
  readonly y: number
  readonly group: Element
}

const number = (text: string | undefined): number => Number(text ?? 0)

/** Every text of a figure with its box in the coordinates of the figure. */
const labelsOf = (element: Element, x = 0, y = 0, size = 12, anchor = 'middle'): readonly Label[] => {
  const { attributes } = element
  const [, dx, dy] =
    /^translate\(([-\d.e]+),([-\d.e]+)\)$/.exec(attributes['transform'] ?? 'translate(0,0)') ?? []
  const here = [
    x + number(dx),
    y + number(dy),
    number(attributes['font-size']) || size,
    attributes['text-anchor'] ?? anchor,
  ] as const
  return element.children.flatMap((child): readonly Label[] => {
    if (typeof child === 'string') return []
    if (child.name !== 'text') return labelsOf(child, ...here)
    const [, tx, ty] =
      /^translate\(([-\d.e]+),([-\d.e]+)\)$/.exec(child.attributes['transform'] ?? 'translate(0,0)') ?? []
    const own = number(child.attributes['font-size']) || here[2]
    const width = widthOf(textIn(child), own)
    const place = child.attributes['text-anchor'] ?? here[3]
    const from = here[0] + number(tx) + number(child.attributes['x'])
    const left = place === 'start' ? from : place === 'end' ? from - width : from - width / 2
    const dyText = child.attributes['y'] ?? '0'
    const shift = dyText.endsWith('em') ? parseFloat(dyText) * own : number(dyText)
    return [
      {
        text: textIn(child),
        left,
        right: left + width,
        y: here[1] + number(ty) + shift - own * 0.35,
        group: element,
      },
    ]
  })
}

/** What is wrong with a drawn figure, in words. */
const faults = (svg: string): readonly string[] => {
  const root = parseMarkup(svg)
  const [width, height] = [number(root.attributes['width']), number(root.attributes['height'])]
  const labels = labelsOf(root).filter(({ text }) => text !== '')
  const outside = labels
    .filter(({ left, right, y }) => left < -1 || right > width + 1 || y < 4 || y > height - 4)
    .map(({ text }) => `"${text}" is cut off`)
  // Estimated widths are generous: real type is a tenth narrower.
  const overlaps = labels.flatMap((a, i) =>
    labels
      .slice(i + 1)
      .filter(
        (b) =>
          Math.abs(a.y - b.y) < 9 &&
          a.left + (a.right - a.left) * 0.1 < b.right &&
          b.left + (b.right - b.left) * 0.1 < a.right,
      )
      .map((b) => `"${a.text}" and "${b.text}" overlap`),
  )
  const odd = /NaN|undefined|Infinity|<script|href|url\(|https?:(?!\/\/www\.w3\.org\/2000\/svg")/.exec(
    svg.replace(/<text[^]*?<\/text>/g, '').replace(/aria-label="[^"]*"/g, ''),
  )
  return [...outside, ...overlaps, ...(odd === null ? [] : [`"${odd[0]}" in the markup`])]
}

const textsOf = (svg: string): readonly string[] => findAll(parseMarkup(svg), 'text').map(textIn)

test('a line plot: title, axis labels, one legend entry a series, powers of ten', async (t) => {
  const svg = await linePlot(convergence)
  t.strictSame(faults(svg), [])
  const texts = textsOf(svg)
  for (const text of [
    'Error against iterations',
    'iteration k',
    'error',
    ...convergence.series.map(({ name }) => name),
  ]) {
    t.equal(texts.filter((other) => other === text).length, 1, text)
  }
  t.ok(
    ['10−8', '10−4', '100'].every((label) => texts.includes(label)),
    texts.join(' '),
  )
  t.match(svg, /prefers-color-scheme:dark/)
  t.equal(svg, await linePlot(convergence), 'the same figure, the same text')
})

test('series differ by dash and mark, not by colour alone', async (t) => {
  const series = (count: number): readonly Series[] =>
    Array.from({ length: count }, (_, i) => ({ name: `s${String(i)}`, x: [1, 2], y: [i, i + 1] }))
  const svg = await linePlot({ ...convergence, y: { label: 'y' }, series: series(14) })
  const root = parseMarkup(svg)
  const of = (label: string) =>
    findAll(root, 'g').filter(({ attributes }) => attributes['aria-label'] === label)
  const looks = of('line').map(({ attributes }, i) => {
    const shape = findAll(of('dot')[i] ?? root, 'path')[0]?.attributes['d'] ?? 'circle'
    return [shape, attributes['stroke-dasharray'] ?? ''].join(' ')
  })
  // The legend and the panel each draw every series once.
  t.equal(looks.length, 28)
  t.equal(new Set(looks).size, 14, 'fourteen looks without colour')
  const colours = of('line').map(({ attributes }) => attributes['stroke'])
  t.strictSame(colours.slice(0, 14), colours.slice(14), 'legend and panel agree')
})

test('a series that is like another has its colour and mark, and no look of its own', async (t) => {
  const [x, y] = [
    [1, 2],
    [1, 2],
  ]
  const looks = looksOf([
    {
      ...{ x: { label: 'x' }, y: { label: 'y' } },
      series: [
        { name: 'measured', x, y },
        { name: 'expected', x, y, like: 'measured', style: 'dotted' },
        { name: 'other', x, y, like: 'measured', marker: 'none' },
        { name: 'next', x, y },
      ],
    },
  ])
  const [measured, expected, other, next] = [...looks.values()]
  t.equal(expected?.colour, measured?.colour)
  t.equal(expected?.marker, measured?.marker)
  t.not(expected?.dash, measured?.dash)
  t.equal(other?.marker, 'none')
  t.strictSame([next?.colour.includes('--series-1'), next?.marker], [true, 'square'])
})

test('styles: a dotted line has a dash, dots have no line, a band has an area', async (t) => {
  const one = async (series: Omit<Series, 'name' | 'x' | 'y'>): Promise<string> =>
    linePlot({ ...convergence, series: [{ name: 's', x: [1, 2, 3], y: [1, 2, 3], ...series }] })
  t.notMatch(await one({}), /stroke-dasharray="1/)
  t.match(await one({ style: 'dotted' }), /stroke-dasharray="1.5 4.5"/)
  t.notMatch(await one({ style: 'dots' }), /aria-label="line"/)
  t.notMatch(await one({ marker: 'none' }), /aria-label="dot"/)
  const band = { low: [0, 1, 2], high: [2, 3, 4] }
  t.match(await one({ band }), /aria-label="area"/)
  const bars = await one({ band, style: 'dots' })
  t.notMatch(bars, /aria-label="area"/)
  const [, drawn = ''] = /<g [^>]*aria-label="rule"[^>]*>(.*?)<\/g>/.exec(bars) ?? []
  t.equal(drawn.split('<line').length - 1, 3, 'a bar a dot')
  t.match(await one({ faint: true }), /stroke-opacity="0.45"[^>]*aria-label="line"/)
})

test('what cannot be shown is counted under the figure', async (t) => {
  const note = async (y: readonly number[], rest: Partial<LinePlot> = {}): Promise<string | undefined> =>
    textsOf(
      await linePlot({ ...convergence, series: [{ name: 's', x: y.map((_, i) => i), y }], ...rest }),
    ).find((text) => text.includes('not shown'))
  t.equal(await note([1, 2, 3]), undefined)
  t.match(await note([1, 0, 3]), /^1 point is not shown/)
  t.match(await note([1, -1, NaN, Infinity]), /^3 points are not shown/)
  t.match(await note([1, 2, 3], { y: { label: 'y', domain: [1.5, 2.5] } }), /^2 points are not shown/)
  t.strictSame(faults(await linePlot({ ...convergence, series: [] })), [], 'no series at all')
  t.strictSame(faults(await linePlot({ ...convergence, series: [{ name: 's', x: [1], y: [NaN] }] })), [])
})

test('small multiples: a title and axes each, one legend, shared axes on request', async (t) => {
  const svg = await groupedPanels(four)
  t.strictSame(faults(svg), [])
  const texts = textsOf(svg)
  for (const { title } of four.panels) t.ok(texts.includes(title ?? ''), title ?? '')
  t.equal(texts.filter((text) => text === 'iteration k').length, 4)
  t.equal(texts.filter((text) => text === 'one-step').length, 1)
  t.strictSame(faults(await groupedPanels({ ...four, columns: 1, width: 358 })), [], 'on a phone')

  const panels = [1, 1000].map((scale) => ({
    x: { label: 'x' },
    y: { label: 'y' },
    series: [{ name: 's', x: [0, 1], y: [0, scale] }],
  }))
  const ticks = async (share: 'none' | 'y'): Promise<readonly string[]> =>
    textsOf(await groupedPanels({ title: 'Two', panels, share })).filter((text) => text === '1000')
  t.equal((await ticks('none')).length, 1)
  t.equal((await ticks('y')).length, 2)
})

test('a million points make a small file that looks the same', async (t) => {
  const n = 1_000_000
  const x = Float64Array.from({ length: n }, (_, i) => i + 1)
  const line = await linePlot({ ...convergence, series: [{ name: 's', x, y: x.map((v) => 1 / v) }] })
  const dots = await linePlot({
    ...convergence,
    series: [{ name: 's', x, y: x.map(Math.sin), style: 'dots' }],
  })
  t.ok(line.length < 200_000, String(line.length))
  t.ok(dots.length < 12_000_000, String(dots.length))
})

test('no label is cut off or covers another, for any figure', async () => {
  const name = fc.string({ unit: fc.constantFrom(...'abcMW iρ∂₁–(/)<&'), minLength: 1, maxLength: 40 })
  const value = fc.oneof(
    fc.double({ min: -5, max: 5, noNaN: true }),
    fc
      .tuple(fc.integer({ min: -300, max: 300 }), fc.integer({ min: 1, max: 9 }))
      .map(([e, m]) => m * Number(`1e${String(e)}`)),
    fc.constantFrom(0, NaN, Infinity, 1e-7, 1e6),
  )
  const axis = fc.record(
    { label: name, scale: fc.constantFrom('linear' as const, 'log' as const) },
    { noNullPrototype: true },
  )
  const series = fc
    .record({
      name,
      points: fc.array(fc.tuple(value, value), { maxLength: 20 }),
      style: fc.constantFrom('line' as const, 'dots' as const),
    })
    .map(({ name: of, points, style }) => ({
      name: of,
      style,
      x: points.map(([x]) => x),
      y: points.map(([, y]) => y),
    }))
  const panel = fc.record(
    { title: name, x: axis, y: axis, series: fc.array(series, { maxLength: 4 }) },
    { noNullPrototype: true },
  )
  await fc.assert(
    fc.asyncProperty(
      name,
      fc.array(panel, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(358, 720, 960),
      async (title, panels, width) => {
        const found = faults(await groupedPanels({ title, panels, width, columns: width < 500 ? 1 : 2 }))
        if (found.length > 0) throw new Error(found.join('; '))
      },
    ),
    { numRuns: process.env['ONESTEP_SOAK'] === '1' ? 1500 : 150 },
  )
})

test('malformed figures are refused by name', async (t) => {
  const series = convergence.series
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ ...convergence, tittle: 'x' }, /unknown option "tittle".*"title"/],
    [{ ...convergence, width: 50 }, /size is wrong/],
    [{ ...convergence, height: NaN }, /size is wrong/],
    [{ ...convergence, x: { label: 'x', scale: 'ln' } }, /figure, x: option "scale"/],
    [{ ...convergence, series: [{ name: 's', x: [1, 2], y: [1] }] }, /series "s": lengths differ/],
    [
      { ...convergence, series: [{ name: 's', x: [1], y: [1], band: { low: [1], high: [] } }] },
      /lengths differ/,
    ],
    [{ ...convergence, series: [{ name: 's', x: [1], y: [1], style: 'dashed' }] }, /"style"/],
    [{ ...convergence, series: [{ name: 's', x: [1], y: [1], marker: 'o' }] }, /"marker"/],
    [{ ...convergence, series: [{ name: 's', x: [1], y: [1], like: 't' }] }, /series "s": option "like"/],
    [{ ...four, columns: 0 }, /"columns"/],
    [{ ...four, share: 'all' }, /"share"/],
    [{ ...four, columns: 8 }, /size is wrong/],
    [{ ...four, panels: [{ ...four.panels[0], colour: 'red' }] }, /panel 0: unknown option "colour"/],
    [
      { title: 'x', panels: [{ x: { label: 'x' }, y: { label: 'y', domain: [2, 1] }, series }] },
      /panel 0, y: option "domain"/,
    ],
  ]
  for (const [figure, message] of wrong)
    await t.rejects(drawFigure(figure as Figure), { name: 'ArgumentError', message })
})

test('without the two packages the error names both', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'onestep-plot-')) // outside this package, where no node_modules is above
  t.teardown(() => {
    rmSync(folder, { recursive: true })
  })
  const lib = fileURLToPath(new URL('../../lib', import.meta.url))
  for (const floor of ['base', 'data', 'study'])
    cpSync(join(lib, floor), join(folder, 'lib', floor), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  const copy = (await import(pathToFileURL(join(folder, 'lib/study/plot.js')).href)) as {
    linePlot: typeof linePlot
  }
  await t.rejects(copy.linePlot(convergence), {
    code: 'ERR_MISSING_PACKAGE',
    message: /"@observablehq\/plot" and "linkedom".*npm install @observablehq\/plot linkedom/,
  })
})
