// What stands in the queue: which rows to compute, and the hashes of what is needed for that. No code and no data.
import { DataError } from '../base/errors.js'
import { chunkCount, chunkRange } from '../study/store/manifest.js'
import type { Manifest } from '../study/store/manifest.js'

export interface ChunkJob {
  readonly version: 1
  /** The manifest's id. */
  readonly study: string
  /** The hash of the manifest's blob, which lists the hashes of all others and has every option. */
  readonly manifest: string
  /** Hashes of the programs of the chunk's variant. */
  readonly programs: readonly string[]
  readonly kind: string
  readonly chunk: number
  readonly lo: number
  readonly hi: number
}

/** A chunk that a job is about. */
export interface ChunkName {
  readonly study: string
  readonly chunk: number
}

/** '4f1c…-000012': a job has the same name whoever adds it, and is never in the queue twice. */
export const jobId = ({ study, chunk }: ChunkName): string => `${study}-${String(chunk).padStart(6, '0')}`

/** The chunk that a job of this name is about; undefined for a name that `jobId` did not make. */
export const chunkOfId = (id: string): ChunkName | undefined => {
  const [, study, chunk] = /^([0-9a-f]{16})-(\d{6,15})$/.exec(id) ?? []
  return study === undefined || chunk === undefined ? undefined : { study, chunk: Number(chunk) }
}

/** The job of a chunk. */
export const jobOf = (manifest: Manifest, hash: string, chunk: number): ChunkJob => {
  const { variant, lo, hi } = chunkRange(manifest, chunk)
  return {
    version: 1,
    study: manifest.id,
    manifest: hash,
    programs: manifest.variants[variant]?.programs ?? [],
    kind: manifest.specification.kind,
    chunk,
    lo,
    hi,
  }
}

const refused = (what: string, received: unknown): DataError =>
  new DataError(`a job of the queue: ${what}`, {
    code: 'ERR_JOB',
    received: JSON.stringify(received)?.slice(0, 200),
    remedy: 'Something other than onestep, or another version of it, writes to this queue',
  })

const isHash = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** A job as it came from the queue. @throws {DataError} for anything that is none: nothing in a queue is believed. */
export const checkJob = (data: unknown): ChunkJob => {
  if (typeof data !== 'object' || data === null) throw refused('no record', data)
  const { version, study, manifest, programs, kind, chunk, lo, hi } = data as Partial<ChunkJob>
  if ((version as unknown) !== 1) throw refused('a version that this onestep does not know', version)
  if (typeof study !== 'string' || !/^[0-9a-f]{16}$/.test(study)) throw refused('no id of a study', study)
  if (!isHash(manifest)) throw refused('no hash of a manifest', manifest)
  if (!Array.isArray(programs) || !programs.every(isHash)) throw refused('no hashes of programs', programs)
  if (typeof kind !== 'string' || !/^[a-z]{1,20}$/.test(kind)) throw refused('no kind', kind)
  if (!isCount(chunk)) throw refused('no number of a chunk', chunk)
  if (!isCount(lo) || !isCount(hi) || hi <= lo) throw refused('no range of rows', [lo, hi])
  return { version: 1, study, manifest, programs, kind, chunk, lo, hi }
}

/** Compares a job with the manifest that it names. @throws {DataError} where they disagree. */
export const checkJobAgainst = (job: ChunkJob, manifest: Manifest): void => {
  if (manifest.id !== job.study) throw refused('the manifest is of another study', [job.study, manifest.id])
  if (job.chunk >= chunkCount(manifest)) throw refused('the study has no such chunk', job.chunk)
  const expected = jobOf(manifest, job.manifest, job.chunk)
  if (JSON.stringify(expected) !== JSON.stringify(job))
    throw refused('it is not what its study has there', job)
}
