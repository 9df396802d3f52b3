// The inequalities of the paper on all families, as curves over k and as a summary; and the condition on the step size.
import { progressReporter, textTable, statistics } from '../../lib/index.js'
import { contractionTrials, inequalities, vanishingTrials } from './bounds.js'
import type { Fault, Inequality, Trial } from './bounds.js'
import { contractionFamilies } from './contractions.js'
import { conditions, stepSizeRow } from './stepSize.js'
import type { StepSizeRow } from './stepSize.js'
import { vanishingFamilies } from './vanishing.js'

/** One inequality on one family at iteration k. */
export interface BoundRow {
  readonly inequality: Inequality
  readonly family: string
  readonly k: number
  /** Of one instance, the same for all k: of those of the size that is shown the one that comes closest to its bound. */
  readonly measured: number
  readonly bound: number
  readonly n: number
  readonly m: number
  /** 0 where ∂ₓF vanishes at x̄. */
  readonly rho: number
  /** Ratios measured / bound over all instances at this k. */
  readonly worst: number
  readonly median: number
  readonly count: number
}

/** One inequality on one family, over all instances and all k. */
export interface BoundSummary {
  readonly inequality: Inequality
  readonly family: string
  readonly instances: number
  /** Inequalities checked: instances × k. */
  readonly count: number
  readonly worst: number
  readonly median: number
  /** The largest ratio at the last k: for one-step, how much of the floor ρ L_F / (1 − ρ) is attained. */
  readonly last: number
  readonly holds: boolean
}

/** Maps whose derivative vanishes at x̄: Jᴼˢx₍k₎ → Jx̄, and Jᴼˢx̄ = Jx̄. */
export interface VanishingSummary {
  readonly family: string
  readonly instances: number
  /** Largest ‖Jᴼˢx₍k₎ − Jx̄‖ over the instances, at the first and at the last k. */
  readonly first: number
  readonly last: number
  /** Largest ‖Jᴼˢx̄ − Jx̄‖ / ‖Jx̄‖. */
  readonly atSolution: number
}

export interface BoundsResult {
  readonly rows: readonly BoundRow[]
  readonly summary: readonly BoundSummary[]
  readonly vanishing: readonly VanishingSummary[]
  readonly stepSize: readonly StepSizeRow[]
}

const largest = (list: readonly number[]): number => list.reduce((most, x) => Math.max(most, x), -Infinity)

/** The curves and the summary of one inequality on one family. */
const condensed = (
  inequality: Inequality,
  family: string,
  trials: readonly Trial[],
): { readonly rows: readonly BoundRow[]; readonly summary: readonly BoundSummary[] } => {
  const own = trials.map((trial) => ({
    ...trial,
    rows: trial.rows.filter((row) => row.inequality === inequality),
  }))
  const worstOf = ({ rows }: Trial): number => largest(rows.map(({ ratio }) => ratio))
  const extreme = own
    .filter(({ n, rho }) => n === shown.n && (rho === shown.rho || rho === 0))
    .reduce((most, trial) => (worstOf(trial) > worstOf(most) ? trial : most))
  const { n, m, rho } = extreme
  const at = (i: number): number[] => own.map(({ rows }) => rows[i]?.ratio ?? NaN)
  const rows = extreme.rows.map(({ k, measured, bound }, i) => ({
    ...{ inequality, family, k, measured, bound, n, m, rho },
    ...{ worst: largest(at(i)), median: statistics.median(at(i)), count: own.length },
  }))
  if (rows.length === 0) return { rows, summary: [] }
  const all = own.flatMap((trial) => trial.rows.map(({ ratio }) => ratio))
  const worst = largest(all)
  return {
    rows,
    summary: [
      {
        ...{ inequality, family, worst, instances: own.length, count: all.length },
        ...{ median: statistics.median(all), last: largest(at(rows.length - 1)), holds: worst <= 1 },
      },
    ],
  }
}

/** Iterations at which contractions are measured, and maps of higher order. */
const slowly = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256]
const fast = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

/** The instances whose curves are shown. */
const shown = { n: 10, rho: 0.8 } as const

/** All families: rates, sizes [n, m] and instances of each. */
const plan = (quick: boolean) => ({
  rates: quick ? [0.5, shown.rho] : [0.1, 0.5, shown.rho, 0.95],
  sizes: (quick
    ? [
        [2, 1],
        [shown.n, 4],
        [50, 8],
      ]
    : [
        [1, 1],
        [2, 2],
        [5, 1],
        [shown.n, 4],
        [20, 8],
        [50, 8],
      ]) as readonly (readonly [number, number])[],
  instances: quick ? 2 : 6,
})

