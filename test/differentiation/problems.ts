// Solvers on problems whose map F(x, θ), residual G(x, θ) and step are written out by hand beside them, in plain ops: what
// every strategy must compute follows from those formulas alone.
import { NDArray } from '../../lib/base/ndarray.js'
import {
  add,
  backtracking,
  concat,
  div,
  eye,
  exp,
  fixedPoint,
  gradientDescent,
  gram,
  luSolve,
  matmul,
  mul,
  neg,
  newton,
  reciprocal,
  reshape,
  sigmoid,
  slice,
  softplus,
  solve,
  square,
  sub,
  sum,
  sumSquares,
  tanh,
  transpose,
} from '../../lib/index.js'
import type { Solver, Strategy, Tensor } from '../../lib/index.js'
import { between, normal } from '../harness/evaluate.js'

export interface Run {
  readonly strategy: Strategy
  /** Number of steps that are made. */
  readonly steps: number
}

export interface Problem {
  readonly name: string
  /** All parameters as one vector. */
  readonly theta: NDArray
  /** x after `steps` steps as one vector, given θ. Inside, x and θ are trees. */
  readonly run: (theta: Tensor, options: Run) => Tensor
  /** One step x + α (F(x, θ) − x). */
  readonly map: (x: Tensor, theta: Tensor, alpha: number) => Tensor
  /** G, for solvers with a linearization of their own. */
  readonly residual?: (x: Tensor, theta: Tensor) => Tensor
  /** I − ∂ₓF is symmetric positive definite. */
  readonly symmetric?: boolean
  /** ‖∂ₓF‖ < 1. */
  readonly contractive?: boolean
  /** The solver tells its step length. */
  readonly tellsStepLength?: boolean
  /** Iterative linear solvers are tried on it, too. */
  readonly krylov?: boolean
  readonly steps: number
}

/** Solvers run for a number of steps, converged or not. */
const endless = (steps: number): { readonly maxSteps: number; readonly tol: number } => ({
  maxSteps: steps,
  tol: 0,
})

/** A solve of a solver that is made for a number of steps, on one array x. */
const onVector =
  <P, S>(make: (steps: number) => Solver<Tensor, P, S>, decode: (theta: Tensor) => P, x0: NDArray) =>
  (theta: Tensor, { strategy, steps }: Run): Tensor =>
    solve(make(steps), { x0, theta: decode(theta) as never, strategy })

const row = (x: Tensor, from: number, to: number): Tensor => slice(x, [from, to])
const scalar = (x: Tensor, at: number): Tensor => reshape(row(x, at, at + 1), [])

// Ridge regression with a weight for each sample and a penalty: θ = (w, λ).
//   f = ½ Σ wᵢ rᵢ² + ½ λ ‖x‖²,  ∇f = Xᵀ (w ∘ r) + λ x,  ∇²f = Xᵀ diag(w) X + λ I,  r = X x − y
const [samples, features] = [5, 2]
const X = normal('ridge X', samples, features)
const y = normal('ridge y', samples)
interface Ridge {
  readonly weights: Tensor
  readonly lambda: Tensor
}
const ridgeTheta = new NDArray(
  [samples + 1],
  Float64Array.from([...between(0.5, 1.5, 'ridge w', samples).data, 0.4]),
)
const ridge = (theta: Tensor): Ridge => ({ lambda: scalar(theta, samples), weights: row(theta, 0, samples) })
const ridgeObjective = (x: Tensor, { weights, lambda }: Ridge): Tensor =>
  add(mul(0.5, sum(mul(weights, square(sub(matmul(X, x), y))))), mul(mul(0.5, lambda), sumSquares(x)))
const ridgeGradient = (x: Tensor, { weights, lambda }: Ridge): Tensor =>
  add(matmul(transpose(X), mul(weights, sub(matmul(X, x), y))), mul(lambda, x))
const ridgeHessian = ({ weights, lambda }: Ridge): Tensor => add(gram(X, weights), mul(lambda, eye(features)))
const ridgeStart = normal('ridge x0', features)
const ridgeStep = ({ lambda }: Ridge): Tensor => reciprocal(add(6, mul(3, lambda)))
const descent = (x: Tensor, theta: Tensor, alpha: number, size: (p: Ridge) => Tensor | number): Tensor =>
  sub(x, mul(mul(alpha, size(ridge(theta))), ridgeGradient(x, ridge(theta))))

