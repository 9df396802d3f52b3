// onestep validate, as a user types it.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { validateCommand } from '../../lib/cli/validateCommand.js'
import type { ValidateOptions } from '../../lib/cli/validateCommand.js'
import { studyIdentity } from '../../lib/study/specification/identity.js'
import { studyJsonSchema } from '../../lib/study/specification/jsonSchema.js'
import { parseStudy } from '../../lib/study/specification/read.js'

import { said } from './said.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = mkdtempSync(join(root, 'dist', 'validate-'))
t.teardown(() => {
  rmSync(folder, { recursive: true })
})

const validate = (...args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'dist/lib/cli/main.js'), 'validate', ...args],
    { cwd: folder, encoding: 'utf8', timeout: 100_000 },
  )
  return { status, stdout, stderr }
}
const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return name
}

const text = `name: penalties
description: of ridge regression
problem: ridge
space:
  lambda: { logUniform: [1e-3, 10] }
samples: 50
strategies: [implicit, oneStep, { truncated: { steps: 5 } }]
tolerances: [1e-6, 1e-10]
repeats: 2
`
const file = write('study.yaml', text)

/** Within this process, for a file of the folder. */
const validated = async (name: string, options: ValidateOptions = {}) => {
  const path = join(folder, name)
  const { code, out, err } = await said(() => validateCommand(path, options))
  return { code, out: out.replaceAll(`${folder}/`, ''), err: err.replaceAll(`${folder}/`, '') }
}

t.test('what a study comes to', (t) => {
  const { status, stdout, stderr } = validate(file)
  t.strictSame([status, stderr], [0, ''])
  t.match(stdout, /^study {5}penalties: of ridge regression$/m)
  t.match(
    stdout,
    /^problem {3}the standard problem ridge, data synthetic: samples 200, features 20, seed 0$/m,
  )
  t.match(stdout, /^θ {9}50, 50 draws for each point of the grid$/m)
  t.match(stdout, /^variants {2}6: 3 strategies × 1 solver × 2 tolerances$/m)
  t.match(stdout, /^rows {6}600: 6 variants × 2 repeats × 50 θ$/m)
  t.match(stdout, /^lambda +logUniform +0\.001 … 10 +50/m)
  t.match(stdout, /study\.yaml is right\. Next: onestep plan study\.yaml\n$/)
  t.end()
})

t.test('as JSON, with changes', (t) => {
  const overrides = ['samples=10', 'space.lambda.logUniform=[1, 2]', 'tolerances=1e-3']
  const { status, stdout } = validate(file, '--json', ...overrides.flatMap((override) => ['-s', override]))
  t.equal(status, 0)
  const { specification } = parseStudy(text, { overrides })
  t.strictSame(JSON.parse(stdout), {
    ...{ file, valid: true, thetas: 10, variants: 3, rows: 60 },
    ...{ identity: studyIdentity(specification), specification },
  })
  t.end()
})

const problem = `import { defineStudyProblem, newton } from 'onestep'
export default defineStudyProblem({
  theta: { lambda: 1 },
  solvers: { newton: ({ tol }) => newton({ objective: (x, { lambda }) => x.sub(1).square().add(x.square().mul(lambda)), tol }) },
  x0: 0,
  outer: (x) => x.square(),
})
`

t.test('what is wrong', async (t) => {
  write('problem.mjs', problem)
  write('broken.mjs', "throw new Error('on purpose')\n")
  const wrong: readonly (readonly [readonly string[], string])[] = [
    [['nowhere.yaml'], 'nowhere.yaml: no such file; onestep init writes one\n'],
    [
      [file, 'seed=x', 'sede=3'],
      '-s seed=x: seed: expected an integer in [0, 9007199254740991]; received "x"\n-s sede=3: sede: unknown key; did you mean "seed"?\n',
    ],
    [
      [write('keys.yaml', text.replace('repeats', 'repaets'))],
      'keys.yaml:9:1: repaets: unknown key; did you mean "repeats"?\n',
    ],
    [
      [write('axis.yaml', text.replace('lambda:', 'lamda:'))],
      'axis.yaml:4:1: space.lambda: missing; the problem has this parameter: lambda: [1]\naxis.yaml:5:3: space.lamda: the problem has no parameter "lamda"; did you mean "lambda"?\n',
    ],
    [
      [write('metrics.yaml', `${text}metrics: [acuracy]\n`)],
      'metrics.yaml:10:11: metrics[0]: the problem has no metric "acuracy"; expected one of ',
    ],
    [
      [write('solver.yaml', `${text.replace('ridge\n', './problem.mjs\n')}solvers: [newtn]\n`)],
      'solver.yaml:10:11: solvers[0]: the problem has no solver "newtn"; did you mean "newton"?\n',
    ],
    [
      [write('gone.yaml', text.replace('ridge\n', './gone.mjs\n'))],
      'gone.yaml:3:10: problem: ./gone.mjs: no such file',
    ],
    [
      [write('broken.yaml', text.replace('ridge\n', './broken.mjs\n'))],
      'broken.yaml:3:10: problem: ./broken.mjs: the module cannot be loaded: on purpose',
    ],
  ]
  for (const [[name, ...set], message] of wrong) {
    const { code, out, err } = await validated(name as string, { set })
    t.strictSame([code, out], [2, ''], name as string)
    t.equal(err.slice(0, message.length), message)
    t.match(err, /\n\n\d+ faults?\. .*onestep validate --schema/)
  }
  const { status, stdout, stderr } = validate('keys.yaml', '--json', '-s', 'seed=-1')
  t.strictSame([status, stderr], [2, ''])
  t.strictSame(JSON.parse(stdout), {
    file: 'keys.yaml',
    valid: false,
    faults: [
      {
        place: '-s seed=-1',
        path: 'seed',
        message: 'expected an integer in [0, 9007199254740991]; received -1',
      },
      {
        place: 'keys.yaml:9:1',
        line: 9,
        column: 1,
        path: 'repaets',
        message: 'unknown key; did you mean "repeats"?',
      },
    ],
  })
})

t.test('problem modules', async (t) => {
  const module = write('module.yaml', text.replace('ridge\n', './problem.mjs\n'))
  const whole = await validated(module)
  t.strictSame([whole.code, whole.err], [0, ''])
  t.match(whole.out, /^problem {3}the problem of \.\/problem\.mjs$/m)
  t.equal((await validated('gone.yaml')).code, 2)
  t.equal((await validated('gone.yaml', { load: false })).code, 0, 'the file alone')
})

t.test('the schema', async (t) => {
  const { code, out } = await said(() => validateCommand(undefined, { schema: true }))
  t.equal(code, 0)
  t.strictSame(JSON.parse(out), studyJsonSchema())
})

t.test('wrong use is told', async (t) => {
  await t.rejects(validateCommand(undefined, {}), {
    code: 'ERR_ARGUMENT',
    message: /validate: which file\?.*onestep validate study\.yaml/,
  })
  const { status, stdout } = validate('--help')
  t.equal(status, 0)
  t.match(stdout, /Exit codes: 0 the file is right; 2 [\s\S]*Examples:\s+onestep validate study\.yaml/)
})
