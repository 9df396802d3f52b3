// What a derivative costs beside the solve alone: programs that take turns, in processor time.
import { computing, median, ratio, sideBySide } from '../timing.js'

/** The solve alone, and the solve with its gradient by each strategy. */
export const contestants = ['forward', 'oneStep', 'implicit', 'unrolled'] as const
export type Contestant = (typeof contestants)[number]

export interface Cost {
  /** Medians over rounds in which they take turns, processor time. */
  readonly seconds: Readonly<Record<Contestant, number>>
  /** Medians of the ratio to `forward` in the same round. */
  readonly overForward: Readonly<Record<Contestant, number>>
}

const byContestant = <T>(of: (name: Contestant) => T): Record<Contestant, T> =>
  Object.fromEntries(contestants.map((name) => [name, of(name)])) as Record<Contestant, T>

/** Times of `run`; the contestants take turns for `rounds` rounds, unrolled beside forward for a third of them. */
export const contest = async (run: (name: Contestant) => unknown, rounds: number): Promise<Cost> => {
  const { forward, oneStep, implicit, unrolled } = byContestant((name) => computing(() => run(name)))
  const times = await sideBySide({ forward, oneStep, implicit }, { rounds, turn: 0.02 })
  const long = await sideBySide({ forward, unrolled }, { rounds: Math.ceil(rounds / 3), turn: 0.02 })
  const seconds = { ...times, unrolled: long.unrolled }
  return {
    seconds: byContestant((name) => median(seconds[name])),
    overForward: byContestant((name) =>
      ratio(seconds[name], name === 'unrolled' ? long.forward : times.forward),
    ),
  }
}
