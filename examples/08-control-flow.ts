// Loops and branches are ops: they run natively, batch and differentiate. Here an Euler scheme for x' = −θ x, and a branch.
import { compile, cond, grad, scan, tensor } from 'onestep'
import type { Tensor } from 'onestep'

const decay = (theta: Tensor) => {
  const [end, path] = scan(
    (x: Tensor) => {
      const next = x.sub(theta.mul(x).mul(0.01))
      return [next, next] as const
    },
    tensor(1),
    [],
    { length: 100 },
  )
  return { end, path }
}
const f = compile((theta: Tensor) => ({
  end: decay(theta).end,
  slope: grad((t: Tensor) => decay(t).end)(theta),
  kind: cond(
    theta.greater(1),
    () => tensor(1),
    () => tensor(0),
  ),
}))
const { value } = f.batch([0.5, 1, 2])
console.log('x(1)      ', value.end.data)
console.log('dx(1)/dθ  ', value.slope.data)
console.log('θ > 1     ', value.kind.data)
