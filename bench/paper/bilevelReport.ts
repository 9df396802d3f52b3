// Hypergradient descent as a whole: ridge and logistic regression, the proposition's bound, and the estimators side by side.
import { Pool, progressReporter, textTable } from '../../lib/index.js'
import { bilevelCurves, partsOf } from './bilevel.js'
import type { BilevelCurve, BilevelPoint } from './bilevel.js'
import { bilevelProblem, readBilevelData, syntheticBilevelData } from './bilevelData.js'
import { floorOf, groupsOf, losses } from './bilevelProblem.js'
import type { BilevelConstants, Loss } from './bilevelProblem.js'
import { onPool } from './runner.js'

/** One data set, tuned by each estimator. */
export interface BilevelRun {
  readonly loss: Loss
  /** The file, or 'synthetic'. */
  readonly data: string
  readonly training: number
  readonly validation: number
  readonly features: number
  readonly groups: number
  /** Inner steps of gradient descent, and K of truncated and Neumann. */
  readonly k: number
  readonly K: number
  /** Outer steps. */
  readonly steps: number
  readonly constants: BilevelConstants
  /** ρ L_F l_g / (1 − ρ): what is left of ε for k → ∞. */
  readonly floor: number
  readonly curves: readonly BilevelCurve[]
}

export interface BilevelResult {
  readonly runs: readonly BilevelRun[]
}

/** Training rows, features of synthetic data, and groups of features. */
const shapes = {
  ridge: { training: 48, features: 12, groups: 3 },
  logistic: { training: 96, features: 24, groups: 4 },
} as const

/** λ₀, Λ and γ */
const penalties = { penalty: { least: 0.5, range: 1 }, prior: 0.02 } as const

/**
 * `data`: an ARFF file for ridge or a LIBSVM file for logistic regression, in the place of synthetic data. `quick`: fewer outer steps
 * and validation rows; `quiet`: without progress; `withoutFloor`: a mistake made on purpose, for tests.
 */
export const bilevelExperiment = async (options: {
  readonly quick: boolean
  readonly quiet: boolean
  readonly data?: string
  readonly withoutFloor?: boolean
}): Promise<BilevelResult> => {
  const { quick, quiet, data, withoutFloor = false } = options
  const given = data === undefined ? undefined : await readBilevelData(data)
  const [k, K, steps, validation] = [60, 5, quick ? 4000 : 12000, quick ? 256 : 1024]
  await using pool = new Pool()
  const report = progressReporter({ label: 'bilevel', quiet })
  const begun = performance.now()
  const total = losses.length * partsOf(steps)
  let done = 0
  const onPart = (): void => {
    report({ done: ++done, total, statuses: {}, seconds: (performance.now() - begun) / 1000 })
  }
  const runs = losses.map(async (loss): Promise<BilevelRun> => {
    const { training, features, groups } = shapes[loss]
    const source = given?.loss === loss ? given : syntheticBilevelData(loss, training + validation, features)
    const problem = bilevelProblem(source, { training, validation, groups }, penalties)
    const made = await bilevelCurves(onPool(pool), problem, { k, K, steps, withoutFloor, onPart })
    return {
      ...{ loss, data: source.source, k, K, steps, ...made },
      training: problem.training.targets.size,
      validation: problem.validation.targets.size,
      features: problem.groups.length,
      groups: groupsOf(problem),
      floor: floorOf(made.constants),
    }
  })
  return { runs: await Promise.all(runs) }
}

/** About four points in each power of ten. */
const someOf = <T extends { readonly l: number }>(points: readonly T[]): T[] => {
  let next = 0
  return points.filter(({ l }, i) => {
    if (l < next && i < points.length - 1) return false
    next = l < 2 ? l + 1 : l * 1.7
    return true
  })
}

/** The largest of something over the points; null where it is not known. */
const largestOf = (
  points: readonly BilevelPoint[],
  of: (point: BilevelPoint) => number | null,
): number | null =>
  points.reduce<number | null>((most, point) => {
    const x = of(point)
    return x === null ? most : Math.max(most ?? x, x)
  }, null)

export const showBilevel = ({ runs }: BilevelResult): string =>
  runs
    .map((run) => {
      const { loss, data, training, validation, features, groups, k, constants, floor, curves } = run
      const { rho, LF, LJ, lg, lgg, M, Lh } = constants
      const names = curves.map(({ estimator, inner }) =>
        inner === 'Newton' ? `${estimator}, Newton` : estimator,
      )
      const last = curves.map(({ points }) => points[points.length - 1])
      const rows = `${String(training)} + ${String(validation)} rows`
      return [
        `Hypergradient descent, ${loss} regression; ${data}: ${rows}, ${String(features)} features in ${String(groups)} groups`,
        textTable({
          columns: ['ρ', 'L_F', 'L_J', 'l_g', 'l_∇g', 'M', 'L_h = 1/α', 'floor ρ L_F l_g / (1 − ρ)'],
          rows: [[rho, LF, LJ, lg, lgg, M, Lh, floor]],
          digits: 3,
        }),
        `\n‖∇h(θ)‖² by outer step; inner solver gradient descent with k = ${String(k)} steps, or Newton`,
        textTable({
          columns: ['l', ...names],
          rows: someOf(curves[0]?.points ?? []).map(({ l }) => [
            l,
            ...curves.map(({ points }) => points.find((point) => point.l === l)?.gradient ?? null),
          ]),
          digits: 3,
        }),
        '\nThe proposition: |d − ∇h| ≤ ε, and min ‖∇h‖² ≤ ε² + 2 L_h h(θ₀) / (K + 1)',
        textTable({
          columns: [
            'estimator',
            'largest |d − ∇h|',
            'ε',
            'largest ε at θ',
            'min ‖∇h‖²',
            'bound at the last step',
            'h',
            '',
          ],
          rows: curves.map((curve, i) => [
            names[i] as string,
            largestOf(curve.points, ({ bias }) => bias),
            curve.epsilon,
            largestOf(curve.points, ({ local }) => local),
            ...[last[i]?.least ?? null, last[i]?.bound ?? null, last[i]?.value ?? null],
            curve.holds === null ? '' : curve.holds ? 'holds' : 'VIOLATED',
          ]),
          digits: 3,
        }),
      ].join('\n')
    })
    .join('\n\n')
