// Random problems whose hypergradients are certified: maps that contract, ill-conditioned ones, ones that are far from normal,
// damped Newton steps, interior points. Each problem is a matrix, drawn from a seed, and a batch of θ: [3] as lanes.
import {
  add,
  array,
  compile,
  fixedPoint,
  gradientDescent,
  hypergradient,
  interiorPoint,
  luFactor,
  matmul,
  mul,
  newton,
  primalDualStart,
  softplus,
  stream,
  sub,
  sum,
  sumSquares,
  tanh,
  diag,
  sigmoid,
  zeros,
} from '../../lib/index.js'
import { spectralNorm, transposed } from '../paper/matrices.js'
import type {
  CertificateOptions,
  Compiled,
  MapConstants,
  NDArray,
  Operand,
  PrimalDual,
  Solver,
  Strategy,
  Tensor,
} from '../../lib/index.js'

/** θ: [3] */
const parameters = 3

export interface CertifiedProblem {
  /** With x a vector of `size` entries, or the points of an interior-point iteration. */
  readonly inner: (tol: number) => Solver<unknown, Tensor, never>
  readonly x0: unknown
  readonly outer: (x: unknown, theta: Tensor) => Operand
  /** Known bounds, where the family has them. */
  readonly constants?: MapConstants
}

export interface Family {
  readonly name: string
  readonly problem: (seed: number) => CertifiedProblem
  /** The same problem, solved by something that reaches the solution. */
  readonly exact?: (seed: number) => CertifiedProblem
  /** Inner tolerances to be tried; the last one is tight. */
  readonly tolerances: readonly number[]
}

const draw = (seed: number, name: string, ...shape: number[]): NDArray =>
  array(stream(seed, name).normals(shape.reduce((a, b) => a * b, 1)), shape)

/** ‖A‖₂, and a little more, so that rounding does not make it too small. */
const norm = (a: NDArray): number => spectralNorm(a) * (1 + 1e-9)

/** A with ‖A‖₂ = size. */
const scaled = (a: NDArray, size: number): NDArray => {
  const by = size / spectralNorm(a)
  return array(
    a.data.map((v) => v * by),
    a.shape,
  )
}

const distance =
  (target: NDArray) =>
  (x: unknown): Tensor =>
    mul(0.5, sumSquares(sub(x as Tensor, target)))

/** What a problem of a vector x has in common. */
const onVector = (
  size: number,
  seed: number,
  inner: (tol: number) => Solver<Tensor, Tensor, never>,
  constants?: MapConstants,
): CertifiedProblem => ({
  inner: inner as unknown as CertifiedProblem['inner'],
  x0: zeros([size]),
  outer: distance(draw(seed, 'target', size)),
  ...(constants === undefined ? {} : { constants }),
})

type VectorSolver = Solver<Tensor, Tensor, never>

/** x ← ρ Q x + Uθ with ‖Q‖₂ = 1: L_F = ‖U‖₂, L_J = 0. */
const affine: Family = {
  name: 'affine contraction',
  tolerances: [1e-1, 1e-4, 1e-11],
  problem: (seed) => {
    const n = 12
    const rho = [0.2, 0.6, 0.9, 0.99][seed % 4] as number
    const [W, U] = [scaled(draw(seed, 'W', n, n), rho), draw(seed, 'U', n, parameters)]
    const map = (x: Tensor, theta: Tensor): Tensor => add(matmul(W, x), matmul(U, theta))
    return onVector(n, seed, (tol) => fixedPoint({ map, tol, maxSteps: 20000 }) as unknown as VectorSolver, {
      rho: norm(W),
      theta: norm(U),
      jacobian: 0,
      outerGradient: 1,
    })
  },
}

/**
 * x ← tanh(Wx + Uθ), ‖W‖₂ = ρ. ∂ₓF = D W and ∂θF = D U with D = diag(tanh′), and |tanh″| ≤ 4/(3√3), so that
 * ‖D(x) − D(x′)‖₂ ≤ 4/(3√3) ‖W‖₂ ‖x − x′‖.
 */
const layer: Family = {
  name: 'equilibrium layer',
  tolerances: [1e-1, 1e-4, 1e-11],
  problem: (seed) => {
    const n = 16
    const rho = [0.3, 0.7, 0.95][seed % 3] as number
    const [W, U] = [scaled(draw(seed, 'W', n, n), rho), draw(seed, 'U', n, parameters)]
    const map = (x: Tensor, theta: Tensor): Tensor => tanh(add(matmul(W, x), matmul(U, theta)))
    const bend = (4 / (3 * Math.sqrt(3))) * norm(W)
    return onVector(n, seed, (tol) => fixedPoint({ map, tol, maxSteps: 20000 }) as unknown as VectorSolver, {
      rho: norm(W),
      theta: norm(U),
      jacobian: bend * Math.max(norm(W), norm(U)),
      outerGradient: 1,
    })
  },
}

/** Gradient descent on ½xᵀHx − xᵀUθ + 0.01 Σ softplus(x), κ(H) up to 1e6; the step limit is reached where it is ill-conditioned. */
const illConditioned: Family = {
  name: 'ill-conditioned descent',
  tolerances: [1e-2, 1e-9],
  exact: (seed) => slow(seed, true),
  problem: (seed) => slow(seed, false),
}
const slow = (seed: number, exact: boolean): CertifiedProblem => {
  const n = 60
  const kappa = 10 ** (1 + (seed % 6))
  const H = array(
    Float64Array.from({ length: n }, (_, i) => kappa ** (-i / (n - 1))),
    [n],
  )
  const U = draw(seed, 'U', n, parameters)
  const objective = (x: Tensor, theta: Tensor): Tensor =>
    add(
      sub(mul(0.5, sum(mul(H, mul(x, x)))), sum(mul(x, matmul(U, theta)))),
      mul(1e-3 / kappa, sum(softplus(x))),
    )
  return onVector(
    n,
    seed,
    (tol) =>
      (exact
        ? newton({ objective, tol })
        : gradientDescent({ objective, stepSize: 1, tol, maxSteps: 3000 })) as unknown as VectorSolver,
  )
}

