// Contractions with known constants and a planted fixed point.
//   F(x, θ) = τ(z),   z = W(θ) σ(x) + U θ + c,   W(θ) = Q diag(d + D θ) Pᵀ,   Q, P orthogonal,   σ, τ the identity or tanh
// so that, with V(x) = ∂θz = Q diag(Pᵀσ(x)) D + U,
//   A = ∂ₓF = diag(τ′(z)) W diag(σ′(x)),   B = ∂θF = diag(τ′(z)) V(x),   Jx̄ = (I − A)⁻¹ B at x̄.
// The fixed point is planted: z̄ and x̄ = τ(z̄) are drawn, then c = z̄ − W σ(x̄) − U θ.
//
// Constants, in 2-norms, at the given θ (the inequalities are statements at one θ) and on the ball X = {x: ‖x − x̄‖ ≤ r},
// r = ‖x₀ − x̄‖: it is closed and convex, F maps it into itself since F contracts towards x̄, and it holds all iterates.
// σ and τ have slopes in [0, 1] and |tanh″| ≤ κ = 4 / (3√3); write κσ, κτ for κ or 0. ‖diag(z) M‖ ≤ ‖z‖ (longest row of M).
//   ρ    ‖A‖ ≤ ‖W‖ = maxᵢ |dᵢ + (Dθ)ᵢ|
//   V    ‖V(x) − V(y)‖ = ‖diag(Pᵀ(σ(x) − σ(y))) D‖ ≤ L_V ‖x − y‖,   L_V = longest row of D
//   L_F  ‖B‖ ≤ ‖V(x)‖ ≤ ‖V(x̄)‖ + L_V r
//   L_J  of B: B(x) − B(y) = diag(τ′(z) − τ′(w)) V(x) + diag(τ′(w)) (V(x) − V(y)), ‖z − w‖ ≤ ρ ‖x − y‖, hence
//              κτ ρ (longest row of V(x̄) + L_V r) + L_V
//        of A: in the same way  κτ ρ (longest row of W) + κσ (longest column of W);   L_J is the larger one
import {
  array,
  compile,
  eye,
  luSolve,
  matmul,
  matrixTranspose,
  reshape,
  stream,
  sub,
  tanh,
} from '../../lib/index.js'
import type { NDArray, Tensor } from '../../lib/index.js'
import { longestRow, orthogonal, spectralNorm, transposed } from './matrices.js'
import { distance } from './spectrum.js'

/** The arrays of a contraction of x: [n] with θ: [m]. */
export interface Parts<T> {
  /** Q, P: [n, n] */
  readonly Q: T
  readonly P: T
  /** d: [n], D: [n, m] */
  readonly d: T
  readonly D: T
  /** U: [n, m] */
  readonly U: T
  /** c: [n] */
  readonly c: T
}

/** The constants of the inequalities. */
export interface Constants {
  readonly rho: number
  readonly LF: number
  readonly LJ: number
}

/** A family of contractions: what they have in common. */
export interface ContractionFamily {
  readonly name: string
  /** Which of σ and τ is tanh. */
  readonly tanh: 'none' | 'inner' | 'outer'
  /** P = Q, so that W is symmetric. */
  readonly normal: boolean
  /** Size of D, the part of W that moves with θ. */
  readonly bilinear: number
  /** All singular values equal to ρ, U orthogonal, and an outer loss whose gradient hardly moves: what the theorem cannot improve on. */
  readonly extreme: boolean
}

/** Families by name; `worst case` attains the floor ρ L_F / (1 − ρ). */
export const contractionFamilies: readonly ContractionFamily[] = [
  { name: 'affine, normal', tanh: 'none', normal: true, bilinear: 0.5, extreme: false },
  { name: 'affine, non-normal', tanh: 'none', normal: false, bilinear: 0.5, extreme: false },
  { name: 'W tanh(x)', tanh: 'inner', normal: false, bilinear: 0.5, extreme: false },
  { name: 'tanh(W x)', tanh: 'outer', normal: false, bilinear: 0.5, extreme: false },
  { name: 'worst case', tanh: 'none', normal: true, bilinear: 0, extreme: true },
]

const inner = ({ tanh: where }: ContractionFamily, x: Tensor): Tensor => (where === 'inner' ? tanh(x) : x)
const outer = ({ tanh: where }: ContractionFamily, z: Tensor): Tensor => (where === 'outer' ? tanh(z) : z)

/** Q diag(s) Pᵀ x */
const along = ({ Q, P }: Parts<Tensor>, s: Tensor, x: Tensor): Tensor =>
  matmul(Q, s.mul(matmul(matrixTranspose(P), x)))

