// The bench "bilevel": hypergradient descent from 1,024 starts as lanes, beside the same descents one after the other. What is compared
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
} from '../lib/index.js'
import type { HypergradientOptions, NDArray, Tensor } from '../lib/index.js'
import { atLeast, atMost, reported } from './figures.js'
import type { Figure } from './figures.js'
import { computing, median, ratio, sideBySide } from './timing.js'

/** Rows and features of the training and of the validation data, and groups of features. */
const [rows, features, groups] = [400, 20, 4]
const alpha = 4

type Problem = HypergradientOptions<Tensor, Tensor, never>

interface Rows {
  readonly A: NDArray
  readonly b: NDArray
}

/** Rows whose targets follow the first features, with noise. */
const draw = (name: string, signs: boolean): Rows => {
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

const problemOf = (inner: 'Newton' | 'gradient descent', logistic: boolean): Problem => {
  const loss = ({ A, b }: Rows, x: Tensor): Tensor => {
    const u = matmul(A, x)
    return mean(logistic ? softplus(u.mul(b).neg()) : square(u.sub(b)).mul(0.5))
  }
  const [training, validation] = [draw('training', logistic), draw('validation', logistic)]
  const groupOf = Array.from({ length: features }, (_, j) => j % groups)
  const penalty = (theta: Tensor): Tensor => gather(theta, groupOf).exp()
  const objective = (x: Tensor, theta: Tensor): Tensor =>
    loss(training, x).add(sum(penalty(theta).mul(square(x))).mul(0.5))
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
    outer: (x) => loss(validation, x),
    strategy: implicit(),
    certificate: false,
  }
}

/** The whole descent of one start: θ after so many steps of length α, each inner solve from where the last one ended. */
const alone = (problem: Problem, steps: number) => {
  const x0 = problem.x0 as NDArray
  const h = hypergradient(problem)
  return compile((theta: Tensor) => {
    const [{ at }] = scan(
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
    return at
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
    Array.from({ length: sample }, (_, i) => (single(row(i)).value as NDArray).data)
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
  const times = await sideBySide(
    {
      lanes: computing(() => together(false)),
      certified: computing(() => together(true)),
      alone: computing(oneByOne),
    },
    { rounds, turn: 0.05 },
  )
  const title = `${String(starts)} starts, ${String(steps)} outer steps, ${name}`
  const faster = `${title}: times one after the other`
  const one = times.alone.map((seconds) => (seconds / sample) * starts)
  return [
    atMost(`${title}: θ of lanes and of T = 1 differ by`, difference, 1e-6),
    reported(`${title}: processor seconds as lanes`, median(times.lanes)),
    reported(`${title}: with certificates`, median(times.certified)),
    reported(`${title}: one after the other at T = 1, extrapolated from ${String(sample)}`, median(one)),
    bar === undefined
      ? reported(faster, ratio(one, times.lanes))
      : atLeast(faster, ratio(one, times.lanes), bar),
  ]
}

/**
 * All figures of the outer loop; two minutes on a quiet machine, seconds where quick. The bar stands where an outer step is work of
 * the kind that lanes are for; a Newton step or two of small matrices is little more than what an instance costs anyway.
 */
export const bilevel = async ({ quick }: { readonly quick: boolean }): Promise<Figure[]> => {
  const size = quick ? { starts: 64, sample: 8, rounds: 3 } : { starts: 1024, sample: 16, rounds: 3 }
  const steps = (count: number): number => (quick ? 3 : count)
  return [
    ...(await figuresOf('ridge by gradient descent', problemOf('gradient descent', false), {
      ...{ ...size, steps: steps(60) },
      ...(quick ? {} : { bar: 4 }),
    })),
    ...(await figuresOf('logistic by gradient descent', problemOf('gradient descent', true), {
      ...{ ...size, steps: steps(10) },
    })),
    ...(await figuresOf('logistic by Newton', problemOf('Newton', true), { ...size, steps: steps(20) })),
  ]
}
