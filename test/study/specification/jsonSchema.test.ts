// The published JSON Schema is that of the reader, and means the same as far as a JSON Schema can.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parse } from 'yaml'
import { studyJsonSchema } from '../../../lib/study/specification/jsonSchema.js'
import { parseStudy } from '../../../lib/study/specification/read.js'
import { templates } from '../../../lib/study/specification/templates.js'
import { malformedParts } from './malformedParts.js'
import { malformedSpaces } from './malformedSpaces.js'
import { malformedTexts } from './malformedTexts.js'
import { base, descent, more, problem, space } from './written.js'

const root = fileURLToPath(new URL('../../../..', import.meta.url))

interface Validator {
  readonly compile: (schema: object) => (data: unknown) => boolean
}
const Ajv = createRequire(import.meta.url)('ajv') as new (options: object) => Validator
const accepts = new Ajv({ schemaId: 'auto' }).compile(studyJsonSchema())

const valid: readonly string[] = [
  ...Object.values(templates).map(({ text }) => text),
  base,
  more('version: 1\n$schema: ./study.schema.json'),
  more('strategies: implicit\nsolvers: newton\ntolerances: 1e-6\nrecord: value\nmetrics: []'),
  more('strategies: [oneStep, { truncated: { steps: 5 } }, { implicit: { linearSolver: cg } }]'),
  more('solvers: [default, { newton: { rtol: 1e-3 } }]\nchunk: { rows: 10 }'),
  more('data: { file: ../a9a, format: libsvm }'),
  problem('./problem.ts'),
  problem('{ module: ./problem.ts, options: { anything: [1, { a: true }] } }'),
  problem('{ standard: ridge, data: { digits: { training: 10 } }, options: { tune: penalty } }'),
  space('a: { uniform: [0, 1] }\nb: { normal: {}, shape: [2, 3] }\nc: { sobol: [1, 2], scale: log }\nλ: 3'),
  space('a: [1, 2]\nb: { log: [1, 2], count: 3, when: { a: 1 }, otherwise: 0 }'),
  descent('{ optimizer: { descent: { stepSize: backtracking } }, tolerance: cubic }'),
  descent('{ optimizer: { lbfgs: { search: { backtracking: { shrink: 0.5 } } } }, domain: logarithmic }'),
  more('kind: bench\nbench: { sizes: [10, 100], threads: 2 }'),
]

t.test('the published file', (t) => {
  const published: unknown = JSON.parse(readFileSync(join(root, 'schema', 'study.schema.json'), 'utf8'))
  t.strictSame(published, studyJsonSchema(), 'onestep validate --schema > schema/study.schema.json makes it')
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly files: readonly string[]
  }
  t.ok(files.includes('schema'), 'it comes with the package')
  t.end()
})

t.test('what is right is accepted', (t) => {
  for (const text of valid) {
    // Whether a problem module is there is seen when it is loaded.
    t.doesNotThrow(() => parseStudy(text), text)
    t.ok(accepts(parse(text)), text)
  }
  t.end()
})

/** What a JSON Schema cannot say: it is about text, several parts at once, an order, or what the library alone knows. */
const beyond = new Set([
  ...[
    'a key twice',
    'a merge key',
    'an infinite bound',
    'NaN in a list',
    'an alias of nothing',
    '__proto__',
    'constructor',
    'prototype in options',
    'a key with $',
  ],
  ...['two documents', 'YAML 1.1', 'a tag', 'an address for a module', 'no space', 'an empty space'],
  ...[
    'an unknown option of a problem',
    'data that the problem does not take',
    'data of a module',
    'data twice',
  ],
  ...['a file of an unknown format', 'a path with a control character'],
  ...[
    'bounds in the wrong order',
    'a log bound of 0',
    'a log bound below 0',
    'a log Sobol bound of 0',
    'an interval too wide',
  ],
  ...['a condition on an unknown axis', 'a condition on itself', 'a condition on what is drawn'],
  ...[
    'a condition on what stands below',
    'a condition that never holds',
    'no value where the condition does not hold',
  ],
  ...[
    'otherwise without a condition',
    'samples without a drawn axis',
    'too many θ',
    'too many points of Sobol',
  ],
  ...[
    'an unknown solver',
    'descent of a map',
    'bench of a map',
    'a descent without its part',
    'a bench without its part',
  ],
  ...['bounds of a domain in the wrong order', 'a schedule that rises'],
])

t.test('what is wrong is refused, but for what no JSON Schema can say', (t) => {
  let refused = 0
  for (const [name, text] of [...malformedTexts, ...malformedSpaces, ...malformedParts]) {
    let data: unknown
    try {
      data = parse(text, { logLevel: 'silent' })
    } catch {
      continue
    }
    if (beyond.has(name)) continue
    t.notOk(accepts(data), name)
    refused++
  }
  t.ok(refused >= 75, `${String(refused)} are refused`)
  t.end()
})

t.test('editors find descriptions and defaults', (t) => {
  const schema = studyJsonSchema() as {
    readonly properties: Readonly<
      Record<string, { readonly description?: string; readonly default?: unknown }>
    >
  }
  for (const [key, { description }] of Object.entries(schema.properties)) t.type(description, 'string', key)
  t.equal(schema.properties.kind?.default, 'map')
  t.strictSame(schema.properties.tolerances?.default, [1e-8])
  t.notMatch(JSON.stringify(schema), /"\$ref"/, 'it stands alone')
  t.end()
})
