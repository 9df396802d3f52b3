// Certificates and auto: do bounds and estimates hold on random problems of all kinds, is auto ever wrong without a word, and what
// does it cost.
import { statistics } from '../lib/index.js'
import { autoCost, autoOutcomes } from './certificate/auto.js'
import type { AutoCost } from './certificate/auto.js'
import { coverAll, coverage } from './certificate/coverage.js'
import { families } from './certificate/families.js'
import { peerCases } from './certificate/peerCases.js'
import { atLeast, atMost, reported } from './figures.js'
import type { Figure } from './figures.js'

/** `quick`: one matrix of each family and four θ. */
export const certificate = async ({ quick }: { readonly quick: boolean }): Promise<Figure[]> => {
  const [matrices, count] = quick ? [1, 4] : [6, 8]
  const covered = coverAll(matrices, count)
  const all = coverage(covered)
  const problems = families.length * matrices * count
  const misses = all.misses.map(
    ({ family, seed, tol, strategy, error, estimate }) =>
      `${family} ${String(seed)}, ${strategy}, inner tolerance ${String(tol)}: ${error.toExponential(2)} above ${estimate.toExponential(2)}`,
  )
  const outcomes = families.flatMap((family) => autoOutcomes(family, matrices, count))
  const costs: AutoCost[] = []
  for (const family of families) {
    for (let seed = 0; seed < Math.min(matrices, 3); seed++) {
      const cost = await autoCost(family, seed, 16, quick ? 3 : 7)
      if (cost !== undefined) costs.push(cost)
    }
  }
  const cases = peerCases(quick ? 2 : 16)
  const told = outcomes.reduce((sum, o) => sum + o.told, 0)
  const asked = outcomes.reduce((sum, o) => sum + o.count, 0)
  return [
    reported('random problems', problems),
    reported('gradients with a certificate', all.count),
    atLeast('rigorous bounds that hold, share', all.bounds / all.bounded, 1),
    atLeast('estimates that hold, share', all.estimated / all.count, 0.999),
    ...misses.map((miss) => reported(`estimate missed: ${miss}`, 1)),
    atMost('estimate over true error, median', all.median, 10),
    reported('estimates that say "not known"', all.unknown),
    atMost(
      'auto at 1e-6: largest relative error that no status tells of',
      Math.max(...outcomes.map((o) => o.worst)),
      1e-6,
    ),
    reported('auto: gradients with a status that tells of it, share', told / asked),
    ...cases.flatMap(({ name, silent, told: warned }) => [
      atMost(`${name}: largest relative error that no status tells of`, Math.max(0, ...silent), 1e-6),
      reported(
        `${name}: gradients with a status that tells of it, of ${String(silent.length + warned)}`,
        warned,
      ),
    ]),
    atMost(
      'auto over the cheapest fixed strategy that is right, processor time, median',
      statistics.median(costs.map((c) => c.ratio)),
      1.5,
    ),
    ...families.flatMap(({ name }) => {
      const own = costs.filter((c) => c.family === name)
      if (own.length === 0) return []
      const best = [...new Set(own.map((c) => c.best))].join(', ')
      return [
        reported(`auto over the cheapest (${best}): ${name}`, statistics.median(own.map((c) => c.ratio))),
      ]
    }),
  ]
}
