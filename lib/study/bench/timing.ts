// Times measured side by side: contestants take turns, so that what else the machine does falls on all of them alike, and what is
// compared is the median over rounds of the ratio within a round.
// Work on one thread is best measured in processor time, which is firm on a busy machine; what somebody waits for, on the wall clock.
import { ArgumentError, checkOptions } from '../../base/errors.js'
import { median } from '../statistics.js'

/** Seconds that so many calls take. A contestant in another process answers with a promise and measures itself. */
export type Contestant = (calls: number) => number | Promise<number>

/** Seconds of one call of each contestant, a number for each round. */
export type Rounds<N extends string> = Readonly<Record<N, readonly number[]>>

export interface TimingOptions {
  /** How often every contestant has its turn; default 7. */
  readonly rounds?: number
  /** A turn repeats a short call until it has taken this long, in seconds; default 0.01. */
  readonly turn?: number
}

/** How long calls took: on the wall clock, and by the processor time of all threads of this process. */
export interface Elapsed {
  readonly wall: number
  readonly processor: number
}

/** Seconds of so many calls, one after another, each waited for where it answers with a promise. */
export const timed = async (run: () => unknown, calls = 1): Promise<Elapsed> => {
  const processor = process.cpuUsage()
  const start = performance.now()
  for (let i = 0; i < calls; i++) {
    const answer = run()
    if (answer instanceof Promise) await answer
  }
  const wall = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(processor)
  return { wall, processor: (user + system) / 1e6 }
}

/** A function of this process as a contestant, by the clock on the wall: what somebody waits. */
export const waiting =
  (run: () => unknown): Contestant =>
  async (calls) =>
    (await timed(run, calls)).wall

/**
 * A function as a contestant, by the processor time of all threads of this process: firm on a machine that others use, too.
 */
export const computing =
  (run: () => unknown): Contestant =>
  async (calls) =>
    (await timed(run, calls)).processor

/** Calls of a turn at most. */
const mostCalls = 1e7

/** How many calls fill a turn of so many seconds; what the first call compiles and warms up is not counted. */
export const callsFilling = async (contestant: Contestant, turn: number): Promise<number> => {
  await contestant(1)
  for (let calls = 1; ;) {
    const seconds = await contestant(calls)
    if (seconds >= turn || calls >= mostCalls) return calls
    calls = Math.ceil(calls * Math.min(8, Math.max(1.3, (1.1 * turn) / Math.max(seconds, 1e-9))))
  }
}

/**
 * Seconds a call of each contestant, in rounds in which all of them take turns, in changing order.
 *
 *     const times = await sideBySide({ ours: computing(() => f(theta)), theirs: computing(() => g(theta)) })
 *     ratio(times.theirs, times.ours)
 *
 * @throws {ArgumentError} for wrong options, and without contestants.
 */
export const sideBySide = async <N extends string>(
  contestants: Readonly<Record<N, Contestant>>,
  options: TimingOptions = {},
): Promise<Rounds<N>> => {
  checkOptions('sideBySide', options, ['rounds', 'turn'])
  const { rounds = 7, turn = 0.01 } = options
  const given = Object.entries<Contestant>(contestants)
  if (!(Number.isInteger(rounds) && rounds >= 1) || !(turn >= 0 && turn < Infinity) || given.length === 0) {
    throw new ArgumentError('sideBySide has nothing to measure', {
      expected: 'at least one contestant, rounds a whole number ≥ 1, turn ≥ 0 seconds',
      received: JSON.stringify({ contestants: given.length, rounds, turn }),
    })
  }
  const places: { name: string; contestant: Contestant; calls: number; times: number[] }[] = []
  for (const [name, contestant] of given) {
    places.push({ name, contestant, calls: await callsFilling(contestant, turn), times: [] })
  }
  for (let round = 0; round < rounds; round++) {
    const turned = [...places.slice(round % places.length), ...places.slice(0, round % places.length)]
    for (const { contestant, calls, times } of turned) times.push((await contestant(calls)) / calls)
  }
  return Object.fromEntries(places.map(({ name, times }) => [name, times])) as unknown as Rounds<N>
}

/** The median over the rounds of the ratio of two contestants of the same run. */
export const ratio = (over: readonly number[], under: readonly number[]): number =>
  median(over.map((seconds, i) => seconds / (under[i] ?? NaN)))
