// The table of rows in a page: its frame as HTML, and its columns as data that the page's script reads. Numbers are doubles in base64,
// so that what is sorted, shown and kept as a file is bit for bit what was computed.
import { escapeMarkup } from '../markup.js'
import type { StudySummary } from './summary.js'

/** A column as the script reads it. */
interface TableColumn {
  readonly name: string
  /** Little-endian float64, in base64. */
  readonly values: string
  /** What the numbers mean, where they are codes. */
  readonly names?: readonly string[]
}

export interface TableData {
  readonly file: string
  readonly count: number
  readonly columns: readonly TableColumn[]
}

const base64 = (numbers: readonly number[]): string => {
  const bytes = Buffer.alloc(8 * numbers.length)
  for (const [i, x] of numbers.entries()) bytes.writeDoubleLE(x, 8 * i)
  return bytes.toString('base64')
}

/** The sampled rows of a study, column by column. */
export const tableData = ({ manifest, fields, sample }: StudySummary): TableData => {
  const column = (name: string, numbers: readonly number[], names?: readonly string[]): TableColumn => ({
    name,
    values: base64(numbers),
    ...(names === undefined ? {} : { names }),
  })
  return {
    file: `${manifest.specification.name}-rows.csv`,
    count: sample.length,
    columns: [
      column(
        'row',
        sample.map(({ index }) => index),
      ),
      column(
        'variant',
        sample.map(({ variant }) => variant),
        manifest.variants.map(({ name }) => name),
      ),
      ...fields.map(({ name, names }, k) =>
        column(
          name,
          sample.map(({ values }) => values[k] ?? NaN),
          names,
        ),
      ),
    ],
  }
}

const options = (all: string, names: readonly string[]): string =>
  [
    `<option value="">${all}</option>`,
    ...names.map((name, i) => `<option value="${String(i)}">${escapeMarkup(name)}</option>`),
  ].join('')

/** What the script fills; without it there is a sentence that says so. */
export const tableMarkup = ({ manifest, fields }: StudySummary): string => {
  const statuses = fields.find(({ name }) => name === 'status')?.names ?? []
  const variants = manifest.variants.map(({ name }) => name)
  return `<noscript><p>The table of rows needs JavaScript; nothing is fetched by it.</p></noscript>
<form id="rows-filter" class="filter">
<label>Variant <select name="variant">${options('all', variants)}</select></label>
<label>Status <select name="status">${options('all', statuses)}</select></label>
<label class="long">Only rows with <input name="conditions" type="text" placeholder="value &lt; 0.5, iterations &gt;= 10" autocomplete="off" spellcheck="false" aria-describedby="rows-told"></label>
</form>
<p id="rows-told" class="told" role="status"></p>
<div class="table" tabindex="0" role="region" aria-label="Rows"><table id="rows"><thead></thead><tbody></tbody></table></div>
<p class="pager"><button type="button" id="rows-first">First</button> <button type="button" id="rows-back">Back</button> <button type="button" id="rows-next">Next</button> <button type="button" id="rows-last">Last</button> <button type="button" id="rows-csv">CSV of these rows</button></p>`
}

/** How it looks. */
export const tableStyle = `
.filter{display:flex;flex-wrap:wrap;gap:.5rem 1rem;margin:.75rem 0}
.filter label{display:flex;flex-direction:column;font-size:.85rem;color:var(--soft);max-width:100%}
.filter .long{flex:1 1 16rem}
.filter select,.filter input,.pager button{font:inherit;font-size:.95rem;color:var(--text);background:var(--stripe);border:1px solid var(--edge);border-radius:4px;padding:.3rem .5rem;max-width:100%}
.filter select{max-width:22rem}
:root{--edge:#8a949e}
@media (prefers-color-scheme:dark){:root{--edge:#6b7580}}
.told{font-size:.85rem;color:var(--soft);min-height:1.4em}
.told.wrong{color:var(--wrong)}
:root{--wrong:#b3261e}
@media (prefers-color-scheme:dark){:root{--wrong:#ff9a8d}}
#rows th{padding:0}
#rows th button{font:inherit;font-weight:600;color:inherit;background:none;border:0;padding:.3rem .75rem;width:100%;text-align:inherit;cursor:pointer;white-space:nowrap}
#rows th button::after{content:"\\2195";opacity:.35;margin-left:.35em}
#rows th[aria-sort=ascending] button::after{content:"\\2191";opacity:1}
#rows th[aria-sort=descending] button::after{content:"\\2193";opacity:1}
#rows td{white-space:nowrap}
.pager{display:flex;flex-wrap:wrap;gap:.4rem;max-width:none}
.pager button{cursor:pointer}
.pager button:disabled{opacity:.45;cursor:default}
#rows-csv{margin-left:auto}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
`
