// onestep plan, run, resume, status and stop as a user types them, and as a machine room treats them: killed at any moment.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { askToStop } from '../../lib/study/presence.js'
import { openRun } from '../../lib/study/store/runDirectory.js'
import { rowBits, temporaryFolder } from '../harness/study.js'
import type { Teardown } from '../harness/study.js'

const main = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url))

const onestep = (cwd: string, ...args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    ...{ cwd, encoding: 'utf8', timeout: 120_000 },
  })
  return { status, stdout, stderr }
}

/** A study of 1,000 chunks, of some milliseconds each. */
const sweep = `
name: sweep
problem: ridge
space:
  lambda: { log: [1e-3, 1e2], count: 25000 }
  # drawn anew by every machine that computes the chunk, from the seed and the number of the row
strategies: [implicit]
record: [value, gradient, residual, iterations]
chunk: { rows: 25 }
`

const folderWith = async (t: Teardown, files: Readonly<Record<string, string>>): Promise<string> => {
  const folder = await temporaryFolder(t)
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}

const small = sweep.replace('25000', '250')

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
  t.match(onestep(cwd, 'plan', 'study.yaml').stdout, /250 rows = 1 variants × 1 repeats × 250 θ/)
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
  t.match(onestep(cwd, 'resume', 'runs/sweep'), { status: 0, stdout: /25 rows in 1 chunks/ })
  for (const name of ['study.json', 'study.source', 'origin.json', 'environment.json', 'manifest.json']) {
    t.ok((await readFile(join(dir.dir, name), 'utf8')).length > 2, name)
  }
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
    [['run', 'metric.yaml'], 2, /metric.yaml:10:11: metrics\[0\]: the problem has no metric "accurasy"/],
    [
      ['run', 'solver.yaml'],
      2,
      /solver.yaml:10:11: solvers\[0\]: expected one of default, newton.*did you mean "newton"/,
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

/** How many chunk files a run directory has. */
const chunksIn = async (dir: string): Promise<number> =>
  (await readdir(join(dir, 'chunks')).catch(() => [])).filter((name) => /^[0-9]+[.]chunk$/.test(name)).length

/** Runs the command and sends it a signal when so many chunks are there, unless it ends by itself; its exit code, or null where it was killed. */
const interrupted = async (
  { cwd, dir }: { readonly cwd: string; readonly dir: string },
  args: readonly string[],
  chunks: number,
  signal: NodeJS.Signals,
): Promise<number | null> => {
  const child = spawn(process.execPath, [main, ...args], { cwd, stdio: 'ignore' })
  const ended = once(child, 'exit') as Promise<[number | null]>
  while (child.exitCode === null && (await chunksIn(join(cwd, dir))) < chunks) await sleep(5)
  child.kill(signal)
  return (await ended)[0]
}

test('an interrupt ends the run after the chunks under way; the rest is done later', async (t) => {
  const cwd = await folderWith(t, { 'study.yaml': sweep })
  const where = { cwd, dir: 'runs/sweep' }
  t.equal(await interrupted(where, ['run', 'study.yaml', '--threads', '1'], 20, 'SIGINT'), 130)
  const run = await openRun(join(cwd, 'runs/sweep'))
  const done = (await run.done()).reduce((n, flag) => n + flag, 0)
  t.ok(done >= 20 && done < 1000, `${String(done)} chunks`)
  t.strictSame(
    (await readdir(run.path('chunks'))).filter((name) => name.endsWith('.part')),
    [],
  )

  const resumed = spawn(process.execPath, [main, 'resume', 'runs/sweep', '--threads', '1'], {
    cwd,
    stdio: 'ignore',
  })
  const ended = once(resumed, 'exit') as Promise<[number]>
  while ((await chunksIn(run.dir)) <= done) await sleep(5)
  await askToStop(run)
  t.equal((await ended)[0], 4)
  t.match(onestep(cwd, 'stop', 'runs/sweep'), { status: 0, stdout: /to go on: onestep resume/ })
})

test('killed at random moments and resumed, the rows are those of a run that nobody killed', async (t) => {
  const kills = process.env['ONESTEP_SOAK'] === undefined ? 10 : 200
  const cwd = await folderWith(t, { 'study.yaml': sweep })
  t.equal(onestep(cwd, 'run', 'study.yaml', '--dir', 'whole', '--reporter', 'quiet').status, 0)
  const whole = await openRun(join(cwd, 'whole'))
  const expected = await rowBits(whole)
  let killed = 0
  while (killed < kills) {
    const dir = `killed-${String(killed)}`
    let code: number | null = null
    for (let chunks = 0; code === null; chunks = await chunksIn(join(cwd, dir))) {
      const begun = existsSync(join(cwd, dir, 'manifest.json'))
      const args = [...(begun ? ['resume', dir] : ['run', 'study.yaml', '--dir', dir]), '--reporter', 'quiet']
      const wanted = killed < kills ? chunks + Math.floor(150 * Math.random()) : Infinity
      code = await interrupted({ cwd, dir }, args, wanted, 'SIGKILL')
      if (code === null) killed++
    }
    t.equal(code, 0)
    const run = await openRun(join(cwd, dir))
    t.ok((await run.done({ verify: true })).every((flag) => flag === 1))
    t.equal(await rowBits(run), expected, `${String(killed)} kills`)
    t.strictSame(await readdir(run.path('quarantine')), [])
  }
})
