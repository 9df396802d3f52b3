// linearSolve: every method on symmetric, unsymmetric, ill-conditioned and singular systems; derivatives against complex steps
// through an elimination; batches; what is reported when a system was not solved.
import { test } from 'tap'
import { ArgumentError, ShapeError } from '../../lib/base/errors.js'
import type { OnestepError } from '../../lib/base/errors.js'
import { NDArray, array } from '../../lib/base/ndarray.js'
import { gradientStatusCode, statusCode } from '../../lib/base/status.js'
import {
  add,
  dot,
  grad,
  jvp,
  linearSolve,
  luSolve,
  matmul,
  mul,
  square,
  sum,
  tensor,
  transpose,
  vmap,
} from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'
import { linearMethods } from '../../lib/control/linearSolve.js'
import type { LinearMethod, LinearSolveOptions } from '../../lib/control/linearSolve.js'
import { evaluate, evaluateWithin, lowered, normal, value, values } from '../harness/evaluate.js'
import { relativeError, rowOf, stackArrays } from '../oracle/compare.js'
import { complexStep } from '../oracle/complex.js'
import { graphOf } from '../oracle/transforms.js'

const n = 5
const W = normal('W', n, n)
const matrix = (entry: (i: number, j: number) => number): NDArray =>
  new NDArray(
    [n, n],
    Float64Array.from({ length: n * n }, (_, k) => entry(Math.floor(k / n), k % n)),
  )
const w = (i: number, j: number): number => W.at(i, j)
const unit = (i: number, j: number): number => (i === j ? 1 : 0)

/** An orthogonal matrix, I − 2 u uᵀ. */
const u = normal('u', n)
const length = u.data.reduce((s, x) => s + x * x, 0)
const reflect = (i: number, j: number): number =>
  unit(i, j) - (2 * (u.data[i] as number) * (u.data[j] as number)) / length
const spectrum = (values: readonly number[]): NDArray =>
  matrix((i, j) => values.reduce((s, lambda, k) => s + reflect(i, k) * lambda * reflect(k, j), 0))

interface System {
  readonly A: NDArray
  /** Methods that must solve it. */
  readonly solvedBy: readonly LinearMethod[]
  /** ‖A‖ ‖A⁻¹‖, about. */
  readonly condition: number
}

const systems: Readonly<Record<string, System>> = {
  'symmetric, ‖I − A‖ < 1': { A: spectrum([0.4, 0.7, 1, 1.3, 1.6]), solvedBy: linearMethods, condition: 4 },
  'symmetric positive definite': {
    A: spectrum([1, 3, 5, 20, 80]),
    solvedBy: ['lu', 'cholesky', 'cg', 'gmres', 'bicgstab', 'normalCg'],
    condition: 80,
  },
  'unsymmetric, ‖I − A‖ < 1': {
    A: matrix((i, j) => unit(i, j) - 0.13 * w(i, j)),
    solvedBy: ['lu', 'gmres', 'bicgstab', 'normalCg', 'neumann'],
    condition: 3,
  },
  'unsymmetric, pivots needed': {
    A: matrix((i, j) => 0.3 * w(i, j) + 2 * unit((i + 1) % n, j)),
    solvedBy: ['lu', 'gmres', 'normalCg'],
    condition: 5,
  },
  'symmetric indefinite': {
    A: spectrum([-3, -1, 1, 2, 4]),
    solvedBy: ['lu', 'gmres', 'normalCg'],
    condition: 4,
  },
  'ill-conditioned': {
    A: spectrum([1e-6, 1e-3, 1, 10, 100]),
    solvedBy: ['lu', 'cholesky', 'cg', 'gmres'],
    condition: 1e8,
  },
}

const b = normal('b', n)
const [dA, db, v] = [normal('dA', n, n), normal('db', n), normal('v', n)]
const tight = { tol: 1e-14, maxSteps: 400 }

