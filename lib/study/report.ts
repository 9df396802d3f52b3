// One HTML file for a study: text, figures, tables and the data itself. No outside reference and no script but one that the page
// names by its hash (a content security policy forbids all others), light and dark, for the width of a desk and of a phone.
import { createHash } from 'node:crypto'
import { ArgumentError, checkOptions } from '../base/errors.js'
import { escapeMarkup } from './markup.js'
import type { Figure } from './figure.js'
import { drawFigure } from './plot.js'
import { formatTable, type Table } from './table.js'

export interface ReportSection {
  readonly heading: string
  /** Paragraphs, separated by empty lines. */
  readonly text?: string
  /** A figure to draw, at both widths, or SVG text to show as it is. */
  readonly figure?: Figure | string
  /** SVG text for wide and for narrow screens. */
  readonly drawing?: { readonly wide: string; readonly narrow: string }
  readonly table?: Table
  /** HTML to show as it is: whoever makes it has escaped what is in it. */
  readonly markup?: string
  /** A file that the reader can keep: the numbers of the figure. */
  readonly download?: { readonly name: string; readonly text: string }
}

export interface Report {
  readonly title: string
  readonly subtitle?: string
  readonly sections: readonly ReportSection[]
  /** What the report was made from; embedded as JSON in the element "report-data". */
  readonly data?: unknown
  /** JavaScript that runs when the page has been read, and nothing else does; it cannot fetch anything. */
  readonly script?: string
  /** Style rules behind those of every report. */
  readonly style?: string
}

const PHONE_WIDTH = 358

/** The style of every page: colours of both schemes, type, tables. */
export const pageStyle = `
:root{color-scheme:light dark;--paper:#fff;--text:#1b1f24;--soft:#57606a;--rule:#d8dee4;--stripe:#f5f7f9;--link:#0b62a8}
@media (prefers-color-scheme:dark){:root{--paper:#14171b;--text:#e6e8eb;--soft:#a2abb5;--rule:#333a42;--stripe:#1b2026;--link:#7cb8f0}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--text);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:992px;margin:0 auto;padding:32px 16px 48px}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 .25rem;text-wrap:balance}
h2{font-size:1.25rem;line-height:1.3;margin:2.5rem 0 .5rem}
p{max-width:44rem;margin:.5rem 0;overflow-wrap:anywhere}
.subtitle,footer{color:var(--soft)}
nav ul{columns:18rem;padding-left:1.2rem;margin:1rem 0}
a{color:var(--link)}
figure{margin:1rem 0}
figure svg{display:block;max-width:100%;height:auto}
.given{overflow-x:auto}
.narrow{display:none}
@media (max-width:699px){.wide{display:none}.narrow{display:block}main{padding-top:20px}h1{font-size:1.45rem}}
.table{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .75rem;text-align:left;vertical-align:baseline;border-bottom:1px solid var(--rule);white-space:nowrap}
th{border-bottom:2px solid var(--rule)}
tbody tr:nth-child(even){background:var(--stripe)}
.number{text-align:right}
.prose{white-space:normal;min-width:15rem}
@media (max-width:699px){th,td{white-space:normal;padding:.3rem .45rem}td.number{white-space:nowrap}td:not(.number){min-width:5.5rem}td.prose{min-width:9rem}}
.narrow{overflow-x:auto}
.download{margin:.25rem 0 1rem;font-size:.85rem}
footer{margin-top:3rem;font-size:.85rem}
@media print{main{max-width:none;padding:0}section{break-inside:avoid}}
`

/** Text longer than this is broken into lines. */
const PROSE = 30

const htmlTable = (table: Table): string => {
  const { columns, rows, numeric } = formatTable(table)
  const prose = columns.map((_, j) => rows.some((row) => (row[j] ?? '').length > PROSE))
  const mark = (j: number): string =>
    numeric[j] === true ? ' class="number"' : prose[j] === true ? ' class="prose"' : ''
  const head = columns.map((name, j) => `<th scope="col"${mark(j)}>${escapeMarkup(name)}</th>`).join('')
  const body = rows.map(
    (row) =>
      `<tr>${row.map((cell, j) => `<td${mark(j)}>${escapeMarkup(cell.replace(/^-(?=[\d.])/, '−'))}</td>`).join('')}</tr>`,
  )
  return `<div class="table" tabindex="0"><table><thead><tr>${head}</tr></thead><tbody>\n${body.join('\n')}\n</tbody></table></div>`
}

const checkSvg = (text: string): string => {
  if (/^\s*<svg[\s>]/.test(text)) return text
  throw new ArgumentError('report: a figure is no SVG text', {
    expected: 'a figure, or text that starts with <svg',
    received: JSON.stringify(text.slice(0, 40)),
    remedy: 'Pass what linePlot or groupedPanels returns, or their argument',
  })
}

