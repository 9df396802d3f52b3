// A specification that is printed and read again is the same, whatever was written and however short; and one that is written as YAML,
// as JSON or as an object means the same.
import fc from 'fast-check'
import t from 'tap'
import { stringify } from 'yaml'
import { differences, studyIdentity } from '../../../lib/study/specification/identity.js'
import { printStudy } from '../../../lib/study/specification/print.js'
import { parseStudy, parseStudyObject } from '../../../lib/study/specification/read.js'
import { recordNames } from '../../../lib/study/specification/specification.js'

type Data = Readonly<Record<string, unknown>>

const finite = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 })
const positive = fc.double({
  noNaN: true,
  noDefaultInfinity: true,
  min: 1e-300,
  max: 1e300,
  minExcluded: true,
})
const share = fc.double({ noNaN: true, min: 1e-9, max: 0.999 })
const count = fc.integer({ min: 1, max: 9 })
const name = fc
  .stringMatching(/^[a-z][a-z0-9_]{0,8}$/)
  .filter((text) => text !== 'constructor' && text !== 'prototype')
const shape = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 2 })
const ascending = (of: fc.Arbitrary<number>) =>
  fc
    .uniqueArray(of, { minLength: 2, maxLength: 2, comparator: (a, b) => a === b })
    .map((pair) => [...pair].sort((a, b) => a - b))
const optional = (record: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Data> =>
  fc.record(record, { requiredKeys: [] })
const distinct = <T>(of: fc.Arbitrary<T>, maxLength = 4) =>
  fc.uniqueArray(of, {
    minLength: 1,
    maxLength,
    // { oneStep: {} } is oneStep.
    selector: (value) => JSON.stringify(value).replace(/^\{("\w+"):\{\}\}$/, '$1'),
  })

const values = fc.uniqueArray(finite, { minLength: 1, maxLength: 4, comparator: (a, b) => a === b })
const grid = fc.oneof(
  finite,
  values,
  values.map((list) => ({ values: list })),
  fc.record({ linear: ascending(finite), count }),
  fc.record({ log: ascending(positive), count }),
)
const withShape = (of: fc.Arbitrary<Data>): fc.Arbitrary<Data> =>
  fc.tuple(of, fc.option(shape)).map(([axis, dims]) => (dims === null ? axis : { ...axis, shape: dims }))
const drawn = withShape(
  fc.oneof(
    fc.record({ uniform: ascending(finite) }),
    fc.record({ logUniform: ascending(positive) }),
    fc.record({ normal: optional({ mean: finite, deviation: positive }) }),
    fc.record({ sobol: ascending(positive) }),
    fc.record({ sobol: ascending(positive), scale: fc.constantFrom('log', 'linear') }),
  ),
)

const space = fc
  .record({
    axes: fc.uniqueArray(fc.tuple(name, fc.oneof(grid, drawn)), {
      minLength: 1,
      maxLength: 4,
      selector: ([key]) => key,
    }),
    otherwise: finite,
    first: finite,
  })
  .map(({ axes, otherwise, first }): Data => {
    const given = Object.fromEntries(axes)
    // One parameter more, which counts only where another one has its value.
    return { theFirst: first, ...given, theLast: { values: [1, 2], when: { theFirst: first }, otherwise } }
  })

const search = fc.oneof(
  fc.constant('backtracking'),
  fc.record({ backtracking: optional({ initial: positive, shrink: share, maxShrinks: count }) }),
)
const strategies = fc.oneof(
  ...['implicit', 'oneStep', 'unrolled', 'auto'].map((word) => fc.constant(word)),
  fc.record({
    implicit: optional({ linearSolver: fc.constantFrom('lu', 'gmres'), tol: positive, restart: count }),
  }),
  fc.record({ oneStep: optional({ at: fc.constantFrom('last', 'previous'), detachHessian: fc.boolean() }) }),
  fc.record({ truncated: fc.record({ steps: count }) }),
  fc.record({ neumann: fc.record({ terms: count }) }),
  fc.record({ phantom: fc.record({ steps: count, damping: share }) }),
  fc.record({ auto: optional({ tol: share, maxSteps: count }) }),
)
const plain = fc.dictionary(
  name,
  fc.oneof(finite, fc.boolean(), fc.string(), fc.constant(null), values, optional({ a: finite })),
  { maxKeys: 3 },
)
const solvers = fc.oneof(
  name,
  fc.tuple(name, plain).map(([key, options]) => ({ [key]: options })),
)
const oneOrMore = <T>(of: fc.Arbitrary<T>) => fc.oneof(of, distinct(of))
const descent = fc
  .record({
    optimizer: fc.oneof(
      fc.constant('lbfgs'),
      fc.record({ lbfgs: optional({ memory: count, search }) }),
      fc.record({ adam: fc.record({ stepSize: positive }) }),
      fc.record({ descent: fc.record({ stepSize: fc.oneof(positive, search) }) }),
    ),
    rest: optional({
      domain: fc.oneof(
        fc.constant('box'),
        fc.constant('logarithmic'),
        fc.record({ box: optional({ low: fc.constant(-1), high: positive }) }),
      ),
      tol: positive,
      share,
      maxSteps: count,
      tolerance: fc.oneof(
        positive,
        fc.constant('cubic'),
        fc.record({ exponential: optional({ factor: share, start: fc.constant(0.1) }) }),
      ),
      warmStart: fc.boolean(),
      unconverged: fc.constantFrom('stop', 'use'),
    }),
  })
  .map(({ optimizer, rest }) => ({ optimizer, ...rest }))
const bench = fc
  .tuple(
    oneOrMore(count),
    optional({ threads: oneOrMore(count), repeats: count, warmUp: count, batch: count }),
  )
  .map(([sizes, rest]) => ({ sizes, ...rest }))

const study = fc
  .record({
    name: fc
      .stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}[A-Za-z0-9_]$/)
      .filter(
        (text) => !/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)|^__proto__$|^constructor$|^prototype$/i.test(text),
      ),
    problem: fc.oneof(
      fc.constant('./problem.ts'),
      fc.record({ module: fc.constant('../a b.js'), options: plain }),
    ),
    space,
    rest: optional({
      description: fc.string(),
      strategies: oneOrMore(strategies),
      solvers: oneOrMore(solvers),
      tolerances: oneOrMore(positive),
      maxSteps: count,
      record: distinct(fc.constantFrom(...recordNames), 7),
      metrics: fc.uniqueArray(name, { maxLength: 3 }),
      repeats: count,
      seed: fc.maxSafeNat(),
      chunk: fc.oneof(fc.record({ rows: count }), fc.record({ seconds: positive })),
    }),
    kind: fc.oneof(
      fc.constant({}),
      descent.map((part) => ({ kind: 'descent', descent: part })),
      bench.map((part) => ({ kind: 'bench', bench: part })),
    ),
  })
  .map(({ rest, kind, ...part }): Data => ({ ...part, ...rest, ...kind }))

