// Reports: one well-formed page, nothing from outside, hostile text harmless, data bit-exact.
import { createHash } from 'node:crypto'
import { test } from 'tap'
import { linePlot } from '../../lib/study/plot.js'
import { htmlReport, type Report } from '../../lib/study/report.js'
import { findAll, parseMarkup, textIn, type Element } from './markup.js'

const figure = {
  title: 'Figure & title',
  x: { label: 'x' },
  y: { label: 'y' },
  series: [{ name: 's', x: [1, 2], y: [3, 4] }],
}
const report: Report = {
  title: 'Ridge <script>alert(1)</script>',
  subtitle: 'seed 42 & "more"',
  sections: [
    { heading: 'One', text: 'First <b>paragraph</b>.\nSame one.\n\n\nSecond.', figure },
    {
      heading: 'Two',
      figure: { title: 'Panels', panels: [figure, figure].map(({ x, y, series }) => ({ x, y, series })) },
    },
    {
      heading: 'Three',
      table: {
        columns: ['name', 'error'],
        rows: [
          ['<i>', -1.5],
          ['b', null],
        ],
      },
    },
  ],
  data: {
    x: [1, -0, NaN, Infinity, -Infinity],
    close: '</script><script>',
    typed: Float64Array.of(0.1, -0),
    big: 5n,
  },
}

const only = (root: Element, name: string): Element => {
  const [first, ...others] = findAll(root, name)
  if (first === undefined || others.length > 0) throw new Error(`not one ${name}`)
  return first
}

test('a page with text, figures and a table', async (t) => {
  const root = parseMarkup(await htmlReport(report))
  t.equal(textIn(only(root, 'title')), report.title)
  t.equal(textIn(only(root, 'h1')), report.title)
  t.strictSame(findAll(root, 'h2').map(textIn), ['One', 'Two', 'Three'])
  t.strictSame(
    findAll(root, 'section').map(({ attributes }) => attributes['id']),
    ['section-1', 'section-2', 'section-3'],
  )
  t.strictSame(
    findAll(only(root, 'nav'), 'a').map(({ attributes }) => attributes['href']),
    ['#section-1', '#section-2', '#section-3'],
  )
  const first = findAll(root, 'section')[0] ?? root
  t.strictSame(findAll(first, 'p').map(textIn), ['First <b>paragraph</b>.\nSame one.', 'Second.'])
  t.equal(findAll(root, 'svg').length, 4, 'each figure for wide and for narrow screens')
  const widths = findAll(root, 'svg').map(({ attributes }) => attributes['width'])
  t.strictSame(widths, ['720', '358', '960', '358'])
  const cells = findAll(only(root, 'tbody'), 'td')
  t.strictSame(cells.map(textIn), ['<i>', '−1.500', 'b', ''])
  t.strictSame(
    cells.map(({ attributes }) => attributes['class']),
    [undefined, 'number', undefined, 'number'],
  )
  t.strictSame(
    findAll(only(root, 'thead'), 'th').map(({ attributes }) => attributes['class']),
    [undefined, 'number'],
  )
})

test('nothing is fetched, nothing runs, both schemes and a phone are served', async (t) => {
  const html = await htmlReport(report)
  const root = parseMarkup(html)
  const policy = findAll(root, 'meta').find(
    ({ attributes }) => attributes['http-equiv'] === 'Content-Security-Policy',
  )
  t.equal(policy?.attributes['content'], "default-src 'none'; style-src 'unsafe-inline'")
  t.notMatch(html.replaceAll('xmlns="http://www.w3.org/2000/svg"', ''), /https?:|\bsrc=|@import|url\(/)
  t.strictSame(
    findAll(root, 'script').map(({ attributes }) => attributes['type']),
    ['application/json'],
    'data only',
  )
  t.match(html, /name="viewport" content="width=device-width/)
  t.match(html, /prefers-color-scheme:dark/)
  t.match(html, /max-width:699px/)
})

test('the data comes back from the page', async (t) => {
  const text = textIn(only(parseMarkup(await htmlReport(report)), 'script'))
  t.strictSame(JSON.parse(text), {
    x: [1, '-0', 'NaN', 'Infinity', '-Infinity'],
    close: '</script><script>',
    typed: [0.1, '-0'],
    big: '5',
  })
  const bare = parseMarkup(await htmlReport({ title: 'x', sections: [] }))
  t.equal(findAll(bare, 'script').length, 0)
  t.equal(findAll(bare, 'nav').length, 0, 'no contents for a short page')
})

test('a column with long text breaks its lines, others do not', async (t) => {
  const table = { columns: ['name', 'what', 'x'], rows: [['a', 'words '.repeat(10), 1]] }
  const root = parseMarkup(await htmlReport({ title: 'x', sections: [{ heading: 'h', table }] }))
  for (const cell of ['th', 'td'])
    t.strictSame(
      findAll(root, cell).map(({ attributes }) => attributes['class']),
      [undefined, 'prose', 'number'],
    )
})

test('SVG text is shown as it is', async (t) => {
  const svg = await linePlot(figure)
  const html = await htmlReport({ title: 'x', sections: [{ heading: 'h', figure: svg }] })
  t.ok(html.includes(svg))
  t.equal(findAll(parseMarkup(html), 'svg').length, 1)
})

test('a file to keep, markup, two drawings, a script of its own', async (t) => {
  const script = "document.title = 'é <ran>'"
  const svg = await linePlot(figure)
  const html = await htmlReport({
    title: 'x',
    sections: [
      {
        heading: 'h',
        drawing: { wide: svg, narrow: svg },
        markup: '<p id="own">as it is</p>',
        download: { name: '"a" & <b>.csv', text: 'x,y\r\n1,é\r\n' },
      },
    ],
    script,
    style: '#own{color:red}',
  })
  const root = parseMarkup(html.replace(script, ''))
  const hash = createHash('sha256').update(script).digest('base64')
  const policy = findAll(root, 'meta').map(({ attributes }) => attributes['content'])
  t.ok(policy.includes(`default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'`))
  t.ok(html.includes(`<script>${script}</script>`))
  t.match(html, /#own\{color:red\}<\/style>/)
  t.equal(findAll(root, 'svg').length, 2)
  t.ok(html.includes('<p id="own">as it is</p>'))
  const { attributes } = only(root, 'a')
  t.equal(attributes['download'], '"a" & <b>.csv')
  const content = (attributes['href'] ?? '').replace('data:text/csv;charset=utf-8;base64,', '')
  t.equal(Buffer.from(content, 'base64').toString(), 'x,y\r\n1,é\r\n')
  const bad = { title: 'x', sections: [{ heading: 'h', drawing: { wide: svg, narrow: '<b>' } }] }
  await t.rejects(htmlReport(bad), { name: 'ArgumentError', message: /no SVG text/ })
})

test('malformed reports are refused', async (t) => {
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ ...report, heading: 'x' }, /report: unknown option "heading"/],
    [{ title: 'x', sections: [{ heading: 'h', tables: {} }] }, /section 0: unknown option "tables".*"table"/],
    [{ title: 'x', sections: [{ heading: 'h', figure: '<img src=x>' }] }, /no SVG text/],
    [
      { title: 'x', sections: [{ heading: 'h', table: { columns: ['a'], rows: [[]] } }] },
      /row 0 has a wrong number/,
    ],
    [{ title: 'x', sections: [], data: cycle }, /"data" cannot be written as JSON/],
  ]
  for (const [bad, message] of wrong)
    await t.rejects(htmlReport(bad as Report), { name: 'ArgumentError', message })
})
