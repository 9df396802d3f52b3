// A solve inside the map of another solve: y = cos(y + √x) inside of x = θ + ½ y(x). Statuses and derivatives pass through.
import { compile, fixedPoint, grad, implicit, newton, solve } from 'onestep'
import type { Tensor } from 'onestep'

const root = newton({ residual: (r: Tensor, x: Tensor) => r.square().sub(x), lineSearch: 'none' })
const inner = fixedPoint({
  map: (y: Tensor, x: Tensor) =>
    y
      .add(solve(root, { x0: 1, theta: x }))
      .cos()
      .mul(0.5),
  tol: 1e-12,
})
const outer = fixedPoint({
  map: (x: Tensor, theta: Tensor) => theta.add(solve(inner, { x0: 0, theta: x }).mul(0.5)),
  tol: 1e-12,
})
const x = (theta: Tensor) => solve(outer, { x0: 1, theta, strategy: implicit() })
const f = compile((theta: Tensor) => ({ x: x(theta), slope: grad(x)(theta) }))
const h = 1e-5
const difference = (Number(f(2 + h).value.x) - Number(f(2 - h).value.x)) / (2 * h)
const { value, status } = f(2)
console.log(status, value, 'difference', difference)
