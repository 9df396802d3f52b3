// Which rows and columns of a study are wanted, and how each column is spread over the columns of a flat table.
import { ArgumentError, closest } from '../../base/errors.js'
import type { Block, Column, ColumnData } from '../store/block.js'
import { columnSize } from '../store/chunkLayout.js'
import { variantRows } from '../store/manifest.js'
import type { Manifest } from '../store/manifest.js'
import type { RunDirectory } from '../store/runDirectory.js'

export interface Selection {
  /** By name, in this order; all by default. */
  readonly columns?: readonly string[]
  /** By name; all by default. */
  readonly variants?: readonly string[]
  /** Only rows with one of these statuses; all by default. */
  readonly statuses?: readonly string[]
}

/** A column of a flat table: an entry of a column of the study, or a whole list. */
export interface FlatColumn {
  /** 'value', 'gradient.w[3]'. */
  readonly name: string
  /** Its place among the chosen columns. */
  readonly column: number
  /** Of an array, row after row. */
  readonly entry: number
  readonly kind: Column['kind']
  readonly names?: readonly string[]
}

const wrong = (what: string, name: string, known: readonly string[]): ArgumentError => {
  const guess = closest(name, known)
  return new ArgumentError(`${what} "${name}" is not in this study`, {
    expected: known.length === 0 ? 'none' : `one of ${known.join(', ')}`,
    ...(guess === undefined ? {} : { remedy: `Did you mean "${guess}"?` }),
  })
}

/** The places of names in a list. @throws {ArgumentError} naming one that is not there */
const placesOf = (what: string, names: readonly string[], known: readonly string[]): number[] =>
  names.map((name) => {
    const place = known.indexOf(name)
    if (place < 0) throw wrong(what, name, known)
    return place
  })

/** The columns of a study that are wanted. @throws {ArgumentError} for one that it does not have */
const chosenColumns = (manifest: Manifest, names?: readonly string[]): readonly Column[] => {
  const { columns } = manifest
  if (names === undefined) return columns
  const known = columns.map(({ name }) => name)
  return placesOf('the column', names, known).map((place) => columns[place] as Column)
}

/** Columns of a flat table: arrays entry by entry, lists whole. */
export const flatColumns = (columns: readonly Column[]): FlatColumn[] =>
  columns.flatMap((column, j) => {
    const { name, kind, shape, names } = column
    const rest = { column: j, kind, ...(names === undefined ? {} : { names }) }
    if (shape.length === 0 || kind === 'list') return [{ name, entry: 0, ...rest }]
    return Array.from({ length: columnSize(column) }, (_, entry) => ({
      name: `${name}[${String(entry)}]`,
      entry,
      ...rest,
    }))
  })

/** Some rows of a column. */
const gather = (data: ColumnData, size: number, rows: readonly number[]): ColumnData => {
  if (data instanceof Uint8Array) {
    const out = new Uint8Array(rows.length * size)
    rows.forEach((row, i) => {
      out.set(data.subarray(row * size, (row + 1) * size), i * size)
    })
    return out
  }
  if (data instanceof Float64Array) {
    const out = new Float64Array(rows.length * size)
    rows.forEach((row, i) => {
      out.set(data.subarray(row * size, (row + 1) * size), i * size)
    })
    return out
  }
  const { offsets, values } = data
  const ends = (row: number): [number, number] => [offsets[row] ?? 0, offsets[row + 1] ?? 0]
  const starts = new Float64Array(rows.length + 1)
  rows.forEach((row, i) => {
    const [from, to] = ends(row)
    starts[i + 1] = (starts[i] as number) + to - from
  })
  const out = new Float64Array(starts[rows.length] ?? 0)
  rows.forEach((row, i) => {
    out.set(values.subarray(...ends(row)), starts[i])
  })
  return { offsets: starts, values: out }
}

/** The rows of a study that are wanted, and how many there are in all. */
export interface SelectedRows {
  readonly columns: readonly Column[]
  /** Rows of the chosen variants once the study is complete, before those of other statuses are left out. */
  readonly total: number
  /** Blocks in the order of rows; `seen` is how many rows were looked at for a block. */
  blocks(): AsyncGenerator<{ readonly block: Block; readonly seen: number }, void, undefined>
}

/**
 * The rows that a selection means.
 * @throws {ArgumentError} for a column, variant or status that the study does not have
 */
export const selectRows = (run: RunDirectory, selection: Selection): SelectedRows => {
  const { manifest } = run
  const { columns, variants, statuses } = selection
  const chosen = chosenColumns(manifest, columns)
  const variantNames = manifest.variants.map(({ name }) => name)
  const places =
    variants === undefined ? variantNames.map((_, v) => v) : placesOf('the variant', variants, variantNames)
  const statusColumn = manifest.columns.find(({ name }) => name === 'status')
  const codes =
    statuses === undefined ? undefined : new Set(placesOf('the status', statuses, statusColumn?.names ?? []))
  const read = [...chosen.map(({ name }) => name), ...(codes === undefined ? [] : ['status'])]
  const filtered = (block: Block): Block => {
    const data = block.data.slice(0, chosen.length)
    const status = block.data[chosen.length]
    if (codes === undefined || !(status instanceof Uint8Array)) return { ...block, columns: chosen, data }
    const rows = [...status.keys()].filter((i) => codes.has(status[i] as number))
    return {
      rows: rows.length,
      columns: chosen,
      data: data.map((column, j) => gather(column, columnSize(chosen[j] as Column), rows)),
    }
  }
  return {
    columns: chosen,
    total: new Set(places).size * variantRows(manifest),
    async *blocks() {
      for await (const block of run.blocks({ columns: read, variants: places })) {
        yield { block: filtered(block), seen: block.rows }
      }
    },
  }
}
