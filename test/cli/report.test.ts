// onestep report and onestep best, on run directories of made-up studies.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { findAll, parseMarkup, textIn } from '../study/markup.js'
import { writeRun } from '../study/page/runs.js'
import { drawnStudy, gridStudy } from '../study/page/studies.js'
import { onestep as command } from '../harness/command.js'

const folder = mkdtempSync(join(tmpdir(), 'onestep-report-'))
t.teardown(() => {
  rmSync(folder, { recursive: true, force: true })
})

const onestep = (...args: readonly string[]) => command(folder, ...args)
const [whole, part, none] = ['whole', 'part', 'none'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
]

t.test('run directories', async (t) => {
  await writeRun(whole, gridStudy())
  await writeRun(part, drawnStudy(), (chunk) => chunk % 2 === 1)
  await writeRun(none, gridStudy(), () => false)
  t.pass()
})

t.test('a report where it belongs', async (t) => {
  const { status, stdout, stderr } = onestep('report', whole)
  t.equal(status, 0, stderr)
  t.equal(stdout, '')
  t.equal(stderr, `1200 rows: ${join(whole, 'report.html')}\n`)
  const root = parseMarkup(
    readFileSync(join(whole, 'report.html'), 'utf8')
      .replace(/<input[^>]*>/g, '')
      .replace(/<script>[^]*<\/script>/, ''),
  )
  t.equal(findAll(root, 'h1').map(textIn).join(), 'Study ridge-path')
  t.match(findAll(root, 'section').map(textIn).join(), /Some Processor 9000/)
  const again = readFileSync(join(whole, 'report.html'))
  t.equal(onestep('report', whole).status, 0)
  t.ok(readFileSync(join(whole, 'report.html')).equals(again), 'the same file again')
})

t.test('a report elsewhere, with a title, of a study that is not complete', async (t) => {
  const out = join(folder, 'elsewhere.html')
  const { status, stderr } = onestep('report', part, '--out', out, '--title', 'Mine & <yours>')
  t.equal(status, 4)
  t.equal(stderr, `3000 of 6000 rows: ${out}\n`)
  t.match(
    readFileSync(out, 'utf8'),
    /<h1>Mine &amp; &lt;yours&gt;<\/h1>[^]*3,000 of 6,000: the study is not complete/,
  )
  const { stdout } = onestep('report', none, '--out', '-')
  t.match(stdout, /^<!doctype html>[^]*0 of 1,200[^]*<\/html>\n$/)
})

t.test('the best rows', async (t) => {
  const { status, stdout } = onestep('best', whole, '-n', '2')
  t.equal(status, 0)
  const lines = stdout.trimEnd().split('\n')
  t.match(lines[0], /^row +variant +value +lambda +iterations +certificate\.estimate +seconds$/)
  t.match(lines[2], /^ *99 +implicit, 1e-10 +0\.300011 +0\.0965883/)
  t.equal(lines.length, 4)
  const all = JSON.parse(
    onestep('best', part, '--json', '-n', '3', '--by', 'metric.accuracy', '--largest').stdout,
  ) as Record<string, number | string>[]
  t.equal(all.length, 3)
  const accuracies = all.map((row) => Number(row['metric.accuracy']))
  t.strictSame(
    accuracies,
    [...accuracies].sort((a, b) => b - a),
  )
  t.strictSame([all[0]?.['status'], all[0]?.['gradientStatus']], ['converged', 'ok'])
  t.ok(
    all.every((row) => Number(row['row']) % 2000 >= 1000),
    'of the chunks that are there',
  )
  const nothing = onestep('best', none)
  t.equal(nothing.status, 4)
  t.match(nothing.stderr, /no row of .* has converged/)
  t.equal(onestep('best', none, '--json').stdout, '[]\n')
})

t.test('a damaged chunk is no part of a report', async (t) => {
  const path = join(part, 'chunks', '000003.chunk')
  const bytes = readFileSync(path)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
  writeFileSync(path, bytes)
  const { status, stderr } = onestep('report', part)
  t.equal(status, 4)
  t.match(stderr, /^2000 of 6000 rows/)
})

const wrong: readonly (readonly [string, readonly string[], number, RegExp])[] = [
  ['no folder', ['report'], 2, /missing required argument/],
  ['a folder without a run', ['report', folder], 1, /no run directory of a study[^]*manifest\.json/],
  ['no run for best', ['best', folder], 1, /no run directory/],
  [
    'a file that cannot be written',
    ['report', whole, '--out', join(folder, 'nowhere', 'x.html')],
    1,
    /cannot be written[^]*ENOENT/,
  ],
  ['an unknown option', ['report', whole, '--output', 'x'], 2, /--out/],
  ['a column that is not there', ['best', whole, '--by', 'loss'], 2, /no number "loss"[^]*value/],
  ['no number of rows', ['best', whole, '-n', 'many'], 2, /--count[^]*whole number/],
]
t.test('wrong use is told', async (t) => {
  for (const [name, args, code, message] of wrong) {
    const { status, stderr, stdout } = onestep(...args)
    t.equal(status, code, name)
    t.match(stderr, message, name)
    t.equal(stdout, '', name)
  }
})

t.test('help has the exit codes and an example', async (t) => {
  for (const name of ['report', 'best'])
    t.match(onestep(name, '--help').stdout, new RegExp(`Exit codes: 0 [^]*Example:\\s+onestep ${name}`))
})
