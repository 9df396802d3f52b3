// The command `onestep qp` as a user types it: text and JSON, exit codes, wrong use, and the Maros and Mészáros set.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { qpCommand } from '../../lib/cli/qpCommand.js'

// The command starts anew each time, and machines are slow.
t.setTimeout(300_000)

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = mkdtempSync(join(root, 'dist', 'qp-'))
t.teardown(() => {
  rmSync(folder, { recursive: true })
})

const qp = (...args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'dist/lib/cli/main.js'), 'qp', ...args],
    {
      cwd: root,
      encoding: 'utf8',
      timeout: 100_000,
    },
  )
  return { status, stdout, stderr }
}

const write = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

interface Report {
  readonly name: string
  readonly status: string
  readonly objective: number | string
  readonly iterations: number
  readonly residuals: { readonly primal: number; readonly dual: number; readonly gap: number }
  readonly active: readonly { readonly side: string; readonly name: string; readonly multiplier: number }[]
  readonly x: Readonly<Record<string, number>>
  readonly rowMultipliers: Readonly<Record<string, number>>
  readonly certificate?: {
    readonly residual: number
    readonly rowMultipliers: Readonly<Record<string, number>>
  }
  readonly sensitivity?: {
    readonly status: string
    readonly reason: string
    readonly value: Readonly<Record<string, Readonly<Record<string, number>>>>
    readonly halfNorm: Readonly<Record<string, Readonly<Record<string, number>>>>
  }
}
const report = (...args: readonly string[]): Report & { readonly exit: number | null } => {
  const { status, stdout, stderr } = qp(...args, '--json')
  if (stdout === '') throw new Error(stderr)
  return { exit: status, ...(JSON.parse(stdout) as Report) }
}

/** min x² + y² − 2x − 6y  with  x + y ≤ 2, y ≤ 1.5 by its bound:  x = 0.5, y = 1.5, λ = 1, μ = 2 */
const good = write(
  'good.qps',
  `NAME two variables
ROWS
 N cost
 L sum
COLUMNS
 x cost -2 sum 1
 y cost -6 sum 1
RHS
 rhs sum 2 cost -7
BOUNDS
 UP bnd y 1.5
QUADOBJ
 x x 2
 y y 2
ENDATA
`,
)
const infeasible = write(
  'infeasible.qps',
  'ROWS\n N f\n L low\n G high\nCOLUMNS\n x f -3 low 1\n x high 1\nRHS\n low 1 high 2\nQUADOBJ\n x x 2\nENDATA\n',
)
const unbounded = write('unbounded.qps', 'ROWS\n N f\nCOLUMNS\n x f -3\n y f 1\nENDATA\n')

t.test('text', (t) => {
  const { status, stdout, stderr } = qp(good, '--sensitivity')
  t.equal(status, 0, stderr)
  t.match(stdout, /program +two variables: min, 2 variables, 1 rows/)
  t.match(stdout, /status +converged after \d+ steps\n/)
  t.match(stdout, /objective +-?[\d.]+\nresiduals +primal \S+, dual \S+, gap \S+\n/)
  t.match(stdout, /rowUpper +sum +1(\.0*)?\n/)
  t.match(stdout, /upper +y +2(\.0*)?\n/)
  t.match(stdout, /gradients: ok\n/)
  t.match(stdout, /rowUpper +sum +-1(\.0*)? +0\.50*\n/)
  t.end()
})

t.test('JSON', (t) => {
  const found = report(good, '--sensitivity')
  t.equal(found.exit, 0)
  t.equal(found.status, 'converged')
  t.equal(found.name, 'two variables')
  const near = (a: number | undefined, b: number): boolean => Math.abs((a ?? NaN) - b) < 1e-8
  t.ok(near(found.objective as number, 0.25 + 2.25 - 1 - 9 + 7))
  t.ok(near(found.x['x'], 0.5) && near(found.x['y'], 1.5))
  t.strictSame(
    found.active.map(({ side, name }) => [side, name]),
    [
      ['rowUpper', 'sum'],
      ['upper', 'y'],
    ],
  )
  const { status, value, halfNorm } = found.sensitivity!
  t.equal(status, 'ok')
  // x = sum − y: ∂x/∂sum = 1, ∂x/∂upper = −1, ∂y/∂upper = 1
  for (const [gradient, vector, name, expected] of [
    [value, 'c', 'x', 0.5],
    [value, 'c', 'y', 1.5],
    [value, 'rowUpper', 'sum', -1],
    [value, 'upper', 'y', -2],
    [halfNorm, 'rowUpper', 'sum', 0.5],
    [halfNorm, 'upper', 'y', 1],
    [halfNorm, 'c', 'x', 0],
  ] as const) {
    t.ok(near(gradient[vector]?.[name], expected), `${vector} ${name}`)
  }
  t.strictSame(Object.keys(value), ['c', 'rowEqual', 'fixed', 'rowLower', 'rowUpper', 'lower', 'upper'])
  t.end()
})

