// The bench "matrix" at its small size: every strategy has its time and its error, and those that are exact say so.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { matrix } from '../../bench/matrix.js'
import { openRun } from '../../lib/study/store/runDirectory.js'

test('a study of strategies becomes figures', async (t) => {
  const out = mkdtempSync(join(tmpdir(), 'onestep-matrix-test-'))
  t.teardown(() => {
    rmSync(out, { recursive: true })
  })
  const figures = await matrix({ quick: true, out: join(out, 'run') })
  const { manifest } = await openRun(join(out, 'run'))
  t.equal(figures.length, 2 * manifest.variants.length)
  t.ok(
    figures.every(({ value }) => value > 0),
    'times, and errors of gradients through inexact solves',
  )
  t.ok(figures.filter(({ bar }) => bar !== null).length >= 3 && figures.every(({ ok }) => ok))
  const one = figures.find(({ name }) => name === 'oneStep: relative error')
  t.ok(one !== undefined && one.value > 0.01, JSON.stringify(one))
})
