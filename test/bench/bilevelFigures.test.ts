// The figures of the bench "bilevel" at small sizes: each is there and is a number, and what is optimised gets better.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { cleaning } from '../../bench/cleaning.js'
import { secondsTo } from '../../bench/cleaningContest.js'
import { accuracy, cleaningDigits } from '../../bench/cleaningData.js'
import { featurePenalties } from '../../bench/featurePenalties.js'
import type { Figure } from '../../bench/figures.js'
import { unrollMemory } from '../../bench/unrollMemory.js'
import { array } from '../../lib/index.js'

/** The value of the one figure whose name ends so. */
const valueOf = (figures: readonly Figure[], end: string): number => {
  const found = figures.filter(({ name }) => name.endsWith(end))
  if (found.length !== 1) throw new Error(`${String(found.length)} figures end with ${end}`)
  return (found[0] as Figure).value
}

const temporary = (t: { teardown: (end: () => void) => void }): string => {
  const folder = mkdtempSync(join(tmpdir(), 'bilevel-figures-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

test('unrolling: the gradient is that of implicit, and memory without a trajectory is the same for any K', async (t) => {
  const figures = unrollMemory({ quick: true })
  t.ok(figures.every(({ value }) => Number.isFinite(value)))
  t.ok(valueOf(figures, 'gradient beside implicit, relative') < 1e-9)
  t.ok(valueOf(figures, 'unrolled, sqrt, 10000 steps, 200 × 200: resident MB') < 50)
  for (const method of ['one-step', 'truncated(1000)', 'neumann(1000)']) {
    t.equal(valueOf(figures, `${method}: planned memory, 10000 steps over 2000, ratio`), 1)
  }
})

test('accuracy: the share of rows whose largest output is their digit', async (t) => {
  const features = array([1, 0, 0, 1, 1, 1], [3, 2])
  const x = array([3, 1, 0, 0, 0, 5], [2, 3])
  t.equal(accuracy(x, { features, targets: array([0, 2, 1]) }), 2 / 3)
})

test('digits: centred on the training rows, of curvature 1, with a constant feature', async (t) => {
  const { training, test: other } = await cleaningDigits({ training: 50, validation: 5, test: 7, side: 2 })
  t.strictSame(
    [training.features.shape, other.features.shape],
    [
      [50, 5],
      [7, 5],
    ],
  )
  const column = (j: number): number[] => Array.from({ length: 50 }, (_, i) => training.features.at(i, j))
  const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length
  for (const j of [1, 2, 3, 4]) t.ok(Math.abs(mean(column(j))) < 1e-12)
  t.ok(column(0).every((value) => value === column(0)[0] && value > 0))
  const squares = training.features.data.reduce((total, v) => total + v * v, 0)
  t.ok(squares >= 50 && squares <= 5 * 50, '‖A‖₂² = n')
})

test('cleaning: accuracy improves, wrong labels lose their weight, and the page has a curve of each strategy', async (t) => {
  const out = temporary(t)
  const figures = await cleaning({ quick: true, out })
  t.ok(figures.every(({ value }) => Number.isFinite(value)))
  t.ok(valueOf(figures, 'points won by cleaning') >= 5)
  t.ok(valueOf(figures, 'mean weight of wrong labels') < 0.4)
  t.ok(valueOf(figures, 'mean weight of right labels') > 0.6)
  const page = readFileSync(join(out, 'cleaning.html'), 'utf8')
  for (const name of ['one-step', 'truncated(50)', 'neumann(50)', 'implicit, CG', 'implicit, LU']) {
    t.equal(figures.filter((figure) => figure.name.includes(`, ${name}: `)).length, 2, name)
    t.ok(page.includes(`>${name}<`), name)
  }
})

test('the time to a share of the first norm', async (t) => {
  const curve = { name: 'curve', seconds: [1, 2, 3], norm: [10, 2, 0.5] }
  t.strictSame([secondsTo(curve, 1), secondsTo(curve, 0.1), secondsTo(curve, 0.01)], [1, 3, NaN])
})

test('penalties: synthetic rows, or a LIBSVM file; loss and hypergradient fall', async (t) => {
  const path = join(temporary(t), 'rows.svm')
  const line = (i: number): string => {
    const [a, b, c] = [Math.sin(i), Math.sin(2.7 * i), Math.sin(i * i)]
    return `${a + 0.5 * c > 0 === i % 7 > 0 ? '7' : '3'} 1:${String(a)} 2:${String(b)} 3:${String(c)}`
  }
  writeFileSync(path, Array.from({ length: 120 }, (_, i) => line(i + 1)).join('\n'))
  const table = [
    ['synthetic, 400 × 60', {}],
    ['rows.svm, 80 × 3', { data: path }],
  ] as const
  for (const [title, given] of table) {
    const figures = await featurePenalties({ quick: true, ...given })
    t.ok(
      figures.every(({ name, value, ok }) => name.includes(title) && Number.isFinite(value) && ok),
      title,
    )
    const before = valueOf(figures, 'validation loss before')
    for (const name of ['L-BFGS', 'Adam']) {
      t.ok(valueOf(figures, `${name}: validation loss after`) < before, name)
      t.ok(valueOf(figures, `${name}: ‖∇h‖ after`) < valueOf(figures, `${name}: ‖∇h‖ before`), name)
    }
  }
  await t.rejects(featurePenalties({ quick: true, data: '/nowhere' }), { code: 'ERR_DATA' })
})
