// Values given beside a file: what they change, and what is said of wrong ones.
import t from 'tap'
import { StudyError } from '../../../lib/study/specification/fault.js'
import { override } from '../../../lib/study/specification/overrides.js'
import { parseStudy } from '../../../lib/study/specification/read.js'

const file = `name: a
problem: ridge
data: digits
space:
  lambda: { log: [1e-4, 1e2], count: 100 }
  mu: [1, 2]
  nu: 3
strategies: [implicit, oneStep, { truncated: { steps: 5 } }]
solvers: newton
seed: 1
`

/** What is given, and the same change in the file. */
const changes: readonly (readonly [given: readonly string[], from: string, to: string])[] = [
  [['seed=3'], 'seed: 1', 'seed: 3'],
  [[' seed = 3 '], 'seed: 1', 'seed: 3'],
  [['seed=1', 'seed=2', 'seed=3'], 'seed: 1', 'seed: 3'],
  [['name=a=b', 'name=b'], 'name: a', 'name: b'],
  [['description="a = b: c"'], 'seed: 1', 'seed: 1\ndescription: "a = b: c"'],
  [['description="no"'], 'seed: 1', 'seed: 1\ndescription: "no"'],
  [['tolerances=[1e-6,1e-9]'], 'seed: 1', 'seed: 1\ntolerances: [1e-6, 1e-9]'],
  [['tolerances=1e-6'], 'seed: 1', 'seed: 1\ntolerances: [1e-6]'],
  [['space.lambda.count=50'], 'count: 100', 'count: 50'],
  [['space.lambda.log=[1, 10]'], '[1e-4, 1e2]', '[1, 10]'],
  [['space.lambda.log[0]=1'], '1e-4', '1'],
  [['space.lambda.log.0=1'], '1e-4', '1'],
  [['space.lambda=7'], '{ log: [1e-4, 1e2], count: 100 }', '7'],
  [['space.kappa={uniform: [0, 1]}', 'samples=9'], 'seed: 1', 'samples: 9\nseed: 1'],
  [['space.mu.when.nu=3', 'space.mu.otherwise=0'], 'mu: [1, 2]', 'mu: [1, 2]'],
  [['space.nu=null'], '  nu: 3\n', ''],
  [['strategies=implicit'], '[implicit, oneStep, { truncated: { steps: 5 } }]', 'implicit'],
  [['strategies[1]=unrolled'], 'oneStep', 'unrolled'],
  [['strategies[2].truncated.steps=9'], 'steps: 5', 'steps: 9'],
  [['strategies[1].oneStep.at=previous'], 'oneStep', '{ oneStep: { at: previous } }'],
  [['strategies.0.implicit.tol=0.5'], '[implicit', '[{ implicit: { tol: 0.5 } }'],
  [['solvers.newton.rtol=1e-3'], 'solvers: newton', 'solvers: { newton: { rtol: 1e-3 } }'],
  [['solvers=null'], 'solvers: newton\n', ''],
  [
    ['problem.options.tune=penalty'],
    'problem: ridge',
    'problem: { standard: ridge, options: { tune: penalty } }',
  ],
  [['problem.standard=lasso', 'solvers=null'], 'problem: ridge', 'problem: lasso'],
  [['problem=./a.ts', 'data=null'], 'problem: ridge\ndata: digits', 'problem: ./a.ts'],
  [
    ['problem=./a.ts', 'problem.options.x={y: 1}', 'data=null'],
    'problem: ridge\ndata: digits',
    'problem: { module: ./a.ts, options: { x: { y: 1 } } }',
  ],
  [['data.digits.training=50'], 'data: digits', 'data: { digits: { training: 50 } }'],
  [
    ['kind=descent', 'descent.optimizer.adam.stepSize=0.1', 'descent.domain.box.low=0'],
    'seed: 1',
    'seed: 1\nkind: descent\ndescent: { optimizer: { adam: { stepSize: 0.1 } }, domain: { box: { low: 0 } } }',
  ],
  [['chunk.rows=10'], 'seed: 1', 'seed: 1\nchunk: { rows: 10 }'],
]

t.test('what they change', (t) => {
  for (const [given, from, to] of changes) {
    t.ok(file.includes(from), from)
    let text = file.replace(from, to)
    if (given[0]?.startsWith('space.kappa') === true)
      text = text.replace('  nu: 3\n', '  nu: 3\n  kappa: { uniform: [0, 1] }\n')
    if (given[0]?.startsWith('space.mu') === true) {
      // A condition is on what stands above.
      const turned = file.replace('  mu: [1, 2]\n  nu: 3\n', '  nu: 3\n  mu: [1, 2]\n')
      const long = turned.replace('mu: [1, 2]', 'mu: { values: [1, 2], when: { nu: 3 }, otherwise: 0 }')
      t.strictSame(parseStudy(turned, { overrides: given }).specification, parseStudy(long).specification)
      continue
    }
    if (given.includes('solvers=null')) text = text.replace('solvers: newton\n', '')
    const { specification } = parseStudy(file, { overrides: given })
    t.strictSame(specification, parseStudy(text).specification, given.join(' '))
  }
  t.end()
})

