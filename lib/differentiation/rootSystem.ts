// A finished solve as a root x̄ of G(x, θ), with solves by K = ∂ₓG: the solver's own equation and factor where it has them, else
// G = F − x, its matrix factorized where that is predicted to be cheaper (see predictedCost.ts), else conjugate gradients where K is
// symmetric, and GMRES where it is not.
import { stream } from '../base/random.js'
import { array } from '../base/ndarray.js'
import { adjointMethods } from '../base/status.js'
import type { AdjointMethod } from '../base/status.js'
import { cond } from '../control/cond.js'
import { cg, gmres } from '../control/krylov.js'
import { matrixOf } from '../control/linearSolve.js'
import { orZero } from '../control/loop.js'
import type { Tensor } from '../ir/tensor.js'
import { tensor } from '../ir/trace.js'
import { abs, lessEqual, mul, neg, stopGradient, sub, where } from '../ops/elementwise.js'
import { dot, luFactor } from '../ops/linalg.js'
import { norm2 } from '../ops/reduce.js'
import { equationOf, linearizeAt } from './linearize.js'
import { prefersMatrix } from './predictedCost.js'
import type { Linearization, Solved, VectorMap } from './strategy.js'

/**
 * d with K d = b, to `tol` times the norm of b where the method iterates, beginning at `start` (default 0); the relative residual that
 * it reached, and the number of products with K that it made.
 */
export type LinearSolver = (
  b: Tensor,
  tol: number,
  start?: Tensor,
) => { readonly d: Tensor; readonly reached: Tensor; readonly products: Tensor }

const codeOf = (method: AdjointMethod): number => adjointMethods.indexOf(method)

export interface RootSystem {
  /** x̄ and θ, as constants. */
  readonly x: Tensor
  readonly theta: readonly Tensor[]
  readonly residual: VectorMap
  /** Of G at (x̄, θ). */
  readonly linear: Linearization
  /** How systems are solved: by the solver's own factor, which costs next to nothing; by LU of the matrix; or by iteration. */
  readonly kind: 'factor' | 'lu' | 'iterative'
  /** The code of the method, which an instance may choose for itself. */
  readonly method: Tensor
  /** Products with K that were made at once: for its matrix, or to see whether it is symmetric. */
  readonly made: number
  /** K d */
  readonly apply: (d: Tensor) => Tensor
  readonly solve: LinearSolver
  readonly solveTransposed: LinearSolver
}

export interface RootSystemOptions {
  /** 'own': the solver's equation where it has one; 'fixedPoint': F(x, θ) − x. */
  readonly form: 'own' | 'fixedPoint'
  /** Operands whose cotangents are wanted. */
  readonly wanted?: readonly boolean[]
  /** Step limit of CG and GMRES; default max(100, 2 n). */
  readonly maxSteps?: number | undefined
  /** Whether the matrix of K is formed in any case; default: where that is predicted to be cheaper. */
  readonly direct?: boolean | undefined
}

/** No matrix of a larger order is formed: each lane has its own. */
export const largestFormed = 512
const restart = 30
/** How much ⟨Kᵀu, v⟩ and ⟨u, Kᵀv⟩ may differ where K counts as symmetric. */
const asymmetry = 1e-10

/** What is needed of a solve. */
export type Root = Pick<Solved, 'x' | 'theta' | 'map' | 'residual' | 'linearize'>

/** The equation that holds at x̄, and its linearization there. */
export const rootSystem = (solved: Root, options: RootSystemOptions): RootSystem => {
  const x = stopGradient(solved.x)
  const theta = solved.theta.map(stopGradient)
  const n = x.shape[0] as number
  const own = options.form === 'own' ? equationOf(solved) : undefined
  const residual: VectorMap = own?.residual ?? ((y, th) => sub(solved.map(y, th), y))
  const linear = linearizeAt(residual, x, theta, options.wanted ?? theta.map(() => true))
  const apply = (d: Tensor): Tensor => orZero(linear.push(d, []), x.shape)
  const common = { x, theta, residual, linear, apply }
  const atOnce =
    (solve: (b: Tensor) => Tensor): LinearSolver =>
    (b) => ({ d: solve(b), reached: tensor(0), products: tensor(0) })
  if (own !== undefined) {
    const { solve, solveTransposed } = own.linearize(x, theta)
    return {
      ...common,
      kind: 'factor',
      method: tensor(codeOf('factor')),
      made: 0,
      solve: atOnce(solve),
      solveTransposed: atOnce(solveTransposed),
    }
  }
  const transposed = linear.pullX
  if (options.direct ?? (n <= largestFormed && prefersMatrix(apply, n))) {
    const { solve, solveTransposed } = luFactor(matrixOf(apply, n))
    return {
      ...common,
      kind: 'lu',
      method: tensor(codeOf('lu')),
      made: n,
      solve: atOnce(solve),
      solveTransposed: atOnce(solveTransposed),
    }
  }
  const maxSteps = options.maxSteps ?? Math.max(100, 2 * n)
  const [u, v] = ['u', 'v'].map((name) => tensor(array(stream(1, name).normals(n)))) as [Tensor, Tensor]
  const [ku, kv] = [transposed(u), transposed(v)]
  const symmetric = lessEqual(abs(sub(dot(ku, v), dot(u, kv))), mul(asymmetry, mul(norm2(ku), norm2(v))))
  const iterative =
    (product: (d: Tensor) => Tensor, other: (d: Tensor) => Tensor): LinearSolver =>
    (b, tol, start) => {
      // ρ < 1 makes −K = I − ∂ₓF positive definite where it is symmetric.
      const flip = { apply: (d: Tensor) => neg(product(d)), applyTransposed: (d: Tensor) => neg(other(d)) }
      const system = { ...flip, b: neg(b), start, tol, maxSteps }
      const [d, reached, products] = cond<readonly [Tensor, Tensor, Tensor]>(
        symmetric,
        () => {
          const found = cg(system)
          return [found.x, found.residual, found.iterations]
        },
        () => {
          const found = gmres(system, restart)
          return [found.x, found.residual, found.iterations]
        },
      )
      return { d, reached, products }
    }
  return {
    ...common,
    kind: 'iterative',
    method: where(symmetric, codeOf('cg'), codeOf('gmres')),
    made: 2,
    solve: iterative(apply, transposed),
    solveTransposed: iterative(transposed, apply),
  }
}
