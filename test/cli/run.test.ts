// onestep plan, run, resume, status and stop as a user types them.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { openRun } from '../../lib/study/store/runDirectory.js'
import { commandPath, onestep } from '../harness/command.js'
import { rowBits, temporaryFolder } from '../harness/study.js'
import type { Teardown } from '../harness/study.js'

const small = `
name: sweep
problem: ridge
space:
  lambda: { log: [1e-3, 1e2], count: 250 }
strategies: [implicit]
record: [value, gradient, residual, iterations]
chunk: { rows: 25 }
`

const folderWith = async (t: Teardown, files: Readonly<Record<string, string>>): Promise<string> => {
  const folder = await temporaryFolder(t)
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}

test('plan, run, status, resume', async (t) => {
  const cwd = await folderWith(t, { 'study.yaml': small })
  const plan = onestep(cwd, 'plan', 'study.yaml', '--json', '-s', 'strategies=[implicit, oneStep]')
  t.equal(plan.status, 0, plan.stderr)
  t.match(JSON.parse(plan.stdout), {
    rows: 500,
    chunks: 20,
    chunkRows: 25,
    variants: ['implicit', 'oneStep'],
  })
  t.match(onestep(cwd, 'plan', 'study.yaml').stdout, /250 rows = 1 variant × 1 repeat × 250 θ/)
  t.notOk(existsSync(join(cwd, 'runs')), 'a plan writes nothing')

  const run = onestep(cwd, 'run', 'study.yaml', '--threads', '1')
  t.equal(run.status, 0, run.stderr)
  t.match(
    run.stdout,
    /sweep: 250 rows in 10 chunks computed in .* 250 converged\nThe rows are in .*runs\/sweep; next: onestep report/,
  )
  t.match(run.stderr, /sweep: 250 of 250/)
  const again = onestep(cwd, 'run', 'study.yaml', '--reporter', 'json')
  const events = again.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly event: string })
  t.match(events.at(-1), { event: 'end', ending: 'complete', chunks: 0, missing: 0 })
  t.match(onestep(cwd, 'status', 'runs/sweep', '--json'), {
    status: 0,
    stdout: /"complete":true,"statuses":\{"converged":250\}/,
  })
  const dir = await openRun(join(cwd, 'runs/sweep'))
  await dir.quarantine(3, 'for the test')
  await writeFile(join(dir.dir, 'chunks', '000003.chunk'), 'torn')
  t.match(onestep(cwd, 'status', 'runs/sweep'), { status: 4, stdout: /225 of 250 rows, 9 of 10 chunks/ })
  t.match(onestep(cwd, 'resume', 'runs/sweep'), { status: 0, stdout: /25 rows in 1 chunk / })
  for (const name of ['study.json', 'study.source', 'origin.json', 'environment.json', 'manifest.json']) {
    t.ok((await readFile(join(dir.dir, name), 'utf8')).length > 2, name)
  }
})

test('a reader of the output may leave early', async (t) => {
  const cwd = await temporaryFolder(t)
  const child = spawn(process.execPath, [commandPath, 'run', '--help'], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.destroy()
  let said = ''
  child.stderr.on('data', (text: Buffer) => (said += text.toString()))
  const [code] = (await once(child, 'close')) as [number]
  t.equal(said, '')
  t.ok([0, 141].includes(code), String(code))
})

test('another study in the same directory is refused, with the difference', async (t) => {
  const cwd = await folderWith(t, { 'study.yaml': small })
  t.equal(onestep(cwd, 'run', 'study.yaml', '--reporter', 'quiet').status, 0)
  const changed = onestep(cwd, 'run', 'study.yaml', '-s', 'space.lambda.count=300')
  t.match(changed, { status: 1, stderr: /the run directory of another study/ })
  t.match(changed.stderr, /count: 250 → 300/)
})

test('shards compute their parts, together everything', async (t) => {
  const cwd = await folderWith(t, { 'study.yaml': small })
  t.equal(onestep(cwd, 'run', 'study.yaml', '--dir', 'whole', '--reporter', 'quiet').status, 0)
  for (const shard of ['1/3', '2/3', '3/3']) {
    t.equal(
      onestep(cwd, 'run', 'study.yaml', '--dir', 'parts', '--shard', shard, '--reporter', 'quiet').status,
      0,
    )
  }
  const [whole, parts] = [await openRun(join(cwd, 'whole')), await openRun(join(cwd, 'parts'))]
  t.equal(await rowBits(parts), await rowBits(whole))
  t.match(onestep(cwd, 'run', 'study.yaml', '--shard', '4/3'), { status: 2, stderr: /the shard/ })
})

test('wrong use', async (t) => {
  const cwd = await folderWith(t, {
    'study.yaml': small,
    'unknown.yaml': small.replace('lambda:', 'lamda:'),
    'metric.yaml': `${small}metrics: [accurasy]\n`,
    'solver.yaml': `${small}solvers: [newtn]\n`,
    'plain.mjs': 'export default { run: (x) => x, example: [1] }\n',
    'plain.yaml': 'name: plain\nproblem: ./plain.mjs\nspace:\n  x: [1, 2]\nstrategies: [implicit, oneStep]\n',
  })
  const table: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['run', 'none.yaml'], 2, /none.yaml: no such file/],
    [
      ['run', 'unknown.yaml'],
      2,
      /unknown.yaml:5:3: space.lamda: the problem has no parameter "lamda"; did you mean "lambda"/,
    ],
    [['run', 'metric.yaml'], 2, /metric.yaml:9:11: metrics\[0\]: the problem has no metric "accurasy"/],
    [
      ['run', 'solver.yaml'],
      2,
      /solver.yaml:9:11: solvers\[0\]: expected one of default, newton.*did you mean "newton"/,
    ],
    [['run', 'plain.yaml'], 2, /plain.yaml:2:.*exports a function only/],
    [['run', 'study.yaml', '--threads', 'two'], 2, /--threads/],
    [['run', 'study.yaml', '--reporter', 'xml'], 2, /--reporter/],
    [['resume', '.'], 1, /no run directory of a study/],
    [['status', 'nowhere'], 1, /no run directory of a study/],
    [['runn'], 2, /unknown command 'runn'[\s\S]*Did you mean run/],
  ]
  for (const [args, status, message] of table) {
    const found = onestep(cwd, ...args)
    t.match(found.stderr, message, args.join(' '))
    t.equal(found.status, status, args.join(' '))
  }
})
