// Every fault of a space has its own message, with the axis, where it stands, and what to do; right spaces have none.
import fc from 'fast-check'
import { test } from 'tap'
import { ArgumentError } from '../../../lib/base/errors.js'
import {
  checkSpace,
  describeSpace,
  spaceFaults,
  thetaBlock,
  thetaCount,
} from '../../../lib/study/space/space.js'
import type { Axis, Space } from '../../../lib/study/specification/specification.js'
import { anySpace, linear, list, log, logUniform, normal, sobol, space, uniform, where } from './spaces.js'

const one = (axis: object): Space => space({ a: axis as Axis })
const rank: Axis = { kind: 'list', values: [1, 2], shape: [2] }

/** A faulty space, where its fault stands, and its message. */
const table: readonly (readonly [Space, string, string])[] = [
  [
    one(linear(NaN, 1, 3)),
    'axes.a.low',
    'low is not a finite number. Expected a finite number, received NaN. Give a number.',
  ],
  [
    one(uniform(0, Infinity)),
    'axes.a.high',
    'high is not a finite number. Expected a finite number, received Infinity. Give a number.',
  ],
  [
    one(log(0, 1, 3)),
    'axes.a.low',
    'low has no logarithm. Expected a number above 0, received 0. Give a positive bound, or take a linear scale.',
  ],
  [
    one(logUniform(-1, 1)),
    'axes.a.low',
    'low has no logarithm. Expected a number above 0, received -1. Give a positive bound, or take a linear scale.',
  ],
  [
    one(sobol(0, 1, 'log')),
    'axes.a.low',
    'low has no logarithm. Expected a number above 0, received 0. Give a positive bound, or take a linear scale.',
  ],
  [
    one(linear(1, 1, 3)),
    'axes.a.high',
    'low is not below high. Expected a number above low, 1, received 1. Swap the bounds; a list with one value stands still.',
  ],
  [
    one(sobol(2, -1)),
    'axes.a.high',
    'low is not below high. Expected a number above low, 2, received -1. Swap the bounds; a list with one value stands still.',
  ],
  [
    one(uniform(-1e308, 1e308)),
    'axes.a.high',
    'the interval is too wide. Expected bounds well below 1.8e308, received -1e+308 and 1e+308. Scale the parameter in the problem.',
  ],
  [
    one(linear(0, 1e307, 100)),
    'axes.a.high',
    'the interval is too wide. Expected bounds well below 1.8e308, received 0 and 1e+307. Scale the parameter in the problem.',
  ],
  [
    one(linear(0, 1, 0)),
    'axes.a.count',
    'count is out of range. Expected an integer from 1 to 2^53 - 1, received 0. Give the number of points.',
  ],
  [
    one(log(1, 2, 2.5)),
    'axes.a.count',
    'count is out of range. Expected an integer from 1 to 2^53 - 1, received 2.5. Give the number of points.',
  ],
  [
    one(list()),
    'axes.a.values',
    'there are no values. Expected at least one number, received none. Give the values that the axis runs through.',
  ],
  [
    one(list(1, NaN)),
    'axes.a.values.1',
    'a value is not finite. Expected finite numbers, received NaN. Remove it.',
  ],
  [
    one(list(1, 0, 2, -0)),
    'axes.a.values.3',
    'a value stands twice. Expected different values, received 0. Remove it: `repeats` of the study is what computes a θ again.',
  ],
  [
    one(rank),
    'axes.a.shape',
    'grids are for numbers alone. Expected [], received [2]. Write an axis for each entry, or draw the array.',
  ],
  [
    one(uniform(0, 1, [2, 0])),
    'axes.a.shape',
    'this is no shape of a parameter. Expected positive integers, at most 2^31 entries in all, received [2, 0]. Write [] for a number, [3] for three of them.',
  ],
  [
    one(uniform(0, 1, [2 ** 20, 2 ** 20])),
    'axes.a.shape',
    'this is no shape of a parameter. Expected positive integers, at most 2^31 entries in all, received [1048576, 1048576]. Write [] for a number, [3] for three of them.',
  ],
  [
    one(normal(NaN, 1)),
    'axes.a.mean',
    'mean is not a finite number. Expected a finite number, received NaN. Give a number.',
  ],
  [
    one(normal(0, 0)),
    'axes.a.deviation',
    'deviation is out of range. Expected a finite number above 0, received 0. Take 1; a list with one value stands still.',
  ],
  [
    one(normal(0, Infinity)),
    'axes.a.deviation',
    'deviation is out of range. Expected a finite number above 0, received Infinity. Take 1; a list with one value stands still.',
  ],
  [
    one({ kind: 'loguniform', low: 1, high: 2, shape: [] }),
    'axes.a.kind',
    'there is no such kind of axis. Expected one of linear, log, list, uniform, logUniform, normal, sobol, received "loguniform". Did you mean "logUniform"?',
  ],
  [
    one({ shape: [] }),
    'axes.a.kind',
    'there is no such kind of axis. Expected one of linear, log, list, uniform, logUniform, normal, sobol, received nothing. Take one of these.',
  ],
  [
    one({ ...list(1), otherwise: 2 }),
    'axes.a.otherwise',
    'otherwise stands without a condition. Expected nothing, received 2. Remove it, or add `when`.',
  ],
  [
    space({ b: list(1), a: { ...list(1), when: { axis: 'b', values: [1] } } }),
    'axes.a.otherwise',
    'it has no value where its condition does not hold. Expected a finite number, received nothing. Give `otherwise`, the value that switches the parameter off, such as 0.',
  ],
  [
    space({ b: list(1), a: where('b', [1], NaN, list(1)) }),
    'axes.a.otherwise',
    'it has no value where its condition does not hold. Expected a finite number, received NaN. Give `otherwise`, the value that switches the parameter off, such as 0.',
  ],
  [
    space({ beta: list(1), a: where('bata', [1], 0, list(1)) }),
    'axes.a.when.axis',
    'the condition names no axis of the space. Expected one of beta, received "bata". Did you mean "beta"?',
  ],
  [
    one(where('toString', [1], 0, list(1))),
    'axes.a.when.axis',
    'the condition names no axis of the space. Expected no condition on the first axis, received "toString". Write that axis above, or remove the condition.',
  ],
  [
    space({ u: uniform(0, 1), a: where('u', [1], 0, list(1)) }),
    'axes.a.when.axis',
    'the condition is on an axis that is drawn. Expected an axis of kind linear, log or list, received "u", of kind uniform. Write that axis as a list.',
  ],
  [
    space({ c: list(3), a: where('b', [1], 0, list(1)), b: list(1) }),
    'axes.a.when.axis',
    'the condition is on an axis that stands below. Expected one of c, received "b". Write "b" above "a".',
  ],
  [
    one(where('a', [1], 0, list(1))),
    'axes.a.when.axis',
    'conditions go round in a circle, a → a. Expected no condition on the first axis, received "a". Remove one of these conditions.',
  ],
  [
    space({ a: where('c', [1], 0, list(1)), b: where('a', [1], 0, list(1)), c: where('b', [1], 0, list(1)) }),
    'axes.a.when.axis',
    'conditions go round in a circle, a → c → b → a. Expected no condition on the first axis, received "c". Remove one of these conditions.',
  ],
  [
    space({ b: list(1), a: where('b', [], 0, list(1)) }),
    'axes.a.when.values',
    'the condition never holds. Expected a value, received none. Give values of "b", or remove the axis.',
  ],
  [
    space({ b: list(1, 2), a: where('b', [1, 3], 0, list(1)) }),
    'axes.a.when.values.1',
    '"b" never has this value. Expected one of its 2 values, received 3. The nearest one is 2.',
  ],
  [
    space({ b: list(1, 2), a: where('b', [NaN], 0, list(1)) }),
    'axes.a.when.values.0',
    '"b" never has this value. Expected one of its 2 values, received NaN. The nearest one is 1.',
  ],
  [
    space({ b: linear(0, 1, 4), a: where('b', [0.3333], 0, list(1)) }),
    'axes.a.when.values.0',
    '"b" never has this value. Expected one of its 4 values, received 0.3333. The nearest one is 0.3333333333333333.',
  ],
  [
    space({ b: log(1, 100, 3), a: where('b', [-10], 0, list(1)) }),
    'axes.a.when.values.0',
    '"b" never has this value. Expected one of its 3 values, received -10. The nearest one is 1.',
  ],
]

