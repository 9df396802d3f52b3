// Hypergradient descent: every optimizer to optima that are known, domains, inner tolerances, certificates that are heeded, lanes,
// failures, wrong use.
import { test } from 'tap'
import {
  NDArray,
  Pool,
  auto,
  backtracking,
  domain,
  fixedPoint,
  gradientDescent,
  hypergradientDescent,
  implicit,
  innerTolerance,
  less,
  linspace,
  logspace,
  newton,
  oneStep,
  optimizer,
  safeStepSize,
  shared,
  stream,
  sumSquares,
  where,
} from '../../lib/index.js'
import { localExecutor } from '../../lib/runtime/executor.js'
import type { Executor, Optimizer, Strategy, Tensor } from '../../lib/index.js'
import { bitsOf, bitsOfInstance } from './descentBits.js'
import {
  b,
  bestLambda,
  byDescent,
  byNewton,
  n,
  ridge,
  ridgeObjective,
  ridgeOuter,
  smooth,
  tracking,
  trackingGradient,
  trackingOptimum,
  x0,
} from './problems.js'

const lambdaStar = bestLambda()
const tuning = { inner: byNewton, x0, outer: ridgeOuter }
const slow = { inner: byDescent, x0, outer: ridgeOuter, strategy: implicit() }
const starts = logspace(0.5, 12, 9)

/** Each optimizer with options for the problem with one parameter, and for that with two. */
const optimizers: Readonly<Record<string, readonly [Optimizer, Optimizer]>> = {
  descent: [optimizer.descent({ stepSize: 2 }), optimizer.descent({ stepSize: 0.5 })],
  backtracking: [
    optimizer.descent({ stepSize: backtracking({ initial: 8 }) }),
    optimizer.descent({ stepSize: backtracking({ initial: 8 }) }),
  ],
  momentum: [
    optimizer.momentum({ stepSize: 0.5, beta: 0.8 }),
    optimizer.momentum({ stepSize: 0.1, beta: 0.8 }),
  ],
  nesterov: [
    optimizer.nesterov({ stepSize: 0.5, beta: 0.8 }),
    optimizer.nesterov({ stepSize: 0.1, beta: 0.8 }),
  ],
  adam: [optimizer.adam({ stepSize: 0.1 }), optimizer.adam({ stepSize: 0.1, beta2: 0.99 })],
  lbfgs: [optimizer.lbfgs(), optimizer.lbfgs({ memory: 3 })],
}

for (const [name, [one, two]] of Object.entries(optimizers)) {
  test(`${name}: the best λ of ridge from nine starts, and two parameters`, async (t) => {
    const tuned = await hypergradientDescent({
      ...{ problem: tuning, theta0: starts, optimizer: one, maxSteps: 1000 },
      domain: domain.logarithmic({ low: 1e-3, high: 1e3 }),
    })
    t.strictSame([...new Set(tuned.status)], ['converged'])
    tuned.theta.data.forEach((lambda, i) => {
      t.ok(Math.abs(lambda / lambdaStar - 1) < 1e-3, `λ ${String(lambda)} of ${String(lambdaStar)}`)
      const truth = ridge(lambda)
      t.ok(Math.abs(truth.gradient * lambda) <= 1e-6, 'the true gradient in log λ is below tol')
      t.ok(Math.abs((tuned.value[i] as number) - truth.value) < 1e-9)
    })
    const { theta, status } = await hypergradientDescent({
      ...{ problem: tracking, optimizer: two, maxSteps: 2000, tol: 1e-7 },
      theta0: { u: [0, 1], v: [0, -3] },
    })
    t.strictSame(status, ['converged', 'converged'])
    for (const i of [0, 1]) {
      t.ok(Math.abs((theta.u.data[i] as number) - (trackingOptimum[0] as number)) < 1e-5)
      t.ok(Math.abs((theta.v.data[i] as number) - (trackingOptimum[1] as number)) < 1e-5)
    }
  })
}

