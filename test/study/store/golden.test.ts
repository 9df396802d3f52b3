// A run directory of the first version of the format opens for ever, and its rows are what they were. The directory was written by
// `createRun` and `publish` of onestep 0.1.0 from `goldenManifest` and is never written again.
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../../lib/runtime/diagnosis.js'
import { encodeChunk } from '../../../lib/study/store/chunkFile.js'
import { openRun } from '../../../lib/study/store/runDirectory.js'
import { sampleBlobs, sampleChunk, sampleManifest } from './sampleRun.js'

const goldenManifest = sampleManifest({ thetas: 5, chunkRows: 3, repeats: 2 })

t.test('version 1', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'onestep-golden-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await cp(join(packageRoot(), 'test/study/store/golden'), folder, { recursive: true })
  const run = await openRun(folder)
  t.strictSame(run.manifest, goldenManifest)
  // The last chunk of each variant was never computed.
  t.strictSame(Array.from(await run.done()), [1, 1, 1, 0, 1, 1, 1, 0])
  t.strictSame(Array.from(await run.done({ verify: true })), [1, 1, 1, 0, 1, 1, 1, 0])
  for (const chunk of [0, 1, 2, 4, 5, 6]) {
    const { identity, block } = sampleChunk(goldenManifest, chunk)
    t.strictSame(await run.readChunk(chunk), block)
    const bytes = await readFile(run.chunkPath(chunk))
    t.ok(bytes.equals(Buffer.concat(encodeChunk(identity, block))), 'this version writes the same bytes')
  }
  for (const [hash, bytes] of sampleBlobs) t.strictSame(Buffer.from(await run.blob(hash)), Buffer.from(bytes))
  t.equal((await run.blob(run.manifestHash)).length, (await readFile(run.path('manifest.json'))).length)
})
