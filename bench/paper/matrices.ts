// Random orthogonal matrices, norms of matrices of any shape, and matrices out of a batch.
import { NDArray, array } from '../../lib/index.js'
import { operatorNorm } from './spectrum.js'

/** Standard normal numbers, as many as asked for; each call gives others. */
export type Normals = (count: number) => Float64Array

/** An orthogonal matrix [n, n]: the product of n reflections I − 2 u uᵀ / uᵀu, u normal. */
export const orthogonal = (n: number, normals: Normals): NDArray => {
  const q = new Float64Array(n * n)
  for (let i = 0; i < n; i++) q[i * n + i] = 1
  for (let r = 0; r < n; r++) {
    const u = normals(n)
    const scale = 2 / u.reduce((total, x) => total + x * x, 0)
    for (let i = 0; i < n; i++) {
      let along = 0
      for (let j = 0; j < n; j++) along += (q[i * n + j] as number) * (u[j] as number)
      for (let j = 0; j < n; j++) q[i * n + j] = (q[i * n + j] as number) - scale * along * (u[j] as number)
    }
  }
  return array(q, [n, n])
}

/** A: [n, m] as [m, n]. */
export const transposed = ({ data, shape }: NDArray): NDArray => {
  const [n, m] = shape as readonly [number, number]
  const out = new Float64Array(n * m)
  for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) out[j * n + i] = data[i * m + j] as number
  return new NDArray([m, n], out)
}

/** ‖A‖₂ of a matrix of any shape. */
export const spectralNorm = (a: NDArray): number =>
  (a.shape[0] as number) <= (a.shape[1] as number) ? operatorNorm(a) : operatorNorm(transposed(a))

/**
 * The largest Euclidean norm of a row of A: [n, m], which bounds ‖diag(z) A‖₂ ≤ ‖z‖₂ maxᵢ ‖Aᵢ‖₂:
 * ‖diag(z) A‖₂² ≤ ‖diag(z) A‖²_F = Σᵢ zᵢ² ‖Aᵢ‖²; equality for z along a longest row.
 */
export const longestRow = ({ data, shape }: NDArray): number => {
  const [n, m] = shape as readonly [number, number]
  let longest = 0
  for (let i = 0; i < n; i++) {
    let total = 0
    for (let j = 0; j < m; j++) total += (data[i * m + j] as number) ** 2
    longest = Math.max(longest, total)
  }
  return Math.sqrt(longest)
}

/** Entry i of an array with a leading axis, itself an array. */
export const entry = ({ data, shape }: NDArray, i: number): NDArray => {
  const size = data.length / (shape[0] as number)
  return new NDArray(shape.slice(1), data.slice(i * size, (i + 1) * size))
}
