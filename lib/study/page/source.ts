// Where pages and comparisons read a study from: its manifest and its rows in order, from a run directory or from memory.
//   row number = (variant · repeats + repeat) · thetas + i
import { DataError } from '../../base/errors.js'
import type { Block, Column } from '../store/block.js'
import { variantRows, type Manifest } from '../store/manifest.js'

export interface StudySource {
  readonly manifest: Manifest
  /** In order of rows; rows that are not computed yet are missing. */
  readonly blocks: AsyncIterable<Block> | Iterable<Block>
  /** Of the run, as environment.json has it. */
  readonly environment?: unknown
}

/** Rows of a block that belong to one variant. */
export interface Piece {
  readonly block: Block
  readonly variant: number
  /** The first row of the piece in the block, and the one after the last. */
  readonly from: number
  readonly to: number
  /** Of row `from` among the rows of its variant: repeat · thetas + i. */
  readonly position: number
}

/** Where a column stands in a block or manifest; −1 where it is not recorded. */
export const columnIndex = (columns: readonly Column[], name: string): number =>
  columns.findIndex((column) => column.name === name)

/** The numbers of a column of a block; undefined where there is none of that name, or it holds lists. */
export const numbersOf = (block: Block, name: string): Float64Array | Uint8Array | undefined => {
  const data = block.data[columnIndex(block.columns, name)]
  return data === undefined || 'offsets' in data ? undefined : data
}

/** How many numbers a row has in a column that is no list. */
export const entriesOf = (column: Column): number => column.shape.reduce((product, n) => product * n, 1)

/**
 * The pieces of all blocks of a source, one variant each, in order of rows.
 * @throws {DataError} for rows that are not those of the manifest, or not in order.
 */
export async function* piecesOf({ manifest, blocks }: StudySource): AsyncGenerator<Piece, void, undefined> {
  const each = variantRows(manifest)
  let next = 0
  for await (const block of blocks) {
    const index = numbersOf(block, 'index')
    const first = index === undefined ? next : (index[0] ?? next)
    const last = index === undefined ? first + block.rows - 1 : (index[block.rows - 1] ?? first - 1)
    if (first < next || last >= manifest.rows || last !== first + block.rows - 1) {
      throw new DataError('the rows of the study are not those of its manifest', {
        expected: `consecutive rows from ${String(next)} to below ${String(manifest.rows)}`,
        received: `rows ${String(first)} to ${String(last)} in a block of ${String(block.rows)}`,
        remedy:
          'Run `onestep run` on this directory again: it checks the chunks and computes what is damaged',
      })
    }
    next = last + 1
    for (let row = first; row < next;) {
      const variant = Math.floor(row / each)
      const end = Math.min((variant + 1) * each, next)
      yield { block, variant, from: row - first, to: end - first, position: row - variant * each }
      row = end
    }
  }
}
