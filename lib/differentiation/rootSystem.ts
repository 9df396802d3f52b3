// A finished solve as a root x̄ of G(x, θ), with solves by ∂ₓG: the solver's own equation and factor where it has them, else
// G = F − x, its matrix factorized where it is small, else GMRES.
import { gmres } from '../control/krylov.js'
import { matrixOf } from '../control/linearSolve.js'
import { orZero } from '../control/loop.js'
import type { Tensor } from '../ir/tensor.js'
import { tensor } from '../ir/trace.js'
import { stopGradient, sub } from '../ops/elementwise.js'
import { luFactor } from '../ops/linalg.js'
import { equationOf, linearizeAt } from './linearize.js'
import type { Linearization, Solved, VectorMap } from './strategy.js'

/** Solves K d = b, to `tol` times the norm of b where the method iterates. */
export type LinearSolver = (b: Tensor, tol: number) => Tensor

export interface RootSystem {
  /** x̄ and θ, as constants. */
  readonly x: Tensor
  readonly theta: readonly Tensor[]
  readonly residual: VectorMap
  /** Of G at (x̄, θ). */
  readonly linear: Linearization
  readonly solve: LinearSolver
  readonly solveTransposed: LinearSolver
}

export interface RootSystemOptions {
  /** 'own': the solver's equation where it has one; 'fixedPoint': F(x, θ) − x. */
  readonly form: 'own' | 'fixedPoint'
  /** Operands whose cotangents are wanted. */
  readonly wanted?: readonly boolean[]
  /** Step limit of GMRES; default max(100, 2 n). */
  readonly maxSteps?: number | undefined
}

/** Up to this order the matrix of ∂ₓG is formed, by as many products, and factorized. */
const largestFormed = 48
const restart = 30

/** The equation that holds at x̄, and its linearization there. */
export const rootSystem = (solved: Solved, options: RootSystemOptions): RootSystem => {
  const x = stopGradient(solved.x)
  const theta = solved.theta.map(stopGradient)
  const n = x.shape[0] as number
  const own = options.form === 'own' ? equationOf(solved) : undefined
  const residual: VectorMap = own?.residual ?? ((y, th) => sub(solved.map(y, th), y))
  const linear = linearizeAt(residual, x, theta, options.wanted ?? theta.map(() => true))
  const common = { x, theta, residual, linear }
  if (own !== undefined) {
    const { solve, solveTransposed } = own.linearize(x, theta)
    return { ...common, solve, solveTransposed }
  }
  const apply = (d: Tensor): Tensor => orZero(linear.push(d, []), x.shape)
  const applyTransposed = linear.pullX
  if (n <= largestFormed) {
    const { solve, solveTransposed } = luFactor(matrixOf(apply, n))
    return { ...common, solve, solveTransposed }
  }
  const maxSteps = options.maxSteps ?? Math.max(100, 2 * n)
  return {
    ...common,
    solve: (b, tol) => gmres({ apply, applyTransposed, b: tensor(b), tol, maxSteps }, restart).x,
    solveTransposed: (b, tol) =>
      gmres({ apply: applyTransposed, applyTransposed: apply, b: tensor(b), tol, maxSteps }, restart).x,
  }
}
