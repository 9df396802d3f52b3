// What the pool and its threads say to each other. Only plain data and shared memory crosses: no user code, no copies.
import type { ErrorRecord } from '../base/errorRecord.js'
import type { Outcome, Turn } from '../runtime/native.js'
import type { JobMessage } from '../runtime/sharedJob.js'

/** How a thread is made to die in a test. */
export type Death = 'exit' | 'outOfMemory'

/** One thread takes part in one job for a slice of time. */
export interface Participation {
  readonly job: JobMessage
  readonly turn: Turn
  /** What `turn.faultAfter` leads to. */
  readonly death?: Death | undefined
}

/** Thrown errors would lose their class, their code and their fields on the way. */
export type Answer =
  { readonly ok: true; readonly outcome: Outcome } | { readonly ok: false; readonly error: ErrorRecord }

/** An option of a run that only tests know: threads that take part die after so many iterations, the first `times` of them. */
export const faultHook: unique symbol = Symbol('fault')

export interface Fault {
  readonly death: Death
  readonly after: number
  readonly times: number
}
