// onestep check, as a user types it.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = mkdtempSync(join(root, 'dist', 'check-'))
t.teardown(() => {
  rmSync(folder, { recursive: true })
})

const check = (...args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'dist/lib/cli/main.js'), 'check', ...args],
    { cwd: root, encoding: 'utf8', timeout: 100_000 },
  )
  return { status, stdout, stderr }
}

const names = 'array, fixedPoint, grad, implicit, oneStep, solve, sum, sumSquares, valueAndGrad'
/** A module whose default export is made of these two expressions. */
const write = (name: string, run: string, example: string): string => {
  const path = join(folder, name)
  writeFileSync(
    path,
    `${name.endsWith('.ts') ? '// @ts-nocheck\n' : ''}import { ${names} } from 'onestep'
const layer = (tol = 1e-9) => fixedPoint({ map: (x, p) => x.mul(0.5).add(p).tanh(), tol })
const loss = (p, strategy, tol) => sumSquares(solve(layer(tol), { x0: [0, 0], theta: p, strategy }))
export default { description: 'a small layer', run: ${run}, example: ${example} }
`,
  )
  return path
}

interface Row {
  readonly name: string
  readonly derivative: number | string
  readonly verdict: string
  readonly vector?: readonly number[]
}
interface Printed {
  readonly verdict: string
  readonly status: string
  readonly seed: number
  readonly tol: number
  readonly rows: readonly Row[]
}

const verdicts: readonly (readonly [string, string, string, string, number])[] = [
  ['exact.mjs', '(p) => loss(p, implicit())', '[[0.5, -0.3]]', 'agrees', 0],
  ['types.ts', '(p) => loss(p, implicit())', '[[0.5, -0.3]]', 'agrees', 0],
  ['one-step.mjs', '(p) => loss(p, oneStep())', '[[0.5, -0.3]]', 'disagrees', 1],
  ['loose.mjs', '(p) => loss(p, implicit(), 1e-2)', '[[0.5, -0.3]]', 'inconclusive', 1],
  ['pair.mjs', '(p) => valueAndGrad((q) => loss(q, implicit()))(p)', '[[0.5, -0.3]]', 'agrees', 0],
  ['given.mjs', '(p) => ({ value: loss(p), gradient: p })', '[[0.5, -0.3]]', 'disagrees', 1],
  [
    'data.mjs',
    '({ l }, { X }, y) => sum(X.mul(l).sub(y).square())',
    '[{ l: 2 }, { X: [1, 2] }, 3]',
    'agrees',
    0,
  ],
]

t.test('verdicts and exit codes', (t) => {
  for (const [name, run, example, verdict, code] of verdicts) {
    const { status, stdout, stderr } = check(write(name, run, example))
    t.equal(stderr, '', name)
    t.equal(status, code, `${name}: ${stdout}`)
    t.match(stdout, /^a small layer\nvalue .* converged after/, name)
    t.match(stdout, new RegExp(`^${verdict} \\(.* tol 0\\.00001\\)$`, 'm'), name)
  }
  t.end()
})

t.test('options, as JSON', (t) => {
  const file = join(folder, 'exact.mjs')
  const { status, stdout } = check(file, '--json', '--directions', '3', '--seed', '7', '--tol', '1e-4')
  t.equal(status, 0)
  const printed = JSON.parse(stdout) as Printed
  t.strictSame([printed.verdict, printed.seed, printed.tol, printed.rows.length], ['agrees', 7, 1e-4, 3])
  t.equal(printed.rows[0]?.vector?.length, 2)
  const all = JSON.parse(check(file, '--json', '--coordinates').stdout) as Printed
  t.strictSame(
    all.rows.map(({ name }) => name),
    ['theta[0]', 'theta[1]'],
  )
  const infinite = JSON.parse(
    check(write('sqrt.mjs', '(p) => sum(p.pow(0.5))', '[[0, 4]]'), '--json', '--coordinates').stdout,
  ) as Printed
  t.equal(infinite.rows[0]?.derivative, 'Infinity', 'what JSON has no number for is a string')
  t.end()
})

const wrong: readonly (readonly [string, readonly string[], number, RegExp])[] = [
  ['no file', [], 2, /missing required argument/],
  ['a missing file', ['nowhere.ts'], 1, /nowhere\.ts: no such file/],
  ['an unknown option', [join(folder, 'exact.mjs'), '--direction', '3'], 2, /--directions/],
  ['directions in words', [join(folder, 'exact.mjs'), '--directions', 'many'], 2, /--directions/],
  ['no directions', [join(folder, 'exact.mjs'), '--directions', '0'], 2, /nothing to check/],
  ['a negative tolerance', [join(folder, 'exact.mjs'), '--tol', '-1'], 2, /tol/],
  ['a seed of nothing', [join(folder, 'exact.mjs'), '--seed', ''], 2, /--seed/],
  ['a vector', [write('vector.mjs', '(p) => p', '[[1, 2]]')], 2, /not a scalar.*\[2\]/],
  ['no arguments', [write('nothing.mjs', '() => 1', '[]')], 2, /example is empty/],
  [
    'an example without numbers',
    [write('words.mjs', '(p) => sum(p)', "['one']")],
    2,
    /theta is not an array/,
  ],
]

t.test('wrong use is told', (t) => {
  for (const [name, args, code, message] of wrong) {
    const { status, stdout, stderr } = check(...args)
    t.equal(status, code, name)
    t.match(stderr, message, name)
    t.equal(stdout, '', name)
  }
  t.end()
})

t.test('help has the exit codes and an example', (t) => {
  const { status, stdout } = check('--help')
  t.equal(status, 0)
  t.match(
    stdout,
    /Exit codes: 0 agrees; 1 disagrees or inconclusive[\s\S]*2 wrong use[\s\S]*Example:\s+onestep check/,
  )
  t.end()
})
