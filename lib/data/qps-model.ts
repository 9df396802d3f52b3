// The quadratic program that the lines of a QPS text describe, statement by statement, with what a statement may say.
import type { DataError } from '../base/errors.js'
import { didYouMean, quoteName, type Source } from './source.js'
import type { SparseColumns } from './sparseColumns.js'

/** A quadratic program of n variables and m rows; ±Infinity stands for no bound. */
export interface QpsData {
  readonly name: string
  readonly sense: 'min' | 'max'
  readonly objectiveName: string
  /** Shape [m], unique. Rows of type N behind the objective are left out. */
  readonly rowNames: readonly string[]
  /** Shape [n], unique. */
  readonly columnNames: readonly string[]
  /** [m, n] */
  readonly C: SparseColumns
  /** The lower triangle of the symmetric matrix [n, n] of the objective ½ xᵀQx + cᵀx + constant. */
  readonly Q: SparseColumns
  /** [n] */
  readonly c: Float64Array
  readonly constant: number
  /** [m] */
  readonly rowLower: Float64Array
  /** [m] */
  readonly rowUpper: Float64Array
  /** [n] */
  readonly lower: Float64Array
  /** [n] */
  readonly upper: Float64Array
}

export const rowTypes = ['N', 'L', 'G', 'E'] as const
export type RowType = (typeof rowTypes)[number]

/** A variable's bound of either kind, as a statement sets it. */
export type Bounds = { readonly lower?: number; readonly upper?: number }

interface Entry {
  readonly value: number
  readonly line: number
}

/** The matrix whose entry (i, j) stands at key j · rows + i. */
const fromEntries = (rows: number, columns: number, entries: ReadonlyMap<number, Entry>): SparseColumns => {
  const keys = Float64Array.from(entries.keys()).sort()
  const indptr = new Int32Array(columns + 1)
  for (const key of keys) (indptr[Math.floor(key / rows) + 1] as number)++
  for (let j = 0; j < columns; j++) indptr[j + 1] = (indptr[j + 1] ?? 0) + (indptr[j] ?? 0)
  return {
    rows,
    columns,
    indptr,
    indices: Int32Array.from(keys, (key) => key % rows),
    values: Float64Array.from(keys, (key) => entries.get(key)?.value ?? NaN),
  }
}

export class QpsModel {
  name = ''
  sense: 'min' | 'max' = 'min'
  private readonly source: Source
  private readonly infinity: number
  /** Rows of every type in the order of the text; the objective is the first of type N. */
  private readonly rows = new Map<string, number>()
  private readonly types: RowType[] = []
  /** The place of each row among those that are kept, or −1. */
  private readonly places: number[] = []
  private readonly rowNames: string[] = []
  private objective = -1
  private readonly columns = new Map<string, number>()
  private column = -1
  private readonly c: number[] = []
  private readonly indptr: number[] = []
  private readonly indices: number[] = []
  private readonly values: number[] = []
  /** The last column in which each row had an entry. */
  private readonly lastColumn: number[] = []
  private readonly rhs = new Map<number, number>()
  private readonly ranges = new Map<number, number>()
  private readonly lower = new Map<number, number>()
  private readonly upper = new Map<number, number>()
  private readonly quadratic = new Map<number, Entry>()
  private full = false

  /** @param infinity the size from which on a bound is none */
  constructor(source: Source, infinity: number) {
    this.source = source
    this.infinity = infinity
  }

  addRow(type: RowType, name: string): void {
    if (this.rows.has(name)) throw this.twice(`row ${quoteName(name)}`, 'Rename one of the two')
    const index = this.types.length
    this.rows.set(name, index)
    this.types.push(type)
    this.lastColumn.push(-1)
    this.places.push(type === 'N' ? -1 : this.rowNames.length)
    if (type !== 'N') this.rowNames.push(name)
    else if (this.objective < 0) this.objective = index
  }

  /** Whether there is a row of that name, and it is the objective. */
  isObjective(name: string): boolean {
    return this.rows.get(name) === this.objective
  }

