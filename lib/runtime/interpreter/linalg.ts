// Linear algebra on one matrix at a time, by the textbook loops. A core works on matrices without leading axes.
import { NDArray, full, zeros } from '../../base/ndarray.js'
import type { Shape } from '../../base/shape.js'
import { overLeadingAxes } from './indexing.js'
import type { Core } from './indexing.js'
import type { Rule } from './walk.js'

/** Reads and writes of a matrix [rows, columns] by row and column. */
interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly get: (i: number, j: number) => number
}

const matrix = (x: NDArray, transposed = false): Matrix => {
  const [rows, columns] = x.shape as readonly [number, number]
  return transposed
    ? { rows: columns, columns: rows, get: (i, j) => x.data[j * columns + i] as number }
    : { rows, columns, get: (i, j) => x.data[i * columns + j] as number }
}

const range = (start: number, stop: number): number[] =>
  Array.from({ length: Math.max(0, stop - start) }, (_, i) => start + i)

/** Σ term(k) for start ≤ k < stop. */
const total = (start: number, stop: number, term: (k: number) => number): number => {
  let result = 0
  for (let k = start; k < stop; k++) result += term(k)
  return result
}

const fill = (shape: Shape, element: (i: number, j: number) => number): NDArray => {
  const [rows, columns] = shape as readonly [number, number]
  const result = zeros(shape)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) result.data[i * columns + j] = element(i, j)
  return result
}

interface MatmulAttributes {
  readonly transposeA: boolean
  readonly transposeB: boolean
}

const matmul: Core<MatmulAttributes> = ([x, y], { transposeA, transposeB }) => {
  const a = matrix(x as NDArray, transposeA)
  const b = matrix(y as NDArray, transposeB)
  return [fill([a.rows, b.columns], (i, j) => total(0, a.columns, (k) => a.get(i, k) * b.get(k, j)))]
}

// G = Aᵀ diag(w) A
const gram: Core<object> = ([x, w]) => {
  const a = matrix(x as NDArray)
  const weight = (k: number): number => (w as NDArray).data[k] as number
  return [
    fill([a.columns, a.columns], (i, j) => total(0, a.rows, (k) => a.get(k, i) * weight(k) * a.get(k, j))),
  ]
}

// Lⱼⱼ² = Aⱼⱼ − Σₖ Lⱼₖ²,  Lᵢⱼ = (Aᵢⱼ − Σₖ Lᵢₖ Lⱼₖ) / Lⱼⱼ for k < j < i, from the lower triangle of A.
const cholesky: Core<object> = ([x]) => {
  const a = matrix(x as NDArray)
  const n = a.rows
  const l = zeros([n, n])
  const L = matrix(l)
  for (const j of range(0, n)) {
    for (const i of range(j, n)) {
      const rest = a.get(i, j) - total(0, j, (k) => L.get(i, k) * L.get(j, k))
      if (!Number.isFinite(a.get(i, j)) || (i === j && !(rest > 0))) return [full([n, n], NaN)]
      l.data[i * n + j] = i === j ? Math.sqrt(rest) : rest / L.get(j, j)
    }
  }
  return [l]
}

/** PA = LU with the largest entry of the column, the first of equals, as pivot. */
const lu: Core<object> = ([x]) => {
  const n = (x as NDArray).shape[0] as number
  const rows = range(0, n).map((i) => [...(x as NDArray).data.subarray(i * n, (i + 1) * n)])
  const order = range(0, n)
  const failed = [full([n, n], NaN), new NDArray([n], Float64Array.from(order))]
  if (!(x as NDArray).data.every(Number.isFinite)) return failed
  const at = (i: number, j: number): number => (rows[i] as number[])[j] as number
  for (const k of range(0, n)) {
    const best = range(k, n).reduce((p, i) => (Math.abs(at(i, k)) > Math.abs(at(p, k)) ? i : p), k)
    for (const list of [rows, order] as unknown[][]) [list[k], list[best]] = [list[best], list[k]]
    if (at(k, k) === 0) return failed
    for (const i of range(k + 1, n)) {
      const factor = at(i, k) / at(k, k)
      for (const j of range(k + 1, n)) (rows[i] as number[])[j] = at(i, j) - factor * at(k, j)
      ;(rows[i] as number[])[k] = factor
    }
  }
  return [fill([n, n], at), new NDArray([n], Float64Array.from(order))]
}

/** X with T X = B by substitution, from the top when T is lower triangular, else from the bottom. */
const substitute = (t: Matrix, b: NDArray, lower: boolean, unit: boolean): NDArray => {
  const [n, columns] = b.shape as readonly [number, number]
  const x = zeros(b.shape)
  const X = matrix(x)
  for (const j of range(0, columns)) {
    for (const step of range(0, n)) {
      const i = lower ? step : n - 1 - step
      const known = lower ? range(0, i) : range(i + 1, n)
      const rest = known.reduce((r, k) => r - t.get(i, k) * X.get(k, j), b.data[i * columns + j] as number)
      x.data[i * columns + j] = unit ? rest : rest / t.get(i, i)
    }
  }
  return x
}

interface TriangularAttributes {
  readonly lower: boolean
  readonly transpose: boolean
  readonly unit: boolean
}

const triangularSolve: Core<TriangularAttributes> = ([t, b], { lower, transpose, unit }) => [
  substitute(matrix(t as NDArray, transpose), b as NDArray, lower !== transpose, unit),
]

// L Lᵀ X = B; the matrix itself is not read.
const choleskySolve: Core<object> = ([, l, b]) => {
  const y = substitute(matrix(l as NDArray), b as NDArray, true, false)
  return [substitute(matrix(l as NDArray, true), y, false, false)]
}

// Row i of PA is row p[i] of A.  A X = B: L U X = P B.  Aᵀ X = B: Uᵀ Lᵀ P X = B.
const luSolve: Core<{ readonly transpose: boolean }> = ([, packed, p, b], { transpose }) => {
  const row = (i: number): number => (p as NDArray).data[i] as number
  const B = matrix(b as NDArray)
  if (!transpose) {
    const factors = matrix(packed as NDArray)
    const moved = fill((b as NDArray).shape, (i, j) => B.get(row(i), j))
    return [substitute(factors, substitute(factors, moved, true, true), false, false)]
  }
  const t = matrix(packed as NDArray, true)
  const moved = matrix(substitute(t, substitute(t, b as NDArray, true, false), false, true))
  const place = range(0, B.rows).map(row)
  return [fill((b as NDArray).shape, (i, j) => moved.get(place.indexOf(i), j))]
}

export const linalgRules: Readonly<Record<string, Rule<NDArray>>> = {
  matmul: overLeadingAxes([2, 2], matmul),
  gram: overLeadingAxes([2, 1], gram),
  cholesky: overLeadingAxes([2], cholesky),
  lu: overLeadingAxes([2], lu),
  triangularSolve: overLeadingAxes([2, 2], triangularSolve),
  choleskySolve: overLeadingAxes([2, 2, 2], choleskySolve),
  luSolve: overLeadingAxes([2, 2, 1, 2], luSolve),
}
