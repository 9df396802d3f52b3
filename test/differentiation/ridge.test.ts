// Ridge and logistic regression: strategies against the closed form of the derivative, step lengths, other maps, the one-step identity.
import { test } from 'tap'
import { NDArray, array } from '../../lib/base/ndarray.js'
import {
  add,
  backtracking,
  fixedPoint,
  grad,
  gradientDescent,
  gram,
  implicit,
  jacobian,
  luSolve,
  matmul,
  mul,
  neumann,
  newton,
  oneStep,
  reshape,
  slice,
  solve,
  square,
  sub,
  sum,
  sumSquares,
  transpose,
  truncated,
  unrolled,
} from '../../lib/index.js'
import type { Strategy, Tensor } from '../../lib/index.js'
import { between, evaluate, normal, value, values } from '../harness/evaluate.js'
import { relativeError } from '../oracle/compare.js'
import { fromArray, identity, scaled, solved, times } from '../oracle/matrices.js'
import type { Matrix } from '../oracle/matrices.js'

const close = (actual: NDArray | undefined, expected: Matrix): number =>
  relativeError(
    [new NDArray([(actual as NDArray).size], (actual as NDArray).data)],
    [new NDArray([expected.flat().length], Float64Array.from(expected.flat()))],
  )

// Ridge regression with a weight for each sample: x̄ = (Xᵀ W X + λ I)⁻¹ Xᵀ W y,
const [n, p] = [6, 3]
const X = normal('X', n, p)
const y = normal('y', n)
const ridgeTheta = new NDArray([n + 1], Float64Array.from([...between(0.5, 1.5, 'w', n).data, 0.7]))
const parts = (theta: Tensor): { weights: Tensor; lambda: Tensor } => ({
  weights: slice(theta, [0, n]),
  lambda: reshape(slice(theta, [n, n + 1]), []),
})
const objective = (x: Tensor, theta: Tensor): Tensor => {
  const { weights, lambda } = parts(theta)
  return add(mul(0.5, sum(mul(weights, square(sub(matmul(X, x), y))))), mul(mul(0.5, lambda), sumSquares(x)))
}
const H = value(
  (theta) => add(gram(X, parts(theta).weights), mul(parts(theta).lambda, array(identity(p)))),
  ridgeTheta,
)
const xBar = value((theta) => luSolve(H, matmul(transpose(X), mul(parts(theta).weights, y))), ridgeTheta)
const r = value(() => sub(matmul(X, xBar), y))
const ridgeJ = solved(
  fromArray(H),
  Array.from({ length: p }, (_, i) => [
    ...Array.from({ length: n }, (__, s) => -X.at(s, i) * (r.data[s] as number)),
    -(xBar.data[i] as number),
  ]),
)

test('ridge regression: the solution and its derivative by every exact strategy', async (t) => {
  const descent = gradientDescent({ objective, stepSize: 0.08, maxSteps: 5000, tol: 1e-13 })
  const byFunction = gradientDescent({
    objective,
    stepSize: (theta: Tensor) => add(0.05, mul(0.02, parts(theta).lambda)),
    maxSteps: 5000,
    tol: 1e-13,
  })
  const searched = gradientDescent({
    objective,
    stepSize: backtracking({ initial: 1 }),
    maxSteps: 5000,
    tol: 1e-12,
  })
  const iterated = fixedPoint({
    map: (x: Tensor, theta: Tensor) => sub(x, mul(0.08, grad((z: Tensor) => objective(z, theta))(x))),
    maxSteps: 5000,
    tol: 1e-14,
  })
  const full = newton({ objective, lineSearch: 'none' })
  const lineSearch = newton({ objective, tol: 1e-12 })
  const exact = [
    implicit(),
    implicit({ linearSolver: 'cholesky' }),
    implicit({ linearSolver: 'cg', tol: 1e-13 }),
    implicit({ linearSolver: 'neumann', tol: 1e-12, maxSteps: 5000 }),
  ]
  const rows: readonly (readonly [
    string,
    (theta: Tensor, strategy: Strategy) => Tensor,
    readonly Strategy[],
  ])[] = [
    [
      'gradientDescent',
      (theta, strategy) => solve(descent, { x0: [0, 0, 0], theta, strategy }),
      [...exact, neumann(1500), truncated(1500)],
    ],
    [
      'gradientDescent, step of θ',
      (theta, strategy) => solve(byFunction, { x0: [0, 0, 0], theta, strategy }),
      exact,
    ],
    [
      'gradientDescent, backtracking',
      (theta, strategy) => solve(searched, { x0: [0, 0, 0], theta, strategy }),
      exact,
    ],
    ['fixedPoint', (theta, strategy) => solve(iterated, { x0: [0, 0, 0], theta, strategy }), exact],
    [
      'newton',
      (theta, strategy) => solve(full, { x0: [0, 0, 0], theta, strategy }),
      [
        implicit(),
        oneStep(),
        oneStep({ detachHessian: true }),
        oneStep({ at: 'previous' }),
        oneStep({ stepLengthCorrection: true }),
        truncated(1),
        unrolled(),
        neumann(2),
      ],
    ],
    [
      'newton, backtracking',
      (theta, strategy) => solve(lineSearch, { x0: [0, 0, 0], theta, strategy }),
      [implicit(), oneStep(), unrolled(), neumann(1)],
    ],
  ]
  for (const [name, run, strategies] of rows) {
    for (const strategy of strategies) {
      const { outputs, reports } = evaluate(
        (theta) => [run(theta, strategy), jacobian((q) => run(q, strategy))(theta)],
        ridgeTheta,
      )
      t.ok(relativeError([outputs[0] as NDArray], [xBar]) < 1e-11, `${name}: x̄`)
      const error = close(outputs[1], ridgeJ)
      t.ok(error < 1e-9, `${name}, ${strategy.name}: ${error.toExponential(1)}`)
      t.strictSame([reports.status, reports.gradientStatus], [0, 0])
    }
  }
})

