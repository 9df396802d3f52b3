// Times measured side by side: contestants take turns, so that what else the machine does falls on all of them alike.
// What is compared runs on one thread and is measured in processor time, unless what counts is how long somebody waits.

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

/** Calls one after another, each waited for where it answers with a promise. */
const repeat = async (run: () => unknown, calls: number): Promise<void> => {
  for (let i = 0; i < calls; i++) {
    const answer = run()
    if (answer instanceof Promise) await answer
  }
}

/** A function of this process as a contestant, by the clock on the wall: what somebody waits. */
export const waiting =
  (run: () => unknown): Contestant =>
  async (calls) => {
    const start = performance.now()
    await repeat(run, calls)
    return (performance.now() - start) / 1000
  }

/**
 * A function as a contestant, by the processor time of all threads of this process: firm on a machine that others use, too.
 */
export const computing =
  (run: () => unknown): Contestant =>
  async (calls) => {
    const start = process.cpuUsage()
    await repeat(run, calls)
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 1e6
  }

/** The median of a list of numbers; NaN of none. */
export const median = (list: readonly number[]): number => {
  const sorted = [...list].sort((x, y) => x - y)
  const half = (sorted.length - 1) / 2
  return ((sorted[Math.floor(half)] ?? NaN) + (sorted[Math.ceil(half)] ?? NaN)) / 2
}

/** How many calls fill a turn, once the first call has compiled and warmed up whatever it needs. */
const callsOf = async (contestant: Contestant, turn: number): Promise<number> => {
  await contestant(1)
  for (let calls = 1; ;) {
    const seconds = await contestant(calls)
    if (seconds >= turn || calls >= 1e7) return calls
    calls = Math.ceil(calls * Math.min(8, Math.max(1.3, (1.1 * turn) / Math.max(seconds, 1e-9))))
  }
}

/** Seconds a call of each contestant, in rounds in which all of them take turns, in changing order. */
export const sideBySide = async <N extends string>(
  contestants: Readonly<Record<N, Contestant>>,
  { rounds = 7, turn = 0.01 }: TimingOptions = {},
): Promise<Rounds<N>> => {
  const places: { name: string; contestant: Contestant; calls: number; times: number[] }[] = []
  for (const [name, contestant] of Object.entries<Contestant>(contestants)) {
    places.push({ name, contestant, calls: await callsOf(contestant, turn), times: [] })
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
