// Where a long descent is, in a file now and then: what a process that dies leaves to the next one, which goes on with the same bits.
// It is a help, not the truth: where it cannot be written or read, the descent begins anew.
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { checkpointText, readCheckpoint } from '../../bilevel/descentState.js'
import type { DescentState } from '../../bilevel/descentState.js'
import { replaceFile } from '../store/durable.js'
import { nodeFiles } from '../store/files.js'
import type { RowRange } from './rows.js'

/** Milliseconds of computing that may be lost. */
const interval = 10_000

/** The checkpoint of the descents of some rows. */
export class Checkpoint {
  private readonly path: string
  private readonly every: number
  private written = performance.now()

  /** `every`: milliseconds between two writes. */
  constructor(folder: string, manifestId: string, { lo, hi }: RowRange, every = interval) {
    this.path = join(folder, `${manifestId}-${String(lo)}-${String(hi)}.json`)
    this.every = every
  }

  /** Where an earlier process was. */
  async read(): Promise<DescentState | undefined> {
    try {
      return readCheckpoint(await readFile(this.path, 'utf8'))
    } catch {
      return undefined
    }
  }

  /** Keeps where the descent is, unless that was done just now. */
  async keep(state: () => DescentState): Promise<void> {
    if (performance.now() - this.written < this.every) return
    try {
      await replaceFile(nodeFiles, this.path, [new TextEncoder().encode(checkpointText(state()))])
    } catch {
      // A disk that is full is told of where rows are stored.
    }
    this.written = performance.now()
  }

  /** Forgets it: the rows are computed. */
  async remove(): Promise<void> {
    await rm(this.path, { force: true })
  }
}
