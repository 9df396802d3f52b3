// What each estimator costs and how wrong it is: the gradient of ½‖x₍k₎‖² in θ, by programs that take turns.
//   cost = processor time of solve and gradient / that of the solve alone,     error = ‖ḡ − ∇‖ / ‖∇‖ with ∇ at the solution
// Four kinds of algorithms: quadratic (Newton), a last step shorter than 1 (interior point), fast linear, slow linear.
import {
  compile,
  grad,
  implicit,
  mul,
  neumann,
  oneStep,
  ones,
  solve,
  sumSquares,
  truncated,
  unrolled,
  zeros,
  statistics,
  timing,
} from '../../lib/index.js'
import type { NDArray, Solver, Strategy, Tensor } from '../../lib/index.js'
import { exactly } from './exactly.js'
import { logisticData, logisticObjective, logisticStart, logisticWeights } from './logistic.js'
import { publishedNewton } from './publishedNewton.js'
import { qpData, qpPrograms, sizes } from './qp.js'
import { ridgeProblems } from './ridge.js'
import { relativeError } from './spectrum.js'
import { ridgeMap, ridgeSolution } from './weightedRidge.js'
import type { RidgeData } from './weightedRidge.js'

export type Family =
  'one-step' | 'one-step / α' | 'truncated-K' | 'neumann-K' | 'CG' | 'implicit' | 'unrolled'

export interface CostPoint {
  readonly problem: string
  readonly estimator: Family
  /** K, or steps of CG; absent where there is none. */
  readonly terms?: number
  readonly cost: number
  /** Seconds of solve and gradient, processor time. */
  readonly seconds: number
  readonly error: number
}

/** One estimator of a problem: `run` solves and differentiates. */
interface Entry {
  readonly estimator: Family
  readonly terms?: number
  readonly run: () => Float64Array
}

const measured = async (
  problem: string,
  forward: () => unknown,
  entries: readonly Entry[],
  exact: Float64Array,
  rounds: number,
): Promise<CostPoint[]> => {
  const contestants = Object.fromEntries(entries.map(({ run }, i) => [String(i), timing.computing(run)]))
  const times = await timing.sideBySide(
    { ...contestants, forward: timing.computing(forward) },
    { rounds, turn: 0.02 },
  )
  const of = (name: string): readonly number[] => (times as Record<string, readonly number[]>)[name] ?? []
  return entries.map(({ estimator, terms, run }, i) => ({
    ...{ problem, estimator, ...(terms === undefined ? {} : { terms }) },
    cost: timing.ratio(of(String(i)), of('forward')),
    seconds: statistics.median(of(String(i))),
    error: relativeError(run(), exact),
  }))
}

/** A way to differentiate, as it stands in the figure. */
interface Choice {
  readonly estimator: Family
  readonly terms?: number
  readonly strategy: Strategy
}

const simple: readonly Choice[] = [
  { estimator: 'one-step', strategy: oneStep() },
  { estimator: 'implicit', strategy: implicit() },
  { estimator: 'unrolled', strategy: unrolled({ checkpoints: 'all' }) },
]
const byTerms = (counts: readonly number[]): readonly Choice[] => [
  ...counts.map((terms): Choice => ({ estimator: 'truncated-K', terms, strategy: truncated(terms) })),
  ...counts.map((terms): Choice => ({ estimator: 'neumann-K', terms, strategy: neumann(terms) })),
]
const byCg = (steps: readonly number[]): readonly Choice[] =>
  steps.map((terms) => ({
    ...{ estimator: 'CG', terms },
    strategy: implicit({ linearSolver: 'cg', maxSteps: terms, tol: 0 }),
  }))

const loss = (x: Tensor): Tensor => mul(0.5, sumSquares(x))

/** A solver at θ: the loss alone, and its gradient by a strategy. */
const programsOf = <S>(solver: Solver<Tensor, Tensor, S>, x0: NDArray, theta: NDArray) => {
  const lossBy = (strategy: Strategy) => (t: Tensor) => loss(solve(solver, { x0, theta: t, strategy }))
  const forward = compile(lossBy(oneStep()))
  return {
    forward: () => forward(theta),
    gradient: (strategy: Strategy): (() => Float64Array) => {
      const program = compile(grad(lossBy(strategy)))
      return () => (program(theta).value as NDArray).data
    },
  }
}

