// Newton's method.
//   minimization: x ← x − α H⁻¹ g, with g = ∇f, H = ∇²f by Cholesky; where H is not positive definite, by H + τ I with the
//                 first τ that works (Nocedal and Wright 2006, algorithm 3.3)
//   roots:        x ← x − α J⁻¹ G, with J = ∂ₓG by LU; steps are searched on ½‖G‖²
// Converges quadratically, so that ∂ₓF = 0 at the solution and one-step differentiation is exact there up to α.
import { ArgumentError } from '../base/errors.js'
import { statusCode } from '../base/status.js'
import type { LinearOperator, Solver, StoppingOptions } from '../differentiation/solver.js'
import type { Tensor } from '../ir/tensor.js'
import { tensor, traceGraph } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import {
  add,
  addMaybe,
  greater,
  isFinite,
  less,
  logicalAnd,
  logicalNot,
  maximum,
  mul,
  neg,
  stopGradient,
  sub,
  where,
} from '../ops/elementwise.js'
import { choleskyFactor, dot, luFactor, matmul, outer } from '../ops/linalg.js'
import { diagonal, eye } from '../ops/movement.js'
import { norm2, sum, sumSquares } from '../ops/reduce.js'
import { cond } from '../control/cond.js'
import { applyCustom } from '../control/custom.js'
import type { CustomRule } from '../control/custom.js'
import { whileLoop } from '../control/while.js'
import { grad, hessian, jacobian } from '../transform/derivatives.js'
import { backtracking, search } from './backtracking.js'
import type { Backtracking } from './backtracking.js'
import { stopping } from './stopping.js'
import { pack } from './vectors.js'

export interface NewtonOptions<X, P> extends StoppingOptions {
  /** Minimize f(x, θ), a scalar; or give `residual`. */
  readonly objective?: (x: X, theta: P) => Operand
  /** Find x with G(x, θ) = 0, of the structure of x; or give `objective`. */
  readonly residual?: (x: X, theta: P) => X
  /** Step lengths: `backtracking()` (default), or 'none' for full steps. */
  readonly lineSearch?: Backtracking | 'none'
}

export interface NewtonState<X> {
  readonly x: X
  /** ∇f or G at x, as a vector. */
  readonly residual: Operand
  readonly alpha: Operand
  readonly singular: Operand
}

/** The equation G(x) = 0 on vectors, what is to decrease along a step, and the factor of ∂ₓG. */
interface Equation {
  readonly residual: (x: Tensor) => Tensor
  readonly merit: (x: Tensor) => Tensor
  readonly matrix: (x: Tensor) => Tensor
  readonly factor: (matrix: Tensor) => LinearOperator
  /** Newton's direction d, with the slope of the merit along −d, given the residual g and ∂ₓG. */
  readonly direction: (matrix: Tensor, g: Tensor) => { readonly d: Tensor; readonly slope: Tensor }
}

const allFinite = (x: Tensor): Tensor => isFinite(sum(mul(x, 0)))

/**
 * d = (H + τ I)⁻¹ g with the first τ in 0, β, 2β, 4β, … for which H + τ I is positive definite, β = 10⁻³ ‖H‖; NaN for H = 0.
 * Differentiated with τ held constant:  ḋ = (H + τ I)⁻¹ (ġ − Ḣ d),   ḡ = (H + τ I)⁻¹ v,   H̄ = −ḡ dᵀ.
 */
const regularized = (matrix: Tensor, g: Tensor): Tensor => {
  const n = g.shape[0] as number
  const solveWith = (H: Tensor, tau: Operand, b: Tensor): Tensor =>
    choleskyFactor(add(H, mul(tau, eye(n)))).solve(b)
  const { graph } = traceGraph(
    ([H, b]) => {
      const [m, r] = [H as Tensor, b as Tensor]
      const direct = choleskyFactor(m).solve(r)
      const { d, tau } = cond(
        allFinite(direct),
        () => ({ d: direct, tau: tensor(0) }),
        () => {
          const beta = mul(1e-3, norm2(m))
          const usable = logicalAnd(logicalAnd(isFinite(beta), greater(beta, 0)), allFinite(r))
          const found = whileLoop(
            (at) => logicalAnd(logicalNot(allFinite(at.d)), logicalAnd(less(at.k, 60), usable)),
            (at) => {
              const next = maximum(mul(2, at.tau), beta)
              return { tau: next, d: solveWith(m, next, r), k: add(at.k, 1) }
            },
            { tau: tensor(0), d: direct, k: tensor(0) },
          )
          return { d: found.d, tau: found.tau }
        },
      )
      return [d, tau]
    },
    [matrix.shape, g.shape],
  )
  const jvp: CustomRule = ({ inputs: [H], outputs: [d, tau] }, [dH, dg]) => {
    const moved = addMaybe(dg, dH && neg(matmul(dH, d as Tensor)))
    return [moved && solveWith(H as Tensor, tau as Tensor, moved), undefined]
  }
  const vjp: CustomRule = ({ inputs: [H], outputs: [d, tau] }, [v]) => {
    if (v === undefined) return [undefined, undefined]
    const u = solveWith(H as Tensor, tau as Tensor, v)
    return [neg(outer(u, d as Tensor)), u]
  }
  return applyCustom([matrix, g], { label: 'regularized direction', graph, jvp, vjp })[0] as Tensor
}