// The same recurrences in plain numbers, with the gradient in closed form.
const recurrences: Readonly<
  Record<string, readonly [Optimizer, () => (g: number, j: number, t: number) => number]>
> = {
  descent: [optimizer.descent({ stepSize: 0.1 }), () => (g) => 0.1 * g],
  momentum: [
    optimizer.momentum({ stepSize: 0.1, beta: 0.7 }),
    () => {
      const v = [0, 0]
      return (g, j) => 0.1 * (v[j] = 0.7 * (v[j] as number) + g)
    },
  ],
  nesterov: [
    optimizer.nesterov({ stepSize: 0.1, beta: 0.7 }),
    () => {
      const v = [0, 0]
      return (g, j) => 0.1 * (g + 0.7 * (v[j] = 0.7 * (v[j] as number) + g))
    },
  ],
  adam: [
    optimizer.adam({ stepSize: 0.1, beta1: 0.8, beta2: 0.9, epsilon: 1e-3 }),
    () => {
      const [m, v] = [
        [0, 0],
        [0, 0],
      ]
      return (g, j, k) => {
        m[j] = 0.8 * (m[j] as number) + 0.2 * g
        v[j] = 0.9 * (v[j] as number) + 0.1 * g * g
        return (0.1 * m[j]) / (1 - 0.8 ** k) / (Math.sqrt(v[j] / (1 - 0.9 ** k)) + 1e-3)
      }
    },
  ],
}

for (const [name, [one, recurrence]] of Object.entries(recurrences)) {
  test(`${name}: six steps beside the recurrence in plain numbers`, async (t) => {
    const { theta } = await hypergradientDescent({
      ...{ problem: tracking, theta0: { u: [2], v: [-1] }, optimizer: one, maxSteps: 6, tol: 1e-12 },
    })
    const move = recurrence()
    let expected = [2, -1]
    for (let k = 1; k <= 6; k++) {
      const gradient = trackingGradient(expected)
      expected = expected.map((x, j) => x - move(gradient[j] as number, j, k))
    }
    t.ok(Math.abs((theta.u.data[0] as number) - (expected[0] as number)) < 1e-9)
    t.ok(Math.abs((theta.v.data[0] as number) - (expected[1] as number)) < 1e-9)
  })
}

test('L-BFGS needs few hypergradients for a quadratic', async (t) => {
  const { history } = await hypergradientDescent({
    ...{ problem: tracking, theta0: { u: [9], v: [-7] }, optimizer: optimizer.lbfgs(), tol: 1e-9 },
  })
  t.ok((history[0]?.norm.length ?? Infinity) <= 12, String(history[0]?.norm))
})

test('a box: what presses on a bound stays there, the rest is optimal', async (t) => {
  const [u, v] = trackingOptimum as [number, number]
  // θ is a vector here, to be bounded as a whole from below, at the midpoint of its two entries.
  const bound = (u + v) / 2
  for (const one of [
    optimizer.descent({ stepSize: 0.5 }),
    optimizer.descent({ stepSize: backtracking() }),
    optimizer.lbfgs(),
  ]) {
    const { theta, status, norm } = await hypergradientDescent({
      ...{ problem: tracking, optimizer: one, maxSteps: 500, domain: domain.box({ low: bound, high: 100 }) },
      theta0: { u: [bound + 3], v: [bound + 2] },
    })
    t.strictSame(status, ['converged'])
    t.ok((norm[0] as number) <= 1e-6)
    const found = [theta.u.data[0] as number, theta.v.data[0] as number]
    t.equal(Math.min(...found), bound, 'one of the two is at the bound')
  }
  const alone = await hypergradientDescent({
    ...{ problem: tuning, theta0: [1], optimizer: optimizer.lbfgs() },
    domain: domain.logarithmic({ low: 0.5, high: lambdaStar / 2 }),
  })
  t.strictSame(alone.status, ['converged'])
  t.ok(Math.abs((alone.theta.data[0] as number) / (lambdaStar / 2) - 1) < 1e-12)
})

