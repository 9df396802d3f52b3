// docs/study-problems.md names every standard problem with its parameters, solvers, metrics and options, and its files are right.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { packageRoot } from '../../../lib/runtime/diagnosis.js'
import { dataOptions } from '../../../lib/study/problem/data.js'
import { makeStandardProblem, standardProblems } from '../../../lib/study/problem/standardProblems.js'
import { loadStudyProblem } from '../../../lib/study/problem/load.js'
import { parseStudy } from '../../../lib/study/specification/read.js'

const text = readFileSync(join(packageRoot(), 'docs', 'study-problems.md'), 'utf8')

/** The cells of the line of a table that begins with a name. */
const cellsOf = (name: string): readonly string[] =>
  (new RegExp(`^\\| \`${name}\` \\|(.*)\\|$`, 'm').exec(text)?.[1] ?? '').split('|')

/** The names in backticks of a cell. */
const namesIn = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string)

test('every standard problem is in the table as it is', async (t) => {
  for (const name of Object.keys(standardProblems)) {
    const { problem } = await makeStandardProblem({ kind: 'standard', name, options: {} }, '.')
    const [theta, solvers, metrics] = cellsOf(name).map(namesIn)
    t.strictSame(theta, Object.keys(problem.theta), `${name}: θ`)
    t.strictSame(solvers, Object.keys(problem.solvers), `${name}: solvers`)
    t.strictSame(metrics?.sort(), Object.keys(problem.metrics ?? {}).sort(), `${name}: metrics`)
  }
})

test('every option is explained', async (t) => {
  const options = [
    ...Object.values(standardProblems).map((entry) => entry.options),
    ...Object.values(dataOptions),
  ]
  for (const name of new Set(options.flatMap((record) => Object.keys(record)))) {
    t.ok(new RegExp(`\`${name}[\`:]`).test(text), name)
  }
})

test('the study files are right', async (t) => {
  const blocks = [...text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map((match) => match[1] as string)
  t.equal(blocks.length, 4)
  for (const block of blocks) {
    const { specification } = parseStudy(`name: a\nspace: { lambda: [1] }\n${block}`, {
      ...{ file: 'a.yaml', format: 'yaml' as const, overrides: [] },
    })
    if (specification.problem.kind === 'module') continue
    t.equal((await loadStudyProblem(specification.problem, { folder: '.' })).kind, 'study', block)
  }
})
