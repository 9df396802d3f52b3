// √θ by Newton's method, with its first and second derivative by one-step differentiation:
// ½ θ^(−1/2) = 0.35355… and −¼ θ^(−3/2) = −0.08838… at θ = 2.
import { compile, grad, newton, oneStep, solve } from 'onestep'
import type { Tensor } from 'onestep'

const solver = newton({ residual: (x: Tensor, theta: Tensor) => x.square().sub(theta), lineSearch: 'none' })
const root = (theta: Tensor) => solve(solver, { x0: 1, theta, strategy: oneStep() })

const f = compile((theta: Tensor) => [root(theta), grad(root)(theta), grad(grad(root))(theta)])
console.log(f(2).value)