const solver =
  (options: LinearSolveOptions) =>
  (A: Tensor, right: Tensor): Tensor =>
    linearSolve((z) => matmul(A, z), right, options)

type Solve = (A: Tensor, right: Tensor) => Tensor

const pulled =
  (fn: Solve) =>
  (A: Tensor, right: Tensor): [Tensor, Tensor] =>
    grad(([p, q]: [Tensor, Tensor]) => dot(v, fn(p, q)))([A, right])

/** x, ẋ, (Ā, b̄). */
const first =
  (fn: Solve) =>
  (A: Tensor, right: Tensor): readonly Tensor[] => [
    fn(A, right),
    jvp(fn, [A, right], [tensor(dA), tensor(db)])[1],
    ...pulled(fn)(A, right),
  ]

/** The tangent of (Ā, b̄). */
const second =
  (fn: Solve) =>
  (A: Tensor, right: Tensor): readonly Tensor[] =>
    jvp(pulled(fn), [A, right], [tensor(dA), tensor(db)])[1]

for (const [name, { A, solvedBy, condition }] of Object.entries(systems)) {
  test(name, async (t) => {
    const direct = (M: Tensor, right: Tensor): Tensor => luSolve(M, right)
    const along = (fn: (M: Tensor, right: Tensor) => Tensor | readonly Tensor[]) =>
      complexStep(graphOf(fn, [A, b]), [A, b], [dA, db])
    const [value1, gradient] = [along(direct), along(pulled(direct))]
    const expected = [...value1.outputs, ...value1.tangents, ...gradient.outputs, ...gradient.tangents]
    for (const method of solvedBy) {
      const { outputs, reports } = evaluateWithin(
        Math.max(1e-12, 1e-15 * condition),
        (M, right) => [first, second].flatMap((part) => part(solver({ method, ...tight }))(M, right)),
        A,
        b,
      )
      outputs.forEach((x, i) => {
        const error = relativeError([x], [expected[i] as NDArray])
        // A derivative is a solve more.
        t.ok(
          error <= 2e-13 * condition ** (i === 0 ? 1 : i < 4 ? 1.5 : 2),
          `${method}, result ${String(i)}: ${error.toExponential(1)}`,
        )
      })
      t.ok(
        Math.max(reports.residual as number, reports.adjointResidual as number) < 1e-15 * 100 * condition,
        `${method}: residuals ${String(reports.residual)}, ${String(reports.adjointResidual)}`,
      )
    }
  })
}

test('iterative methods go on from where they are started; the derivative knows nothing of it', async (t) => {
  const { A } = systems['symmetric positive definite'] as System
  const from = (method: LinearMethod, maxSteps: number) => (M: Tensor, right: Tensor, start: Tensor) => {
    const options = { method, maxSteps, tol: 1e-12 }
    return linearSolve((z) => matmul(M, z), right, options, 'value', start)
  }
  const x = values(luSolve, A, b)[0] as NDArray
  const near = new NDArray(
    [n],
    x.data.map((entry, i) => entry + 1e-3 * (v.data[i] as number)),
  )
  for (const method of ['cg', 'gmres', 'bicgstab', 'normalCg'] as const) {
    const reached = (maxSteps: number, start: NDArray) => {
      const { outputs, reports } = evaluateWithin(Infinity, from(method, maxSteps), A, b, start)
      return { error: relativeError([outputs[0] as NDArray], [x]), status: reports.status }
    }
    t.strictSame(
      reached(0, x).status,
      statusCode.converged,
      `${method}: at the solution there is nothing to do`,
    )
    const [warm, cold] = [reached(2, near), reached(2, new NDArray([n], new Float64Array(n)))]
    t.ok(warm.error < 0.1 * cold.error, `${method}: ${String(warm.error)}, ${String(cold.error)}`)
    t.ok(reached(400, near).error < 1e-9, `${method}: to the end`)
    const pull = (M: Tensor, right: Tensor, start: Tensor): readonly Tensor[] =>
      grad(([p, q, s]: [Tensor, Tensor, Tensor]) => dot(v, from(method, 400)(p, q, s)))([M, right, start])
    const [dM, dRight, dStart] = values(pull, A, b, near) as [NDArray, NDArray, NDArray]
    const exact = values((M, right) => pulled(luSolve)(M, right), A, b)
    t.ok(relativeError([dM, dRight], exact) < 1e-8, `${method}: derivative`)
    t.ok(
      dStart.data.every((entry) => entry === 0),
      `${method}: none in the start`,
    )
  }
})

