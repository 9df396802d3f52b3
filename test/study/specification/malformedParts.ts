// Study files that are wrong, with everything that is said of each: their strategies, solvers, descents and what else there is.
import { descent, more } from './written.js'
import type { Malformed } from './written.js'

/** A name, the text, and each fault behind the name of the file. */
export const malformedParts: readonly Malformed[] = [
  [
    'an unknown strategy',
    more('strategies: [implict]'),
    [
      '4:14: strategies[0]: expected one of implicit, oneStep, truncated, unrolled, neumann, phantom, auto; received "implict"; did you mean "implicit"?',
    ],
  ],
  [
    'a strategy without its options',
    more('strategies: [implicit, truncated]'),
    ['4:24: strategies[1]: expected options, { truncated: { steps: … } }; received "truncated"'],
  ],
  [
    'a strategy with an unknown option',
    more('strategies: [{ truncated: { step: 5 } }]'),
    [
      '4:16: strategies[0].truncated.steps: missing; expected an integer ≥ 1',
      '4:29: strategies[0].truncated.step: unknown key; did you mean "steps"?',
    ],
  ],
  [
    'a wrong option of a strategy',
    more('strategies: [{ neumann: { terms: 0 } }]'),
    ['4:34: strategies[0].neumann.terms: expected an integer ≥ 1; received 0'],
  ],
  [
    'a strategy that is a number',
    more('strategies: [3]'),
    ['4:14: strategies[0]: expected a strategy: a name, or { name: options }; received 3'],
  ],
  [
    'a strategy with empty options',
    more('strategies: [{ oneStep: }]'),
    ['4:16: strategies[0].oneStep: expected a map of options; received nothing'],
  ],
  [
    'two strategies in one',
    more('strategies: [{ oneStep: {}, implicit: {} }]'),
    [
      '4:14: strategies[0]: expected only one of implicit, oneStep, truncated, unrolled, neumann, phantom, auto; received a map with oneStep, implicit',
    ],
  ],
  [
    'a strategy twice',
    more('strategies: [implicit, oneStep, implicit]'),
    ['4:33: strategies[2]: expected each entry once; this is entry 0 again'],
  ],
  [
    'no strategies',
    more('strategies: []'),
    ['4:13: strategies: expected a list of strategies that is not empty; received []'],
  ],
  [
    'an unknown linear solver',
    more('strategies: { implicit: { linearSolver: gmers } }'),
    [
      '4:41: strategies.implicit.linearSolver: expected one of auto, lu, cholesky, cg, gmres, bicgstab, normalCg, neumann; received "gmers"; did you mean "gmres"?',
    ],
  ],
  [
    'an unknown solver',
    more('solvers: [newtn]'),
    [
      '4:11: solvers[0]: expected one of default, newton, gradientDescent; received "newtn"; did you mean "newton"?',
    ],
  ],
  [
    'two solvers in one',
    more('solvers: [{ a: {}, b: {} }]'),
    ['4:11: solvers[0]: expected one solver: a name, or { name: options }; received a map with a, b'],
  ],
  [
    'a solver that is a path',
    more('solvers: [../newton]'),
    [
      '4:11: solvers[0]: expected the name of a solver: letters, digits, "_" and "-", beginning with a letter; received "../newton"',
    ],
  ],
  [
    'a tolerance of 0',
    more('tolerances: [1e-6, 0]'),
    ['4:20: tolerances[1]: expected a number > 0; received 0'],
  ],
  [
    'a tolerance below 0',
    more('tolerances: -1e-6'),
    ['4:13: tolerances: expected a number > 0; received -0.000001'],
  ],
  [
    'a tolerance of NaN',
    more('tolerances: [.nan]'),
    ['4:14: tolerances[0]: expected a number > 0; received .nan'],
  ],
  [
    'no tolerances',
    more('tolerances: []'),
    ['4:13: tolerances: expected a list of tolerances that is not empty; received []'],
  ],
  ['maxSteps of 0', more('maxSteps: 0'), ['4:11: maxSteps: expected an integer ≥ 1; received 0']],
  [
    'an unknown record',
    more('record: [value, values]'),
    [
      '4:17: record[1]: expected one of value, gradient, certificate, residual, iterations, seconds, x; received "values"; did you mean "value"?',
    ],
  ],
  [
    'a record that is no list',
    more('record: 3'),
    [
      '4:9: record: expected one of value, gradient, certificate, residual, iterations, seconds, x; received 3',
    ],
  ],
  [
    'a metric that is a path',
    more('metrics: [a/b]'),
    [
      '4:11: metrics[0]: expected the name of a metric: letters, digits, "_" and "-", beginning with a letter; received "a/b"',
    ],
  ],
  ['repeats below 1', more('repeats: -1'), ['4:10: repeats: expected an integer ≥ 1; received -1']],
  [
    'a seed below 0',
    more('seed: -1'),
    ['4:7: seed: expected an integer in [0, 9007199254740991]; received -1'],
  ],
  [
    'a seed that is too large',
    more('seed: 9007199254740992'),
    ['4:7: seed: expected an integer in [0, 9007199254740991]; received 9007199254740992'],
  ],
  [
    'a seed in words',
    more('seed: one'),
    ['4:7: seed: expected an integer in [0, 9007199254740991]; received "one"'],
  ],
  [
    'descent of a map',
    more('descent: { optimizer: lbfgs }'),
    ['4:1: descent: the kind is map, to which this means nothing'],
  ],
  [
    'bench of a map',
    more('bench: { sizes: [10] }'),
    ['4:1: bench: the kind is map, to which this means nothing'],
  ],
  [
    'a descent without its part',
    more('kind: descent'),
    ['4:7: kind: descent needs a part of this name, such as descent: { optimizer: lbfgs }'],
  ],
  [
    'a bench without its part',
    more('kind: bench'),
    ['4:7: kind: bench needs a part of this name, such as bench: { sizes: [10, 100] }'],
  ],
  [
    'a descent without an optimizer',
    descent('{ tol: 1e-6 }'),
    ['5:1: descent.optimizer: missing; expected an optimizer: a name, or { name: options }'],
  ],
  [
    'an unknown optimizer',
    descent('{ optimizer: { adma: { stepSize: 1 } } }'),
    ['5:25: descent.optimizer.adma: unknown key; did you mean "adam"?'],
  ],
  [
    'an optimizer without a step size',
    descent('{ optimizer: adam }'),
    ['5:23: descent.optimizer: expected options, { adam: { stepSize: … } }; received "adam"'],
  ],
  [
    'an unknown option of an optimizer',
    descent('{ optimizer: { adam: { stepSize: 1, bata1: 0 } } }'),
    ['5:46: descent.optimizer.adam.bata1: unknown key; did you mean "beta1"?'],
  ],
  [
    'a step size in words',
    descent('{ optimizer: { descent: { stepSize: fast } } }'),
    ['5:46: descent.optimizer.descent.stepSize: expected a number > 0, or backtracking; received "fast"'],
  ],
  [
    'an unknown domain',
    descent('{ optimizer: lbfgs, domain: logarithmc }'),
    [
      '5:38: descent.domain: expected one of box, logarithmic; received "logarithmc"; did you mean "logarithmic"?',
    ],
  ],
  [
    'a wrong schedule',
    descent('{ optimizer: lbfgs, tolerance: { exponential: { factor: 1 } } }'),
    ['5:66: descent.tolerance.exponential.factor: expected a number in (0, 1); received 1'],
  ],
  [
    'a share of errors above 1',
    descent('{ optimizer: lbfgs, share: 2 }'),
    ['5:37: descent.share: expected a number in (0, 1]; received 2'],
  ],
  [
    'bounds of a domain below 0',
    descent('{ optimizer: lbfgs, domain: { logarithmic: { low: -1 } } }'),
    ['5:60: descent.domain.logarithmic.low: expected a number ≥ 0; received -1'],
  ],
  [
    'bounds of a domain in the wrong order',
    descent('{ optimizer: lbfgs, domain: { box: { low: 2, high: 1 } } }'),
    ['5:45: descent.domain.box: expected low < high; received 2 and 1'],
  ],
  [
    'a schedule that rises',
    descent('{ optimizer: lbfgs, tolerance: { cubic: { start: 1e-9, floor: 1e-6 } } }'),
    ['5:50: descent.tolerance.cubic: expected 0 < floor ≤ start; received start 1e-9, floor 0.000001'],
  ],
  [
    'no sizes',
    more('kind: bench\nbench: { sizes: [] }'),
    ['5:17: bench.sizes: expected a list of sizes that is not empty; received []'],
  ],
  [
    'threads of 0',
    more('kind: bench\nbench: { sizes: 10, threads: [0] }'),
    ['5:31: bench.threads[0]: expected an integer ≥ 1; received 0'],
  ],
  [
    'chunks of rows and seconds',
    more('chunk: { rows: 10, seconds: 1 }'),
    ['4:8: chunk: expected only one of rows, seconds; received a map with rows, seconds'],
  ],
  [
    'chunks of nothing',
    more('chunk: {}'),
    ['4:8: chunk: expected one of rows, seconds as a key; received an empty map'],
  ],
  [
    'chunks of no rows',
    more('chunk: { rows: 0 }'),
    ['4:16: chunk.rows: expected an integer ≥ 1; received 0'],
  ],
  [
    'a chunk that is a number',
    more('chunk: 100'),
    ['4:8: chunk: expected { rows: … } or { seconds: … }; received 100'],
  ],
  [
    'several faults',
    'nam: a\nproblem: rigde\nspace:\n  lambda: { log: [1, 0], count: x }\nseed: -1\n',
    [
      '1:1: name: missing; expected a name that files can have: at most 100 letters, digits and "_", and within it "-" and "."',
      '1:1: nam: unknown key; did you mean "name"?',
      '2:10: problem: expected one of ridge, logistic, lasso, elasticNet, dataCleaning, equilibriumLayer, fewShotRidge, logSumExp, or the path of a module; received "rigde"; did you mean "ridge"?',
      '4:18: space.lambda.log: expected two numbers, 0 < low < high; received [1, 0]',
      '4:33: space.lambda.count: expected an integer ≥ 1; received "x"',
      '5:7: seed: expected an integer in [0, 9007199254740991]; received -1',
    ],
  ],
]