  /** The index of a row. */
  row(name: string): number {
    return this.rows.get(name) ?? this.unknown('row', name, this.rows)
  }

  hasColumn(name: string): boolean {
    return this.columns.has(name)
  }

  /** The index of a column. */
  columnOf(name: string): number {
    return this.columns.get(name) ?? this.unknown('column', name, this.columns)
  }

  /** The column that entries follow for: the last one again, or a new one. */
  startColumn(name: string): void {
    const known = this.columns.get(name)
    if (known !== undefined && known === this.column) return
    if (known !== undefined) {
      throw this.twice(`column ${quoteName(name)}`, 'Put all of its lines together, or rename one of the two')
    }
    this.column = this.columns.size
    this.columns.set(name, this.column)
    this.c.push(0)
    this.indptr.push(this.indices.length)
  }

  addEntry(row: number, value: number): void {
    if (this.lastColumn[row] === this.column) {
      throw this.twice(`the entry of ${this.columnName(this.column)} in ${this.rowName(row)}`)
    }
    this.lastColumn[row] = this.column
    const place = this.places[row] ?? -1
    if (row === this.objective) this.c[this.column] = value
    if (place < 0) return
    this.indices.push(place)
    this.values.push(value)
  }

  setRightHandSide(row: number, value: number): void {
    if (this.rhs.has(row)) throw this.twice(`the right-hand side of ${this.rowName(row)}`)
    const type = this.types[row]
    const refused = { N: Math.abs(value), E: Math.abs(value), L: -value, G: value }[type ?? 'N']
    if (refused >= this.infinity) {
      throw this.source.error(`the right-hand side of ${this.rowName(row)} is infinite`, {
        expected: `a number below ${String(this.infinity)} in a row of type ${type ?? ''}`,
        received: String(value),
        remedy: 'Correct the number, or remove the row',
      })
    }
    this.rhs.set(row, value)
  }

  setRange(row: number, value: number): void {
    if (this.ranges.has(row)) throw this.twice(`the range of ${this.rowName(row)}`)
    if (this.types[row] === 'N') {
      throw this.source.error(`${this.rowName(row)} has a range, but no bounds`, {
        expected: 'a row of type L, G or E',
        received: 'type N',
        remedy: 'Remove the range',
      })
    }
    this.ranges.set(row, value)
  }

  setBounds(column: number, { lower, upper }: Bounds): void {
    const set = (which: 'lower' | 'upper', value: number | undefined): void => {
      if (value === undefined) return
      const known = this[which]
      if (known.has(column)) throw this.twice(`the ${which} bound of ${this.columnName(column)}`)
      known.set(column, this.orInfinite(value))
    }
    set('lower', lower)
    set('upper', upper)
    const [low, high] = [this.lower.get(column) ?? -Infinity, this.upper.get(column) ?? Infinity]
    if (low <= high && low < Infinity && high > -Infinity) return
    throw this.source.error(`the bounds of ${this.columnName(column)} admit no value`, {
      expected: 'lower ≤ upper',
      received: `${String(low)} and ${String(high)}`,
      remedy: 'Correct the bounds',
    })
  }

  /** @param full whether both triangles are given (QMATRIX), so that the mirror image is another entry */
  addQuadratic(i: number, j: number, value: number, full: boolean): void {
    this.full = full
    const [row, column] = full ? [i, j] : [Math.max(i, j), Math.min(i, j)]
    const key = column * this.columns.size + row
    if (this.quadratic.has(key)) {
      throw this.twice(
        `the quadratic entry of ${this.columnName(i)} and ${this.columnName(j)}`,
        'Give one triangle only, or both in a section QMATRIX',
      )
    }
    this.quadratic.set(key, { value, line: this.source.line })
  }

