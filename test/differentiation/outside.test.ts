// A strategy, and a solver, written outside of the library: nothing is imported from it but its public names.
import { test } from 'tap'
import { NDArray } from '../../lib/base/ndarray.js'
import {
  add,
  div,
  dot,
  fixedPoint,
  implicit,
  jacobian,
  linearizeAt,
  matmul,
  mul,
  norm2,
  oneStep,
  solve,
  sub,
  tanh,
  unrolled,
} from '../../lib/index.js'
import type { Solver, Strategy, Tensor } from '../../lib/index.js'
import { evaluate, normal, value, values } from '../harness/evaluate.js'
import { relativeError } from '../oracle/compare.js'
import {
  fromArray,
  fromColumns,
  identity,
  minus,
  plus,
  scaled,
  solved,
  times,
  toArray,
  transposed,
} from '../oracle/matrices.js'
import { distances, factsOf, last } from './formulas.js'
import { problems } from './problems.js'

// The average of one and two terms of the Neumann series: B + ½ A B.
const twoStepAverage: Strategy = {
  name: 'two-step average',
  jvp: ({ map, x, theta }, dTheta) => {
    const F = linearizeAt(map, x, theta)
    const first = F.push(undefined, dTheta)
    const second = first && F.push(first, [])
    return first && second ? add(first, mul(0.5, second)) : first
  },
  vjp: ({ map, x, theta }, v, wanted) => {
    const F = linearizeAt(map, x, theta, wanted)
    return F.pullTheta(add(v, mul(0.5, F.pullX(v))))
  },
}

// The Jacobian-free one step t Bᵀ v, scaled by the best step t along v: r = (I − Aᵀ) v, t = ⟨r, v⟩ / ‖r‖².
const scaledOneStep: Strategy = {
  name: 'scaled one-step',
  jvp: ({ map, x, theta }, dTheta) => {
    const F = linearizeAt(map, x, theta)
    const moved = F.push(undefined, dTheta)
    if (moved === undefined) return undefined
    const r = sub(moved, F.push(moved, []) ?? 0)
    return mul(div(dot(r, moved), dot(r, r)), moved)
  },
  vjp: ({ map, x, theta }, v, wanted) => {
    const F = linearizeAt(map, x, theta, wanted)
    const r = sub(v, F.pullX(v))
    return F.pullTheta(mul(div(dot(r, v), dot(r, r)), v))
  },
}

test('the two-step average is B + ½ A B on every problem, in both modes', async (t) => {
  for (const problem of problems) {
    const facts = factsOf(problem)
    const [A, B] = [facts.A(last(facts)), facts.B(last(facts))]
    const { errors } = distances(facts, twoStepAverage, plus(B, scaled(0.5, times(A, B))))
    t.ok(Math.max(...errors) < 1e-10, `${problem.name}: ${errors.map((e) => e.toExponential(1)).join(' ')}`)
  }
})

test('the scaled one-step: its formula, and α found by itself', async (t) => {
  const covector = normal('covector', 2)
  for (const name of ['ridge, damped newton', 'ridge, fixedPoint']) {
    const problem = problems.find((p) => p.name === name) as (typeof problems)[number]
    const facts = factsOf(problem)
    const [A, B, v] = [facts.A(last(facts)), facts.B(last(facts)), fromArray(covector)]
    const r = minus(v, times(transposed(A), v))
    const scale = times(transposed(r), v).flat()[0] as number
    const t0 = scale / (times(transposed(r), r).flat()[0] as number)
    const got = value(
      (p) =>
        jacobian((q) => matmul(covector, problem.run(q, { strategy: scaledOneStep, steps: problem.steps })), {
          mode: 'reverse',
        })(p),
      problem.theta,
    )
    t.ok(
      relativeError(
        [got],
        [new NDArray([problem.theta.size], Float64Array.from(times(transposed(B), scaled(t0, v)).flat()))],
      ) < 1e-12,
      name,
    )
    // A damped Newton step has A = (1 − α) I, and t = 1/α makes up for it.
    if (name === 'ridge, damped newton')
      t.ok(Math.abs(t0 * facts.alpha - 1) < 1e-6, `t α = ${String(t0 * facts.alpha)}`)
  }
})

