// Least squares with a matrix that is known by its products only. Imports nothing.

/** v ↦ Av and r ↦ Aᵀr. */
export interface LinearMap {
  readonly times: (v: Float64Array) => Float64Array
  readonly transposed: (r: Float64Array) => Float64Array
}

const square = (v: Float64Array): number => v.reduce((sum, a) => sum + a * a, 0)

/**
 * The shortest x with ‖Ax − right‖₂ least, by conjugate gradients on the normal equations (Björck, Numerical methods for least
 * squares problems, 1996, algorithm 7.4.1), from 0 and for at most so many steps.
 */
export const leastSquares = (
  { times, transposed }: LinearMap,
  right: Float64Array,
  steps = 50,
): Float64Array => {
  let r = right
  let s = transposed(r)
  let p = s
  let gamma = square(s)
  let x = s.map(() => 0)
  const least = 1e-32 * gamma
  for (let k = 0; k < steps && gamma > least; k++) {
    const q = times(p)
    const alpha = gamma / square(q)
    const direction = p
    x = x.map((v, i) => v + alpha * (direction[i] as number))
    r = r.map((v, i) => v - alpha * (q[i] as number))
    s = transposed(r)
    const beta = square(s) / gamma
    gamma *= beta
    p = s.map((v, i) => v + beta * (direction[i] as number))
  }
  return x
}