/** `quick`: fewer sizes, rates and instances; `quiet`: without progress; `fault`: a mistake made on purpose, for tests. */
export const boundsExperiment = async (options: {
  readonly quick: boolean
  readonly quiet: boolean
  readonly fault?: Fault
}): Promise<BoundsResult> => {
  const { quick, quiet, fault } = options
  const { rates, sizes, instances } = plan(quick)
  const seeds = Array.from({ length: instances }, (_, i) => i + 1)
  const report = progressReporter({ label: 'bounds', quiet })
  const total =
    sizes.length * seeds.length * (contractionFamilies.length * rates.length + vanishingFamilies.length)
  const begun = performance.now()
  let done = 0
  /** Makes a trial, tells of it, and lets others have their turn. */
  const trial = async <T>(make: () => T): Promise<T> => {
    const made = make()
    report({ done: ++done, total, statuses: {}, seconds: (performance.now() - begun) / 1000 })
    await new Promise((resolve) => setImmediate(resolve))
    return made
  }
  const parts: ReturnType<typeof condensed>[] = []
  for (const family of contractionFamilies) {
    const measure = contractionTrials(family, fault)
    const trials: Trial[] = []
    for (const [n, m] of sizes)
      for (const rho of rates)
        for (const seed of seeds) trials.push(await trial(() => measure({ n, m, rho, seed }, slowly)))
    parts.push(...inequalities.map((inequality) => condensed(inequality, family.name, trials)))
  }
  const vanishing: VanishingSummary[] = []
  for (const family of vanishingFamilies) {
    const measure = vanishingTrials(family, fault)
    const trials: ReturnType<typeof measure>[] = []
    for (const [n, m] of sizes)
      for (const seed of seeds) trials.push(await trial(() => measure({ n, m, seed }, fast)))
    parts.push(...inequalities.map((inequality) => condensed(inequality, family.name, trials)))
    const errors = (i: number): number[] => trials.map(({ rows }) => rows.at(i)?.measured ?? NaN)
    vanishing.push({
      ...{
        family: family.name,
        instances: trials.length,
        first: largest(errors(0)),
        last: largest(errors(-1)),
      },
      atSolution: largest(trials.map(({ atSolution }) => atSolution)),
    })
  }
  return {
    rows: parts.flatMap(({ rows }) => rows),
    summary: parts.flatMap(({ summary }) => summary),
    vanishing,
    stepSize: conditions.map((condition) => stepSizeRow(condition)),
  }
}

export const showBounds = ({ rows, summary, vanishing, stepSize }: BoundsResult): string => {
  const overall = textTable({
    columns: ['inequality', 'family', 'instances', 'checked', 'worst ratio', 'median', 'at the last k', ''],
    rows: summary.map(({ inequality, family, instances, count, worst, median: middle, last, holds }) => [
      ...[inequality, family, instances, count, worst, middle, last],
      holds ? 'holds' : 'VIOLATED',
    ]),
    digits: 3,
  })
  const curves = summary.map(({ inequality, family }) => {
    const own = rows.filter((row) => row.inequality === inequality && row.family === family)
    const { n, m, rho } = own[0] as BoundRow
    const size = `n = ${String(n)}, m = ${String(m)}${rho > 0 ? `, ρ = ${String(rho)}` : ''}`
    return `\n${inequality}: ${family} (${size})\n${textTable({
      columns: ['k', 'measured', 'bound', 'ratio', 'worst of all', 'median of all'],
      rows: own.map(({ k, measured, bound, worst, median: middle }) => [
        ...[k, measured, bound, bound > 0 ? measured / bound : null, worst, middle],
      ]),
      digits: 3,
    })}`
  })
  return [
    'The inequalities of the paper: measured / bound, at most 1 where they hold',
    overall,
    '\nWhere ∂ₓF vanishes at x̄: the largest error of one-step, and from x̄ itself',
    textTable({
      columns: ['family', 'instances', '|OS − J| at k = 1', 'at the last k', 'at x̄, relative'],
      rows: vanishing.map(({ family, instances, first, last, atSolution }) => [
        ...[family, instances, first, last, atSolution],
      ]),
      digits: 3,
    }),
    '\nThe step size of hypergradient descent, F = sin(10 θ) / 100, g(x) = x: ∇(g∘x̄) has the Lipschitz constant 1',
    textTable({
      columns: [
        'condition',
        '1/α',
        'steps without descent %',
        'worst proposition ratio',
        '|∇|² at the end',
        'g − g* at the end',
      ],
      rows: stepSize.map(({ condition, inverse, broken, worst, gradient, gap }) => [
        ...[condition, inverse, 100 * broken, worst, gradient, gap],
      ]),
      digits: 3,
    }),
    '\nBy iteration, the instance of each family, of one size, that comes closest to its bound',
    ...curves,
  ].join('\n')
}
