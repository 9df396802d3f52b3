// The script of a report: it sorts, filters and pages the table of rows, and makes a file of them. It fetches nothing and writes text
// only, never markup. It is JavaScript for browsers, kept as text; a page that holds it is tested in one.

export const rowScript = String.raw`
'use strict'
{
  const page = 50
  const data = JSON.parse(document.getElementById('report-data').textContent).rows
  const get = (id) => document.getElementById(id)
  const numbers = (text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0))
    const view = new DataView(bytes.buffer)
    return Float64Array.from({ length: bytes.length / 8 }, (_, i) => view.getFloat64(8 * i, true))
  }
  const columns = data.columns.map(({ name, values, names }) => ({ name, names, values: numbers(values) }))
  let sorted = { column: 0, up: true }
  let shown = Uint32Array.from({ length: data.count }, (_, i) => i)
  let first = 0

  const exact = (x) => (Object.is(x, -0) ? '-0' : String(x))
  const short = (x) => {
    if (!Number.isFinite(x)) return exact(x).replace('-', '−')
    const size = Math.abs(x)
    const text =
      Number.isInteger(x) && size < 1e9 ? String(x)
      : size < 1e-4 || size >= 1e6 ? x.toExponential(5)
      : x.toPrecision(6)
    return text.replace(/^-/, '−').replace('e-', 'e−').replace('e+', 'e')
  }
  const cell = (column, row, format) => {
    const x = column.values[row]
    return column.names === undefined ? format(x) : (column.names[x] ?? String(x))
  }

  // "value < 0.5, status != converged": a column, a comparison, and a number or a name.
  const compare = {
    '<': (a, b) => a < b,
    '<=': (a, b) => a <= b,
    '>': (a, b) => a > b,
    '>=': (a, b) => a >= b,
    '=': (a, b) => a === b || (a !== a && b !== b),
    '!=': (a, b) => a !== b && (a === a || b === b),
  }
  const columnCalled = (name) =>
    columns.find((column) => column.name === name) ??
    columns.find((column) => column.name.slice(column.name.indexOf('.') + 1) === name)
  const condition = (text) => {
    const parts = /^([^<>=!]+?)\s*(<=|>=|!=|=|<|>)\s*(.+)$/.exec(text.trim())
    if (parts === null) throw new Error('“' + text.trim() + '” is no condition: write column < number')
    const [, name, sign, given] = parts
    const column = columnCalled(name)
    if (column === undefined) throw new Error('There is no column “' + name + '”')
    const test = compare[sign]
    if (column.names !== undefined) {
      if (sign !== '=' && sign !== '!=') throw new Error('“' + name + '” holds names: compare by = or !=')
      return (row) => test(cell(column, row, String), given)
    }
    const number = Number(given.replace('−', '-'))
    if (Number.isNaN(number) && given !== 'NaN') throw new Error('“' + given + '” is no number')
    return (row) => test(column.values[row], number)
  }

  const filter = get('rows-filter')
  const arrange = () => {
    const tests = filter.conditions.value.split(',').filter((part) => part.trim() !== '').map(condition)
    for (const name of ['variant', 'status']) {
      const column = columns.find((other) => other.name === name)
      const chosen = filter[name].value
      if (chosen !== '' && column !== undefined) tests.push((row) => column.values[row] === Number(chosen))
    }
    const kept = []
    for (let row = 0; row < data.count; row++) if (tests.every((test) => test(row))) kept.push(row)
    const { values } = columns[sorted.column]
    const way = sorted.up ? 1 : -1
    // NaN stands last, whichever way.
    kept.sort((i, j) => {
      const [a, b] = [values[i], values[j]]
      if (a !== a || b !== b) return (a !== a ? 1 : 0) - (b !== b ? 1 : 0) || i - j
      return way * (a < b ? -1 : a > b ? 1 : 0) || i - j
    })
    shown = Uint32Array.from(kept)
    first = 0
  }

  const make = (tag, text, parent) => {
    const element = document.createElement(tag)
    element.textContent = text
    parent.append(element)
    return element
  }
  const say = (text, wrong) => {
    const told = get('rows-told')
    told.textContent = text
    told.classList.toggle('wrong', wrong)
    filter.conditions.setAttribute('aria-invalid', String(wrong))
  }
  const draw = () => {
    const body = document.createElement('tbody')
    const last = Math.min(first + page, shown.length)
    for (let k = first; k < last; k++) {
      const line = make('tr', '', body)
      for (const column of columns) {
        const one = make('td', cell(column, shown[k], short), line)
        if (column.names === undefined) {
          one.className = 'number'
          one.title = exact(column.values[shown[k]])
        }
      }
    }
    get('rows').tBodies[0].replaceWith(body)
    columns.forEach((_, k) => {
      const head = get('rows').tHead.rows[0].cells[k]
      head.setAttribute('aria-sort', k !== sorted.column ? 'none' : sorted.up ? 'ascending' : 'descending')
    })
    const of = shown.length === data.count ? '' : ', of ' + data.count.toLocaleString('en')
    say(shown.length === 0 ? 'No row' + of : 'Rows ' + (first + 1) + ' to ' + last + ' of ' + shown.length.toLocaleString('en') + of, false)
    get('rows-first').disabled = get('rows-back').disabled = first === 0
    get('rows-last').disabled = get('rows-next').disabled = last === shown.length
  }
  const update = () => {
    try {
      arrange()
      draw()
    } catch (error) {
      say(error.message, true)
    }
  }

  const head = make('tr', '', get('rows').tHead)
  columns.forEach((column, k) => {
    const th = make('th', '', head)
    th.scope = 'col'
    if (column.names === undefined) th.className = 'number'
    const button = make('button', column.name, th)
    button.type = 'button'
    button.addEventListener('click', () => {
      sorted = { column: k, up: sorted.column === k ? !sorted.up : true }
      update()
    })
  })
  const go = (id, place) =>
    get(id).addEventListener('click', () => {
      first = Math.max(0, place())
      draw()
    })
  go('rows-first', () => 0)
  go('rows-back', () => first - page)
  go('rows-next', () => first + page)
  go('rows-last', () => Math.floor((shown.length - 1) / page) * page)
  filter.addEventListener('input', update)
  filter.addEventListener('submit', (event) => event.preventDefault())

  const quoted = (text) => {
    const safe = /^[=+\-@\t\r]/.test(text) ? "'" + text : text
    return /[",\r\n]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe
  }
  get('rows-csv').addEventListener('click', () => {
    const lines = [columns.map(({ name }) => quoted(name))]
    for (const row of shown) {
      lines.push(columns.map((column) => (column.names === undefined ? exact(column.values[row]) : quoted(cell(column, row, String)))))
    }
    const link = document.createElement('a')
    link.download = data.file
    link.href = URL.createObjectURL(new Blob([lines.map((line) => line.join(',') + '\r\n').join('')], { type: 'text/csv' }))
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 1000)
  })
  update()
}
`
