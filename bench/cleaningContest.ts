// Hyper-cleaning by hypergradient descent, the same steps (Adam) with each strategy: the true ‖∇h‖ over the processor time spent.
// HOAG is CG with inner solves that are exact only as far as the outer step needs it (Pedregosa 2016).
import {
  array,
  compile,
  dataCleaning,
  hypergradient,
  hypergradientDescent,
  implicit,
  innerTolerance,
  neumann,
  oneStep,
  optimizer,
  truncated,
} from '../lib/index.js'
import type { InnerTolerance, NDArray, Strategy, Tensor } from '../lib/index.js'
import type { CleaningDigits } from './cleaningData.js'

const K = 50
const cg = implicit({ linearSolver: 'cg', tol: 1e-8 })

interface Contestant {
  readonly name: string
  readonly strategy: Strategy
  /** Of the inner solves; default 1e-6 for all. */
  readonly tolerance?: InnerTolerance
}

const contestants: readonly Contestant[] = [
  { name: 'one-step', strategy: oneStep() },
  { name: `truncated(${String(K)})`, strategy: truncated(K) },
  { name: `neumann(${String(K)})`, strategy: neumann(K) },
  { name: 'implicit, CG', strategy: cg },
  { name: 'implicit, LU', strategy: implicit() },
  { name: 'HOAG, exponential', strategy: cg, tolerance: innerTolerance.exponential() },
  { name: 'HOAG, quadratic', strategy: cg, tolerance: innerTolerance.quadratic() },
]

/** The outer steps that one strategy made. */
export interface ContestCurve {
  readonly name: string
  /** Processor seconds until the hypergradient at θₖ was there, tracing and lowering included; k = 0, 1, … */
  readonly seconds: readonly number[]
  /** ‖∇h(θₖ)‖, by CG at solutions that are a hundred times more exact. */
  readonly norm: readonly number[]
}

export interface ContestOptions {
  readonly regularization: number
  /** Outer steps. */
  readonly steps: number
}

const processorSeconds = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

const columnsOf = (table: { readonly data: readonly Float64Array[] }): Float64Array =>
  Float64Array.from(table.data[0] ?? [])

/** The curve of each contestant, from weights ½. */
export const cleaningContest = async (
  { training, validation }: CleaningDigits,
  { regularization, steps }: ContestOptions,
): Promise<readonly ContestCurve[]> => {
  const problemOf = (tol: number) =>
    dataCleaning({ training, validation }, { regularization, tol, maxSteps: 50_000 })
  const [{ inner, x0, outer, theta }, exact] = [problemOf(1e-6), problemOf(1e-8)]
  const h = hypergradient({ inner: exact.inner, x0, outer, strategy: cg, certificate: false })
  const truth = compile((t: Tensor, x: Tensor) => h(t, x).gradient)
  const shape = (x0 as NDArray).shape
  const normAt = (at: Float64Array, x: Float64Array): number => {
    const gradient = truth(array(at), array(x, shape)).value as NDArray
    return Math.hypot(...gradient.data)
  }
  const curve = async ({ name, strategy, tolerance }: Contestant): Promise<ContestCurve> => {
    const seconds: number[] = []
    const places: (readonly [theta: Float64Array, x: Float64Array])[] = []
    const begun = processorSeconds()
    await hypergradientDescent<Tensor, Tensor, unknown>({
      problem: { inner, x0, outer, strategy, certificate: false },
      theta0: array(theta.data, [1, ...theta.shape]),
      optimizer: optimizer.adam({ stepSize: 0.3 }),
      ...{ tol: 1e-300, maxSteps: steps, lanes: 1 },
      ...(tolerance === undefined ? {} : { tolerance }),
      onStep: ({ state }) => {
        seconds.push(processorSeconds() - begun)
        const { columns } = state()
        places.push([columnsOf(columns.theta), columnsOf(columns.x)])
      },
    })
    return { name, seconds, norm: places.map(([at, x]) => normAt(at, x)) }
  }
  const curves: ContestCurve[] = []
  for (const contestant of contestants) curves.push(await curve(contestant))
  return curves
}

/** Processor seconds until ‖∇h‖ has fallen to the given share of what it is at the start; NaN where it never does. */
export const secondsTo = ({ seconds, norm }: ContestCurve, share: number): number => {
  const k = norm.findIndex((value) => value <= share * (norm[0] as number))
  return seconds[k] ?? NaN
}
