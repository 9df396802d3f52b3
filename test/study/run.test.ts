// Running a study: whatever ends it, and whoever else runs it, every row is there once.
import { readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { DataError } from '../../lib/index.js'
import { localExecutor } from '../../lib/runtime/executor.js'
import { openComputer } from '../../lib/study/compute/computer.js'
import { ComputeAborted } from '../../lib/study/compute/process.js'
import { countStatuses } from '../../lib/study/compute/rows.js'
import { prepareStudy } from '../../lib/study/prepare.js'
import { runnersOf } from '../../lib/study/presence.js'
import { loadStudyProblem } from '../../lib/study/problem/load.js'
import { runStudy } from '../../lib/study/run.js'
import type { ChunkComputer } from '../../lib/study/run.js'
import { parseStudy } from '../../lib/study/specification/read.js'
import { encodeChunk, writePart } from '../../lib/study/store/chunkFile.js'
import { createRun, openRun } from '../../lib/study/store/runDirectory.js'
import type { RunDirectory } from '../../lib/study/store/runDirectory.js'
import { column, newRun, rowBits, temporaryFolder } from '../harness/study.js'

const study = `
name: run
problem: ridge
space:
  lambda: { log: [1e-3, 1e2], count: 60 }
`

interface Hooks {
  /** Called before a chunk is computed. */
  readonly before?: (chunk: number) => void | Promise<void>
}

/** Computes in this process. */
const computerHere = async (run: RunDirectory, { before }: Hooks = {}): Promise<ChunkComputer> => {
  const blobs = new Map<string, Uint8Array>()
  for (const hash of run.manifest.blobs) blobs.set(hash, await run.blob(hash))
  const computer = openComputer(run.manifest, (hash) => blobs.get(hash) as Uint8Array, localExecutor())
  return {
    compute: async (manifest, { chunk, lo, hi }, { out, signal }) => {
      await before?.(chunk)
      if (signal?.aborted === true) throw new ComputeAborted()
      const { block, seconds } = await computer.rows({ lo, hi })
      await writePart(out, encodeChunk({ manifestId: manifest.id, chunk, lo, hi }, block))
      return { rows: hi - lo, statuses: countStatuses(block), seconds, memoryBytes: 0 }
    },
    close: async () => undefined,
  }
}

const doneIn = async (run: RunDirectory): Promise<number[]> => [...(await run.done({ verify: true }))]
const none = (n: number): number[] => Array<number>(n).fill(0)
const all = (n: number): number[] => Array<number>(n).fill(1)

test('two runners at once share the work or repeat it, and no row is there twice', async (t) => {
  const alone = await newRun(t, study, 5)
  await runStudy(alone, { computer: await computerHere(alone) })
  const dir = join(await temporaryFolder(t), 'both')
  const runs = [await newRun(t, study, 5, dir), await newRun(t, study, 5, dir)]
  const ends = await Promise.all(
    runs.map(async (run) => runStudy(run, { computer: await computerHere(run), ahead: 3 })),
  )
  t.ok(ends.every(({ ending }) => ending === 'complete'))
  const run = await openRun(dir)
  t.strictSame(await doneIn(run), all(12))
  t.equal(await rowBits(run), await rowBits(alone))
  t.strictSame(await readdir(run.path('quarantine')), [])
})

test('it ends after the chunks under way, by a signal or by the file stop, and goes on', async (t) => {
  const run = await newRun(t, study, 5)
  const drain = new AbortController()
  const computer = await computerHere(run, {
    before: (chunk) => {
      if (chunk === 4) drain.abort()
    },
  })
  const first = await runStudy(run, { computer, drain: drain.signal, ahead: 1 })
  t.match(first, { ending: 'drained', chunks: 5, rows: 25, missing: 7, statuses: { converged: 25 } })
  t.strictSame(await doneIn(run), [...all(5), ...none(7)])
  t.match(await runStudy(run, { computer, mine: (chunk) => chunk < 8 }), { ending: 'complete', chunks: 3 })
  t.match(await runStudy(run, { computer }), { ending: 'complete', chunks: 4, missing: 0 })
  t.match(await runStudy(run, { computer }), { ending: 'complete', chunks: 0, missing: 0, rows: 0 })
})

test('an error ends it and is told; what is there stays', async (t) => {
  const run = await newRun(t, study, 5)
  const computer = await computerHere(run, {
    before: (chunk) => {
      if (chunk === 6) throw new DataError('planted')
    },
  })
  await t.rejects(runStudy(run, { computer, ahead: 1 }), { message: /planted/ })
  t.strictSame(await doneIn(run), [...all(6), ...none(6)])
  t.match(await runStudy(run, { computer: await computerHere(run) }), { ending: 'complete', chunks: 6 })
})

test('a damaged chunk is put aside and computed again', async (t) => {
  const run = await newRun(t, study, 5)
  const computer = await computerHere(run)
  await runStudy(run, { computer })
  const expected = await rowBits(run)
  await writeFile(run.chunkPath(3), 'torn')
  await writeFile(run.chunkPath(7), '')
  const again = await openRun(run.dir)
  t.match(await runStudy(again, { computer }), { ending: 'complete', chunks: 2, rows: 10 })
  t.equal(await rowBits(again), expected)
  t.ok((await readdir(run.path('quarantine'))).length >= 2)
})

test('progress and presence', async (t) => {
  const run = await newRun(t, study, 5)
  const seen: number[] = []
  const computer = await computerHere(run)
  await runStudy(run, { computer, threads: 3, onProgress: ({ done }) => seen.push(done) })
  t.equal(seen.at(-1), 60)
  t.strictSame(
    seen,
    [...seen].sort((a, b) => a - b),
  )
  t.match(await runnersOf(run), [{ state: 'done', threads: 3, rows: 60, chunks: 12, pid: process.pid }])
  const [log = ''] = await readdir(run.path('logs'))
  const events = (await readFile(run.path(`logs/${log}`), 'utf8')).trim().split('\n')
  t.equal(events.filter((line) => line.includes('"event":"chunk"')).length, 12)
  t.match(JSON.parse(events.at(-1) ?? ''), { event: 'end', chunks: 12, rows: 60 })
  await writeFile(run.path('runners/garbage.json'), 'no JSON')
  t.equal((await runnersOf(run)).length, 1)
  await t.rejects(runStudy(run, { computer, thread: 3 } as never), { message: /did you mean|Did you mean/ })
})

test('a folder that cannot be written to is an error, not a loss', async (t) => {
  const run = await newRun(t, study, 5)
  const computer = await computerHere(run)
  await runStudy(run, { computer, mine: (chunk) => chunk < 3 })
  // Root may write anywhere: a file in the place of the folder refuses everybody.
  const hidden = join(run.dir, 'chunks-away')
  await rename(run.path('chunks'), hidden)
  await writeFile(run.path('chunks'), '')
  await t.rejects(runStudy(run, { computer }), { message: new RegExp(run.dir) })
  await rm(run.path('chunks'))
  await rename(hidden, run.path('chunks'))
  t.strictSame(await doneIn(await openRun(run.dir)), [...all(3), ...none(9)])
})

test('a module that exports a function only', async (t) => {
  const folder = await temporaryFolder(t)
  await writeFile(
    join(folder, 'sum.mjs'),
    'export default { run: (a, b) => ({ sum: a.add(b), difference: a.sub(b) }), example: [1, 2] }\n',
  )
  const text = `
name: plain
problem: ./sum.mjs
space:
  a: [1, 2]
  b: [10, 20, 30]
`
  const parsed = parseStudy(text)
  const loaded = await loadStudyProblem(parsed.specification.problem, { folder })
  const { manifest, blobs } = await prepareStudy(parsed, loaded, '0.0.0')
  const run = await createRun(join(folder, 'run'), { ...manifest, chunkRows: 4 }, { blobs })
  await runStudy(run, { computer: await computerHere(run) })
  const sums: number[] = []
  for await (const block of run.blocks()) sums.push(...column(block, 'sum'))
  t.strictSame(sums, [11, 21, 31, 12, 22, 32])
})