// Logistic regression with a weight for each sample and a log-penalty: θ = (w, ℓ).
//   f = Σ wᵢ log(1 + exp(−yᵢ xᵢᵀβ)) + ½ eˡ ‖β‖²
const Z = normal('logistic X', 6, 2)
const labels = new NDArray([6], Float64Array.from([1, -1, 1, 1, -1, -1]))
interface Logistic {
  readonly weights: Tensor
  readonly penalty: { readonly log: Tensor }
}
const logisticTheta = new NDArray([7], Float64Array.from([...between(0.5, 1.5, 'logistic w', 6).data, -0.7]))
const logistic = (theta: Tensor): Logistic => ({
  weights: row(theta, 0, 6),
  penalty: { log: scalar(theta, 6) },
})
const logisticObjective = (b: Tensor, { weights, penalty }: Logistic): Tensor =>
  add(
    sum(mul(weights, softplus(neg(mul(labels, matmul(Z, b)))))),
    mul(mul(0.5, exp(penalty.log)), sumSquares(b)),
  )
const logisticGradient = (b: Tensor, { weights, penalty }: Logistic): Tensor => {
  const s = sigmoid(neg(mul(labels, matmul(Z, b))))
  return sub(mul(exp(penalty.log), b), matmul(transpose(Z), mul(mul(weights, labels), s)))
}
const logisticHessian = (b: Tensor, { weights, penalty }: Logistic): Tensor => {
  const s = sigmoid(neg(mul(labels, matmul(Z, b))))
  return add(gram(Z, mul(weights, mul(s, sub(1, s)))), mul(exp(penalty.log), eye(2)))
}
const logisticStart = normal('logistic x0', 2)

// A layer x = tanh(W x + U θ + b), with x kept as a record of two arrays.
const W = new NDArray(
  [3, 3],
  normal('layer W', 3, 3).data.map((w) => 0.25 * w),
)
const U = normal('layer U', 3, 2)
const bias = normal('layer b', 3)
const layerTheta = normal('layer theta', 2)
const layer = (x: Tensor, theta: Tensor): Tensor => tanh(add(add(matmul(W, x), matmul(U, theta)), bias))
interface Halves {
  readonly first: Tensor
  readonly rest: { readonly a: Tensor; readonly b: Tensor }
}
const joined = ({ first, rest: { a, b } }: Halves): Tensor =>
  concat([first, reshape(a, [1]), reshape(b, [1])])
const halves = (x: Tensor): Halves => ({ first: row(x, 0, 1), rest: { b: scalar(x, 2), a: scalar(x, 1) } })
const layerStart = { first: [0.1], rest: { a: -0.2, b: 0.3 } }

// x = A x + B θ + c with an unsymmetric A of known norm.
export const linear = {
  A: new NDArray([3, 3], Float64Array.from([0.3, -0.4, 0.1, 0.2, 0.1, 0.3, -0.1, 0.5, -0.2])),
  B: normal('linear B', 3, 2),
  c: normal('linear c', 3),
}
const affine = (x: Tensor, theta: Tensor): Tensor =>
  add(add(matmul(linear.A, x), matmul(linear.B, theta)), linear.c)

/** F relaxed by α. */
const relaxed =
  (F: (x: Tensor, theta: Tensor) => Tensor) =>
  (x: Tensor, theta: Tensor, alpha: number): Tensor =>
    alpha === 1 ? F(x, theta) : add(mul(alpha, F(x, theta)), mul(1 - alpha, x))

const plain = (theta: Tensor): Tensor => theta

