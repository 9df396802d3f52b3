// Eigenvalues of small symmetric matrices, and norms of matrices by them: for measuring, outside of any program.
import { NDArray } from '../../lib/index.js'

/** The angle (c, s) that annihilates the entry b of [[a, b], [b, d]] (Golub and Van Loan, symmetric Schur decomposition). */
const rotation = (a: number, b: number, d: number): [number, number] => {
  const tau = (d - a) / (2 * b)
  const t = Math.sign(tau || 1) / (Math.abs(tau) + Math.hypot(1, tau))
  const c = 1 / Math.hypot(1, t)
  return [c, t * c]
}

/** Eigenvalues of the symmetric matrix a: [n, n], row-major, in falling order, by cyclic Jacobi rotations. */
export const symmetricEigenvalues = (a: Float64Array, n: number): Float64Array => {
  const m = Float64Array.from(a)
  const at = (i: number, j: number): number => m[i * n + j] as number
  const off = (): number => {
    let total = 0
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) total += at(i, j) ** 2
    return total
  }
  const scale = m.reduce((total, x) => total + x * x, 0)
  for (let sweep = 0; sweep < 60 && off() > 1e-28 * scale; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (at(p, q) === 0) continue
        const [c, s] = rotation(at(p, p), at(p, q), at(q, q))
        for (let k = 0; k < n; k++) {
          const x = at(p, k)
          const y = at(q, k)
          m[p * n + k] = c * x - s * y
          m[q * n + k] = s * x + c * y
        }
        for (let k = 0; k < n; k++) {
          const x = at(k, p)
          const y = at(k, q)
          m[k * n + p] = c * x - s * y
          m[k * n + q] = s * x + c * y
        }
      }
    }
  }
  return Float64Array.from({ length: n }, (_, i) => at(i, i)).sort((x, y) => y - x)
}

/** A Aᵀ: [n, n] of the rows of a matrix [n, m]. */
const rowProducts = ({ data, shape }: NDArray): Float64Array => {
  const [n, m] = shape as readonly [number, number]
  const out = new Float64Array(n * n)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let total = 0
      for (let k = 0; k < m; k++) total += (data[i * m + k] as number) * (data[j * m + k] as number)
      out[i * n + j] = out[j * n + i] = total
    }
  }
  return out
}

/** Singular values of a matrix with at least as many columns as rows, squared, in falling order. */
export const squaredSingularValues = (a: NDArray): Float64Array =>
  symmetricEigenvalues(rowProducts(a), a.shape[0] as number)

/** Largest singular value of a matrix with at least as many columns as rows. */
export const operatorNorm = (a: NDArray): number => Math.sqrt(squaredSingularValues(a)[0] ?? 0)

/** Euclidean (Frobenius) norm of x − y, or of x. */
export const distance = (x: ArrayLike<number>, y?: ArrayLike<number>): number => {
  let total = 0
  for (let i = 0; i < x.length; i++)
    total += ((x[i] as number) - (y === undefined ? 0 : (y[i] as number))) ** 2
  return Math.sqrt(total)
}

/** ‖x − y‖ / ‖y‖ */
export const relativeError = (x: ArrayLike<number>, y: ArrayLike<number>): number =>
  distance(x, y) / distance(y)

/** x − y */
export const difference = (x: NDArray, y: NDArray): NDArray =>
  new NDArray(
    x.shape,
    x.data.map((value, i) => value - (y.data[i] as number)),
  )