const entriesOf = (
  { gradient }: { readonly gradient: (strategy: Strategy) => () => Float64Array },
  choices: readonly Choice[],
): Entry[] => choices.map(({ strategy, ...choice }) => ({ ...choice, run: gradient(strategy) }))

const newtonCosts = async (p: number, steps: number, rounds: number): Promise<CostPoint[]> => {
  const objective = logisticObjective(logisticData(1, p))
  const after = (maxSteps: number) =>
    programsOf(publishedNewton(objective, { maxSteps, tol: 0 }), logisticStart(p), logisticWeights(2 * p))
  const programs = after(steps)
  return measured(
    `Newton, p = ${String(p)}, ${String(steps)} steps`,
    programs.forward,
    entriesOf(programs, [...simple, ...byTerms([2])]),
    after(12).gradient(implicit())(),
    rounds,
  )
}

const interiorPointCosts = async (rounds: number): Promise<CostPoint[]> => {
  const [size] = sizes
  const data = qpData(size)
  const programs = qpPrograms(data)
  const gradientOf = (program: (b: NDArray) => { readonly value: unknown }) => (): Float64Array =>
    (program(data.b).value as readonly [number, NDArray])[1].data
  return measured(
    `interior point, n = ${String(size.n)}`,
    () => programs.forward(data.b),
    [
      { estimator: 'one-step', run: gradientOf(programs.oneStep) },
      { estimator: 'one-step / α', run: gradientOf(programs.corrected) },
      { estimator: 'implicit', run: gradientOf(programs.implicit) },
      { estimator: 'unrolled', run: gradientOf(programs.unrolled) },
    ],
    // The same program, solved further.
    gradientOf(qpPrograms(data, 0.99999, 1e-15).implicit)(),
    rounds,
  )
}

/** A problem of gradient descent: α = share · σ₁², and what is tried on it. */
interface Descent {
  readonly share: number
  readonly steps: number
  readonly counts: readonly number[]
  readonly cg: readonly number[]
}

const descentCosts = async (
  data: RidgeData,
  { share, steps, counts, cg }: Descent,
  rounds: number,
): Promise<CostPoint[]> => {
  const found = ridgeProblems(data, 'correct', [share]).find(({ step }) => step === '2/(mu+L)')
  if (found === undefined) throw new Error('there is no problem with the step 2/(μ + L)')
  const { kappa, problem } = found
  const [n, p] = problem.features.shape as readonly [number, number]
  const theta = ones([n])
  const programs = programsOf(exactly(steps, ridgeMap(problem)), zeros([p]), theta)
  const exact = compile(grad((t: Tensor) => loss(ridgeSolution(problem, t).x)))
  return measured(
    `gradient descent, κ = ${String(kappa)}, ${String(steps)} steps`,
    programs.forward,
    entriesOf(programs, [...simple, ...byTerms(counts), ...byCg(cg)]),
    (exact(theta).value as NDArray).data,
    rounds,
  )
}

/** Ridge of κ ≈ 4 and κ ≈ 1001, both by the step 2/(μ + L). */
export const descents: readonly Descent[] = [
  { share: 0.3, steps: 40, counts: [2, 5, 10, 20], cg: [1, 2, 3, 5] },
  { share: 1e-3, steps: 5000, counts: [10, 100, 1000], cg: [2, 3, 4, 5] },
]

export interface CostOptions {
  readonly rounds?: number
  /** Problems of gradient descent; default {@link descents}. */
  readonly descents?: readonly Descent[]
  /** Called after each problem. */
  readonly onProblem?: () => void
}

/** Points of all problems; they run in this thread, one after another, which nothing may run beside. */
export const estimatorCosts = async (
  data: RidgeData,
  { rounds = 3, descents: wanted = descents, onProblem = () => undefined }: CostOptions = {},
): Promise<readonly CostPoint[]> => {
  const points: CostPoint[] = []
  const problems = [
    () => newtonCosts(106, 6, 3 * rounds),
    () => interiorPointCosts(3 * rounds),
    ...wanted.map((descent) => () => descentCosts(data, descent, rounds)),
  ]
  for (const problem of problems) {
    points.push(...(await problem()))
    onProblem()
  }
  return points
}
