// Bilevel problems whose hypergradients and optima are known in closed form, in plain numbers.
import {
  newton,
  gradientDescent,
  matmul,
  meanSquaredError,
  stream,
  sumSquares,
  array,
} from '../../lib/index.js'
import type { NDArray, Tensor } from '../../lib/index.js'
import { fromArray, identity, minus, plus, scaled, solved, times, transposed } from '../oracle/matrices.js'
import type { Matrix } from '../oracle/matrices.js'

const normals = (name: string, ...shape: number[]): NDArray =>
  array(stream(7, `bilevel ${name}`).normals(shape.reduce((a, b) => a * b, 1)), shape)

const column = (x: ArrayLike<number>): Matrix => Array.from(x, (entry) => [entry])
const at = (a: Matrix, i = 0, j = 0): number => (a[i] as readonly number[])[j] as number
const dotted = (a: Matrix, b: Matrix): number => at(times(transposed(a), b))

/** Noise that λ is there to keep out, so that the best λ is neither 0 nor ∞. */
const noisy = (A: NDArray, w: ArrayLike<number>, name: string): NDArray => {
  const [n, p] = A.shape as readonly [number, number]
  const noise = normals(name, n).data
  return array(
    noise.map((z, i) => {
      let sum = 1.5 * z
      for (let j = 0; j < p; j++) sum += (A.data[i * p + j] as number) * (w[j] as number)
      return sum
    }),
  )
}

export const [n, p] = [20, 4]
export const A = normals('A', n, p)
const Av = normals('Av', n, p)
const truth = [1, -0.5, 0.2, 0.1]
export const b = noisy(A, truth, 'noise')
const bv = noisy(Av, truth, 'validation noise')
export const x0 = [0, 0, 0, 0]

/** ½‖A w − b‖² + λ/2 ‖w‖² */
export const ridgeObjective =
  (target: Tensor | NDArray = b) =>
  (w: Tensor, lambda: Tensor): Tensor =>
    sumSquares(matmul(A, w).sub(target))
      .add(lambda.mul(sumSquares(w)))
      .mul(0.5)

/** The validation error, and a price for λ: both arguments of g. */
export const price = 1e-3
export const ridgeOuter = (w: Tensor, lambda: Tensor): Tensor =>
  meanSquaredError(matmul(Av, w), bv).add(lambda.square().mul(price))

export const byNewton = newton({ objective: ridgeObjective(), tol: 1e-11 })
/** Above the largest eigenvalue of AᵀA. */
export const smooth = 60
export const byDescent = gradientDescent({
  objective: ridgeObjective(),
  stepSize: (lambda: Tensor) => lambda.add(smooth).reciprocal(),
  maxSteps: 20000,
})

const plain = { A: fromArray(A), Av: fromArray(Av), bv: column(bv.data) }

/** h and h′ of ridge at λ: w = (AᵀA + λI)⁻¹Aᵀb, w′ = −(AᵀA + λI)⁻¹w. */
export const ridge = (lambda: number, target: ArrayLike<number> = b.data) => {
  const H = plus(times(transposed(plain.A), plain.A), scaled(lambda, identity(p)))
  const w = solved(H, times(transposed(plain.A), column(target)))
  const slope = scaled(-1, solved(H, w))
  const r = minus(times(plain.Av, w), plain.bv)
  return {
    w: w.map((row) => row[0] as number),
    value: dotted(r, r) / n + price * lambda ** 2,
    gradient: (2 / n) * dotted(r, times(plain.Av, slope)) + 2 * price * lambda,
  }
}

/** The λ between two bounds where h′ changes its sign, by bisection. */
export const bestLambda = (target: ArrayLike<number> = b.data): number => {
  let [low, high] = [1e-3, 50]
  for (let k = 0; k < 200; k++) {
    const middle = (low + high) / 2
    if (ridge(middle, target).gradient < 0) low = middle
    else high = middle
  }
  return low
}

// Two parameters, x̄ = Q⁻¹ M θ and h = ½‖x̄ − t‖² + γ/2 ‖θ‖²: with J = Q⁻¹M the optimum solves (JᵀJ + γI) θ = Jᵀt.
const R = normals('R', 3, 3)
const Q = plus(times(transposed(fromArray(R)), fromArray(R)), identity(3))
const M = normals('M', 3, 2)
export const tracked = array([1, -2, 0.5])
export const gamma = 0.1
const J = solved(Q, fromArray(M))

const quadratic = array(Q)
const trackingObjective = (x: Tensor, theta: { readonly u: Tensor; readonly v: Tensor }): Tensor => {
  const Mx = matmul(x, M)
  const [first, second] = [array([1, 0]), array([0, 1])]
  const linear = Mx.mul(first).sum().mul(theta.u).add(Mx.mul(second).sum().mul(theta.v))
  return matmul(quadratic, x).mul(x).sum().mul(0.5).sub(linear)
}

/** x̄ of a quadratic program, as near to t as a small θ = (u, v) can bring it. */
export const tracking = {
  inner: newton({ objective: trackingObjective, tol: 1e-11 }),
  x0: [0, 0, 0],
  outer: (x: Tensor, { u, v }: { readonly u: Tensor; readonly v: Tensor }): Tensor =>
    sumSquares(x.sub(tracked))
      .mul(0.5)
      .add(
        u
          .square()
          .add(v.square())
          .mul(gamma / 2),
      ),
}

export const trackingOptimum = solved(
  plus(times(transposed(J), J), scaled(gamma, identity(2))),
  times(transposed(J), column(tracked.data)),
).map((row) => row[0] as number)

/** ∇h of tracking. */
export const trackingGradient = (theta: readonly number[]): number[] =>
  plus(
    times(transposed(J), minus(times(J, column(theta)), column(tracked.data))),
    scaled(gamma, column(theta)),
  ).map((row) => row[0] as number)
