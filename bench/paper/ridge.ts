// The ridge experiment: the full Jacobian ∂x₍k₎/∂θ of gradient descent on weighted ridge, [12, 8192], by each estimator at
// k = 1000, 2000, …, 5000, against the closed form. All Jacobians come from `solve` and its strategies, in reverse mode.
// A block of 1000 steps is differentiated at once, by unrolled, and blocks are chained:
//   P = ∂x₍k₊₁₀₀₀₎/∂x₍k₎,   E = ∂x₍k₊₁₀₀₀₎/∂θ with x₍k₎ held constant = truncated-1000,   unrolled ← P unrolled + E
import {
  add,
  compile,
  eye,
  implicit,
  jacobian,
  matmul,
  neumann,
  ones,
  solve,
  truncated,
  unrolled,
  vjp,
  vmap,
  zeros,
} from '../../lib/index.js'
import type { NDArray, Strategy, Tensor } from '../../lib/index.js'
import { exactly } from './exactly.js'
import type { PublishedRidge } from './published.js'
import { relativeError, squaredSingularValues } from './spectrum.js'
import { formulas, ridgeMap, ridgeSolution } from './weightedRidge.js'
import type { Formula, RidgeData, WeightedRidge } from './weightedRidge.js'

export interface RidgeRow {
  /** L / μ, rounded to a whole number. */
  readonly kappa: number
  readonly step: PublishedRidge['step']
  readonly formula: Formula
  readonly estimator: string
  readonly iteration: number
  /** ‖J − J*‖ / ‖J*‖ in the Frobenius norm; for the estimator 'iterate' ‖x − x*‖ / ‖x*‖. */
  readonly relativeError: number
}

/** Steps between two snapshots. */
const block = 1000
const blocks = 5

/** The four problems of the figure, for one formula: α = σ₁² · 10⁻³ and 10⁻², s = 1/L and 2/(μ + L). */
export const ridgeProblems = (data: RidgeData, formula: Formula) => {
  const columns = transposed(data.features)
  const spectrum = squaredSingularValues(columns)
  const [largest, smallest] = [spectrum[0] as number, Math.max(0, spectrum[spectrum.length - 1] as number)]
  return [1e-3, 1e-2].flatMap((share) => {
    const penalty = share * largest
    const [L, mu] = [largest + penalty, smallest + penalty]
    const steps = { '1/L': 1 / L, '2/(mu+L)': 2 / (mu + L) } as const
    return (['1/L', '2/(mu+L)'] as const).map((step) => ({
      ...{ kappa: Math.round(L / mu), step },
      problem: { ...data, penalty, step: steps[step], formula },
    }))
  })
}

/** A: [n, p] as [p, n]. */
const transposed = (a: NDArray): NDArray => {
  const [n, p] = a.shape as readonly [number, number]
  const out = zeros([p, n])
  for (let i = 0; i < n; i++) for (let j = 0; j < p; j++) out.data[j * n + i] = a.data[i * p + j] as number
  return out
}

/** Programs of one problem; x: [p], θ: [n], Jacobians [p, n]. */
export const ridgePrograms = (problem: WeightedRidge) => {
  const map = ridgeMap(problem)
  const p = problem.features.shape[1] as number
  /** x after `steps` steps from x0. */
  const iterate = (x0: Tensor, steps: number, theta: Tensor, strategy: Strategy): Tensor =>
    solve(exactly(steps, map), { x0, theta, strategy })
  /** ∂x/∂θ of it. */
  const jacobianOf = (x0: Tensor, steps: number, theta: Tensor, strategy: Strategy): Tensor =>
    jacobian((t: Tensor) => iterate(x0, steps, t, strategy), { mode: 'reverse' })(theta)
  const whole = unrolled({ checkpoints: 'all' })
  return {
    /** x after a number of steps. */
    advance: (steps: number) => compile((x0: Tensor, theta: Tensor) => iterate(x0, steps, theta, whole)),
    /** One block: its last x, P: [p, p] and E: [p, n]. */
    differentiate: compile((x0: Tensor, theta: Tensor) => {
      const [x, pull] = vjp((from: Tensor, t: Tensor) => iterate(from, block, t, whole), [x0, theta])
      const [P, E] = vmap((v: Tensor) => pull(v))(eye(p))
      return { x, P, E }
    }),
    /** The Jacobian by truncated-K from x₍k₋K₎. */
    truncated: (steps: number) =>
      compile((x0: Tensor, theta: Tensor) => jacobianOf(x0, steps, theta, truncated(steps))),
    /** The Jacobian by a strategy that looks at x₍k₎ alone. */
    at: (strategy: Strategy) => compile((x: Tensor, theta: Tensor) => jacobianOf(x, 0, theta, strategy)),
    /** P D + E */
    chain: compile((P: Tensor, D: Tensor, E: Tensor) => add(matmul(P, D), E)),
    solution: compile((theta: Tensor) => ridgeSolution(problem, theta)),
  }
}

const arrayOf = ({ value }: { readonly value: number | NDArray }): NDArray => value as NDArray

type Programs = ReturnType<typeof ridgePrograms>

