// Implicit differentiation: the fixed-point equation, or G(x̄, θ) = 0, differentiated at x̄.
//   (I − A) ẋ = B θ̇  with A = ∂ₓF, B = ∂θF;     or     ∂ₓG ẋ = −∂θG θ̇  with the solver's own linearization
// Error ≤ (L_J L_F / (1 − ρ)² + L_J / (1 − ρ)) ‖x̄ − x*‖ (Bolte, Pauwels, Vaiter 2023), plus that of the linear solve.
import { ArgumentError, checkOptions } from '../base/errors.js'
import { orZero } from '../control/loop.js'
import { completeOptions, linearMethods, linearSolve } from '../control/linearSolve.js'
import type { LinearMethod } from '../control/linearSolve.js'
import type { Maybe } from '../ir/op.js'
import type { Tensor } from '../ir/tensor.js'
import { addMaybe, sub } from '../ops/elementwise.js'
import { grad } from '../transform/derivatives.js'
import { byEquation, equationOf, linearizeAt } from './linearize.js'
import type { Equation } from './linearize.js'
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

/** What a start saves steps of. */
const iterativeMethods: readonly LinearMethod[] = linearMethods.filter(
  (method) => method !== 'lu' && method !== 'cholesky',
)

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
  completeOptions('implicit', linear, 1)
  const own = (solved: Solved): Equation | undefined =>
    linearSolver === 'auto' ? equationOf(solved) : undefined
  /** ν with (I − A)ᵀ ν = v. */
  const adjointOf = ({ x, theta, map }: Solved, v: Tensor, start?: Tensor): Tensor =>
    linearSolve((t) => sub(t, linearizeAt(map, x, theta).pullX(t)), v, linear, 'adjoint', start)
  const pulled = ({ x, theta, map }: Solved, nu: Tensor, wanted: readonly boolean[]): readonly Maybe[] =>
    linearizeAt(map, x, theta, wanted).pullTheta(nu)
  const gradient: Strategy['gradient'] = (solved, outer, wanted, start) => {
    const [v, straight] = grad(([y, th]: [Tensor, Tensor[]]) => outer(y, th))([solved.x, [...solved.theta]])
    const adjoint = adjointOf(solved, v, start)
    const turned = pulled(solved, adjoint, wanted)
    return { parts: wanted.map((flag, i) => (flag ? addMaybe(straight[i], turned[i]) : undefined)), adjoint }
  }
  return {
    name: linearSolver === 'auto' ? 'implicit' : `implicit-${linearSolver}`,
    jvp: (solved, dTheta) => {
      const { x, theta, map } = solved
      const equation = own(solved)
      if (equation !== undefined) return byEquation(equation, x, theta).push(dTheta)
      const source = linearizeAt(map, x, theta).push(undefined, dTheta)
      const { push } = linearizeAt(map, x, theta)
      return source && linearSolve((t) => sub(t, orZero(push(t, []), x.shape)), source, linear, 'adjoint')
    },
    vjp: (solved, v, wanted) => {
      const { x, theta } = solved
      const equation = own(solved)
      if (equation !== undefined) return byEquation(equation, x, theta).pull(v, wanted)
      return pulled(solved, adjointOf(solved, v), wanted)
    },
    ...(iterativeMethods.includes(linear.method) ? { gradient } : {}),
  }
}
