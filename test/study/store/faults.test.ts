// Every call to the disk fails once, or for good, or is the last before the process or the power goes. Afterwards there is the old
// state or the new one, never a torn one, never a row less than was reported as stored, and the work goes on.
import { join } from 'node:path'
import t from 'tap'
import { OnestepError } from '../../../lib/base/errors.js'
import { encodeChunk, writePart } from '../../../lib/study/store/chunkFile.js'
import type { FileSystem } from '../../../lib/study/store/files.js'
import { chunkCount } from '../../../lib/study/store/manifest.js'
import { createRun, openRun } from '../../../lib/study/store/runDirectory.js'
import type { RunDirectory } from '../../../lib/study/store/runDirectory.js'
import { Crash, faultyFiles } from './faultyFiles.js'
import type { Fault } from './faultyFiles.js'
import { sampleBlobs, sampleChunk, sampleManifest } from './sampleRun.js'
import { SimulatedDisk } from './simulatedDisk.js'
import type { Draw } from './simulatedDisk.js'

const manifest = sampleManifest({ thetas: 5, chunkRows: 3 })
const chunks = chunkCount(manifest)
const dir = '/data/run'

/** Numbers in [0, 1) from a seed. */
const drawFrom = (seed: number): Draw => {
  let state = seed
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32
  }
}

const create = (fileSystem: FileSystem): Promise<RunDirectory> =>
  createRun(dir, manifest, { blobs: sampleBlobs, files: { 'study.yaml': 'name: sample\n' }, fileSystem })

const publish = async (run: RunDirectory, files: FileSystem, chunk: number): Promise<void> => {
  const { identity, block } = sampleChunk(manifest, chunk)
  const part = run.partPath(chunk)
  await writePart(part, encodeChunk(identity, block), files)
  await run.publish(chunk, part)
}

/** What was reported as done before something happened. */
interface Reported {
  readonly chunks: Set<number>
  readonly note: string[]
}

/** A run that makes a directory, finds a damaged file, stores all chunks, some twice, and rewrites a note. */
const work = async (files: FileSystem, reported: Reported): Promise<void> => {
  const run = await create(files)
  await run.sweep({ olderThan: 1000 })
  await run.done()
  for (const chunk of [1, 0, 1, 2, 3]) {
    await publish(run, files, chunk)
    reported.chunks.add(chunk)
    reported.note.push(String(chunk))
    await run.replace('runners/note.txt', String(chunk))
  }
  for (const hash of manifest.blobs) await run.blob(hash)
}

/** A disk with a damaged file in the place of chunk 2, where there is a run already. */
const newDisk = async (links: boolean, prepared: boolean): Promise<SimulatedDisk> => {
  const disk = new SimulatedDisk({ links })
  // What a dead process leaves behind is old by the time that someone looks.
  disk.clock -= 60_000
  await disk.makeFolder('/data')
  await (await disk.open('/', 'folder')).sync()
  if (prepared) {
    const run = await create(disk)
    disk.poke(run.chunkPath(2), Uint8Array.of(1, 2, 3))
  }
  return disk
}

/** Checks what is on the disk, then finishes the work and checks again. Returns what is wrong. */
const inspect = async (disk: SimulatedDisk, reported: Reported): Promise<string[]> => {
  const wrong: string[] = []
  const same = async (run: RunDirectory, chunk: number): Promise<void> => {
    const found = JSON.stringify(await run.readChunk(chunk), show)
    if (found !== JSON.stringify(sampleChunk(manifest, chunk).block, show)) {
      wrong.push(`chunk ${String(chunk)} has other rows`)
    }
  }
  if (reported.chunks.size > 0 || disk.peek(join(dir, 'manifest.json')) !== undefined) {
    const run = await openRun(dir, { fileSystem: disk })
    const fast = Array.from(await run.done())
    const full = Array.from(await (await openRun(dir, { fileSystem: disk })).done({ verify: true }))
    if (fast.join() !== full.join()) wrong.push(`done ${fast.join()}, checked ${full.join()}`)
    for (const chunk of full.keys()) if (full[chunk] === 1) await same(run, chunk)
    for (const chunk of reported.chunks) if (full[chunk] !== 1) wrong.push(`chunk ${String(chunk)} is lost`)
    const note = disk.peek(join(dir, 'runners/note.txt'))
    if (note !== undefined && !/^\d$/.test(Buffer.from(note).toString())) wrong.push('a torn note')
  }
  disk.clock = Date.now()
  const again: Reported = { chunks: new Set(), note: [] }
  await work(disk, again)
  const run = await openRun(dir, { fileSystem: disk })
  for (let chunk = 0; chunk < chunks; chunk++) await same(run, chunk)
  await run.sweep({ olderThan: -1000 })
  const left = ['', 'blobs', 'chunks', 'runners'].flatMap((name) =>
    disk.names(join(dir, name)).filter((entry) => entry.startsWith('.')),
  )
  if (left.length > 0) wrong.push(`left behind: ${left.join(', ')}`)
  const torn = disk.names(join(dir, 'quarantine')).filter((name) => !/^000002\.chunk/.test(name) && !/^\./.test(name))
  if (torn.length > 0) wrong.push(`in quarantine: ${torn.join(', ')}`)
  if (disk.names(join(dir, 'chunks')).length !== chunks) wrong.push('other files than chunks')
  return wrong
}

