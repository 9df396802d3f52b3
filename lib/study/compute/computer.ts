// Computes the rows of a study from its manifest and blobs alone: what the compute process does, in a process without one.
import { fromExactJson } from '../../base/exactJson.js'
import { DataError } from '../../base/errors.js'
import type { Executor } from '../../base/executor.js'
import { openProgram } from '../../runtime/storedProgram.js'
import type { StoredProgram } from '../../runtime/storedProgram.js'
import type { Manifest, Variant } from '../store/manifest.js'
import type { Checkpoint } from './checkpoint.js'
import { descentRows } from './descent.js'
import { mapRows } from './map.js'
import type { Computed, Opened } from './map.js'
import { variantOf } from './rows.js'
import type { RowRange } from './rows.js'

export interface ComputeOptions {
  readonly signal?: AbortSignal
  /** How many of the rows have ended. */
  readonly onProgress?: (done: number) => void
  /** Where descents are kept, and gone on from. */
  readonly checkpoint?: Checkpoint
}

/** Makes the rows of one study. */
export interface Computer {
  readonly manifest: Manifest
  /** Rows of one variant. */
  rows(range: RowRange, options?: ComputeOptions): Promise<Computed>
}

/** The text of a blob as what it holds. */
export const parsed = <T>(bytes: Uint8Array): T => fromExactJson(new TextDecoder().decode(bytes)) as T

/**
 * Opens a study; programs are loaded when a row of their variant is first asked for.
 * @param blob the bytes of a hash
 */
export const openComputer = (
  manifest: Manifest,
  blob: (hash: string) => Uint8Array,
  executor: Executor,
): Computer => {
  const opened = new Map<string, Opened>()
  const open = (hash: string): Opened => {
    const known = opened.get(hash)
    if (known !== undefined) return known
    const record = parsed<StoredProgram>(blob(hash))
    const made = { record, fn: openProgram(record, blob) }
    opened.set(hash, made)
    return made
  }
  const { kind } = manifest.specification
  return {
    manifest,
    rows: async (range, { signal, onProgress, checkpoint } = {}) => {
      const variant = manifest.variants[variantOf(manifest, range.lo)] as Variant
      const means = { executor, programs: variant.programs.map(open) }
      const ending = signal === undefined ? {} : { signal }
      if (kind === 'map') {
        const report =
          onProgress &&
          (({ done }: { readonly done: number }) => {
            onProgress(done)
          })
        return mapRows(manifest, range, means, { ...ending, ...(report && { onProgress: report }) })
      }
      if (kind === 'descent') {
        const rows = range.hi - range.lo
        const report =
          onProgress &&
          ((running: number) => {
            onProgress(rows - running)
          })
        return descentRows(manifest, range, means, {
          ...ending,
          ...(report && { onRound: report }),
          ...(checkpoint && { checkpoint }),
        })
      }
      throw new DataError(`studies of kind ${kind} are not computed from stored programs`)
    },
  }
}
