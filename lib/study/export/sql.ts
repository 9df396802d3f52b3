// SQL over the rows of a study through DuckDB, where it is installed. The rows are the table `rows`; the query sees no other file and
// writes none.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ArgumentError, OnestepError } from '../../base/errors.js'
import type { RunDirectory } from '../store/runDirectory.js'
import { exportRun } from './exportRun.js'
import type { Selection } from './selection.js'

export interface QueryResult {
  readonly columns: readonly string[]
  /** Numbers, text, booleans, dates, lists, null; integers beyond 2⁵³ are text. */
  readonly rows: readonly (readonly unknown[])[]
  /** Rows of the study that the query could not see because they have not been computed. */
  readonly missing: number
}

const loadDuckDb = async () => {
  try {
    return await import('@duckdb/node-api')
  } catch (cause) {
    throw new OnestepError('SQL needs DuckDB, which is not installed', {
      code: 'ERR_OPTIONAL_PACKAGE',
      remedy:
        'Install it beside onestep: npm install @duckdb/node-api. Or export the rows ("onestep export DIR --format parquet") and query the file with any other program',
      cause,
    })
  }
}

const plain = (value: unknown): unknown => {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (Array.isArray(value)) return value.map(plain)
  return value
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`

/**
 * The answer to a query over the table `rows`.
 * @throws {ArgumentError} for a query that DuckDB refuses, with its reason; ERR_OPTIONAL_PACKAGE without DuckDB
 */
export const queryRows = async (
  run: RunDirectory,
  sql: string,
  selection: Selection = {},
): Promise<QueryResult> => {
  const { DuckDBInstance } = await loadDuckDb()
  const folder = await mkdtemp(join(tmpdir(), 'onestep-sql-'))
  try {
    const path = join(folder, 'rows.parquet')
    const { missing } = await exportRun(run, { ...selection, format: 'parquet', out: path, partial: true })
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    try {
      await connection.run(`create view rows as select * from read_parquet(${quoted(path)})`)
      // From here on the query can read that file, and nothing else; it cannot change this.
      await connection.run(`set allowed_paths = [${quoted(path)}]`)
      await connection.run('set enable_external_access = false')
      await connection.run('set lock_configuration = true')
      const reader = await connection.runAndReadAll(sql).catch((cause: unknown) => {
        throw new ArgumentError('the query was refused', {
          received: cause instanceof Error ? cause.message : String(cause),
          remedy:
            'The table is called rows; "describe rows" shows its columns, names with a point go in double quotes',
          cause,
        })
      })
      return {
        columns: reader.columnNames(),
        rows: reader.getRowsJS().map((row) => row.map(plain)),
        missing,
      }
    } finally {
      connection.closeSync()
      instance.closeSync()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
