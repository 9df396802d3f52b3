// Studies in memory whose every number is a formula of its row, so that what a page says can be worked out beside it.
import type { StudySource } from '../../../lib/study/page/source.js'
import type { Axis, StudySpecification } from '../../../lib/study/specification/specification.js'
import type { Block, Column, ColumnData } from '../../../lib/study/store/block.js'
import { variantRows, type Manifest, type Variant } from '../../../lib/study/store/manifest.js'

export const statusNames = ['converged', 'maxSteps', 'diverged']
export const gradientNames = ['ok', 'notConverged']

/** One row: its θ and everything else, by column; lists as arrays. */
export type Row = Readonly<Record<string, number | readonly number[]>>

export interface StudyParts {
  readonly axes: Readonly<Record<string, Axis>>
  readonly variants: readonly Variant[]
  readonly columns: readonly Column[]
  readonly thetas: number
  readonly repeats?: number
  readonly name?: string
  readonly kind?: 'map' | 'descent' | 'bench'
  readonly description?: string
}

export const variantOf = (strategy: string, tolerance: number, solver = 'newton'): Variant => ({
  name: `${strategy}, ${String(tolerance)}`,
  strategy: { name: strategy, options: {} },
  solver: { name: solver, options: {} },
  tolerance,
  programs: [],
})

export const manifestOf = (parts: StudyParts): Manifest => {
  const { axes, variants, columns, thetas, repeats = 1, name = 'made-up', kind = 'map', description } = parts
  const specification: StudySpecification = {
    version: 1,
    name,
    ...(description === undefined ? {} : { description }),
    kind,
    problem: { kind: 'standard', name: 'ridge', options: {} },
    space: { axes, samples: 1 },
    strategies: [{ name: 'implicit', options: {} }],
    solvers: [{ name: 'newton', options: {} }],
    tolerances: [1e-8],
    record: ['value', 'gradient'],
    repeats,
    seed: 7,
    chunk: { rows: 100 },
  }
  return {
    format: 'onestep study',
    version: 1,
    id: '0123456789abcdef',
    onestep: '0.1.0',
    specification,
    variants,
    columns,
    thetas,
    rows: variants.length * repeats * thetas,
    chunkRows: 1000,
    blobs: [],
  }
}

const numbers = (columns: readonly Column[]): Column[] => [
  { name: 'index', kind: 'integer', shape: [] },
  ...columns,
]

export const number = (name: string, shape: readonly number[] = []): Column => ({
  name,
  kind: 'number',
  shape,
})
export const list = (name: string): Column => ({ name, kind: 'list', shape: [] })
export const code = (name: string, names: readonly string[]): Column => ({
  name,
  kind: 'code',
  shape: [],
  names,
})

const dataOf = (column: Column, rows: readonly Row[]): ColumnData => {
  const of = (row: Row): readonly number[] => {
    const value = row[column.name] ?? NaN
    return typeof value === 'number' ? [value] : value
  }
  if (column.kind === 'code') return Uint8Array.from(rows.flatMap(of))
  if (column.kind !== 'list') return Float64Array.from(rows.flatMap(of))
  const offsets = new Float64Array(rows.length + 1)
  rows.forEach((row, i) => (offsets[i + 1] = (offsets[i] ?? 0) + of(row).length))
  return { offsets, values: Float64Array.from(rows.flatMap(of)) }
}

/** The rows lo … hi − 1 as a block. */
export const blockOf = (manifest: Manifest, rowAt: (index: number) => Row, lo: number, hi: number): Block => {
  const rows = Array.from({ length: hi - lo }, (_, i) => ({ ...rowAt(lo + i), index: lo + i }))
  return {
    rows: hi - lo,
    columns: manifest.columns,
    data: manifest.columns.map((column) => dataOf(column, rows)),
  }
}

/** All rows, in blocks of `each`, without those of the blocks in `missing`. */
export const sourceOf = (
  parts: StudyParts,
  rowOf: (variant: number, position: number) => Row,
  options: {
    readonly each?: number
    readonly missing?: readonly number[]
    readonly environment?: unknown
  } = {},
): StudySource => {
  const { each = 1000, missing = [], environment } = options
  const manifest = manifestOf({ ...parts, columns: numbers(parts.columns) })
  const own = variantRows(manifest)
  const rowAt = (index: number): Row => rowOf(Math.floor(index / own), index % own)
  function* blocks(): Generator<Block> {
    for (let lo = 0, k = 0; lo < manifest.rows; lo += each, k++) {
      if (!missing.includes(k)) yield blockOf(manifest, rowAt, lo, Math.min(lo + each, manifest.rows))
    }
  }
  return {
    manifest,
    blocks: { [Symbol.iterator]: blocks },
    ...(environment === undefined ? {} : { environment }),
  }
}

const logAxis: Axis = { kind: 'log', low: 1e-4, high: 1e2, count: 200, shape: [] }
const drawn = (kind: 'uniform' | 'logUniform', low: number, high: number): Axis => ({
  kind,
  low,
  high,
  shape: [],
})

const measured = [
  number('value'),
  code('status', statusNames),
  code('gradientStatus', gradientNames),
  { name: 'iterations', kind: 'integer', shape: [] } as const,
  number('certificate.estimate'),
  number('seconds'),
]

export const environment = {
  onestep: '0.1.0',
  node: 'v20.20.2',
  host: 'some-host',
  time: '2026-01-02T03:04:05.000Z',
  processor: { name: 'Some Processor 9000', cores: 2 },
  blas: 'OpenBLAS 0.3.21',
  git: { commit: 'abcdef', dirty: false },
}

