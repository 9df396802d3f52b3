// Every example of docs/study-spaces.md is a right study, and has as many θ as its first line says.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { packageRoot } from '../../../lib/runtime/diagnosis.js'
import { thetaBlock, thetaCount } from '../../../lib/study/space/space.js'
import { parseStudy } from '../../../lib/study/specification/read.js'

const text = readFileSync(join(packageRoot(), 'docs', 'study-spaces.md'), 'utf8')
const blocks = [...text.matchAll(/^```yaml\n# (\d+) θ(?:: (\(.*\)))?.*\n([\s\S]*?)^```/gm)]

test('every example is right, and has as many θ as it says', async (t) => {
  t.equal(blocks.length, text.match(/^```yaml/gm)?.length, 'every block begins with its count')
  t.ok(blocks.length >= 5)
  for (const [, count, , yaml] of blocks) {
    const { specification } = parseStudy(`name: example\nproblem: ./problem.ts\n${yaml ?? ''}`)
    t.equal(thetaCount(specification.space), Number(count), `θ of ${yaml ?? 'nothing'}`)
  }
})

test('where an example lists its θ, these are they', async (t) => {
  const [[, , listed, yaml] = []] = blocks.filter(([, , rows]) => rows !== undefined)
  const { space } = parseStudy(`name: example\nproblem: ./problem.ts\n${yaml ?? ''}`).specification
  const columns = Object.values(thetaBlock(space, { seed: 0, repeat: 0, lo: 0, hi: thetaCount(space) }))
  const rows = Array.from({ length: thetaCount(space) }, (_, i) => columns.map(({ data }) => data[i]))
  t.equal(rows.map((row) => `(${row.join(', ')})`).join(', '), listed)
})
