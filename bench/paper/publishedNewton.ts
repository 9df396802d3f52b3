// Newton's method as in the paper's experiment: full steps, a dense Hessian, and a stop test that looks at the gradient before the
// step, so that the step that finds it small is made as well.
//   F(x, θ) = x − H⁻¹ g,   g = ∇f(x, θ),   H = ∇²f(x, θ)
import { choleskyFactor, grad, hessian, norm2, sub } from '../../lib/index.js'
import type { Operand, Solver, Tensor } from '../../lib/index.js'

export interface PublishedState {
  readonly x: Tensor
  /** ‖g‖ before the last step. */
  readonly before: Operand
}

/** A minimizer of f(·, θ) for x: [p]. */
export const publishedNewton = (
  objective: (x: Tensor, theta: Tensor) => Tensor,
  { maxSteps = 49, tol = 1e-10 }: { readonly maxSteps?: number; readonly tol?: number } = {},
): Solver<Tensor, Tensor, PublishedState> & { readonly map: (x: Tensor, theta: Tensor) => Tensor } => {
  const gradient = (x: Tensor, theta: Tensor): Tensor => grad((y: Tensor) => objective(y, theta))(x)
  const factor = (x: Tensor, theta: Tensor) => choleskyFactor(hessian((y) => objective(y, theta))(x))
  const map = (x: Tensor, theta: Tensor): Tensor => sub(x, factor(x, theta).solve(gradient(x, theta)))
  return {
    name: 'published newton',
    // Nothing is known of ‖g‖ before the first step: any number above the tolerance.
    init: (x) => ({ x, before: 1 }),
    step: ({ x }, theta) => ({ x: map(x, theta), before: norm2(gradient(x, theta)) }),
    point: ({ x }) => x,
    error: ({ before }) => before,
    map,
    residual: gradient,
    linearize: factor,
    stopping: { maxSteps, tol, rtol: 0, divergence: 1e12 },
  }
}
