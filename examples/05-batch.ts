// Thousands of θ at once: every array of a batch has one entry an instance along axis 0. Each instance stops on its own
// and has its own status, step count and gradient.
import { compile, gradientDescent, implicit, logspace, solve, sum, valueAndGrad } from 'onestep'
import type { Tensor } from 'onestep'

// minimize log(1 + e^x) − 0.3 x + ½ λ x²
const solver = gradientDescent({
  objective: (x: Tensor, lambda: Tensor) =>
    sum(x.softplus().sub(x.mul(0.3)).add(lambda.mul(0.5).mul(x.square()))),
  stepSize: (lambda: Tensor) => lambda.add(0.25).reciprocal(),
  tol: 1e-10,
})
const f = compile((lambda: Tensor) =>
  valueAndGrad((l: Tensor) => sum(solve(solver, { x0: [0], theta: l, strategy: implicit() })))(lambda),
)
const { value, status, iterations } = f.batch(logspace(1e-3, 1e3, 4096))
const [x, gradient] = value
console.log('instances ', status.length)
console.log('steps     ', Math.min(...iterations), 'to', Math.max(...iterations))
console.log('first     ', x.data[0], gradient.data[0])
console.log('last      ', x.data[4095], gradient.data[4095])
