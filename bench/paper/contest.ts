// What a derivative costs beside the solve alone: programs that take turns, in processor time.
import { statistics, timing } from '../../lib/index.js'

/** The solve alone, and the solve with its gradient by each strategy. */
export const contestants = ['forward', 'oneStep', 'implicit', 'unrolled'] as const
export type Contestant = (typeof contestants)[number]

export interface Cost {
  /** Medians over rounds in which they take turns, processor time. */
  readonly seconds: Readonly<Record<Contestant, number>>
  /** Medians of the ratio to `forward` in the same round. */
  readonly overForward: Readonly<Record<Contestant, number>>
}

/** Mean and standard deviation (of the population) over random instances. */
export interface Spread {
  readonly mean: number
  readonly std: number
}

/** The cost over random instances, each timed by itself: seconds are medians of rounds side by side. */
export interface InstanceCost {
  readonly seeds: readonly number[]
  readonly seconds: Readonly<Record<Contestant, Spread>>
  readonly overForward: Readonly<Record<Contestant, Spread>>
}

const byContestant = <T>(of: (name: Contestant) => T): Record<Contestant, T> =>
  Object.fromEntries(contestants.map((name) => [name, of(name)])) as Record<Contestant, T>

/** Times of `run`; the contestants take turns for `rounds` rounds, unrolled beside forward for a third of them. */
export const contest = async (run: (name: Contestant) => unknown, rounds: number): Promise<Cost> => {
  const { forward, oneStep, implicit, unrolled } = byContestant((name) => timing.computing(() => run(name)))
  const times = await timing.sideBySide({ forward, oneStep, implicit }, { rounds, turn: 0.02 })
  const long = await timing.sideBySide({ forward, unrolled }, { rounds: Math.ceil(rounds / 3), turn: 0.02 })
  const seconds = { ...times, unrolled: long.unrolled }
  return {
    seconds: byContestant((name) => statistics.median(seconds[name])),
    overForward: byContestant((name) =>
      timing.ratio(seconds[name], name === 'unrolled' ? long.forward : times.forward),
    ),
  }
}

const spread = (list: readonly number[]): Spread => {
  const mean = list.reduce((total, x) => total + x, 0) / list.length
  return { mean, std: Math.sqrt(list.reduce((total, x) => total + (x - mean) ** 2, 0) / list.length) }
}

/** The published number of instances. */
export const instanceSeeds: readonly number[] = [1, 2, 3, 4, 5]

/** The cost over instances; `runOf` makes the contestants of one, which are let go before the next is made. */
export const contestOver = async (
  runOf: (seed: number) => (name: Contestant) => unknown,
  {
    seeds = instanceSeeds,
    rounds = 2,
  }: { readonly seeds?: readonly number[]; readonly rounds?: number } = {},
): Promise<InstanceCost> => {
  const all: Record<Contestant, readonly number[]>[] = []
  for (const seed of seeds) {
    const run = runOf(seed)
    all.push(
      await timing.sideBySide(
        byContestant((name) => timing.computing(() => run(name))),
        { rounds, turn: 0.02 },
      ),
    )
  }
  const over = (of: (times: Record<Contestant, readonly number[]>, name: Contestant) => number) =>
    byContestant((name) => spread(all.map((times) => of(times, name))))
  return {
    seeds,
    seconds: over((times, name) => statistics.median(times[name])),
    overForward: over((times, name) => timing.ratio(times[name], times.forward)),
  }
}
