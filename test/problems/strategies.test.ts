// Every standard problem × every strategy against the oracle of the problem. With A = ∂ₓF, B = ∂θF at x̄ by complex steps, v = ∂ₓg and
// ρ = ‖A‖₂, theory says of the gradient by K terms, ∂θg + Bᵀ Σ₍j<K₎ (Aᵀ)ʲ v:
//   error = Bᵀ (I − Aᵀ)⁻¹ (Aᵀ)ᴷ v,   at most ‖B‖ ‖v‖ ρᴷ / (1 − ρ);   K = 1 is one-step
// The oracles themselves are checked against differences of their own values.
import { test } from 'tap'
import { NDArray } from '../../lib/base/ndarray.js'
import { stream } from '../../lib/base/random.js'
import { implicit, neumann, oneStep, truncated, unrolled } from '../../lib/index.js'
import type { Strategy, Tensor } from '../../lib/index.js'
import { derivative } from '../differentiation/formulas.js'
import { centralDifferences } from '../oracle/differences.js'
import { frobenius, fromArray, minus, norm2, plus, times, transposed } from '../oracle/matrices.js'
import type { Matrix } from '../oracle/matrices.js'
import { column, flat, instancesAt, run } from './standard.js'
import type { Flat } from './standard.js'

const instances = instancesAt(1e-12)

/** What theory needs: ∂θg + Bᵀ Σ (Aᵀ)ʲ v for K terms, and the bound of its error. */
const theory = (problem: Flat, x: NDArray) => {
  const { inner, outer, theta, back } = problem
  const leaves = Object.values(theta)
  const state = { alpha: 1 }
  const map = (at: Tensor, ...p: Tensor[]): Tensor =>
    inner.map === undefined
      ? inner.point(inner.step(inner.init(at, back(p)), back(p)))
      : inner.map(at, back(p), state)
  const objective = (at: Tensor, ...p: Tensor[]): Tensor => outer(at, back(p))
  const by = (fn: typeof map, i: number): Matrix => derivative(fn, [x, ...leaves], i)
  const beside = (fn: typeof map): Matrix => {
    const parts = leaves.map((_, i) => by(fn, i + 1))
    return (parts[0] as Matrix).map((_, row) => parts.flatMap((part) => part[row] as readonly number[]))
  }
  const [A, B] = [transposed(by(map, 0)), transposed(beside(map))]
  const [v, direct] = [transposed(by(objective, 0)), transposed(beside(objective))]
  const rho = norm2(A)
  const terms = (K: number): Matrix => {
    let [term, sum] = [v, v]
    for (let j = 1; j < K; j++) {
      term = times(A, term)
      sum = plus(sum, term)
    }
    return plus(direct, times(B, sum))
  }
  return { rho, terms, bound: (K: number) => (norm2(B) * frobenius(v) * rho ** K) / (1 - rho) }
}

for (const instance of instances) {
  test(`${instance.label}: strategies against the oracle`, async (t) => {
    const problem = flat(instance)
    const exact = problem.oracle(problem.theta)
    const truth = column(exact.gradient, problem.theta)
    const size = frobenius(truth)
    const { rho, terms, bound } = theory(problem, exact.x)
    t.ok(size > 1e-4, `a gradient of size ${size.toExponential(1)}`)
    t.ok(rho < 1, `contractive: ρ = ${rho.toFixed(4)}`)
    const errorOf = (found: Matrix, wanted: Matrix): number => frobenius(minus(found, wanted)) / size
    const of = (strategy: Strategy) => {
      const result = run(problem, strategy)
      t.strictSame([result.status, result.gradientStatus], ['converged', 'ok'], strategy.name)
      return result
    }
    const exactly = of(implicit())
    t.ok(frobenius(minus(fromArray(exactly.x), fromArray(exact.x))) < 1e-9, 'x̄')
    t.ok(Math.abs(exactly.value / exact.value - 1) < 1e-9, 'g(x̄)')
    t.ok(errorOf(exactly.gradient, truth) < 1e-9, 'implicit')
    t.ok(errorOf(of(unrolled()).gradient, truth) < 1e-8, 'unrolled')
    for (const [strategy, K] of [
      [oneStep(), 1],
      [neumann(1), 1],
      [neumann(8), 8],
      [truncated(8), 8],
      [neumann(400), 400],
    ] as const) {
      const { gradient } = of(strategy)
      // Truncated differentiation leaves from x₍k₋K₎, which is a little off x̄.
      t.ok(
        errorOf(gradient, terms(K)) < (strategy.name === 'truncated-8' ? 1e-6 : 1e-9),
        `${strategy.name}: its formula`,
      )
      const error = errorOf(gradient, truth)
      t.ok(
        error <= (bound(K) / size) * (1 + 1e-6) + 1e-9,
        `${strategy.name}: ${error.toExponential(1)} within theory`,
      )
      if (instance.superlinear === true) t.ok(error < 1e-9, `${strategy.name}: exact`)
      else if (K === 1) t.ok(error > 0.01, 'one step is visibly wrong on a linearly convergent map')
    }
  })

  test(`${instance.label}: the oracle against differences of its own values`, async (t) => {
    const { theta, oracle } = flat(instance)
    const names = Object.keys(theta)
    const points = Object.values(theta)
    const directions = points.map(
      (p, i) => new NDArray(p.shape, stream(9, `direction ${String(i)}`).normals(p.size)),
    )
    const [slope] = centralDifferences(
      (arrays) => {
        const at = Object.fromEntries(names.map((name, i) => [name, arrays[i] as NDArray]))
        return [new NDArray([], Float64Array.of(oracle(at).value))]
      },
      points,
      directions,
    )
    const { gradient } = oracle(theta)
    const along = names.reduce(
      (sum, name, i) =>
        (gradient[name] as NDArray).data.reduce(
          (s, g, k) => s + g * ((directions[i] as NDArray).data[k] as number),
          sum,
        ),
      0,
    )
    const error = Math.abs(along - (slope?.data[0] as number)) / Math.abs(along)
    t.ok(error < 1e-7, `${error.toExponential(1)}`)
  })
}

test('the bounds are tight enough to tell one step from forty terms', async (t) => {
  for (const instance of instances.filter(({ superlinear }) => superlinear !== true)) {
    const problem = flat(instance)
    const exact = problem.oracle(problem.theta)
    const { terms, bound } = theory(problem, exact.x)
    const one = frobenius(minus(terms(1), column(exact.gradient, problem.theta)))
    t.ok(one > bound(40), `${instance.label}: ${one.toExponential(1)} > ${bound(40).toExponential(1)}`)
  }
})
