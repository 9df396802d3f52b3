// Many cheap problems: the minimizer of a smooth strictly convex function of four variables, and a gradient through it.
//   f(x, θ) = ½ ‖x‖² + log Σ exp(xⱼ) − θᵀx,   ∇f = x + s − θ,   H = I + diag(s) − s sᵀ,   s = softmax(x)
// by undamped Newton from 0, with the one-step gradient of ½‖x̄‖² in θ, which is H⁻¹ x̄ at a solution.
import { array, logsumexp, newton, oneStep, solve, stream, sumSquares, vjp } from '../lib/index.js'
import type { NDArray, Operand, Tensor } from '../lib/index.js'

export const variables = 4

const objective = (x: Tensor, theta: Tensor): Operand =>
  sumSquares(x).mul(0.5).add(logsumexp(x)).sub(x.mul(theta).sum())

/** x̄ and the one-step gradient of ½‖x̄‖² in θ: [4] each, to be traced. */
export const cheapNewton = (theta: Tensor): { readonly x: Tensor; readonly gradient: Tensor } => {
  const solver = newton<Tensor, Tensor>({ objective, lineSearch: 'none', tol: 1e-10 })
  const x0 = array(new Float64Array(variables))
  const [x, pull] = vjp((t: Tensor) => solve(solver, { x0, theta: t, strategy: oneStep() }), [theta])
  return { x, gradient: pull(x)[0] }
}

/** θ-instances first … first + count − 1, three times standard normal: [count, 4]. */
export const thetaBatch = (first: number, count: number): NDArray =>
  array(
    stream(1, 'cheap theta')
      .normals(count * variables, first * variables)
      .map((x) => 3 * x),
    [count, variables],
  )

/** The largest |∇f| and the largest error of a gradient, of results [count, 4]. */
export const cheapErrors = (
  theta: Float64Array,
  x: Float64Array,
  gradient: Float64Array,
): { readonly residual: number; readonly gradient: number } => {
  const worst = { residual: 0, gradient: 0 }
  const note = (name: keyof typeof worst, error: number): void => {
    worst[name] = Math.max(worst[name], error)
  }
  for (let i = 0; i < x.length; i += variables) {
    const at = x.subarray(i, i + variables)
    const exps = at.map(Math.exp)
    const total = exps.reduce((a, b) => a + b)
    const s = exps.map((e) => e / total)
    at.forEach((xj, j) => note('residual', Math.abs(xj + (s[j] as number) - (theta[i + j] as number))))
    // Sherman and Morrison: H⁻¹ x = y + u (sᵀy) / (1 − sᵀu), with y = x / (1 + s) and u = s / (1 + s)
    const y = at.map((xj, j) => xj / (1 + (s[j] as number)))
    const u = s.map((sj) => sj / (1 + sj))
    const along = (v: Float64Array): number => v.reduce((sum, vj, j) => sum + vj * (s[j] as number), 0)
    const factor = along(y) / (1 - along(u))
    y.forEach((yj, j) =>
      note('gradient', Math.abs(yj + factor * (u[j] as number) - (gradient[i + j] as number))),
    )
  }
  return worst
}
