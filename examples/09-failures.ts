// A failed instance is a status, never an exception, and never spoils its neighbours.
import { compile, gradientDescent, implicit, solve, statuses, sum, valueAndGrad } from 'onestep'
import type { Tensor } from 'onestep'

// x² θ / 2 with step 0.5: converges for 0 < θ < 4, diverges beyond, and NaN is NaN.
const solver = gradientDescent({
  objective: (x: Tensor, theta: Tensor) => sum(x.sub(1).square().mul(theta).mul(0.5)),
  stepSize: 0.5,
  maxSteps: 2000,
})
const f = compile((theta: Tensor) =>
  valueAndGrad((t: Tensor) => sum(solve(solver, { x0: [3], theta: t, strategy: implicit() })))(theta),
)
const { value, status } = f.batch([1, 5, NaN, 0.001, 2])
status.forEach((code, i) => {
  const { name, remedy } = statuses[code] ?? { name: 'unknown', remedy: '' }
  console.log(name.padEnd(10), 'x =', value[0].data[i], remedy)
})
