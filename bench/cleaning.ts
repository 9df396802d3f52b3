// Data hyper-cleaning on handwritten digits, half of the training labels redrawn: what cleaning wins in accuracy, and which strategy gets
// to a small hypergradient first. Weights σ(θᵢ) of the training rows are tuned on clean validation rows; see dataCleaning.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  array,
  compile,
  dataCleaning,
  full,
  hypergradientDescent,
  implicit,
  innerTolerance,
  optimizer,
  solve,
  timing,
} from '../lib/index.js'
import type { NDArray, Tensor } from '../lib/index.js'
import { accuracy, cleaningDigits } from './cleaningData.js'
import type { CleaningDigits, DigitSizes } from './cleaningData.js'
import { cleaningContest, secondsTo } from './cleaningContest.js'
import type { ContestCurve } from './cleaningContest.js'
import { cleaningPage } from './cleaningReport.js'
import { atLeast, atMost, reported } from './figures.js'
import type { Figure } from './figures.js'

/** C of the comparison, and those that training without cleaning may choose from. */
const regularization = 0.002
const choices = [0.05, 0.02, 0.01, 0.005, 0.002]

/** Test accuracies, in percent. */
export interface CleaningResult {
  /** Trained on all training labels, the wrong ones too, at the same C. */
  readonly uncleaned: number
  /** The same at the C with the best validation accuracy. */
  readonly uncleanedBest: number
  /** By hypergradient descent. */
  readonly cleaned: number
  /** Trained on the rows whose labels are right. */
  readonly known: number
  /** The mean weight of rows with wrong and with right labels after cleaning. */
  readonly weights: readonly [wrong: number, right: number]
  /** Processor seconds of the descent. */
  readonly seconds: number
}

/** σ(±40) is 1 or 0 as far as a double tells. */
const certain = 40

const meanWhere = (values: readonly number[], wanted: (i: number) => boolean): number => {
  const kept = values.filter((_, i) => wanted(i))
  return kept.reduce((total, value) => total + value, 0) / kept.length
}

/** Cleans by Adam with the hypergradients of CG and the inner tolerances of HOAG. */
const cleanedDigits = async (
  { training, validation, test }: CleaningDigits,
  steps: number,
): Promise<CleaningResult> => {
  const problemOf = (C: number) =>
    dataCleaning({ training, validation }, { regularization: C, tol: 1e-6, maxSteps: 50_000 })
  const percent = (x: NDArray, rows = test): number => 100 * accuracy(x, rows)
  /** What fixed weights lead to. */
  const trained = (C: number, theta: NDArray): NDArray => {
    const { inner, x0 } = problemOf(C)
    return compile((t: Tensor) => solve(inner, { x0, theta: t }))(theta).value as NDArray
  }
  const problem = problemOf(regularization)
  const { inner, x0, outer, theta, wrong } = problem
  const n = wrong.length
  const all = choices.map((C) => trained(C, full([n], certain)))
  const best = all.reduce((top, x) => (percent(x, validation) > percent(top, validation) ? x : top))
  const right = array(Float64Array.from(wrong, (is) => (is === 1 ? -certain : certain)))
  const found: { x?: NDArray; theta?: NDArray } = {}
  const seconds = await timing.computing(async () => {
    const descent = await hypergradientDescent({
      problem: { inner, x0, outer, strategy: implicit({ linearSolver: 'cg', tol: 1e-8 }) },
      theta0: array(theta.data, [1, n]),
      optimizer: optimizer.adam({ stepSize: 0.3 }),
      ...{ tolerance: innerTolerance.exponential(), maxSteps: steps, lanes: 1 },
    })
    found.x = descent.x
    found.theta = descent.theta
  })(1)
  const { x, theta: last } = found as { x: NDArray; theta: NDArray }
  const weights = Array.from(last.data, (t) => 1 / (1 + Math.exp(-t)))
  return {
    uncleaned: percent(trained(regularization, full([n], certain))),
    uncleanedBest: percent(best),
    cleaned: percent(array(x.data, x.shape.slice(1))),
    known: percent(trained(regularization, right)),
    weights: [meanWhere(weights, (i) => wrong[i] === 1), meanWhere(weights, (i) => wrong[i] === 0)],
    seconds,
  }
}

const cleaningFigures = (
  title: string,
  { uncleaned, uncleanedBest, cleaned, known, weights, seconds }: CleaningResult,
): Figure[] => [
  reported(`${title}: test accuracy % without cleaning`, uncleaned),
  reported(`${title}: without cleaning, C by validation`, uncleanedBest),
  reported(`${title}: cleaned`, cleaned),
  reported(`${title}: trained on the right labels alone`, known),
  atLeast(`${title}: points won by cleaning`, cleaned - uncleaned, 5),
  reported(`${title}: points won over the C by validation`, cleaned - uncleanedBest),
  reported(`${title}: mean weight of wrong labels`, weights[0]),
  reported(`${title}: mean weight of right labels`, weights[1]),
  atMost(`${title}: processor seconds of cleaning`, seconds, 60),
]

/** Shares of the first ‖∇h‖ that are timed. */
const shares = [0.1, 0.01]

/** A share that is never reached has no time, and the figure says so by its name. */
const contestFigures = (title: string, curves: readonly ContestCurve[]): Figure[] =>
  curves.flatMap((curve) =>
    shares.map((share) => {
      const seconds = secondsTo(curve, share)
      const name = `${title}, ${curve.name}`
      const steps = String(curve.norm.length - 1)
      return Number.isNaN(seconds)
        ? reported(
            `${name}: not at ${String(share)} ‖∇h(θ₀)‖ in ${steps} steps; least share`,
            Math.min(...curve.norm) / (curve.norm[0] as number),
          )
        : reported(`${name}: processor seconds to ${String(share)} ‖∇h(θ₀)‖`, seconds)
    }),
  )

/** Training, validation and test images. */
const sizes = (quick: boolean, side: number): DigitSizes =>
  quick
    ? { training: 300, validation: 300, test: 1000, side }
    : { training: 1000, validation: 500, test: 8000, side }

/** All figures; with `out` a page of them in this folder, which is made where it does not exist. `quick`: fewer digits and steps. */
export const cleaning = async ({
  quick,
  out,
}: {
  readonly quick: boolean
  readonly out?: string
}): Promise<Figure[]> => {
  if (out !== undefined) await mkdir(out, { recursive: true })
  const [large, small] = [sizes(quick, quick ? 7 : 14), sizes(quick, quick ? 4 : 7)]
  const titleOf = ({ training, side }: DigitSizes): string =>
    `cleaning ${String(training)} digits of ${String(side)} × ${String(side)}`
  const result = await cleanedDigits(await cleaningDigits(large), quick ? 20 : 40)
  const curves = await cleaningContest(await cleaningDigits(small), {
    regularization: 0.005,
    steps: quick ? 20 : 60,
  })
  const figures = [...cleaningFigures(titleOf(large), result), ...contestFigures(titleOf(small), curves)]
  if (out !== undefined) await writeFile(join(out, 'cleaning.html'), await cleaningPage({ figures, curves }))
  return figures
}
