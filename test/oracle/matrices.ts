// Small dense matrices in plain numbers, by the textbook: the oracle of formulas such as Σ Aʲ B and (I − A)⁻¹ B.
import { NDArray } from '../../lib/base/ndarray.js'

/** Rows. */
export type Matrix = readonly (readonly number[])[]

const entry = (a: Matrix, i: number, j: number): number => (a[i] as readonly number[])[j] as number

export const columnsOf = (a: Matrix): number => a[0]?.length ?? 0

export const build = (rows: number, columns: number, at: (i: number, j: number) => number): Matrix =>
  Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (__, j) => at(i, j)))

export const fromArray = (x: NDArray): Matrix => {
  const columns = x.rank < 2 ? 1 : (x.shape[1] as number)
  return build(x.shape[0] ?? 1, columns, (i, j) => x.data[i * columns + j] as number)
}

/** Columns of one length as a matrix. */
export const fromColumns = (columns: readonly ArrayLike<number>[]): Matrix =>
  build(columns[0]?.length ?? 0, columns.length, (i, j) => columns[j]?.[i] as number)

export const toArray = (a: Matrix): NDArray =>
  new NDArray([a.length, columnsOf(a)], Float64Array.from(a.flat()))

export const identity = (n: number): Matrix => build(n, n, (i, j) => (i === j ? 1 : 0))

export const transposed = (a: Matrix): Matrix => build(columnsOf(a), a.length, (i, j) => entry(a, j, i))

export const plus = (a: Matrix, b: Matrix): Matrix =>
  build(a.length, columnsOf(a), (i, j) => entry(a, i, j) + entry(b, i, j))

export const scaled = (s: number, a: Matrix): Matrix => a.map((row) => row.map((x) => s * x))

export const minus = (a: Matrix, b: Matrix): Matrix => plus(a, scaled(-1, b))

export const times = (a: Matrix, b: Matrix): Matrix =>
  build(a.length, columnsOf(b), (i, j) => b.reduce((sum, _, k) => sum + entry(a, i, k) * entry(b, k, j), 0))

/** X with A X = B, by elimination with partial pivoting. */
export const solved = (a: Matrix, b: Matrix): Matrix => {
  const n = a.length
  const work = a.map((row, i) => [...row, ...(b[i] as readonly number[])])
  for (let k = 0; k < n; k++) {
    const best = work.reduce(
      (p, _, i) => (i >= k && Math.abs(entry(work, i, k)) > Math.abs(entry(work, p, k)) ? i : p),
      k,
    )
    ;[work[k], work[best]] = [work[best] as number[], work[k] as number[]]
    const pivot = work[k] as number[]
    for (let i = 0; i < n; i++) {
      if (i === k) continue
      const factor = entry(work, i, k) / entry(work, k, k)
      work[i] = (work[i] as number[]).map((x, j) => x - factor * (pivot[j] as number))
    }
  }
  return work.map((row, i) => row.slice(n).map((x) => x / entry(work, i, i)))
}

/** Σ₍j<K₎ Aʲ B */
export const neumannSum = (a: Matrix, b: Matrix, terms: number): Matrix => {
  let [sum, term] = [b, b]
  for (let j = 1; j < terms; j++) {
    term = times(a, term)
    sum = plus(sum, term)
  }
  return sum
}

/** √Σ aᵢⱼ² */
export const frobenius = (a: Matrix): number => Math.hypot(...a.flat())

/** ‖A‖₂, by power iteration on AᵀA. */
export const norm2 = (a: Matrix): number => {
  let x = build(columnsOf(a), 1, (i) => 1 + i / 7)
  let size = 0
  for (let k = 0; k < 500; k++) {
    const next = times(transposed(a), times(a, x))
    size = frobenius(next)
    if (size === 0) return 0
    x = scaled(1 / size, next)
  }
  return Math.sqrt(size)
}