/** A minimizer of f(·, θ) or a root of G(·, θ). Default maxSteps 50; the error is ‖∇f‖₂ or ‖G‖₂. */
export const newton = <X, P>(options: NewtonOptions<X, P>): Solver<X, P, NewtonState<X>> => {
  const { objective, residual, lineSearch = backtracking() } = options
  const shared = stopping('newton', options, ['objective', 'residual', 'lineSearch'], { maxSteps: 50 })
  if ((objective === undefined) === (residual === undefined)) {
    throw new ArgumentError('newton needs an objective or a residual', {
      expected: 'exactly one of objective and residual',
      received: objective === undefined ? 'neither' : 'both',
    })
  }
  if (lineSearch !== 'none' && lineSearch?.kind !== 'backtracking') {
    throw new ArgumentError('newton: lineSearch', {
      expected: "backtracking() or 'none'",
      received: JSON.stringify(lineSearch),
    })
  }
  const equationAt = (
    x: X,
    theta: P,
  ): Equation & { readonly vector: Tensor; readonly unpack: (v: Tensor) => X } => {
    const { vector, unpack } = pack(x)
    if (objective !== undefined) {
      const f = (v: Tensor): Tensor => tensor(objective(unpack(v), theta))
      return {
        vector,
        unpack,
        residual: grad(f),
        merit: f,
        matrix: hessian(f),
        factor: choleskyFactor,
        direction: (matrix, g) => {
          const d = regularized(matrix, g)
          return { d, slope: neg(dot(g, d)) }
        },
      }
    }
    const G = (v: Tensor): Tensor => pack((residual as (x: X, theta: P) => X)(unpack(v), theta)).vector
    return {
      vector,
      unpack,
      residual: G,
      merit: (v) => mul(0.5, sumSquares(G(v))),
      matrix: (v) => jacobian(G, { mode: 'forward' })(v),
      factor: luFactor,
      // d/dα ½‖G(x − α d)‖² = −‖G‖² at 0
      direction: (matrix, g) => ({ d: luFactor(matrix).solve(g), slope: neg(dot(g, g)) }),
    }
  }
  return {
    name: 'newton',
    init: (x0, theta) => {
      const { vector, residual: G } = equationAt(x0, theta)
      return { x: x0, residual: G(vector), alpha: 1, singular: 0 }
    },
    step: (state, theta) => {
      const { vector, unpack, residual: G, merit, matrix, direction } = equationAt(state.x, theta)
      const m = matrix(vector)
      const { d, slope } = direction(m, tensor(state.residual))
      const alpha =
        lineSearch === 'none'
          ? tensor(1)
          : search(lineSearch, (a) => merit(sub(vector, mul(a, d))), merit(vector), slope, state.alpha)
      const next = sub(vector, lineSearch === 'none' ? d : mul(alpha, d))
      const singular = logicalAnd(
        logicalNot(allFinite(d)),
        logicalAnd(allFinite(diagonal(m)), allFinite(tensor(state.residual))),
      )
      return { x: unpack(next), residual: G(next), alpha, singular }
    },
    point: ({ x }) => x,
    error: ({ residual: g }) => norm2(g),
    verdict: ({ singular }) => where(singular, statusCode.singular, -1),
    stepLength: ({ alpha }) => alpha,
    map: (x, theta, { alpha }) => {
      const { vector, unpack, residual: G, matrix, factor } = equationAt(x, theta)
      const d = tensor(factor(matrix(vector)).solve(G(vector)))
      return unpack(sub(vector, lineSearch === 'none' ? d : mul(stopGradient(alpha), d)))
    },
    residual: (x, theta) => {
      const { vector, unpack, residual: G } = equationAt(x, theta)
      return unpack(G(vector))
    },
    linearize: (x, theta) => {
      const { vector, matrix, factor } = equationAt(x, theta)
      return factor(matrix(vector))
    },
    stopping: shared,
  }
}
