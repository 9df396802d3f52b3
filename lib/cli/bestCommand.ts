// onestep best: the rows of a run directory with the smallest values.
import { bestRows, type BestRows } from '../study/page/best.js'
import { bareName, GRADIENT_NORM, parametersOf } from '../study/page/fields.js'
import { runSource } from '../study/page/runSource.js'
import type { Manifest } from '../study/store/manifest.js'
import { textTable, type Cell } from '../study/table.js'
import { plainJson } from './plainJson.js'
import type { Register } from './register.js'
import { exitCodes, positive } from './studyRun.js'

interface BestCommandOptions {
  readonly count: string
  readonly by: string
  readonly largest?: true
  readonly json?: true
}

const variantName = ({ variants }: Manifest, variant: number): string => variants[variant]?.name ?? ''

/** All that is known of the rows; codes by name. */
const records = ({ fields, rows }: BestRows, manifest: Manifest): readonly object[] =>
  rows.map(({ index, variant, values }) => ({
    row: index,
    variant: variantName(manifest, variant),
    ...Object.fromEntries(
      fields.map(({ name, names }, k) => {
        const value = values[k] ?? NaN
        return [name, names === undefined ? value : (names[value] ?? value)]
      }),
    ),
  }))

/** Of the others those that are shown beside θ. */
const columnsShown = [
  'value',
  GRADIENT_NORM,
  'norm',
  'certificate.estimate',
  'estimate',
  'iterations',
  'steps',
  'seconds',
]

const table = ({ fields, rows }: BestRows, manifest: Manifest, by: string): string => {
  const parameters = parametersOf(fields)
  const others = fields.filter(
    ({ name }) => name === by || columnsShown.includes(name) || name.startsWith('metric.'),
  )
  const first = others.filter(({ name }) => name === by)
  const shown = [...first, ...parameters, ...others.filter(({ name }) => name !== by)]
  const cells = rows.map(({ index, variant, values }): Cell[] => [
    index,
    variantName(manifest, variant),
    ...shown.map((field) => values[fields.indexOf(field)] ?? null),
  ])
  const columns = [
    'row',
    'variant',
    ...shown.map((field) => (parameters.includes(field) ? bareName(field) : field.name)),
  ]
  return textTable({ columns, rows: cells, digits: 6 })
}

const bestCommand = async (dir: string, options: BestCommandOptions): Promise<number> => {
  const { by, largest = false, json = false } = options
  const source = await runSource(dir)
  const best = await bestRows(source, { by, largest, count: positive('count', options.count) })
  if (json) process.stdout.write(`${plainJson(records(best, source.manifest))}\n`)
  else if (best.rows.length > 0) process.stdout.write(`${table(best, source.manifest, by)}\n`)
  if (best.rows.length === 0) process.stderr.write(`no row of ${dir} has converged with a finite ${by}\n`)
  return best.rows.length > 0 ? exitCodes.done : exitCodes.incomplete
}

/** Adds the command. */
export const registerBest: Register = (program, finish) => {
  program
    .command('best')
    .description('the rows of a run directory with the smallest values, of those that converged')
    .argument('<dir>', 'a run directory')
    .option('-n, --count <rows>', 'how many', '10')
    .option('--by <column>', 'what is compared: value, metric.accuracy, "gradient norm", …', 'value')
    .option('--largest', 'the largest ones')
    .option('--json', 'as JSON, with every column')
    .addHelpText(
      'after',
      `
Exit codes: 0 done; 1 failed; 2 wrong use; 4 no row has converged yet.

Example:
  onestep best runs/lambda-sweep -n 3 --by metric.accuracy --largest`,
    )
    .action(async (dir: string, options: BestCommandOptions) => {
      finish(await bestCommand(dir, options))
    })
}
