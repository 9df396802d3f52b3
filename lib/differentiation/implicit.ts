// Implicit differentiation: the fixed-point equation, or G(x̄, θ) = 0, differentiated at x̄.
//   (I − A) ẋ = B θ̇  with A = ∂ₓF, B = ∂θF;     or     ∂ₓG ẋ = −∂θG θ̇  with the solver's own linearization
// Error ≤ (L_J L_F / (1 − ρ)² + L_J / (1 − ρ)) ‖x̄ − x*‖ (Bolte, Pauwels, Vaiter 2023), plus that of the linear solve.
import { ArgumentError, checkOptions } from '../base/errors.js'
import { gradientStatusCode } from '../base/status.js'
import { linearMethods, linearSolve } from '../control/linearSolve.js'
import type { LinearMethod } from '../control/linearSolve.js'
import type { Tensor } from '../ir/tensor.js'
import { report } from '../ir/trace.js'
import { isFinite, neg, sub, where } from '../ops/elementwise.js'
import { orZero } from '../control/loop.js'
import { norm2 } from '../ops/reduce.js'
import { linearizeAt } from './linearize.js'
import type { Solved, Strategy } from './strategy.js'

export interface ImplicitOptions {
  /**
   * How the linear system is solved. 'auto' (default): the solver's own linearization where it has one, else 'lu'.
   * The others work on I − ∂ₓF: 'cholesky' and 'cg' need it symmetric positive definite.
   */
  readonly linearSolver?: 'auto' | LinearMethod
  /** Relative residual at which iterative linear solvers stop. Default 1e-10. */
  readonly tol?: number
  /** Step limit of iterative linear solvers. Default max(100, 2 n). */
  readonly maxSteps?: number
  /** Steps between restarts of gmres. Default 30. */
  readonly restart?: number
}

/** Notes whether a direct solve with the solver's own linearization went well. */
const direct = (x: Tensor): Tensor => {
  report('gradientStatus', where(isFinite(norm2(x)), gradientStatusCode.ok, gradientStatusCode.singular))
  return x
}

/** Differentiates the equation that holds at the solution. */
export const implicit = (options: ImplicitOptions = {}): Strategy => {
  checkOptions('implicit', options, ['linearSolver', 'tol', 'maxSteps', 'restart'])
  const { linearSolver = 'auto', ...rest } = options
  if (linearSolver !== 'auto' && !linearMethods.includes(linearSolver)) {
    throw new ArgumentError('implicit: unknown linear solver', {
      expected: ['auto', ...linearMethods].join(', '),
      received: String(linearSolver),
    })
  }
  const linear = { ...rest, method: linearSolver === 'auto' ? ('lu' as const) : linearSolver }
  const own = ({ residual, linearize }: Solved) =>
    linearSolver === 'auto' && residual !== undefined && linearize !== undefined ? { residual, linearize } : undefined
  return {
    name: linearSolver === 'auto' ? 'implicit' : `implicit-${linearSolver}`,
    jvp: (solved, dTheta) => {
      const { x, theta, map } = solved
      const equation = own(solved)
      if (equation !== undefined) {
        const moved = linearizeAt(equation.residual, x, theta).push(undefined, dTheta)
        return moved && direct(solveWith(equation, solved, neg(moved), false))
      }
      const source = linearizeAt(map, x, theta).push(undefined, dTheta)
      return (
        source &&
        linearSolve((t) => sub(t, orZero(linearizeAt(map, x, theta).push(t, theta.map(() => undefined)), x.shape)), source, linear, 'adjoint')
      )
    },
    vjp: (solved, v, wanted) => {
      const { x, theta, map } = solved
      const equation = own(solved)
      if (equation !== undefined) {
        const nu = direct(solveWith(equation, solved, neg(v), true))
        return linearizeAt(equation.residual, x, theta, wanted).pullTheta(nu)
      }
      const nu = linearSolve((t) => sub(t, linearizeAt(map, x, theta).pullX(t)), v, linear, 'adjoint')
      return linearizeAt(map, x, theta, wanted).pullTheta(nu)
    },
  }
}

/** ∂ₓG(x̄, θ)⁻¹ b, or with the transpose: attached to x̄ and θ, so that second derivatives are right. */
const solveWith = (
  { linearize }: { linearize: NonNullable<Solved['linearize']> },
  { x, theta }: Solved,
  b: Tensor,
  transposed: boolean,
): Tensor => {
  const operator = linearize(x, theta)
  return transposed ? operator.solveTransposed(b) : operator.solve(b)
}

