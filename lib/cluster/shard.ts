// Studies over many machines without a server: shard i of n computes each n-th chunk.
//   chunk c belongs to shard (c mod n) + 1
// Neighbouring chunks, which often cost alike, go to different shards. It depends on nothing but the chunk: a shard that is started
// again, or joined by another n of the same study, never does what is not its own.
import { ArgumentError } from '../base/errors.js'

export interface Shard {
  /** From 1 on. */
  readonly index: number
  readonly count: number
}

/** Whether a chunk belongs to shard `index` of `count`, the first of which is 1. */
export const shardOf = (chunk: number, index: number, count: number): boolean => chunk % count === index - 1

/** Reads "3/8". @throws {ArgumentError} for anything but i/n with 1 ≤ i ≤ n. */
export const parseShard = (text: string): Shard => {
  const [, index, count] = (/^(\d{1,7})\/(\d{1,7})$/.exec(text) ?? []).map(Number)
  if (index === undefined || count === undefined || index < 1 || index > count) {
    throw new ArgumentError('the shard', {
      expected: 'i/n with 1 ≤ i ≤ n, such as 3/8',
      received: JSON.stringify(text),
      remedy: 'In a Slurm array: --shard $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT with --array=1-8',
    })
  }
  return { index, count }
}
