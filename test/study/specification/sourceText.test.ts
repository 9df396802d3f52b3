// What a text may hold, and where things stand in it.
import t from 'tap'
import { StudyError } from '../../../lib/study/specification/fault.js'
import { parseStudy } from '../../../lib/study/specification/read.js'
import { readText } from '../../../lib/study/specification/sourceText.js'
import { limits } from '../../../lib/study/specification/textLimits.js'
import { base, more, problem } from './written.js'

const message = (text: string, format: 'yaml' | 'json' = 'yaml'): string => {
  try {
    parseStudy(text, { format })
    return ''
  } catch (error) {
    if (error instanceof StudyError) return error.message
    throw error
  }
}

const nested = (depth: number, open: string, close: string): string =>
  open.repeat(depth) + '1' + close.repeat(depth)

t.test('sizes', (t) => {
  const full = `${base}# ${'x'.repeat(limits.size - base.length - 2)}`
  t.equal(message(full), '', 'as large as it may be')
  t.equal(
    message(`${full}x`),
    'study.yaml:1:1: expected a text of at most 1048576 characters; received 1048577',
  )
  const values = (count: number): string => more(`metrics: [${'a, '.repeat(count)}]`)
  t.match(message(values(150_000)), /^study\.yaml:4:\d+: expected at most 400000 words and signs$/)
  const options = (count: number): string =>
    problem(`{ module: ./a.ts, options: { x: [${'1, '.repeat(count)}] } }`)
  t.equal(message(options(90_000)), '')
  t.equal(parseStudy(options(3)).specification.problem.options.x?.toString(), '1,1,1')
  t.end()
})