test('lanes give the bits that an instance has alone, here and in a pool', async (t) => {
  await using pool = new Pool({ threads: 2 })
  for (const [name, [one]] of Object.entries(optimizers)) {
    const options = {
      ...{ problem: slow, optimizer: one, maxSteps: 12, tolerance: innerTolerance.quadratic() },
      ...{ domain: domain.logarithmic({ low: 1e-3, high: 1e3 }), lanes: 8 },
    }
    const all = await hypergradientDescent({ ...options, theta0: starts })
    const there = await hypergradientDescent({ ...options, theta0: starts, executor: pool })
    t.equal(bitsOf(there), bitsOf(all), `${name}, in a pool`)
    for (const i of [0, 4, 8]) {
      const alone = await hypergradientDescent({ ...options, theta0: [starts.data[i] as number] })
      t.equal(bitsOfInstance(alone, 0), bitsOfInstance(all, i), `${name}, instance ${String(i)}`)
    }
  }
})

test('one instance takes one lane, several take what the cost model says, unless told', async (t) => {
  const asked: unknown[] = []
  const executor: Executor = {
    prepare: (fn, options) => {
      asked.push(options?.lanes)
      return localExecutor().prepare(fn, options)
    },
  }
  for (const theta0 of [[1], [1, 2]]) {
    for (const lanes of [undefined, 8]) {
      asked.length = 0
      await hypergradientDescent({
        ...{ problem: tuning, theta0, optimizer: optimizer.lbfgs(), maxSteps: 1, executor },
        ...(lanes === undefined ? {} : { lanes }),
      })
      t.equal(asked.at(-1), lanes ?? (theta0.length === 1 ? 1 : 'auto'))
    }
  }
})

test('problems as lanes: data of each instance, and data that all share', async (t) => {
  const random = stream(11, 'targets')
  const targets = new NDArray(
    [3, n],
    random.normals(3 * n).map((z, i) => (b.data[i % n] as number) + 0.3 * z),
  )
  const found = await hypergradientDescent({
    problem: ({ target, weight }: { readonly target: Tensor; readonly weight: Tensor }) => ({
      inner: newton({ objective: ridgeObjective(target), tol: 1e-11 }),
      x0,
      outer: (w: Tensor, lambda: Tensor) => ridgeOuter(w, lambda).mul(weight),
    }),
    data: { target: targets, weight: shared(2) },
    theta0: [5, 5, 5],
    optimizer: optimizer.lbfgs(),
    domain: domain.logarithmic({ low: 1e-3, high: 1e3 }),
  })
  t.strictSame([...new Set(found.status)], ['converged'])
  found.theta.data.forEach((lambda, i) => {
    const truth = ridge(lambda, targets.data.subarray(i * n, (i + 1) * n))
    t.ok(Math.abs(2 * truth.gradient * lambda) <= 1e-6, `instance ${String(i)}`)
  })
})

test('several inner problems', async (t) => {
  // h = g(w(λ)) + c z(λ)², z = 1/λ
  const second = gradientDescent({
    objective: (z: Tensor, lambda: Tensor) => lambda.mul(0.5).mul(z.square()).sub(z),
    stepSize: (lambda: Tensor) => lambda.reciprocal(),
  })
  const { theta, status, x } = await hypergradientDescent({
    problem: {
      inner: { w: { solver: byNewton, x0 }, z: { solver: second, x0: 0 } },
      outer: ({ w, z }: { readonly w: Tensor; readonly z: Tensor }, lambda: Tensor) =>
        ridgeOuter(w, lambda).add(z.square().mul(0.1)),
    },
    theta0: [3],
    optimizer: optimizer.lbfgs(),
    domain: domain.logarithmic(),
    tol: 1e-7,
  })
  const lambda = theta.data[0] as number
  t.strictSame(status, ['converged'])
  t.ok(Math.abs(lambda * (ridge(lambda).gradient - 0.2 / lambda ** 3)) < 1e-7)
  t.ok(Math.abs((x.z.data[0] as number) * lambda - 1) < 1e-8)
})

