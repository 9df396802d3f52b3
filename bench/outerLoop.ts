// Hypergradient descent from 1,024 starts as lanes, beside the same descents one after the other. What is compared
// to is the best that one start can have: the whole descent is one Program at T = 1, without a word of JavaScript between its steps.
//   inner   1/N Σ ℓ(aᵢᵀx, bᵢ) + ½ Σⱼ e^{θ₍g(j)₎} xⱼ²,   ℓ logistic or ½ squares, four groups of features
//   outer   the mean of ℓ over validation rows
import {
  OnestepError,
  array,
  compile,
  gather,
  gradientDescent,
  hypergradient,
  hypergradientDescent,
  implicit,
  matmul,
  mean,
  newton,
  optimizer,
  scan,
  softplus,
  square,
  stream,
  sum,
  tensor,
  zeros,
  statistics,
  timing,
} from '../lib/index.js'
import type { HypergradientOptions, NDArray, Tensor } from '../lib/index.js'
import { atLeast, atMost, reported } from './figures.js'
import type { Figure } from './figures.js'

const groups = 4
const alpha = 4

/** Rows and features of the training data, and of the validation data. */
type Shape = readonly [rows: number, features: number]

type Problem = HypergradientOptions<Tensor, Tensor, never>

interface Rows {
  readonly A: NDArray
  readonly b: NDArray
}

/** Rows whose targets follow the first features, with noise. */
const draw = (name: string, [rows, features]: Shape, signs: boolean): Rows => {
  const random = stream(3, `bench bilevel ${name}`)
  const A = random.normals(rows * features)
  const noise = random.normals(rows, rows * features)
  const b = noise.map((z, i) => {
    let u = z
    for (let j = 0; j < features; j++) u += (A[i * features + j] as number) * Math.exp(-j / 3)
    return signs ? Math.sign(u) : u
  })
  return { A: array(A, [rows, features]), b: array(b) }
}

const problemOf = (
  loss: 'ridge' | 'logistic',
  inner: 'Newton' | 'gradient descent',
  shape: Shape,
): Problem => {
  const features = shape[1]
  const logistic = loss === 'logistic'
  const meanLoss = ({ A, b }: Rows, x: Tensor): Tensor => {
    const u = matmul(A, x)
    return mean(logistic ? softplus(u.mul(b).neg()) : square(u.sub(b)).mul(0.5))
  }
  const [training, validation] = [draw('training', shape, logistic), draw('validation', shape, logistic)]
  const groupOf = Array.from({ length: features }, (_, j) => j % groups)
  const penalty = (theta: Tensor): Tensor => gather(theta, groupOf).exp()
  const objective = (x: Tensor, theta: Tensor): Tensor =>
    meanLoss(training, x).add(sum(penalty(theta).mul(square(x))).mul(0.5))
  // Above the largest eigenvalue of AᵀA / N, or a quarter of it.
  const smooth = logistic ? 0.5 : 2
  const solver =
    inner === 'Newton'
      ? newton({ objective, tol: 1e-9, lineSearch: 'none' })
      : gradientDescent({
          objective,
          stepSize: (theta: Tensor) => theta.exp().sum().add(smooth).reciprocal(),
          tol: 1e-7,
        })
  return {
    inner: solver as never,
    x0: zeros([features]),
    outer: (x) => meanLoss(validation, x),
    strategy: implicit(),
    certificate: false,
  }
}

/** The whole descent of one start: θ after so many steps of length α, each inner solve from where the last one ended; h and ∇h there. */
const alone = (problem: Problem, steps: number) => {
  const x0 = problem.x0 as NDArray
  const h = hypergradient(problem)
  return compile((theta: Tensor) => {
    const [{ at, x: last }] = scan(
      (carry: { readonly at: Tensor; readonly x: Tensor }) => {
        const { gradient, x } = h(carry.at, carry.x)
        return [{ at: carry.at.sub(gradient.mul(alpha)), x }, undefined] as const
      },
      {
        at: theta,
        x: tensor(x0),
      },
      undefined,
      { length: steps },
    )
    const { value, gradient } = h(at, last)
    return { at, value, gradient }
  })
}

