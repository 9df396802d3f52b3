// The line search of the Newton experiment. The slope of f along d = −H⁻¹g is gᵀd < 0; the published code takes −gᵀd > 0. Then
//   f(x + t d) ≤ f + c₁ t m   always holds on the way down,   ∇f(x + t d)ᵀd ≥ c₂ m   never does,
// so that a bisection on (0, 1) runs to its limit of 50 evaluations of f and ∇f and ends at t = 1 − 2⁻⁵¹ = 1 − 4.4 · 10⁻¹⁶: the
// full step, at fifty times the price. The iterates are those of pure Newton.
import { choleskyFactor, compile, dot, grad, hessian, neg, tensor } from '../../../lib/index.js'
import type { NDArray, Tensor } from '../../../lib/index.js'
import { logisticData, logisticObjective, logisticStart, logisticWeights } from '../logistic.js'
import { centralDifference, moved } from './finding.js'
import type { Finding } from './finding.js'

/** Constants of the weak Wolfe conditions. */
const [c1, c2] = [1e-4, 0.9]
const limit = 50

/** Of the first step of Newton at size p. */
export const lineSearch = (p: number): Finding[] => {
  const objective = logisticObjective(logisticData(1, p))
  const theta = logisticWeights(2 * p)
  const f = (x: Tensor): Tensor => objective(x, tensor(theta))
  const first = compile((x: Tensor) => {
    const g = grad(f)(x)
    const d = neg(choleskyFactor(hessian(f)(x)).solve(g))
    return { value: f(x), d, slope: dot(g, d) }
  })
  const x0 = logisticStart(p).data
  const { value, slope, d } = first(x0).value as { value: number; slope: number; d: NDArray }
  const direction = d.data
  const along = compile((x: Tensor, way: Tensor) => ({ value: f(x), slope: dot(grad(f)(x), way) }))
  const at = (t: number): { readonly value: number; readonly slope: number } =>
    along(moved(x0, direction, t), direction).value as { value: number; slope: number }

  const accepts = (m: number, t: number): boolean => {
    const there = at(t)
    return there.value <= value + c1 * t * m && there.slope >= c2 * m
  }
  /** Trials t = ½, ¾, …, 1 − 2⁻ʲ, until one is accepted. */
  const search = (m: number): { readonly evaluations: number; readonly t: number } => {
    let t = 0.5
    for (let evaluations = 1; ; evaluations++) {
      if (accepts(m, t)) return { evaluations, t }
      t = (t + 1) / 2
      if (evaluations === limit) return { evaluations, t }
    }
  }
  const difference = centralDifference((t) => [at(t).value], 1e-4)[0] as number
  const error = (m: number): number => Math.abs(m / difference - 1)
  const flaw = 'lineSearch' as const
  return [
    {
      ...{ flaw, quantity: 'slope of f along d against central differences, relative error' },
      ...{ right: error(slope), published: error(-slope), bar: 1e-6 },
    },
    {
      ...{ flaw, quantity: 'evaluations of f and ∇f in the search of one step' },
      ...{ right: search(slope).evaluations, published: search(-slope).evaluations, bar: limit },
    },
    {
      ...{
        flaw,
        quantity: '1 − t of the step that is taken after a search without success; the full step has 0',
      },
      ...{ right: 0, published: 1 - search(-slope).t },
    },
  ]
}
