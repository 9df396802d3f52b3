// Newton on weighted logistic regression with its one-step gradient, beside NumPy: one problem at T = 1, and a batch of
// problems each with its own data.
import {
  OnestepError,
  array,
  compile,
  oneStep,
  solve,
  sumSquares,
  valueAndGrad,
  zeros,
  statistics,
  timing,
} from '../lib/index.js'
import type { NDArray, Operand, Tensor } from '../lib/index.js'
import { atLeast, reported } from './figures.js'
import type { Figure } from './figures.js'
import { logisticData, logisticObjective, logisticStart, logisticWeights } from './paper/logistic.js'
import { publishedNewton } from './paper/publishedNewton.js'
import { relativeError } from './paper/spectrum.js'
import { startPeer } from './peer.js'
import type { Peer } from './peer.js'

/** ½‖x̄‖² and its one-step gradient in θ: [n], for features [n, p] and labels [n] that may be traced or numbers. */
const oneStepGradient = (p: number, features: Operand, labels: Operand, theta: Tensor): [Tensor, Tensor] => {
  const solver = publishedNewton(logisticObjective({ features, labels }))
  const loss = (t: Tensor): Tensor =>
    sumSquares(solve(solver, { x0: logisticStart(p), theta: t, strategy: oneStep() })).mul(0.5)
  return valueAndGrad(loss)(theta)
}

interface LogisticArrays {
  /** [batch, n, p] */
  readonly features: Float64Array
  /** [batch, n] */
  readonly labels: Float64Array
  /** [batch, n] */
  readonly weights: Float64Array
}

/** Problems with data of their own, batch first. */
export const logisticBatch = (batch: number, n: number, p: number): LogisticArrays => {
  const features = new Float64Array(batch * n * p)
  const labels = new Float64Array(batch * n)
  const weights = new Float64Array(batch * n)
  for (let i = 0; i < batch; i++) {
    const data = logisticData(i + 1, p, n)
    features.set(data.features.data, i * n * p)
    labels.set(data.labels.data, i * n)
    weights.set(logisticWeights(n).data, i * n)
  }
  return { features, labels, weights }
}

/** The peer of so many problems. */
export const startLogisticPeer = (
  batch: number,
  n: number,
  p: number,
  arrays: LogisticArrays,
): Promise<Peer<'gradients'>> =>
  startPeer('newton_logistic.py', { arrays: { ...arrays }, sizes: [batch, n, p], outputs: ['gradients'] })

/** Refuses to compare times of different results. */
const checkSame = (ours: Float64Array, peer: Peer<'gradients'>): void => {
  const error = relativeError(ours, peer.outputs.gradients)
  if (error <= 1e-9) return
  throw new OnestepError('our gradients differ from those of NumPy', {
    code: 'ERR_BENCH',
    expected: 'a relative difference of at most 1e-9',
    received: String(error),
    remedy: 'Find out which one is wrong before timing either',
  })
}

/** One problem with n = 2p samples, T = 1. */
export const singleFigures = async (p: number, bar: number, rounds: number): Promise<Figure[]> => {
  const arrays = logisticBatch(1, 2 * p, p)
  const { features, labels } = logisticData(1, p)
  const program = compile((w: Tensor) => oneStepGradient(p, features, labels, w))
  const theta = logisticWeights(2 * p)
  await using peer = await startLogisticPeer(1, 2 * p, p, arrays)
  checkSame((program(theta).value[1] as NDArray).data, peer)
  const times = await timing.sideBySide(
    { ours: timing.computing(() => program(theta)), numpy: peer.contestant },
    { rounds, turn: 0.05 },
  )
  const title = `Newton logistic with one-step gradient, p = ${String(p)}, T = 1`
  return [
    reported(`${title}: milliseconds`, 1e3 * statistics.median(times.ours)),
    reported(`${title}: NumPy milliseconds`, 1e3 * statistics.median(times.numpy)),
    atLeast(`${title}: times NumPy`, timing.ratio(times.numpy, times.ours), bar),
  ]
}

/** Features [n, p], labels [n] and sample weights [n] of a problem; of a batch, each with a leading axis. */
export type LogisticData<T> = Readonly<Record<'features' | 'labels' | 'theta', T>>

/** The loss of a problem with p features and its one-step gradient in θ, its data being arguments. */
export const logisticGradient =
  (p: number) =>
  ({ features, labels, theta }: LogisticData<Tensor>): [Tensor, Tensor] =>
    oneStepGradient(p, features, labels, theta)

export const logisticArguments = (
  batch: number,
  n: number,
  p: number,
  { features, labels, weights }: LogisticArrays,
): LogisticData<NDArray> => ({
  features: array(features, [batch, n, p]),
  labels: array(labels, [batch, n]),
  theta: array(weights, [batch, n]),
})

/** Problems with p = 10, n = 200, each with its own data, as one batch. */
export const batchFigures = async (batch: number, rounds: number): Promise<Figure[]> => {
  const [n, p] = [200, 10]
  const arrays = logisticBatch(batch, n, p)
  const args = logisticArguments(batch, n, p, arrays)
  const one = { features: zeros([n, p]), labels: zeros([n]), theta: zeros([n]) }
  const gradient = logisticGradient(p)
  const [lanes, alone] = [compile(gradient), compile(gradient, { lanes: 1 })]
  await using peer = await startLogisticPeer(batch, n, p, arrays)
  for (const program of [lanes, alone]) checkSame(program.batch(args).value[1].data, peer)
  const times = await timing.sideBySide(
    {
      lanes: timing.computing(() => lanes.batch(args)),
      alone: timing.computing(() => alone.batch(args)),
      numpy: peer.contestant,
    },
    { rounds, turn: 0.05 },
  )
  const title = `${String(batch)} problems, p = 10, n = 200, T = ${String(lanes.lower(one).lanes)}`
  return [
    reported(`${title}: microseconds a problem`, (1e6 * statistics.median(times.lanes)) / batch),
    atLeast(`${title}: times the NumPy loop`, timing.ratio(times.numpy, times.lanes), 10),
    atLeast(`${title}: times our program at T = 1`, timing.ratio(times.alone, times.lanes), 3),
  ]
}
