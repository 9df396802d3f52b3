// Differences and their errors against derivatives that are known: the error is at least what the difference is off by.
import fc from 'fast-check'
import { test } from 'tap'
import { stream } from '../../../lib/base/random.js'
import { extrapolate, noiseLevel, ratio } from '../../../lib/study/gradientCheck/differences.js'
import type { Difference } from '../../../lib/study/gradientCheck/differences.js'

const measured = (f: (t: number) => number, sigma: number, rungs = 10): Difference =>
  extrapolate(
    f(0),
    Array.from({ length: rungs }, (_, i) => {
      const h = 0.05 / ratio ** i
      return { h, plus: f(h), minus: f(-h) }
    }),
    sigma,
  ) as Difference

const rounding = (f: (t: number) => number): number => 2 ** -52 * Math.abs(f(0)) + 1e-300

/** f and f′(0). */
const smooth: readonly (readonly [string, (t: number) => number, number])[] = [
  ['a line', (t) => 3 + 2 * t, 2],
  ['a parabola', (t) => 3 + 2 * t + 5 * t * t, 2],
  ['exp', Math.exp, 1],
  ['a fast sine', (t) => Math.sin(40 * t + 1), 40 * Math.cos(1)],
  ['near a pole', (t) => 1 / (t + 0.06), -1 / 0.0036],
  ['|t|³', (t) => Math.abs(t) ** 3 + t, 1],
  ['a large offset', (t) => 1e8 + Math.sin(t), 1],
  ['a derivative of 0', (t) => Math.cos(t), 0],
]

test('known functions: what is off is below the error, and the error is small', async (t) => {
  for (const [name, f, want] of smooth) {
    const { derivative, truncation, noise, kink } = measured(f, rounding(f))
    const error = 4 * (truncation + noise) + kink
    t.ok(Math.abs(derivative - want) <= error, `${name}: ${String(derivative - want)} ± ${String(error)}`)
    t.ok(error < (name === 'a large offset' ? 1e-3 : 1e-6 * Math.max(1, Math.abs(want))), name)
  }
})

test('random smooth functions with noise', async (t) => {
  const property = fc.property(
    fc.double({ min: -3, max: 3, noNaN: true }),
    fc.double({ min: 0.1, max: 30, noNaN: true }),
    fc.double({ min: -2, max: 2, noNaN: true }),
    fc.integer({ min: 0, max: 1000 }),
    fc.constantFrom(0, 1e-13, 1e-9, 1e-5),
    (a, b, c, seed, sigma) => {
      const draws = stream(seed, 'noise')
      let k = 0
      const noisy = (x: number): number => Math.exp(a * x) + Math.sin(b * x + c) + sigma * draws.normal(k++)
      const { derivative, truncation, noise } = measured(noisy, sigma + 2 ** -51)
      return Math.abs(derivative - (a + b * Math.cos(c))) <= 4 * (truncation + noise)
    },
  )
  t.equal(fc.check(property, { seed: 7, numRuns: 400 }).failed, false)
})

test('a kink is measured: half the jump of the derivative', async (t) => {
  const jump = (size: number) => (x: number) => Math.sin(x) + (size / 2) * Math.abs(x)
  for (const size of [2, 0.1, 1e-4]) {
    const f = jump(size)
    const { kink } = measured(f, rounding(f))
    t.ok(Math.abs(kink / (size / 2) - 1) < 1e-4, String(size))
  }
  // At a distance it is none: smaller steps do not reach it.
  const away = (x: number): number => Math.abs(x - 0.01)
  const { kink, derivative, step } = measured(away, rounding(away))
  t.ok(kink < 1e-9 && Math.abs(derivative + 1) < 1e-9 && step < 0.01)
})

test('more rungs than the noise allows do no harm', async (t) => {
  for (const rungs of [3, 5, 20]) {
    const { derivative } = measured(Math.exp, 2 ** -52, rungs)
    t.ok(Math.abs(derivative - 1) < (rungs === 3 ? 1e-6 : 1e-9), String(rungs))
  }
})

test('values that overflow have no difference', async (t) => {
  t.equal(
    extrapolate(
      0,
      [1e-300, 1e-301, 1e-302].map((h) => ({ h, plus: 1e300, minus: -1e300 })),
      0,
    ),
    undefined,
  )
})

test('the level of noise', async (t) => {
  const points = Array.from({ length: 9 }, (_, i) => i - 4)
  for (const sigma of [1e-12, 1e-6, 1]) {
    const levels = Array.from({ length: 200 }, (_, k) => {
      const draws = stream(k, 'level')
      return noiseLevel(points.map((p) => Math.exp(1e-9 * p) + sigma * draws.normal(p + 4))) / sigma
    }).sort((a, b) => a - b)
    const [low, median, high] = [levels[2], levels[100], levels[197]] as [number, number, number]
    t.ok(
      low > 0.3 && median > 0.8 && median < 1.6 && high < 3,
      `${String(sigma)}: ${String([low, median, high])}`,
    )
  }
  t.equal(noiseLevel(points.map(() => 3)), 0, 'a constant has none')
  t.equal(noiseLevel(points.map((p) => p * p * p)), 0, 'nor has a cubic, exactly')
})