  /** The whole program; called when the text has ended. */
  result(): QpsData {
    const { objective } = this
    if (objective < 0) {
      throw this.source.error('there is no objective', {
        expected: 'a row of type N',
        remedy: 'Declare one in the section ROWS; it may be empty',
      })
    }
    const n = this.columns.size
    if (n === 0)
      throw this.source.error('there are no variables', { remedy: 'List them in the section COLUMNS' })
    const [rowLower, rowUpper] = this.rowBounds()
    const [lower, upper] = [new Float64Array(n), new Float64Array(n).fill(Infinity)]
    for (const [j, value] of this.upper) {
      upper[j] = value
      if (value < 0) lower[j] = -Infinity
    }
    for (const [j, value] of this.lower) lower[j] = value
    return {
      name: this.name,
      sense: this.sense,
      objectiveName: [...this.rows.keys()][objective] ?? '',
      rowNames: this.rowNames,
      columnNames: [...this.columns.keys()],
      C: {
        rows: this.rowNames.length,
        columns: n,
        indptr: Int32Array.from([...this.indptr, this.indices.length]),
        indices: Int32Array.from(this.indices),
        values: Float64Array.from(this.values),
      },
      Q: fromEntries(n, n, this.lowerTriangle(n)),
      c: Float64Array.from(this.c),
      constant: 0 - (this.rhs.get(objective) ?? 0),
      rowLower,
      rowUpper,
      lower,
      upper,
    }
  }

  /** L: [b − |R|, b], G: [b, b + |R|], E: [b, b + R] or [b + R, b], by the sign of R. */
  private rowBounds(): readonly [Float64Array, Float64Array] {
    const m = this.rowNames.length
    const [low, high] = [new Float64Array(m), new Float64Array(m)]
    this.types.forEach((type, row) => {
      const place = this.places[row] ?? -1
      if (place < 0) return
      const b = this.rhs.get(row) ?? 0
      const range = this.ranges.get(row)
      const width = range === undefined ? Infinity : Math.abs(range)
      const below = type === 'L' ? width : type === 'E' && range !== undefined && range < 0 ? width : 0
      const above = type === 'G' ? width : type === 'E' && range !== undefined && range > 0 ? width : 0
      low[place] = this.orInfinite(b - this.orInfinite(below))
      high[place] = this.orInfinite(b + this.orInfinite(above))
      if (low[place] < Infinity && high[place] > -Infinity) return
      throw this.source.error(`${this.rowName(row)} admits no value`, {
        expected: 'finite numbers where a right-hand side has a range',
        received: `${String(b)} and ${String(range)}`,
        remedy: 'Correct the right-hand side or the range',
      })
    })
    return [low, high]
  }

  private lowerTriangle(n: number): ReadonlyMap<number, Entry> {
    if (!this.full) return this.quadratic
    const lower = new Map<number, Entry>()
    for (const [key, entry] of this.quadratic) {
      const [i, j] = [key % n, Math.floor(key / n)]
      const mirror = this.quadratic.get(i * n + j)?.value ?? 0
      if (entry.value !== mirror) {
        this.source.line = entry.line
        throw this.source.error('the matrix of section QMATRIX is not symmetric', {
          expected: `${String(entry.value)} for ${this.columnName(j)} and ${this.columnName(i)}`,
          received: String(mirror),
          remedy: 'Give both triangles, or one of them in a section QUADOBJ',
        })
      }
      if (i >= j) lower.set(key, entry)
    }
    return lower
  }

  private orInfinite(value: number): number {
    return Math.abs(value) >= this.infinity ? Math.sign(value) * Infinity : value
  }

  private rowName(row: number): string {
    return `row ${quoteName([...this.rows.keys()][row] ?? '')}`
  }

  private columnName(column: number): string {
    return `column ${quoteName([...this.columns.keys()][column] ?? '')}`
  }

  private twice(what: string, remedy = 'Remove one of the two'): DataError {
    return this.source.error(`${what} appears twice`, { expected: 'each once', remedy })
  }

  private unknown(kind: 'row' | 'column', name: string, known: ReadonlyMap<string, number>): never {
    throw this.source.error(`there is no ${kind} ${quoteName(name)}`, {
      expected: `a ${kind} of the section ${kind === 'row' ? 'ROWS' : 'COLUMNS'}`,
      remedy: didYouMean(name, [...known.keys()], `Correct the name, or declare the ${kind}`),
    })
  }
}