const twice = (wide: string, narrow: string): string =>
  `<figure><div class="wide">${wide}</div><div class="narrow">${narrow}</div></figure>`

const htmlFigure = async (figure: Figure | string): Promise<string> => {
  if (typeof figure === 'string') return `<figure class="given">${checkSvg(figure)}</figure>`
  const panelHeight = Math.min(figure.height ?? 260, 280)
  const phone = {
    ...figure,
    width: PHONE_WIDTH,
    height: panelHeight,
    ...('panels' in figure ? { columns: 1 } : {}),
  }
  const [wide, narrow] = await Promise.all([drawFigure(figure), drawFigure(phone)])
  return twice(wide, narrow)
}

/** A link to a file of comma-separated values that is part of the page. */
const htmlDownload = ({ name, text }: NonNullable<ReportSection['download']>): string => {
  const content = Buffer.from(text).toString('base64')
  const file = escapeMarkup(name)
  return `<p class="download"><a download="${file}" href="data:text/csv;charset=utf-8;base64,${content}" aria-label="${file}">CSV</a></p>`
}

/** JSON that can stand inside a script element; NaN, ±Infinity and −0 as named strings, typed arrays as arrays. */
const embeddedJson = (data: unknown): string => {
  const plain = (_: string, value: unknown): unknown => {
    if (typeof value === 'number')
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : Object.is(value, -0)
          ? '-0'
          : String(value)
    if (typeof value === 'bigint') return String(value)
    return ArrayBuffer.isView(value) && !(value instanceof DataView)
      ? Array.from(value as Float64Array)
      : value
  }
  try {
    return (JSON.stringify(data, plain) as string | undefined)?.replaceAll('<', '\\u003c') ?? 'null'
  } catch (cause) {
    throw new ArgumentError('report: option "data" cannot be written as JSON', {
      expected: 'plain objects, arrays, strings and numbers without cycles',
      remedy: 'Pass a copy without what JSON cannot hold',
      cause,
    })
  }
}

const paragraphs = (text: string): string =>
  text
    .split(/\n\s*\n/)
    .filter((part) => part.trim() !== '')
    .map((part) => `<p>${escapeMarkup(part.trim())}</p>`)
    .join('\n')

/**
 * A self-contained HTML page. Each section shows its text, figure and table, in that order; figures given as data are
 * drawn twice, for wide and for narrow screens.
 * @throws {ArgumentError} for an unknown option, a malformed figure or table, or data that JSON cannot hold.
 * @throws {OnestepError} (ERR_MISSING_PACKAGE) when a figure is to be drawn and the packages for it are missing.
 */
export const htmlReport = async (report: Report): Promise<string> => {
  checkOptions('report', report, ['title', 'subtitle', 'sections', 'data', 'script', 'style'])
  const { title, subtitle, sections, data, script = '', style = '' } = report
  const bodies: string[] = []
  for (const [i, section] of sections.entries()) {
    const known = ['heading', 'text', 'figure', 'drawing', 'table', 'markup', 'download']
    checkOptions(`report, section ${String(i)}`, section, known)
    const { heading, text, figure, drawing, table, markup, download } = section
    const parts = [`<section id="section-${String(i + 1)}"><h2>${escapeMarkup(heading)}</h2>`]
    if (text !== undefined) parts.push(paragraphs(text))
    if (figure !== undefined) parts.push(await htmlFigure(figure))
    if (drawing !== undefined) parts.push(twice(checkSvg(drawing.wide), checkSvg(drawing.narrow)))
    if (table !== undefined) parts.push(htmlTable(table))
    if (markup !== undefined) parts.push(markup)
    if (download !== undefined) parts.push(htmlDownload(download))
    bodies.push(`${parts.join('\n')}\n</section>`)
  }
  const links = sections.map(
    ({ heading }, i) => `<li><a href="#section-${String(i + 1)}">${escapeMarkup(heading)}</a></li>`,
  )
  const embedded =
    data === undefined
      ? ''
      : `<footer><p>The data of this report is part of this file, as JSON in the element “report-data”.</p></footer>
<script type="application/json" id="report-data">${embeddedJson(data)}</script>`
  const hash = createHash('sha256').update(script).digest('base64')
  const policy = `default-src 'none'; style-src 'unsafe-inline'${script === '' ? '' : `; script-src 'sha256-${hash}'`}`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escapeMarkup(title)}</title>
<style>${pageStyle}${style}</style>
</head>
<body>
<main>
<header><h1>${escapeMarkup(title)}</h1>
${subtitle === undefined ? '' : `<p class="subtitle">${escapeMarkup(subtitle)}</p>`}</header>
${sections.length > 2 ? `<nav aria-label="Contents"><ul>${links.join('')}</ul></nav>` : ''}
${bodies.join('\n')}
${embedded}
</main>
${script === '' ? '' : `<script>${script}</script>\n`}</body>
</html>
`
}
