// What a report says of a bench: a line for each cell without its size, and its own word for rows.
import { test } from 'tap'
import { benchVariants, prepareBench } from '../../../lib/study/bench/cells.js'
import { cellRows } from '../../../lib/study/bench/measureCell.js'
import { errorFigure } from '../../../lib/study/page/errorFigure.js'
import { reportPage } from '../../../lib/study/page/page.js'
import { sizeFigure } from '../../../lib/study/page/sizeFigure.js'
import { studySummary } from '../../../lib/study/page/summary.js'
import { parseStudy } from '../../../lib/study/specification/read.js'

const { specification } = parseStudy(
  `
name: b
kind: bench
problem: ridge
strategies: [oneStep, { neumann: { terms: 3 } }, { neumann: { terms: 30 } }]
repeats: 2
bench: { sizes: [3, 30], repeats: 4 }`,
  { file: 'b.yaml', format: 'yaml', overrides: [] },
)

/** Seconds of a cell: a hundredth of its size, times one more than the number of its strategy. */
const secondsOf = (cell: number): number =>
  ((benchVariants(specification)[cell]?.size ?? 0) / 100) * (1 + (cell % 3))

test('a report of a bench', async (t) => {
  const manifest = await prepareBench(specification, { folder: '.', version: '1' })
  const blocks = manifest.variants.flatMap((_, cell) =>
    [0, 1].map((repeat) => {
      const seconds = secondsOf(cell)
      const runs = [1, 2, 3, 4].map(() => ({ seconds, cpuSeconds: seconds, calls: 1 }))
      const measured = {
        runs,
        firstSeconds: 1,
        peakBytes: 2 ** 26,
        iterations: 7,
        status: 0,
        gradientStatus: 0,
      }
      return cellRows(specification, cell, repeat, { ...measured, error: 10 ** -(cell % 3) })
    }),
  )
  const summary = await studySummary({ manifest, blocks })
  t.equal(summary.rows, 3 * 2 * 2 * 4)
  const page = await reportPage(summary)
  t.match(page, /4 runs in each of 2 processes/)
  t.match(page, /oneStep, size 30/)
  const sizes = sizeFigure(summary)?.figure as {
    series?: readonly { name: string; x: number[]; y: number[] }[]
  }
  t.strictSame(
    sizes.series?.map(({ name, x, y }) => [name, [...x], [...y]]),
    ['oneStep', 'neumann(terms=3)', 'neumann(terms=30)'].map((name, k) => [
      name,
      [3, 30],
      [3, 30].map((n) => (n / 100) * (1 + k)),
    ]),
  )
  t.ok(errorFigure(summary) !== undefined, 'errors are those that were measured')
})
