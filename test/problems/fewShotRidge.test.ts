// θ that is the initialisation: the trajectory alone sees it. Strategies that look at the end say that their gradient is undefined.
import { test } from 'tap'
import { NDArray } from '../../lib/base/ndarray.js'
import {
  compile,
  fewShotRidge,
  hypergradient,
  implicit,
  neumann,
  oneStep,
  phantom,
  stream,
  truncated,
  unrolled,
} from '../../lib/index.js'
import type { FewShotRidgeOptions, Strategy } from '../../lib/index.js'
import { relativeError } from '../oracle/compare.js'
import { centralDifferences } from '../oracle/differences.js'

const [tasks, n, m, p] = [3, 6, 4, 5]
const draw = (name: string, ...shape: readonly number[]): NDArray =>
  new NDArray(shape, stream(6, name).normals(shape.reduce((a, b) => a * b, 1)))
const data = {
  support: { features: draw('A', tasks, n, p), targets: draw('b', tasks, n) },
  query: { features: draw('A query', tasks, m, p), targets: draw('b query', tasks, m) },
}
const theta = draw('initialisation', p)

const run = (options: FewShotRidgeOptions, strategy: Strategy) => {
  const { inner, x0, outer } = fewShotRidge(data, options)
  return compile(hypergradient({ inner, x0, outer, strategy }))(theta)
}

test('unrolled is the oracle, for any number of steps', async (t) => {
  for (const steps of [1, 2, 5, 20]) {
    for (const penalty of [0, 0.3]) {
      const exact = fewShotRidge(data, { steps, penalty }).oracle?.(theta)
      for (const checkpoints of ['all', 'sqrt', 'log'] as const) {
        const { value, iterations, gradientStatus } = run({ steps, penalty }, unrolled({ checkpoints }))
        t.strictSame([iterations, gradientStatus], [steps, 'ok'])
        t.ok(Math.abs((value.value as number) / (exact?.value as number) - 1) < 1e-13)
        t.ok(
          relativeError([value.gradient as NDArray], [exact?.gradient as NDArray]) < 1e-12,
          `${String(steps)} steps, λ = ${String(penalty)}, ${checkpoints}`,
        )
      }
    }
  }
})

test('the oracle against differences of its own values', async (t) => {
  const { oracle } = fewShotRidge(data)
  const direction = draw('direction', p)
  const [slope] = centralDifferences(
    ([at]) => [new NDArray([], Float64Array.of(oracle?.(at as NDArray).value as number))],
    [theta],
    [direction],
  )
  const gradient = (oracle?.(theta).gradient as NDArray).data
  const along = gradient.reduce((sum, g, j) => sum + g * (direction.data[j] as number), 0)
  t.ok(Math.abs(along / (slope?.data[0] as number) - 1) < 1e-9)
})

test('strategies that do not see the trajectory refuse', async (t) => {
  for (const strategy of [
    oneStep(),
    oneStep({ at: 'previous' }),
    neumann(5),
    truncated(3),
    phantom(2, 0.5),
    implicit(),
  ]) {
    const { gradientStatus, value } = run({}, strategy)
    t.equal(gradientStatus, 'undefined', strategy.name)
    t.ok((value.value as number) > 0, 'the value is there all the same')
  }
})

test('with many steps the initialisation is forgotten, at the rate of the slowest direction', async (t) => {
  const size = (steps: number): number => {
    const { gradient } = run({ steps, penalty: 0.3 }, unrolled()).value
    return Math.hypot(...(gradient as NDArray).data)
  }
  const sizes = [5, 50, 500].map(size)
  t.ok((sizes[2] as number) < 1e-6 * (sizes[0] as number) && (sizes[1] as number) < (sizes[0] as number))
})

test('wrong data and options are refused', async (t) => {
  const { support, query } = data
  const table: readonly (readonly [
    string,
    () => unknown,
    { readonly code: string; readonly expected?: string },
  ])[] = [
    [
      'a flat matrix',
      () => fewShotRidge({ support: { features: draw('x', 6, 5), targets: draw('y', 6) }, query }),
      { code: 'ERR_SHAPE' },
    ],
    [
      'too few targets',
      () => fewShotRidge({ support: { ...support, targets: draw('y', tasks, n - 1) }, query }),
      { code: 'ERR_SHAPE' },
    ],
    [
      'other tasks',
      () => fewShotRidge({ support, query: { features: draw('x', 2, m, p), targets: draw('y', 2, m) } }),
      { code: 'ERR_SHAPE', expected: 'query features [3, m, 5]' },
    ],
    [
      'an infinite target',
      () =>
        fewShotRidge({
          support,
          query: { ...query, targets: new NDArray([tasks, m], new Float64Array(tasks * m).fill(Infinity)) },
        }),
      { code: 'ERR_ARGUMENT' },
    ],
    ['no steps', () => fewShotRidge(data, { steps: 0 }), { code: 'ERR_ARGUMENT' }],
    ['a negative penalty', () => fewShotRidge(data, { penalty: -1 }), { code: 'ERR_ARGUMENT' }],
    [
      'an unknown option',
      () => fewShotRidge(data, { maxSteps: 5 } as object),
      { code: 'ERR_UNKNOWN_OPTION' },
    ],
  ]
  for (const [name, make, error] of table) t.throws(make, error, name)
})
