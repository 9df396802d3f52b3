// Names come into files, columns and commands: those that mean more than a name are refused, and so are keys that objects have.
import t from 'tap'
import { StudyError } from '../../../lib/study/specification/fault.js'
import { parseStudy, parseStudyObject } from '../../../lib/study/specification/read.js'

/** Ways out of a folder, devices, options of commands, what a shell or a terminal acts on, and what looks like something else. */
const hostileNames: readonly string[] = [
  ...['', '.', '..', '...', '/', '//', '\\', 'a/b', '../a', '..\\a', 'a/../b', './a', 'a/', '/etc/passwd'],
  ...[
    'C:',
    'C:\\a',
    '\\\\host\\share',
    'file:///a',
    'https://example.org',
    '%2e%2e%2fa',
    '~',
    '~root',
    '.hidden',
  ],
  ...['a\u0000b', '\u0000', 'a\nb', 'a\r', 'a\tb', ' a', 'a ', 'a b', '\u001b[2Ja', 'a\u007f'],
  ...['con', 'CON', 'nul.txt', 'COM1', 'lpt9.a', 'aux', 'PRN.log', 'a.', 'a..', 'a-'],
  ...[
    '-rf',
    '--force',
    '$HOME',
    '$(id)',
    '`id`',
    'a;b',
    'a|b',
    'a&b',
    'a>b',
    'a*',
    'a?',
    '"a"',
    "'a'",
    'a:b',
  ],
  ...[
    'a\u202eb',
    'a\u200bb',
    '\ufeffa',
    '\uff0e\uff0e\uff0fa',
    '\u2024\u2024',
    'a\u2215b',
    '\ud800',
    'é',
    '🎈',
  ],
  ...['__proto__', 'constructor', 'prototype', 'x'.repeat(101)],
]

const good = [
  'a',
  'A1',
  'ridge-penalty',
  'v1.2',
  '2026-01-31',
  'a_b',
  'console',
  'com10x',
  'x'.repeat(100),
  '0',
  'a..b',
]

/** In quotes, with escapes: what a text cannot hold comes into it this way, too. */
const quote = (name: string): string => JSON.stringify(name).replaceAll('\u007f', '\\u007f')

const refusal = (text: string): StudyError | undefined => {
  try {
    parseStudy(text)
    return undefined
  } catch (error) {
    if (error instanceof StudyError) return error
    throw error
  }
}

// eslint-disable-next-line no-control-regex -- these must not reach a terminal
const unprintable = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\ufeff]/

const rest = 'problem: ridge\nspace: { lambda: 1 }\n'

t.test('names of studies', (t) => {
  t.ok(hostileNames.length >= 50)
  t.equal(new Set(hostileNames).size, hostileNames.length)
  for (const name of hostileNames) {
    const told = refusal(`name: ${quote(name)}\n${rest}`)
    t.equal(told?.faults.length, 1, JSON.stringify(name))
    t.match(
      told?.message,
      /^study\.yaml:1:7: name: expected a name that files can have/,
      JSON.stringify(name),
    )
    t.notOk(unprintable.test(told?.message ?? ''), JSON.stringify(name))
  }
  const shown = refusal(`name: "\\u\u202e00"\n${rest}`)?.message
  t.equal(shown, 'study.yaml:1:8: Invalid escape sequence \\u\\u202e00"')
  for (const name of good) t.equal(refusal(`name: ${quote(name)}\n${rest}`), undefined, name)
  t.end()
})

t.test('names of parameters, solvers and metrics', (t) => {
  // Files are not named after these: devices and lengths up to 64 are as good as others.
  const harmless = ['con', 'CON', 'aux', 'COM1', 'é', 'a-']
  const places: readonly (readonly [string, (name: string) => string])[] = [
    ['parameter', (name) => `name: a\nproblem: ./a.ts\nspace: { ${name}: 1 }\n`],
    ['solver', (name) => `name: a\nproblem: ./a.ts\nspace: { x: 1 }\nsolvers: [${name}]\n`],
    ['solver', (name) => `name: a\nproblem: ./a.ts\nspace: { x: 1 }\nsolvers: [{ ${name}: {} }]\n`],
    ['metric', (name) => `name: a\nproblem: ./a.ts\nspace: { x: 1 }\nmetrics: [${name}]\n`],
  ]
  for (const [what, text] of places) {
    for (const name of hostileNames) {
      const told = refusal(text(quote(name)))
      if (harmless.includes(name)) t.equal(told, undefined, `${what} ${name}`)
      else {
        const expected = new RegExp(
          `expected the name of a ${what}|this key is not allowed|a key cannot begin with`,
        )
        t.match(told?.message, expected, `${what} ${JSON.stringify(name)}`)
      }
    }
    for (const name of ['lambda', 'λ', 'step_2', 'a-b'])
      t.equal(refusal(text(name)), undefined, `${what} ${name}`)
  }
  t.end()
})

t.test('keys that objects have are refused everywhere, and change nothing', (t) => {
  const texts = (key: string): readonly string[] => [
    `name: a\n${rest}${key}: { polluted: 1 }\n`,
    `name: a\nproblem: { standard: ridge, options: { ${key}: { polluted: 1 } } }\nspace: { lambda: 1 }\n`,
    `name: a\nproblem: { module: ./a.ts, options: { a: [{ ${key}: { polluted: 1 } }] } }\nspace: { lambda: 1 }\n`,
    `name: a\nproblem: ridge\nspace: { lambda: 1, ${key}: { polluted: 1 } }\n`,
    `name: a\n${rest}strategies: [{ ${key}: { polluted: 1 } }]\n`,
  ]
  for (const key of ['__proto__', 'constructor', 'prototype', '"__proto__"', "'constructor'"]) {
    for (const text of texts(key)) {
      t.match(refusal(text)?.message, /: this key is not allowed/, text)
      t.equal(({} as { polluted?: unknown }).polluted, undefined)
    }
  }
  const json = '{"name": "a", "problem": "ridge", "space": {"lambda": 1}, "__proto__": {"polluted": 1}}'
  t.throws(() => parseStudy(json, { format: 'json', file: 's.json' }), {
    message: /^s\.json:1:59: __proto__: this key is not allowed$/,
  })
  t.throws(() => parseStudyObject(JSON.parse(json)), {
    message: 'study.ts: __proto__: this key is not allowed',
  })
  t.end()
})