test('inner tolerances: what each schedule says, and what the inner solves then cost', async (t) => {
  t.equal(innerTolerance.exponential()(0), 1e-3)
  t.ok(Math.abs(innerTolerance.exponential({ start: 1, factor: 0.5 })(3) - 0.125) < 1e-15)
  t.equal(innerTolerance.quadratic({ start: 1 })(3), 1 / 16)
  t.equal(innerTolerance.cubic({ start: 1 })(3), 1 / 64)
  t.equal(innerTolerance.cubic()(1e9), 1e-12, 'the floor')
  const run = async (tolerance?: number | ((k: number) => number)) =>
    hypergradientDescent({
      ...{ problem: slow, theta0: [1], optimizer: optimizer.descent({ stepSize: 2 }), maxSteps: 200 },
      ...{ domain: domain.logarithmic(), ...(tolerance !== undefined && { tolerance }) },
    })
  const cost = ({ history }: Awaited<ReturnType<typeof run>>): number =>
    history[0]?.iterations.reduce((sum, k) => sum + k, 0) as number
  const asked: number[] = []
  const counted = await run((k) => {
    asked.push(k)
    return 1e-9
  })
  t.strictSame(asked, [...asked.keys()], 'it is asked once for each step')
  t.equal(asked.length, (counted.steps[0] as number) + 1)
  const [tight, loose] = [await run(1e-10), await run(innerTolerance.exponential())]
  for (const { theta, status } of [tight, loose]) {
    t.strictSame(status, ['converged'])
    t.ok(Math.abs(ridge(theta.data[0] as number).gradient * (theta.data[0] as number)) <= 1e-6)
  }
  t.ok(cost(loose) < 0.8 * cost(tight), `${String(cost(loose))} inner steps, ${String(cost(tight))} at 1e-10`)
})

test('a loose inner tolerance is tightened before a step is made on it, or the end is told', async (t) => {
  const options = {
    ...{ theta0: [1, 8], optimizer: optimizer.descent({ stepSize: 2 }), maxSteps: 200 },
    domain: domain.logarithmic(),
  }
  const refined = await hypergradientDescent({ ...options, problem: slow, tolerance: 1e-2 })
  t.strictSame(refined.status, ['converged', 'converged'])
  refined.theta.data.forEach((lambda, i) => {
    t.ok(Math.abs(ridge(lambda).gradient * lambda) <= 1e-6, 'the true gradient is below tol')
    t.ok((refined.state.refinements[i] as number) > 0, 'by tighter tolerances')
    const { norm, estimate, stepSize } = refined.history[i] as (typeof refined.history)[number]
    stepSize.forEach((alpha, k) => {
      if (!Number.isNaN(alpha)) t.ok((estimate[k] as number) <= 0.5 * (norm[k] as number))
    })
  })
  const byItself = await hypergradientDescent({
    ...options,
    ...{ problem: { ...slow, strategy: auto({ tol: 1e-3 }) }, tolerance: 1e-2 },
  })
  t.strictSame(byItself.status, ['converged', 'converged'], 'auto certifies itself')
  byItself.theta.data.forEach((lambda) => t.ok(Math.abs(ridge(lambda).gradient * lambda) <= 1e-6))
  // One-step of gradient descent neglects more than half of the gradient, however exactly it is solved.
  const neglecting = { ...slow, strategy: oneStep() }
  const told = await hypergradientDescent({ ...options, problem: neglecting })
  t.strictSame(told.status, ['inaccurate', 'inaccurate'])
  t.strictSame([...told.steps], [0, 0])
  const silent = await hypergradientDescent({
    ...options,
    problem: { ...neglecting, certificate: false },
    maxSteps: 3,
  })
  t.strictSame(silent.status, ['maxSteps', 'maxSteps'], 'certificate: false goes on')
  t.ok(silent.estimate.every(Number.isNaN))
  // A tolerance that gradient descent cannot reach in its steps from x0.
  const short = { ...slow, inner: gradientDescent({ ...descentOptions, maxSteps: 50 }) }
  const stuck = await hypergradientDescent({ ...options, problem: short, tolerance: 1e-2, warmStart: false })
  t.strictSame([...new Set(stuck.status)], ['inaccurate'])
  t.strictSame([...new Set(stuck.innerStatus)], ['maxSteps'])
})

