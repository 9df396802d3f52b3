// Rows of a study in memory, column by column. Truth on disk is chunk files of such blocks.

export type ColumnKind = 'number' | 'integer' | 'code' | 'list'

/** A column of a study. */
export interface Column {
  /** 'index', 'theta.lambda', 'value', 'gradient.lambda', 'status', 'certificate.estimate', 'metric.accuracy', 'history.value', … */
  readonly name: string
  /** number: float64; integer: float64 that holds integers; code: Uint8 with names; list: float64 of any length a row. */
  readonly kind: ColumnKind
  /** Of one row; [] but for arrays. A list has []. */
  readonly shape: readonly number[]
  /** What the codes of a column of codes mean. */
  readonly names?: readonly string[]
}

/** rows × size numbers, row after row; codes; or lists: those of row i are values[offsets[i]] … values[offsets[i + 1] − 1]. */
export type ColumnData =
  Float64Array | Uint8Array | { readonly offsets: Float64Array; readonly values: Float64Array }

/** Consecutive rows; `data` has one entry for each column. */
export interface Block {
  readonly rows: number
  readonly columns: readonly Column[]
  readonly data: readonly ColumnData[]
}
