// A small study for the tests of the store: its manifest, and rows that are a pure function of their number.
import type { Block, Column, ColumnData } from '../../../lib/study/store/block.js'
import { chunkRange } from '../../../lib/study/store/manifest.js'
import type { Manifest } from '../../../lib/study/store/manifest.js'
import { blobHash } from '../../../lib/study/store/blobStore.js'

export interface SampleOptions {
  readonly thetas?: number
  readonly chunkRows?: number
  readonly variants?: number
  readonly repeats?: number
  readonly id?: string
  readonly seed?: number
  readonly columns?: readonly Column[]
}

export const sampleColumns: readonly Column[] = [
  { name: 'index', kind: 'integer', shape: [] },
  { name: 'theta.lambda', kind: 'number', shape: [] },
  { name: 'value', kind: 'number', shape: [] },
  { name: 'gradient.w', kind: 'number', shape: [2, 2] },
  { name: 'status', kind: 'code', shape: [], names: ['converged', 'maxSteps', 'crashed'] },
  { name: 'history.value', kind: 'list', shape: [] },
]

/** Blobs of the study: hash → bytes. */
export const sampleBlobs: ReadonlyMap<string, Uint8Array> = new Map(
  ['a stored program', 'an array'].map((text) => {
    const bytes = new TextEncoder().encode(text)
    return [blobHash(bytes), bytes]
  }),
)

const named = (name: string) => ({ name, options: {} })

export const sampleManifest = (options: SampleOptions = {}): Manifest => {
  const { thetas = 10, chunkRows = 4, variants = 2, repeats = 1, seed = 7 } = options
  const { id = '0123456789abcdef', columns = sampleColumns } = options
  return {
    format: 'onestep study',
    version: 1,
    id,
    onestep: '0.1.0',
    specification: {
      version: 1,
      name: 'sample',
      kind: 'map',
      problem: { kind: 'standard', name: 'ridge', options: {} },
      space: {
        axes: { lambda: { kind: 'log', low: 1e-3, high: 1e3, count: thetas, shape: [] } },
        samples: 1,
      },
      strategies: [named('oneStep'), named('implicit')],
      solvers: [named('newton')],
      tolerances: [1e-10],
      record: ['value', 'gradient'],
      repeats,
      seed,
      chunk: { rows: chunkRows },
    },
    variants: Array.from({ length: variants }, (_, v) => ({
      name: `variant ${String(v)}`,
      strategy: named(v % 2 === 0 ? 'oneStep' : 'implicit'),
      solver: named('newton'),
      tolerance: 1e-10,
      programs: [...sampleBlobs.keys()].slice(0, 1),
    })),
    columns,
    thetas,
    rows: variants * repeats * thetas,
    chunkRows,
    blobs: [...sampleBlobs.keys()],
  }
}

const awkward = [NaN, Infinity, -Infinity, -0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2]

/** Entry `k` of row `row` in the column number `column`. */
const entry = (row: number, column: number, k: number): number => {
  const n = row * 31 + column * 7 + k
  return n % 5 === 0 ? (awkward[n % awkward.length] as number) : Math.sin(n) * 10 ** ((n % 60) - 30)
}

/** Rows lo … hi − 1 of any study with these columns. */
export const sampleBlock = (columns: readonly Column[], lo: number, hi: number): Block => {
  const rows = hi - lo
  const data = columns.map(({ kind, shape, names = [] }, j): ColumnData => {
    const size = shape.reduce((n, d) => n * d, 1)
    if (kind === 'integer') {
      return Float64Array.from({ length: rows * size }, (_, i) => (j === 0 ? lo + i : (lo + i + j) % 1000))
    }
    if (kind === 'code') return Uint8Array.from({ length: rows * size }, (_, i) => (lo + i) % names.length)
    if (kind === 'number') {
      return Float64Array.from({ length: rows * size }, (_, i) =>
        entry(lo + Math.floor(i / size), j, i % size),
      )
    }
    const lists = Array.from({ length: rows }, (_, i) =>
      Array.from({ length: (lo + i) % 4 }, (_, k) => entry(lo + i, j, k)),
    )
    const offsets = new Float64Array(rows + 1)
    lists.forEach((list, i) => {
      offsets[i + 1] = (offsets[i] as number) + list.length
    })
    return { offsets, values: Float64Array.from(lists.flat()) }
  })
  return { rows, columns, data }
}

/** What encodeChunk takes for a chunk of a study, and its rows. */
export const sampleChunk = (manifest: Manifest, chunk: number) => {
  const { lo, hi } = chunkRange(manifest, chunk)
  return {
    identity: { manifestId: manifest.id, chunk, lo, hi },
    block: sampleBlock(manifest.columns, lo, hi),
  }
}