/** A block of steps: where it starts, where it ends, and its derivatives. */
interface Block {
  readonly start: NDArray
  readonly x: NDArray
  readonly P: NDArray
  readonly E: NDArray
}

const walk = (programs: Programs, start: NDArray, theta: NDArray, count: number): Block[] => {
  const list: Block[] = []
  for (let x = start; list.length < count;) {
    const made = programs.differentiate(x, theta).value as Omit<Block, 'start'>
    list.push({ start: x, ...made })
    x = made.x
  }
  return list
}

/** The Jacobian of several blocks in a row, from the start of the first. */
const chained = (programs: Programs, list: readonly Block[]): NDArray =>
  list.slice(1).reduce((D, { P, E }) => arrayOf(programs.chain(P, D, E)), (list[0] as Block).E)

type Estimates = Readonly<Record<string, NDArray>>

/** What estimators say at the end of the last of these blocks. */
type Estimator = (list: readonly Block[], theta: NDArray) => Estimates

/** The estimators of the figure. */
const figureEstimators = (programs: Programs): Estimator => {
  const stops = [100, 10, 1].map((K, i, all) => ({
    K,
    advance: programs.advance((all[i - 1] ?? block) - K),
    jacobian: programs.truncated(K),
  }))
  const atPoint = {
    [`neumann-${String(block)}`]: programs.at(neumann(block)),
    implicit: programs.at(implicit()),
    'cg-5': programs.at(implicit({ linearSolver: 'cg', maxSteps: 5, tol: 0 })),
  }
  return (list, theta) => {
    const { start, x, E } = list[list.length - 1] as Block
    const estimates: Record<string, NDArray> = { unrolled: chained(programs, list) }
    let from = start
    for (const { K, advance, jacobian } of stops) {
      from = arrayOf(advance(from, theta))
      estimates[`truncated-${String(K)}`] = arrayOf(jacobian(from, theta))
    }
    estimates[`truncated-${String(block)}`] = E
    for (const [name, at] of Object.entries(atPoint)) estimates[name] = arrayOf(at(x, theta))
    return estimates
  }
}

/**
 * The sweep over K. ∂ₓF is constant here, so that P = (∂ₓF)¹⁰⁰⁰ also lengthens a Neumann series:
 * neumann-(K + 1000) = P neumann-K + neumann-1000.
 */
const sweepEstimators = (programs: Programs): Estimator => {
  const half = block / 2
  const advance = programs.advance(half)
  const [truncatedHalf, neumannHalf, neumannBlock] = [
    programs.truncated(half),
    programs.at(neumann(half)),
    programs.at(neumann(block)),
  ]
  return (list, theta) => {
    const { start, x, P } = list[list.length - 1] as Block
    const series = arrayOf(neumannBlock(x, theta))
    const estimates: Record<string, NDArray> = {
      [`truncated-${String(half)}`]: arrayOf(truncatedHalf(advance(start, theta).value, theta)),
      [`neumann-${String(half)}`]: arrayOf(neumannHalf(x, theta)),
    }
    let sum = series
    for (let i = 2; i <= list.length; i++) {
      sum = arrayOf(programs.chain(P, sum, series))
      estimates[`truncated-${String(i * block)}`] = chained(programs, list.slice(-i))
      estimates[`neumann-${String(i * block)}`] = sum
    }
    return estimates
  }
}

/** Relative errors of one problem: of the estimators at the end of every block, of the iterates, and of the sweep at the end. */
export const problemErrors = (problem: WeightedRidge, count = blocks) => {
  const [n, p] = problem.features.shape as readonly [number, number]
  const theta = ones([n])
  const programs = ridgePrograms(problem)
  const { x, jacobian: exact } = programs.solution(theta).value as {
    readonly x: NDArray
    readonly jacobian: NDArray
  }
  const list = walk(programs, zeros([p]), theta, count)
  const errors = (iteration: number, estimates: Estimates) =>
    Object.entries(estimates).map(([estimator, j]) => ({
      estimator,
      iteration,
      relativeError: relativeError(j.data, exact.data),
    }))
  const estimate = figureEstimators(programs)
  return {
    rows: list.flatMap((_, i) => errors((i + 1) * block, estimate(list.slice(0, i + 1), theta))),
    iterates: list.map((made, i) => ({
      ...{ estimator: 'iterate', iteration: (i + 1) * block },
      relativeError: relativeError(made.x.data, x.data),
    })),
    sweep: () => errors(count * block, sweepEstimators(programs)(list, theta)),
  }
}

/** All rows of the experiment. */
export const ridge = (data: RidgeData) => {
  const rows: RidgeRow[] = []
  const iterates: RidgeRow[] = []
  const sweep: RidgeRow[] = []
  for (const formula of formulas) {
    for (const { kappa, step, problem } of ridgeProblems(data, formula)) {
      const errors = problemErrors(problem)
      const place = <E>(list: readonly E[]) => list.map((entry) => ({ kappa, step, formula, ...entry }))
      rows.push(...place(errors.rows))
      if (formula !== 'correct') continue
      iterates.push(...place(errors.iterates))
      if (kappa > 500) sweep.push(...place(errors.sweep()))
    }
  }
  return { rows, iterates, sweep }
}
