// The bench of the outer loop compares the same descents on both sides.
import { test } from 'tap'
import { outerLoop } from '../../bench/outerLoop.js'

test('the outer loop, quick: both sides end at the same θ, and every figure is a number', async (t) => {
  const figures = await outerLoop({ quick: true })
  const differences = figures.filter(({ name }) => name.includes('differ'))
  t.equal(differences.length, 3)
  for (const { name, ok, bar } of differences) t.ok(ok && bar !== null, name)
  for (const { name, value } of figures) t.ok(Number.isFinite(value), name)
})