/** F(x, θ) */
export const contraction =
  (family: ContractionFamily, parts: Parts<Tensor>) =>
  (x: Tensor, theta: Tensor): Tensor => {
    const { d, D, U, c } = parts
    const z = along(parts, d.add(matmul(D, theta)), inner(family, x))
      .add(matmul(U, theta))
      .add(c)
    return outer(family, z)
  }

/** tanh′ = 1 − tanh² at a value of tanh. */
const slope = (y: Tensor): Tensor => sub(1, y.square())

const column = (x: Tensor): Tensor => reshape(x, [-1, 1])

/** c, x̄ = τ(z̄), W, V(x̄) and Jx̄ in closed form. */
const plant = (family: ContractionFamily) =>
  compile((zbar: Tensor, theta: Tensor, parts: Omit<Parts<Tensor>, 'c'>) => {
    const { Q, P, d, D, U } = parts
    const n = zbar.shape[0] as number
    const x = outer(family, zbar)
    const y = inner(family, x)
    const W = matmul(Q.mul(d.add(matmul(D, theta))), matrixTranspose(P))
    const V = matmul(Q, column(matmul(matrixTranspose(P), y)).mul(D)).add(U)
    const [steep, flat] = [
      family.tanh === 'outer' ? slope(x) : x.mul(0).add(1),
      family.tanh === 'inner' ? slope(y) : x.mul(0).add(1),
    ]
    const A = column(steep).mul(W).mul(flat)
    return {
      ...{ x, W, V, c: zbar.sub(matmul(W, y)).sub(matmul(U, theta)) },
      jacobian: luSolve(sub(eye(n), A), column(steep).mul(V)),
    }
  })

/** A contraction with its start, its fixed point, and its constants. */
export interface Contraction extends Constants {
  readonly n: number
  readonly m: number
  readonly theta: NDArray
  readonly x0: NDArray
  /** x̄, and Jx̄: [n, m] */
  readonly x: NDArray
  readonly jacobian: NDArray
  readonly parts: Parts<NDArray>
  /** r = ‖x₀ − x̄‖ */
  readonly radius: number
  /** y of the outer loss g(x) = ½ ‖x − y‖². */
  readonly target: NDArray
}

/** |tanh″| ≤ 4 / (3√3), at tanh = 1/√3. */
const curvature = 4 / (3 * Math.sqrt(3))

/** Which instance: x: [n], θ: [m], ‖W(θ)‖₂ = ρ. The extreme family has m = n. */
export interface ContractionSize {
  readonly n: number
  readonly m: number
  readonly rho: number
  readonly seed: number
}

/** Draws instances of a family. */
export const contractionsOf = (family: ContractionFamily): ((size: ContractionSize) => Contraction) => {
  const planted = plant(family)
  const { normal, bilinear, extreme } = family
  return ({ n, m: wanted, rho, seed }) => {
    const m = extreme ? n : wanted
    const random = stream(seed, `bounds ${family.name} ${String(n)} ${String(m)} ${String(rho)}`)
    let used = 0
    const normals = (count: number): Float64Array => random.normals(count, (used += count) - count)
    const Q = orthogonal(n, normals)
    const P = normal ? Q : orthogonal(n, normals)
    const theta = normals(m)
    const D = normals(n * m).map((x) => (bilinear * x) / Math.sqrt(m))
    const raw = normals(n).map((x) => (extreme ? 1 : x))
    const largest = raw.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
    const s = raw.map((x) => (rho * x) / largest)
    const d = s.map((x, i) => theta.reduce((left, t, j) => left - (D[i * m + j] as number) * t, x))
    const U = extreme ? orthogonal(n, normals) : array(normals(n * m), [n, m])
    const given = { Q, P, d: array(d), D: array(D, [n, m]), U }
    const zbar = normals(n).map((x) => x / 2)
    const { x, W, V, c, jacobian } = planted(zbar, theta, given).value as Record<
      'x' | 'W' | 'V' | 'c' | 'jacobian',
      NDArray
    >
    const x0 = normals(n).map((z, i) => (x.data[i] as number) + z)
    const radius = distance(x0, x.data)
    const far = extreme ? 1e3 : 1
    const [kinner, kouter] = [
      family.tanh === 'inner' ? curvature : 0,
      family.tanh === 'outer' ? curvature : 0,
    ]
    const LV = longestRow(given.D)
    const ofA = kouter * rho * longestRow(W) + kinner * longestRow(transposed(W))
    const ofB = kouter * rho * (longestRow(V) + LV * radius) + LV
    return {
      ...{ n, m, rho, theta: array(theta), x0: array(x0), x, jacobian, radius },
      parts: { ...given, c },
      LF: spectralNorm(V) + LV * radius,
      LJ: Math.max(ofA, ofB),
      target: array(normals(n).map((z) => far * z)),
    }
  }
}