export const problems: readonly Problem[] = [
  {
    name: 'linear, fixedPoint',
    theta: normal('linear theta', 2),
    run: onVector((steps) => fixedPoint({ map: affine, ...endless(steps) }), plain, normal('linear x0', 3)),
    map: relaxed(affine),
    contractive: true,
    krylov: true,
    steps: 4,
  },
  {
    name: 'ridge, fixedPoint',
    theta: ridgeTheta,
    run: onVector(
      (steps) =>
        fixedPoint({
          map: (x: Tensor, p: Ridge) => sub(x, mul(0.1, ridgeGradient(x, p))),
          ...endless(steps),
        }),
      ridge,
      ridgeStart,
    ),
    map: (x, theta, alpha) => descent(x, theta, alpha, () => 0.1),
    symmetric: true,
    contractive: true,
    steps: 4,
  },
  {
    name: 'ridge, gradientDescent with a step that depends on θ',
    theta: ridgeTheta,
    run: onVector(
      (steps) => gradientDescent({ objective: ridgeObjective, stepSize: ridgeStep, ...endless(steps) }),
      ridge,
      ridgeStart,
    ),
    map: (x, theta, alpha) => descent(x, theta, alpha, ridgeStep),
    symmetric: true,
    contractive: true,
    krylov: true,
    steps: 4,
  },
  {
    name: 'ridge, gradientDescent with backtracking',
    theta: ridgeTheta,
    run: onVector(
      (steps) =>
        gradientDescent({
          objective: ridgeObjective,
          stepSize: backtracking({ initial: 2, shrink: 0.7, sufficient: 0.3 }),
          ...endless(steps),
        }),
      ridge,
      ridgeStart,
    ),
    map: (x, theta, alpha) => descent(x, theta, alpha, () => 1),
    symmetric: true,
    contractive: true,
    steps: 3,
  },
  {
    name: 'ridge, damped newton',
    theta: ridgeTheta,
    run: onVector(
      (steps) =>
        newton({ objective: ridgeObjective, lineSearch: backtracking({ initial: 0.5 }), ...endless(steps) }),
      ridge,
      ridgeStart,
    ),
    map: relaxed((x, theta) => sub(x, luSolve(ridgeHessian(ridge(theta)), ridgeGradient(x, ridge(theta))))),
    residual: (x, theta) => ridgeGradient(x, ridge(theta)),
    symmetric: true,
    contractive: true,
    tellsStepLength: true,
    steps: 4,
  },
  {
    name: 'logistic, gradientDescent',
    theta: logisticTheta,
    run: onVector(
      (steps) => gradientDescent({ objective: logisticObjective, stepSize: 0.3, ...endless(steps) }),
      logistic,
      logisticStart,
    ),
    map: (b, theta, alpha) => sub(b, mul(alpha * 0.3, logisticGradient(b, logistic(theta)))),
    symmetric: true,
    contractive: true,
    krylov: true,
    steps: 4,
  },
  {
    name: 'logistic, newton',
    theta: logisticTheta,
    run: onVector(
      (steps) => newton({ objective: logisticObjective, lineSearch: 'none', ...endless(steps) }),
      logistic,
      logisticStart,
    ),
    map: relaxed((b, theta) =>
      sub(b, luSolve(logisticHessian(b, logistic(theta)), logisticGradient(b, logistic(theta)))),
    ),
    residual: (b, theta) => logisticGradient(b, logistic(theta)),
    contractive: true,
    tellsStepLength: true,
    steps: 3,
  },
  {
    name: 'logistic, newton with backtracking',
    theta: logisticTheta,
    run: onVector(
      (steps) =>
        newton({
          objective: logisticObjective,
          lineSearch: backtracking({ initial: 3, sufficient: 0.2 }),
          ...endless(steps),
        }),
      logistic,
      logisticStart,
    ),
    map: relaxed((b, theta) =>
      sub(b, luSolve(logisticHessian(b, logistic(theta)), logisticGradient(b, logistic(theta)))),
    ),
    residual: (b, theta) => logisticGradient(b, logistic(theta)),
    tellsStepLength: true,
    steps: 2,
  },
  {
    name: 'layer, fixedPoint on a record',
    theta: layerTheta,
    run: (theta, { strategy, steps }) =>
      joined(
        solve(
          fixedPoint({
            map: (x: Halves, p: { input: Tensor }) => halves(layer(joined(x), p.input)),
            ...endless(steps),
          }),
          { x0: layerStart, theta: { input: theta }, strategy },
        ),
      ),
    map: relaxed(layer),
    contractive: true,
    krylov: true,
    steps: 4,
  },
  {
    name: 'layer, newton on the residual',
    theta: layerTheta,
    run: (theta, { strategy, steps }) =>
      joined(
        solve(
          newton({
            residual: (x: Halves, p: { input: Tensor }) => halves(sub(joined(x), layer(joined(x), p.input))),
            lineSearch: 'none',
            ...endless(steps),
          }),
          { x0: layerStart, theta: { input: theta }, strategy },
        ),
      ),
    map: relaxed((x, theta) => {
      const t = layer(x, theta)
      const J = sub(eye(3), mul(reshape(sub(1, square(t)), [3, 1]), W))
      return sub(x, luSolve(J, sub(x, t)))
    }),
    residual: (x, theta) => sub(x, layer(x, theta)),
    contractive: true,
    tellsStepLength: true,
    steps: 2,
  },
  {
    name: 'square roots, newton with backtracking on the residual',
    theta: new NDArray([2], Float64Array.from([2, 5])),
    run: onVector(
      (steps) =>
        newton({
          residual: (x: Tensor, a: Tensor) => sub(square(x), a),
          lineSearch: backtracking({ sufficient: 0.4 }),
          ...endless(steps),
        }),
      plain,
      new NDArray([2], Float64Array.from([0.3, 2])),
    ),
    map: relaxed((x, a) => sub(x, div(sub(square(x), a), mul(2, x)))),
    residual: (x, a) => sub(square(x), a),
    tellsStepLength: true,
    steps: 3,
  },
]
