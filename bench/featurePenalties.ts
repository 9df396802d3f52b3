// One penalty a feature: logistic regression whose p penalties are tuned on validation rows, from equal ones, by hypergradient descent.
//   inner   f(x, θ) = 1/n Σ log(1 + exp(−bᵢ aᵢᵀx)) + ½ Σⱼ exp(θⱼ) xⱼ²,  by Newton from the last solution;   outer   the mean loss
// Beside it the best that one penalty for all features can do.
import { basename } from 'node:path'
import {
  OnestepError,
  array,
  domain,
  hypergradientDescent,
  logisticRegression,
  optimizer,
  stream,
  timing,
} from '../lib/index.js'
import type { DescentHistory, Optimizer } from '../lib/index.js'
import { atMost, reported } from './figures.js'
import type { Figure } from './figures.js'
import { readBilevelData, syntheticBilevelData } from './paper/bilevelData.js'
import type { BilevelSource } from './paper/bilevelData.js'
import type { Rows } from './paper/bilevelProblem.js'

const start = Math.log(1e-2)
const box = domain.box({ low: Math.log(1e-7), high: Math.log(1e2) })

const optimizers: Readonly<Record<string, Optimizer>> = {
  'L-BFGS': optimizer.lbfgs(),
  Adam: optimizer.adam({ stepSize: 0.3 }),
}

/** Two thirds of the rows for training, a third for validation, at random. */
const split = ({ size, take }: BilevelSource, most: number): Record<'training' | 'validation', Rows> => {
  const order = stream(1, 'feature penalties').permutation(size).slice(0, most)
  const n = Math.floor((2 * order.length) / 3)
  return { training: take(order.slice(0, n)), validation: take(order.slice(n)) }
}

interface Tuned {
  readonly history: DescentHistory
  readonly steps: number
  readonly seconds: number
}

const tuned = async (
  data: Record<'training' | 'validation', Rows>,
  tune: 'penalty' | 'penalties',
  by: Optimizer,
  maxSteps: number,
): Promise<Tuned> => {
  let found: { readonly history: DescentHistory; readonly steps: number } | undefined
  const seconds = await timing.computing(async () => {
    const problem = logisticRegression(data, { tune, solver: 'newton', logPenalty: start, tol: 1e-8 })
    const { inner, x0, outer, theta } = problem
    const descent = await hypergradientDescent({
      problem: { inner, x0, outer },
      theta0: array(theta.data, [1, ...theta.shape]),
      optimizer: by,
      ...{ domain: box, tol: 1e-5, maxSteps, lanes: 1 },
    })
    const status = descent.status[0]
    if (status !== 'converged' && status !== 'maxSteps') {
      throw new OnestepError(`featurePenalties: the descent of ${by.name} failed`, {
        code: 'ERR_BENCH',
        received: String(status),
      })
    }
    found = { history: descent.history[0] as DescentHistory, steps: descent.steps[0] as number }
  })(1)
  return { ...(found as NonNullable<typeof found>), seconds }
}

/**
 * All figures, of a LIBSVM file with two labels, or of synthetic rows; `quick`: 600 of the rows, and few steps.
 * @throws {DataError} when the file is missing or malformed, or has not two labels.
 */
export const featurePenalties = async ({
  quick,
  data,
}: {
  readonly quick: boolean
  readonly data?: string
}): Promise<Figure[]> => {
  const source = data === undefined ? syntheticBilevelData('logistic', 4000, 60) : await readBilevelData(data)
  const rows = split(source, quick ? 600 : Infinity)
  const [n, p] = rows.training.features.shape as readonly [number, number]
  const maxSteps = quick ? 20 : 100
  const title = `penalties of ${basename(source.source)}, ${String(n)} × ${String(p)}`
  const one = await tuned(rows, 'penalty', optimizer.lbfgs(), maxSteps)
  const [before, single] = [one.history.value[0] as number, one.history.value.at(-1) as number]
  const figures = [
    reported(`${title}: validation loss before`, before),
    reported(`${title}: validation loss of the best single penalty`, single),
  ]
  let least = Infinity
  for (const [name, by] of Object.entries(optimizers)) {
    const { history, steps, seconds } = await tuned(rows, 'penalties', by, maxSteps)
    const after = history.value.at(-1) as number
    least = Math.min(least, after)
    figures.push(
      reported(`${title}, ${name}: validation loss after`, after),
      atMost(`${title}, ${name}: over that before`, after / before, 1),
      reported(`${title}, ${name}: ‖∇h‖ before`, history.norm[0] as number),
      reported(`${title}, ${name}: ‖∇h‖ after`, history.norm.at(-1) as number),
      reported(`${title}, ${name}: outer steps`, steps),
      atMost(`${title}, ${name}: processor seconds`, seconds, 60),
    )
  }
  return [...figures, atMost(`${title}: least loss over that of the best single penalty`, least / single, 1)]
}