const descentOptions = {
  objective: ridgeObjective(),
  stepSize: (lambda: Tensor) => lambda.add(smooth).reciprocal(),
}

test('inner problems that are not solved', async (t) => {
  const options = {
    ...{ theta0: [1], optimizer: optimizer.descent({ stepSize: 1 }), domain: domain.logarithmic() },
    problem: { ...slow, inner: gradientDescent({ ...descentOptions, maxSteps: 3 }) },
  }
  const stopped = await hypergradientDescent(options)
  t.strictSame([stopped.status, stopped.innerStatus], [['innerFailed'], ['maxSteps']])
  // Three steps from where the last ones ended: x and θ converge together.
  const used = await hypergradientDescent({ ...options, unconverged: 'use', maxSteps: 300, share: 1 })
  t.strictSame(used.status, ['converged'])
  const lambda = used.theta.data[0] as number
  t.ok(Math.abs(ridge(lambda).gradient * lambda) <= 1e-6)
})

test('an instance that fails spoils no other', async (t) => {
  const options = {
    ...{ problem: tuning, optimizer: optimizer.lbfgs(), maxSteps: 30, domain: domain.box({ low: -50 }) },
  }
  const clean = await hypergradientDescent({ ...options, theta0: [1, 2, 3, 4, 5] })
  // At λ = −40 the inner problem has no minimum.
  const mixed = await hypergradientDescent({ ...options, theta0: [1, NaN, 3, -40, 5] })
  for (const i of [0, 2, 4]) t.equal(bitsOfInstance(mixed, i), bitsOfInstance(clean, i))
  t.match(mixed.status[1], /nonFinite|innerFailed/)
  t.not(mixed.status[3], 'converged')
  t.ok([1, 3].every((i) => (mixed.steps[i] as number) <= 1))
  const leap = await hypergradientDescent({
    ...{ problem: tuning, theta0: [1], optimizer: optimizer.descent({ stepSize: 1e300 }) },
    domain: domain.logarithmic(),
  })
  t.match(leap.status[0], /nonFinite|innerFailed/)
})

test('starts are never left for worse by a search, and its end is told', async (t) => {
  // h has a kink at its minimum, where no step of the gradient lowers it.
  const found = await hypergradientDescent({
    problem: {
      inner: newton({
        objective: (x: Tensor, theta: Tensor) => sumSquares(x.sub(theta)).mul(0.5),
        tol: 1e-12,
      }),
      x0: 0,
      outer: (x: Tensor) => x.abs(),
    },
    theta0: [0.3, 1],
    optimizer: optimizer.descent({ stepSize: backtracking() }),
    maxSteps: 100,
  })
  found.history.forEach(({ value }) => {
    for (let k = 1; k < value.length; k++) t.ok((value[k] as number) <= (value[k - 1] as number))
  })
  t.ok(found.status.every((s) => s === 'noDescent' || s === 'converged' || s === 'maxSteps'))
  t.ok(found.value.every((v) => v < 1e-3))
})

test('a trial whose inner problem is not solved is no step, however low it looks', async (t) => {
  // From θ = 1 on x goes to and fro for ever, and the outer objective would go on falling.
  const { theta, status, value } = await hypergradientDescent({
    problem: {
      inner: fixedPoint({
        map: (x: Tensor, theta: Tensor) => where(less(theta, 1), theta, x.neg()),
        maxSteps: 50,
      }),
      x0: 0.1,
      outer: (x: Tensor, theta: Tensor) => theta.sub(2).square().add(x.square().mul(0.01)),
    },
    theta0: [0.1],
    optimizer: optimizer.descent({ stepSize: backtracking() }),
    maxSteps: 60,
  })
  t.match(status[0], /noDescent|maxSteps/)
  t.ok((theta.data[0] as number) < 1 && (theta.data[0] as number) > 0.99, String(theta.data[0]))
  t.ok((value[0] as number) > 1)
})