test('status and residual tell what was not solved', async (t) => {
  const outcome = (
    A: NDArray,
    options: LinearSolveOptions,
    right: NDArray = b,
  ): readonly [number | undefined, number | undefined] => {
    const { reports } = evaluateWithin(Infinity, (M, c) => solver(options)(M, c), A, right)
    return [reports.status, reports.residual]
  }
  const definite = (systems['symmetric positive definite'] as System).A
  const singular = matrix((i, j) => (i < 4 && j < 4 ? 2 * unit(i, j) : 0))
  for (const method of linearMethods) {
    t.strictSame(
      outcome(definite, { method }, array([0, 0, 0, 0, 0])),
      [statusCode.converged, 0],
      `${method}: no right-hand side, no work`,
    )
    t.ok(
      (outcome(array([[NaN]]), { method }, array([1]))[0] as number) !== statusCode.converged,
      `${method}: NaN in the matrix`,
    )
    t.ok(
      (outcome(array([[1]]), { method }, array([NaN]))[0] as number) !== statusCode.converged,
      `${method}: NaN on the right`,
    )
    const [status, residual] = outcome(singular, { method, maxSteps: 50 })
    t.ok(
      status === (['lu', 'cholesky'].includes(method) ? statusCode.singular : statusCode.maxSteps) ||
        status === statusCode.singular,
      `${method}: singular and inconsistent, status ${String(status)}`,
    )
    t.ok(!((residual as number) < 1e-8), `${method}: residual ${String(residual)}`)
  }
  for (const method of ['cg', 'gmres', 'bicgstab', 'normalCg'] as const) {
    const [status, residual] = outcome(definite, { method, maxSteps: 1 })
    t.equal(status, statusCode.maxSteps, `${method} stopped early`)
    t.ok(
      (residual as number) > 1e-3 && (residual as number) < 10,
      `${method}: its true residual ${String(residual)}`,
    )
    t.equal(
      outcome(singular, { method, maxSteps: 50 }, array([1, 2, 3, 4, 0]))[0],
      statusCode.converged,
      `${method}: singular, but consistent`,
    )
  }
  // Whatever the number of steps, the status says whether the true residual is within ten times the tolerance.
  for (const method of ['cg', 'gmres', 'bicgstab', 'normalCg'] as const) {
    for (const maxSteps of [0, 1, 2, 3, 4, 5, 6]) {
      const [status, residual] = outcome(definite, { method, maxSteps, tol: 1e-4 })
      t.equal(
        status === statusCode.converged,
        (residual as number) <= 1e-3,
        `${method}, ${String(maxSteps)} steps, residual ${String(residual)}`,
      )
    }
  }
  t.equal(
    outcome(definite, { method: 'neumann' })[0] === statusCode.converged,
    false,
    'a Neumann series that diverges',
  )
  t.equal(
    outcome((systems['symmetric indefinite'] as System).A, { method: 'cholesky' })[0],
    statusCode.singular,
    'Cholesky of an indefinite matrix',
  )
  t.equal(
    outcome(
      array([
        [0, 1],
        [-1, 0],
      ]),
      { method: 'gmres' },
      array([1, 0]),
    )[0],
    statusCode.converged,
    'a rotation, where the first step of gmres stagnates',
  )
  t.ok(
    outcome(
      array([
        [0, 1],
        [-1, 0],
      ]),
      { method: 'bicgstab' },
      array([1, 0]),
    )[0] === statusCode.maxSteps,
    'a rotation, where bicgstab breaks down',
  )
  t.strictSame(
    outcome(
      array([
        [1, 2],
        [2, 4],
      ]),
      { method: 'lu' },
      array([1, 0]),
    )[0],
    statusCode.singular,
  )
})