t.test('what has no solution', (t) => {
  const no = report(infeasible)
  t.strictSame([no.exit, no.status], [1, 'infeasible'])
  t.ok(no.certificate!.residual <= 1e-6)
  const { low, high } = no.certificate!.rowMultipliers as Record<'low' | 'high', number>
  t.ok(low > 0 && high < 0 && Math.abs(low + 2 * high + 1) < 1e-9, 'the sides times their multipliers are −1')
  t.match(
    qp(infeasible).stdout,
    /infeasible after \d+ steps: the constraints admit no point[\s\S]*residual [\s\S]*high/,
  )
  const endless = report(unbounded)
  t.strictSame([endless.exit, endless.status], [1, 'unbounded'])
  t.match(qp(unbounded).stdout, /unbounded after \d+ steps[\s\S]*along this direction[\s\S]*x +0\.\d/)
  const short = report(good, '--max-steps', '1')
  t.strictSame([short.exit, short.status, short.iterations], [1, 'maxSteps', 1])
  t.end()
})

t.test('a gradient that does not exist is told', (t) => {
  const chance = write('chance.qps', 'ROWS\n N f\nCOLUMNS\n x f 0\nQUADOBJ\n x x 2\nENDATA\n')
  const { status, reason } = report(chance, '--sensitivity').sensitivity!
  t.equal(status, 'undefined')
  t.match(reason, /strict complementarity.*x/)
  t.match(qp(chance, '--sensitivity').stdout, /lower +x +\S+ +weakly[\s\S]*gradients: undefined: strict/)
  t.end()
})

t.test('many rows are shortened for people, not in JSON', (t) => {
  const names = Array.from({ length: 50 }, (_, j) => `v${String(j)}`)
  const file = write(
    'many.qps',
    `ROWS\n N f\nCOLUMNS\n${names.map((name, j) => ` ${name} f ${String(-j)}\n`).join('')}QUADOBJ\n${names.map((name) => ` ${name} ${name} 1\n`).join('')}ENDATA\n`,
  )
  t.match(qp(file).stdout, /… 20 smaller ones: --json has all/)
  t.equal(Object.keys(report(file).x).length, 50)
  t.end()
})

const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['no file', [], /missing required argument 'file'/],
  ['an unknown option', [good, '--sensitivty'], /--sensitivity/],
  ['a tolerance of 0', [good, '--tol', '0'], /--tol.*positive number.*received "0"/],
  ['a tolerance that is no number', [good, '--tol', 'small'], /--tol.*"small"/],
  ['half a step', [good, '--max-steps', '1.5'], /--max-steps.*whole number/],
  ['a missing file', [join(folder, 'nowhere.qps')], /nowhere\.qps: the file does not exist.*ERR_DATA/],
  [
    'a truncated file',
    [write('cut.qps', readFileSync(good, 'utf8').slice(0, 150))],
    /cut\.qps:\d+: .*ERR_DATA/,
  ],
  [
    'an objective that is not convex',
    [write('saddle.qps', 'ROWS\n N f\nCOLUMNS\n x f 1\nQUADOBJ\n x x -1\nENDATA\n')],
    /not convex.*"x".*ERR_NOT_CONVEX/,
  ],
]

t.test('wrong use is told', (t) => {
  for (const [name, args, message] of wrong) {
    const { status, stdout, stderr } = qp(...args)
    t.equal(status, 2, name)
    t.match(stderr, message, name)
    t.equal(stdout, '', name)
  }
  t.match(qp('--help').stdout, /Exit codes: 0 converged; 1 infeasible, unbounded/)
  t.end()
})

const data = resolve(root, process.env['ONESTEP_DATA'] ?? '../shared/data', 'maros-meszaros')
const skip = existsSync(data) ? false : `there is no ${data}; set ONESTEP_DATA to the folder that holds it`

t.test('the Maros and Mészáros set', { skip }, async (t) => {
  const optima = JSON.parse(readFileSync(join(data, 'optima.json'), 'utf8')) as Readonly<
    Record<string, { readonly optimum: number }>
  >
  /** The command with its defaults, without a process of its own. */
  const solved = async (name: string): Promise<Report & { readonly exit: number }> => {
    const printed = t.capture(console, 'log')
    const exit = await qpCommand(join(data, `${name}.QPS`), { json: true, tol: '1e-6', maxSteps: '200' })
    const [line] = printed().flatMap(({ args }) => args as string[])
    printed.restore()
    return { exit, ...(JSON.parse(line ?? '{}') as Report) }
  }
  const worst: number[] = []
  for (const [name, { optimum }] of Object.entries(optima)) {
    const found = await solved(name)
    t.strictSame([found.exit, found.status], [0, 'converged'], name)
    const error = Math.abs((found.objective as number) - optimum)
    t.ok(
      error <= 1e-6 * Math.max(1, Math.abs(optimum)),
      `${name}: objective within 1e-6 of the published one`,
    )
    const { primal, dual, gap } = found.residuals
    worst.push(Math.max(primal, dual, gap))
    t.ok(
      Math.max(primal, dual, gap) <= 1e-6,
      `${name}: residuals ${String(primal)}, ${String(dual)}, ${String(gap)}`,
    )
  }
  const accurate = worst.filter((residual) => residual <= 1e-9).length
  t.ok(accurate >= 20, `${String(accurate)} of ${String(worst.length)} to 1e-9`)
})