const runs = { numRuns: 150 }

t.test('printed and read again', (t) => {
  fc.assert(
    fc.property(study, (written) => {
      const { specification } = parseStudyObject(written)
      const printed = printStudy(specification)
      const again = parseStudy(printed).specification
      t.strictSame(again, specification, printed)
      t.equal(printStudy(again), printed)
      t.equal(studyIdentity(again), studyIdentity(specification))
      t.strictSame(differences(specification, again), [])
    }),
    runs,
  )
  t.end()
})

t.test('YAML, JSON and objects mean the same', (t) => {
  fc.assert(
    fc.property(study, (written) => {
      const { specification } = parseStudyObject(written)
      t.strictSame(
        parseStudy(stringify(written, { aliasDuplicateObjects: false })).specification,
        specification,
      )
      t.strictSame(parseStudy(stringify(written)).specification, specification, 'with aliases')
      const json = JSON.stringify(written, null, 2)
      // JSON has no −0.
      if (!json.includes('-0') && !stringify(written).includes('-0')) {
        t.strictSame(parseStudy(json, { format: 'json' }).specification, specification)
      }
    }),
    runs,
  )
  t.end()
})

t.test('every default is said', (t) => {
  const { specification } = parseStudy('name: a\nproblem: ridge\nspace: { lambda: 1 }\n')
  t.strictSame(specification, {
    version: 1,
    name: 'a',
    kind: 'map',
    problem: {
      kind: 'standard',
      name: 'ridge',
      options: {},
      data: { kind: 'synthetic', samples: 200, features: 20, seed: 0 },
    },
    space: { axes: { lambda: { kind: 'list', shape: [], values: [1] } }, samples: 1 },
    strategies: [{ name: 'implicit', options: {} }],
    solvers: [{ name: 'default', options: {} }],
    tolerances: [1e-8],
    record: ['value', 'gradient', 'residual', 'iterations'],
    repeats: 1,
    seed: 0,
    chunk: {},
  })
  const { specification: other } = parseStudy(
    'name: a\nkind: descent\nproblem: ./a.ts\ndescent: { optimizer: lbfgs }\nspace:\n  x: { normal: {} }\n  y: { sobol: [0, 1] }\n',
  )
  t.strictSame(other.descent, {
    optimizer: { name: 'lbfgs', options: {} },
    domain: { name: 'box', options: {} },
    tol: 1e-6,
    share: 0.5,
    maxSteps: 100,
    warmStart: true,
    unconverged: 'stop',
  })
  t.strictSame(other.space.axes, {
    x: { kind: 'normal', shape: [], mean: 0, deviation: 1 },
    y: { kind: 'sobol', shape: [], low: 0, high: 1, scale: 'linear' },
  })
  t.strictSame(other.strategies, [{ name: 'implicit', options: {} }])
  const { specification: bench } = parseStudy('name: a\nkind: bench\nproblem: ridge\nbench: { sizes: 10 }\n')
  t.strictSame(bench.bench, { sizes: [10], threads: [1], repeats: 5, warmUp: 1, batch: 256 })
  t.strictSame(bench.space, { axes: {}, samples: 1 })
  t.end()
})
