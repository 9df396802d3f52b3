// The Newton experiment at small sizes: its schema, its accuracy, and the laws of convergence.
import { test } from 'tap'
import { convergence } from '../../bench/paper/convergence.js'
import { logisticData } from '../../bench/paper/logistic.js'
import { experimentData, newtonPrograms, newtonRow, sizes } from '../../bench/paper/newton.js'
import { showNewton } from '../../bench/paper/newtonReport.js'
import { publishedNewton } from '../../bench/paper/publishedNewton.js'
import { publishedNewtonRows } from '../../bench/paper/published.js'
import { inProcess, onPool } from '../../bench/paper/runner.js'
import { distance } from '../../bench/paper/spectrum.js'
import { Pool, compile, newton, softplus, solve, sum } from '../../lib/index.js'
import type { NDArray, Tensor } from '../../lib/index.js'
import { startLogisticPeer } from '../../bench/logisticPeers.js'
import type { Peer } from '../../bench/peer.js'

test('data: an intercept, then columns of mean 0 and deviation 1, shifted by label', async (t) => {
  const [p, n] = [9, 18]
  const { features, labels } = logisticData(1, p)
  t.strictSame([features.shape, labels.shape], [[n, p], [n]])
  const column = (j: number): number[] => Array.from({ length: n }, (_, i) => features.at(i, j))
  t.ok(column(0).every((x) => x === 1))
  for (let j = 1; j < p; j++) {
    const mean = column(j).reduce((s, x) => s + x, 0) / n
    t.ok(Math.abs(mean) < 1e-14 && Math.abs(column(j).reduce((s, x) => s + x * x, 0) / n - 1) < 1e-13)
  }
  t.strictSame([...labels.data], [...new Array<number>(p).fill(1), ...new Array<number>(p).fill(-1)])
  const big = logisticData(2, 50, 2000).features
  const means = [0, 1].map((half) => {
    let total = 0
    for (let i = half * 1000; i < half * 1000 + 1000; i++) for (let j = 1; j < 50; j++) total += big.at(i, j)
    return total / 49000
  })
  t.ok(
    Math.abs((means[0] as number) + 1 / 7) < 0.03 && Math.abs((means[1] as number) - 1 / 7) < 0.03,
    'shifts of ∓ 1/√(p − 1)',
  )
})

test('the published stop test looks before the step', async (t) => {
  const objective = (x: Tensor, theta: Tensor): Tensor => sum(softplus(x)).sub(sum(x.mul(theta)))
  const options = { x0: [0.1], theta: [0.3] }
  const before = compile(() => solve(publishedNewton(objective, { tol: 1e-8 }), options))()
  const after = compile(() => solve(newton({ objective, lineSearch: 'none', tol: 1e-8 }), options))()
  t.equal(before.iterations, (after.iterations ?? NaN) + 1)
  t.strictSame([before.status, after.status], ['converged', 'converged'])
  t.ok(Math.abs((before.value as NDArray).at(0) - Math.log(0.3 / 0.7)) < 1e-15)
})

test('p = 50: 8 + 1 iterations, and three derivatives that agree', async (t) => {
  const row = await newtonRow(50, 1)
  t.equal(row.iterations, 8)
  t.ok(row.osMinusId <= 5e-12, `|OS − ID| = ${String(row.osMinusId)}`)
  t.ok(row.adMinusId <= 5e-12, `|AD − ID| = ${String(row.adMinusId)}`)
  t.ok(row.osMinusId > 0 && row.adMinusId > 0, 'they are three computations')
  t.ok(Math.abs(row.gradNorm / (publishedNewtonRows[50]?.gradNorm ?? NaN) - 1) < 0.1)
  for (const times of [row.seconds, row.overForward]) {
    t.strictSame(Object.keys(times), ['forward', 'oneStep', 'implicit', 'unrolled'])
    t.ok(Object.values(times).every((x) => x > 0))
  }
  t.match(showNewton({ rows: [row], convergence: [] }), /50 {2}8 \+ 1/)
})

test('the forward program makes one step more than the loop', async (t) => {
  const { forward, oneStep } = newtonPrograms(50)
  const theta = new Float64Array(100).fill(0.01)
  const [whole, loop] = [forward(theta), oneStep(theta)]
  t.strictSame([whole.iterations, loop.iterations], [8, 8])
  t.ok(Math.abs((whole.value as number) / (loop.value[0] as number) - 1) < 1e-13, 'x₉ is x₈ to rounding')
  // A Hessian in the loop, and one for the step after it.
  const hessians = forward
    .explain(theta)
    .stages.map(({ instructions }) => instructions.filter(({ text }) => text.includes('gram(')).length)
  t.strictSame(
    hessians.filter((count) => count > 0),
    [1, 1],
  )
})

type LogisticPeer = Peer<'gradients'>

/** The peer, or why there is none here. */
const peerOf = async (...problem: Parameters<typeof startLogisticPeer>): Promise<LogisticPeer | string> => {
  try {
    return await startLogisticPeer(...problem)
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_PEER') throw error
    return String(error)
  }
}

const peerSize = 50
const { features, labels } = experimentData(peerSize)
const weights = new Float64Array(2 * peerSize).fill(1 / (2 * peerSize))
const peer = await peerOf(1, 2 * peerSize, peerSize, {
  features: features.data,
  labels: labels.data,
  weights,
})

test('NumPy computes the same gradient', { skip: typeof peer === 'string' ? peer : false }, async (t) => {
  const { about, contestant, outputs, [Symbol.asyncDispose]: stop } = peer as LogisticPeer
  const { value } = newtonPrograms(peerSize).oneStep(weights)
  const gradient = (value[1] as NDArray).data
  t.ok(distance(gradient, outputs.gradients) < 1e-10 * distance(gradient))
  t.ok((await contestant(1)) > 0)
  t.equal(about.blas?.threads, 1)
  await stop()
})

test('the laws of convergence', async (t) => {
  await using pool = new Pool({ threads: 2 })
  const rows = await convergence(onPool(pool), 14, [4, 5, 6, 7])
  t.strictSame(rows, await convergence(inProcess, 14, [4, 5, 6, 7]), 'the same bits in this thread')
  t.strictSame(
    rows.map(({ k }) => k),
    [4, 5, 6, 7],
  )
  rows.forEach((row, i) => {
    const { k, e, oneStep, twoStep, unrolled, implicit, normA } = row
    t.ok(row.detachedMinusImplicit <= 1e-12, `k = ${String(k)}: detached is implicit one iteration before`)
    // Linear in e(k − 1), with a constant that hardly moves.
    t.ok(oneStep / e > 0.05 && oneStep / e < 2, `one-step / e = ${String(oneStep / e)}`)
    t.ok(implicit < oneStep ** 2 * 10 + 1e-14 && unrolled < oneStep, 'implicit is quadratic')
    t.ok(normA < 10 * e, 'A vanishes at the solution')
    const before = rows[i - 1]
    if (before !== undefined)
      t.ok(twoStep < 5 * before.oneStep * oneStep + 1e-14, 'two-step is a product of two errors')
  })
  // What would pass if errors were measured against the wrong iterate.
  const last = rows[2] as (typeof rows)[number]
  t.ok(last.oneStep > 100 * last.implicit, 'one-step and implicit differ before convergence')
})

test('published sizes', async (t) => {
  t.strictSame([...sizes].map(String), Object.keys(publishedNewtonRows))
})
