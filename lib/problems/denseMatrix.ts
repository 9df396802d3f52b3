// Matrices in plain numbers, for oracles. Written on its own: it shares nothing with the native linear algebra that it is to check.
import { ArgumentError } from '../base/errors.js'
import type { NDArray } from '../base/ndarray.js'

/** More unknowns than this would take minutes. */
const mostUnknowns = 2000

/** A x: [n, c] for x: [p, c]. */
export const product = (A: NDArray, x: Float64Array, c: number): Float64Array => {
  const [n, p] = A.shape as readonly [number, number]
  const out = new Float64Array(n * c)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < p; j++) {
      const a = A.data[i * p + j] as number
      for (let k = 0; k < c; k++) out[i * c + k] = (out[i * c + k] as number) + a * (x[j * c + k] as number)
    }
  }
  return out
}

/** Aᵀ z: [p, c] for z: [n, c]. */
export const transposedProduct = (A: NDArray, z: Float64Array, c: number): Float64Array => {
  const [n, p] = A.shape as readonly [number, number]
  const out = new Float64Array(p * c)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < p; j++) {
      const a = A.data[i * p + j] as number
      for (let k = 0; k < c; k++) out[j * c + k] = (out[j * c + k] as number) + a * (z[i * c + k] as number)
    }
  }
  return out
}

export const dot = (x: Float64Array, y: Float64Array): number =>
  x.reduce((sum, v, i) => sum + v * (y[i] as number), 0)

export const transposed = (a: Float64Array, n: number): Float64Array =>
  a.map((_, k) => a[(k % n) * n + Math.floor(k / n)] as number)

/**
 * x with A x = b, A: [n, n], by elimination with partial pivoting.
 * @throws {ArgumentError} where A is singular, or has more than 2000 rows.
 */
export const solveDense = (matrix: Float64Array, b: Float64Array): Float64Array => {
  const n = b.length
  if (n > mostUnknowns) {
    throw new ArgumentError('an oracle with too many unknowns', {
      expected: `at most ${String(mostUnknowns)}`,
      received: String(n),
      remedy: 'Compare on a smaller problem of the same kind',
    })
  }
  const rows: Float64Array[] = Array.from({ length: n }, (_, i) => matrix.slice(i * n, (i + 1) * n))
  const x: Float64Array = b.slice()
  for (let k = 0; k < n; k++) {
    let best = k
    const size = (i: number): number => Math.abs(rows[i]?.[k] as number)
    for (let i = k + 1; i < n; i++) if (size(i) > size(best)) best = i
    if (!(size(best) > 0)) {
      throw new ArgumentError('the matrix of an oracle is singular', {
        remedy: 'Take a problem whose solution is unique and a smooth function of θ',
      })
    }
    ;[rows[k], rows[best]] = [rows[best] as Float64Array, rows[k] as Float64Array]
    ;[x[k], x[best]] = [x[best] as number, x[k] as number]
    const pivot = rows[k] as Float64Array
    for (let i = k + 1; i < n; i++) {
      const row = rows[i] as Float64Array
      const factor = (row[k] as number) / (pivot[k] as number)
      if (factor === 0) continue
      for (let j = k; j < n; j++) row[j] = (row[j] as number) - factor * (pivot[j] as number)
      x[i] = (x[i] as number) - factor * (x[k] as number)
    }
  }
  for (let k = n - 1; k >= 0; k--) {
    const row = rows[k] as Float64Array
    let rest = x[k] as number
    for (let j = k + 1; j < n; j++) rest -= (row[j] as number) * (x[j] as number)
    x[k] = rest / (row[k] as number)
  }
  return x
}
