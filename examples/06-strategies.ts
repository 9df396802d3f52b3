// Every strategy on the same solve: gradient descent on a quadratic with condition number 10, whose exact derivative is known.
import {
  compile,
  gradientDescent,
  implicit,
  jacobian,
  neumann,
  oneStep,
  phantom,
  solve,
  sum,
  truncated,
  unrolled,
} from 'onestep'
import type { NDArray, Strategy, Tensor } from 'onestep'

const curvature = [1, 10]
const quadratic = gradientDescent({
  objective: (x: Tensor, theta: Tensor) => sum(x.square().mul(curvature).mul(0.5).sub(x.mul(theta))),
  stepSize: 0.1,
  tol: 1e-12,
})
const strategies: Strategy[] = [
  oneStep(),
  truncated(10),
  neumann(10),
  neumann(100),
  phantom(10, 0.5),
  unrolled(),
  implicit(),
]
const f = compile((theta: Tensor) =>
  strategies.map((strategy) =>
    jacobian((t: Tensor) => solve(quadratic, { x0: [0, 0], theta: t, strategy }))(theta),
  ),
)
const { value } = f([1, 1])
value.forEach((jacobianOfStrategy, i) => {
  const [a = 0, b = 0, c = 0, d = 0] = (jacobianOfStrategy as NDArray).data
  const error = Math.hypot(a - 1, b, c, d - 0.1) / Math.hypot(1, 0.1)
  console.log(strategies[i]?.name.padEnd(14), 'relative error', error.toExponential(1))
})
