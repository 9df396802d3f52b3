// When two specifications are the same, and what is said where they are not.
import t from 'tap'
import { differences, studyIdentity } from '../../../lib/study/specification/identity.js'
import { parseStudy } from '../../../lib/study/specification/read.js'
import type { StudySpecification } from '../../../lib/study/specification/specification.js'

const text = `name: a
description: first
problem: ridge
space:
  lambda: { log: [1e-4, 1e2], count: 100 }
  mu: { values: [1, 2], when: { lambda: 1e-4 }, otherwise: 0 }
  nu: [0.1, 0.2]
strategies: [implicit, { truncated: { steps: 5 } }]
`
const study = (...overrides: readonly string[]): StudySpecification =>
  parseStudy(text, { overrides }).specification

/** What changes, and what is said of it. */
const changes: readonly (readonly [override: string, lines: readonly string[]])[] = [
  ['seed=3', ['seed: 0 → 3']],
  ['name=b', ['name: a → b']],
  ['space.lambda.count=50', ['space.lambda.count: 100 → 50']],
  ['space.lambda.log=[1e-4, 10]', ['space.lambda.log[1]: 100 → 10']],
  [
    'space.lambda=1e-4',
    [
      'space.lambda.log: [ 0.0001, 100 ] → nothing',
      'space.lambda.count: 100 → nothing',
      'space.lambda.values: nothing → [ 0.0001 ]',
    ],
  ],
  ['space.nu=null', ['space.nu: { values: [ 0.1, 0.2 ] } → nothing']],
  ['space.nu=[0.1, 0.2, 0.3]', ['space.nu.values: [ 0.1, 0.2 ] → [ 0.1, 0.2, 0.3 ]']],
  ['space.nu=[0.1, 0.20000000000000004]', ['space.nu.values[1]: 0.2 → 0.20000000000000004']],
  ['space.mu.otherwise=-0', ['space.mu.otherwise: 0 → -0']],
  ['strategies=[implicit]', ['strategies: [ implicit, { truncated: { steps: 5 } } ] → [ implicit ]']],
  ['strategies[1].truncated.steps=6', ['strategies[1].truncated.steps: 5 → 6']],
  ['strategies[0]=oneStep', ['strategies[0]: implicit → oneStep']],
  ['maxSteps=7', ['maxSteps: nothing → 7']],
  ['data.synthetic.seed=4', ['problem.data.synthetic.seed: 0 → 4']],
  ['problem.options.tune=weights', ['problem.options: nothing → { tune: weights }']],
  ['chunk.rows=10', ['chunk: nothing → { rows: 10 }']],
]

t.test('changes', (t) => {
  const was = study()
  const identities = new Set([studyIdentity(was)])
  for (const [override, lines] of changes) {
    const is = study(override)
    t.strictSame(differences(was, is), lines, override)
    identities.add(studyIdentity(is))
  }
  t.equal(identities.size, changes.length + 1, 'each has an identity of its own')
  t.end()
})

t.test('what changes nothing', (t) => {
  const was = study()
  t.match(studyIdentity(was), /^[0-9a-f]{64}$/)
  for (const override of [
    'description=second',
    'seed=0',
    'space.lambda.count=1e2',
    'tolerances=1e-8',
    'data=synthetic',
    'kind=map',
  ]) {
    t.equal(studyIdentity(study(override)), studyIdentity(was), override)
    t.strictSame(differences(was, study(override)), [], override)
  }
  t.end()
})

t.test('the order of keys counts for parameters alone', (t) => {
  const given = study()
  const turned = (value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .map(([key, entry]): [string, unknown] => [key, turned(entry)])
            .reverse(),
        )
      : value
  const other = turned(given) as StudySpecification
  t.not(studyIdentity(other), studyIdentity(given))
  t.strictSame(differences(given, other), ['space: in the order lambda, mu, nu → nu, mu, lambda'])
  const same = {
    ...other,
    space: { ...other.space, axes: Object.fromEntries(Object.entries(other.space.axes).reverse()) },
  }
  t.equal(studyIdentity(same), studyIdentity(given))
  t.strictSame(differences(given, same), [])
  t.end()
})

t.test('numbers count with all their bits', (t) => {
  const at = (value: number): StudySpecification => ({
    ...study(),
    problem: { kind: 'module', path: './a.ts', options: { value } },
  })
  const numbers = [0, -0, 1, 1 + Number.EPSILON, NaN, Infinity, -Infinity, 5e-324, 2 ** 53]
  t.equal(new Set(numbers.map((value) => studyIdentity(at(value)))).size, numbers.length)
  t.strictSame(differences(at(0), at(-0)), ['problem.options.value: 0 → -0'])
  t.end()
})
