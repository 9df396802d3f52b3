// Equations G(x) = 0 in plain numbers, for oracles, by Newton's method to rounding. Written on its own: it shares nothing with the
// solvers and strategies that it is to check.
import { ArgumentError } from '../base/errors.js'
import { dot, solveDense } from './denseMatrix.js'

export interface DenseEquation {
  /** G(x): [n] */
  readonly residual: (x: Float64Array) => Float64Array
  /** ∂ₓG: [n, n], row-major. */
  readonly jacobian: (x: Float64Array) => Float64Array
}

/**
 * x with G(x) = 0, by Newton's method with halved steps, until rounding stops the decrease of ‖G‖.
 * @throws {ArgumentError} where ‖G‖ does not fall to rounding, and as `solveDense`.
 */
export const rootOf = ({ residual, jacobian }: DenseEquation, x0: Float64Array): Float64Array => {
  let x: Float64Array = x0
  let g: Float64Array = residual(x)
  const first = Math.sqrt(dot(g, g))
  for (let k = 0; k < 500 && dot(g, g) > 0; k++) {
    const d = solveDense(jacobian(x), g)
    let next: Float64Array = x
    let gNext: Float64Array = g
    for (let alpha = 1; alpha > 1e-10 && !(dot(gNext, gNext) < dot(g, g)); alpha /= 2) {
      next = x.map((v, i) => v - alpha * (d[i] as number))
      gNext = residual(next)
    }
    if (!(dot(gNext, gNext) < dot(g, g))) break
    ;[x, g] = [next, gNext]
  }
  const last = Math.sqrt(dot(g, g))
  if (last <= 1e-11 * Math.max(1, first)) return x
  throw new ArgumentError('an oracle did not find the solution', {
    expected: `a residual below ${(1e-11 * Math.max(1, first)).toExponential(1)}`,
    received: last.toExponential(1),
    remedy: 'Take a better conditioned problem, or a θ nearer to the start',
  })
}
