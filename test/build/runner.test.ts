// The test runner's last line and exit code are what continuous integration believes: here is what they
// say of every way a test file can end.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Parser } from 'tap-parser'
import { test } from 'tap'
import { packageRoot } from '../../lib/runtime/diagnosis.js'

interface Total {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}
interface Runner {
  readonly count: (parser: Parser, tell: (kind: string, path: string[], result: object) => void) => Total
  readonly verdict: (total: Total, requireAll: boolean) => { line: string; code: number }
}

const script = pathToFileURL(join(packageRoot(), 'scripts', 'test.mjs')).href
const { count, verdict } = (await import(script)) as Runner

/** What the runner counts in a TAP document, and the names of what it tells. */
const counted = (tap: string): { total: Total; told: string[] } => {
  const parser = new Parser()
  const told: string[] = []
  const total = count(parser, (kind, path) => told.push(`${kind}: ${path.join(' > ')}`))
  parser.end(`TAP version 14\n${tap}`)
  return { total, told }
}

/** A file's block as tap prints it. */
const file = (name: string, inner: string, closing: string): string =>
  `# Subtest: ${name}\n${inner.replace(/^(?=.)/gm, '    ')}\n${closing}\n`

const table: readonly (readonly [string, string, Total, readonly string[]])[] = [
  [
    'assertions, not subtests',
    `${file('a', file('one', 'ok 1 - x\nok 2 - y\n1..2', 'ok 1 - one') + '1..1', 'ok 1 - a')}1..1\n`,
    { passed: 2, failed: 0, skipped: 0 },
    [],
  ],
  [
    'one that fails, once',
    `${file('a', file('one', 'ok 1 - x\nnot ok 2 - y\n1..2', 'not ok 1 - one') + '1..1', 'not ok 1 - a')}1..1\n`,
    { passed: 1, failed: 1, skipped: 0 },
    ['failed: a > one > y'],
  ],
  [
    'a file that crashes after its assertions passed',
    `${file('a', 'ok 1 - x\n1..1', 'not ok 1 - a')}1..1\n`,
    { passed: 1, failed: 1, skipped: 0 },
    ['failed: a'],
  ],
  [
    'a file that crashes at once',
    `${file('a', '1..0 # no tests found', 'not ok 1 - a')}1..1\n`,
    { passed: 0, failed: 1, skipped: 0 },
    ['failed: a'],
  ],
  [
    'a file without tests',
    `${file('a', '1..0 # no tests found', 'ok 1 - a # SKIP no tests found')}1..1\n`,
    { passed: 0, failed: 0, skipped: 1 },
    ['skipped: a'],
  ],
  [
    'a skipped subtest, a skipped assertion and one to be done',
    `${file('a', 'ok 1 - x # SKIP no data\nok 2 - y\nnot ok 3 - z # TODO later\n1..3', 'ok 1 - a')}1..1\n`,
    { passed: 1, failed: 0, skipped: 2 },
    ['skipped: a > x', 'skipped: a > z'],
  ],
  [
    'two files',
    `${file('a', 'ok 1 - x\n1..1', 'ok 1 - a')}${file('b', 'ok 1 - y\nok 2 - z\n1..2', 'ok 2 - b')}1..2\n`,
    { passed: 3, failed: 0, skipped: 0 },
    [],
  ],
  [
    'a bail-out',
    `${file('a', 'ok 1 - x\nBail out! no machine', 'not ok 1 - a')}Bail out! no machine\n`,
    { passed: 1, failed: 1, skipped: 0 },
    ['failed: bailed out'],
  ],
]

for (const [name, tap, total, told] of table) {
  test(`counts ${name}`, async (t) => {
    t.strictSame(counted(tap), { total, told })
  })
}

test('the last line and the exit code', async (t) => {
  const rows: readonly (readonly [Total, boolean, string, number])[] = [
    [{ passed: 3, failed: 0, skipped: 0 }, false, '3 passed, 0 failed', 0],
    [{ passed: 3, failed: 1, skipped: 0 }, false, '3 passed, 1 failed', 1],
    [{ passed: 3, failed: 0, skipped: 2 }, false, '3 passed, 0 failed, 2 skipped', 0],
    [{ passed: 3, failed: 0, skipped: 2 }, true, '3 passed, 2 failed', 1],
    [{ passed: 3, failed: 1, skipped: 2 }, true, '3 passed, 3 failed', 1],
    [{ passed: 0, failed: 0, skipped: 0 }, false, '0 passed, 0 failed', 1],
    [{ passed: 0, failed: 0, skipped: 4 }, false, '0 passed, 0 failed, 4 skipped', 1],
  ]
  for (const [total, requireAll, line, code] of rows) t.strictSame(verdict(total, requireAll), { line, code })
})