const apart = (left: Float64Array, right: Float64Array): number =>
  left.reduce((worst, x, i) => Math.max(worst, Math.abs(x - (right[i] as number)) / (1 + Math.abs(x))), 0)

interface Size {
  readonly starts: number
  /** Starts that are run one after the other. */
  readonly sample: number
  /** Outer steps. */
  readonly steps: number
  readonly rounds: number
  /** How many times faster lanes must be; only reported where there is none. */
  readonly bar?: number
}

const figuresOf = async (
  name: string,
  problem: Problem,
  { starts, sample, steps, rounds, bar }: Size,
): Promise<Figure[]> => {
  const theta0 = array(
    stream(3, 'bench bilevel starts')
      .uniforms(starts * groups)
      .map((u) => 6 * u - 5),
    [starts, groups],
  )
  const single = alone(problem, steps)
  const row = (i: number): Float64Array => theta0.data.subarray(i * groups, (i + 1) * groups)
  const oneByOne = (): Float64Array[] =>
    Array.from({ length: sample }, (_, i) => (single(row(i)).value.at as NDArray).data)
  const together = async (certificate: boolean) =>
    hypergradientDescent({
      ...{ problem: { ...problem, certificate }, theta0, tol: 1e-300, share: 1, maxSteps: steps },
      optimizer: optimizer.descent({ stepSize: alpha }),
    })
  const found = await together(false)
  if (found.status.some((status) => status !== 'maxSteps')) {
    throw new OnestepError('bilevel: a descent ended early', {
      code: 'ERR_BENCH',
      received: [...new Set(found.status)].join(', '),
      remedy: 'Find out why before measuring anything',
    })
  }
  const difference = Math.max(
    ...oneByOne().map((theta, i) => apart(theta, found.theta.data.subarray(i * groups, (i + 1) * groups))),
  )
  const times = await timing.sideBySide(
    {
      lanes: timing.computing(() => together(false)),
      certified: timing.computing(() => together(true)),
      alone: timing.computing(oneByOne),
    },
    { rounds, turn: 0.05 },
  )
  const title = `${String(starts)} starts, ${String(steps)} outer steps, ${name}`
  const faster = `${title}: times one after the other`
  const one = times.alone.map((seconds) => (seconds / sample) * starts)
  return [
    atMost(`${title}: θ of lanes and of T = 1 differ by`, difference, 1e-6),
    reported(`${title}: processor seconds as lanes`, statistics.median(times.lanes)),
    reported(`${title}: with certificates`, statistics.median(times.certified)),
    reported(
      `${title}: one after the other at T = 1, extrapolated from ${String(sample)}`,
      statistics.median(one),
    ),
    bar === undefined
      ? reported(faster, timing.ratio(one, times.lanes))
      : atLeast(faster, timing.ratio(one, times.lanes), bar),
  ]
}

/**
 * All figures of the outer loop; a minute on a quiet machine, seconds where quick. Lanes multiply one matrix by many vectors at the
 * peak of the processor, T = 1 does so at the speed of its caches: 2 to 4 times is what there is to win, and more with the size of
 * the matrix. A Newton step or two of small matrices is little more than what an instance costs anyway.
 */
export const outerLoop = async ({ quick }: { readonly quick: boolean }): Promise<Figure[]> => {
  const size = quick ? { starts: 64, sample: 8, rounds: 3 } : { starts: 1024, sample: 64, rounds: 3 }
  const table = [
    { loss: 'ridge', inner: 'gradient descent', shape: [1000, 48], steps: 20, bar: 4 },
    { loss: 'logistic', inner: 'gradient descent', shape: [400, 20], steps: 10 },
    { loss: 'logistic', inner: 'Newton', shape: [400, 20], steps: 20 },
  ] as const
  const figures: Figure[] = []
  for (const { loss, inner, shape, steps, ...rest } of table) {
    const name = `${loss} ${shape.join(' × ')} by ${inner}`
    const extent = quick ? { ...size, steps: 3 } : { ...size, steps, ...rest }
    figures.push(...(await figuresOf(name, problemOf(loss, inner, shape), extent)))
  }
  return figures
}
