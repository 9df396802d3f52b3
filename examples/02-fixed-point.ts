// A fixed point x = tanh(W x + θ) and its Jacobian in θ. F is written once; the loop and the derivative are not.
import { compile, fixedPoint, implicit, jacobian, matmul, solve, tanh } from 'onestep'
import type { Tensor } from 'onestep'

const W = [
  [0.3, -0.2],
  [0.1, 0.4],
]
const solver = fixedPoint({ map: (x: Tensor, theta: Tensor) => tanh(matmul(W, x).add(theta)), tol: 1e-12 })
const x = (theta: Tensor) => solve(solver, { x0: [0, 0], theta, strategy: implicit() })

const f = compile((theta: Tensor) => ({ x: x(theta), jacobian: jacobian(x)(theta) }))
const { value, status, iterations } = f([0.5, -0.3])
console.log(status, 'after', iterations, 'steps')
console.log('x        ', value.x)
console.log('dx / dθ  ', value.jacobian)
