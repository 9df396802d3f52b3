// The interior-point experiment beside NumPy: the same predictor-corrector, from the same start to the same stopping test and
// one step more, there by one LU factorization of the whole KKT matrix a step (peers/qp_kkt.py).
import {
  OnestepError,
  compile,
  interiorPoint,
  oneStep,
  primalDualStart,
  solve,
  statistics,
  timing,
} from '../../lib/index.js'
import type { NDArray, PrimalDual, Solver, Tensor } from '../../lib/index.js'
import { startPeer } from '../peer.js'
import type { Peer } from '../peer.js'
import { qpData, stepFrom } from './qp.js'
import type { QpData, QpSize } from './qp.js'
import { relativeError } from './spectrum.js'

const [tau, tol, maxSteps] = [0.99999, 1e-10, 50]

export interface QpPeerRow {
  readonly n: number
  /** Processor time of a solve with its one step more, ours and theirs. */
  readonly seconds: number
  readonly numpySeconds: number
  /** Theirs over ours: the median of the ratios of the rounds. */
  readonly ratio: number
  /** Steps of the loop, ours and theirs. */
  readonly iterations: number
  readonly numpyIterations: number
  /** ‖x − x of NumPy‖ / ‖x of NumPy‖ */
  readonly difference: number
}

/** x after the loop and one step more, as a function of b. */
const pointAfter = (data: QpData): ((b: Tensor) => Tensor) => {
  const problem = (b: Tensor) => ({ ...data, b })
  const options = { problem, tau, measure: 'centring', tol, maxSteps } as const
  const solver = interiorPoint(options)
  const x0 = primalDualStart(data) as PrimalDual<unknown> as PrimalDual<Tensor>
  return (b) => {
    const point = solve(solver as Solver<PrimalDual<Tensor>, Tensor, unknown>, {
      x0,
      theta: b,
      strategy: oneStep(),
    })
    return stepFrom(options, point, b).x as Tensor
  }
}

/** NumPy with a problem, or the reason why it does not play. */
export const startQpPeer = async (
  { n, m, p }: QpSize,
  data: QpData,
): Promise<Peer<'x' | 'iterations'> | string> => {
  try {
    return await startPeer('qp_kkt.py', {
      arrays: Object.fromEntries(Object.entries(data).map(([name, { data: numbers }]) => [name, numbers])),
      sizes: [n, m, p, tau, tol, maxSteps],
      outputs: ['x', 'iterations'],
      modules: ['numpy', 'scipy'],
    })
  } catch (error) {
    if (error instanceof OnestepError && error.code === 'ERR_PEER') return error.message
    throw error
  }
}

/** One size, turns taken for `rounds` rounds; the reason where NumPy does not play. */
export const qpPeerRow = async (size: QpSize, rounds: number): Promise<QpPeerRow | string> => {
  const data = qpData(size)
  const peer = await startQpPeer(size, data)
  if (typeof peer === 'string') return peer
  await using numpy = peer
  const program = compile(pointAfter(data))
  const { value, iterations } = program(data.b)
  const times = await timing.sideBySide(
    { ours: timing.computing(() => program(data.b)), numpy: numpy.contestant },
    { rounds, turn: 0.02 },
  )
  return {
    n: size.n,
    seconds: statistics.median(times.ours),
    numpySeconds: statistics.median(times.numpy),
    ratio: timing.ratio(times.numpy, times.ours),
    iterations,
    numpyIterations: numpy.outputs.iterations[0] ?? NaN,
    difference: relativeError((value as NDArray).data, numpy.outputs.x),
  }
}
