// onestep compare, as a script uses it: exit code 3 where something became worse.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Comparison } from '../../lib/study/page/comparison.js'
import type { StudySource } from '../../lib/study/page/source.js'
import { writeRun } from '../study/page/runs.js'
import { drawnStudy, gridStudy } from '../study/page/studies.js'
import { onestep as command } from '../harness/command.js'

const folder = mkdtempSync(join(tmpdir(), 'onestep-compare-'))
t.teardown(() => {
  rmSync(folder, { recursive: true, force: true })
})

const onestep = (...args: readonly string[]) => command(folder, ...args)

/** The study with its seconds multiplied. */
const slower = (source: StudySource, factor: number): StudySource => ({
  ...source,
  blocks: (async function* () {
    for await (const block of source.blocks) {
      const data = block.data.map((numbers, c) =>
        block.columns[c]?.name === 'seconds' && numbers instanceof Float64Array
          ? numbers.map((s) => s * factor)
          : numbers,
      )
      yield { ...block, data }
    }
  })(),
})

const [before, after, other] = ['before', 'after', 'other'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
]

t.test('run directories', async (t) => {
  await writeRun(before, gridStudy())
  const { manifest } = gridStudy()
  const blocks = []
  for await (const block of slower(gridStudy(), 1.3).blocks) blocks.push(block)
  await writeRun(after, { manifest, blocks })
  await writeRun(other, drawnStudy())
  t.pass()
})

t.test('a regression has an exit code, a table and a page', async (t) => {
  const out = join(folder, 'changes.html')
  const { status, stdout, stderr } = onestep('compare', before, after, '--out', out)
  t.equal(status, 3, stderr)
  t.match(stdout, /implicit, 1e-10 +seconds +[^\n]*\+30\.0 %[^\n]*regression/)
  t.match(stdout, /\n6 worse and 0 better beyond 5 %\n$/)
  t.match(readFileSync(out, 'utf8'), /<h1>ridge-path beside ridge-path<\/h1>/)
})

t.test('no regression, an improvement, a loose threshold', async (t) => {
  t.equal(onestep('compare', before, before).status, 0)
  const better = onestep('compare', after, before)
  t.equal(better.status, 0)
  t.match(better.stdout, /0 worse and 6 better/)
  for (const threshold of ['50%', '0.5'])
    t.equal(onestep('compare', before, after, '--threshold', threshold).status, 0, threshold)
  t.equal(onestep('compare', before, after, '--judge', 'value,iterations').status, 0)
})

t.test('as JSON', async (t) => {
  const printed = JSON.parse(onestep('compare', before, after, '--json', '--seed', '4').stdout) as Comparison
  t.strictSame([printed.threshold, printed.paired], [0.05, true])
  const seconds = printed.columns.filter(({ column }) => column === 'seconds')
  t.equal(seconds.length, 6)
  for (const { change, low, high, p = NaN, shift = NaN, a, b } of seconds) {
    t.ok(Math.abs(change - 0.3) < 1e-9 && low > 0.05 && low < 0.3 && high > 0.3, String([low, high]))
    t.ok(p < 1e-3 && shift > 0 && Math.abs(b / a - 1.3) < 1e-9)
  }
})

const wrong: readonly (readonly [string, readonly string[], number, RegExp])[] = [
  ['one run', ['compare', before], 2, /missing required argument/],
  ['no run', ['compare', before, folder], 1, /no run directory/],
  ['runs that have nothing in common', ['compare', before, other], 2, /no variant in common/],
  ['a threshold in words', ['compare', before, after, '--threshold', 'much'], 2, /--threshold[^]*5%/],
  ['a negative threshold', ['compare', before, after, '--threshold=-5%'], 2, /--threshold/],
  ['a column that is not there', ['compare', before, after, '--judge', 'loss'], 2, /judged[^]*loss/],
  ['no seed', ['compare', before, after, '--seed', 'x'], 2, /--seed/],
]
t.test('wrong use is told', async (t) => {
  for (const [name, args, code, message] of wrong) {
    const { status, stderr, stdout } = onestep(...args)
    t.equal(status, code, name)
    t.match(stderr, message, name)
    t.equal(stdout, '', name)
  }
  t.match(
    onestep('compare', '--help').stdout,
    /Exit codes: 0 nothing is worse[^]*3 something is worse[^]*Example:\s+onestep compare/,
  )
})
