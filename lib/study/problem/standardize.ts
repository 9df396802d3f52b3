// Features with mean 0 and deviation 1:  aⱼ ← (aⱼ − mⱼ) / sⱼ,  mⱼ and sⱼ of the training rows alone; a constant column becomes 0.
import { NDArray } from '../../base/ndarray.js'

/** Both parts, [n, p] and [m, p], by the means and deviations of the first. */
export const standardized = (training: NDArray, validation: NDArray): [NDArray, NDArray] => {
  const [n, p] = training.shape as readonly [number, number]
  const [means, squares] = [new Float64Array(p), new Float64Array(p)]
  training.data.forEach((a, at) => (means[at % p] = (means[at % p] as number) + a / n))
  training.data.forEach((a, at) => {
    const j = at % p
    squares[j] = (squares[j] as number) + (a - (means[j] as number)) ** 2 / n
  })
  const scales = squares.map((square, j) => {
    const deviation = Math.sqrt(square)
    // Below this a column is constant but for rounding.
    return deviation > 1e-12 * Math.abs(means[j] as number) ? 1 / deviation : 0
  })
  const scaled = ({ shape, data }: NDArray): NDArray =>
    new NDArray(
      shape,
      data.map((a, at) => (a - (means[at % p] as number)) * (scales[at % p] as number)),
    )
  return [scaled(training), scaled(validation)]
}
