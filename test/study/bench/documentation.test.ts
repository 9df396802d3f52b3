// The bench studies of docs/benchmarks.md and of examples/ are what their first lines say.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { packageRoot } from '../../../lib/runtime/diagnosis.js'
import { benchColumns, benchOf, prepareBench } from '../../../lib/study/bench/cells.js'
import { parseStudy, readStudy } from '../../../lib/study/specification/read.js'

const text = readFileSync(join(packageRoot(), 'docs', 'benchmarks.md'), 'utf8')

test('the studies of the page', async (t) => {
  const blocks = [...text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map((match) => match[1] as string)
  t.equal(blocks.length, 1)
  for (const block of blocks) {
    const [, cells, processes, runs] =
      /^# (\d+) cells, (\d+) processes each, (\d+) runs a process\n/.exec(block)?.map(Number) ?? []
    const { specification } = parseStudy(block, { file: 'b.yaml', format: 'yaml', overrides: [] })
    const { variants, rows } = await prepareBench(specification, { folder: '.', version: '1' })
    t.strictSame(
      [variants.length, specification.repeats, benchOf(specification).repeats, rows],
      [cells, processes, runs, (cells ?? 0) * (processes ?? 0) * (runs ?? 0)],
    )
    for (const { name } of benchColumns(specification)) {
      if (!['index', 'variant'].includes(name)) t.ok(text.includes(`\`${name}\``), `${name} is explained`)
    }
  }
})

test('the example can be measured', async (t) => {
  const file = join(packageRoot(), 'examples', 'studies', 'strategies.yaml')
  const { specification, folder } = await readStudy(file)
  const { variants } = await prepareBench(specification, { folder, version: '1' })
  t.equal(variants.length, 14)
})
