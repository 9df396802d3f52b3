// The bench "qp": a batch of quadratic programs with their gradients on one thread, beside ProxQP, and the errors of the gradients.
import { OnestepError, compile, implicit, oneStep, statistics, timing } from '../lib/index.js'
import type { NDArray, Results, Strategy, Tensor } from '../lib/index.js'
import { activeSetSolution, rowErrors } from './activeSet.js'
import type { QpSolution } from './activeSet.js'
import { atLeast, atMost, reported } from './figures.js'
import type { Figure } from './figures.js'
import { dgemmPeak } from './kernels.js'
import { startPeer } from './peer.js'
import type { Peer } from './peer.js'
import { qpBatch, qpGradient, qpPoint } from './qpBatch.js'
import type { QpParameters } from './qpBatch.js'

/** The tolerance of the solve, and one with which implicit differentiation is as good. */
const [tol, fine] = [1e-9, 1e-12]

/** Processor seconds for 128 programs on one thread of another machine, whose dgemm makes so many GFLOP/s. */
const recorded = { batch: 128, dgemm: 50, ProxQP: [0.19, 0.03], qpth: [1.3, 0.06] } as const

const strategies: Readonly<Record<string, Strategy>> = {
  implicit: implicit(),
  'one-step': oneStep(),
  'one-step / α': oneStep({ stepLengthCorrection: true }),
}

const converged = <V>(results: Results<V>): V => {
  const i = results.status.findIndex((code, at) => code !== 0 || results.gradientStatus[at] !== 0)
  if (i < 0) return results.value
  throw new OnestepError(`program ${String(i)} of the batch is not solved`, {
    code: 'ERR_BENCH',
    received: `status ${String(results.status[i])}, gradient status ${String(results.gradientStatus[i])}`,
    remedy: 'Find out why before measuring anything',
  })
}

/** Errors of x and of the gradients: the largest and the median of the batch. */
export const accuracyFigures = (
  title: string,
  data: QpParameters<NDArray>,
  exact: QpSolution,
  lanes: number,
): Figure[] => {
  const n = data.p.shape[1] as number
  const errorsAt = (tolerance: number): Figure[] => {
    const about = `${title}, tolerance ${String(tolerance)}`
    const { x } = converged(
      compile((d: QpParameters<Tensor>) => qpPoint(d, oneStep(), tolerance), { lanes }).batch(data),
    )
    const gradients = Object.entries(strategies).flatMap(([name, strategy]) => {
      const { gradient } = converged(compile(qpGradient(strategy, tolerance), { lanes }).batch(data))
      const errors = rowErrors(gradient.data, exact.gradient, n)
      // One-step alone is off by 1 − τ, and implicit by the slack of the weakest constraint over its multiplier.
      const barred = name === 'one-step / α' || (name === 'implicit' && tolerance === fine)
      const [label, worst] = [`${about}: error of ${name}`, Math.max(...errors)]
      return [
        barred ? atMost(`${label}, largest`, worst, 1e-6) : reported(`${label}, largest`, worst),
        reported(`${label}, median`, statistics.median([...errors])),
      ]
    })
    return [
      reported(`${about}: error of x, largest`, Math.max(...rowErrors(x.data, exact.x, n))),
      ...gradients,
    ]
  }
  return [tol, fine].flatMap(errorsAt)
}

/** ProxQP forward alone, and with its derivative, where there is a Python that has it. */
const proxqp = async (data: QpParameters<NDArray>): Promise<readonly Peer<'x' | 'gradient'>[]> => {
  const [batch, m, n] = data.G.shape as readonly [number, number, number]
  const peers: Peer<'x' | 'gradient'>[] = []
  try {
    for (const derivative of [0, 1]) {
      peers.push(
        await startPeer('qp_batch.py', {
          arrays: { Q: data.Q.data, p: data.p.data, G: data.G.data, h: data.h.data },
          sizes: [batch, n, m, tol, derivative],
          outputs: ['x', 'gradient'],
          modules: ['numpy', 'proxsuite'],
        }),
      )
    }
  } catch (error) {
    if (!(error instanceof OnestepError) || error.code !== 'ERR_PEER') throw error
    process.stderr.write(`bench: without ProxQP: ${error.message}\n`)
  }
  return peers
}

