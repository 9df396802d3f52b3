// The best rows of a study: the smallest finite numbers of one column among the rows that converged.
import { ArgumentError } from '../../base/errors.js'
import type { Block } from '../store/block.js'
import { variantRows } from '../store/manifest.js'
import { fieldsOf, GRADIENT_NORM, rowValues, type Field } from './fields.js'
import { columnIndex, numbersOf, piecesOf, type StudySource } from './source.js'

/** One row, kept. */
export interface KeptRow {
  /** Row number in the study. */
  readonly index: number
  readonly variant: number
  /** One number for each field; codes as they are. */
  readonly values: Float64Array
}

/** Which rows of a block converged; all of them where it has no statuses. */
export const convergedIn = (block: Block): ((row: number) => boolean) => {
  const codes = numbersOf(block, 'status')
  const code = block.columns[columnIndex(block.columns, 'status')]?.names?.indexOf('converged') ?? 0
  return codes === undefined ? () => true : (row) => codes[row] === code
}

/** The `most` smallest of the numbers that are offered, with what belongs to each; of equal ones the first stay. */
export class Smallest<T> {
  readonly #most: number
  readonly #kept: { readonly key: number; readonly item: T }[] = []

  constructor(most: number) {
    this.#most = most
  }

  /** `item` is made only where it is kept. */
  offer(key: number, item: () => T): void {
    const last = this.#kept[this.#most - 1]
    if (!Number.isFinite(key) || (last !== undefined && key >= last.key)) return
    const place = this.#kept.findIndex((other) => key < other.key)
    this.#kept.splice(place < 0 ? this.#kept.length : place, 0, { key, item: item() })
    if (this.#kept.length > this.#most) this.#kept.pop()
  }

  get items(): readonly T[] {
    return this.#kept.map(({ item }) => item)
  }
}

export interface BestOptions {
  /** Rows; default 10. */
  readonly count?: number
  /** A field; default 'value'. */
  readonly by?: string
  /** The largest ones: accuracies. Default false. */
  readonly largest?: boolean
}

export interface BestRows {
  readonly fields: readonly Field[]
  readonly rows: readonly KeptRow[]
}

/**
 * The best rows of all variants, best first.
 * @throws {ArgumentError} where the study has no such number.
 */
export const bestRows = async (source: StudySource, options: BestOptions = {}): Promise<BestRows> => {
  const { count = 10, by = 'value', largest = false } = options
  const { fields } = fieldsOf(source.manifest.columns)
  const field = fields.find(({ name, kind }) => name === by && kind !== 'code')
  if (field === undefined) {
    throw new ArgumentError(`the study has no number "${by}" in its rows`, {
      expected: `one of ${fields.flatMap(({ name, kind }) => (kind === 'code' ? [] : [name])).join(', ')}`,
      received: by,
    })
  }
  const best = new Smallest<KeptRow>(count)
  const only = [field]
  for await (const { block, variant, from, to, position } of piecesOf(source)) {
    const scalars = field.name === GRADIENT_NORM ? undefined : numbersOf(block, field.name)
    const hasConverged = convergedIn(block)
    for (let row = from; row < to; row++) {
      if (!hasConverged(row)) continue
      const value = scalars?.[row] ?? rowValues(only, block, row)[0] ?? NaN
      const index = variant * variantRows(source.manifest) + position + row - from
      best.offer(largest ? -value : value, () => ({ index, variant, values: rowValues(fields, block, row) }))
    }
  }
  return { fields, rows: best.items }
}
