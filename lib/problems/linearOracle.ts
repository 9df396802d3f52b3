// Exact hypergradients of regularised linear models, in plain numbers. With H = ∂²f at x̄ and H u = ∇g:
//   ∂h/∂wᵢ = −1/n ℓ′(zᵢ)ᵀ uᵀaᵢ,   ∂h/∂λⱼ = −xⱼᵀuⱼ;   x and u are [p, c], row j for feature j
import { NDArray } from '../base/ndarray.js'
import type { Tensor } from '../ir/tensor.js'
import type { Exact } from './bilevelProblem.js'
import { rootOf } from './denseEquation.js'
import type { DenseEquation } from './denseEquation.js'
import { dot, product, solveDense, transposed, transposedProduct } from './denseMatrix.js'
import type { Loss, LossAt } from './losses.js'
import type { Rows } from './samples.js'
import type { Parametrization } from './tuning.js'

/** ℓ of each row at x. */
const lossesAt = (loss: Loss, { A, b }: Rows, x: Float64Array, c: number): readonly LossAt[] => {
  const z = product(A, x, c)
  return Array.from({ length: A.shape[0] as number }, (_, i) =>
    loss.at(z.subarray(i * c, (i + 1) * c), b.data.subarray(i * c, (i + 1) * c)),
  )
}

/** Rows ℓ′, each times a factor. */
const slopes = (at: readonly LossAt[], factor: (i: number) => number): Float64Array =>
  Float64Array.from(at.flatMap(({ gradient }, i) => [...gradient].map((v) => v * factor(i))))

/** ∇f = 0, with weights w/n. */
const stationarity = (
  loss: Loss,
  training: Rows,
  c: number,
  weight: (i: number) => number,
  lambda: Float64Array,
): DenseEquation => {
  const { A } = training
  const p = A.shape[1] as number
  const d = p * c
  const penalty = (row: number): number => lambda[Math.floor(row / c)] as number
  return {
    residual: (x) =>
      transposedProduct(A, slopes(lossesAt(loss, training, x, c), weight), c).map(
        (g, row) => g + penalty(row) * (x[row] as number),
      ),
    jacobian: (x) => {
      const H = new Float64Array(d * d)
      lossesAt(loss, training, x, c).forEach(({ hessian }, i) => {
        const a = A.data.subarray(i * p, (i + 1) * p)
        for (let row = 0; row < d; row++) {
          const factor = weight(i) * (a[Math.floor(row / c)] as number)
          for (let column = 0; column < d; column++) {
            const curvature = hessian[(row % c) * c + (column % c)] as number
            const at = row * d + column
            H[at] = (H[at] as number) + factor * curvature * (a[Math.floor(column / c)] as number)
          }
        }
      })
      for (let row = 0; row < d; row++) H[row * d + row] = (H[row * d + row] as number) + penalty(row)
      return H
    },
  }
}

/** @param shape of x, [p] or [p, c] */
export const linearOracle =
  (
    loss: Loss,
    training: Rows,
    validation: Rows,
    { plain, pull }: Parametrization,
    shape: readonly number[],
  ) =>
  (theta: NDArray): Exact<Tensor, Tensor> => {
    const c = shape[1] ?? 1
    const [n, m] = [training.b, validation.b].map((b) => b.shape[0]) as [number, number]
    const { w, lambda } = plain(theta)
    const equation = stationarity(loss, training, c, (i) => (w[i] as number) / n, lambda)
    const x = rootOf(equation, new Float64Array(lambda.length * c))
    const outer = lossesAt(loss, validation, x, c)
    const u = solveDense(
      transposed(equation.jacobian(x), x.length),
      transposedProduct(
        validation.A,
        slopes(outer, () => 1 / m),
        c,
      ),
    )
    const moved = product(training.A, u, c)
    const inner = lossesAt(loss, training, x, c)
    return {
      value: outer.reduce((sum, { value }) => sum + value, 0) / m,
      gradient: new NDArray(
        theta.shape,
        pull(theta, {
          w: w.map((_, i) => -dot((inner[i] as LossAt).gradient, moved.subarray(i * c, (i + 1) * c)) / n),
          lambda: lambda.map((_, j) => -dot(x.subarray(j * c, (j + 1) * c), u.subarray(j * c, (j + 1) * c))),
        }),
      ),
      x: new NDArray(shape, x),
    }
  }
