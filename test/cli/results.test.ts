// onestep results, export and env on a run directory, as a user types them.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../lib/runtime/diagnosis.js'
import { encodeChunk, writePart } from '../../lib/study/store/chunkFile.js'
import { chunkCount } from '../../lib/study/store/manifest.js'
import { createRun } from '../../lib/study/store/runDirectory.js'
import { sampleBlobs, sampleChunk, sampleManifest } from '../study/store/sampleRun.js'

const root = mkdtempSync(join(tmpdir(), 'onestep-cli-'))
t.teardown(() => {
  rmSync(root, { recursive: true })
})

const onestep = (...args: readonly string[]) =>
  spawnSync(process.execPath, [join(packageRoot(), 'dist/lib/cli/main.js'), ...args], {
    cwd: root,
    encoding: 'utf8',
    timeout: 100_000,
  })

const manifest = sampleManifest({ thetas: 20, chunkRows: 6 })
const run = await createRun(join(root, 'run'), manifest, {
  blobs: sampleBlobs,
  files: {
    'environment.json': JSON.stringify({ onestep: '0.0.1', host: 'elsewhere', cores: { machine: 512 } }),
  },
})
for (let chunk = 0; chunk < chunkCount(manifest); chunk++) {
  const { identity, block } = sampleChunk(manifest, chunk)
  const part = run.partPath(chunk)
  await writePart(part, encodeChunk(identity, block))
  await run.publish(chunk, part)
}

t.test('results', (t) => {
  const table = onestep('results', 'run', '--sort', 'theta.lambda', '-n', '3', '--columns', 'index,status')
  t.equal(table.status, 0, table.stderr)
  t.match(table.stdout, /index +status\n─+ +─+\n +\d+ +\w+\n/)
  t.match(table.stdout, /3 of 40 rows/)
  const { stdout } = onestep('results', 'run', '--sort', 'value', '--desc', '-n', '40', '--json')
  const rows = JSON.parse(stdout) as { value: number | string; index: number }[]
  t.equal(rows.length, 40)
  const values = rows.map(({ value }) => Number(value))
  const numbers = values.filter((x) => !Number.isNaN(x))
  t.strictSame(
    numbers,
    [...numbers].sort((a, b) => b - a),
  )
  t.ok(values.slice(numbers.length).every(Number.isNaN), 'NaN comes last')
  t.ok(numbers.length < 40)
  const crashed = JSON.parse(onestep('results', 'run', '--status', 'crashed', '--json').stdout) as object[]
  t.equal(crashed.length, 13)
  t.match(onestep('results', 'run').stdout, /20 of 40 rows; 1 more columns/)
  t.end()
})

t.test('results --sql', (t) => {
  const answer = onestep(
    'results',
    'run',
    '--json',
    '--sql',
    'select status, count(*) as n, max("gradient.w[3]") as w from rows group by status order by status',
  )
  t.equal(answer.status, 0, answer.stderr)
  const rows = JSON.parse(answer.stdout) as { status: string; n: number }[]
  t.strictSame(
    rows.map(({ status, n }) => [status, n]),
    [
      ['converged', 14],
      ['crashed', 13],
      ['maxSteps', 13],
    ],
  )
  const refused = onestep('results', 'run', '--sql', 'selec 1')
  t.equal(refused.status, 2)
  t.match(refused.stderr, /the query was refused.*selec/)
  t.match(onestep('results', 'run', '--sql', 'select 1 as one').stdout, /one/)
  t.end()
})

t.test('wrong use', (t) => {
  for (const [args, status, message] of [
    [['results', 'nowhere'], 1, /no run directory/],
    [['results', 'run', '--sort', 'valu'], 2, /Did you mean "value"/],
    [['results', 'run', '--limit', '0'], 2, /positive whole number/],
    [['results', 'run', '--columns', 'index,,value'], 2, /names with ","/],
    [['export', 'run', '--format', 'xls'], 2, /csv, jsonl, parquet/],
    [['export', 'run', '--out', 'no/where.csv'], 1, /where\.csv.*no such file or folder/],
    [['env', 'nowhere'], 1, /no run directory/],
  ] as const) {
    const { status: found, stderr } = onestep(...args)
    t.equal(found, status, args.join(' '))
    t.match(stderr, message)
  }
  t.match(onestep('results', '--help').stdout, /--status[\s\S]*Exit codes:[\s\S]*Examples:/)
  t.end()
})

t.test('env', (t) => {
  const here = onestep('env', '--json')
  t.equal(here.status, 0, here.stderr)
  const found = JSON.parse(here.stdout) as { node: string; native: { threads: number } }
  t.equal(found.node, process.version)
  t.equal(found.native.threads, 1)
  t.match(onestep('env').stdout, /native\.core/)
  const recorded = onestep('env', 'run')
  t.match(recorded.stdout, /host +elsewhere/)
  t.match(recorded.stdout, /What differs here:[\s\S]*cores\.machine +512 /)
  t.notMatch(recorded.stdout.slice(recorded.stdout.indexOf('What differs')), /elsewhere/)
  t.end()
})

t.test('export', (t) => {
  const written = onestep('export', 'run', '--columns', 'index,value', '--out', 'rows.csv')
  t.equal(written.status, 0, written.stderr)
  t.match(written.stdout, /rows\.csv: 40 rows, \d+ bytes\n/)
  const lines = readFileSync(join(root, 'rows.csv'), 'utf8').trimEnd().split('\r\n')
  t.equal(lines.length, 41)
  t.equal(lines[0], 'index,value')
  unlinkSync(run.chunkPath(3))
  const refused = onestep('export', 'run', '--format', 'parquet')
  t.equal(refused.status, 4)
  t.match(refused.stderr, /2 rows are missing; nothing was written/)
  const partial = onestep('export', 'run', '--format', 'parquet', '--partial')
  t.equal(partial.status, 0, partial.stderr)
  t.match(partial.stdout, /38 rows, \d+ bytes; 2 rows are missing/)
  t.match(onestep('results', 'run').stdout, /2 rows are missing; to compute them: onestep resume run/)
  t.end()
})