/** Faults of names and of the space, whose messages do not begin with an axis "a". */
const others: readonly (readonly [Space, string, string])[] = [
  [
    space({ 12: list(1) }),
    'axes.12',
    'axis "12": this is no name of an axis. Expected letters, digits, _ and -, not beginning with a digit, received "12". Rename the parameter.',
  ],
  [
    space({ 'a b': list(1) }),
    'axes.a b',
    'axis "a b": this is no name of an axis. Expected letters, digits, _ and -, not beginning with a digit, received "a b". Rename the parameter.',
  ],
  [
    space(JSON.parse('{ "__proto__": { "kind": "list", "values": [1], "shape": [] } }') as Space['axes']),
    'axes.__proto__',
    'axis "__proto__": this is no name of an axis. Expected letters, digits, _ and -, not beginning with a digit, received "__proto__". Rename the parameter.',
  ],
  [
    space({ a: uniform(0, 1) }, 0),
    'samples',
    'space: samples is out of range. Expected an integer from 1 to 2^53 - 1, received 0. Take 1.',
  ],
  [
    space({ a: uniform(0, 1) }, 1.5),
    'samples',
    'space: samples is out of range. Expected an integer from 1 to 2^53 - 1, received 1.5. Take 1.',
  ],
  [
    space({ a: list(1, 2) }, 2),
    'samples',
    'space: there are samples, but no axis is drawn. Expected 1, received 2. Remove samples, or add an axis that is uniform, logUniform, normal or sobol.',
  ],
  [
    space({ a: linear(0, 1, 2 ** 27), b: linear(0, 1, 2 ** 26) }),
    '',
    'space: there are too many θ. Expected fewer than 2^53 numbers of an axis, received 9007199254740992. Take fewer values of some axis, or fewer samples.',
  ],
  [
    space({ a: normal(0, 1, [4]) }, 2 ** 51),
    '',
    'space: there are too many θ. Expected fewer than 2^53 numbers of an axis, received 9007199254740992. Take fewer values of some axis, or fewer samples.',
  ],
  [
    space({ a: sobol(0, 1, 'linear', [10, 10]), b: sobol(0, 1, 'log', [29]) }),
    'axes.b.low',
    'axis "b": low has no logarithm. Expected a number above 0, received 0. Give a positive bound, or take a linear scale.',
  ],
  [
    space({ a: sobol(0, 1, 'linear', [10, 10]), b: sobol(1, 2, 'log', [29]) }),
    '',
    'space: the Sobol sequence has too many dimensions. Expected at most 128 entries of all Sobol axes together, received 129. Make some of these axes uniform.',
  ],
  [
    space({ a: sobol(0, 1) }, 2 ** 32 + 1),
    '',
    'space: the Sobol sequence has too many points. Expected at most 2^32 θ, received 4294967297. Take fewer samples, or make the Sobol axes uniform.',
  ],
]

