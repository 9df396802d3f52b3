// Maps whose derivative in x vanishes at the fixed point, ∂ₓF(x̄, θ) = 0, so that Jx̄ = ∂θF(x̄, θ), with t = U θ + c:
//   Newton   on (Qᵀx)² = t, componentwise. In w = Qᵀx it is w ← (w + t / w) / 2, with x̄ = Q √t and
//            ∂θF(x) = Q diag(1 / 2w) U. From w₀ ≥ √t all iterates stay in X = {x: √t ≤ Qᵀx ≤ w₀}, closed and convex.
//            For a, b ≥ √tᵢ: |1/2a − 1/2b| = |a − b| / 2ab ≤ |a − b| / 2tᵢ, hence on X
//            ‖∂θF(x) − ∂θF(y)‖ ≤ L_J ‖x − y‖,   L_J = longest row of diag(1 / 2t) U
//   3/2      F = x̄(θ) + ½ Q (w |w|^½), w = Qᵀ(x − x̄(θ)), x̄(θ) = t: of order 3/2, faster than linear; x ↦ ∂θF is not Lipschitz:
//            ∂θF(x) − Jx̄ = −¾ Q diag(|w|^½) Qᵀ U, so that ‖Jᴼˢ − Jx̄‖ ≤ ω(‖x − x̄‖),   ω(e) = ¾ ‖U‖ √e
import {
  abs,
  array,
  compile,
  equal,
  fixedPoint,
  matmul,
  matrixTranspose,
  newton,
  reshape,
  sqrt,
  stream,
  where,
} from '../../lib/index.js'
import type { NDArray, Solver, Tensor } from '../../lib/index.js'
import { longestRow, orthogonal, spectralNorm } from './matrices.js'

/** The arrays of a map of x: [n] with θ: [m]. */
export interface VanishingParts<T> {
  /** [n, n], orthogonal */
  readonly Q: T
  /** [n, m] */
  readonly U: T
  /** [n] */
  readonly c: T
}

/** A map with its start, its fixed point x̄, Jx̄: [n, m], and a modulus of continuity of ∂θF at x̄. */
export interface Vanishing {
  readonly n: number
  readonly m: number
  readonly theta: NDArray
  readonly x0: NDArray
  readonly x: NDArray
  readonly jacobian: NDArray
  readonly parts: VanishingParts<NDArray>
  /** ‖x − x̄‖ where t is off by 1: maxᵢ 1 / (2 √tᵢ) for Newton. */
  readonly sensitivity: number
  /** ω(e): ‖∂θF(x) − Jx̄‖ is at most this for ‖x − x̄‖ = e. */
  readonly modulus: (e: number) => number
}

export interface VanishingFamily {
  readonly name: string
  readonly inequality: 'quadratic' | 'superlinear'
  /** Whether Q and U are the identity: as many separate problems in one variable. */
  readonly separate: boolean
}

export const vanishingFamilies: readonly VanishingFamily[] = [
  { name: 'Newton, x² = θ', inequality: 'quadratic', separate: true },
  { name: 'Newton, (Qᵀx)² = U θ + c', inequality: 'quadratic', separate: false },
  { name: 'order 3/2', inequality: 'superlinear', separate: false },
]

/** w |w|^½, with derivative 0 at 0. */
const threeHalves = (w: Tensor): Tensor => {
  const zero = equal(w, 0)
  return where(zero, w.mul(0), w.mul(sqrt(where(zero, 1, abs(w)))))
}

/** Hands the algorithm of a family to `use`: Newton as the library has it, or the iteration of F. */
export const withSolver = <R>(
  { inequality }: VanishingFamily,
  { Q, U, c }: VanishingParts<Tensor>,
  use: <S>(solver: Solver<Tensor, Tensor, S>) => R,
): R => {
  const t = (theta: Tensor): Tensor => matmul(U, theta).add(c)
  const turned = (x: Tensor): Tensor => matmul(matrixTranspose(Q), x)
  if (inequality === 'quadratic') {
    const residual = (x: Tensor, theta: Tensor): Tensor => turned(x).square().sub(t(theta))
    return use(newton({ residual, lineSearch: 'none' }))
  }
  const map = (x: Tensor, theta: Tensor): Tensor =>
    t(theta).add(matmul(Q, threeHalves(turned(x.sub(t(theta))))).mul(0.5))
  return use(fixedPoint({ map }))
}

const identity = (n: number): NDArray =>
  array(
    Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)),
    [n, n],
  )

/** x̄ and Jx̄ in closed form, and x₀ from w₀. */
const plant = ({ inequality }: VanishingFamily) =>
  compile(({ Q, U, c }: VanishingParts<Tensor>, theta: Tensor, excess: Tensor) => {
    const t = matmul(U, theta).add(c)
    const half = (w: Tensor): Tensor => reshape(w.mul(2).reciprocal(), [-1, 1])
    return inequality === 'quadratic'
      ? {
          x: matmul(Q, sqrt(t)),
          x0: matmul(Q, sqrt(t).mul(abs(excess).add(1))),
          jacobian: matmul(Q, half(sqrt(t)).mul(U)),
          curvature: half(t).mul(U),
        }
      : { x: t, x0: t.add(excess.div(excess.square().add(1))), jacobian: U, curvature: U }
  })

/** Which instance: x: [n], θ: [m]. A separate family has m = n. */
export interface VanishingSize {
  readonly n: number
  readonly m: number
  readonly seed: number
}

/** Draws instances of a family. */
export const vanishingOf = (family: VanishingFamily): ((size: VanishingSize) => Vanishing) => {
  const planted = plant(family)
  return ({ n, m: wanted, seed }) => {
    const m = family.separate ? n : wanted
    const random = stream(seed, `bounds ${family.name} ${String(n)} ${String(m)}`)
    let used = 0
    const normals = (count: number): Float64Array => random.normals(count, (used += count) - count)
    const t = normals(n).map((z) => Math.exp(z / 2))
    const Q = family.separate ? identity(n) : orthogonal(n, normals)
    const U = family.separate ? identity(n) : array(normals(n * m), [n, m])
    const theta = family.separate ? t : normals(m)
    const moved = (i: number): number =>
      theta.reduce((sum, x, j) => sum + (U.data[i * m + j] as number) * x, 0)
    const c = t.map((x, i) => (family.separate ? 0 : x - moved(i)))
    const parts = { Q, U, c: array(c) }
    const { x, x0, jacobian, curvature } = planted(parts, theta, normals(n)).value as Record<
      'x' | 'x0' | 'jacobian' | 'curvature',
      NDArray
    >
    const LJ = longestRow(curvature)
    const norm = spectralNorm(U)
    return {
      ...{ n, m, theta: array(theta), x0, x, jacobian, parts },
      sensitivity: family.inequality === 'quadratic' ? 0.5 / Math.sqrt(Math.min(...t)) : 1,
      modulus: family.inequality === 'quadratic' ? (e) => LJ * e : (e) => 0.75 * norm * Math.sqrt(e),
    }
  }
}
