// A study whose rows say who they are: value(row) = sin(row). Computed in no time, by a fake.
import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChunkComputer } from '../../lib/study/run.js'
import { readManifest } from '../../lib/study/store/manifestFile.js'
import type { Block, Column } from '../../lib/study/store/block.js'
import { blobHash } from '../../lib/study/store/blobStore.js'
import { encodeChunk, writePart } from '../../lib/study/store/chunkFile.js'
import { chunkCount, chunkRange } from '../../lib/study/store/manifest.js'
import type { Manifest } from '../../lib/study/store/manifest.js'
import { createRun } from '../../lib/study/store/runDirectory.js'
import type { RunDirectory } from '../../lib/study/store/runDirectory.js'
import { readFile } from 'node:fs/promises'

const columns: readonly Column[] = [
  { name: 'index', kind: 'integer', shape: [] },
  { name: 'value', kind: 'number', shape: [] },
  { name: 'status', kind: 'code', shape: [], names: ['converged', 'diverged'] },
]

export interface StudyOptions {
  readonly chunks: number
  readonly rows?: number
  /** Of the array that every chunk needs. */
  readonly blobBytes?: number
}

/** Makes the run directory of a study. */
export const makeStudy = async (dir: string, options: StudyOptions): Promise<RunDirectory> => {
  const { chunks, rows = 10, blobBytes = 1000 } = options
  const program = new TextEncoder().encode('a program')
  const array = randomBytes(blobBytes)
  const blobs = new Map([program, array].map((bytes) => [blobHash(bytes), bytes]))
  const named = { name: 'default', options: {} }
  const manifest: Manifest = {
    format: 'onestep study',
    version: 1,
    id: randomBytes(8).toString('hex'),
    onestep: '0.0.0',
    specification: {
      version: 1,
      name: 'test',
      kind: 'map',
      problem: { kind: 'standard', name: 'ridge', options: {} },
      space: { axes: {}, samples: 1 },
      strategies: [named],
      solvers: [named],
      tolerances: [1e-8],
      record: ['value'],
      repeats: 1,
      seed: 0,
      chunk: { rows },
    },
    variants: [
      { name: 'only', strategy: named, solver: named, tolerance: 1e-8, programs: [blobHash(program)] },
    ],
    columns,
    // The last chunk is shorter.
    thetas: chunks * rows - 3,
    rows: chunks * rows - 3,
    chunkRows: rows,
    blobs: [...blobs.keys()],
  }
  return createRun(dir, manifest, { blobs })
}

const blockOf = (lo: number, hi: number): Block => ({
  rows: hi - lo,
  columns,
  data: [
    Float64Array.from({ length: hi - lo }, (_, i) => lo + i),
    Float64Array.from({ length: hi - lo }, (_, i) => Math.sin(lo + i)),
    Uint8Array.from({ length: hi - lo }, (_, i) => ((lo + i) % 10 === 0 ? 1 : 0)),
  ],
})

export interface FakeOptions {
  /** What a chunk takes. */
  readonly ms: number
  /** A chunk that always fails. */
  readonly poison?: number
  readonly onBegin?: (chunk: number) => void
}

/** Computes chunks from the manifest and its blobs alone. */
export const fakeComputer =
  ({ ms, poison, onBegin }: FakeOptions) =>
  (blobs: string): ChunkComputer => ({
    compute: async (_, { manifest: hash, chunk, lo, hi }, { out, signal }) => {
      const manifest = readManifest(await readFile(join(blobs, hash)), hash)
      for (const name of manifest.blobs) {
        if (blobHash(await readFile(join(blobs, name))) !== name) throw new Error(`a wrong blob, ${name}`)
      }
      onBegin?.(chunk)
      await sleep(ms, undefined, signal === undefined ? {} : { signal })
      if (chunk === poison) throw new Error('the process that computes died')
      const range = chunkRange(manifest, chunk)
      if (range.lo !== lo || range.hi !== hi) throw new Error('other rows than those of the chunk')
      await writePart(out, encodeChunk({ manifestId: manifest.id, chunk, lo, hi }, blockOf(lo, hi)))
      return { rows: hi - lo, statuses: { converged: hi - lo }, seconds: ms / 1000, memoryBytes: 0 }
    },
    close: () => Promise.resolve(),
  })

/** What is wrong with the rows of a study, but for the chunks in `without`: nothing, if each is there once, in one file, as computed. */
export const faults = async (run: RunDirectory, without: readonly number[] = []): Promise<string[]> => {
  const { manifest } = run
  const done = await run.done({ verify: true })
  const files = (await readdir(join(run.dir, 'chunks'))).sort()
  const wanted = Array.from({ length: chunkCount(manifest) }, (_, c) => c).filter((c) => !without.includes(c))
  const names = wanted.map((chunk) => `${String(chunk).padStart(6, '0')}.chunk`)
  const found: string[] = []
  for (const chunk of wanted) if (done[chunk] !== 1) found.push(`chunk ${String(chunk)} is not valid`)
  if (files.join() !== names.join()) found.push(`files: ${files.join()}`)
  const rows: number[] = []
  for await (const { data } of run.blocks()) {
    const [index, value] = data as readonly [Float64Array, Float64Array]
    index.forEach((row, i) => {
      rows.push(row)
      if (value[i] !== Math.sin(row)) found.push(`row ${String(row)} has a wrong value`)
    })
  }
  const expected = wanted.flatMap((chunk) => {
    const { lo, hi } = chunkRange(manifest, chunk)
    return Array.from({ length: hi - lo }, (_, i) => lo + i)
  })
  if (rows.join() !== expected.join()) found.push(`rows: ${rows.join()}`)
  return found
}