test('what was not solved although a factor was found does not pass as solved', async (t) => {
  // Rank 2, but elimination leaves a pivot of rounding size and a solution of size 1e16.
  const nearly = array([
    [0.1, 0.2, 0.3],
    [0.4, 0.5, 0.6],
    [0.7, 0.8, 0.9],
  ])
  const rows: readonly (readonly [string, (z: Tensor) => Tensor])[] = [
    ['a matrix that is singular but for rounding', (z) => matmul(nearly, z)],
    ['a map that is not linear', (z) => square(add(z, 2))],
    ['a map that is affine', (z) => add(z, 1)],
  ]
  for (const [name, map] of rows) {
    const { reports } = evaluateWithin(Infinity, (c) => linearSolve(map, c), [1, 1, 5])
    t.equal(reports.status, statusCode.singular, `${name}: residual ${String(reports.residual)}`)
    const adjoint = evaluateWithin(
      Infinity,
      (c) =>
        grad((right: Tensor) =>
          dot(
            [1, 1, 5],
            linearSolve((z) => matmul(transpose(nearly), z), right),
          ),
        )(c),
      [1, 1, 5],
    )
    t.equal(adjoint.reports.gradientStatus, gradientStatusCode.singular)
  }
})

test('derivative solves report apart from the solve itself', async (t) => {
  const { A } = systems['symmetric positive definite'] as System
  const loss =
    (method: LinearMethod, maxSteps: number) =>
    (c: Tensor): Tensor =>
      grad((right: Tensor) => dot(v, solver({ method, maxSteps, tol: 1e-12 })(tensor(A), right)))(c)
  const { reports } = evaluate((c) => loss('cg', 40)(c), b)
  t.equal(reports.gradientStatus, gradientStatusCode.ok)
  const early = evaluate((c) => loss('cg', 2)(c), b).reports
  t.equal(early.gradientStatus, gradientStatusCode.notConverged)
  t.ok((early.adjointResidual as number) > 1e-6)
})

test('the map may be any linear function; what it closes over has a derivative', async (t) => {
  const X = normal('X', 8, 3)
  // Ridge regression by the normal equations, with the Gram matrix never formed.
  const ridge = (data: Tensor, lambda: Tensor): Tensor =>
    sum(
      square(
        linearSolve(
          (z) => add(matmul(transpose(data), matmul(data, z)), mul(lambda, z)),
          matmul(transpose(data), normal('y', 8)),
          { method: 'cg', tol: 1e-14 },
        ),
      ),
    )
  const plain = (data: Tensor, lambda: Tensor): Tensor =>
    sum(
      square(
        luSolve(
          add(
            matmul(transpose(data), data),
            mul(
              lambda,
              array([
                [1, 0, 0],
                [0, 1, 0],
                [0, 0, 1],
              ]),
            ),
          ),
          matmul(transpose(data), normal('y', 8)),
        ),
      ),
    )
  const pair =
    (fn: typeof ridge) =>
    (data: Tensor, lambda: Tensor): readonly Tensor[] =>
      grad(([p, q]: [Tensor, Tensor]) => fn(p, q))([data, lambda])
  const got = values(pair(ridge), X, 0.3)
  t.ok(relativeError(got, values(pair(plain), X, 0.3)) < 1e-12)
  // The map closes over the result of another solve.
  const nested = (c: Tensor): Tensor => {
    const inner = linearSolve((z) => mul(2, z), c)
    return sum(linearSolve((z) => mul(add(square(inner), 1), z), [1, 1, 1]))
  }
  const [g] = values((c) => grad(nested)(c), [1, 2, 3])
  t.ok(
    relativeError(
      [g as NDArray],
      [
        new NDArray(
          [3],
          Float64Array.from([1, 2, 3], (c) => -(c / 2) / ((c * c) / 4 + 1) ** 2),
        ),
      ],
    ) < 1e-15,
  )
})

