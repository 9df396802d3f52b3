// How many of the lanes that run are needed: on the uneven batch, whose slowest instance takes 400 times the steps of its fastest.
import { Pool, implicit, oneStep, statistics } from '../lib/index.js'
import type { RunRecord } from '../lib/index.js'
import { atMost, reported } from './figures.js'
import type { Figure } from './figures.js'
import {
  checkSolved,
  closedForm,
  unevenArguments,
  unevenBatch,
  unevenErrors,
  unevenGradient,
  unevenSolution,
} from './unevenBatch.js'

/**
 * Lane slots over the iterations that were needed, on two threads, the median of several orders; and what was computed.
 * At the end of a batch lanes run empty, the more of them the wider the tile: `lanes` is a choice against the fastest T.
 */
export const laneFigures = async (
  batch: number,
  {
    orders,
    bar,
    lanes: wanted = 'auto',
  }: { readonly orders: number; readonly bar?: number; readonly lanes?: number | 'auto' },
): Promise<Figure[]> => {
  await using pool = new Pool({ threads: 2 })
  const figures: Figure[] = []
  for (const strategy of [implicit(), oneStep()]) {
    const fn = unevenGradient(strategy)
    const efficiencies: number[] = []
    let lanes = NaN
    let worst = { x: 0, gradient: 0 }
    let apart = 0
    for (let order = 1; order <= orders; order++) {
      const problem = unevenBatch(batch, order)
      const results = await pool.run(fn, [unevenArguments(problem)], { lanes: wanted })
      checkSolved(problem, results)
      const solution = unevenSolution(results.value)
      const { x, gradient } = unevenErrors(solution, closedForm(problem, strategy.name))
      apart = Math.max(apart, unevenErrors(solution, closedForm(problem, 'implicit')).gradient)
      worst = { x: Math.max(worst.x, x), gradient: Math.max(worst.gradient, gradient) }
      const { laneSlots, laneIterations, ...run } = results.run as RunRecord
      efficiencies.push(laneSlots / laneIterations)
      lanes = run.lanes
    }
    const title = `uneven batch, B = ${String(batch)}, ${strategy.name}, T = ${String(lanes)}`
    const name = `${title}, 2 threads: lane slots over iterations`
    figures.push(
      bar === undefined
        ? reported(name, statistics.median(efficiencies))
        : atMost(name, statistics.median(efficiencies), bar),
      ...(orders > 1
        ? [reported(`${title}: the worst of ${String(orders)} orders`, Math.max(...efficiencies))]
        : []),
      reported(`${title}: largest relative error of x`, worst.x),
      reported(`${title}: largest relative error of its derivative`, worst.gradient),
      ...(strategy.name === 'one-step'
        ? [reported(`${title}: largest relative distance of it to the gradient`, apart)]
        : []),
    )
  }
  return figures
}
