// The report of a study: one HTML file with everything in it.
import { htmlReport, type ReportSection } from '../report.js'
import type { Cell, Table } from '../table.js'
import { errorFigure } from './errorFigure.js'
import { tableCsv, type Exhibit } from './exhibits.js'
import { bareName, GRADIENT_NORM, parametersOf } from './fields.js'
import { historyFigure } from './historyFigure.js'
import { parallelCoordinates } from './parallelCoordinates.js'
import { parameterFigure } from './parameterFigure.js'
import { rowScript } from './rowScript.js'
import { tableData, tableMarkup, tableStyle } from './rowTable.js'
import { sizeFigure } from './sizeFigure.js'
import { SHARES, type StudySummary } from './summary.js'

export interface PageOptions {
  /** Default: the name of the study. */
  readonly title?: string
}

const thousands = (n: number): string => n.toLocaleString('en')

/** When and where it was run, as far as its environment tells. */
const occasion = (environment: unknown): Cell[][] => {
  const told = new Map(leavesOf(environment, 1000))
  const first = (names: readonly string[]): Cell =>
    names.map((name) => told.get(name)).find((text) => text !== undefined) ?? null
  const [time, where] = [first(['time']), [first(['host']), first(['processor', 'processor.name'])]]
  const place = where.filter((text) => text !== null).join(', ')
  return [...(time === null ? [] : [['begun', time]]), ...(place === '' ? [] : [['on', place]])]
}

const facts = ({ manifest, rows, sample, shortened, environment }: StudySummary): ReportSection => {
  const { specification, variants, thetas, id, onestep } = manifest
  const { problem, space, seed, repeats, kind } = specification
  const from = problem.kind === 'standard' ? problem.name : problem.path
  const table: Table = {
    columns: ['', ' '],
    rows: [
      ['kind', kind],
      ['problem', from],
      [
        'parameters',
        Object.entries(space.axes)
          .map(([name, axis]) => `${name} (${axis.kind})`)
          .join(', '),
      ],
      ['variants', thousands(variants.length)],
      kind === 'bench'
        ? ['of each variant', `${thousands(thetas)} runs in each of ${thousands(repeats)} processes`]
        : ['θ of each variant', `${thousands(thetas)}${repeats > 1 ? `, ${thousands(repeats)} times` : ''}`],
      [
        'rows',
        rows === manifest.rows
          ? thousands(rows)
          : `${thousands(rows)} of ${thousands(manifest.rows)}: the study is not complete`,
      ],
      ...occasion(environment),
      ['seed', String(seed)],
      ['onestep', onestep],
      ['id', id],
    ],
  }
  const notes = [
    specification.description ?? '',
    sample.length < rows
      ? `Counts, quantiles and best rows are of all ${thousands(rows)} rows. Figures and the table of rows show a sample of ${thousands(sample.length)}: evenly taken ones, the best, and some that failed.`
      : '',
    shortened.length > 0 ? `Of large arrays the first entries are shown: ${shortened.join(', ')}.` : '',
  ]
  return { heading: 'Summary', text: notes.filter((note) => note !== '').join('\n\n'), table }
}

const statusTable = ({ variants, manifest, rows }: StudySummary): Table => {
  const seen = (key: 'statuses' | 'gradientStatuses'): string[] => [
    ...new Set(variants.flatMap((variant) => Object.keys(variant[key]))),
  ]
  const [statuses, gradients] = [seen('statuses'), seen('gradientStatuses')]
  const missing = rows < manifest.rows
  return {
    columns: [
      'variant',
      'rows',
      ...(missing ? ['missing'] : []),
      ...statuses,
      ...gradients.map((name) => `gradient ${name}`),
    ],
    rows: variants.map((variant) => [
      variant.variant.name,
      variant.rows,
      ...(missing ? [manifest.rows / manifest.variants.length - variant.rows] : []),
      ...statuses.map((name) => variant.statuses[name] ?? 0),
      ...gradients.map((name) => variant.gradientStatuses[name] ?? 0),
    ]),
  }
}

