// The uneven batch beside loops that wait for the slowest: the fastest that compiled Python offers, on one thread.
import { OnestepError, compile, implicit, statistics, timing } from '../lib/index.js'
import { atLeast, reported } from './figures.js'
import type { Figure } from './figures.js'
import { startPeer } from './peer.js'
import {
  checkSolved,
  closedForm,
  dimension,
  maxSteps,
  orthogonal,
  unevenArguments,
  unevenBatch,
  unevenErrors,
  unevenGradient,
  unevenSolution,
} from './unevenBatch.js'

/** Processor seconds of both on one thread, and their errors. */
export const lockStepFigures = async (batch: number, rounds: number): Promise<Figure[]> => {
  const problem = unevenBatch(batch)
  const args = unevenArguments(problem)
  const ours = compile(unevenGradient(implicit()))
  const results = ours.batch(args)
  checkSolved(problem, results)
  await using peer = await startPeer('uneven_batch.py', {
    arrays: { Q: orthogonal().data, rho: problem.rho, theta: problem.theta },
    sizes: [batch, dimension, maxSteps],
    outputs: ['x', 'gradientTheta', 'gradientRho'],
  })
  const { x, gradientTheta, gradientRho } = peer.outputs
  const right = closedForm(problem, 'implicit')
  const errors = {
    ours: unevenErrors(unevenSolution(results.value), right),
    peer: unevenErrors({ x, theta: gradientTheta, rho: gradientRho }, right),
  }
  if (!(errors.peer.x < 1e-3)) {
    throw new OnestepError('the peer does not solve the uneven batch', {
      code: 'ERR_BENCH',
      expected: 'a relative error of x below 1e-3',
      received: String(errors.peer.x),
    })
  }
  const times = await timing.sideBySide(
    { ours: timing.computing(() => ours.batch(args)), peer: peer.contestant },
    { rounds, turn: 0.2 },
  )
  const method = peer.about.method ?? 'the peer'
  const title = `uneven batch, B = ${String(batch)}, with implicit gradients, one thread`
  return [
    reported(`${title}: processor milliseconds`, 1e3 * statistics.median(times.ours)),
    reported(`${title}: processor milliseconds of ${method}`, 1e3 * statistics.median(times.peer)),
    reported(`${title}: largest relative errors of x`, errors.ours.x),
    reported(`${title}: largest relative errors of x of ${method}`, errors.peer.x),
    reported(`${title}: largest relative errors of the gradient`, errors.ours.gradient),
    reported(`${title}: largest relative errors of the gradient of ${method}`, errors.peer.gradient),
    atLeast(`${title}: times ${method}`, timing.ratio(times.peer, times.ours), 5),
  ]
}
