// Batches of solves, each instance with its own number of steps, start and branch; and Tensors that solvers close over.
import { test } from 'tap'
import { NDArray, array } from '../../lib/base/ndarray.js'
import { statusCode } from '../../lib/base/status.js'
import {
  add,
  backtracking,
  cond,
  fixedPoint,
  grad,
  gradientDescent,
  greater,
  implicit,
  jacobian,
  jvp,
  matmul,
  mul,
  neumann,
  newton,
  oneStep,
  phantom,
  slice,
  solve,
  square,
  sub,
  sum,
  sumSquares,
  tanh,
  tensor,
  transpose,
  truncated,
  unrolled,
  vjp,
  vmap,
} from '../../lib/index.js'
import type { Strategy, Tensor } from '../../lib/index.js'
import { evaluate, lowered, normal, value, values } from '../harness/evaluate.js'
import { relativeError, rowOf, stackArrays } from '../oracle/compare.js'

const strategies: readonly Strategy[] = [
  ...[oneStep(), oneStep({ at: 'previous' }), truncated(2), unrolled(), neumann(3), phantom(2, 0.5)],
  ...[implicit(), implicit({ linearSolver: 'neumann', tol: 1e-13, maxSteps: 500 })],
]

test('a batch of solves is the loop of solves, each with its own number of steps', async (t) => {
  const [W, U] = [normal('W', 2, 2), normal('U', 2, 2)]
  const layer = fixedPoint({
    map: (x: Tensor, { gain, input }: { gain: Tensor; input: Tensor }) =>
      tanh(add(mul(gain, matmul(W, x)), matmul(U, input))),
    maxSteps: 12,
    tol: 1e-3,
  })
  const thetas = [0.05, 0.2, 0.3, 0.45].map((gain, i) =>
    array([gain, ...normal(`input ${String(i)}`, 2).data]),
  )
  const [covector, direction] = [normal('covector', 2), normal('direction', 3)]
  const steps = thetas.map(
    (theta) =>
      evaluate(
        (p) => solve(layer, { x0: [0, 0], theta: { gain: slice(p, [0, 1]), input: slice(p, [1, 3]) } }),
        theta,
      ).reports.iterations as number,
  )
  t.ok(new Set(steps).size > 2 && Math.max(...steps) === 12, `numbers of steps: ${steps.join(' ')}`)
  for (const strategy of strategies) {
    const run = (p: Tensor): Tensor =>
      solve(layer, { x0: [0, 0], theta: { gain: slice(p, [0, 1]), input: slice(p, [1, 3]) }, strategy })
    const pulled = (p: Tensor): Tensor => vjp(run, [p])[1](tensor(covector))[0]
    const one = (p: Tensor): readonly Tensor[] => [
      run(p),
      jvp(run, [p], [tensor(direction)])[1],
      pulled(p),
      jvp(pulled, [p], [tensor(direction)])[1],
    ]
    const { outputs, reports } = evaluate((p) => vmap(one)(p), stackArrays(thetas))
    const alone = thetas.map((theta) => values((p) => one(p), theta))
    outputs.forEach((x, k) => {
      t.ok(
        relativeError([x], [stackArrays(alone.map((own) => own[k] as NDArray))]) < 1e-12,
        `${strategy.name}: ${['x', 'jvp', 'vjp', 'second derivative'][k] as string}`,
      )
    })
    t.strictSame(
      [reports.status, reports.iterations],
      [statusCode.maxSteps, 12],
      `${strategy.name}: the worst of the batch`,
    )
    // A batch of x0, and a θ that the batch shares: its gradient is the sum.
    const shared = value(
      (p) =>
        grad((q: Tensor) =>
          sum(
            vmap((x0: Tensor) =>
              matmul(
                covector,
                solve(layer, { x0, theta: { gain: slice(q, [0, 1]), input: slice(q, [1, 3]) }, strategy }),
              ),
            )(
              tensor([
                [0, 0],
                [0.3, -0.3],
                [1, 1],
              ]),
            ),
          ),
        )(p),
      thetas[2] as NDArray,
    )
    const total = [
      [0, 0],
      [0.3, -0.3],
      [1, 1],
    ].map((x0) =>
      value(
        (p) =>
          grad((q: Tensor) =>
            matmul(
              covector,
              solve(layer, { x0, theta: { gain: slice(q, [0, 1]), input: slice(q, [1, 3]) }, strategy }),
            ),
          )(p),
        thetas[2] as NDArray,
      ),
    )
    t.ok(
      relativeError(
        [shared],
        [
          new NDArray(
            [3],
            (total[0] as NDArray).data.map(
              (z, i) => z + (total[1]?.data[i] as number) + (total[2]?.data[i] as number),
            ),
          ),
        ],
      ) < 1e-12,
      `${strategy.name}: a shared θ`,
    )
  }
})

