// What a bench says: figures with their bars, as JSON or as a table.
import { textTable } from '../lib/index.js'
import type { Machine } from '../lib/index.js'

/** One measured number. */
export interface Figure {
  readonly name: string
  readonly value: number
  /** Such as '≥ 4' or '≤ 0.05'; null for a figure that is only reported. */
  readonly bar: string | null
  /** Whether the bar is reached; true where there is none. */
  readonly ok: boolean
}

/** What `npm run bench -- NAME --json` prints. */
export interface BenchResult {
  readonly machine: Machine
  readonly figures: readonly Figure[]
}

/** A figure that must be at least `bar`. */
export const atLeast = (name: string, value: number, bar: number): Figure => ({
  name,
  value,
  bar: `≥ ${String(bar)}`,
  ok: value >= bar,
})

/** A figure that must be at most `bar`. */
export const atMost = (name: string, value: number, bar: number): Figure => ({
  name,
  value,
  bar: `≤ ${String(bar)}`,
  ok: value <= bar,
})

/** A figure without a bar. */
export const reported = (name: string, value: number): Figure => ({ name, value, bar: null, ok: true })

/** The machine in a line, then the figures in a table. */
export const showFigures = ({ machine, figures }: BenchResult): string => {
  const { processor, cores, blas, simd, node, load } = machine
  const about = [
    `${processor}, ${String(cores)} cores, load ${load.toFixed(1)}, node ${node}`,
    `${blas.config}, kernel ${blas.core}, ${String(blas.threads)} thread; SIMD ${simd}`,
  ]
  const table = textTable({
    columns: ['figure', 'value', 'bar', ''],
    rows: figures.map(({ name, value, bar, ok }) => [name, value, bar, ok ? '' : 'MISSED']),
  })
  return [...about, '', table].join('\n')
}
