// How many rows a chunk has: as many as take the time that one loss may cost, measured on a few rows of each variant.
import { tmpdir } from 'node:os'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sizeOf } from '../base/shape.js'
import type { ChunkComputer } from './run.js'
import { createRun } from './store/runDirectory.js'
import type { PreparedStudy } from './prepare.js'
import { variantRows } from './store/manifest.js'
import type { Manifest } from './store/manifest.js'

/** Rows that a variant is tried on: first a few, which load its programs, too, then more where those took less than `brief` seconds. */
const probeRows = [8, 256]
const brief = 0.5
/** No chunk is larger, in rows and in bytes. */
const mostRows = 65_536
const mostBytes = 32 * 2 ** 20

/** Bytes of a row; lists count as if they had a hundred entries. */
const rowBytes = ({ columns }: Pick<Manifest, 'columns'>): number =>
  columns.reduce((sum, { kind, shape }) => sum + (kind === 'list' ? 800 : 8 * sizeOf(shape)), 0)

const within = (manifest: Omit<Manifest, 'chunkRows'>, rows: number): number => {
  const most = [variantRows(manifest), mostRows, Math.floor(mostBytes / rowBytes(manifest))]
  return Math.max(1, Math.min(rows, ...most))
}

/** Rows of a chunk where nothing is measured, so that all machines take the same without asking each other: a thousandth of a variant, 32 at least. */
export const fixedChunkRows = (manifest: Omit<Manifest, 'chunkRows'>): number => {
  const { rows } = manifest.specification.chunk
  return within(manifest, rows ?? Math.max(32, Math.ceil(variantRows(manifest) / 1000)))
}

/** What was measured. */
export interface Probe {
  /** Seconds a row of each variant, all threads together. */
  readonly secondsPerRow: readonly number[]
  readonly chunkRows: number
  /** The most that the compute process had resident. */
  readonly memoryBytes: number
  /** Seconds of computing that the whole study would take here. */
  readonly seconds: number
}

/** Computes some rows of each variant in a folder that is thrown away. */
export const probeStudy = async (
  { manifest, blobs }: PreparedStudy,
  options: {
    readonly computer: (blobs: string) => ChunkComputer
    readonly chunkSeconds: number
  },
): Promise<Probe> => {
  const { specification } = manifest
  const perVariant = variantRows(manifest)
  const dir = await mkdtemp(join(tmpdir(), 'onestep-probe-'))
  const run = await createRun(dir, { ...manifest, chunkRows: perVariant }, { blobs })
  const computer = options.computer(run.path('blobs'))
  const secondsPerRow: number[] = []
  let memoryBytes = 0
  try {
    for (let variant = 0; variant < manifest.variants.length; variant++) {
      let measured = 0
      for (const wanted of probeRows) {
        const rows = Math.min(wanted, perVariant)
        const { lo } = run.range(variant)
        const task = { manifest: run.manifestHash, chunk: variant, lo, hi: lo + rows }
        const outcome = await computer.compute(run.manifest, task, { out: run.partPath(variant) })
        measured = outcome.seconds / rows
        memoryBytes = Math.max(memoryBytes, outcome.memoryBytes)
        if (outcome.seconds > brief) break
      }
      secondsPerRow.push(measured)
    }
  } finally {
    await computer.close()
    await rm(dir, { recursive: true, force: true })
  }
  const slowest = secondsPerRow.reduce((most, s) => Math.max(most, s), 0)
  return {
    secondsPerRow,
    memoryBytes,
    chunkRows: within(manifest, specification.chunk.rows ?? Math.round(options.chunkSeconds / slowest)),
    seconds: perVariant * secondsPerRow.reduce((sum, s) => sum + s, 0),
  }
}