test('a search is not led astray by what loose inner solves leave of h', async (t) => {
  const { status, theta } = await hypergradientDescent({
    ...{ problem: slow, theta0: starts, maxSteps: 60, tolerance: innerTolerance.exponential() },
    optimizer: optimizer.descent({ stepSize: backtracking({ initial: 8 }) }),
    domain: domain.logarithmic({ low: 1e-3, high: 1e3 }),
    tol: 1e-7,
  })
  t.strictSame([...new Set(status)], ['converged'])
  theta.data.forEach((lambda) => t.ok(Math.abs(ridge(lambda).gradient * lambda) <= 1e-7))
})

test('the last adjoint is kept where the strategy looks for it by iterating', async (t) => {
  const kept = async (strategy: Strategy, warmStart?: boolean) => {
    const { status, state } = await hypergradientDescent({
      ...{ problem: { ...slow, strategy }, theta0: [1, 8], optimizer: optimizer.lbfgs() },
      ...{ domain: domain.logarithmic(), ...(warmStart !== undefined && { warmStart }) },
    })
    t.strictSame(status, ['converged', 'converged'], strategy.name)
    return state.columns.adjoint.data
  }
  const cg = implicit({ linearSolver: 'cg' })
  const [adjoint] = await kept(cg)
  t.equal(adjoint?.length, 8)
  t.ok(adjoint?.every((entry) => entry !== 0))
  t.strictSame(await kept(cg, false), [])
  t.strictSame(await kept(implicit()), [], 'by LU there is nothing to start')
})

test('histories, steps and shapes', async (t) => {
  const rounds: number[] = []
  const found = await hypergradientDescent({
    ...{ problem: tracking, theta0: { u: [0, 5], v: [1, 5] }, maxSteps: 4, tol: 1e-12 },
    optimizer: optimizer.descent({ stepSize: 0.1 }),
    onStep: async ({ round, running, batch }) => {
      rounds.push(round)
      t.equal(batch, 2)
      t.equal(running, round <= 4 ? 2 : 0)
    },
  })
  t.strictSame(rounds, [1, 2, 3, 4, 5])
  t.strictSame(
    [found.status, [...found.steps]],
    [
      ['maxSteps', 'maxSteps'],
      [4, 4],
    ],
  )
  t.strictSame([found.theta.u.shape, found.x.shape, found.value.length], [[2], [2, 3], 2])
  for (const [i, { value, norm, estimate, iterations, stepSize }] of found.history.entries()) {
    for (const list of [value, norm, estimate, iterations, stepSize]) t.equal(list.length, 5)
    t.strictSame([...stepSize], [0.1, 0.1, 0.1, 0.1, NaN])
    t.equal(value[4], found.value[i])
    t.equal(norm[4], found.norm[i])
    t.equal(iterations[0], 1, 'one Newton step for a quadratic')
  }
  const looked = await hypergradientDescent({
    ...{ problem: tuning, theta0: [1, lambdaStar], maxSteps: 0, tol: 1e-5, optimizer: optimizer.lbfgs() },
  })
  t.strictSame(
    [looked.status, [...looked.steps]],
    [
      ['maxSteps', 'converged'],
      [0, 0],
    ],
  )
})

test('a safe step size, and a warning of one that is not', async (t) => {
  const constants = { rho: 0.5, theta: 2, jacobian: 1, outer: 3, outerGradient: 0.25 }
  // J = 4: L_h = 1 · 17 / 0.5 · 3 + 0.25 · 16
  t.ok(Math.abs(safeStepSize(constants) - 1 / 106) < 1e-15)
  t.equal(safeStepSize({ rho: 0, theta: 1, jacobian: 0, outer: 1 }), Infinity)
  t.throws(() => safeStepSize({ ...constants, rho: 1 }), /0 ≤ rho < 1/)
  const heard: string[] = []
  const listen = (warning: Error): void => {
    if (warning.name === 'OnestepWarning') heard.push(warning.message)
  }
  process.on('warning', listen)
  optimizer.descent({ stepSize: safeStepSize(constants), constants })
  optimizer.descent({ stepSize: 0.02, constants })
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', listen)
  t.equal(heard.length, 1)
  t.match(heard[0], /step size 0\.02 is above 1 \/ L_h = 0\.0094/)
})

