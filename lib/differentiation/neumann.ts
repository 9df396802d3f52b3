// Neumann differentiation: K terms of the series of (I − A)⁻¹ at x̄, with A = ∂ₓF and B = ∂θF (Lorraine, Vicol, Duvenaud 2020).
//   J ≈ Σ₍j<K₎ Aʲ B,     error ≤ ρᴷ L_F / (1 − ρ) at a fixed point;  K = 1 is one-step
import { scan } from '../control/scan.js'
import { orZero } from '../control/loop.js'
import type { Tensor } from '../ir/tensor.js'
import { add } from '../ops/elementwise.js'
import { checkSteps } from './count.js'
import { linearizeAt } from './linearize.js'
import type { Strategy } from './strategy.js'

/** K terms of the Neumann series, in memory that does not grow with K. */
export const neumann = (terms: number): Strategy => {
  checkSteps('neumann', 'terms', terms)
  return {
    name: `neumann-${String(terms)}`,
    // ẋ ← A ẋ + B θ̇, K times from 0
    jvp: ({ map, x, theta }, dTheta) => {
      const source = linearizeAt(map, x, theta).push(undefined, dTheta)
      if (source === undefined) return undefined
      return scan(
        (t: Tensor) => [add(source, orZero(linearizeAt(map, x, theta).push(t, []), x.shape)), []] as const,
        source,
        [],
        {
          length: terms - 1,
        },
      )[0]
    },
    // ν ← v + Aᵀ ν, K − 1 times from v;  θ̄ = Bᵀ ν
    vjp: ({ map, x, theta }, v, wanted) => {
      const nu = scan((t: Tensor) => [add(v, linearizeAt(map, x, theta).pullX(t)), []] as const, v, [], {
        length: terms - 1,
      })[0]
      return linearizeAt(map, x, theta, wanted).pullTheta(nu)
    },
  }
}