test('a batch of Newton solves with line searches, some from indefinite starts', async (t) => {
  const f = (x: Tensor, p: Tensor): Tensor =>
    sub(sum(sub(mul(0.25, square(square(x))), mul(0.5, square(x)))), sum(mul(p, x)))
  const solver = newton({ objective: f, maxSteps: 40, tol: 1e-12 })
  const starts = array([
    [2, 2],
    [0.1, -0.1],
    [-3, 0.2],
    [0, 0.55],
  ])
  const ps = array([
    [0.1, 0.2],
    [0.3, -0.1],
    [0.2, 0.2],
    [-0.4, 0.5],
  ])
  for (const strategy of [implicit(), oneStep(), unrolled()]) {
    const one = (x0: Tensor, p: Tensor): readonly Tensor[] => {
      const run = (q: Tensor): Tensor => solve(solver, { x0, theta: q, strategy })
      return [run(p), jacobian(run)(p), jacobian(run, { mode: 'reverse' })(p)]
    }
    const { outputs, reports } = evaluate((x0, p) => vmap(one)(x0, p), starts, ps)
    t.equal(reports.status, statusCode.converged, strategy.name)
    for (let i = 0; i < 4; i++) {
      const own = values((x0, p) => one(x0, p), rowOf(starts, i), rowOf(ps, i))
      t.ok(
        relativeError(
          outputs.map((x) => rowOf(x, i)),
          own,
        ) < 1e-10,
        `${strategy.name}, start ${String(i)}: as alone`,
      )
      // x³ − x = p, so dx/dp = 1/(3x² − 1), on the diagonal.
      const x = own[0] as NDArray
      const J = array(
        [0, 1].map((a) => [0, 1].map((b) => (a === b ? 1 / (3 * (x.data[a] as number) ** 2 - 1) : 0))),
      )
      t.ok(
        relativeError([own[1] as NDArray, own[2] as NDArray], [J, J]) < 1e-9 &&
          [0, 1].every((a) => J.at(a, a) > 0),
        `${strategy.name}, start ${String(i)}: the derivative at a minimum`,
      )
    }
  }
})

test('a cond in the map: lanes take their own branch', async (t) => {
  // x = ½ x + θ where x > 0, else −¼ x + θ: x̄ = 2θ for θ > 0, 0.8 θ for θ < 0.
  const map = (x: Tensor, theta: Tensor): Tensor =>
    cond(
      greater(sum(x), 0),
      () => add(mul(0.5, x), theta),
      () => add(mul(-0.25, x), theta),
    )
  const solver = fixedPoint({ map, maxSteps: 100, tol: 1e-14 })
  const thetas = array([0.7, -1.5, 2, -0.1])
  for (const strategy of [implicit(), neumann(60), truncated(60), unrolled()]) {
    const run = (theta: Tensor): Tensor => sum(solve(solver, { x0: [1], theta, strategy }))
    const [x, forward, reverse] = values(
      (p) => [vmap(run)(p), vmap((q: Tensor) => jvp(run, [q], [tensor(1)])[1])(p), vmap(grad(run))(p)],
      thetas,
    )
    const slopes = thetas.data.map((p) => (p > 0 ? 2 : 0.8))
    t.ok(
      relativeError(
        [x as NDArray],
        [
          new NDArray(
            [4],
            thetas.data.map((p, i) => p * (slopes[i] as number)),
          ),
        ],
      ) < 1e-12,
      strategy.name,
    )
    t.ok(
      relativeError(
        [forward as NDArray, reverse as NDArray],
        [new NDArray([4], slopes), new NDArray([4], slopes)],
      ) < 1e-10,
      `${strategy.name}: derivative`,
    )
    const alone = [...thetas.data].map((p) => value((q) => grad(run)(q), p).data[0] as number)
    t.ok(relativeError([array(alone)], [new NDArray([4], slopes)]) < 1e-10, `${strategy.name}: alone`)
  }
})

