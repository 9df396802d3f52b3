// What becomes of an instance, by what was found of it.
import { test } from 'tap'
import { judge } from '../../lib/bilevel/descentJudge.js'
import type { Finding, Rules } from '../../lib/bilevel/descentJudge.js'
import { gradientStatusCode, statusCode } from '../../lib/base/status.js'

const good: Finding = {
  ...{ inner: statusCode.converged, gradient: gradientStatusCode.ok, value: 1, norm: 1 },
  ...{ estimate: 0.1, stepSize: 0.5, finite: true },
}
const rules: Rules = { worst: statusCode.converged, tol: 1e-3, share: 0.5, maxSteps: 10 }
const young = { steps: 3, refinements: 0 }
const refined = { steps: 3, refinements: 4 }
const last = { steps: 10, refinements: 0 }

/** What was found, what is known, what becomes of it, and of an instance that was looked at as exactly as can be. */
const table: readonly (readonly [string, Partial<Finding>, typeof young, string])[] = [
  ['a good gradient', {}, young, 'step'],
  ['an error of half of the norm', { estimate: 0.5 }, young, 'step'],
  ['an error above half of the norm', { estimate: 0.51 }, young, 'refine'],
  ['the same, refined', { estimate: 0.51 }, refined, 'inaccurate'],
  ['an error that is not known', { estimate: Infinity }, refined, 'inaccurate'],
  ['an error that is no number', { estimate: NaN }, young, 'refine'],
  ['no certificate', { estimate: undefined }, young, 'step'],
  ['a small norm', { norm: 5e-4, estimate: 5e-4 }, young, 'converged'],
  ['a small norm, not surely', { norm: 5e-4, estimate: 5.1e-4 }, young, 'refine'],
  ['a small norm without certificate', { norm: 1e-3, estimate: undefined }, young, 'converged'],
  ['a small norm at the last step', { norm: 0, estimate: 0 }, last, 'converged'],
  ['the last step', {}, last, 'maxSteps'],
  ['the last step, not known well enough', { estimate: 0.6 }, last, 'refine'],
  ['no step length', { stepSize: 0 }, young, 'refine'],
  ['no step length, refined', { stepSize: 0 }, refined, 'noDescent'],
  ['a step to nowhere', { finite: false }, young, 'nonFinite'],
  ['no value', { value: NaN }, young, 'nonFinite'],
  ['an infinite norm', { norm: Infinity }, young, 'nonFinite'],
  ['inner steps used up', { inner: statusCode.maxSteps }, young, 'innerFailed'],
  [
    'the same at a tightened tolerance',
    { inner: statusCode.maxSteps },
    { steps: 0, refinements: 1 },
    'inaccurate',
  ],
  ['an inner solve that diverged', { inner: statusCode.diverged }, refined, 'innerFailed'],
  ['a singular adjoint', { gradient: gradientStatusCode.singular }, young, 'gradientFailed'],
  ['a strategy that missed its tolerance', { gradient: gradientStatusCode.toleranceNotMet }, young, 'refine'],
  ['the same, refined', { gradient: gradientStatusCode.toleranceNotMet }, refined, 'inaccurate'],
]

for (const [name, change, known, expected] of table) {
  test(name, async (t) => {
    t.equal(judge({ ...good, ...change }, rules, known), expected)
  })
}

test('inner solves that reached their limit, where they are to be used', async (t) => {
  const lenient = { ...rules, worst: statusCode.maxSteps }
  t.equal(judge({ ...good, inner: statusCode.maxSteps }, lenient, young), 'step')
  t.equal(judge({ ...good, inner: statusCode.diverged }, lenient, young), 'innerFailed')
})