/** Rows with their parameters and what matters of the rest. */
const bestTable = ({ fields, variants, best }: StudySummary): Table => {
  const parameters = parametersOf(fields).slice(0, 8)
  const others = fields.filter(({ name }) =>
    ['value', GRADIENT_NORM, 'norm', 'certificate.estimate', 'estimate', 'iterations', 'steps'].includes(
      name,
    ),
  )
  const shown = [...others.slice(0, 1), ...parameters, ...others.slice(1)]
  return {
    columns: [
      'row',
      'variant',
      ...shown.map((field) => (parameters.includes(field) ? bareName(field) : field.name)),
    ],
    rows: best.map((row) => [
      row.index,
      variants[row.variant]?.variant.name ?? '',
      ...shown.map((field): Cell => row.values[fields.indexOf(field)] ?? null),
    ]),
    digits: 6,
  }
}

const spreadTable = ({ variants }: StudySummary): Table => ({
  columns: [
    'column',
    'variant',
    ...SHARES.map((p) =>
      p === 0 ? 'least' : p === 1 ? 'largest' : p === 0.5 ? 'median' : `${String(100 * p)} %`,
    ),
    'not finite',
  ],
  rows: [...new Set(variants.flatMap(({ spreads }) => Object.keys(spreads)))].flatMap((field) =>
    variants.flatMap(({ variant, spreads }): Cell[][] => {
      const spread = spreads[field]
      if (spread === undefined || spread.count === 0) return []
      return [[field, variant.name, ...spread.quantiles, spread.skipped]]
    }),
  ),
})

/** Leaves of a record with their paths, at most `most`. */
const leavesOf = (value: unknown, most: number): (readonly [string, Cell])[] => {
  const leaves: (readonly [string, Cell])[] = []
  const visit = (x: unknown, path: string): void => {
    if (leaves.length >= most || x === undefined) return
    if (typeof x === 'object' && x !== null) {
      for (const [key, entry] of Object.entries(x)) visit(entry, path === '' ? key : `${path}.${key}`)
    } else if (typeof x === 'string' || typeof x === 'number' || typeof x === 'boolean') {
      leaves.push([path, String(x)])
    } else leaves.push([path, 'none'])
  }
  visit(value, '')
  return leaves
}

const fileName = (study: string, heading: string): string =>
  `${study}-${heading.toLowerCase().replace(/[^a-z0-9]+/g, '-')}.csv`

/**
 * The report as one HTML file: no request leaves it, and its only script sorts and filters the table of rows.
 * @throws {OnestepError} (ERR_MISSING_PACKAGE) where the packages that draw figures are missing.
 */
export const reportPage = async (summary: StudySummary, { title }: PageOptions = {}): Promise<string> => {
  const { manifest, environment, best } = summary
  const { name } = manifest.specification
  const tabled = (heading: string, table: Table, text?: string): ReportSection => ({
    heading,
    ...(text === undefined ? {} : { text }),
    table,
    download: { name: fileName(name, heading), text: tableCsv(table) },
  })
  const exhibits = [parameterFigure, parallelCoordinates, errorFigure, historyFigure, sizeFigure]
    .map((make) => make(summary))
    .filter((exhibit): exhibit is Exhibit => exhibit !== undefined)
  const told = leavesOf(environment, 120)
  const sections: ReportSection[] = [
    facts(summary),
    tabled('Statuses', statusTable(summary)),
    ...(best.length > 0
      ? [tabled('Best rows', bestTable(summary), 'The smallest values of rows that converged.')]
      : []),
    ...exhibits.map(({ csv, ...shown }) => ({
      ...shown,
      download: { name: fileName(name, shown.heading), text: csv },
    })),
    tabled(
      'What was measured',
      spreadTable(summary),
      'Quantiles over all rows of a variant, whatever their status.',
    ),
    {
      heading: 'Rows',
      text: 'Click a column to sort by it, again to turn round. Conditions are separated by commas.',
      markup: tableMarkup(summary),
    },
    ...(told.length > 0 ? [tabled('Environment', { columns: ['what', 'value'], rows: told })] : []),
  ]
  return htmlReport({
    title: title ?? `Study ${name}`,
    subtitle: `${thousands(summary.rows)} rows of ${thousands(manifest.variants.length)} ${manifest.variants.length === 1 ? 'variant' : 'variants'}, ${manifest.specification.kind}`,
    sections,
    data: { manifest: manifest.id, rows: tableData(summary) },
    script: rowScript,
    style: `${tableStyle}.narrow .parallel{max-width:none}`,
  })
}
