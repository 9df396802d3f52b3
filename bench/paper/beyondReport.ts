// What the paper does not show, as an experiment and as text.
import { Pool, progressReporter, textTable } from '../../lib/index.js'
import { beyond } from './beyond.js'
import type { BeyondResult } from './beyond.js'
import { experimentRidgeData } from './ridgeData.js'
import { onPool } from './runner.js'

export interface BeyondReport extends BeyondResult {
  /** The file, or 'synthetic'. */
  readonly data: string
  readonly samples: number
}

/** `data`: an ARFF file; synthetic data without it. `quick`: 512 samples; `quiet`: without progress. */
export const beyondExperiment = async (options: {
  readonly quick: boolean
  readonly quiet: boolean
  readonly data?: string
}): Promise<BeyondReport> => {
  const data = await experimentRidgeData(options.data, options.quick)
  await using pool = new Pool()
  const progress = progressReporter({ label: 'beyond the paper', quiet: options.quiet })
  const result = await beyond(onPool(pool), data, progress)
  return { data: data.source, samples: data.features.shape[0] as number, ...result }
}

export const showBeyond = (result: BeyondReport): string =>
  [
    `Ridge at κ ≈ 1001, step 2/(μ + L), iteration 5000, ${result.data}, ${String(result.samples)} samples: error of the Jacobian`,
    textTable({
      columns: ['estimator', 'K', '‖J − J*‖ / ‖J*‖', 'beyond that of the iterate'],
      rows: result.terms.map(({ estimator, terms, error, beyondIterate }) => [
        ...[estimator, terms, error, beyondIterate],
      ]),
      digits: 3,
    }),
    '\nThe last step length: the interior point at n = 100, and damped Newton at p = 50; errors of the gradient',
    textTable({
      columns: ['τ', 'one-step, relative', '1 − τ', 'one-step / α, absolute'],
      rows: result.interiorPoint.map(({ tau, relative, corrected }) => [
        ...[String(tau), relative, 1 - tau, corrected],
      ]),
      digits: 3,
    }),
    textTable({
      columns: ['α', 'one-step, relative', '1 − α', 'one-step / α', 'implicit'],
      rows: result.damped.map(({ alpha, oneStep, corrected, implicit }) => [
        ...[String(alpha), oneStep, 1 - alpha, corrected, implicit],
      ]),
      digits: 3,
    }),
    '\nNewton, p = 106: one step and two',
    textTable({
      columns: ['k', 'one-step', '/ e(k−1)', 'two steps', '/ (e(k−1) e(k−2))'],
      rows: result.twoStep.map(({ k, e, product, oneStep, twoStep }) => [
        ...[k, oneStep, oneStep / e, twoStep, twoStep / product],
      ]),
      digits: 3,
    }),
    '\nWhat an error costs: processor time over that of the solve alone',
    textTable({
      columns: ['problem', 'estimator', 'K', 'cost ×', 'error'],
      rows: result.costs.map(({ problem, estimator, terms, cost, error }) => [
        ...[problem, estimator, terms ?? null, cost, error],
      ]),
      digits: 3,
    }),
    '\nWhich estimator when',
    textTable({
      columns: ['situation', 'sign', 'take', 'measured'],
      rows: result.decisions.map(({ situation, sign, take, measured }) => [situation, sign, take, measured]),
    }),
  ].join('\n')