test('a batch is the loop of single systems, each with its own end', async (t) => {
  const As = [1, 10, 0.5].map(
    (k) =>
      new NDArray(
        [n, n],
        (systems['symmetric, ‖I − A‖ < 1'] as System).A.data.map((a, i) =>
          i % (n + 1) === 0 ? a + Math.log10(k) * 0.2 : a * k ** 0.1,
        ),
      ),
  )
  const bs = stackArrays([b, db, v])
  for (const method of linearMethods) {
    const one = first(solver({ method, tol: 1e-12, maxSteps: 300 }))
    const together = values((M, c) => vmap(one)(M, c), stackArrays(As), bs)
    const alone = As.map((A, i) => values((M, c) => one(M, c), A, rowOf(bs, i)))
    const error = relativeError(
      together,
      together.map((_, k) => stackArrays(alone.map((own) => own[k] as NDArray))),
    )
    t.ok(error < 1e-12, `${method}: ${error.toExponential(1)}`)
    const shared = values((M, c) => vmap((right: Tensor) => one(M, right))(c), As[0] as NDArray, bs)
    const own = [0, 1, 2].map((i) => values((M, c) => one(M, c), As[0] as NDArray, rowOf(bs, i)))
    t.ok(
      relativeError(
        shared,
        shared.map((_, k) => stackArrays(own.map((list) => list[k] as NDArray))),
      ) < 1e-12,
      `${method}: one matrix`,
    )
  }
  // One instance of the batch fails: the report is the worst.
  const { outputs, reports } = evaluate(
    (s) => vmap((k: Tensor) => linearSolve((z) => mul(k, z), [3]))(s),
    [1, 0, 2],
  )
  t.equal(reports.status, statusCode.singular)
  t.strictSame(
    [(outputs[0] as NDArray).data[0], (outputs[0] as NDArray).data[2]],
    [3, 1.5],
    'and the others are not touched',
  )
})

const refused: readonly (readonly [string, () => unknown, new (...args: never[]) => OnestepError, RegExp])[] =
  [
    [
      'an unknown method',
      () => linearSolve((x) => x, [1], { method: 'qr' as never }),
      ArgumentError,
      /lu, cholesky/,
    ],
    [
      'an unknown option',
      () => linearSolve((x) => x, [1], { tolerance: 1 } as never),
      ArgumentError,
      /unknown option/,
    ],
    ['a negative tolerance', () => linearSolve((x) => x, [1], { tol: -1 }), ArgumentError, /tol ≥ 0/],
    ['a broken step limit', () => linearSolve((x) => x, [1], { maxSteps: 0.5 }), ArgumentError, /integer/],
    ['a right-hand side that is a matrix', () => linearSolve((x) => x, [[1]]), ShapeError, /not a vector/],
    ['a scalar right-hand side', () => linearSolve((x) => x, 1), ShapeError, /not a vector/],
    [
      'a map that is not square',
      () => linearSolve((x) => matmul([[1, 2]], x), [1, 2]),
      ShapeError,
      /not square/,
    ],
  ]
for (const [name, fn, type, message] of refused) {
  test(`refused: ${name}`, async (t) => {
    t.throws(() => lowered(() => (fn(), 0)), type)
    t.throws(() => lowered(() => (fn(), 0)), { message })
  })
}

test('a right-hand side without entries', async (t) => {
  for (const method of linearMethods)
    t.strictSame(
      [...value((c) => linearSolve((x) => mul(2, x), c, { method }), array([], [0])).data],
      [],
      method,
    )
})
