// onestep run and resume as a machine room treats them: interrupted and killed at any moment, over a thousand chunks.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { askToStop } from '../../lib/study/presence.js'
import { openRun } from '../../lib/study/store/runDirectory.js'
import { commandPath, onestep } from '../harness/command.js'
import { rowBits, temporaryFolder } from '../harness/study.js'

/** A study of 1,000 chunks, of some milliseconds each. */
const sweep = `
name: sweep
problem: ridge
space:
  lambda: { log: [1e-3, 1e2], count: 25000 }
chunk: { rows: 25 }
`

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
  const child = spawn(process.execPath, [commandPath, ...args], { cwd, stdio: 'ignore' })
  const ended = once(child, 'exit') as Promise<[number | null]>
  while (child.exitCode === null && (await chunksIn(join(cwd, dir))) < chunks) await sleep(5)
  child.kill(signal)
  return (await ended)[0]
}

test('an interrupt ends the run after the chunks under way; the rest is done later', async (t) => {
  const cwd = await temporaryFolder(t)
  await writeFile(join(cwd, 'study.yaml'), sweep)
  const where = { cwd, dir: 'runs/sweep' }
  t.equal(await interrupted(where, ['run', 'study.yaml', '--threads', '1'], 20, 'SIGINT'), 130)
  const run = await openRun(join(cwd, 'runs/sweep'))
  const done = (await run.done()).reduce((n, flag) => n + flag, 0)
  t.ok(done >= 20 && done < 1000, `${String(done)} chunks`)
  t.strictSame(
    (await readdir(run.path('chunks'))).filter((name) => name.endsWith('.part')),
    [],
  )

  const resumed = spawn(process.execPath, [commandPath, 'resume', 'runs/sweep', '--threads', '1'], {
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
  const cwd = await temporaryFolder(t)
  await writeFile(join(cwd, 'study.yaml'), sweep)
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