test('wrong use', async (t) => {
  const good = { problem: tuning, theta0: [1, 2], optimizer: optimizer.lbfgs() }
  const table: readonly (readonly [string, object, RegExp])[] = [
    ['an unknown option', { ...good, optimiser: 1 }, /unknown option "optimiser".*"optimizer"/],
    ['no start', { problem: tuning, optimizer: optimizer.lbfgs() }, /exactly one of them, received none/],
    ['a start that is one number', { ...good, theta0: 1 }, /theta0 has no row for each instance.*shape \[\]/],
    [
      'starts of different lengths',
      { ...good, problem: tracking, theta0: { u: [1, 2], v: [1] } },
      /theta0\.v has no row for each instance.*2 instances.*shape \[1\]/,
    ],
    [
      'a start outside of the domain',
      { ...good, domain: domain.logarithmic({ low: 1.5 }) },
      /theta0 lies outside.*1\.5 to Infinity.*1 in instance 0/,
    ],
    [
      'a start without a logarithm',
      { ...good, theta0: [1, 0], domain: domain.logarithmic() },
      /0 in instance 1/,
    ],
    ['an empty start', { ...good, theta0: {} }, /theta0 is empty/],
    [
      'data of another length',
      { ...good, problem: () => tuning, data: { a: [1, 2, 3] } },
      /data\.a has no row.*2 inst/,
    ],
    ['no optimizer', { ...good, optimizer: undefined }, /optimizer.*one that optimizer/],
    ['no tolerance', { ...good, tolerance: -1 }, /tolerance.*a positive number/],
    ['no share', { ...good, share: 2 }, /share.*\(0, 1\]/],
    ['no number of steps', { ...good, maxSteps: 1.5 }, /maxSteps.*an integer ≥ 0/],
    ['no way with what is unconverged', { ...good, unconverged: 'ignore' }, /'stop' or 'use'/],
    [
      'θ of another shape than the problem takes',
      { ...good, theta0: linspace(1, 6, 6).data.reduce<number[][]>((rows, v) => [...rows, [v, v]], []) },
      /needs a scalar function/,
    ],
    ['a problem that is wrong itself', { ...good, problem: { ...tuning, x0: undefined } }, /needs x0/],
  ]
  for (const [name, options, message] of table) {
    await t.rejects(hypergradientDescent(options as never), { message }, name)
  }
  const thrown = new Error('thrown on purpose')
  const onStep = (): never => {
    throw thrown
  }
  await t.rejects(hypergradientDescent({ ...good, onStep }), thrown, 'what onStep throws')
  for (const [use, message] of [
    [() => optimizer.descent({ stepSize: 0 }), /a positive number, received 0/],
    [() => optimizer.descent({ stepSize: 'x' as never }), /a number, or backtracking\(\)/],
    [() => optimizer.momentum({ stepSize: 1, beta: 1 }), /beta.*\[0, 1\)/],
    [() => optimizer.adam({ stepSize: 1, beta1: -1 }), /beta1/],
    [() => optimizer.lbfgs({ memory: 0 }), /memory/],
    [() => optimizer.adam({ stepsize: 1 } as never), /"stepSize"/],
    [() => domain.box({ low: 2, high: 1 }), /low < high, received 2 and 1/],
    [() => domain.logarithmic({ low: -1 }), /0 ≤ low/],
    [() => innerTolerance.exponential({ factor: 1 }), /factor/],
    [() => innerTolerance.cubic({ start: 1e-13 }), /floor ≤ start/],
  ] as const) {
    t.throws(use, { message })
  }
})
