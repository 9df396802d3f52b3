// Study files that are wrong, with everything that is said of each: their text, problem and data.
import { base, descent, more, problem } from './written.js'
import type { Malformed } from './written.js'

/** A name, the text, and each fault behind the name of the file. */
export const malformedTexts: readonly Malformed[] = [
  ['nothing', '', ['1:1: there is nothing in the file; expected a study']],
  ['a comment alone', '# nothing\n', ['1:1: there is nothing in the file; expected a study']],
  ['a list', '- name: a\n', ['1:1: expected a map with name, problem and space; received [a map with name]']],
  ['a word', 'ridge\n', ['1:1: expected a map with name, problem and space; received "ridge"']],
  [
    'no name',
    'problem: ridge\nspace: { lambda: 1 }\n',
    [
      '1:1: name: missing; expected a name that files can have: at most 100 letters, digits and "_", and within it "-" and "."',
    ],
  ],
  [
    'no problem',
    'name: a\nspace: { lambda: 1 }\n',
    [
      '1:1: problem: missing; expected a standard problem, the path of a module, or a map with standard or module',
    ],
  ],
  [
    'no space',
    'name: a\nproblem: ridge\n',
    [
      '1:1: space: missing; expected a map of parameters to how they run, such as lambda: { log: [1e-4, 1e2], count: 100 }',
    ],
  ],
  [
    'an empty space',
    'name: a\nproblem: ridge\nspace: {}\n',
    [
      '3:8: space: missing; expected a map of parameters to how they run, such as lambda: { log: [1e-4, 1e2], count: 100 }',
    ],
  ],
  [
    'empty values',
    'name:\nproblem:\nspace:\n',
    [
      '1:1: name: expected a name that files can have: at most 100 letters, digits and "_", and within it "-" and "."; received nothing',
      '2:1: problem: expected a standard problem, the path of a module, or a map with standard or module; received nothing',
      '3:1: space: expected a map of parameters to how they run; received nothing',
    ],
  ],
  ['an unknown key', more('sede: 1'), ['4:1: sede: unknown key; did you mean "seed"?']],
  [
    'an unknown key that is like none',
    more('colour: red'),
    [
      '4:1: colour: unknown key; expected one of $schema, version, name, description, kind, problem, data, space, samples, strategies, solvers, tolerances, maxSteps, record, metrics, repeats, seed, descent, bench, chunk',
    ],
  ],
  ['a key twice', more('name: b'), ['4:1: name: this key stands here twice']],
  ['a tab', 'name: a\nspace:\n\tlambda: 1\n', ['3:1: tabs cannot indent; use spaces']],
  [
    'an open bracket',
    'name: [a\n',
    ['2:1: Flow sequence in block collection must be sufficiently indented and end with a ]'],
  ],
  ['an open quote', 'name: "a\n', ['2:1: Missing closing "quote']],
  [
    'bad indentation',
    'name: a\n  problem: ridge\n',
    [
      '1:7: Nested mappings are not allowed in compact mappings',
      '1:7: Implicit keys need to be on a single line',
    ],
  ],
  ['two documents', more('---\nname: b'), ['4:1: expected one document; a line with --- begins another one']],
  ['YAML 1.1', '%YAML 1.1\n---\n' + base, ['1:1: expected YAML 1.2; received YAML "1.1"']],
  ['a tag', more('seed: !number 3'), ['4:7: a study file has no tags of its own; remove what begins with !']],
  [
    'a merge key',
    more('data: { <<: 1 }'),
    [
      '4:7: data: expected one of synthetic, digits, file as a key; received an empty map',
      '4:9: data["<<"]: YAML 1.2 merges nothing; write the keys out',
    ],
  ],
  ['an alias of nothing', more('tolerances: *none'), ['4:13: tolerances: there is no anchor &none above']],
  ['an alias of itself', more('metrics: &m [*m]'), ['4:14: expected at most 32 levels']],
  ['a control character', 'name: a\u0007\n', ['1:8: the character U+0007 is not allowed']],
  ['__proto__', more('__proto__: { seed: 1 }'), ['4:1: __proto__: this key is not allowed']],
  ['constructor', more('constructor: 1'), ['4:1: constructor: this key is not allowed']],
  [
    'prototype in options',
    problem('{ standard: ridge, options: { prototype: 1 } }'),
    ['2:40: problem.options.prototype: this key is not allowed'],
  ],
  [
    'a key with $',
    problem('{ standard: ridge, options: { $number: 1 } }'),
    ['2:40: problem.options.$number: a key cannot begin with $'],
  ],
  ['a list as a key', more('? [a]\n: 1'), ['4:3: expected a key that is a word']],
  ['another version', more('version: 2'), ['4:10: version: expected 1; received 2']],
  [
    'a name with a path',
    base.replace('a\n', '../a\n'),
    [
      '1:7: name: expected a name that files can have: at most 100 letters, digits and "_", and within it "-" and "."; received "../a"',
    ],
  ],
  [
    'a number for a name',
    base.replace('a\n', '3\n'),
    [
      '1:7: name: expected a name that files can have: at most 100 letters, digits and "_", and within it "-" and "."; received 3',
    ],
  ],
  [
    'an unknown kind',
    more('kind: maps'),
    ['4:7: kind: expected one of map, descent, bench; received "maps"; did you mean "map"?'],
  ],
  [
    'no is a word',
    descent('{ optimizer: lbfgs, warmStart: no }'),
    ['5:41: descent.warmStart: expected true or false; received "no"'],
  ],
  [
    'an unknown problem',
    problem('rigde'),
    [
      '2:10: problem: expected one of ridge, logistic, lasso, elasticNet, dataCleaning, equilibriumLayer, fewShotRidge, logSumExp, or the path of a module; received "rigde"; did you mean "ridge"?',
    ],
  ],
  [
    'a problem that is a number',
    problem('3'),
    [
      '2:10: problem: expected a standard problem, the path of a module, or a map with standard or module; received 3',
    ],
  ],
  [
    'two problems',
    problem('{ standard: ridge, module: ./a.ts }'),
    ['2:10: problem: expected only one of standard, module; received a map with standard, module'],
  ],
  [
    'a problem by another key',
    problem('{ standrad: ridge }'),
    ['2:12: problem.standrad: unknown key; did you mean "standard"?'],
  ],
  [
    'a problem with an unknown key',
    problem('{ standard: ridge, option: {} }'),
    ['2:29: problem.option: unknown key; did you mean "options"?'],
  ],
  [
    'an unknown option of a problem',
    problem('{ standard: ridge, options: { tuen: penalties } }'),
    ['2:40: problem.options.tuen: unknown key; did you mean "tune"?'],
  ],
  [
    'options that are a list',
    problem('{ standard: ridge, options: [1] }'),
    ['2:38: problem.options: expected a map of options; received [1]'],
  ],
  [
    'an address for a module',
    problem('{ module: "https://example.org/a.js" }'),
    ['2:20: problem.module: expected the path of a file; received "https://example.org/a.js"'],
  ],
  [
    'an empty path',
    problem('{ module: "" }'),
    ['2:20: problem.module: expected the path of a file; received ""'],
  ],
  [
    'a path with a control character',
    problem('"./a\\u0000.ts"'),
    ['2:10: problem: expected the path of a file; received "./a\\u0000.ts"'],
  ],
  [
    'unknown data',
    more('data: digit'),
    ['4:7: data: expected one of synthetic, digits; received "digit"; did you mean "digits"?'],
  ],
  [
    'data that the problem does not take',
    'name: a\nproblem: fewShotRidge\ndata: { file: a.csv }\nspace: { start: { normal: {}, shape: [5] } }\n',
    ['3:7: data: expected synthetic for the problem fewShotRidge; received file'],
  ],
  [
    'data of a module',
    'name: a\nproblem: ./a.ts\ndata: digits\nspace: { lambda: 1 }\n',
    ['3:1: data: a problem module has its own data; hand them to it by its options'],
  ],
  [
    'data twice',
    'name: a\nproblem: { standard: ridge, data: digits }\ndata: digits\nspace: { lambda: 1 }\n',
    ['3:1: data: the problem has data, too; leave one of them out'],
  ],
  [
    'no samples',
    more('data: { synthetic: { samples: 0 } }'),
    ['4:31: data.synthetic.samples: expected an integer ≥ 1; received 0'],
  ],
  [
    'a share above 1',
    more('data: { file: a.csv, validation: 1.5 }'),
    ['4:34: data.validation: expected a number in (0, 1); received 1.5'],
  ],
  [
    'a file of an unknown format',
    more('data: { file: ../a9a }'),
    ['4:1: data.format: missing; expected one of libsvm, arff, csv'],
  ],
  [
    'another format',
    more('data: { file: ../a9a, format: svmlight }'),
    ['4:31: data.format: expected one of libsvm, arff, csv; received "svmlight"'],
  ],
]
