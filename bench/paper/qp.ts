// The interior-point experiment: a random quadratic program, differentiated in the right-hand side b of its equalities by
// one-step, implicit and unrolled. The published solver stops when the corrector's right-hand side is small, and makes one step
// more, which is differentiated:
//   forward   x of the step after the loop           unrolled  the same x, the derivative of all steps
//   one-step  x̄ of the loop, ∂θF(x̄, θ)               implicit  x̄ of the loop, by the optimality conditions
// A last step of length α = τ has the one-step derivative τ J: the published error of 1e-6 is 1 − τ, and division by α removes it.
import {
  compile,
  implicit,
  interiorPoint,
  matmul,
  oneStep,
  primalDualStart,
  solve,
  stream,
  sumSquares,
  unrolled,
  valueAndGrad,
  array,
} from '../../lib/index.js'
import type { InteriorPointOptions, NDArray, PrimalDual, Solver, Strategy, Tensor } from '../../lib/index.js'
import { contest, contestOver } from './contest.js'
import type { Cost, InstanceCost } from './contest.js'
import { distance } from './spectrum.js'

/** Published sizes n; m equalities and p inequalities. */
export const sizes = [
  { n: 100, m: 25, p: 50 },
  { n: 178, m: 44, p: 89 },
  { n: 316, m: 79, p: 158 },
  { n: 562, m: 141, p: 281 },
  { n: 1000, m: 250, p: 500 },
] as const
export type QpSize = (typeof sizes)[number]

export interface QpData {
  readonly Q: NDArray
  readonly q: NDArray
  readonly A: NDArray
  readonly b: NDArray
  readonly G: NDArray
  readonly h: NDArray
}

/** All entries uniform on (−1, 1), Q = R Rᵀ with R: [n, 2n]. Nothing makes it feasible, as in the published code; it was in all draws. */
export const qpData = ({ n, m, p }: QpSize, seed = 1): QpData => {
  const draw = (name: string, ...shape: number[]): NDArray =>
    array(
      stream(seed, `qp ${name}`)
        .uniforms(shape.reduce((a, b) => a * b, 1))
        .map((u) => 2 * u - 1),
      shape,
    )
  const Q = compile((R: Tensor) => matmul(R, R.transpose()))(draw('R', n, 2 * n)).value as NDArray
  return { Q, q: draw('q', n), A: draw('A', m, n), b: draw('b', m), G: draw('G', p, n), h: draw('h', p) }
}

/** The published solver: its stop test, and its share of the way to the boundary. */
const published = (data: QpData, tau: number, tol: number): InteriorPointOptions<Tensor> => ({
  problem: (b) => ({ ...data, b }),
  ...{ tau, measure: 'centring', tol },
})

const loss = ({ x }: PrimalDual<unknown>): Tensor => sumSquares(x as Tensor).mul(0.5)

/** The point one step on. */
export const stepFrom = (
  options: InteriorPointOptions<Tensor>,
  point: PrimalDual<Tensor>,
  b: Tensor,
): PrimalDual<unknown> => {
  const solver = interiorPoint({ ...options, start: 'x0' })
  return solver.point(solver.step(solver.init(point, b), b))
}

/** The loop, the step after it, and the gradients of ½‖x‖² in b. */
export const qpPrograms = (data: QpData, tau = 0.99999, tol = 1e-10) => {
  const options = published(data, tau, tol)
  const solver = interiorPoint(options)
  const x0 = primalDualStart(data) as PrimalDual<unknown> as PrimalDual<Tensor>
  const loop = (b: Tensor, strategy: Strategy): PrimalDual<Tensor> =>
    solve(solver as Solver<PrimalDual<Tensor>, Tensor, unknown>, { x0, theta: b, strategy })
  const oneMore = (b: Tensor, strategy: Strategy): Tensor => {
    const point = loop(b, strategy)
    return loss(stepFrom(options, point, b))
  }
  return {
    forward: compile((b: Tensor) => oneMore(b, oneStep())),
    oneStep: compile(valueAndGrad((b: Tensor) => loss(loop(b, oneStep())))),
    corrected: compile(valueAndGrad((b: Tensor) => loss(loop(b, oneStep({ stepLengthCorrection: true }))))),
    implicit: compile(valueAndGrad((b: Tensor) => loss(loop(b, implicit())))),
    unrolled: compile(valueAndGrad((b: Tensor) => oneMore(b, unrolled({ checkpoints: 'all' })))),
  }
}

export interface QpRow extends Cost {
  readonly n: number
  readonly m: number
  readonly p: number
  /** Steps of the loop; one more is differentiated. */
  readonly iterations: number
  readonly gradNorm: number
  /** |OS − ID| as published, and divided by the last step length. */
  readonly osMinusId: number
  readonly correctedMinusId: number
  readonly adMinusId: number
  /** |OS − ID| / |ID| */
  readonly relative: number
  /** The cost over five random instances. */
  readonly instances: InstanceCost
}

/** One row of the experiment. */
export const qpRow = async (size: QpSize, rounds: number): Promise<QpRow> => {
  const data = qpData(size)
  const programs = qpPrograms(data)
  const gradient = (name: 'oneStep' | 'corrected' | 'implicit' | 'unrolled'): Float64Array =>
    (programs[name](data.b).value[1] as NDArray).data
  const [os, corrected, id, ad] = [
    gradient('oneStep'),
    gradient('corrected'),
    gradient('implicit'),
    gradient('unrolled'),
  ]
  return {
    ...size,
    iterations: programs.oneStep(data.b).iterations,
    gradNorm: distance(id),
    osMinusId: distance(os, id),
    correctedMinusId: distance(corrected, id),
    adMinusId: distance(ad, id),
    relative: distance(os, id) / distance(id),
    ...(await contest((name) => programs[name](data.b), rounds)),
    instances: await contestOver((seed) => {
      const other = qpData(size, seed)
      const run = qpPrograms(other)
      return (name) => run[name](other.b)
    }),
  }
}

export interface LawRow {
  readonly tau: number
  readonly iterations: number
  /** |OS − ID| / |ID|, which is 1 − τ. */
  readonly relative: number
  /** |OS / α − ID|, absolute. */
  readonly corrected: number
}

/** The law "relative one-step error = 1 − τ" at n = 100. */
export const qpLaw = (taus: readonly number[] = [0.9, 0.99, 0.999, 0.99999]): readonly LawRow[] => {
  const data = qpData(sizes[0])
  return taus.map((tau) => {
    const { oneStep, corrected, implicit } = qpPrograms(data, tau)
    const id = (implicit(data.b).value[1] as NDArray).data
    const os = oneStep(data.b)
    return {
      tau,
      iterations: os.iterations,
      relative: distance((os.value[1] as NDArray).data, id) / distance(id),
      corrected: distance((corrected(data.b).value[1] as NDArray).data, id),
    }
  })
}
