// What a page says of a study, gathered in one pass over its rows in memory that does not grow with them: counts, quantiles, the best
// rows, a sample of the others, and for curves the histories and gradients of a few.
import type { Block, Column } from '../store/block.js'
import { variantRows, type Manifest, type Variant } from '../store/manifest.js'
import { convergedIn, Smallest, type KeptRow } from './best.js'
import { fieldsOf, gradientOf, isGradient, isParameter, rowValues, type Field } from './fields.js'
import { QuantileSketch } from './quantileSketch.js'
import { positionsIn, sampledPositions } from './sampling.js'
import { columnIndex, entriesOf, numbersOf, piecesOf, type Piece, type StudySource } from './source.js'

/** Shares whose quantiles are told. */
export const SHARES = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1] as const

/** What a column of numbers is like in one variant. */
export interface Spread {
  /** Of finite numbers, and of the others. */
  readonly count: number
  readonly skipped: number
  /** One for each of SHARES. */
  readonly quantiles: readonly number[]
}

/** The lists of one row: value and norm against the step. */
export interface History {
  readonly index: number
  /** By the name of the column. */
  readonly lists: Readonly<Record<string, Float64Array>>
}

export interface VariantSummary {
  readonly variant: Variant
  /** Rows that are there. */
  readonly rows: number
  readonly statuses: Readonly<Record<string, number>>
  readonly gradientStatuses: Readonly<Record<string, number>>
  /** By field: scalars that are no parameter and no gradient. */
  readonly spreads: Readonly<Record<string, Spread>>
  /** The smallest value of a row that converged. */
  readonly best?: KeptRow
  /** Gradients of converged rows at some positions, the same in all variants. */
  readonly gradients: ReadonlyMap<number, Float64Array>
  readonly histories: readonly History[]
}

export interface StudySummary {
  readonly manifest: Manifest
  readonly environment?: unknown
  readonly fields: readonly Field[]
  /** Columns that are not shown, or not in full. */
  readonly shortened: readonly string[]
  /** Rows that are there, of manifest.rows. */
  readonly rows: number
  readonly variants: readonly VariantSummary[]
  /** In order of rows: a sample of each variant, failed rows and the best ones among them. */
  readonly sample: readonly KeptRow[]
  /** The smallest values of all. */
  readonly best: readonly KeptRow[]
}

/** At most so many rows are kept. */
const limits = { rowsOfVariant: 5000, rows: 20_000, failed: 1000, histories: 128, numbers: 1e5, best: 10 }

const share = (all: number, variants: number, least: number): number =>
  Math.max(least, Math.floor(all / Math.max(variants, 1)))

/** Lists of more numbers than this are thinned. */
const LONGEST_LIST = 2000

/** The names of columns of histories. */
export const historyColumns = (columns: readonly Column[]): readonly string[] =>
  columns.filter(({ kind, name }) => kind === 'list' && name.startsWith('history.')).map(({ name }) => name)

const listOf = (block: Block, name: string, row: number): Float64Array => {
  const data = block.data[columnIndex(block.columns, name)]
  if (data === undefined || !('offsets' in data)) return new Float64Array()
  const { offsets, values } = data
  return values.slice(offsets[row] ?? 0, Math.min(offsets[row + 1] ?? 0, (offsets[row] ?? 0) + LONGEST_LIST))
}

/** Counts codes of rows from … to − 1. */
const countCodes = (counts: number[], { block, from, to }: Piece, name: string): void => {
  const codes = numbersOf(block, name)
  if (codes === undefined) return
  for (let row = from; row < to; row++) counts[codes[row] ?? 0] = (counts[codes[row] ?? 0] ?? 0) + 1
}

