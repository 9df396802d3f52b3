// onestep results: rows of a run directory on the terminal, as they are, by a column, or by a query.
import { missingRows } from '../study/export/exportRun.js'
import { resultRows } from '../study/export/resultRows.js'
import { flatColumns } from '../study/export/selection.js'
import { queryRows } from '../study/export/sql.js'
import { openRun } from '../study/store/runDirectory.js'
import type { RunDirectory } from '../study/store/runDirectory.js'
import { textTable } from '../study/table.js'
import type { Cell } from '../study/table.js'
import { plainJson } from './plainJson.js'
import type { Register } from './register.js'
import { selectionOf, selectionOptions } from './selectionOptions.js'
import type { SelectionOptions } from './selectionOptions.js'
import { exitCodes, positive } from './studyRun.js'

interface ResultsCommandOptions extends SelectionOptions {
  readonly limit: string
  readonly sort?: string
  readonly desc?: true
  readonly sql?: string
  readonly json?: true
}

/** Columns that are shown where none are asked for. */
const mostColumns = 12

/** The columns that fit: no lists, no large arrays. */
const shownColumns = (run: RunDirectory): readonly string[] => {
  const names: string[] = []
  let width = 0
  for (const column of run.manifest.columns) {
    const entries = flatColumns([column]).length
    if (column.kind === 'list' || width + entries > mostColumns) continue
    names.push(column.name)
    width += entries
  }
  return names
}

const toCell = (value: unknown): Cell => {
  if (value === null || typeof value === 'number' || typeof value === 'string') return value
  if (value instanceof Date) return value.toISOString()
  return plainJson(value).replace(/\s+/g, ' ')
}

const print = (
  columns: readonly string[],
  rows: readonly (readonly unknown[])[],
  json: boolean,
  notes: readonly string[],
): void => {
  if (json) {
    const records = rows.map((row) => Object.fromEntries(columns.map((name, j) => [name, row[j]])))
    process.stdout.write(`${plainJson(records)}\n`)
    return
  }
  const table = textTable({ columns, rows: rows.map((row) => row.map(toCell)), digits: 6 })
  process.stdout.write(`${[table, ...notes].join('\n')}\n`)
}

const missingNote = (missing: number, dir: string): string[] =>
  missing === 0 ? [] : [`${String(missing)} rows are missing; to compute them: onestep resume ${dir}`]

const resultsCommand = async (dir: string, options: ResultsCommandOptions): Promise<number> => {
  const { sort, sql, desc = false, json = false } = options
  const run = await openRun(dir)
  const selection = selectionOf(options)
  if (sql !== undefined) {
    const { columns, rows, missing } = await queryRows(run, sql, selection)
    print(columns, rows, json, missingNote(missing, dir))
    return exitCodes.done
  }
  const all = flatColumns(run.manifest.columns).length
  const chosen = selection.columns ?? (json ? undefined : shownColumns(run))
  const { columns, rows } = await resultRows(run, {
    ...selection,
    ...(chosen === undefined ? {} : { columns: chosen }),
    ...(sort === undefined ? {} : { sort }),
    limit: positive('limit', options.limit),
    descending: desc,
  })
  const hidden = all - columns.length
  print(
    columns.map(({ name }) => name),
    rows,
    json,
    [
      `${String(rows.length)} of ${String(run.manifest.rows)} rows${hidden > 0 && options.columns === undefined ? `; ${String(hidden)} more columns: --columns, --json` : ''}`,
      ...missingNote(await missingRows(run), dir),
    ],
  )
  return exitCodes.done
}

/** Adds the command. */
export const registerResults: Register = (program, finish) => {
  const command = program
    .command('results')
    .description('rows of a run directory: the first ones, the first ones by a column, or those of a query')
    .argument('<dir>', 'a run directory')
    .option('-n, --limit <rows>', 'how many at most', '20')
    .option('--sort <column>', 'smallest first; NaN last')
    .option('--desc', 'largest first')
  selectionOptions(command)
    .option('--sql <query>', 'over the table "rows"; needs the package @duckdb/node-api')
    .option('--json', 'as JSON, with all columns')
    .addHelpText(
      'after',
      `
Exit codes: 0 done; 1 failed; 2 wrong use, or a query that is refused.

Examples:
  onestep results runs/lambda-sweep --sort value -n 5
  onestep results runs/lambda-sweep --sql 'select variant, min(value), avg(seconds) from rows group by variant'`,
    )
    .action(async (dir: string, options: ResultsCommandOptions) => {
      finish(await resultsCommand(dir, options))
    })
}
