// The first rows of a study, as they are or by a column: what fits on a screen, found in one pass over all rows.
import { ArgumentError, closest } from '../../base/errors.js'
import type { Block } from '../store/block.js'
import { columnSize } from '../store/chunkLayout.js'
import type { RunDirectory } from '../store/runDirectory.js'
import { flatColumns, selectRows } from './selection.js'
import type { FlatColumn, Selection } from './selection.js'

export type ResultCell = number | string | readonly number[]

export interface ResultRows {
  /** Arrays are spread: 'gradient.w[0]'. */
  readonly columns: readonly FlatColumn[]
  readonly rows: readonly (readonly ResultCell[])[]
}

export interface ResultOptions extends Selection {
  readonly limit: number
  /** A column of the flat table; default: in the order of rows. */
  readonly sort?: string
  readonly descending?: boolean
}

const cellOf = ({ column, entry, kind, names = [] }: FlatColumn, block: Block, row: number): ResultCell => {
  const data = block.data[column]
  if (data === undefined) return NaN
  if ('offsets' in data) return Array.from(data.values.subarray(data.offsets[row], data.offsets[row + 1]))
  const value = data[row * columnSize(block.columns[column] as Block['columns'][number]) + entry] as number
  return kind === 'code' ? (names[value] ?? '') : value
}

/** −1, 0 or 1 as `a` comes before, with or after `b`; NaN comes last in either direction. */
const order = (a: ResultCell, b: ResultCell, descending: boolean): number => {
  const [lostA, lostB] = [Number.isNaN(a), Number.isNaN(b)]
  if (lostA || lostB) return Number(lostA) - Number(lostB)
  return (a < b ? -1 : a > b ? 1 : 0) * (descending ? -1 : 1)
}

/**
 * The first `limit` rows.
 * @throws {ArgumentError} for a column, variant or status that the study does not have
 */
export const resultRows = async (run: RunDirectory, options: ResultOptions): Promise<ResultRows> => {
  const { limit, sort, descending = false, ...selection } = options
  const selected = selectRows(run, selection)
  const columns = flatColumns(selected.columns)
  // The column that rows are sorted by may be one that is not shown.
  const sortable = flatColumns(run.manifest.columns).filter(({ kind }) => kind !== 'list')
  const by = sort === undefined ? undefined : sortable.find(({ name }) => name === sort)
  if (sort !== undefined && by === undefined) {
    const known = sortable.map(({ name }) => name)
    const guess = closest(sort, known)
    throw new ArgumentError(`the column "${sort}" is not in this study`, {
      expected: `one of ${known.join(', ')}`,
      ...(guess === undefined ? {} : { remedy: `Did you mean "${guess}"?` }),
    })
  }
  const source = by && (run.manifest.columns[by.column] as Block['columns'][number]).name
  const shown = selected.columns.map(({ name }) => name)
  const wanted = source === undefined || shown.includes(source) ? shown : [...shown, source]
  const key = by && { ...by, column: wanted.indexOf(source ?? '') }
  let count = 0
  let kept: { readonly key: ResultCell; readonly number: number; readonly cells: ResultCell[] }[] = []
  const compare = (a: (typeof kept)[number], b: (typeof kept)[number]): number =>
    order(a.key, b.key, descending) || a.number - b.number
  let worst: ResultCell | undefined
  for await (const { block } of selectRows(run, { ...selection, columns: wanted }).blocks()) {
    for (let row = 0; row < block.rows; row++) {
      const number = count++
      const value = key === undefined ? number : cellOf(key, block, row)
      if (worst !== undefined && order(value, worst, key !== undefined && descending) >= 0) continue
      kept.push({ key: value, number, cells: columns.map((column) => cellOf(column, block, row)) })
      if (kept.length < 2 * limit + 1000) continue
      kept = kept.sort(compare).slice(0, limit)
      worst = kept.at(-1)?.key
    }
    // In the order of rows, those that are needed come first.
    if (key === undefined && count >= limit) break
  }
  if (key !== undefined) kept.sort(compare)
  return { columns, rows: kept.slice(0, limit).map(({ cells }) => cells) }
}
