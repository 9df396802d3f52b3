// kill -9 at random moments: what was reported as stored is there, bit for bit; nothing torn is there; what was left behind is swept.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { chunkCount } from '../../../lib/study/store/manifest.js'
import { createRun, openRun } from '../../../lib/study/store/runDirectory.js'
import { sampleBlobs, sampleChunk, sampleManifest } from './sampleRun.js'

t.setTimeout(600_000)
const kills = process.env['ONESTEP_SOAK'] === undefined ? 20 : 200
const root = await mkdtemp(join(tmpdir(), 'onestep-kill-'))
t.teardown(() => rm(root, { recursive: true, force: true }))

/** The same rows, whatever kind of typed array holds them. */
const bits = (x: unknown): string =>
  JSON.stringify(x, (_, y: unknown) =>
    ArrayBuffer.isView(y) ? Buffer.from(y.buffer, y.byteOffset, y.byteLength).toString('hex') : y,
  )

t.test(`${String(kills)} kills`, async (t) => {
  const manifest = sampleManifest({ thetas: 100_000, chunkRows: 200, variants: 1 })
  const { dir } = await createRun(join(root, 'run'), manifest, { blobs: sampleBlobs })
  const reported = new Set<number>()
  let swept = 0
  // Two at a time, which now and then store the same chunk.
  const child = async (begin: number): Promise<void> => {
    const process_ = spawn(
      process.execPath,
      [fileURLToPath(new URL('./killChild.js', import.meta.url)), dir, String(begin)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const exited = once(process_, 'exit')
    const lines = createInterface({ input: process_.stdout })
    const ready = once(lines, 'line')
    lines.on('line', (line) => {
      if (/^\d+$/.test(line)) reported.add(Number(line))
    })
    try {
      await ready
      await sleep(Math.random() * 120)
    } finally {
      process_.kill('SIGKILL')
      await exited
    }
  }
  for (let kill = 0; kill < kills; kill += 2) {
    const begin = Math.floor(Math.random() * chunkCount(manifest))
    await Promise.all([child(begin), child(begin + 3)])
    const run = await openRun(dir)
    swept += await run.sweep()
    const fast = await run.done()
    const full = await run.done({ verify: true })
    t.strictSame(fast, full)
    const lost = [...reported].filter((chunk) => full[chunk] !== 1)
    t.strictSame(lost, [], `${String(reported.size)} chunks were reported`)
    t.strictSame(await readdir(join(dir, 'quarantine')), [], 'nothing torn was there')
    const hidden = [...(await readdir(join(dir, 'chunks'))), ...(await readdir(join(dir, 'runners')))]
    t.strictSame(
      hidden.filter((name) => name.startsWith('.')),
      [],
      'nothing is left behind',
    )
    const note = await readFile(run.path('runners/note.json'), 'utf8').catch(() => '{"chunk":0}')
    t.match(note, /^\{"chunk":\d+\}$/)
  }
  const run = await openRun(dir)
  const done = await run.done()
  for (const [chunk, flag] of done.entries()) {
    if (flag === 0) continue
    if (bits(await run.readChunk(chunk)) !== bits(sampleChunk(manifest, chunk).block)) {
      t.fail(`chunk ${String(chunk)} has other rows`)
    }
  }
  t.ok(reported.size > 0 && swept > 0, `${String(reported.size)} chunks, ${String(swept)} parts swept`)
})
