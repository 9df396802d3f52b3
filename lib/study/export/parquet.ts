// Rows as Parquet, one row group at a time. Numbers are DOUBLE with plain encoding, which keeps NaN and −0 apart from their like;
// integers are INT64, null where a row has none; codes are text; lists are LISTs; arrays are spread, as in CSV.
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import type { ColumnSource, SchemaElement } from 'hyparquet-writer'
import type { Block, Column } from '../store/block.js'
import { columnSize } from '../store/chunkLayout.js'
import { flatColumns } from './selection.js'
import type { FlatColumn } from './selection.js'

/** Numbers of a row group: each column has its row group in memory once more while it is encoded. */
const groupNumbers = 1 << 19
const mostGroupRows = 100_000

const schemaOf = ({ name, kind }: FlatColumn): SchemaElement[] => {
  if (kind === 'number') return [{ name, type: 'DOUBLE', repetition_type: 'REQUIRED' }]
  if (kind === 'integer') return [{ name, type: 'INT64', repetition_type: 'OPTIONAL' }]
  if (kind === 'code') {
    return [{ name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' }]
  }
  return [
    { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', type: 'DOUBLE', repetition_type: 'REQUIRED' },
  ]
}

/** Values of a flat column, collected up to a row group. */
type Collected =
  | { readonly kind: 'number'; readonly values: Float64Array }
  | { readonly kind: 'integer'; readonly values: (bigint | null)[] }
  | { readonly kind: 'code'; readonly values: string[] }
  | { readonly kind: 'list'; readonly values: number[][] }

/** Writes blocks, which all have these columns, as the bytes of a Parquet file. */
export class ParquetRows {
  private readonly columns: readonly Column[]
  private readonly flat: readonly FlatColumn[]
  private readonly writer = new ByteWriter()
  private readonly parquet: ParquetWriter
  private readonly groupRows: number
  private collected: readonly Collected[]
  private rows = 0
  private listed = 0

  constructor(columns: readonly Column[], metadata: Readonly<Record<string, string>>) {
    this.columns = columns
    this.flat = flatColumns(columns)
    const root: SchemaElement = {
      name: 'root',
      num_children: this.flat.length,
    }
    this.parquet = new ParquetWriter({
      writer: this.writer,
      schema: [root, ...this.flat.flatMap(schemaOf)],
      kvMetadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
      createdBy: 'onestep',
    })
    this.groupRows = Math.max(1000, Math.min(mostGroupRows, Math.floor(groupNumbers / this.flat.length)))
    this.collected = this.empty()
  }

  /** Takes the rows of a block; the bytes of the row groups that are full. */
  *add(block: Block): Generator<Uint8Array, void, undefined> {
    for (let row = 0; row < block.rows;) {
      const upTo = Math.min(block.rows, row + this.groupRows - this.rows)
      this.collect(block, row, upTo)
      this.rows += upTo - row
      row = upTo
      // Long lists make a group large before it is full; how it is cut follows from the rows alone.
      if (this.rows === this.groupRows || this.listed >= groupNumbers) yield this.writeGroup()
    }
  }

  /** The bytes of what is left, and of the footer. */
  *finish(): Generator<Uint8Array, void, undefined> {
    if (this.rows > 0) yield this.writeGroup()
    void this.parquet.finish()
    yield this.taken()
  }

  private empty(): Collected[] {
    return this.flat.map(({ kind }): Collected =>
      kind === 'number' ? { kind, values: new Float64Array(this.groupRows) } : { kind, values: [] },
    )
  }

  private collect(block: Block, from: number, to: number): void {
    this.flat.forEach(({ column, entry, names = [] }, j) => {
      const data = block.data[column]
      const size = columnSize(this.columns[column] as Column)
      const into = this.collected[j] as Collected
      if (data === undefined) return
      if ('offsets' in data) {
        if (into.kind !== 'list') return
        for (let row = from; row < to; row++) {
          const list = Array.from(data.values.subarray(data.offsets[row], data.offsets[row + 1]))
          this.listed += list.length
          into.values.push(list)
        }
      } else if (into.kind === 'number') {
        for (let row = from; row < to; row++) {
          into.values[this.rows + row - from] = data[row * size + entry] as number
        }
      } else if (into.kind === 'integer') {
        for (let row = from; row < to; row++) {
          const x = data[row * size + entry] as number
          into.values.push(Number.isInteger(x) ? BigInt(x) : null)
        }
      } else if (into.kind === 'code') {
        for (let row = from; row < to; row++)
          into.values.push(names[data[row * size + entry] as number] ?? '')
      }
    })
  }

  private writeGroup(): Uint8Array {
    const columnData = this.flat.map(({ name, kind }, j): ColumnSource => {
      const { values } = this.collected[j] as Collected
      const data = values instanceof Float64Array ? values.subarray(0, this.rows) : values
      // A dictionary would take 0 and −0 for one.
      return kind === 'number' || kind === 'list' ? { name, data, encoding: 'PLAIN' } : { name, data }
    })
    void this.parquet.write({ columnData, rowGroupSize: this.rows })
    this.collected = this.empty()
    this.rows = 0
    this.listed = 0
    return this.taken()
  }

  /** What was written since the last time; the writer goes on at the beginning of its buffer. */
  private taken(): Uint8Array {
    const bytes = this.writer.getBytes().slice()
    this.writer.index = 0
    return bytes
  }
}
