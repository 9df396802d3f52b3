// What a study file may say of a strategy, an optimizer, a domain or a schedule is what the library takes: the same names, the same
// options, and the same values refused.
import t from 'tap'
import { OnestepError } from '../../../lib/base/errors.js'
import {
  auto,
  backtracking,
  domain,
  implicit,
  innerTolerance,
  neumann,
  oneStep,
  optimizer,
  phantom,
  truncated,
  unrolled,
} from '../../../lib/index.js'
import * as library from '../../../lib/index.js'
import { domains, optimizers, schedules } from '../../../lib/study/specification/descent.js'
import {
  domainOf,
  innerToleranceOf,
  optimizerOf,
  strategyOf,
} from '../../../lib/study/specification/factories.js'
import type { Table } from '../../../lib/study/specification/named.js'
import { strategies } from '../../../lib/study/specification/strategies.js'

type Options = Readonly<Record<string, unknown>>

/** The options that a factory says that it knows. */
const knownTo = (make: (options: never) => unknown, needed: Options = {}): readonly string[] => {
  try {
    make({ ...needed, noSuchOption: 1 } as never)
  } catch (error) {
    if (error instanceof OnestepError && error.code === 'ERR_UNKNOWN_OPTION') {
      return (error.expected ?? '').replace(/^one of /, '').split(', ')
    }
    throw error
  }
  throw new Error('the factory takes any option')
}

const optionsOf = (table: Table<unknown>, name: string): readonly string[] =>
  Object.keys((table[name]?.options as unknown as { readonly shape: object }).shape)

t.test('the names are those of the library', (t) => {
  t.strictSame(Object.keys(optimizers).sort(), Object.keys(optimizer).sort())
  t.strictSame(Object.keys(domains).sort(), Object.keys(domain).sort())
  t.strictSame(Object.keys(schedules).sort(), Object.keys(innerTolerance).sort())
  for (const name of Object.keys(strategies)) {
    t.type((library as Options)[name], 'function', name)
  }
  t.end()
})

t.test('so are the options, but for functions and constants', (t) => {
  const same = (
    table: Table<unknown>,
    name: string,
    known: readonly string[],
    functions: readonly string[] = [],
  ): void => {
    t.strictSame([...optionsOf(table, name), ...functions].sort(), [...known].sort(), name)
  }
  same(strategies, 'implicit', knownTo(implicit))
  same(strategies, 'oneStep', knownTo(oneStep), ['map'])
  same(strategies, 'unrolled', knownTo(unrolled))
  same(strategies, 'auto', knownTo(auto))
  same(optimizers, 'descent', knownTo(optimizer.descent, { stepSize: 1 }), ['constants'])
  same(optimizers, 'momentum', knownTo(optimizer.momentum, { stepSize: 1 }))
  same(optimizers, 'nesterov', knownTo(optimizer.nesterov, { stepSize: 1 }))
  same(optimizers, 'adam', knownTo(optimizer.adam, { stepSize: 1 }))
  same(optimizers, 'lbfgs', knownTo(optimizer.lbfgs))
  same(domains, 'box', knownTo(domain.box))
  same(domains, 'logarithmic', knownTo(domain.logarithmic))
  same(schedules, 'exponential', knownTo(innerTolerance.exponential))
  same(schedules, 'quadratic', knownTo(innerTolerance.quadratic))
  same(schedules, 'cubic', knownTo(innerTolerance.cubic))
  t.strictSame(knownTo(backtracking).length, 4)
  t.end()
})

t.test('strategies are made', (t) => {
  const made: readonly (readonly [string, Options, string])[] = [
    ['implicit', {}, implicit().name],
    [
      'implicit',
      { linearSolver: 'cg', tol: 1e-6, maxSteps: 9, restart: 3 },
      implicit({ linearSolver: 'cg' }).name,
    ],
    ['oneStep', { at: 'previous' }, oneStep().name],
    ['truncated', { steps: 5 }, truncated(5).name],
    ['unrolled', { checkpoints: 'log' }, unrolled().name],
    ['neumann', { terms: 7 }, neumann(7).name],
    ['phantom', { steps: 3, damping: 0.5 }, phantom(3, 0.5).name],
    ['auto', { tol: 1e-3 }, auto().name],
  ]
  for (const [name, options, expected] of made) t.equal(strategyOf({ name, options }).name, expected, name)
  t.equal(strategyOf({ name: 'oneStep', options: { at: 'previous' } }).keepsPrevious, true)
  t.end()
})

t.test('optimizers, domains and schedules are made', (t) => {
  t.equal(optimizerOf({ name: 'adam', options: { stepSize: 0.1 } }).name, 'adam')
  t.equal(optimizerOf({ name: 'lbfgs', options: {} }).name, 'L-BFGS')
  t.equal(
    optimizerOf({ name: 'descent', options: { stepSize: { backtracking: { initial: 2 } } } }).name,
    'descent with backtracking',
  )
  t.match(domainOf({ name: 'logarithmic', options: { low: 0.1, high: 2 } }), {
    name: 'logarithmic',
    low: 0.1,
    high: 2,
  })
  t.equal(innerToleranceOf(1e-5), 1e-5)
  const schedule = innerToleranceOf({ name: 'exponential', options: { start: 1, factor: 0.5 } })
  t.equal(typeof schedule === 'function' && schedule(3), 0.125)
  t.end()
})

t.test('what the library refuses is refused', (t) => {
  const wrong: readonly (readonly [() => unknown, RegExp])[] = [
    [
      () => strategyOf({ name: 'implict', options: {} }),
      /unknown strategy "implict".*Did you mean "implicit"\?/,
    ],
    [() => strategyOf({ name: 'toString', options: {} }), /unknown strategy "toString"/],
    [
      () => strategyOf({ name: 'truncated', options: {} }),
      /strategy truncated: wrong options.*steps: expected an integer ≥ 1/,
    ],
    [
      () => strategyOf({ name: 'oneStep', options: { detachHessian: true, stepLengthCorrection: true } }),
      /exclude each other/,
    ],
    [() => optimizerOf({ name: 'adam', options: { stepSize: -1 } }), /stepSize: expected a number > 0/],
    [() => domainOf({ name: 'box', options: { low: 2, high: 1 } }), /expected low < high; received 2 and 1/],
    [
      () => innerToleranceOf({ name: 'cubic', options: { start: 1e-9, floor: 1 } }),
      /expected 0 < floor ≤ start/,
    ],
  ]
  for (const [make, message] of wrong) t.throws(make, { message, code: 'ERR_ARGUMENT' })
  t.end()
})
