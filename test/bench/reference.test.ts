// Every flaw of the published code is seen, and the right formula passes the same check.
import { test } from 'tap'
import { flaws } from '../../bench/paper/flaws/finding.js'
import { anyStart, partsOf, publishedInteriorPoint } from '../../bench/paper/flaws/publishedInteriorPoint.js'
import { qpData, qpPrograms, sizes } from '../../bench/paper/qp.js'
import { referenceExperiment, showReference } from '../../bench/paper/reference.js'
import { compile, implicit, solve } from '../../lib/index.js'
import type { NDArray, Tensor } from '../../lib/index.js'

const result = await referenceExperiment({ quick: true, quiet: true })

for (const [flaw, title] of Object.entries(flaws)) {
  test(title, async (t) => {
    const found = result.findings.filter((finding) => finding.flaw === flaw)
    t.ok(found.length > 0)
    if (flaw === 'label') return
    const judged = found.filter(({ bar }) => bar !== undefined)
    t.ok(judged.length > 0, 'something is judged')
    for (const { quantity, right, published, bar = NaN } of judged) {
      t.ok(right < bar, `right: ${quantity}: ${String(right)}`)
      t.notOk(published < bar, `published: ${quantity}: ${String(published)}`)
    }
  })
}

test('what is known of the published figures', async (t) => {
  const valueOf = (start: string): (typeof result.findings)[number] => {
    const found = result.findings.find(({ quantity }) => quantity.startsWith(start))
    if (found === undefined) throw new Error(`no finding "${start}"`)
    return found
  }
  t.equal(valueOf('evaluations of f').published, 50)
  t.equal(valueOf('1 − t').published, 2 ** -51)
  const { right, published } = valueOf('‖J − J*‖ / ‖J*‖ of K = 1')
  t.ok(right > 0.9 && published < 0.1, 'the curve that is shown is another one')
  t.equal(
    valueOf('steps to convergence: random data').published,
    valueOf('steps to convergence: random data').right,
  )
  const text = showReference(result)
  for (const title of Object.values(flaws)) t.ok(text.includes(title), title)
})

test('the loop is that of the solver of the library, where both are right', async (t) => {
  const data = qpData(sizes[0])
  const ours = compile((b: Tensor) => {
    const solver = publishedInteriorPoint(data, { start: 'right', measure: 'residual', tol: 1e-10 })
    return partsOf(data, solve(solver, { x0: anyStart(data), theta: b, strategy: implicit() })).x
  })(data.b)
  const theirs = qpPrograms(data).forward(data.b)
  t.equal(ours.status, 'converged')
  const half = (ours.value as NDArray).data.reduce((total, v) => total + 0.5 * v * v, 0)
  t.ok(Math.abs(half / (theirs.value as number) - 1) < 1e-8)
})
