// Certificates on the standard problems: whatever the strategy and however loosely the inner problem is solved, the estimate is no less
// than the true error, which the oracle of the problem tells, and it is not far above.
import { test } from 'tap'
import { implicit, neumann, oneStep, phantom, truncated, unrolled } from '../../lib/index.js'
import { frobenius, minus } from '../oracle/matrices.js'
import { column, flat, instancesAt, run } from './standard.js'

const strategies = [implicit(), oneStep(), neumann(10), truncated(10), unrolled(), phantom(5, 0.5)]

/** What rounding leaves of a gradient, relative to it. */
const rounding = 1e-12

for (const tol of [1e-3, 1e-8]) {
  test(`inner solves to ${tol.toExponential()}: the estimate covers the true error`, async (t) => {
    const ratios: number[] = []
    for (const instance of instancesAt(tol)) {
      const problem = flat(instance)
      const truth = column(problem.oracle(problem.theta).gradient, problem.theta)
      const size = frobenius(truth)
      for (const strategy of strategies) {
        const { gradient, certificate } = run(problem, strategy, true)
        const error = frobenius(minus(gradient, truth)) / size
        const estimate = (certificate?.estimate as number) / size
        const name = `${instance.label}, ${strategy.name}: ${error.toExponential(1)}, estimate ${estimate.toExponential(1)}`
        t.ok(error <= estimate + rounding, name)
        if (error > rounding) ratios.push(estimate / error)
      }
    }
    ratios.sort((a, b) => a - b)
    const median = ratios[Math.floor(ratios.length / 2)] as number
    t.ok(median < 4, `half of the estimates are below ${median.toFixed(1)} times the error`)
    t.ok((ratios.at(-1) as number) < 100, `all below ${String(ratios.at(-1)?.toFixed(0))} times`)
  })
}
