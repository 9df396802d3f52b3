// A strategy of one's own: Jᵀv ≈ t Bᵀv, where t is the best multiple of v for the adjoint equation, ‖v − t (I − Aᵀ) v‖ = min.
// For a damped Newton step it finds 1/α by itself.
import { backtracking, compile, div, dot, grad, linearizeAt, newton, oneStep, solve, sub } from 'onestep'
import type { Strategy, Tensor } from 'onestep'

const scaledOneStep: Strategy = {
  name: 'scaled one-step',
  jvp: ({ map, x, theta }, dTheta) => linearizeAt(map, x, theta).push(undefined, dTheta),
  vjp: ({ map, x, theta }, v, wanted) => {
    const F = linearizeAt(map, x, theta, wanted)
    const r = sub(v, F.pullX(v))
    return F.pullTheta(v.mul(div(dot(r, v), dot(r, r))))
  },
}
const solver = newton({
  residual: (x: Tensor, theta: Tensor) => x.square().sub(theta),
  lineSearch: backtracking({ initial: 0.5 }),
  maxSteps: 200,
})
const derivative = (strategy: Strategy) => grad((theta: Tensor) => solve(solver, { x0: 1, theta, strategy }))
const f = compile((theta: Tensor) => ({
  plain: derivative(oneStep())(theta),
  scaled: derivative(scaledOneStep)(theta),
}))
console.log(f(2).value, 'exact', 0.5 / Math.SQRT2)