/** Seconds of a row and the error of its gradient, of made-up strategies. */
const costs: Readonly<Record<string, { readonly seconds: number; readonly error: number }>> = {
  implicit: { seconds: 2e-4, error: 0.1 },
  oneStep: { seconds: 5e-5, error: 30 },
  unrolled: { seconds: 9e-4, error: 1 },
}

/** One parameter on a log grid; three strategies at two tolerances. */
export const gridStudy = (): StudySource => {
  const thetas = 200
  const variants = Object.keys(costs).flatMap((strategy) =>
    [1e-10, 1e-5].map((tol) => variantOf(strategy, tol)),
  )
  return sourceOf(
    {
      axes: { lambda: logAxis },
      variants,
      columns: [
        number('theta.lambda'),
        ...measured.slice(0, 1),
        number('gradient.lambda'),
        ...measured.slice(1),
      ],
      thetas,
      name: 'ridge-path',
      description: 'The penalty of a ridge regression, by three strategies at two tolerances.',
    },
    (variant, i) => {
      const { strategy, tolerance } = variants[variant] as Variant
      const lambda = 10 ** (-4 + (6 * i) / (thetas - 1))
      const value = 0.3 + (Math.log10(lambda) + 1) ** 2 / 20
      const slope = (Math.log10(lambda) + 1) / (10 * Math.LN10 * lambda)
      const cost = costs[strategy.name] ?? { seconds: NaN, error: NaN }
      const error = cost.error * tolerance ** 0.5 * Math.abs(slope)
      return {
        ...{ 'theta.lambda': lambda, value, 'gradient.lambda': slope + error * Math.sin(i) },
        ...{ status: strategy.name === 'unrolled' && i > 190 ? 1 : 0, gradientStatus: i === 100 ? 1 : 0 },
        ...{ iterations: 5 + (i % 7), 'certificate.estimate': error * 1.5 },
        seconds: cost.seconds * (1 + 0.3 * Math.cos(i)) * (-Math.log10(tolerance) / 5),
      }
    },
    { environment },
  )
}

/** Several parameters, drawn; `thetas` rows of each of two variants. */
export const drawnStudy = (thetas = 3000): StudySource => {
  const variants = [variantOf('implicit', 1e-8), variantOf('oneStep', 1e-8)]
  const axes = {
    lambda: drawn('logUniform', 1e-5, 10),
    mu: drawn('uniform', -1, 1),
    width: drawn('uniform', 0, 4),
  }
  const columns = Object.keys(axes)
  const share = (i: number, k: number): number => ((i + 1) * (0.618033988749895 + 0.1 * k)) % 1
  return sourceOf(
    {
      axes,
      variants,
      columns: [
        ...columns.map((name) => number(`theta.${name}`)),
        ...measured.slice(0, 1),
        ...columns.map((name) => number(`gradient.${name}`)),
        ...measured.slice(1),
        number('metric.accuracy'),
      ],
      thetas,
      name: 'drawn',
    },
    (variant, i) => {
      const lambda = 1e-5 * 1e6 ** share(i, 0)
      const [mu, width] = [-1 + 2 * share(i, 1), 4 * share(i, 2)]
      const value = (Math.log10(lambda) + 2) ** 2 / 10 + mu * mu + 0.05 * width + 0.01
      return {
        ...{ 'theta.lambda': lambda, 'theta.mu': mu, 'theta.width': width, value },
        'gradient.lambda': (Math.log10(lambda) + 2) / (5 * Math.LN10 * lambda),
        ...{ 'gradient.mu': 2 * mu + variant * 0.05, 'gradient.width': 0.05 },
        ...{
          status: i % 97 === 5 ? 2 : 0,
          gradientStatus: 0,
          iterations: 3 + (i % 40),
          seconds: 1e-4 * (1 + share(i, 3)),
        },
        ...{ 'certificate.estimate': 1e-3 + variant * 0.1, 'metric.accuracy': 1 - value / 10 },
      }
    },
    { environment },
  )
}

/** Descents from many starts. */
export const descentStudy = (thetas = 256): StudySource => {
  const variants = [variantOf('implicit', 1e-9), variantOf('oneStep', 1e-9)]
  const axes = { lambda: drawn('logUniform', 1e-4, 1e2), mu: drawn('uniform', 0, 1) }
  return sourceOf(
    {
      axes,
      variants,
      kind: 'descent',
      columns: [
        ...Object.keys(axes).flatMap((name) => [number(`theta.${name}`), number(`end.${name}`)]),
        ...['value', 'norm', 'estimate'].map((name) => number(name)),
        code('status', ['running', ...statusNames]),
        { name: 'steps', kind: 'integer', shape: [] },
        ...['value', 'norm', 'estimate'].map((name) => list(`history.${name}`)),
        number('seconds'),
      ],
      thetas,
      name: 'starts',
    },
    (variant, i) => {
      const steps = 20 + ((i * 7) % 60)
      const start = 1 + (i % 13)
      const rate = 0.75 + 0.02 * variant
      const values = Array.from({ length: steps }, (_, k) => 0.2 + start * rate ** (2 * k))
      const norms = Array.from({ length: steps }, (_, k) => start * rate ** k)
      return {
        ...{ 'theta.lambda': 1e-4 * 1e6 ** ((i * 0.618) % 1), 'end.lambda': 0.1 * (1 + 0.001 * (i % 9)) },
        ...{ 'theta.mu': (i * 0.37) % 1, 'end.mu': 0.5 + 0.01 * (i % 5) },
        ...{
          value: values[steps - 1] ?? 0,
          norm: norms[steps - 1] ?? 0,
          estimate: 1e-6,
          status: i % 50 === 3 ? 2 : 1,
          steps,
        },
        ...{
          'history.value': values,
          'history.norm': norms,
          'history.estimate': norms.map(() => 1e-6),
          seconds: 0.01,
        },
      }
    },
    { environment },
  )
}