/** What is given, and what is said. */
const refusals: readonly (readonly [string, string])[] = [
  ['seed', '-s seed: expected key=value, such as seed=3 or space.lambda.count=50'],
  ['=3', '-s =3: expected key=value, such as seed=3 or space.lambda.count=50'],
  ['', '-s : expected key=value, such as seed=3 or space.lambda.count=50'],
  ['a..b=1', '-s a..b=1: expected key=value, such as seed=3 or space.lambda.count=50'],
  ['.a=1', '-s .a=1: expected key=value, such as seed=3 or space.lambda.count=50'],
  ['a b=1', '-s a b=1: expected key=value, such as seed=3 or space.lambda.count=50'],
  ['strategies[x]=1', '-s strategies[x]=1: expected key=value, such as seed=3 or space.lambda.count=50'],
  [
    '__proto__.polluted=1',
    '-s __proto__.polluted=1: expected key=value, such as seed=3 or space.lambda.count=50',
  ],
  ['space.__proto__=1', '-s space.__proto__=1: expected key=value, such as seed=3 or space.lambda.count=50'],
  [
    'constructor.prototype.polluted=1',
    '-s constructor.prototype.polluted=1: expected key=value, such as seed=3 or space.lambda.count=50',
  ],
  ['seed=', '-s seed=: expected a value after "="; null takes the key away'],
  ['seed=[1', '-s seed=[1: Flow sequence must end with a ]'],
  ['data={__proto__: 1}', '-s data={__proto__: 1}: this key is not allowed'],
  ['seed=x', '-s seed=x: seed: expected an integer in [0, 9007199254740991]; received "x"'],
  ['sede=3', '-s sede=3: sede: unknown key; did you mean "seed"?'],
  ['spase.lambda.count=3', '-s spase.lambda.count=3: spase: unknown key; did you mean "space"?'],
  ['space.lambda.cuont=3', '-s space.lambda.cuont=3: space.lambda.cuont: unknown key; did you mean "count"?'],
  ['tolerances=[1e-6, 0]', '-s tolerances=[1e-6, 0]: tolerances[1]: expected a number > 0; received 0'],
  ['seed.x=3', '-s seed.x=3: nothing leads to "x" from here'],
  ['name.x=3', '-s name.x=3: nothing leads to "x" from here'],
  ['data.synthetic.samples=3', '-s data.synthetic.samples=3: nothing leads to "synthetic" from here'],
  ['strategies[3]=unrolled', '-s strategies[3]=unrolled: expected an index below 3; received "3"'],
  ['strategies.implicit=1', '-s strategies.implicit=1: nothing leads to "implicit" from here'],
  ['tolerances[0]=1', '-s tolerances[0]=1: nothing leads to "0" from here'],
  ['space[0]=1', '-s space[0]=1: expected a key: this is no list'],
  [
    'space.lambda.linear=[0, 1]',
    '-s space.lambda.linear=[0, 1]: space.lambda: expected only one of linear, log, values, uniform, logUniform, normal, sobol; received a map with log, count, linear',
  ],
  [
    'kind=descent',
    '-s kind=descent: kind: descent needs a part of this name, such as descent: { optimizer: lbfgs }',
  ],
  [
    'problem.options.tuen=1',
    '-s problem.options.tuen=1: problem.options.tuen: unknown key; did you mean "tune"?',
  ],
  [
    'strategies[1]=null',
    '-s strategies[1]=null: strategies[1]: expected a strategy: a name, or { name: options }; received nothing',
  ],
]

t.test('what is said of wrong ones', (t) => {
  for (const [given, message] of refusals) {
    t.throws(() => parseStudy(file, { overrides: [given] }), { name: 'StudyError', message }, given)
  }
  t.equal(({} as { polluted?: unknown }).polluted, undefined)
  t.end()
})

t.test('a fault of the file keeps its line', (t) => {
  try {
    parseStudy(file.replace('seed: 1', 'seed: x'), { overrides: ['repeats=0', 'maxSteps=5'] })
    t.fail('it was accepted')
  } catch (error) {
    if (!(error instanceof StudyError)) throw error
    t.equal(
      error.message,
      '-s repeats=0: repeats: expected an integer ≥ 1; received 0\nstudy.yaml:10:7: seed: expected an integer in [0, 9007199254740991]; received "x"',
    )
  }
  t.end()
})

t.test('the data that is given stays as it is', (t) => {
  const given = { space: { lambda: { log: [1, 2], count: 3 } } }
  const { data } = override(given, ['space.lambda.count=5', 'space.lambda.log[0]=0.5'])
  t.strictSame(given, { space: { lambda: { log: [1, 2], count: 3 } } })
  t.strictSame(data, { space: { lambda: { log: [0.5, 2], count: 5 } } })
  t.end()
})