/** x ← Tx + Uθ + 0.05 tanh(x) with T upper triangular: its eigenvalues are 0.3, its norm is above 1. */
const nonNormal: Family = {
  name: 'far from normal',
  tolerances: [1e-2, 1e-11],
  problem: (seed) => {
    const n = 12
    const T = array(
      draw(seed, 'T', n, n).data.map((v, k) => {
        const above = (k % n) - Math.floor(k / n)
        return above === 0 ? 0.3 : above > 0 ? 1.2 * v : 0
      }),
      [n, n],
    )
    const U = draw(seed, 'U', n, parameters)
    const map = (x: Tensor, theta: Tensor): Tensor =>
      add(add(matmul(T, x), matmul(U, theta)), mul(0.05, tanh(x)))
    return onVector(
      n,
      seed,
      (tol) => fixedPoint({ map, tol, maxSteps: 5000, divergence: 1e30 }) as unknown as VectorSolver,
    )
  },
}

const logistic = (seed: number, n: number) => {
  const [X, U] = [draw(seed, 'X', 3 * n, n), draw(seed, 'U', n, parameters)]
  const Xt = transposed(X)
  const objective = (x: Tensor, theta: Tensor): Tensor =>
    add(sum(softplus(matmul(X, x))), sub(sumSquares(x), sum(mul(x, matmul(U, theta)))))
  return { X, Xt, U, objective }
}

/** x ← x − α H⁻¹∇f with α = ½ or 0.9: one-step is α times the derivative. */
const damped: Family = {
  name: 'damped Newton',
  tolerances: [1e-1, 1e-10],
  problem: (seed) => {
    const n = 8
    const alpha = seed % 2 === 0 ? 0.5 : 0.9
    const { X, Xt, U } = logistic(seed, n)
    const map = (x: Tensor, theta: Tensor): Tensor => {
      const s = sigmoid(matmul(X, x))
      const gradient = sub(add(matmul(Xt, s), mul(2, x)), matmul(U, theta))
      const H = add(
        matmul(Xt, mul(s.mul(sub(1, s)).reshape([3 * n, 1]), X)),
        diag(array(new Float64Array(n).fill(2))),
      )
      return sub(x, mul(alpha, luFactor(H).solve(gradient)))
    }
    return onVector(n, seed, (tol) => fixedPoint({ map, tol, maxSteps: 200 }) as unknown as VectorSolver)
  },
}

/** Newton with its own linearization. */
const newtonFamily: Family = {
  name: 'Newton',
  tolerances: [1, 1e-2, 1e-10],
  problem: (seed) => {
    const { objective } = logistic(seed, 8)
    return onVector(8, seed, (tol) => newton({ objective, tol }) as unknown as VectorSolver)
  },
}

/** min ½xᵀQx + (Uθ)ᵀx, Gx ≤ h by the interior point, whose last step is damped. */
const programs: Family = {
  name: 'quadratic programs',
  tolerances: [1e-3, 1e-10],
  problem: (seed) => {
    const [n, p] = [8, 10]
    const R = draw(seed, 'R', n, n)
    const Q = array(
      Float64Array.from({ length: n * n }, (_, k) => {
        const [i, j] = [Math.floor(k / n), k % n]
        let t = i === j ? 0.1 : 0
        for (let l = 0; l < n; l++) t += ((R.data[i * n + l] as number) * (R.data[j * n + l] as number)) / n
        return t
      }),
      [n, n],
    )
    const [G, U] = [draw(seed, 'G', p, n), draw(seed, 'U', n, parameters)]
    const h = array(stream(seed, 'h').uniforms(p))
    const data = { Q, G, h }
    const target = draw(seed, 'target', n)
    return {
      inner: (tol: number) =>
        interiorPoint({
          problem: (theta: Tensor) => ({ ...data, q: matmul(U, theta) }),
          tol,
        }) as unknown as Solver<unknown, Tensor, never>,
      x0: primalDualStart({ ...data, q: new Float64Array(n) }),
      outer: (x: unknown) => distance(target)((x as PrimalDual).x),
    }
  },
}

export const families: readonly Family[] = [
  affine,
  layer,
  illConditioned,
  nonNormal,
  damped,
  newtonFamily,
  programs,
]

/** The hypergradient of a problem as a compiled function of θ. */
export const compiled = (
  { inner, x0, outer, constants }: CertifiedProblem,
  strategy: Strategy,
  tol: number,
  certificate: boolean,
): Compiled<[Tensor], unknown> => {
  const asked: boolean | CertificateOptions =
    certificate && constants !== undefined ? { constants } : certificate
  const h = hypergradient({ inner: inner(tol), x0: x0, outer, strategy, certificate: asked })
  return compile((theta: Tensor) => {
    const { value, gradient } = h(theta)
    return { value, gradient }
  })
}

/** θ of so many instances. */
export const thetas = (seed: number, count: number): NDArray => draw(seed, 'theta', count, parameters)
