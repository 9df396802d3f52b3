// An upper bound of a spectral norm, for step sizes. With G = AᵀA (or A Aᵀ, whichever is smaller) and any k:
//   ‖A‖₂² = ‖G‖₂ = ‖G^(2ᵏ)‖₂^(1/2ᵏ) ≤ ‖G^(2ᵏ)‖∞^(1/2ᵏ) ≤ (√m)^(1/2ᵏ) ‖A‖₂²,   m the rows of G
// Power iteration would give a lower bound, which is no bound of a step size.
import { NDArray } from '../base/ndarray.js'
import type { Tensor } from '../ir/tensor.js'
import { abs, div } from '../ops/elementwise.js'
import { matmul } from '../ops/linalg.js'
import { transpose } from '../ops/movement.js'
import { max, sum } from '../ops/reduce.js'
import { compile } from '../runtime/compile.js'

/** For m = 1000 the bound is at most 1.24 times too large. */
const squarings = 4

const rowSums = compile((a: Tensor) => {
  const [n, p] = a.shape as readonly [number, number]
  const sizes: Tensor[] = []
  let power = n < p ? matmul(a, transpose(a)) : matmul(transpose(a), a)
  for (let k = 0; k <= squarings; k++) {
    const size = max(sum(abs(power), 1))
    sizes.push(size)
    const scaled = div(power, size)
    power = matmul(scaled, scaled)
  }
  return sizes
})

/** A number ≥ ‖A‖₂², A: [n, p]. */
export const squaredNormBound = (a: NDArray): number => {
  const largest = a.data.reduce((top, v) => Math.max(top, Math.abs(v)), 0)
  if (largest === 0) return 0
  const { value } = rowSums(
    new NDArray(
      a.shape,
      a.data.map((v) => v / largest),
    ),
  )
  // largest² c₀ c₁^½ c₂^¼ …, and a little for rounding
  return (value as readonly number[]).reduce(
    (bound, c, k) => bound * c ** (1 / 2 ** k),
    (1 + 1e-9) * largest ** 2,
  )
}
