// Sparse matrices by columns. Imports nothing.

/** Column j has its entries at [indptr[j], indptr[j + 1]), each row once. */
export interface SparseColumns {
  readonly rows: number
  readonly columns: number
  /** Shape [columns + 1]. */
  readonly indptr: Int32Array
  /** The row of each entry, from 0. */
  readonly indices: Int32Array
  readonly values: Float64Array
}

/** Calls f(row, column, value) for every entry. */
export const eachEntry = (
  { columns, indptr, indices, values }: SparseColumns,
  f: (i: number, j: number, value: number) => void,
): void => {
  for (let j = 0; j < columns; j++) {
    const end = indptr[j + 1] as number
    for (let k = indptr[j] as number; k < end; k++) f(indices[k] as number, j, values[k] as number)
  }
}
