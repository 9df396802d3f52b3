// The Newton experiment as a whole, and as a report beside the published figures.
import { Pool, progressReporter, textTable } from '../../lib/index.js'
import { convergence } from './convergence.js'
import type { ConvergenceRow } from './convergence.js'
import { newtonRow, sizes } from './newton.js'
import type { NewtonRow } from './newton.js'
import { publishedConvergence, publishedNewtonRows } from './published.js'
import { onPool } from './runner.js'

export interface NewtonResult {
  readonly rows: readonly NewtonRow[]
  readonly convergence: readonly ConvergenceRow[]
}

/**
 * All sizes and the convergence at p = 106; `quick`: the two smallest sizes; `quiet`: without progress. The sizes run in this
 * thread, one after another: their figure is the processor time of one solve, which nothing may run beside. The programs of
 * the convergence run on a pool.
 */
export const newtonExperiment = async ({
  quick,
  quiet,
}: {
  readonly quick: boolean
  readonly quiet: boolean
}): Promise<NewtonResult> => {
  const wanted = quick ? sizes.slice(0, 2) : sizes
  const timed = progressReporter({ label: 'Newton, sizes', quiet })
  const begun = performance.now()
  const rows: NewtonRow[] = []
  for (const p of wanted) {
    rows.push(await newtonRow(p, quick ? 3 : p < 400 ? 15 : 9))
    const seconds = (performance.now() - begun) / 1000
    timed({ done: rows.length, total: wanted.length, statuses: {}, seconds })
  }
  await using pool = new Pool()
  const progress = progressReporter({ label: 'Newton, convergence', quiet })
  return { rows, convergence: await convergence(onPool(pool), 106, [4, 5, 6, 7, 8], progress) }
}

const percent = (measured: number, published: number): string =>
  `${(100 * (measured / published - 1)).toFixed(0)} %`

/** Published figures stand in the columns named "paper". */
export const showNewton = ({ rows, convergence: steps }: NewtonResult): string => {
  const accuracy = textTable({
    columns: ['p', 'iterations', '‖∇‖', 'paper', 'deviation', '|OS − ID|', 'paper', '|AD − ID|', 'paper'],
    rows: rows.map(({ p, iterations, gradNorm, osMinusId, adMinusId }) => {
      const known = publishedNewtonRows[p]
      return [
        ...[p, `${String(iterations)} + 1`, gradNorm, known?.gradNorm ?? null],
        known === undefined ? null : percent(gradNorm, known.gradNorm),
        ...[osMinusId, known?.osMinusId ?? null, adMinusId, known?.adMinusId ?? null],
      ]
    }),
    digits: 3,
  })
  const cost = textTable({
    columns: ['p', 'forward s', 'one-step ×', 'paper', 'implicit ×', 'paper', 'unrolled ×', 'paper'],
    rows: rows.map(({ p, seconds, overForward }) => {
      const known = publishedNewtonRows[p]
      const pairs = (['oneStep', 'implicit', 'unrolled'] as const).flatMap((name) => [
        overForward[name],
        known?.[name] ?? null,
      ])
      return [p, seconds.forward, ...pairs]
    }),
    digits: 3,
  })
  const laws = textTable({
    columns: ['k', 'e(k−1)', 'one-step', 'two-step', 'unrolled', 'implicit', '‖A‖', 'detached − ID(k−1)'],
    rows: steps.flatMap(({ k, e, oneStep, twoStep, unrolled, implicit, normA, detachedMinusImplicit }) => [
      [k, e, oneStep, twoStep, unrolled, implicit, normA, detachedMinusImplicit],
      ['paper', ...(publishedConvergence[k] ?? []), null],
    ]),
    digits: 2,
  })
  return [
    'Newton, weighted logistic regression, gradient of ½‖x‖²: accuracy',
    accuracy,
    '\nCost: whole run over the forward run of 8 + 1 steps (medians of rounds side by side, T = 1)',
    cost,
    '\nConvergence at p = 106: relative errors of the full Jacobian at iteration k, operator norm',
    laws,
    '\none-step is linear in e(k−1), two-step a product of two errors, implicit and unrolled quadratic;',
    'one-step with the Hessian held constant at k is implicit at x(k−1)',
  ].join('\n')
}
