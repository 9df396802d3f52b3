// Figures, bars and medians: what a bench says must follow from what it measured.
import { machine, statistics, timing } from '../../lib/index.js'
import { test } from 'tap'
import { atLeast, atMost, reported, showFigures } from '../../bench/figures.js'

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

test('medians and ratios', async (t) => {
  t.equal(statistics.median([3, 1, 2]), 2)
  t.equal(statistics.median([4, 1, 2, 3]), 2.5)
  t.ok(Number.isNaN(statistics.median([])))
  // The ratio of the round counts, not that of medians: a slow round is slow for all.
  t.equal(timing.ratio([2, 20, 200], [1, 10, 100]), 2)
  t.equal(timing.ratio([2, 20, 300], [1, 10, 100]), 2)
})

test('contestants take turns, for as many calls as fill one', async (t) => {
  const order: string[] = []
  const fake = (name: string, seconds: number) => (calls: number) => {
    order.push(name)
    return calls * seconds
  }
  const times = await timing.sideBySide(
    { slow: fake('slow', 1), fast: fake('fast', 0.001) },
    { rounds: 3, turn: 0.1 },
  )
  t.strictSame(times.slow, [1, 1, 1])
  t.ok(times.fast.every((x) => Math.abs(x - 0.001) < 1e-12))
  t.strictSame(order.slice(-6), ['slow', 'fast', 'fast', 'slow', 'slow', 'fast'])
  for (const clock of [timing.computing, timing.waiting]) {
    let calls = 0
    t.ok((await clock(() => calls++)(5)) >= 0)
    t.equal(calls, 5)
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
