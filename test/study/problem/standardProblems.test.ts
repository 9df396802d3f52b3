// Every standard problem of a study with each of its solvers: value and gradient by the named parameters against the problem's
// oracle, or against differences; metrics against plain numbers; wrong options are told.
import { test } from 'tap'
import {
  ArgumentError,
  NDArray,
  array,
  compile,
  hypergradient,
  implicit,
  unrolled,
} from '../../../lib/index.js'
import type { Operand, Operands, Solver, Tensor } from '../../../lib/index.js'
import type { ThetaArrays } from '../../../lib/study/problem/form.js'
import { makeStandardProblem, standardProblems } from '../../../lib/study/problem/standardProblems.js'
import type { MadeProblem } from '../../../lib/study/problem/standardProblem.js'
import type { StudyProblem, Theta } from '../../../lib/study/problem/studyProblem.js'
import type { DataSpecification, Named } from '../../../lib/study/specification/specification.js'
import { relativeError } from '../../oracle/compare.js'
import { centralDifferences } from '../../oracle/differences.js'

const folder = '.'
const make = (name: string, options = {}, data?: DataSpecification): Promise<MadeProblem> =>
  makeStandardProblem({ kind: 'standard', name, options, ...(data && { data }) }, folder)

interface Found {
  readonly value: number
  readonly gradient: ThetaArrays
  readonly metrics: Readonly<Record<string, number>>
  readonly x: NDArray
}

const asArray = (x: number | NDArray): NDArray => (typeof x === 'number' ? array(x) : x)

/** h, ∇h and the metrics at θ, all in one program. */
const evaluate = (
  { solvers, x0, outer, metrics = {} }: StudyProblem,
  solver: Named,
  strategy = implicit(),
  tol = 1e-11,
) => {
  const inner = solvers[solver.name]?.({ tol, options: solver.options }) as unknown as Solver<
    Tensor,
    Theta,
    unknown
  >
  const h = hypergradient<Tensor, Theta, unknown>({
    inner,
    x0: x0 as Operands<Tensor>,
    outer: outer as (x: Tensor, theta: Theta) => Operand,
    strategy,
  })
  const run = compile((theta: Theta) => {
    const found = h(theta)
    const each = Object.entries(metrics).map(([name, metric]) => [
      name,
      (metric as (x: Tensor, theta: Theta) => Operand)(found.x, theta),
    ])
    return { ...found, metrics: Object.fromEntries(each) as Record<string, Operand> }
  })
  return (theta: ThetaArrays) => {
    const { value, status, gradientStatus } = run(theta)
    const { gradient, ...rest } = value as unknown as Omit<Found, 'gradient'> & {
      readonly gradient: Readonly<Record<string, number | NDArray>>
    }
    const arrays = Object.fromEntries(Object.entries(gradient).map(([name, g]) => [name, asArray(g)]))
    return { ...rest, gradient: arrays as ThetaArrays, status, gradientStatus }
  }
}

/** θ a little away from the start; factors keep what is positive so. */
const moved = ({ theta }: StudyProblem): ThetaArrays =>
  Object.fromEntries(
    Object.entries(theta).map(([name, start]) => {
      const { shape, data } = array(start)
      return [
        name,
        new NDArray(
          shape,
          data.map((v, i) => v * (0.8 + 0.05 * (i % 3)) + (v === 0 ? 0.3 - 0.1 * i : 0)),
        ),
      ]
    }),
  )

const small = { kind: 'synthetic', samples: 30, features: 6, seed: 3 } as const
const named = (name: string, options = {}): Named => ({ name, options })

type Case = readonly [label: string, problem: string, options: object, data: DataSpecification | undefined]
const cases: readonly Case[] = [
  ...['penalty', 'penalties', 'weights', 'weightLogits'].flatMap((tune): Case[] => [
    [`ridge, ${tune}`, 'ridge', { tune, lambda: 0.2 }, small],
    [`logistic, ${tune}`, 'logistic', { tune, noise: 1 }, small],
  ]),
  ['lasso, penalty', 'lasso', {}, small],
  ['lasso, penalties', 'lasso', { tune: 'penalties', lambda: 0.1 }, small],
  ['elastic net', 'elasticNet', { mu: 0.2 }, small],
  ['data cleaning', 'dataCleaning', { classes: 4 }, small],
  ['equilibrium layer', 'equilibriumLayer', { width: 4, contraction: 0.7 }, { ...small, samples: 5 }],
  ['few-shot ridge', 'fewShotRidge', { tasks: 3, steps: 4 }, small],
  ['log-sum-exp', 'logSumExp', { variables: 3 }, undefined],
]

