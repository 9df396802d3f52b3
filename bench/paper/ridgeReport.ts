// The ridge experiment as a whole, and as a report beside the published figures.
import { Pool, progressReporter, textTable } from '../../lib/index.js'
import { publishedRidge } from './published.js'
import { experimentRidgeData, publishedSamples } from './ridgeData.js'
import { onPool } from './runner.js'
import { ridge } from './ridge.js'
import type { RidgeRow } from './ridge.js'

/** A published figure beside ours. */
export interface RidgeComparison extends RidgeRow {
  readonly published: number
  /** Ours / published − 1. */
  readonly deviation: number
}

export interface RidgeResult {
  /** The file, or 'synthetic'. */
  readonly data: string
  readonly samples: number
  readonly rows: readonly RidgeRow[]
  readonly iterates: readonly RidgeRow[]
  /** Truncated-K and neumann-K at the last iteration, for more K, at κ = 1001. */
  readonly sweep: readonly RidgeRow[]
  /** Empty unless the data are the whole published set. */
  readonly comparison: readonly RidgeComparison[]
}

const compared = (rows: readonly RidgeRow[]): RidgeComparison[] =>
  publishedRidge.flatMap(({ relativeError: published, ...wanted }) => {
    const ours = rows.find((row) =>
      Object.entries(wanted).every(([key, value]) => row[key as keyof RidgeRow] === value),
    )
    return ours === undefined ? [] : [{ ...ours, published, deviation: ours.relativeError / published - 1 }]
  })

/** `data`: an ARFF file; synthetic data without it. `quick`: 512 samples; `quiet`: without progress. */
export const ridgeExperiment = async (options: {
  readonly quick: boolean
  readonly quiet: boolean
  readonly data?: string
}): Promise<RidgeResult> => {
  const { quick, quiet, data: path } = options
  const data = await experimentRidgeData(path, quick)
  const samples = data.features.shape[0] as number
  await using pool = new Pool()
  const result = await ridge(onPool(pool), data, progressReporter({ label: 'ridge', quiet }))
  const whole = path !== undefined && samples === publishedSamples
  return {
    ...{ data: data.source, samples, ...result },
    comparison: whole ? compared([...result.rows, ...result.iterates, ...result.sweep]) : [],
  }
}

const groups = (rows: readonly RidgeRow[]): Map<string, RidgeRow[]> => {
  const found = new Map<string, RidgeRow[]>()
  for (const row of rows) {
    const key = `κ = ${String(row.kappa)}, step ${row.step}, ${row.formula} formula`
    found.set(key, [...(found.get(key) ?? []), row])
  }
  return found
}

/** One line an estimator, one column an iteration. */
const byIteration = (rows: readonly RidgeRow[]): string => {
  const iterations = [...new Set(rows.map(({ iteration }) => iteration))]
  const names = [...new Set(rows.map(({ estimator }) => estimator))]
  return textTable({
    columns: ['estimator', ...iterations.map(String)],
    rows: names.map((name) => [
      name,
      ...iterations.map(
        (k) => rows.find((row) => row.estimator === name && row.iteration === k)?.relativeError ?? null,
      ),
    ]),
    digits: 3,
  })
}

const comparisonTable = (comparison: readonly RidgeComparison[]): string =>
  textTable({
    columns: ['κ', 'step', 'formula', 'estimator', 'iteration', 'ours', 'paper', 'deviation %'],
    rows: comparison.map(
      ({ kappa, step, formula, estimator, iteration, relativeError, published, deviation }) => [
        ...[kappa, step, formula, estimator, iteration, relativeError, published],
        Number((100 * deviation).toFixed(1)),
      ],
    ),
    digits: 3,
  })

export const showRidge = ({ data, samples, rows, iterates, sweep, comparison }: RidgeResult): string => {
  const source =
    data === 'synthetic'
      ? `synthetic data, ${String(samples)} samples with the singular values of cpusmall (three dominant directions): give --data cpu.small.arff for the published figures`
      : `${data}, ${String(samples)} samples`
  const worst = Math.max(...comparison.map(({ deviation }) => Math.abs(deviation)))
  return [
    `Gradient descent on weighted ridge: ‖J − J*‖ / ‖J*‖ by iteration; ${source}`,
    ...[...groups([...rows, ...iterates])].map(([name, list]) => `\n${name}\n${byIteration(list)}`),
    '\nSweep over K at the last iteration',
    ...[...groups(sweep)].map(([name, list]) => `\n${name}\n${byIteration(list)}`),
    ...(comparison.length === 0
      ? []
      : [
          `\nBeside the published figures; the largest deviation is ${(100 * worst).toFixed(1)} %`,
          comparisonTable(comparison),
        ]),
  ].join('\n')
}
