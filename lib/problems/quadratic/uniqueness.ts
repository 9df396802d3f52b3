// Whether the solution of a quadratic program is a differentiable function of its vectors: strict complementarity, and a
// regular matrix of the equations that hold at the solution,
//   K = [ Q Aᵀ ; A 0 ],  A the gradients of the active sides.
// K is regular if the rows of A are independent (the multipliers are unique) and Q is positive definite where Ad = 0
// (x is unique, by second-order terms); see Nocedal and Wright 2006, lemma 16.1.

/** Relative to the largest pivot: smaller ones count as 0. */
const tolerance = 1e-10

/** The rank of a matrix given by its rows, by elimination with complete pivoting; the rows are used up. */
export const rankOf = (rows: Float64Array[]): number => {
  const columns = rows[0]?.length ?? 0
  const order = Int32Array.from({ length: columns }, (_, j) => j)
  let first = 0
  for (let k = 0; k < Math.min(rows.length, columns); k++) {
    let [best, row, column] = [0, k, k]
    for (let i = k; i < rows.length; i++) {
      const entries = rows[i] as Float64Array
      for (let j = k; j < columns; j++) {
        const size = Math.abs(entries[order[j] as number] as number)
        if (size > best) [best, row, column] = [size, i, j]
      }
    }
    if (k === 0) first = best
    if (!(best > tolerance * first)) return k
    ;[rows[k], rows[row]] = [rows[row] as Float64Array, rows[k] as Float64Array]
    ;[order[k], order[column]] = [order[column] as number, order[k] as number]
    const pivot = rows[k] as Float64Array
    const at = order[k] as number
    for (let i = k + 1; i < rows.length; i++) {
      const entries = rows[i] as Float64Array
      const factor = (entries[at] as number) / (pivot[at] as number)
      if (factor === 0) continue
      for (let j = k; j < columns; j++) {
        const l = order[j] as number
        entries[l] = (entries[l] as number) - factor * (pivot[l] as number)
      }
    }
  }
  return Math.min(rows.length, columns)
}

/** What may fail. */
export interface Uniqueness {
  /** The gradients of the active sides are independent. */
  readonly multipliers: boolean
  /** No direction keeps the active sides and the gradient of the objective. */
  readonly x: boolean
}

/**
 * @param Q symmetric, its rows, [n, n]
 * @param active the gradients of the active sides, each [n]
 */
export const uniquenessOf = (Q: readonly Float64Array[], active: readonly Float64Array[]): Uniqueness => {
  const [n, count] = [Q.length, active.length]
  const rank = rankOf(active.map((row) => row.slice()))
  const matrix = Array.from({ length: n + count }, () => new Float64Array(n + count))
  Q.forEach((row, i) => {
    ;(matrix[i] as Float64Array).set(row)
  })
  active.forEach((row, k) => {
    ;(matrix[n + k] as Float64Array).set(row)
    row.forEach((v, j) => {
      ;(matrix[j] as Float64Array)[n + k] = v
    })
  })
  // Kd = 0 splits: Qd = 0 and Ad = 0 for the part of x, Aᵀw = 0 for that of the multipliers.
  const nullity = n + count - rankOf(matrix)
  return { multipliers: rank === count, x: nullity === count - rank }
}
