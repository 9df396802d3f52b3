// The page of `onestep watch --page`: it listens to server-sent events of its own server, and writes what they say as text.
import { createHash } from 'node:crypto'
import { escapeMarkup } from '../markup.js'
import { pageStyle } from '../report.js'

const style = `${pageStyle}
progress{width:100%;height:1.25rem;accent-color:var(--link)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:1rem;margin:1.25rem 0}
.figures div{border:1px solid var(--rule);border-radius:6px;padding:.6rem .8rem}
.figures dt{color:var(--soft);font-size:.85rem}
.figures dd{margin:0;font-size:1.15rem;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
`

const script = String.raw`
'use strict'
{
  const get = (id) => document.getElementById(id)
  const write = (id, text) => (get(id).textContent = text)
  const whole = (n) => Math.round(n).toLocaleString('en')
  const duration = (s) =>
    s < 60 ? Math.round(s) + ' s' : s < 3600 ? Math.floor(s / 60) + ' min ' + Math.round(s % 60) + ' s' : Math.floor(s / 3600) + ' h ' + Math.round((s % 3600) / 60) + ' min'
  const fill = (id, rows) => {
    const body = document.createElement('tbody')
    for (const cells of rows) {
      const line = body.insertRow()
      cells.forEach((cell) => {
        const one = line.insertCell()
        one.textContent = typeof cell === 'number' ? whole(cell) : cell
        if (typeof cell === 'number') one.className = 'number'
      })
    }
    get(id).tBodies[0].replaceWith(body)
  }
  const show = (now) => {
    const bar = get('progress')
    bar.max = Math.max(now.allRows, 1)
    bar.value = now.rows
    const share = now.allRows > 0 ? (100 * now.rows) / now.allRows : 0
    bar.textContent = share.toFixed(1) + ' %'
    write('rows', whole(now.rows) + ' of ' + whole(now.allRows) + ' (' + share.toFixed(1) + ' %)')
    write('chunks', whole(now.chunks) + ' of ' + whole(now.allChunks))
    write('rate', now.runners.length === 0 ? 'nobody works here' : whole(now.rate) + ' rows a second')
    write('left', now.complete ? 'complete' : now.secondsLeft === undefined ? 'unknown' : duration(now.secondsLeft))
    write('best', now.best === undefined ? 'none yet' : now.best.value.toPrecision(8) + ', row ' + whole(now.best.row) + ', ' + now.best.variant)
    fill('statuses', Object.entries(now.statuses))
    fill('runners', now.runners.map((r) => [r.host, String(r.pid), r.state, r.threads, r.chunks, r.rows, r.rate]))
    get('runners').closest('section').hidden = now.runners.length === 0
    document.title = share.toFixed(0) + ' % of ' + now.name
    write('told', now.complete ? 'The study is complete.' : '')
  }
  const events = new EventSource('/events')
  events.onmessage = (event) => show(JSON.parse(event.data))
  events.onerror = () => write('told', 'The watch has ended, or does not answer; what is shown may be old.')
}
`

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** What the page may do: run its script, look as it does, listen to its own server; its icon is empty. */
export const livePolicy = `default-src 'none'; style-src ${hashOf(style)}; script-src ${hashOf(script)}; connect-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`

const table = (id: string, columns: readonly string[]): string =>
  `<div class="table"><table id="${id}"><thead><tr>${columns.map((name) => `<th scope="col">${name}</th>`).join('')}</tr></thead><tbody></tbody></table></div>`

const figures: readonly (readonly [string, string])[] = [
  ['rows', 'Rows'],
  ['chunks', 'Chunks'],
  ['rate', 'Rate'],
  ['left', 'Time left'],
  ['best', 'Smallest value'],
]

/** The page of the study `name`. */
export const livePage = (name: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<link rel="icon" href="data:,">
<title>${escapeMarkup(name)}</title>
<style>${style}</style>
</head>
<body>
<main>
<header><h1>${escapeMarkup(name)}</h1><p class="subtitle" id="told" role="status">Waiting for the first look at the run …</p></header>
<progress id="progress" value="0" max="1" aria-label="Rows that are computed"></progress>
<dl class="figures">${figures.map(([id, label]) => `<div><dt>${label}</dt><dd id="${id}">…</dd></div>`).join('')}</dl>
<section><h2>Statuses</h2>${table('statuses', ['status', 'rows'])}</section>
<section hidden><h2>Runners</h2>${table('runners', ['host', 'process', 'state', 'threads', 'chunks', 'rows', 'rows a second'])}</section>
<noscript><p>This page needs JavaScript; onestep status tells the same.</p></noscript>
</main>
<script>${script}</script>
</body>
</html>
`
