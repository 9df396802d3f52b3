// The bench of certificates at a small size: coverage of every family, and that false claims are counted as such.
import { test } from 'tap'
import { autoOutcomes } from '../../bench/certificate/auto.js'
import { cover, coverage } from '../../bench/certificate/coverage.js'
import { families } from '../../bench/certificate/families.js'
import type { Family } from '../../bench/certificate/families.js'

for (const family of families) {
  test(`certificates hold: ${family.name}`, async (t) => {
    const { count, bounded, bounds, estimated, median, misses } = coverage(cover(family, 1, 4))
    t.ok(count > 0)
    t.equal(bounds, bounded, 'rigorous bounds')
    t.equal(estimated, count, JSON.stringify(misses))
    t.ok(median <= 10)
  })

  test(`auto is right or says otherwise: ${family.name}`, async (t) => {
    for (const { tol, worst } of autoOutcomes(family, 1, 4))
      t.ok(worst <= 1e-6, `inner tolerance ${String(tol)}`)
  })
}

test('false constants are counted', async (t) => {
  const [first] = families
  if (first === undefined) throw new Error('no family')
  // ρ may be stated too small only where no product shows it: L_F a hundred times too small is not seen.
  const lying: Family = {
    ...first,
    problem: (seed) => {
      const problem = first.problem(seed)
      if (problem.constants === undefined) throw new Error('no constants')
      return { ...problem, constants: { ...problem.constants, theta: 0, outerGradient: 0 } }
    },
  }
  const { bounded, bounds } = coverage(cover(lying, 1, 4))
  t.ok(bounds < bounded)
})
