// The study files that the reference page shows are right, and it names every key and every strategy.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { standardProblems } from '../../../lib/study/problem/standardProblems.js'
import { domains, optimizers, schedules } from '../../../lib/study/specification/descent.js'
import { parseStudy } from '../../../lib/study/specification/read.js'
import { shape } from '../../../lib/study/specification/schema.js'
import { strategies } from '../../../lib/study/specification/strategies.js'

const page = readFileSync(
  join(fileURLToPath(new URL('../../../..', import.meta.url)), 'docs', 'studies.md'),
  'utf8',
)
const blocks = [...page.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text]) => text as string)

t.test('the files are right', (t) => {
  t.ok(blocks.length >= 6)
  for (const text of blocks) t.doesNotThrow(() => parseStudy(text), text)
  t.end()
})

t.test('the changes are, too', (t) => {
  const study =
    'name: a\nproblem: ridge\nspace: { lambda: { log: [1, 2], count: 3 } }\nmaxSteps: 3\nstrategies: [implicit, oneStep, { truncated: { steps: 5 } }]\n'
  const lines = [...page.matchAll(/^onestep validate study\.yaml (-s .*)$/gm)].map(
    ([, line]) => line as string,
  )
  t.equal(lines.length, 2)
  for (const line of lines) {
    const overrides = [...line.matchAll(/-s (?:"([^"]*)"|(\S+))/g)].map(
      ([, quoted, bare]) => quoted ?? (bare as string),
    )
    t.ok(overrides.length >= 3)
    t.doesNotThrow(() => parseStudy(study, { overrides }), line)
  }
  t.end()
})

t.test('nothing is left out', (t) => {
  const names = [
    ...Object.keys(shape).filter((key) => key !== '$schema' && key !== 'version'),
    ...[strategies, optimizers, domains, schedules, standardProblems].flatMap((table) => Object.keys(table)),
  ]
  for (const name of names) t.match(page, new RegExp(`\\b${name}\\b`), name)
  t.end()
})
