// Contestants take turns, clocks count what they should, and what cannot be measured is told.
import { test } from 'tap'
import {
  callsFilling,
  computing,
  ratio,
  sideBySide,
  timed,
  waiting,
} from '../../../lib/study/bench/timing.js'
import type { Contestant, TimingOptions } from '../../../lib/study/bench/timing.js'

test('the ratio', async (t) => {
  // The ratio of the round counts, not that of medians: a slow round is slow for all.
  t.equal(ratio([2, 20, 200], [1, 10, 100]), 2)
  t.equal(ratio([2, 20, 300], [1, 10, 100]), 2)
})

test('contestants take turns, for as many calls as fill one', async (t) => {
  const order: string[] = []
  const fake = (name: string, seconds: number) => (calls: number) => {
    order.push(name)
    return calls * seconds
  }
  const times = await sideBySide(
    { slow: fake('slow', 1), fast: fake('fast', 0.001) },
    { rounds: 3, turn: 0.1 },
  )
  t.strictSame(times.slow, [1, 1, 1])
  t.ok(times.fast.every((x) => Math.abs(x - 0.001) < 1e-12))
  t.strictSame(order.slice(-6), ['slow', 'fast', 'fast', 'slow', 'slow', 'fast'])
  for (const clock of [computing, waiting]) {
    let calls = 0
    t.ok((await clock(() => calls++)(5)) >= 0)
    t.equal(calls, 5)
  }
})

for (const [name, clock] of Object.entries({ waiting, computing })) {
  test(`${name} for a promise`, async (t) => {
    let [begun, ended] = [0, 0]
    const seconds = await clock(async () => {
      t.equal(begun++, ended, 'one call after another')
      await new Promise((resolve) => setTimeout(resolve, 2))
      ended++
    })(3)
    t.strictSame([begun, ended], [3, 3])
    t.ok(seconds >= 0)
  })
}

test('both clocks run over the same calls', async (t) => {
  let calls = 0
  const spin = (): void => {
    const end = performance.now() + 3
    while (performance.now() < end) calls++
  }
  const { wall, processor } = await timed(spin, 3)
  t.ok(wall >= 0.009 && processor > 0 && calls > 0)
  const asleep = await timed(() => new Promise((resolve) => setTimeout(resolve, 30)))
  t.ok(asleep.wall > asleep.processor, 'who sleeps takes no processor time')
})

test('a turn is filled, but not with more calls than that', async (t) => {
  for (const [seconds, most] of [
    [1, 1],
    [0.01, 13],
    [1e-4, 1300],
  ] as const) {
    const calls = await callsFilling((n) => n * seconds, 0.1)
    t.ok(calls * seconds >= 0.1 - 1e-12 && calls <= most, `${String(seconds)}: ${String(calls)}`)
  }
})

test('what cannot be measured is told', async (t) => {
  const one = { a: () => 1 }
  const cases: readonly (readonly [Record<string, Contestant>, TimingOptions])[] = [
    [{}, {}],
    [one, { rounds: 0 }],
    [one, { rounds: 1.5 }],
    [one, { turn: -1 }],
    [one, { turn: Infinity }],
  ]
  for (const [contestants, options] of cases) {
    await t.rejects(sideBySide(contestants, options), { message: /nothing to measure/ })
  }
  await t.rejects(sideBySide(one, { round: 3 } as object), { message: /unknown option "round".*"rounds"/ })
})
