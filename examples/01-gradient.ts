// Trace a function, differentiate it, compile it. Everything that computes goes through compile.
import { compile, hessian, matmul, mean, square, valueAndGrad } from 'onestep'
import type { Tensor } from 'onestep'

const A = [
  [1, 2],
  [3, 4],
  [5, 6],
]
const b = [1, 0, 1]
const loss = (w: Tensor) => mean(square(matmul(A, w).sub(b)))

const f = compile((w: Tensor) => {
  const [value, gradient] = valueAndGrad(loss)(w)
  return { value, gradient, hessian: hessian(loss)(w) }
})
const { value } = f([0.5, -0.25])
console.log('loss     ', value.value)
console.log('gradient ', value.gradient)
console.log('hessian  ', value.hessian)
