// A fault of native code costs the rows that cause it, and nothing else.
import { readFile, readdir } from 'node:fs/promises'
import { test } from 'tap'
import { SafeComputer } from '../../../lib/study/compute/isolate.js'
import { ComputeProcess } from '../../../lib/study/compute/process.js'
import { runStudy } from '../../../lib/study/run.js'
import { column, newRun, rowBits } from '../../harness/study.js'
import type { Teardown } from '../../harness/study.js'

const study = `
name: isolated
problem: ridge
space:
  lambda: { log: [1e-3, 1e2], count: 60 }
`

const computerFor = (t: Teardown, blobs: string, dies: readonly number[] = []): SafeComputer => {
  const computer = new SafeComputer({ blobs, threads: 1, dies })
  t.teardown(() => computer.close())
  return computer
}

test('rows that kill the process are crashed, the others as if nothing had happened', async (t) => {
  const healthy = await newRun(t, study, 20)
  await runStudy(healthy, { computer: computerFor(t, healthy.path('blobs')) })
  const run = await newRun(t, study, 20)
  const dies = [3, 4, 41]
  const summary = await runStudy(run, { computer: computerFor(t, run.path('blobs'), dies) })
  t.match(summary, { ending: 'complete', rows: 60, statuses: { converged: 57, crashed: 3 } })
  for (let chunk = 0; chunk < 3; chunk++) {
    const [sound, hurt] = [await healthy.readChunk(chunk), await run.readChunk(chunk)]
    const names = hurt.columns.find(({ name }) => name === 'status')?.names ?? []
    column(hurt, 'index').forEach((index, i) => {
      const crashed = dies.includes(index)
      t.equal(names[column(hurt, 'status')[i] as number], crashed ? 'crashed' : 'converged')
      for (const name of ['theta.lambda', ...(crashed ? [] : ['value', 'gradient.lambda'])]) {
        t.equal(column(hurt, name)[i], column(sound, name)[i], `${name} of row ${String(index)}`)
      }
    })
  }
  t.strictSame(
    (await readdir(run.path('chunks'))).filter((name) => name.endsWith('.part')),
    [],
    'no part is left',
  )
  t.not(await rowBits(run), await rowBits(healthy))
})

test('a process that does nothing but die ends the run, and what is there stays', async (t) => {
  const run = await newRun(t, study, 1)
  const dies = Array.from({ length: 59 }, (_, i) => i + 1)
  const many = { ...{ blobs: run.path('blobs'), threads: 1 }, dies, mostDeaths: 5 }
  const computer = new SafeComputer(many)
  t.teardown(() => computer.close())
  await t.rejects(runStudy(run, { computer, ahead: 1 }), {
    code: 'ERR_COMPUTE_DIED',
    message: /died 5 times in a row/,
  })
  t.equal((await run.done())[0], 1)
})

test('a process that cannot start says so', async (t) => {
  const run = await newRun(t, study, 20)
  const computer = new ComputeProcess({ blobs: run.path('blobs'), threads: 0 })
  await t.rejects(
    computer.compute({ manifest: run.manifestHash, chunk: 0, lo: 0, hi: 20 }, { out: run.partPath(0) }),
    { code: 'ERR_COMPUTE_START', message: /a pool needs threads/ },
  )
})

test('an error of the computation is thrown as it is, and the process goes on', async (t) => {
  const run = await newRun(t, study, 20)
  const computer = new ComputeProcess({ blobs: run.path('blobs'), threads: 1 })
  t.teardown(() => computer.close())
  const task = { manifest: run.manifestHash, chunk: 0, lo: 0, hi: 20 }
  await t.rejects(computer.compute({ ...task, manifest: 'f'.repeat(64) }, { out: run.partPath(0) }), {
    code: 'ENOENT',
  })
  const pid = computer.pid
  const out = run.partPath(0)
  t.match(await computer.compute(task, { out }), { rows: 20, statuses: { converged: 20 } })
  t.equal(computer.pid, pid)
  t.ok((await readFile(out)).length > 1000)
})

test('a task ends when its signal says so', async (t) => {
  const endless = `
name: endless
problem: { standard: ridge, data: { synthetic: { samples: 40, features: 200, seed: 1 } } }
space:
  lambda: { log: [1e-9, 1e-8], count: 500 }
solvers: [gradientDescent]
tolerances: [1e-300]
maxSteps: 1000000000
`
  const run = await newRun(t, endless, 500)
  const computer = computerFor(t, run.path('blobs'))
  const ending = new AbortController()
  const running = runStudy(run, { computer, signal: ending.signal })
  setTimeout(() => {
    ending.abort()
  }, 1500)
  t.match(await running, { ending: 'aborted', rows: 0, missing: 1 })
  t.strictSame([...(await run.done())], [0])
})