/** The batch at several T, forward and backward at the fastest, and ProxQP beside it: as recorded, and here where it is. */
const timeFigures = async (
  title: string,
  data: QpParameters<NDArray>,
  exact: QpSolution,
  { rounds, tiles }: { readonly rounds: number; readonly tiles: readonly number[] },
): Promise<{ readonly figures: Figure[]; readonly lanes: number }> => {
  const [batch, n] = data.p.shape as readonly [number, number]
  const options = { rounds, turn: 0.05 }
  const gradientAt = (lanes: number): timing.Contestant => {
    const program = compile(qpGradient(implicit(), tol), { lanes })
    return timing.computing(() => program.batch(data))
  }
  const byTile = await timing.sideBySide(
    Object.fromEntries(tiles.map((T) => [String(T), gradientAt(T)])),
    options,
  )
  const seconds = (T: number): number => statistics.median(byTile[String(T)] as readonly number[])
  const lanes = [...tiles].sort((a, b) => seconds(a) - seconds(b))[0] as number
  const forward = compile((d: QpParameters<Tensor>) => qpPoint(d, oneStep(), tol).x, { lanes })
  const whole = Object.entries(strategies).map(([name, strategy]) => {
    const program = compile(qpGradient(strategy, tol), { lanes })
    return [name, timing.computing(() => program.batch(data))] as const
  })
  const peers = await proxqp(data)
  try {
    const times: Readonly<Record<string, readonly number[]>> = await timing.sideBySide(
      {
        forward: timing.computing(() => forward.batch(data)),
        ...Object.fromEntries(whole),
        ...Object.fromEntries(peers.map(({ contestant }, i) => [`ProxQP ${String(i)}`, contestant])),
      },
      options,
    )
    const of = (name: string): readonly number[] => times[name] ?? []
    const [ours, alone] = [of('implicit'), of('forward')]
    const at = `${title}, T = ${String(lanes)}`
    const figures = [
      ...tiles.map((T) =>
        reported(`${title}, T = ${String(T)}: seconds with implicit gradients`, seconds(T)),
      ),
      reported(`${at}: seconds forward`, statistics.median(alone)),
      ...whole.map(([name]) =>
        reported(
          `${at}: seconds backward, ${name}`,
          statistics.median(of(name).map((s, i) => s - (alone[i] as number))),
        ),
      ),
      ...againstRecorded(at, statistics.median(ours), batch),
    ]
    const [, both] = peers
    if (both === undefined) return { figures, lanes }
    const errors = rowErrors(both.outputs.gradient, exact.gradient, n)
    return {
      figures: [
        ...figures,
        reported('ProxQP here: seconds forward', statistics.median(of('ProxQP 0'))),
        reported('ProxQP here: seconds forward and backward', statistics.median(of('ProxQP 1'))),
        reported('ProxQP here: error of its gradient, largest', Math.max(...errors)),
        atLeast(`${at}: times ProxQP here, forward and backward`, timing.ratio(of('ProxQP 1'), ours), 1),
      ],
      lanes,
    }
  } finally {
    for (const peer of peers) await peer[Symbol.asyncDispose]()
  }
}

/** What was recorded elsewhere, by the ratio of dgemm there and here, and ours beside it. */
const againstRecorded = (title: string, seconds: number, batch: number): Figure[] => {
  const peak = dgemmPeak()
  const scale = (recorded.dgemm / peak) * (batch / recorded.batch)
  const elsewhere = `recorded on another machine, ${String(recorded.batch)} programs`
  const both = (name: 'ProxQP' | 'qpth'): number => recorded[name][0] + recorded[name][1]
  return [
    ...(['ProxQP', 'qpth'] as const).flatMap((name) => [
      reported(`${elsewhere}: ${name} forward, seconds`, recorded[name][0]),
      reported(`${elsewhere}: ${name} backward, seconds`, recorded[name][1]),
    ]),
    reported('dgemm peak, GFLOP/s, recorded there', recorded.dgemm),
    reported('dgemm peak, GFLOP/s', peak),
    reported(
      `${title}: share of the recorded time of qpth, scaled by dgemm`,
      seconds / (both('qpth') * scale),
    ),
    atMost(
      `${title}: share of the recorded time of ProxQP, scaled by dgemm`,
      seconds / (both('ProxQP') * scale),
      1,
    ),
  ]
}

/** All figures of quadratic programs; about half a minute on a quiet machine; `quick`: 16 programs, few rounds. */
export const qp = async ({ quick }: { readonly quick: boolean }): Promise<Figure[]> => {
  const [batch, n] = [quick ? 16 : 128, 100]
  const data = qpBatch(batch, n, n)
  const found = converged(compile((d: QpParameters<Tensor>) => qpPoint(d, oneStep(), fine)).batch(data))
  const exact = activeSetSolution(data, found)
  const title = `${String(batch)} programs, n = ${String(n)}`
  const { figures, lanes } = await timeFigures(title, data, exact, {
    rounds: quick ? 3 : 7,
    tiles: quick ? [1, 8] : [1, 8, 16],
  })
  return [
    reported(`${title}: active constraints of a program`, exact.active / batch),
    ...figures,
    ...accuracyFigures(title, data, exact, lanes),
  ]
}