/** Typed arrays with their bits. */
const show = (_: string, x: unknown): unknown =>
  ArrayBuffer.isView(x) ? Buffer.from(x.buffer, x.byteOffset, x.byteLength).toString('base64') : x

/** Runs the work with a fault at each call in turn, and inspects what is left. */
const everyCall = async (
  disks: { readonly links: boolean; readonly prepared: boolean },
  fault: Fault,
  after: (disk: SimulatedDisk, error: unknown, call: number) => string[],
): Promise<{ readonly calls: number; readonly wrong: string[] }> => {
  const wrong: string[] = []
  for (let call = 0; ; call++) {
    const disk = await newDisk(disks.links, disks.prepared)
    const files = faultyFiles(disk, call, fault)
    const reported: Reported = { chunks: new Set(), note: [] }
    const error = await work(files, reported).then(
      () => undefined,
      (x: unknown) => x,
    )
    if (files.calls() <= call) return { calls: call, wrong }
    const found = [...after(disk, error, call), ...(await inspect(disk, reported))]
    wrong.push(...found.map((text) => `${fault.kind} at call ${String(call)}: ${text}`))
  }
}

const disks = [
  { links: true, prepared: false },
  { links: true, prepared: true },
  { links: false, prepared: true },
] as const

const errnos = ['ENOSPC', 'EIO', 'EROFS', 'EACCES', 'EMFILE', 'ENAMETOOLONG']

for (const kind of disks) {
  const name = `${kind.links ? 'links' : 'no links'}${kind.prepared ? ', a damaged file' : ''}`

  t.test(`each call fails, ${name}`, async (t) => {
    for (const errno of errnos) {
      for (const lasting of [false, true]) {
        const { calls, wrong } = await everyCall(kind, { kind: 'error', errno, lasting }, (_, error) => {
          if (error === undefined) return []
          if (!(error instanceof OnestepError)) return [`a raw error, ${String(error)}`]
          const told = error.message.includes('/data') && (error.remedy ?? '') !== ''
          return told ? [] : [`an unclear error, ${error.message}`]
        })
        t.strictSame(wrong.slice(0, 5), [], `${errno}${lasting ? ' from then on' : ''}`)
        t.ok(calls > 100, `${String(calls)} calls`)
      }
    }
  })

  t.test(`short reads and writes, ${name}`, async (t) => {
    const { wrong } = await everyCall(kind, { kind: 'short' }, (_, error) =>
      error === undefined ? [] : [`failed: ${String(error)}`],
    )
    t.strictSame(wrong.slice(0, 5), [])
  })

  t.test(`the process dies at each call, ${name}`, async (t) => {
    const { wrong } = await everyCall(kind, { kind: 'crash' }, (_, error) =>
      error instanceof Crash || error === undefined ? [] : [`another error, ${String(error)}`],
    )
    t.strictSame(wrong.slice(0, 5), [])
  })

  t.test(`the power goes at each call, ${name}`, async (t) => {
    for (let seed = 1; seed <= 6; seed++) {
      const draw = drawFrom(seed)
      const { wrong } = await everyCall(kind, { kind: 'crash' }, (disk) => {
        disk.losePower(draw)
        return []
      })
      t.strictSame(wrong.slice(0, 5), [], `seed ${String(seed)}`)
    }
  })
}