test('a table of faults', async (t) => {
  const rows = [...table.map(([s, path, message]) => [s, path, `axis "a": ${message}`] as const), ...others]
  for (const [s, path, message] of rows) {
    t.strictSame(
      spaceFaults(s).map((fault) => fault.path.join('.')),
      [path],
      message,
    )
    let told: unknown
    try {
      thetaCount(s)
    } catch (error) {
      told = error
    }
    t.ok(told instanceof ArgumentError)
    t.equal((told as Error).message, message)
  }
})

test('all faults are told, in the order in which they stand', async (t) => {
  const s = space(
    {
      b: { ...list(1, 1), otherwise: 1 },
      1: log(0, -1, 0),
      a: { kind: 'list', values: [NaN], shape: [], when: { axis: 'b', values: [7] } },
      c: where('d', [1], 0, list(1)),
      d: where('c', [1], 0, list(1)),
    },
    -1,
  )
  t.strictSame(
    spaceFaults(s).map(({ path }) => path.join('.')),
    [
      'axes.1',
      'axes.1.count',
      'axes.1.low',
      'axes.1.high',
      'axes.b.values.1',
      'axes.b.otherwise',
      'axes.a.values.0',
      'axes.a.otherwise',
      'axes.c.when.axis',
      'samples',
    ],
    'values of a condition on a faulty axis are not told, nor sizes',
  )
  t.throws(() => {
    checkSpace(s)
  }, /^axis "1": this is no name of an axis; the first of 10 faults\. Expected letters/)
})

test('right spaces have no fault', async () => {
  fc.assert(fc.property(anySpace, (s) => spaceFaults(s).length === 0))
  const names = ['constructor', 'hasOwnProperty', 'learning-rate', 'λ', 'Ünï_1', '_']
  checkSpace(space(Object.fromEntries(names.map((name) => [name, list(1)]))))
  checkSpace(space({ a: sobol(0, 1, 'linear', [128]) }, 2 ** 32))
  checkSpace(space({ a: uniform(0, 1) }, Number.MAX_SAFE_INTEGER))
})

test('a fault is told again when asked again', async (t) => {
  const s = space({ a: list() })
  for (let k = 0; k < 2; k++) {
    t.throws(() => thetaCount(s), /there are no values/)
    t.throws(() => thetaBlock(s, { seed: 0, repeat: 0, lo: 0, hi: 0 }), /there are no values/)
  }
})

test('describeSpace', async (t) => {
  const s = space(
    {
      method: list(0, 1, 2),
      lambda: log(1e-4, 100, 7),
      momentum: where('method', [1, 2], 0, linear(0, 0.9, 10)),
      w: normal(0, 1, [2, 3]),
      v: where('method', [2], -1, sobol(0.1, 10, 'log')),
      u: sobol(0, 1),
      long: list(1, 2, 3, 4, 5, 6, 7, 8),
      x: uniform(-1, 1),
    },
    16,
  )
  checkSpace(s)
  t.strictSame(
    describeSpace(s).map(({ axis, shape, kind, range, count, condition }) => [
      axis,
      shape,
      kind,
      range,
      count,
      condition,
    ]),
    [
      ['method', '', 'list', '0, 1, 2', 3, ''],
      ['lambda', '', 'log', '0.0001 … 100', 7, ''],
      ['momentum', '', 'linear', '0 … 0.9', 10, 'where method is 1 or 2; else 0'],
      ['w', '[2, 3]', 'normal', 'mean 0, deviation 1', 16, ''],
      ['v', '', 'sobol', '0.1 … 10, log', 16, 'where method is 2; else -1'],
      ['u', '', 'sobol', '0 … 1', 16, ''],
      ['long', '', 'list', '1, 2, 3, 4, 5, …, 8', 8, ''],
      ['x', '', 'uniform', '-1 … 1', 16, ''],
    ],
  )
})