test('ridge regression: one step of gradient descent is s H J, one of damped Newton α J, and the correction makes it J', async (t) => {
  const start = { x0: [0, 0, 0] }
  const s = 0.08
  const descent = gradientDescent({ objective, stepSize: s, maxSteps: 5000, tol: 1e-13 })
  const one = value(
    (theta) => jacobian((q) => solve(descent, { ...start, theta: q, strategy: oneStep() }))(theta),
    ridgeTheta,
  )
  t.ok(close(one, scaled(s, times(fromArray(H), ridgeJ))) < 1e-10, 's H J')
  for (const alpha of [0.9, 0.5, 0.1]) {
    const damped = newton({
      objective,
      lineSearch: backtracking({ initial: alpha }),
      maxSteps: 500,
      tol: 1e-12,
    })
    const [plain, corrected, detached, whole] = values(
      (theta) =>
        [
          oneStep(),
          oneStep({ stepLengthCorrection: true }),
          oneStep({ detachHessian: true }),
          implicit({ linearSolver: 'lu' }),
        ].map((strategy) => jacobian((q) => solve(damped, { ...start, theta: q, strategy }))(theta)),
      ridgeTheta,
    )
    t.ok(close(plain, scaled(alpha, ridgeJ)) < 1e-9, `α = ${String(alpha)}: α J`)
    t.ok(close(corrected, ridgeJ) < 1e-9, `α = ${String(alpha)}: corrected`)
    t.ok(close(detached, ridgeJ) < 1e-9, `α = ${String(alpha)}: a held Hessian makes the step full`)
    t.ok(close(whole, ridgeJ) < 1e-9, `α = ${String(alpha)}: implicit needs no correction`)
  }
})

test('another map: solve with gradient descent, differentiate one Newton step', async (t) => {
  const descent = gradientDescent({ objective, stepSize: 0.08, maxSteps: 5000, tol: 1e-13 })
  const newtonMap = (x: Tensor, theta: Tensor): Tensor => {
    const { weights, lambda } = parts(theta)
    return sub(
      x,
      luSolve(
        add(gram(X, weights), mul(lambda, array(identity(p)))),
        grad((z: Tensor) => objective(z, theta))(x),
      ),
    )
  }
  for (const mode of ['forward', 'reverse'] as const) {
    const J = value(
      (theta) =>
        jacobian((q) => solve(descent, { x0: [0, 0, 0], theta: q, strategy: oneStep({ map: newtonMap }) }), {
          mode,
        })(theta),
      ridgeTheta,
    )
    t.ok(close(J, ridgeJ) < 1e-9, mode)
  }
})

test('the one-step identity: a held Hessian at the previous iterate is implicit one step earlier', async (t) => {
  const logistic = (steps: number) =>
    newton({
      objective: (x: Tensor, theta: Tensor) =>
        add(sum(mul(theta, matmul(X, x).mul(y).neg().softplus())), mul(0.1, sumSquares(x))),
      lineSearch: 'none',
      maxSteps: steps,
      tol: 0,
    })
  const theta = between(0.5, 1.5, 'w', n)
  for (const k of [1, 2, 3, 5]) {
    const [held, before] = values(
      (q) => [
        jacobian((z) =>
          solve(logistic(k), {
            x0: [0.3, -0.2, 0.1],
            theta: z,
            strategy: oneStep({ detachHessian: true, at: 'previous' }),
          }),
        )(q),
        jacobian((z) => solve(logistic(k - 1), { x0: [0.3, -0.2, 0.1], theta: z, strategy: implicit() }))(q),
      ],
      theta,
    )
    t.ok(relativeError([held as NDArray], [before as NDArray]) < 1e-12, `k = ${String(k)}`)
  }
})
