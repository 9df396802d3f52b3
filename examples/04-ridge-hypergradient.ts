// A hypergradient: the derivative in λ of the validation error of ridge regression, against its closed form
//   w = (AᵀA + λ I)⁻¹ Aᵀ b,   dw/dλ = −(AᵀA + λ I)⁻¹ w.
import { array, choleskySolve, compile, eye, matmul, meanSquaredError, newton, oneStep, solve } from 'onestep'
import { stream, sumSquares, transpose, valueAndGrad } from 'onestep'
import type { Tensor } from 'onestep'

const [n, p] = [40, 5]
const random = stream(1, 'ridge')
const A = array(random.normals(n * p), [n, p])
const b = array(random.normals(n, n * p))

const ridge = newton({
  objective: (w: Tensor, { lambda }: { lambda: Tensor }) =>
    sumSquares(matmul(A, w).sub(b))
      .mul(0.5)
      .add(lambda.mul(0.5).mul(sumSquares(w))),
  lineSearch: 'none',
})
const outer = (w: Tensor) => meanSquaredError(matmul(A, w), b)
const solved = (lambda: Tensor) =>
  outer(solve(ridge, { x0: new Array<number>(p).fill(0), theta: { lambda }, strategy: oneStep() }))
const closedForm = (lambda: Tensor) => {
  const H = matmul(transpose(A), A).add(lambda.mul(eye(p)))
  return outer(choleskySolve(H, matmul(transpose(A), b)))
}
const f = compile((lambda: Tensor) => ({
  oneStep: valueAndGrad(solved)(lambda),
  exact: valueAndGrad(closedForm)(lambda),
}))
const { value } = f(0.7)
console.log('one-step ', value.oneStep)
console.log('exact    ', value.exact)
