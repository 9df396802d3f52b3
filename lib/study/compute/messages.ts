// What a compute process and the process that started it say to each other.
import type { ErrorRecord } from '../../base/errorRecord.js'
import type { ChunkOutcome, ChunkTask } from './task.js'

/** Told when it starts, as JSON in its argument. */
export interface ComputeSettings {
  /** The folder of blobs. */
  readonly blobs: string
  /** The folder of checkpoints of descents; none are kept without one. */
  readonly checkpoints?: string
  /** Threads of its pool. */
  readonly threads: number
  /** Rows on which the process dies as a fault of native code would make it; for tests. */
  readonly dies?: readonly number[]
}

export type ComputeRequest =
  | { readonly kind: 'compute'; readonly id: number; readonly task: ChunkTask; readonly out: string }
  | { readonly kind: 'abort'; readonly id: number }

export type ComputeReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly id: number; readonly done: number }
  | { readonly kind: 'done'; readonly id: number; readonly outcome: ChunkOutcome }
  | { readonly kind: 'aborted'; readonly id: number }
  | { readonly kind: 'failed'; readonly id: number; readonly error: ErrorRecord }
