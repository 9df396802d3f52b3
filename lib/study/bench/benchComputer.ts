// Computes the chunks of a bench for `runStudy`: one process after another, never two at a time, since they would disturb each other;
// cells take turns process by process.
import { ArgumentError } from '../../base/errors.js'
import { ComputeDied } from '../compute/process.js'
import type { TaskOptions } from '../compute/process.js'
import { countStatuses } from '../compute/rows.js'
import type { ChunkOutcome, ChunkTask } from '../compute/task.js'
import type { ChunkComputer } from '../run.js'
import type { Block } from '../store/block.js'
import { encodeChunk, writePart } from '../store/chunkFile.js'
import { variantRows } from '../store/manifest.js'
import type { Manifest } from '../store/manifest.js'
import { cellRows, measureCell } from './measureCell.js'

/** Attempts at a cell whose process dies; then its rows have the status `crashed`. */
const mostAttempts = 2

/** Measures cells; paths of the study are relative to `folder`. */
export class BenchComputer implements ChunkComputer {
  private readonly folder: string
  private readonly closing = new AbortController()
  private last: Promise<unknown> = Promise.resolve()

  constructor({ folder }: { readonly folder: string }) {
    this.folder = folder
  }

  /** The first process of every cell, then the second one of each: what else the machine does falls on all cells alike. */
  rank(manifest: Manifest, chunk: number): number {
    return chunk % manifest.specification.repeats
  }

  /** Measures one process's rows into a file. */
  compute(manifest: Manifest, task: ChunkTask, options: TaskOptions): Promise<ChunkOutcome> {
    const turn = this.last.then(() => this.measure(manifest, task, options))
    this.last = turn.catch(() => undefined)
    return turn
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.closing.abort()
    await this.last
  }

  private async measure(
    manifest: Manifest,
    { chunk, lo, hi }: ChunkTask,
    options: TaskOptions,
  ): Promise<ChunkOutcome> {
    const { thetas: runs } = manifest
    if (lo % runs !== 0 || hi - lo !== runs) {
      throw new ArgumentError('a chunk of a bench is what one process measures', {
        expected: `${String(runs)} rows`,
        received: `rows ${String(lo)} … ${String(hi - 1)}`,
        remedy: 'Leave `chunk` out of the study file',
      })
    }
    const begun = performance.now()
    const block = await this.rows(manifest, lo, options)
    await writePart(options.out, encodeChunk({ manifestId: manifest.id, chunk, lo, hi }, block))
    return {
      rows: hi - lo,
      statuses: countStatuses(block),
      seconds: (performance.now() - begun) / 1000,
      memoryBytes:
        (block.data[block.columns.findIndex(({ name }) => name === 'peakBytes')] as Float64Array)[0] ?? NaN,
    }
  }

  private async rows(manifest: Manifest, lo: number, { signal, onProgress }: TaskOptions): Promise<Block> {
    const { specification, thetas: runs } = manifest
    const cell = Math.floor(lo / variantRows(manifest))
    const repeat = (lo % variantRows(manifest)) / runs
    const ending = this.closing.signal
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      try {
        return await measureCell(specification, cell, {
          ...{ folder: this.folder, repeat },
          signal: signal === undefined ? ending : AbortSignal.any([signal, ending]),
          ...(onProgress === undefined ? {} : { onProgress }),
        })
      } catch (error) {
        if (!(error instanceof ComputeDied)) throw error
      }
    }
    return cellRows(specification, cell, repeat)
  }
}
