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
import type { NDArray, ShownProgress, Strategy, Tensor } from '../../lib/index.js'
import { exactly } from './exactly.js'
import type { PublishedRidge } from './published.js'
import type { Runner } from './runner.js'
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

/** Problems for one formula: for each share c, α = c σ₁², with s = 1/L and 2/(μ + L); default the four of the figure. */
export const ridgeProblems = (
  data: RidgeData,
  formula: Formula,
  shares: readonly number[] = [1e-3, 1e-2],
) => {
  const columns = transposed(data.features)
  const spectrum = squaredSingularValues(columns)
  const [largest, smallest] = [spectrum[0] as number, Math.max(0, spectrum[spectrum.length - 1] as number)]
  return shares.flatMap((share) => {
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

const arrayOf = (value: number | NDArray): NDArray => value as NDArray

type Programs = ReturnType<typeof ridgePrograms>

/** A block of steps: where it starts, where it ends, and its derivatives. */
interface Block {
  readonly start: NDArray
  readonly x: NDArray
  readonly P: NDArray
  readonly E: NDArray
}

const differentiated = async (
  run: Runner,
  { differentiate }: Programs,
  start: NDArray,
  theta: NDArray,
): Promise<Block> => ({ start, ...((await run(differentiate, start, theta)) as Omit<Block, 'start'>) })

/** The Jacobian of several blocks in a row, from the start of the first. */
const chained = async (run: Runner, { chain }: Programs, list: readonly Block[]): Promise<NDArray> => {
  let D = (list[0] as Block).E
  for (const { P, E } of list.slice(1)) D = arrayOf(await run(chain, P, D, E))
  return D
}

type Estimates = Readonly<Record<string, NDArray>>

/** What estimators say at the end of the last of these blocks. */
type Estimator = (list: readonly Block[], theta: NDArray) => Promise<Estimates>

/** The estimators of the figure. */
const figureEstimators = (run: Runner, programs: Programs): Estimator => {
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
  return async (list, theta) => {
    const { start, x, E } = list[list.length - 1] as Block
    const estimates: Record<string, NDArray> = { unrolled: await chained(run, programs, list) }
    let from = start
    for (const { K, advance, jacobian } of stops) {
      from = arrayOf(await run(advance, from, theta))
      estimates[`truncated-${String(K)}`] = arrayOf(await run(jacobian, from, theta))
    }
    estimates[`truncated-${String(block)}`] = E
    for (const [name, at] of Object.entries(atPoint)) estimates[name] = arrayOf(await run(at, x, theta))
    return estimates
  }
}

/**
 * The sweep over K. ∂ₓF is constant here, so that P = (∂ₓF)¹⁰⁰⁰ also lengthens a Neumann series:
 * neumann-(K + 1000) = P neumann-K + neumann-1000.
 */
const sweepEstimators = (run: Runner, programs: Programs): Estimator => {
  const half = block / 2
  const advance = programs.advance(half)
  const [truncatedHalf, neumannHalf, neumannBlock] = [
    programs.truncated(half),
    programs.at(neumann(half)),
    programs.at(neumann(block)),
  ]
  return async (list, theta) => {
    const { start, x, P } = list[list.length - 1] as Block
    const series = arrayOf(await run(neumannBlock, x, theta))
    const middle = arrayOf(await run(advance, start, theta))
    const estimates: Record<string, NDArray> = {
      [`truncated-${String(half)}`]: arrayOf(await run(truncatedHalf, middle, theta)),
      [`neumann-${String(half)}`]: arrayOf(await run(neumannHalf, x, theta)),
    }
    let sum = series
    for (let i = 2; i <= list.length; i++) {
      sum = arrayOf(await run(programs.chain, P, sum, series))
      estimates[`truncated-${String(i * block)}`] = await chained(run, programs, list.slice(-i))
      estimates[`neumann-${String(i * block)}`] = sum
    }
    return estimates
  }
}

export interface ErrorOptions {
  /** Blocks of steps; default 5. */
  readonly count?: number
  /** Whether to sweep over K at the end, too. */
  readonly sweep?: boolean
  /** Called after each block, and after the sweep. */
  readonly onPart?: () => void
}

/** Relative errors of one problem: of the estimators at the end of every block, of the iterates, and of the sweep at the end. */
export const problemErrors = async (run: Runner, problem: WeightedRidge, options: ErrorOptions = {}) => {
  const { count = blocks, sweep = false, onPart = () => undefined } = options
  const [n, p] = problem.features.shape as readonly [number, number]
  const theta = ones([n])
  const programs = ridgePrograms(problem)
  const { x, jacobian: exact } = (await run(programs.solution, theta)) as {
    readonly x: NDArray
    readonly jacobian: NDArray
  }
  const errors = (iteration: number, estimates: Estimates) =>
    Object.entries(estimates).map(([estimator, j]) => ({
      estimator,
      iteration,
      relativeError: relativeError(j.data, exact.data),
    }))
  const estimate = figureEstimators(run, programs)
  const list: Block[] = []
  const rows: ReturnType<typeof errors> = []
  while (list.length < count) {
    list.push(await differentiated(run, programs, list.at(-1)?.x ?? zeros([p]), theta))
    rows.push(...errors(list.length * block, await estimate(list, theta)))
    onPart()
  }
  const swept = sweep ? errors(count * block, await sweepEstimators(run, programs)(list, theta)) : []
  if (sweep) onPart()
  return {
    rows,
    iterates: list.map((made, i) => ({
      ...{ estimator: 'iterate', iteration: (i + 1) * block },
      relativeError: relativeError(made.x.data, x.data),
    })),
    sweep: swept,
  }
}

/** All rows of the experiment: eight problems beside each other. `onProgress` hears of their parts. */
export const ridge = async (
  run: Runner,
  data: RidgeData,
  onProgress: (progress: ShownProgress) => void = () => undefined,
) => {
  const problems = formulas.flatMap((formula) =>
    ridgeProblems(data, formula).map(({ kappa, step, problem }) => ({
      place: { kappa, step, formula },
      problem,
      sweep: formula === 'correct' && kappa > 500,
    })),
  )
  const total = problems.reduce((sum, { sweep }) => sum + blocks + (sweep ? 1 : 0), 0)
  const begun = performance.now()
  let done = 0
  const onPart = (): void => {
    onProgress({ done: ++done, total, statuses: {}, seconds: (performance.now() - begun) / 1000 })
  }
  const all = await Promise.all(
    problems.map(async ({ place, problem, sweep }) => {
      const errors = await problemErrors(run, problem, { sweep, onPart })
      const placed = (list: typeof errors.rows): RidgeRow[] => list.map((entry) => ({ ...place, ...entry }))
      return {
        rows: placed(errors.rows),
        iterates: place.formula === 'correct' ? placed(errors.iterates) : [],
        sweep: placed(errors.sweep),
      }
    }),
  )
  return {
    rows: all.flatMap(({ rows }) => rows),
    iterates: all.flatMap(({ iterates }) => iterates),
    sweep: all.flatMap(({ sweep }) => sweep),
  }
}