const difference = (found: ThetaArrays, wanted: ThetaArrays): number =>
  relativeError(
    Object.keys(wanted).map((name) => found[name] as NDArray),
    Object.values(wanted),
  )

for (const [label, name, options, data] of cases) {
  test(label, async (t) => {
    const { problem, oracle } = await make(name, options, data)
    const theta = moved(problem)
    for (const solver of Object.keys(problem.solvers)) {
      const strategy = name === 'fewShotRidge' ? unrolled() : implicit()
      const h = evaluate(problem, named(solver), strategy)
      const { value, gradient, metrics, status, gradientStatus } = h(theta)
      t.strictSame(
        [status, gradientStatus],
        [name === 'fewShotRidge' ? 'maxSteps' : 'converged', 'ok'],
        `${solver}: statuses`,
      )
      for (const [metric, found] of Object.entries(metrics)) {
        t.ok(Number.isFinite(found), `${solver}: ${metric} = ${String(found)}`)
      }
      t.strictSame(
        Object.keys(gradient).sort(),
        Object.keys(problem.theta).sort(),
        'a gradient for each parameter',
      )
      if (oracle === undefined) {
        const [start] = Object.values(theta) as [NDArray]
        const [parameter] = Object.keys(theta) as [string]
        const direction = new NDArray(
          start.shape,
          start.data.map((_, i) => 1 - 0.7 * i),
        )
        const [slope] = centralDifferences(
          ([at]) => [array(h({ [parameter]: at as NDArray }).value)],
          [start],
          [direction],
        ) as [NDArray]
        const along = direction.data.reduce(
          (sum, d, i) => sum + d * ((gradient[parameter] as NDArray).data[i] as number),
          0,
        )
        t.ok(Math.abs(along / (slope.data[0] as number) - 1) < 1e-7, `${solver}: differences`)
      } else {
        const exact = oracle(theta)
        t.ok(Math.abs(value / exact.value - 1) < 1e-8, `${solver}: the value of the oracle`)
        const error = difference(gradient, exact.gradient)
        t.ok(error < 1e-7, `${solver}: the gradient of the oracle, ${error.toExponential(1)}`)
      }
    }
  })
}

test('every problem is in the table of cases, and runs as it is', async (t) => {
  t.strictSame([...new Set(cases.map(([, name]) => name))].sort(), Object.keys(standardProblems).sort())
  for (const [name, { description, solvers }] of Object.entries(standardProblems)) {
    const { problem } = await make(name)
    t.strictSame(Object.keys(problem.solvers), solvers, `${name}: the solvers of the table`)
    t.equal(problem.description, description)
    const [first] = solvers as [string]
    const strategy = name === 'fewShotRidge' ? unrolled() : implicit()
    const theta = Object.fromEntries(Object.entries(problem.theta).map(([key, v]) => [key, array(v)]))
    const { value, status } = evaluate(problem, named(first), strategy, 1e-8)(theta)
    t.ok(Number.isFinite(value) && ['converged', 'maxSteps'].includes(status), `${name}: ${status}`)
  }
})

