// The commands as a user types them: JSON alone on stdout, and errors that say what to do.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'tap'
import { packageRoot } from '../../lib/runtime/native.js'

const run = (file: string, ...args: readonly string[]) =>
  spawnSync(process.execPath, [join(packageRoot(), 'dist', 'bench', file), ...args], { encoding: 'utf8' })

/** Command line, and what stderr must say. */
const mistakes: readonly (readonly [readonly string[], RegExp])[] = [
  [['paper/main.js', 'newtn'], /unknown command 'newtn'.*Did you mean newton/s],
  [['paper/main.js', 'newton', '--quik'], /unknown option '--quik'.*Did you mean --quick/s],
  [['paper/main.js', 'newton', '--data', 'x'], /unknown option '--data'/],
  [['paper/main.js', 'newton', 'extra'], /too many arguments/],
  [['paper/main.js', 'ridge', '--data'], /argument missing/],
  [['paper/main.js', 'ridge', '--data', '/nowhere/cpu.small.arff'], /paper: .*\/nowhere\/cpu.small.arff/],
  [['main.js', 'engin'], /'engin' is invalid.*engine/s],
  [['main.js', 'engine', '--fast'], /unknown option '--fast'/],
  [['main.js', 'engine', '--quick'], /--quick.*Expected one of .*qp, received engine/],
]

for (const [[file = '', ...args], message] of mistakes) {
  test(`${file} ${args.join(' ')}`, async (t) => {
    const { status, stdout, stderr } = run(file, ...args)
    t.equal(status, 1)
    t.equal(stdout, '')
    t.match(stderr, message)
    t.notMatch(stderr, /\n\s+at .*\.js:\d+/, 'no stack')
  })
}

test('without a name, the list of benches', async (t) => {
  const { status, stdout } = run('main.js')
  t.equal(status, 0)
  t.match(stdout, /\n {2}engine /)
})

test('paper newton --quick --json', async (t) => {
  const { status, stdout, stderr } = run('paper/main.js', 'newton', '--quick', '--json')
  t.equal(status, 0, stderr)
  const { rows, convergence } = JSON.parse(stdout) as {
    rows: { p: number; iterations: number; osMinusId: number; adMinusId: number; seconds: object }[]
    convergence: { k: number; detachedMinusImplicit: number }[]
  }
  t.strictSame(
    rows.map(({ p, iterations }) => [p, iterations]),
    [
      [50, 8],
      [106, 8],
    ],
  )
  t.ok(rows.every(({ osMinusId, adMinusId }) => osMinusId <= 5e-12 && adMinusId <= 5e-12))
  t.strictSame(Object.keys(rows[0]?.seconds ?? {}), ['forward', 'oneStep', 'implicit', 'unrolled'])
  t.strictSame(
    convergence.map(({ k }) => k),
    [4, 5, 6, 7, 8],
  )
  t.ok(convergence.every(({ detachedMinusImplicit }) => detachedMinusImplicit <= 1e-12))
})

test('paper ridge --quick --json', async (t) => {
  const { status, stdout, stderr } = run('paper/main.js', 'ridge', '--quick', '--json')
  t.equal(status, 0, stderr)
  const { rows, data, samples } = JSON.parse(stdout) as {
    rows: Record<string, unknown>[]
    data: string
    samples: number
  }
  t.strictSame([data, samples, rows.length], ['synthetic', 512, 320])
  t.strictSame(Object.keys(rows[0] ?? {}), [
    'kappa',
    'step',
    'formula',
    'estimator',
    'iteration',
    'relativeError',
  ])
})