/** Gathers the rows of one variant. */
class VariantPass {
  readonly #manifest: Manifest
  readonly #fields: readonly Field[]
  readonly #number: number
  readonly #picks: {
    readonly rows: Float64Array
    readonly histories: Float64Array
    readonly gradients: Float64Array
  }
  readonly #mostFailed: number
  readonly #measured: readonly string[]
  readonly #sketches = new Map<string, QuantileSketch>()
  readonly #statuses: number[] = []
  readonly #gradientStatuses: number[] = []
  readonly #kept = new Map<number, KeptRow>()
  readonly #best = new Smallest<KeptRow>(limits.best)
  readonly #gradients = new Map<number, Float64Array>()
  readonly #histories: History[] = []
  #rows = 0
  #failed = 0

  constructor(manifest: Manifest, fields: readonly Field[], number: number) {
    this.#manifest = manifest
    this.#fields = fields
    this.#number = number
    const { columns, variants } = manifest
    const all = variantRows(manifest)
    const size = columns.filter(isGradient).reduce((sum, column) => sum + entriesOf(column), 0)
    const of = (name: string, most: number): Float64Array => sampledPositions(all, most, name)
    this.#picks = {
      rows: of('rows', Math.min(limits.rowsOfVariant, share(limits.rows, variants.length, 20))),
      histories: of('histories', historyColumns(columns).length === 0 ? 0 : limits.histories),
      gradients: of('gradients', size === 0 ? 0 : Math.min(1000, share(limits.numbers, size, 1))),
    }
    this.#mostFailed = share(limits.failed, variants.length, 5)
    this.#measured = measuredFields(fields)
    for (const name of this.#measured) this.#sketches.set(name, new QuantileSketch())
  }

  add(piece: Piece): void {
    const { block, from, to, position } = piece
    this.#rows += to - from
    countCodes(this.#statuses, piece, 'status')
    countCodes(this.#gradientStatuses, piece, 'gradientStatus')
    for (const [name, sketch] of this.#sketches) {
      const numbers = numbersOf(block, name)
      for (let row = from; row < to; row++) sketch.add(numbers?.[row] ?? NaN)
    }
    const value = numbersOf(block, 'value')
    const hasConverged = convergedIn(block)
    for (let row = from; row < to; row++) {
      if (!hasConverged(row)) {
        if (this.#failed++ < this.#mostFailed) this.#keep(piece, row)
      } else if (value !== undefined) {
        this.#best.offer(value[row] ?? NaN, () => this.#rowAt(piece, row))
      }
    }
    const rowsOf = (positions: Float64Array): Float64Array =>
      positionsIn(positions, position, position + to - from).map((p) => p - position + from)
    for (const row of rowsOf(this.#picks.rows)) this.#keep(piece, row)
    for (const row of rowsOf(this.#picks.gradients)) {
      const isWorth = hasConverged(row) && (numbersOf(block, 'gradientStatus')?.[row] ?? 0) === 0
      if (isWorth) this.#gradients.set(position + row - from, gradientOf(block, row))
    }
    for (const row of rowsOf(this.#picks.histories)) {
      const names = historyColumns(block.columns)
      const lists = Object.fromEntries(names.map((name) => [name, listOf(block, name, row)]))
      this.#histories.push({ index: this.#indexOf(piece, row), lists })
    }
  }

  /** What was gathered, and the rows that were kept; nothing may be added afterwards. */
  end(): {
    readonly summary: VariantSummary
    readonly kept: readonly KeptRow[]
    readonly best: readonly KeptRow[]
  } {
    const { columns, variants } = this.#manifest
    const best = this.#best.items
    for (const row of best) this.#kept.set(row.index, row)
    const byName = (name: string, counts: readonly number[]): Record<string, number> => {
      const { names = [] } = columns[columnIndex(columns, name)] ?? {}
      return Object.fromEntries(counts.flatMap((n, code) => [[names[code] ?? `code ${String(code)}`, n]]))
    }
    const spreads = [...this.#sketches].map(([name, sketch]): [string, Spread] => {
      const { count, skipped } = sketch
      return [name, { count, skipped, quantiles: SHARES.map((p) => sketch.quantile(p)) }]
    })
    const [first] = best
    return {
      summary: {
        variant: variants[this.#number] as Variant,
        rows: this.#rows,
        statuses: byName('status', this.#statuses),
        gradientStatuses: byName('gradientStatus', this.#gradientStatuses),
        spreads: Object.fromEntries(spreads),
        ...(first === undefined ? {} : { best: first }),
        gradients: this.#gradients,
        histories: this.#histories,
      },
      kept: [...this.#kept.values()].sort((a, b) => a.index - b.index),
      best,
    }
  }

  #indexOf({ from, position }: Piece, row: number): number {
    return this.#number * variantRows(this.#manifest) + position + row - from
  }

  #rowAt(piece: Piece, row: number): KeptRow {
    const values = rowValues(this.#fields, piece.block, row)
    return { index: this.#indexOf(piece, row), variant: this.#number, values }
  }

  #keep(piece: Piece, row: number): void {
    const kept = this.#rowAt(piece, row)
    this.#kept.set(kept.index, kept)
  }
}

/** What says which row it is, and of a bench what was measured. */
const identity = ['repeat', 'run', 'size', 'threads']

/** Scalars that are measured, not chosen: no parameters, gradients and codes. */
export const measuredFields = (fields: readonly Field[]): readonly string[] =>
  fields
    .filter((field) => field.kind !== 'code' && field.column >= 0 && !field.name.endsWith(']'))
    .filter((field) => !isParameter(field) && !isGradient(field) && !identity.includes(field.name))
    .map(({ name }) => name)

/**
 * The summary of a study, by one pass over its rows; the same for the same rows, however they are cut into blocks.
 * @throws {DataError} for rows that are not those of the manifest.
 */
export const studySummary = async (source: StudySource): Promise<StudySummary> => {
  const { manifest, environment } = source
  const { fields, shortened } = fieldsOf(manifest.columns)
  const variants: VariantSummary[] = []
  const sample: KeptRow[] = []
  const valueField = fields.findIndex(({ name }) => name === 'value')
  const best = new Smallest<KeptRow>(limits.best)
  let pass = new VariantPass(manifest, fields, 0)
  // Rows come variant by variant, so that one of them is open at a time.
  const next = (): void => {
    const { summary, kept, best: own } = pass.end()
    variants.push(summary)
    for (const row of kept) sample.push(row)
    for (const row of own) best.offer(row.values[valueField] ?? NaN, () => row)
    pass = new VariantPass(manifest, fields, variants.length)
  }
  for await (const piece of piecesOf(source)) {
    while (variants.length < piece.variant) next()
    pass.add(piece)
  }
  while (variants.length < manifest.variants.length) next()
  return {
    manifest,
    ...(environment === undefined ? {} : { environment }),
    fields,
    shortened,
    rows: variants.reduce((sum, { rows }) => sum + rows, 0),
    variants,
    sample,
    best: best.items,
  }
}
