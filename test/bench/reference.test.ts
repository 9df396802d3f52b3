// Every flaw of the published code is seen, and the right formula passes the same check.
import { test } from 'tap'
import { flaws } from '../../bench/paper/flaws/finding.js'
import { startBy } from '../../bench/paper/flaws/interiorPointStart.js'
import { qpData, sizes } from '../../bench/paper/qp.js'
import { referenceExperiment, showReference } from '../../bench/paper/reference.js'
import { compile, interiorPoint, oneStep, primalDualStart, solve } from '../../lib/index.js'
import type { NDArray, PrimalDual, Solver, Tensor } from '../../lib/index.js'

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

test('the right start is that of the solver', async (t) => {
  const data = qpData(sizes[0])
  const ours = startBy(data, 'right')
  const solver = interiorPoint({ problem: (b: Tensor) => ({ ...data, b }), maxSteps: 1, tol: 1e300 })
  const { value } = compile((b: Tensor) =>
    solve(solver as Solver<PrimalDual<Tensor>, Tensor, unknown>, {
      ...{
        x0: primalDualStart(data) as PrimalDual<unknown> as PrimalDual<Tensor>,
        theta: b,
        strategy: oneStep(),
      },
    }),
  )(data.b)
  const theirs = value as unknown as PrimalDual<NDArray>
  for (const name of ['x', 's', 'z', 'y'] as const) {
    const [a, b] = [ours[name] as NDArray, theirs[name] as NDArray]
    t.ok(
      a.data.every((v, i) => Math.abs(v - (b.data[i] ?? NaN)) < 1e-6 * (1 + Math.abs(v))),
      name,
    )
  }
})
