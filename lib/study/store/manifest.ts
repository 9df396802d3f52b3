// What a run directory is about, as plain data, written once. Together with the chunk files it is the truth; everything else can
// be made again from them.
import type { StudySpecification } from '../specification/specification.js'
import type { Named } from '../specification/specification.js'
import type { Column } from './block.js'

/** One cell of the matrix. */
export interface Variant {
  /** 'implicit, newton, 1e-10': what differs between variants, for people. */
  readonly name: string
  readonly strategy: Named
  readonly solver: Named
  readonly tolerance: number
  /** Hashes of the stored programs that compute it; none where each row is a process of its own (bench). */
  readonly programs: readonly string[]
  /** Of a bench. */
  readonly size?: number
  readonly threads?: number
}

export interface Manifest {
  readonly format: 'onestep study'
  readonly version: 1
  /** 16 hexadecimal digits of the SHA-256 of what determines the rows: the specification, the programs, the version of onestep. */
  readonly id: string
  readonly onestep: string
  readonly specification: StudySpecification
  readonly variants: readonly Variant[]
  readonly columns: readonly Column[]
  /** θ(i) for i below this; rows of a variant are repeats × thetas. Row number: (variant · repeats + repeat) · thetas + i. */
  readonly thetas: number
  /** In all. */
  readonly rows: number
  /** Rows of a chunk; the last one of a variant may have fewer, and none spans two variants. */
  readonly chunkRows: number
  /** Hashes of all blobs that a machine needs to compute any chunk: stored programs and their arrays. */
  readonly blobs: readonly string[]
}

/** A chunk: rows lo ≤ row < hi, all of one variant. */
export interface ChunkRange {
  readonly chunk: number
  readonly variant: number
  readonly lo: number
  readonly hi: number
}

/** Rows of each variant. */
export const variantRows = ({ specification, thetas }: Pick<Manifest, 'specification' | 'thetas'>): number =>
  specification.repeats * thetas

const chunksOfVariant = (manifest: Manifest): number => Math.ceil(variantRows(manifest) / manifest.chunkRows)

/** How many chunks there are. */
export const chunkCount = (manifest: Manifest): number => manifest.variants.length * chunksOfVariant(manifest)

/** The rows of a chunk, 0 ≤ chunk < chunkCount. */
export const chunkRange = (manifest: Manifest, chunk: number): ChunkRange => {
  const each = chunksOfVariant(manifest)
  const variant = Math.floor(chunk / each)
  const begin = variant * variantRows(manifest)
  const lo = begin + (chunk - variant * each) * manifest.chunkRows
  return { chunk, variant, lo, hi: Math.min(lo + manifest.chunkRows, begin + variantRows(manifest)) }
}
