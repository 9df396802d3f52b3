// The bench of strategies at its small size: every problem has every strategy, exact ones are exact, and the page is written.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { strategies } from '../../bench/strategies.js'

test('error and cost of every strategy on every standard problem', async (t) => {
  const out = mkdtempSync(join(tmpdir(), 'onestep-strategies-'))
  t.teardown(() => {
    rmSync(out, { recursive: true })
  })
  const figures = await strategies({ quick: true, out })
  const errors = figures.filter(({ name }) => name.endsWith('relative error'))
  const of = (strategy: string): number[] =>
    errors.filter(({ name }) => name.includes(`, ${strategy}: `)).map(({ value }) => value)
  for (const strategy of ['implicit', 'implicit-cg', 'implicit-gmres', 'auto']) {
    t.ok(of(strategy).length >= 7, `${strategy}: ${String(of(strategy).length)} that do not say otherwise`)
    t.ok(Math.max(...of(strategy)) < 1e-5, `${strategy}: ${String(Math.max(...of(strategy)))}`)
  }
  t.ok(
    Math.max(...of('one-step')) > 0.1 && Math.min(...of('one-step')) < 1e-6,
    'one-step is right for Newton alone',
  )
  t.match(readFileSync(join(out, 'strategies.html'), 'utf8'), /Every strategy on every standard problem/)
})
