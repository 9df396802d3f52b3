// The interior-point experiment keeps to the published figures and to the law of the last step length.
import { test } from 'tap'
import { compile } from '../../lib/index.js'
import type { NDArray, Tensor } from '../../lib/index.js'
import { qpData, qpLaw, qpPrograms, qpRow, sizes } from '../../bench/paper/qp.js'
import { qpPeerRow, startQpPeer } from '../../bench/paper/qpPeer.js'
import { showQp } from '../../bench/paper/qpReport.js'
import { publishedQpRows } from '../../bench/paper/published.js'

test('qp: one row of the experiment', async (t) => {
  const row = await qpRow(sizes[0], 1)
  const known = publishedQpRows[100]
  t.ok(row.iterations >= 6 && row.iterations <= 14, `${String(row.iterations)} iterations`)
  t.ok(Math.abs(row.relative / 1e-5 - 1) < 0.05, `one-step: ${row.relative.toExponential(2)} relative`)
  t.ok(row.osMinusId < 2 * (known?.osMinusId ?? 0) && row.osMinusId > 0.5 * (known?.osMinusId ?? 0))
  t.ok(row.correctedMinusId < 1e-9, `divided by α: ${row.correctedMinusId.toExponential(1)}`)
  t.ok(row.adMinusId < 1e-10, `unrolled: ${row.adMinusId.toExponential(1)}`)
  const times = { seconds: 1, numpySeconds: 4.25, ratio: 4.25, difference: 3e-16 }
  const beside = { n: 100, iterations: 8, numpyIterations: 8, ...times }
  const text = showQp({ rows: [row], numpy: [beside], law: [] })
  t.match(text, /accuracy/)
  t.match(text, /4\.25 +4\.25 +3\.00e-16/)
  t.match(text, /3\.85e-6/)
})

const peer = await startQpPeer(sizes[0], qpData(sizes[0]))
if (typeof peer !== 'string') await peer[Symbol.asyncDispose]()

test('qp: NumPy computes the same', { skip: typeof peer === 'string' ? peer : false }, async (t) => {
  const row = await qpPeerRow(sizes[0], 1)
  if (typeof row === 'string') {
    t.fail(row)
    return
  }
  t.equal(row.iterations, row.numpyIterations)
  t.ok(row.difference <= 1e-8, `x differs by ${row.difference.toExponential(1)}`)
  t.ok(row.ratio > 0 && row.seconds > 0 && row.numpySeconds > 0)
})

test('qp: without NumPy the reason, and no failure', async (t) => {
  const before = process.env['ONESTEP_PYTHON']
  process.env['ONESTEP_PYTHON'] = '/nowhere/python3'
  const row = await qpPeerRow(sizes[0], 1)
  if (before === undefined) delete process.env['ONESTEP_PYTHON']
  else process.env['ONESTEP_PYTHON'] = before
  t.match(row, /cannot load numpy and scipy.*\/nowhere\/python3/)
})

test('qp: the error of one-step is 1 − τ', async (t) => {
  for (const { tau, relative } of qpLaw([0.9, 0.99, 0.999])) {
    t.ok(Math.abs(relative / (1 - tau) - 1) < 0.05, `τ = ${String(tau)}: ${relative.toExponential(2)}`)
  }
})

test('qp: the gradient against finite differences through the whole solve', async (t) => {
  const data = qpData(sizes[0])
  const { forward, implicit } = qpPrograms(data)
  const gradient = (implicit(data.b).value[1] as NDArray).data
  const along = compile((b: Tensor) => b)
  const direction = Float64Array.from({ length: data.b.size }, (_, i) => Math.sin(i + 1))
  const value = (step: number): number =>
    forward(along(data.b.data.map((v, i) => v + step * (direction[i] as number))).value).value as number
  const step = 1e-4
  const difference = (value(step) - value(-step)) / (2 * step)
  const expected = gradient.reduce((total, g, i) => total + g * (direction[i] as number), 0)
  t.ok(
    Math.abs(difference - expected) < 1e-5 * (1 + Math.abs(expected)),
    `${String(difference)}, ${String(expected)}`,
  )
})
