// Study files that are wrong, with everything that is said of each: their parameters.
import { more, space } from './written.js'
import type { Malformed } from './written.js'

/** A name, the text, and each fault behind the name of the file. */
export const malformedSpaces: readonly Malformed[] = [
  [
    'an axis that is a word',
    space('lambda: no'),
    [
      '4:11: space.lambda: expected a number, a list of numbers, or a map with linear, log, values, uniform, logUniform, normal or sobol; received "no"',
    ],
  ],
  [
    'an empty axis',
    space('lambda: {}'),
    [
      '4:11: space.lambda: expected one of linear, log, values, uniform, logUniform, normal, sobol as a key; received an empty map',
    ],
  ],
  [
    'an axis of an unknown kind',
    space('lambda: { lgo: [1, 2], count: 3 }'),
    ['4:13: space.lambda.lgo: unknown key; did you mean "log"?'],
  ],
  [
    'an axis of two kinds',
    space('lambda: { log: [1, 2], linear: [1, 2], count: 3 }'),
    [
      '4:11: space.lambda: expected only one of linear, log, values, uniform, logUniform, normal, sobol; received a map with log, linear, count',
    ],
  ],
  [
    'one bound',
    space('lambda: { log: [1], count: 3 }'),
    ['4:18: space.lambda.log: expected two numbers, 0 < low < high; received [1]'],
  ],
  [
    'bounds that are one number',
    space('lambda: { linear: 3, count: 3 }'),
    ['4:21: space.lambda.linear: expected two numbers, low < high; received 3'],
  ],
  [
    'bounds in the wrong order',
    space('lambda: { linear: [2, 1], count: 3 }'),
    ['4:21: space.lambda.linear: expected two numbers, low < high; received [2, 1]'],
  ],
  [
    'a log bound of 0',
    space('lambda: { log: [0, 1], count: 3 }'),
    ['4:18: space.lambda.log: expected two numbers, 0 < low < high; received [0, 1]'],
  ],
  [
    'a log bound below 0',
    space('lambda: { logUniform: [-1, 1] }'),
    ['4:25: space.lambda.logUniform: expected two numbers, 0 < low < high; received [-1, 1]'],
  ],
  [
    'a log Sobol bound of 0',
    space('lambda: { sobol: [0, 1], scale: log }'),
    ['4:20: space.lambda.sobol: expected 0 < low < high, as the scale is log; received [0, 1]'],
  ],
  [
    'an infinite bound',
    space('lambda: { uniform: [0, .inf] }'),
    ['4:26: space.lambda.uniform[1]: expected a finite number; received .inf'],
  ],
  [
    'no count',
    space('lambda: { log: [1, 2] }'),
    ['4:3: space.lambda.count: missing; expected an integer ≥ 1'],
  ],
  [
    'a count below 0',
    space('lambda: { log: [1, 2], count: -3 }'),
    ['4:33: space.lambda.count: expected an integer ≥ 1; received -3'],
  ],
  [
    'half a count',
    space('lambda: { log: [1, 2], count: 2.5 }'),
    ['4:33: space.lambda.count: expected an integer ≥ 1; received 2.5'],
  ],
  [
    'a key of another kind of axis',
    space('lambda: { uniform: [1, 2], count: 3 }'),
    ['4:30: space.lambda.count: unknown key; expected one of uniform, shape, when, otherwise'],
  ],
  [
    'a shape of a grid',
    space('lambda: { log: [1, 2], count: 3, shape: [2] }'),
    ['4:36: space.lambda.shape: unknown key; expected one of log, count, when, otherwise'],
  ],
  [
    'a shape of a number',
    space('lambda: { normal: {}, shape: [0] }'),
    ['4:33: space.lambda.shape[0]: expected an integer ≥ 1; received 0'],
  ],
  [
    'a deviation of 0',
    space('lambda: { normal: { mean: 0, deviation: 0 } }'),
    ['4:43: space.lambda.normal.deviation: expected a number > 0; received 0'],
  ],
  [
    'NaN in a list',
    space('lambda: [1, .nan]'),
    ['4:15: space.lambda[1]: expected a finite number; received .nan'],
  ],
  [
    'an empty list',
    space('lambda: []'),
    ['4:11: space.lambda: expected a list of finite numbers that is not empty; received []'],
  ],
  [
    'a value twice',
    space('lambda: { values: [1, 2, 1.0] }'),
    ['4:28: space.lambda.values[2]: expected each entry once; this is entry 0 again'],
  ],
  [
    'a parameter that is a path',
    space('../lambda: 1'),
    [
      '4:3: space["../lambda"]: expected the name of a parameter: letters, digits, "_" and "-", beginning with a letter; received "../lambda"',
    ],
  ],
  [
    'a word for a number',
    space('lambda: [1_000]'),
    ['4:12: space.lambda[0]: expected a finite number; received "1_000"'],
  ],
  [
    'an interval too wide',
    space('lambda: { uniform: [-1.7e308, 1.7e308] }'),
    [
      '4:22: space.lambda.uniform: the interval is too wide; expected bounds well below 1.8e308; received -1.7e+308 and 1.7e+308; scale the parameter in the problem',
    ],
  ],
  [
    'a condition on an unknown axis',
    space('lambda: 1\nmu: { values: [1], when: { lamda: 1 }, otherwise: 0 }'),
    [
      '5:37: space.mu.when.lamda: the condition names no axis of the space; expected one of lambda; received "lamda"; did you mean "lambda"?',
    ],
  ],
  [
    'a condition on itself',
    space('lambda: { values: [1], when: { lambda: 1 }, otherwise: 0 }'),
    [
      '4:42: space.lambda.when.lambda: conditions go round in a circle, lambda → lambda; expected no condition on the first axis; received "lambda"; remove one of these conditions',
    ],
  ],
  [
    'a condition on what is drawn',
    space('lambda: { uniform: [0, 1] }\nmu: { values: [1], when: { lambda: 1 }, otherwise: 0 }'),
    [
      '5:38: space.mu.when.lambda: the condition is on an axis that is drawn; expected an axis of kind linear, log or list; received "lambda", of kind uniform; write that axis as a list',
    ],
  ],
  [
    'a condition on what stands below',
    space('mu: { values: [1], when: { lambda: 1 }, otherwise: 0 }\nlambda: 1'),
    [
      '4:38: space.mu.when.lambda: the condition is on an axis that stands below; expected no condition on the first axis; received "lambda"; write "lambda" above "mu"',
    ],
  ],
  [
    'a condition on two',
    space('lambda: 1\nnu: 1\nmu: { values: [1], when: { lambda: 1, nu: 1 }, otherwise: 0 }'),
    ['6:28: space.mu.when: expected exactly one parameter; received a map with lambda, nu'],
  ],
  [
    'a condition that never holds',
    space('lambda: 1\nmu: { values: [1], when: { lambda: 2 }, otherwise: 0 }'),
    [
      '5:38: space.mu.when.lambda: "lambda" never has this value; expected one of its 1 values; received 2; the nearest one is 1',
    ],
  ],
  [
    'no value where the condition does not hold',
    space('lambda: 1\nmu: { values: [1], when: { lambda: 1 } }'),
    [
      '5:3: space.mu.otherwise: it has no value where its condition does not hold; expected a finite number; received nothing; give `otherwise`, the value that switches the parameter off, such as 0',
    ],
  ],
  [
    'otherwise without a condition',
    space('lambda: { values: [1], otherwise: 0 }'),
    [
      '4:37: space.lambda.otherwise: otherwise stands without a condition; expected nothing; received 0; remove it, or add `when`',
    ],
  ],
  [
    'samples without a drawn axis',
    more('samples: 10'),
    [
      '4:10: samples: there are samples, but no axis is drawn; expected 1; received 10; remove samples, or add an axis that is uniform, logUniform, normal or sobol',
    ],
  ],
  ['no samples at all', more('samples: 0'), ['4:10: samples: expected an integer ≥ 1; received 0']],
  [
    'too many θ',
    space('lambda: { uniform: [0, 1] }') + 'samples: 9007199254740991\nrepeats: 9007199254740991\n',
    ['6:10: repeats: expected at most 2^53 rows in all; received 8.11e+31'],
  ],
  [
    'too many points of Sobol',
    space('lambda: { sobol: [0, 1] }') + 'samples: 9000000000\n',
    [
      '4:3: space: the Sobol sequence has too many points; expected at most 2^32 θ; received 9000000000; take fewer samples, or make the Sobol axes uniform',
    ],
  ],
]
