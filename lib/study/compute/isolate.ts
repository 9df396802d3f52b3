// Computes chunks such that a fault of native code, or the kernel's memory killer, costs rows instead of a study: a chunk whose process
// died is computed again beside the others, and halved for as long as it kills, down to the single row, which becomes `crashed`.
import { readFile, rm } from 'node:fs/promises'
import { OnestepError } from '../../base/errors.js'
import { decodeChunk, encodeChunk, writePart } from '../store/chunkFile.js'
import type { Block } from '../store/block.js'
import { temporaryPath } from '../store/durable.js'
import type { Manifest } from '../store/manifest.js'
import type { ComputeSettings } from './messages.js'
import { ComputeDied, ComputeProcess } from './process.js'
import type { TaskOptions } from './process.js'
import { crashedRows, joinBlocks } from './rows.js'
import type { ChunkOutcome, ChunkTask } from './task.js'

/** Attempts at a single row. */
const mostAttempts = 2

export interface SafeSettings extends ComputeSettings {
  /** So many deaths in a row, with nothing computed between them, are no fault of single rows; default 200. */
  readonly mostDeaths?: number
}

interface Piece {
  readonly block: Block
  readonly outcome: ChunkOutcome
}

const together = (outcomes: readonly ChunkOutcome[]): ChunkOutcome => {
  const statuses: Record<string, number> = {}
  for (const outcome of outcomes) {
    for (const [name, n] of Object.entries(outcome.statuses)) statuses[name] = (statuses[name] ?? 0) + n
  }
  return {
    rows: outcomes.reduce((n, { rows }) => n + rows, 0),
    statuses,
    seconds: outcomes.reduce((s, { seconds }) => s + seconds, 0),
    memoryBytes: outcomes.reduce((most, { memoryBytes }) => Math.max(most, memoryBytes), 0),
  }
}

/** Two processes: one for chunks, and one, started when it is needed, for those that killed it. */
export class SafeComputer {
  private readonly healthy: ComputeProcess
  private readonly suspect: ComputeProcess
  private suspects: Promise<unknown> = Promise.resolve()
  private readonly mostDeaths: number
  private deaths = 0

  constructor({ mostDeaths = 200, ...settings }: SafeSettings) {
    this.mostDeaths = mostDeaths
    this.healthy = new ComputeProcess(settings)
    this.suspect = new ComputeProcess(settings)
  }

  /** Numbers of its processes. */
  get pids(): readonly number[] {
    return [this.healthy.pid, this.suspect.pid].filter((pid) => pid !== undefined)
  }

  /**
   * Computes rows into a file; those that kill the process have the status `crashed` there.
   * @throws as ComputeProcess does, but for deaths; `ERR_COMPUTE_DIED` when nothing but deaths happens.
   */
  async compute(manifest: Manifest, task: ChunkTask, options: TaskOptions): Promise<ChunkOutcome> {
    try {
      return this.alive(await this.healthy.compute(task, options))
    } catch (error) {
      this.died(error)
    }
    // One at a time: who kills the process is then known.
    const turn = this.suspects.then(async () => {
      const { block, outcome } = await this.halve(manifest, task, options)
      const { chunk, lo, hi } = task
      await writePart(options.out, encodeChunk({ manifestId: manifest.id, chunk, lo, hi }, block))
      return outcome
    })
    this.suspects = turn.catch(() => undefined)
    return turn
  }

  async close(): Promise<void> {
    await Promise.all([this.healthy.close(), this.suspect.close()])
  }

  private alive(outcome: ChunkOutcome): ChunkOutcome {
    this.deaths = 0
    return outcome
  }

  /** Throws on, unless it was a death that may be its rows' fault. */
  private died(error: unknown): void {
    if (!(error instanceof ComputeDied)) throw error
    this.deaths++
    if (this.deaths < this.mostDeaths) return
    throw new OnestepError(`the compute process died ${String(this.deaths)} times in a row`, {
      code: 'ERR_COMPUTE_DIED',
      received: error.received ?? error.message,
      remedy: 'Run `onestep doctor`, and see that there is enough memory; the study can be resumed',
      cause: error,
    })
  }

  private async halve(manifest: Manifest, task: ChunkTask, options: TaskOptions): Promise<Piece> {
    const { lo, hi } = task
    for (let attempt = 0; attempt < (hi - lo === 1 ? mostAttempts : 1); attempt++) {
      try {
        return await this.piece(manifest, task, options)
      } catch (error) {
        this.died(error)
      }
    }
    if (hi - lo === 1) {
      return {
        block: crashedRows(manifest, task),
        outcome: { rows: 1, statuses: { crashed: 1 }, seconds: 0, memoryBytes: 0 },
      }
    }
    const middle = lo + Math.ceil((hi - lo) / 2)
    const left = await this.halve(manifest, { ...task, hi: middle }, options)
    const right = await this.halve(manifest, { ...task, lo: middle }, options)
    return { block: joinBlocks([left.block, right.block]), outcome: together([left.outcome, right.outcome]) }
  }

  private async piece(manifest: Manifest, task: ChunkTask, { out, signal }: TaskOptions): Promise<Piece> {
    const { chunk, lo, hi } = task
    const part = temporaryPath(out)
    const outcome = this.alive(
      await this.suspect.compute(task, { out: part, ...(signal === undefined ? {} : { signal }) }),
    )
    const expected = { manifestId: manifest.id, chunk, lo, hi, columns: manifest.columns }
    const { block } = decodeChunk(await readFile(part), expected, part)
    await rm(part)
    return { block, outcome }
  }
}