test('Tensors that a solver closes over have gradients, whatever the strategy', async (t) => {
  const X = normal('X', 4, 2)
  const y = normal('y', 4)
  // The Gram matrix is made once, outside of the loop; the penalty is θ.
  const ridge =
    (strategy: Strategy, closed: boolean, kind: 'descent' | 'newton' | 'search') =>
    (data: Tensor, lambda: Tensor): Tensor => {
      const gram = matmul(transpose(data), data)
      const right = matmul(transpose(data), y)
      const f = (x: Tensor, G: Tensor, b: Tensor, l: Tensor): Tensor =>
        add(sub(mul(0.5, matmul(x, matmul(G, x))), matmul(x, b)), mul(mul(0.5, l), sumSquares(x)))
      type P = { l: Tensor; G?: Tensor; b?: Tensor }
      const objective = (x: Tensor, { l, G = gram, b = right }: P): Tensor => f(x, G, b, l)
      const stop = { maxSteps: 6, tol: 0 }
      const solver =
        kind === 'descent'
          ? gradientDescent({ objective, stepSize: 0.08, ...stop })
          : kind === 'search'
            ? gradientDescent({ objective, stepSize: backtracking(), ...stop })
            : newton({ objective, lineSearch: 'none', maxSteps: 2, tol: 0 })
      const theta: P = closed ? { l: lambda } : { l: lambda, G: gram, b: right }
      return solve(solver as unknown as ReturnType<typeof gradientDescent<Tensor, P>>, {
        x0: [0.5, -0.5],
        theta,
        strategy,
      })
    }
  const covector = normal('covector', 2)
  for (const kind of ['descent', 'newton', 'search'] as const) {
    for (const strategy of kind === 'newton'
      ? [oneStep(), oneStep({ detachHessian: true }), implicit(), unrolled()]
      : strategies) {
      const pull =
        (closed: boolean) =>
        (data: Tensor, lambda: Tensor): readonly Tensor[] => {
          const loss = (d: Tensor, l: Tensor): Tensor => matmul(covector, ridge(strategy, closed, kind)(d, l))
          return [
            ...grad(([d, l]: [Tensor, Tensor]) => loss(d, l))([data, lambda]),
            jvp(loss, [data, lambda], [tensor(normal('dX', 4, 2)), tensor(1)])[1],
          ]
        }
      const [closed, open] = [
        values((d, l) => pull(true)(d, l), X, 0.4),
        values((d, l) => pull(false)(d, l), X, 0.4),
      ]
      t.ok(
        relativeError(closed, open) < 1e-12 && (closed[0]?.data.some((g) => Math.abs(g) > 1e-3) as boolean),
        `${kind}, ${strategy.name}`,
      )
    }
  }
  const graph = lowered((d) => ridge(implicit(), true, 'descent')(d, tensor(0.4)), X)
  t.ok(
    graph.nodes.find((node) => node.op.name === 'while')?.inputs.some((v) => v.shape.join() === '2,2'),
    'the Gram matrix is an operand of the loop',
  )
})
