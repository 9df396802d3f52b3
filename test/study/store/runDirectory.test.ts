// Run directories on a real disk: made, gone on with, filled, read; damaged files are refused and kept aside.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { encodeChunk, writePart } from '../../../lib/study/store/chunkFile.js'
import type { Manifest } from '../../../lib/study/store/manifest.js'
import { chunkCount } from '../../../lib/study/store/manifest.js'
import { createRun, openRun } from '../../../lib/study/store/runDirectory.js'
import type { RunDirectory } from '../../../lib/study/store/runDirectory.js'
import { sampleBlobs, sampleChunk, sampleManifest } from './sampleRun.js'

const root = await mkdtemp(join(tmpdir(), 'onestep-store-'))
t.teardown(() => rm(root, { recursive: true, force: true }))
let count = 0
const fresh = (): string => join(root, `run-${String(count++)}`)

const create = (dir: string, manifest: Manifest): Promise<RunDirectory> =>
  createRun(dir, manifest, { blobs: sampleBlobs, files: { 'study.yaml': 'name: sample\n' } })

const publish = async (run: RunDirectory, chunk: number): Promise<'written' | 'kept'> => {
  const { identity, block } = sampleChunk(run.manifest, chunk)
  const part = run.partPath(chunk)
  await writePart(part, encodeChunk(identity, block))
  return run.publish(chunk, part)
}

t.test('made, filled, read', async (t) => {
  const run = await create(fresh(), sampleManifest())
  const chunks = chunkCount(run.manifest)
  t.equal(chunks, 6)
  for (const chunk of [5, 0, 3, 1]) t.equal(await publish(run, chunk), 'written')
  t.equal(await publish(run, 3), 'kept')
  t.strictSame(Array.from(await run.done()), [1, 1, 0, 1, 0, 1])
  const again = await openRun(run.dir)
  t.strictSame(Array.from(await again.done({ verify: true })), [1, 1, 0, 1, 0, 1])
  t.strictSame(again.manifest, run.manifest)
  t.equal(again.manifestHash, run.manifestHash)
  t.strictSame(
    Buffer.from(await again.blob(run.manifestHash)),
    await readFile(join(run.dir, 'manifest.json')),
  )
  for (const chunk of [0, 1, 3, 5]) {
    t.strictSame(await again.readChunk(chunk), sampleChunk(run.manifest, chunk).block)
  }
  await t.rejects(again.readChunk(2), { code: 'ERR_CHUNK_MISSING', message: /resume/ })
  const seen: number[] = []
  for await (const block of again.blocks({ columns: ['index', 'value'] })) {
    t.strictSame(
      block.columns.map(({ name }) => name),
      ['index', 'value'],
    )
    seen.push(...(block.data[0] as Float64Array))
  }
  t.strictSame(seen, [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 18, 19])
  t.strictSame((await readdir(join(run.dir, 'chunks'))).length, 4, 'no part is left')
  t.equal(await readFile(run.path('study.yaml'), 'utf8'), 'name: sample\n')
})
