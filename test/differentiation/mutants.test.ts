// Derivatives that are wrong on purpose: the checks of this folder must see every one of them.
import { test } from 'tap'
import { ops } from '../../lib/ir/op.js'
import type { Op } from '../../lib/ir/op.js'
import {
  add,
  implicit,
  linearSolve,
  linearizeAt,
  mul,
  neg,
  neumann,
  oneStep,
  phantom,
  stopGradient,
  sub,
  truncated,
  unrolled,
} from '../../lib/index.js'
import type { Strategy, Tensor } from '../../lib/index.js'
import { distances, factsOf, rows } from './formulas.js'
import type { Facts, Row } from './formulas.js'
import { problems } from './problems.js'

const bar = 1e-10

const find = <T extends { readonly name: string }>(list: readonly T[], name: string): T =>
  list.find((entry) => entry.name === name) as T
const factsOfProblem = new Map<string, Facts>()
const facts = (name: string): Facts => {
  if (!factsOfProblem.has(name)) factsOfProblem.set(name, factsOf(find(problems, name)))
  return factsOfProblem.get(name) as Facts
}

/** The largest distance of a strategy from the formula of a row. */
const distance = (strategy: Strategy, row: Row, problem: string): number =>
  Math.max(...distances(facts(problem), strategy, row.expected(facts(problem))).errors)

const linearName = 'linear, fixedPoint'
const layerName = 'layer, fixedPoint on a record'
const dampedName = 'ridge, damped newton'
const logisticName = 'logistic, gradientDescent'

/** Scales or replaces what a strategy returns in one mode. */
const withJvp = (s: Strategy, change: (t: Tensor) => Tensor): Strategy => ({
  ...s,
  jvp: (...args) => {
    const t = s.jvp(...args)
    return t && change(t)
  },
})
const withVjp = (s: Strategy, change: (t: Tensor) => Tensor): Strategy => ({
  ...s,
  vjp: (...args) => s.vjp(...args).map((c) => c && change(c)),
})

const mutants: readonly (readonly [string, Strategy, string, string])[] = [
  ['a sign flip in forward mode', withJvp(oneStep(), neg), 'one-step', linearName],
  ['a sign flip in reverse mode', withVjp(oneStep(), neg), 'one-step', linearName],
  ['a factor of 1 + 1e-8', withJvp(implicit(), (t) => mul(1 + 1e-8, t)), 'implicit', layerName],
  ['one term too few', neumann(3), 'neumann 4', linearName],
  ['one term too many', neumann(5), 'neumann 4', linearName],
  ['one step too few', truncated(2), 'truncated 3', linearName],
  ['the wrong damping', phantom(3, 0.61), 'phantom 3, 0.6', layerName],
  ['the last iterate for the previous one', oneStep(), 'one-step at the previous iterate', layerName],
  ['the previous iterate for the last one', oneStep({ at: 'previous' }), 'one-step', logisticName],
  ['a missing correction of the step length', oneStep(), 'one-step divided by the step length', dampedName],
  ['one-step for implicit', oneStep(), 'implicit', linearName],
  ['implicit for unrolled', implicit(), 'unrolled', logisticName],
  ['truncated for unrolled', truncated(3), 'unrolled', linearName],
  ['unrolled for implicit', unrolled(), 'implicit', layerName],
  [
    'an adjoint solve that is too loose',
    implicit({ linearSolver: 'neumann', tol: 1e-6 }),
    'implicit, neumann',
    logisticName,
  ],
  [
    'a transposed Jacobian',
    {
      ...implicit(),
      vjp: ({ map, x, theta }, v, wanted) =>
        linearizeAt(map, x, theta, wanted).pullTheta(
          linearSolve((u) => sub(u, linearizeAt(map, x, theta).push(u, []) ?? 0), v),
        ),
    },
    'implicit',
    linearName,
  ],
  [
    'a stale θ',
    {
      ...oneStep(),
      jvp: ({ map, x, theta }, dTheta) =>
        linearizeAt(
          map,
          x,
          theta.map((p) => add(stopGradient(p), 1e-6)),
        ).push(undefined, dTheta),
    },
    'one-step',
    layerName,
  ],
  [
    'a lost operand',
    {
      ...oneStep(),
      vjp: (solved, v, wanted) =>
        oneStep()
          .vjp(solved, v, wanted)
          .map((c, i) => (i === 0 ? c && mul(0, c) : c)),
    },
    'one-step',
    logisticName,
  ],
  [
    'no derivative at all',
    { name: 'zero', jvp: ({ x }) => mul(0, x), vjp: ({ theta }) => theta.map((p) => mul(0, p)) },
    'one-step',
    linearName,
  ],
]

for (const [name, strategy, rowName, problem] of mutants) {
  test(`caught: ${name}`, async (t) => {
    const row = find(rows, rowName)
    const [wrong, right] = [distance(strategy, row, problem), distance(row.strategy, row, problem)]
    t.ok(wrong > bar, `distance ${wrong.toExponential(1)}`)
    t.ok(right <= bar, `of the right one ${right.toExponential(1)}`)
  })
}

/** Runs `check` while one rule of an op is wrong. */
const whileWrong = <R>(name: string, rule: Partial<Op>, check: () => R): R => {
  const op = ops.get(name) as Op
  const { jvp, vjp } = op
  Object.assign(op, rule)
  try {
    return check()
  } finally {
    Object.assign(op, { jvp, vjp })
  }
}

const [matmulRules, scanRules] = ['matmul', 'scan'].map((name) => ({ ...(ops.get(name) as Op) })) as [Op, Op]

const brokenOps: readonly (readonly [string, string, Partial<Op>, string, string])[] = [
  [
    'the jvp of tanh',
    'tanh',
    { jvp: ({ outputs: [y] }, [dx]) => [dx && mul(dx, add(1, mul(y as Tensor, y as Tensor)))] },
    'one-step',
    layerName,
  ],
  [
    'the vjp of tanh',
    'tanh',
    { vjp: ({ outputs: [y] }, [v]) => [v && mul(v, sub(1, y as Tensor))] },
    'one-step',
    layerName,
  ],
  [
    'the second derivative of softplus',
    'sigmoid',
    { jvp: ({ outputs: [y] }, [dx]) => [dx && mul(dx, y as Tensor)] },
    'implicit',
    'logistic, newton',
  ],
  [
    'a product without its left half',
    'mul',
    { jvp: ({ inputs: [x] }, [, dy]) => [dy && mul(x as Tensor, dy)] },
    'one-step',
    'ridge, fixedPoint',
  ],
  [
    'a matrix product without its right half',
    'matmul',
    { jvp: (call, [da]) => matmulRules.jvp(call, [da, undefined]) },
    'neumann 4',
    linearName,
  ],
  [
    'a scan that forgets its operands',
    'scan',
    { vjp: (call, v, wanted) => scanRules.vjp(call, v, wanted).map((c, i) => (i <= 1 ? c : c && mul(0, c))) },
    'unrolled',
    linearName,
  ],
]

for (const [name, op, rule, rowName, problem] of brokenOps) {
  test(`caught: ${name}`, async (t) => {
    const row = find(rows, rowName)
    const expected = row.expected(facts(problem))
    const wrong = whileWrong(op, rule, () =>
      Math.max(...distances(facts(problem), row.strategy, expected).errors),
    )
    t.ok(wrong > bar, `distance ${wrong.toExponential(1)}`)
    t.ok(
      Math.max(...distances(facts(problem), row.strategy, expected).errors) <= bar,
      'and all is well again',
    )
  })
}