// Heavy-ball momentum: the state has a velocity, which the map that is differentiated does not carry.
const heavyBall = (options: {
  readonly rate: number
  readonly momentum: number
  readonly maxSteps: number
  readonly tol: number
  readonly gradient: (x: Tensor, p: Tensor) => Tensor
}): Solver<Tensor, Tensor, { x: Tensor; v: Tensor; g: Tensor }> => ({
  name: 'heavyBall',
  init: (x, p) => ({ x, v: mul(0, x), g: options.gradient(x, p) }),
  step: ({ x, v, g }, p) => {
    const velocity = sub(mul(options.momentum, v), mul(options.rate, g))
    const next = add(x, velocity)
    return { x: next, v: velocity, g: options.gradient(next, p) }
  },
  point: ({ x }) => x,
  error: ({ g }) => norm2(g),
  map: (x, p) => sub(x, mul(options.rate, options.gradient(x, p))),
  stopping: { maxSteps: options.maxSteps, tol: options.tol, rtol: 0, divergence: 1e9 },
})

test('a solver from outside is differentiated by every strategy', async (t) => {
  const X = normal('X', 5, 2)
  const y = normal('y', 5)
  const gradient = (x: Tensor, p: Tensor): Tensor => add(matmul(mul(p, sub(matmul(X, x), y)), X), mul(0.5, x))
  const solver = heavyBall({ rate: 0.05, momentum: 0.6, maxSteps: 2000, tol: 1e-13, gradient })
  const theta = normal('p', 5)
  const p = new NDArray(
    [5],
    theta.data.map((z) => 1 + 0.3 * Math.tanh(z)),
  )
  const run =
    (strategy: Strategy) =>
    (q: Tensor): Tensor =>
      solve(solver, { x0: [1, 1], theta: q, strategy })
  const { outputs, reports } = evaluate(
    (q) => [
      run(implicit())(q),
      jacobian(run(implicit()))(q),
      jacobian(run(unrolled()), { mode: 'reverse' })(q),
      jacobian(run(oneStep()))(q),
      jacobian(run(twoStepAverage))(q),
    ],
    p,
  )
  t.equal(reports.status, 0)
  const x = fromArray(outputs[0] as NDArray)
  const H = plus(
    times(
      transposed(fromArray(X)),
      fromArray(X).map((row, i) => row.map((z) => z * (p.data[i] as number))),
    ),
    scaled(0.5, identity(2)),
  )
  const r = minus(times(fromArray(X), x), fromArray(y))
  const G = fromColumns(r.map((ri, i) => [0, 1].map((k) => (ri[0] as number) * X.at(i, k))))
  const J = scaled(-1, solved(H, G))
  const [A, B] = [minus(identity(2), scaled(0.05, H)), scaled(-0.05, G)]
  const wanted = [J, J, B, plus(B, scaled(0.5, times(A, B)))].map(toArray)
  wanted.forEach((want, i) =>
    t.ok(
      relativeError([outputs[i + 1] as NDArray], [want]) < 1e-9,
      ['implicit', 'unrolled', 'one-step', 'two-step average'][i] as string,
    ),
  )
})

test('a solver without a map of its own is differentiated by its step', async (t) => {
  const solver = fixedPoint({
    map: (x: Tensor, q: Tensor) => tanh(add(mul(0.5, x), q)),
    maxSteps: 300,
    tol: 1e-14,
  })
  const { map: _, ...bare } = solver
  const both = values(
    (q) => [solver, bare].map((s) => jacobian((z) => solve(s as typeof solver, { x0: [0, 0], theta: z }))(q)),
    [0.3, -1],
  )
  t.ok(relativeError([both[1] as NDArray], [both[0] as NDArray]) < 1e-14)
})
