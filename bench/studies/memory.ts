// A million θ of a problem that costs next to nothing: rows a second, and the memory that the run and its exports take.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { atMost, reported } from '../figures.js'
import type { Figure } from '../figures.js'
import { lastEvent, onestep } from './command.js'

const study = (rows: number): string => `
name: million
problem: logSumExp
space:
  theta: { normal: { mean: 0, deviation: 1 }, shape: [4] }
samples: ${String(rows)}
strategies: [oneStep]
record: [value, gradient, residual, iterations]
chunk: { rows: ${String(Math.max(1, rows / 200))} }
`

/** How much more than after a tenth of the time was ever resident; the beginning is programs and code. */
const growth = (resident: readonly number[]): number => {
  const settled = resident[Math.floor(resident.length / 10)] ?? NaN
  return Math.max(...resident) - settled
}

export const memoryFigures = async (folder: string, share: number): Promise<Figure[]> => {
  const rows = 1e6 * share
  const [file, dir] = [join(folder, 'million.yaml'), join(folder, 'million')]
  await writeFile(file, study(rows))
  const run = await onestep(['run', file, '--dir', dir, '--reporter', 'json'])
  const { seconds } = lastEvent(run) as { readonly seconds: number }
  const figures = [
    reported(`θ of 4 variables, one-step gradients: rows a second, in files`, rows / seconds),
    reported('the same, with start, tracing and trial: s', run.seconds),
    atMost('resident memory of the runner grows by: MiB', growth(run.own), 128),
    atMost('resident memory of the compute process grows by: MiB', growth(run.child), 128),
  ]
  for (const format of ['csv', 'jsonl', 'parquet']) {
    const out = join(folder, `million.${format}`)
    const { own, seconds: exporting } = await onestep(['export', dir, '--format', format, '--out', out])
    figures.push(
      reported(`export to ${format}: rows a second`, rows / exporting),
      atMost(`export to ${format}: resident memory grows by: MiB`, growth(own), 128),
    )
  }
  const { own, seconds: reporting } = await onestep(['report', dir, '--out', join(folder, 'million.html')])
  return [
    ...figures,
    reported('report of all rows: s', reporting),
    atMost('report: resident memory grows by: MiB', growth(own), 128),
  ]
}