test('metrics are what they say', async (t) => {
  const { problem } = await make('lasso', {}, small)
  const at = evaluate(problem, named('proximalGradient', { acceleration: 'none' }))({ lambda: array(0.3) })
  t.equal(at.metrics.nonzeros, at.x.data.filter((v) => v !== 0).length)
  t.ok((at.metrics.nonzeros as number) > 0 && (at.metrics.nonzeros as number) < 6, 'some are 0, some not')
  const size = at.x.data.reduce((sum, v) => sum + Math.abs(v), 0)
  t.ok(Math.abs((at.metrics.norm1 as number) - size) < 1e-12)

  // Without noise, and with classes that a linear model tells apart, all but a few rows are right.
  const easy = await make('logistic', { noise: 0 }, { ...small, samples: 200 })
  const hard = await make('logistic', { noise: 50 }, { ...small, samples: 200 })
  const accuracy = ({ problem: p }: MadeProblem): number =>
    evaluate(p, named('newton'))({ lambda: array(1e-4) }).metrics.accuracy as number
  t.ok(accuracy(easy) > 0.9 && accuracy(easy) <= 1, String(accuracy(easy)))
  t.ok(Math.abs(accuracy(hard) - 0.5) < 0.2, String(accuracy(hard)))

  const cleaning = await make('dataCleaning', { noise: 0 }, { ...small, samples: 100 })
  const logits = array(new Float64Array(100).fill(1))
  const { metrics } = evaluate(cleaning.problem, named('gradientDescent'))({ logits })
  const weight = 1 / (1 + Math.exp(-1))
  t.ok(Math.abs((metrics.weightOfRight as number) - weight) < 1e-12, 'means of weights')
  t.ok(Math.abs((metrics.weightOfWrong as number) - weight) < 1e-12)
  t.ok((metrics.accuracy as number) > 1 / 3, 'better than chance')
})

test('size is the number of features with samples in proportion, or an own option', async (t) => {
  const x0 = async (name: string, options: object, data?: DataSpecification): Promise<readonly number[]> =>
    ((await make(name, options, data)).problem.x0 as NDArray).shape
  t.strictSame(await x0('ridge', { size: 7 }), [7])
  t.strictSame(await x0('equilibriumLayer', { size: 7 }, small), [30, 7])
  t.strictSame(await x0('logSumExp', { size: 9 }), [9])
  const { problem } = await make('ridge', { size: 12, tune: 'weights' }, small)
  t.strictSame(array(problem.theta.weights ?? 0).shape, [60])
})

const wrong: readonly (readonly [string, object, DataSpecification | undefined, RegExp])[] = [
  ['rige', {}, undefined, /no standard problem "rige".*Did you mean "ridge"/],
  ['constructor', {}, undefined, /no standard problem "constructor"/],
  ['ridge', { lamda: 1 }, undefined, /problem ridge: unknown option "lamda".*Did you mean "lambda"/],
  ['ridge', { lambda: -1 }, undefined, /"lambda".*above 0.*-1/],
  ['ridge', { lambda: 'big' }, undefined, /"lambda".*finite number.*"big"/],
  ['ridge', { tune: 'everything' }, undefined, /"tune".*penalty, penalties.*everything/],
  ['ridge', { side: 7 }, undefined, /unknown option "side"/],
  ['ridge', { classes: 3 }, undefined, /"classes" has no meaning/],
  ['ridge', { size: 0.5 }, undefined, /"size".*whole number/],
  ['lasso', { tune: 'weights' }, undefined, /"tune".*penalty, penalties/],
  ['lasso', { support: 99 }, undefined, /support ≤ features/],
  ['dataCleaning', { corruption: 2 }, undefined, /corruption in \[0, 1\]/],
  ['equilibriumLayer', { width: 3, size: 4 }, undefined, /"size" and "width" mean the same/],
  ['equilibriumLayer', { contraction: 1 }, undefined, /contraction in \(0, 1\)/],
  [
    'fewShotRidge',
    {},
    { kind: 'digits', training: 5, validation: 5, seed: 0 },
    /no data of the kind "digits"/,
  ],
  ['logSumExp', {}, small, /no data of the kind "synthetic".*no data/],
  ['ridge', { size: 5 }, { kind: 'digits', training: 9, validation: 9, seed: 0 }, /scales synthetic data/],
]

test('what is wrong is told', async (t) => {
  for (const [name, options, data, message] of wrong) {
    await t.rejects(make(name, options, data), { message }, `${name} ${JSON.stringify(options)}`)
    await t.rejects(make(name, options, data), ArgumentError)
  }
  const { problem } = await make('ridge')
  const choose = (options: object) => () => problem.solvers.newton?.({ tol: 1e-8, options: { ...options } })
  t.throws(choose({ acceleration: 'none' }), { message: /solver newton: unknown option "acceleration"/ })
  t.throws(choose({ tol: 1 }), { message: /unknown option "tol"/ })
})