t.test('depths', (t) => {
  const deep = (depth: number): string =>
    problem(`{ module: ./a.ts, options: { x: ${nested(depth, '[', ']')} } }`)
  t.equal(message(deep(limits.depth - 3)), '')
  t.match(message(deep(limits.depth - 2)), /^study\.yaml:2:\d+: expected at most 32 levels$/)
  // These end a process that reads them without a look at the depth first.
  for (const open of ['[', '{', '- ', '? ', 'a: ', '[{', '[\n', '{a: ', '- - ', '-\n ']) {
    const told = message(open.repeat(Math.floor((limits.size - 10) / open.length)))
    t.match(
      told,
      /^study\.yaml:\d+:\d+: expected at most (32 levels|400000 words and signs)$/,
      JSON.stringify(open),
    )
    if (open.includes('\n')) continue
    t.match(
      message(open.repeat(20_000)),
      /^study\.yaml:1:\d+: expected at most 32 levels$/,
      'with few tokens',
    )
  }
  const indented = Array.from({ length: 60 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')
  t.match(message(indented), /expected at most 32 levels$/)
  t.end()
})

t.test('aliases', (t) => {
  const shared = 'name: a\nproblem: { module: ./a.ts, options: { a: &a [1, 2], b: *a } }\nspace: { x: 1 }\n'
  t.strictSame(parseStudy(shared).specification.problem.options, { a: [1, 2], b: [1, 2] })
  t.match(
    message('name: a\nproblem: &p ridge\nspace: { lambda: &l [2, 2] }\nmetrics: *p\ntolerances: *l\n'),
    'study.yaml:3:25: space.lambda[1]: expected each entry once; this is entry 0 again',
  )
  const bomb = Array.from({ length: 9 }, (_, i) => {
    const inner = i === 0 ? '1' : `*a${String(i - 1)}`
    return `a${String(i)}: &a${String(i)} [${Array(9).fill(inner).join(', ')}]`
  }).join('\n')
  t.match(message(bomb), /^study\.yaml:\d+:\d+: expected at most 100000 values; aliases count each time$/)
  t.match(message(`a: &a 1\nb: [${'*a, '.repeat(101)}]`), 'study.yaml:1:1: expected at most 100 aliases')
  for (const round of ['a: &a [*a]', 'a: &a { b: *a }', 'a: &a [[[*a]]]']) {
    t.match(message(round), /^study\.yaml:1:\d+: expected at most 32 levels$/, round)
  }
  t.end()
})

t.test('numbers and words as YAML 1.2 has them', (t) => {
  const seeds: readonly (readonly [string, number])[] = [
    ...([
      ['17', 17],
      ['+17', 17],
      ['0o17', 15],
      ['0x1F', 31],
      ['017', 17],
      ['1e3', 1000],
      ['1E+2', 100],
      ['5.', 5],
    ] as const),
  ]
  for (const [written, seed] of seeds)
    t.equal(parseStudy(more(`seed: ${written}`)).specification.seed, seed, written)
  const tolerances = [
    ['1e-4', 1e-4],
    ['.5', 0.5],
    ['1.e-5', 1e-5],
    ['4.9e-324', 5e-324],
    ['0.1', 0.1],
  ] as const
  for (const [written, tolerance] of tolerances) {
    t.strictSame(parseStudy(more(`tolerances: ${written}`)).specification.tolerances, [tolerance], written)
  }
  for (const word of [
    'yes',
    'no',
    'on',
    'off',
    'y',
    'n',
    'Yes',
    'NO',
    '1_000',
    '1:30',
    '0b11',
    '1,5',
    'inf',
    'nan',
    '2001-01-01',
  ]) {
    t.equal(parseStudy(more(`description: ${word}`)).specification.description, word)
    t.match(message(more(`seed: ${word}`)), `received ${JSON.stringify(word)}`, word)
  }
  for (const [value, shown] of [
    ['.inf', '.inf'],
    ['-.INF', '-.inf'],
    ['.nan', '.nan'],
    ['1e400', '.inf'],
    ['true', 'true'],
    ['null', 'nothing'],
    ['~', 'nothing'],
  ] as const) {
    t.match(message(more(`tolerances: [${value}]`)), `received ${shown}`, value)
  }
  t.end()
})

t.test('line ends, byte order marks, comments', (t) => {
  const windows = `\ufeff# a comment\r\n${base.replaceAll('\n', '\r\n')}sede: 1\r\n`
  t.equal(message(windows), 'study.yaml:5:1: sede: unknown key; did you mean "seed"?')
  t.equal(message(`\n\n---\n${base}...\n`), '')
  t.end()
})

t.test('JSON', (t) => {
  const study = '{\n  "name": "a",\n\t"problem": "ridge",\n  "space": { "lambda": [1, 2.5e-3] }\n}\n'
  t.strictSame(parseStudy(study, { format: 'json' }).specification, parseStudy(study).specification)
  const wrong: readonly (readonly [string, string])[] = [
    ['', '1:1: this is no JSON: Unexpected end of JSON input'],
    ['{\n"name": "a",\n}', '3:1: this is no JSON: '],
    ["{'name': 1}", '1:2: this is no JSON: '],
    ['{"name": "a"}\n# comment', '2:1: this is no JSON: '],
    ['// comment\n{}', '1:1: this is no JSON: '],
    ['{"name": "a",\n "seed": NaN}', '2:10: this is no JSON: '],
    ['{"name": "a"\n "seed": 1}', '2:2: this is no JSON: '],
    ['name: a', '1:2: this is no JSON: '],
  ]
  for (const [text, start] of wrong) {
    const told = message(text, 'json')
    t.ok(told.startsWith(`study.yaml:${start}`), `${JSON.stringify(text)}: ${told}`)
    t.notMatch(told, /\n/)
  }
  t.match(message(study.replace('\n}', ',\n  "seed": -1\n}'), 'json'), /^study\.yaml:5:11: seed: /)
  t.match(
    message(study.replace('\n}', ',\n  "name": "b"\n}'), 'json'),
    'study.yaml:5:3: name: this key stands here twice',
  )
  t.end()
})

t.test('positions', (t) => {
  const { position } = readText('a:\n  b: [1, { c: 2 }]\n  d:\ne: |\n  text\n', 'yaml')
  const at = (path: readonly (string | number)[], key = false): string => {
    const { line, column } = position(path, key)
    return `${String(line)}:${String(column)}`
  }
  t.equal(at(['a', 'b']), '2:6')
  t.equal(at(['a', 'b'], true), '2:3')
  t.equal(at(['a', 'b', 0]), '2:7')
  t.equal(at(['a', 'b', 1, 'c']), '2:15')
  t.equal(at(['a', 'b', 5]), '2:3', 'what is not there stands where it would be')
  t.equal(at(['a', 'x', 'y']), '1:1')
  t.equal(at(['a', 'd']), '3:3', 'nothing stands at its key')
  t.equal(at(['x']), '1:1')
  t.equal(at([]), '1:1')
  t.end()
})
