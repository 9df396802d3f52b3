// What progress looks like, word for word, on a stream that is a terminal and on one that is none.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { test } from 'tap'
import { jointProgress, progressReporter } from '../../lib/index.js'
import type { Progress } from '../../lib/index.js'
import { packageRoot } from '../../lib/runtime/diagnosis.js'

/** A stream that remembers, and says of itself whether it is a terminal. */
class Recorder extends Writable {
  readonly isTTY: boolean
  readonly columns = 120
  text = ''

  constructor(isTTY: boolean) {
    super({
      write: (chunk: Buffer, _, done) => {
        this.text += chunk.toString()
        done()
      },
    })
    this.isTTY = isTTY
  }
}

const at = (
  done: number,
  seconds: number,
  statuses: Progress['statuses'] = { converged: done },
  total = 400,
): Progress => ({ done, total, iterations: 10 * done, statuses, alive: 1, seconds })

const failing = { converged: 300, maxSteps: 97, diverged: 3 }

/** Name, options, what is reported, and the lines. */
const table: readonly (readonly [string, object, readonly Progress[], readonly string[]])[] = [
  ['a short run is one line', { label: 'ridge' }, [at(400, 0.5)], ['ridge: 400 of 400, 800/s, in 0.5 s']],
  ['no label', {}, [at(400, 20)], ['400 of 400, 20.0/s, in 20 s']],
  [
    'a run that says twice that it has ended',
    {},
    [at(400, 20), at(400, 20.1)],
    ['400 of 400, 20.0/s, in 20 s'],
  ],
  [
    'a line every five seconds, with what did not converge',
    { label: 'x' },
    [at(0, 0.1), at(10, 1), at(50, 5), at(60, 6), at(100, 10.1), at(150, 12), at(400, 4000, failing)],
    [
      'x: 50 of 400, 10.0/s, 35 s left',
      'x: 100 of 400, 9.90/s, 30 s left',
      'x: 400 of 400, 0.100/s, in 1 h 6 min, 97 maxSteps, 3 diverged',
    ],
  ],
  [
    'an interval of ones own; nothing done yet has no rate',
    { interval: 60 },
    [at(0, 61, {}), at(2, 121), at(400, 130)],
    ['0 of 400', '2 of 400, 0.0165/s, 6 h 41 min left', '400 of 400, 3.08/s, in 2 min 10 s'],
  ],
  [
    'a total that the runs do not know yet',
    { total: 800, interval: 0 },
    [at(400, 10), at(400, 10), at(800, 20, { converged: 800 }, 800)],
    ['400 of 800, 40.0/s, 10 s left', '400 of 800, 40.0/s, 10 s left', '800 of 800, 40.0/s, in 20 s'],
  ],
  [
    'two runs, one after the other',
    {},
    [at(400, 10), at(7, 0.1), at(400, 5)],
    ['400 of 400, 40.0/s, in 10 s', '400 of 400, 80.0/s, in 5.0 s'],
  ],
  ['an empty batch', {}, [at(0, 0.5, {}, 0)], ['0 of 0, in 0.5 s']],
  ['nothing where it is to be quiet', { quiet: true }, [at(10, 6), at(400, 10)], []],
]

for (const [name, options, reports, expected] of table) {
  test(`lines: ${name}`, async (t) => {
    const stream = new Recorder(false)
    const report = progressReporter({ ...options, stream })
    reports.forEach((progress) => {
      report(progress)
    })
    t.strictSame(stream.text, expected.map((line) => `${line}\n`).join(''))
  })
}

test('close ends what a run left open, once', async (t) => {
  const stream = new Recorder(false)
  const report = progressReporter({ stream })
  report(at(7, 1))
  t.equal(stream.text, '')
  report.close()
  report.close()
  report[Symbol.dispose]()
  t.equal(stream.text, '7 of 400, 7.00/s, 56 s left\n')
})

test('a bar on a terminal', async (t) => {
  const stream = new Recorder(true)
  const report = progressReporter({ label: 'ridge', stream })
  report(at(100, 10))
  report(at(200, 21, { converged: 190, maxSteps: 10 }))
  report(at(400, 40, failing))
  const shown = stripVTControlCharacters(stream.text)
  t.match(shown, /ridge █{6}░{18} 100\/400 {2}10\.0\/s {2}30 s left/)
  t.ok(shown.endsWith(`ridge ${'█'.repeat(24)} 400/400  10.0/s  in 40 s  97 maxSteps  3 diverged\n`))
  // eslint-disable-next-line no-control-regex -- this is what is looked for
  t.notMatch(stream.text, /\x1b\[\?7l|\x1b\[\?25l/, 'no mode of the terminal is changed')
})

test('a bar that is quiet, and one that is closed before it began', async (t) => {
  const stream = new Recorder(true)
  const silent = progressReporter({ stream, quiet: true })
  silent(at(100, 10))
  silent.close()
  progressReporter({ stream }).close()
  t.equal(stream.text, '')
})

test('several runs in one line', async (t) => {
  const stream = new Recorder(false)
  const part = jointProgress(progressReporter({ stream, total: 8, label: 'both' }))
  const [a, b] = [part(), part()]
  a(at(4, 2, { converged: 4 }, 4))
  t.equal(stream.text, '', 'the second has not begun')
  b(at(4, 1, { diverged: 4 }, 4))
  t.match(stream.text, /^both: 8 of 8, [\d.]+\/s, in 2\.0 s, 4 diverged\n$/)
})

test('a bar that nobody closed does not keep the process alive', async (t) => {
  const index = JSON.stringify(join(packageRoot(), 'dist', 'lib', 'index.js'))
  const code = `
    const { progressReporter } = await import(${index})
    const stream = Object.assign(process.stdout, { isTTY: true, columns: 80 })
    progressReporter({ stream })({ done: 1, total: 2, iterations: 0, statuses: {}, seconds: 1 })`
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
    timeout: 30_000,
  })
  t.equal(status, 0)
  t.match(stripVTControlCharacters(stdout), '1/2')
})

const wrong: readonly (readonly [object, RegExp])[] = [
  [{ lable: 'x' }, /lable/],
  [{ total: -1 }, /option total/],
  [{ interval: NaN }, /option interval/],
  [{ total: '5' }, /option total/],
]
for (const [options, message] of wrong) {
  test(`wrong: ${JSON.stringify(options)}`, async (t) => {
    t.throws(() => progressReporter(options), message)
  })
}
