// Figures and bars: what a bench says must follow from what it measured.
import { test } from 'tap'
import { atLeast, atMost, reported, showFigures } from '../../bench/figures.js'
import { machine } from '../../lib/index.js'

test('bars', async (t) => {
  const table: readonly (readonly [string, ReturnType<typeof reported>, boolean, string | null])[] = [
    ['at the bar', atLeast('a', 4, 4), true, '≥ 4'],
    ['below', atLeast('a', 3.99, 4), false, '≥ 4'],
    ['at most', atMost('a', 50, 50), true, '≤ 50'],
    ['above', atMost('a', 50.1, 50), false, '≤ 50'],
    ['NaN reaches no bar', atLeast('a', NaN, 4), false, '≥ 4'],
    ['NaN stays under no bar', atMost('a', NaN, 4), false, '≤ 4'],
    ['no bar', reported('a', 1), true, null],
  ]
  for (const [what, { ok, bar }, wantedOk, wantedBar] of table) {
    t.equal(ok, wantedOk, what)
    t.equal(bar, wantedBar, what)
  }
})

test('a result names its machine and marks what was missed', async (t) => {
  const about = machine()
  t.equal(about.blas.threads, 1)
  t.ok(about.cores >= 1 && about.processor.length > 0 && about.simd.length > 0)
  const text = showFigures({ machine: about, figures: [atLeast('speed', 1, 2), atLeast('care', 3, 2)] })
  t.match(text, /speed +1 +≥ 2 +MISSED/)
  t.notMatch(text, /care.*MISSED/)
})
