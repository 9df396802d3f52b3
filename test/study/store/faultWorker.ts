// Runs the work of a study with a fault at each call to the disk in turn, and says what was wrong afterwards. It is run by a worker
// thread, where the test runner does not watch every promise: that takes ten times as long.
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
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

const manifest = sampleManifest({ thetas: 5, chunkRows: 3, variants: 1 })
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
  for (const chunk of [1, 0, 1]) {
    await publish(run, files, chunk)
    reported.chunks.add(chunk)
    reported.note.push(String(chunk))
    await run.replace('runners/note.txt', String(chunk))
  }
  for (const hash of manifest.blobs) await run.blob(hash)
}

/** A disk with a damaged file in the place of chunk 0, where there is a run already. */
const newDisk = async (links: boolean, prepared: boolean): Promise<SimulatedDisk> => {
  const disk = new SimulatedDisk({ links })
  // What a dead process leaves behind is old by the time that someone looks.
  disk.clock -= 60_000
  await disk.makeFolder('/data')
  await (await disk.open('/', 'folder')).sync()
  if (prepared) {
    const run = await create(disk)
    disk.poke(run.chunkPath(0), Uint8Array.of(1, 2, 3))
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
  const torn = disk
    .names(join(dir, 'quarantine'))
    .filter((name) => !/^000000\.chunk/.test(name) && !/^\./.test(name))
  if (torn.length > 0) wrong.push(`in quarantine: ${torn.join(', ')}`)
  if (disk.names(join(dir, 'chunks')).length !== chunks) wrong.push('other files than chunks')
  return wrong
}

/** Typed arrays with their bits. */
const show = (_: string, x: unknown): unknown =>
  ArrayBuffer.isView(x) ? Buffer.from(x.buffer, x.byteOffset, x.byteLength).toString('base64') : x

/** What is tried. */
export interface FaultTask {
  readonly links: boolean
  /** Whether there is a run already, with a damaged file. */
  readonly prepared: boolean
  /** That of call number k is faults[k mod their number]. */
  readonly faults: readonly Fault[]
  /** Of what a loss of power leaves, after each crash; none where the power stays. */
  readonly seed?: number
}

/** How many calls there were, and what was wrong. */
export interface FaultReport {
  readonly calls: number
  readonly wrong: readonly string[]
}

/** What is wrong with how the work ended. */
const judge = (error: unknown, { kind }: Fault): string[] => {
  if (error === undefined || (kind === 'crash' && error instanceof Crash)) return []
  if (kind === 'short' || !(error instanceof OnestepError))
    return [`failed, ${error instanceof Error ? error.message : 'with no error'}`]
  const told = error.message.includes('/data') && (error.remedy ?? '') !== ''
  return told ? [] : [`an unclear error, ${error.message}`]
}

const everyCall = async ({ links, prepared, faults, seed }: FaultTask): Promise<FaultReport> => {
  const wrong: string[] = []
  const draw = drawFrom(seed ?? 0)
  for (let call = 0; ; call++) {
    const fault = faults[call % faults.length] as Fault
    const disk = await newDisk(links, prepared)
    const files = faultyFiles(disk, call, fault)
    const reported: Reported = { chunks: new Set(), note: [] }
    const error = await work(files, reported).then(
      () => undefined,
      (x: unknown) => x,
    )
    if (files.calls() <= call) return { calls: call, wrong }
    if (seed !== undefined) disk.losePower(draw)
    const found = [...judge(error, fault), ...(await inspect(disk, reported))]
    wrong.push(...found.map((text) => `${fault.kind} at call ${String(call)}: ${text}`))
  }
}

// Errors are thrown by the hundred thousand, and their stacks are never looked at.
Error.stackTraceLimit = 0
parentPort?.postMessage(await everyCall(workerData as FaultTask))
