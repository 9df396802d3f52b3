// The command as a user types it, and the main job on a small scale.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = mkdtempSync(join(root, 'dist', 'cli-'))
t.teardown(() => {
  rmSync(folder, { recursive: true })
})

const node = (...args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    timeout: 100_000,
  })
  return { status, stdout, stderr }
}
const onestep = (...args: readonly string[]) => node(join(root, 'dist/lib/cli/main.js'), ...args)

const write = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const problem = `import { defineProblem, fixedPoint, grad, solve, sumSquares } from 'onestep'
const layer = fixedPoint({ map: (x, theta) => x.mul(0.5).add(theta).tanh() })
export default defineProblem({
  description: 'a small layer',
  run: (theta) => grad((p) => sumSquares(solve(layer, { x0: [0, 0], theta: p })))(theta),
  example: [[0.5, -0.3]],
})
`

t.test('doctor', (t) => {
  const { status, stdout } = onestep('doctor', '--json')
  t.equal(status, 0)
  const report = JSON.parse(stdout) as { ok: boolean; native: { blas: { threads: number } } }
  t.equal(report.ok, true)
  t.equal(report.native.blas.threads, 1)
  t.match(onestep('doctor').stdout, /onestep can compute here/)
  t.end()
})

t.test('explain', (t) => {
  for (const name of ['problem.mjs', 'problem.ts']) {
    const file = write(name, name.endsWith('.ts') ? `// @ts-nocheck\n${problem}` : problem)
    const { status, stdout, stderr } = onestep(
      'explain',
      file,
      '--batch',
      '4096',
      '--threads',
      '2',
      '--graph',
    )
    t.equal(status, 0, stderr)
    t.match(stdout, /a small layer[\s\S]*while[\s\S]*lanes a tile[\s\S]*4096 instances on 2 threads/)
  }
  const { stdout } = onestep('explain', join(folder, 'problem.mjs'), '--lanes', '8', '--json')
  const explained = JSON.parse(stdout) as {
    lanes: number
    stages: { kind: string }[]
    prediction: { total: number; constants: number; ports: number; working: number }
  }
  t.equal(explained.lanes, 8)
  t.ok(explained.stages.some(({ kind }) => kind === 'loop'))
  const { total, constants, ports, working } = explained.prediction
  t.ok(working > 0 && total === constants + ports + working)
  t.end()
})

const wrong: readonly [string, readonly string[], number, RegExp][] = [
  ['an unknown command', ['explian', 'x'], 2, /Did you mean explain/],
  ['an unknown option', ['doctor', '--jsn'], 2, /--json/],
  ['a missing file', ['explain', 'nowhere.ts'], 1, /nowhere\.ts: no such file/],
  [
    'no problem in the file',
    ['explain', write('empty.mjs', 'export const x = 1\n')],
    2,
    /no problem is exported/,
  ],
  [
    'a misspelt field',
    ['explain', write('typo.mjs', 'export default { run: (x) => x, exmaple: [1] }\n')],
    2,
    /Did you mean "example"/,
  ],
  [
    'a file that fails',
    ['explain', write('throws.mjs', 'throw new Error("my own fault")\n')],
    1,
    /my own fault/,
  ],
  ['lanes that no tile has', ['explain', join(folder, 'problem.mjs'), '--lanes', '7'], 2, /multiple of 8/],
  [
    'a batch that is no number',
    ['explain', join(folder, 'problem.mjs'), '--batch', 'many'],
    2,
    /whole number/,
  ],
]

t.test('wrong use is told', (t) => {
  for (const [name, args, code, message] of wrong) {
    const { status, stdout, stderr } = onestep(...args)
    t.equal(status, code, name)
    t.match(stderr, message, name)
    t.equal(stdout, '', name)
  }
  t.end()
})

t.test('the main job', (t) => {
  const out = join(folder, 'results')
  const args = ['--count', '5', '--training', '120', '--validation', '80', '--out', out]
  const { status, stdout, stderr } = node(
    '--enable-source-maps',
    join(root, 'dist/examples/main.js'),
    ...args,
  )
  t.equal(status, 0, stderr)
  for (const strategy of ['one-step', 'implicit', 'unrolled']) {
    t.match(stdout, new RegExp(`${strategy}\\s+1e-6\\s.*\\d × \\d+\\s+\\d+ %\\s.*5 converged\\s+5 ok`))
  }
  t.match(stdout, /best λ = \d/)
  t.match(stderr, /^one-step: 5 of 5, /m, 'progress, on a stream that is no terminal')
  const html = readFileSync(join(out, 'digits.html'), 'utf8')
  t.match(html, /<svg/)
  t.match(html, /threads × lanes[\s\S]*lane efficiency/)
  t.notMatch(html, /(src|href)="https?:/)
  const rows = readFileSync(join(out, 'digits.csv'), 'utf8').trim().split(/\r?\n/)
  t.equal(rows.length, 6)
  t.ok(existsSync(out))
  t.end()
})
