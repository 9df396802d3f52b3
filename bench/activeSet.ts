// Quadratic programs and their derivatives exactly, from the constraints that are active (the set a):
//   | Q   Gₐᵀ | | x  |   | −p |       | Q   Gₐᵀ | | u |   | 1 |
//   | Gₐ  0   | | zₐ | = | hₐ |,      | Gₐ  0   | | w | = | 0 |,     ∂(Σ x̄) / ∂p = −u
// by LU and iterative refinement with residuals in twice the working precision. Positive multipliers and slacks prove the set.
import { OnestepError, array, compile, luFactor } from '../lib/index.js'
import type { NDArray, Tensor } from '../lib/index.js'
import type { QpParameters, QpPoint } from './qpBatch.js'

export interface QpSolution {
  /** [batch, n] */
  readonly x: Float64Array
  /** The gradient of Σ x̄ in p: [batch, n] */
  readonly gradient: Float64Array
  /** Active constraints of all programs. */
  readonly active: number
  /** The smallest slack of an inactive constraint, and the smallest multiplier of an active one. */
  readonly margin: number
}

/** a·b = high + low exactly (Dekker), for products that neither overflow nor underflow. */
const exactProduct = (a: number, b: number): readonly [number, number] => {
  const split = (v: number): readonly [number, number] => {
    const c = 134217729 * v
    const high = c - (c - v)
    return [high, v - high]
  }
  const [a1, a0] = split(a)
  const [b1, b0] = split(b)
  const high = a * b
  return [high, a0 * b0 - (high - a1 * b1 - a0 * b1 - a1 * b0)]
}

/** start − Σ row[k] v[k stride], in twice the working precision, rounded once. */
const residual = (
  start: number,
  row: Float64Array,
  v: Float64Array,
  first: number,
  stride: number,
): number => {
  let [high, low] = [start, 0]
  for (let k = 0; k < row.length; k++) {
    const [p, e] = exactProduct(-(row[k] as number), v[first + k * stride] as number)
    const sum = high + p
    const back = sum - high
    low += high - (sum - back) + (p - back) + e
    high = sum
  }
  return high + low
}

/** Solves with a matrix [n, n] for k right-hand sides [n, k], for each of a batch. */
const solveAll = compile((matrix: Tensor, right: Tensor) => luFactor(matrix).solve(right))

/** K y = r for a batch of matrices [n, n] and two right-hand sides each, until the corrections are rounding errors. */
const refined = (matrices: NDArray, right: Float64Array): Float64Array => {
  const [batch, n] = matrices.shape as readonly [number, number, number]
  const y = new Float64Array(right.length)
  const [steps, enough] = [8, 1e-15]
  for (let step = 0, r = right; ; step++) {
    const d = solveAll.batch(matrices, array(r, [batch, n, 2])).value.data
    let [moved, length] = [0, 0]
    for (let i = 0; i < y.length; i++) {
      y[i] = (y[i] as number) + (d[i] as number)
      moved = Math.max(moved, Math.abs(d[i] as number))
      length = Math.max(length, Math.abs(y[i] as number))
    }
    if (moved <= enough * length) return y
    if (step === steps) {
      throw new OnestepError('refinement of the exact solution does not converge', {
        code: 'ERR_BENCH',
        expected: `corrections of ${String(enough)} of the solution after ${String(steps)} steps`,
        received: String(moved / length),
        remedy: 'Look at the condition of the programs, or at the active set',
      })
    }
    r = right.map((value, place) => {
      const [line, column] = [Math.floor(place / 2), place % 2]
      const [b, i] = [Math.floor(line / n), line % n]
      const row = matrices.data.subarray((b * n + i) * n, (b * n + i + 1) * n)
      return residual(value, row, y, b * n * 2 + column, 2)
    })
  }
}

/** The exact solution of a batch whose active constraints a solver has found: those with z > s. */
export const activeSetSolution = (
  { Q, p, G, h }: QpParameters<NDArray>,
  { s, z }: Pick<QpPoint<NDArray>, 's' | 'z'>,
): QpSolution => {
  const [batch, m, n] = G.shape as readonly [number, number, number]
  const order = n + m
  const matrices = new Float64Array(batch * order * order)
  const right = new Float64Array(batch * order * 2)
  const active = Array.from(z.data, (zi, i) => zi > (s.data[i] as number))
  // A constraint that is not active keeps its place, with z = 0 for its equation.
  for (let b = 0; b < batch; b++) {
    const K = matrices.subarray(b * order * order, (b + 1) * order * order)
    for (let i = 0; i < n; i++) {
      K.set(Q.data.subarray((b * n + i) * n, (b * n + i + 1) * n), i * order)
      right[(b * order + i) * 2] = -(p.data[b * n + i] as number)
      right[(b * order + i) * 2 + 1] = 1
    }
    for (let i = 0; i < m; i++) {
      const row = G.data.subarray((b * m + i) * n, (b * m + i + 1) * n)
      row.forEach((g, j) => (K[j * order + n + i] = g))
      if (active[b * m + i] === true) {
        K.set(row, (n + i) * order)
        right[(b * order + n + i) * 2] = h.data[b * m + i] as number
      } else K[(n + i) * order + n + i] = 1
    }
  }
  const y = refined(array(matrices, [batch, order, order]), right)
  const [x, gradient] = [new Float64Array(batch * n), new Float64Array(batch * n)]
  let margin = Infinity
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < n; i++) {
      x[b * n + i] = y[(b * order + i) * 2] as number
      gradient[b * n + i] = -(y[(b * order + i) * 2 + 1] as number)
    }
    for (let i = b * m; i < (b + 1) * m; i++) {
      const slack = residual(h.data[i] as number, G.data.subarray(i * n, (i + 1) * n), x, b * n, 1)
      const multiplier = y[(b * order + n + i - b * m) * 2] as number
      margin = Math.min(margin, active[i] === true ? multiplier : slack)
    }
  }
  if (!(margin > 0)) {
    throw new OnestepError('the constraints with z > s are not those that are active at the solution', {
      code: 'ERR_BENCH',
      expected: 'positive multipliers and slacks',
      received: String(margin),
      remedy: 'Solve the programs to a smaller tolerance',
    })
  }
  return { x, gradient, active: active.filter(Boolean).length, margin }
}

/** ‖given − right‖ / ‖right‖ of each row of length n. */
export const rowErrors = (given: Float64Array, right: Float64Array, n: number): Float64Array =>
  Float64Array.from({ length: right.length / n }, (_, b) => {
    let [off, length] = [0, 0]
    for (let i = b * n; i < (b + 1) * n; i++) {
      off += ((given[i] as number) - (right[i] as number)) ** 2
      length += (right[i] as number) ** 2
    }
    return Math.sqrt(off / length)
  })
