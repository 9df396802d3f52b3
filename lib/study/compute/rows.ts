// What every row of a study begins with: its number, its variant and repeat, and θ. All of it follows from the manifest alone, so that
// also a row whose computation failed altogether has it.
import { NDArray } from '../../base/ndarray.js'
import { gradientStatusCode } from '../../base/status.js'
import { thetaBlock } from '../space/space.js'
import type { StudySpecification } from '../specification/specification.js'
import type { Block, Column, ColumnData } from '../store/block.js'
import { sizeOf } from '../../base/shape.js'
import { variantRows } from '../store/manifest.js'
import type { Manifest } from '../store/manifest.js'

/** Consecutive rows of one variant. */
export interface RowRange {
  readonly lo: number
  readonly hi: number
}

/** The number of a row's variant. */
export const variantOf = (manifest: Manifest, row: number): number => Math.floor(row / variantRows(manifest))

/** θ of these rows: an array [rows, …shape] for each axis. */
export const thetasOf = (manifest: Manifest, { lo, hi }: RowRange): Readonly<Record<string, NDArray>> => {
  const { specification, thetas } = manifest
  const { space, seed } = specification
  const first = lo % variantRows(manifest)
  const end = first + hi - lo
  const parts: Readonly<Record<string, NDArray>>[] = []
  for (let at = first; at < end;) {
    const repeat = Math.floor(at / thetas)
    const from = at - repeat * thetas
    const to = Math.min(thetas, from + end - at)
    parts.push(thetaBlock(space, { seed, repeat, lo: from, hi: to }))
    at += to - from
  }
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return only
  return Object.fromEntries(
    Object.entries(space.axes).map(([name, { shape }]) => {
      const joined = new NDArray([hi - lo, ...shape], new Float64Array((hi - lo) * sizeOf(shape)))
      let offset = 0
      for (const part of parts) {
        const { data } = part[name] as NDArray
        joined.data.set(data, offset)
        offset += data.length
      }
      return [name, joined]
    }),
  )
}

/** Their columns. */
export const identityColumns = (
  { space }: StudySpecification,
  variants: readonly string[],
): readonly Column[] => [
  { name: 'index', kind: 'integer', shape: [] },
  variants.length <= 256
    ? { name: 'variant', kind: 'code', shape: [], names: variants }
    : { name: 'variant', kind: 'integer', shape: [] },
  { name: 'repeat', kind: 'integer', shape: [] },
  ...Object.entries(space.axes).map(([name, { shape }]): Column => ({
    name: `theta.${name}`,
    kind: 'number',
    shape,
  })),
]

/** What stands in them. */
export const identityData = (
  manifest: Manifest,
  range: RowRange,
  thetas: Readonly<Record<string, NDArray>>,
): readonly ColumnData[] => {
  const { lo, hi } = range
  const variant = variantOf(manifest, lo)
  const first = variant * variantRows(manifest)
  const rows = hi - lo
  return [
    Float64Array.from({ length: rows }, (_, i) => lo + i),
    manifest.columns[1]?.kind === 'code'
      ? new Uint8Array(rows).fill(variant)
      : new Float64Array(rows).fill(variant),
    Float64Array.from({ length: rows }, (_, i) => Math.floor((lo + i - first) / manifest.thetas)),
    ...Object.keys(manifest.specification.space.axes).map((name) => (thetas[name] as NDArray).data),
  ]
}

/** Rows that killed the process that computed them: the status `crashed`, and NaN. */
export const crashedRows = (manifest: Manifest, range: RowRange): Block => {
  const rows = range.hi - range.lo
  const known = identityData(manifest, range, thetasOf(manifest, range))
  const missing = ({ name, kind, shape, names = [] }: Column): ColumnData => {
    if (kind === 'list') return { offsets: new Float64Array(rows + 1), values: new Float64Array(0) }
    if (kind !== 'code') return new Float64Array(rows * sizeOf(shape)).fill(NaN)
    const code =
      name === 'gradientStatus' ? gradientStatusCode.skipped : Math.max(0, names.indexOf('crashed'))
    return new Uint8Array(rows).fill(code)
  }
  return {
    rows,
    columns: manifest.columns,
    data: manifest.columns.map((column, k) => known[k] ?? missing(column)),
  }
}

type Lists = Exclude<ColumnData, Float64Array | Uint8Array>

const isLists = (data: ColumnData): data is Lists => !ArrayBuffer.isView(data)

const joinNumbers = <A extends Float64Array | Uint8Array>(parts: readonly A[], joined: A): A => {
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

const length = (parts: readonly ArrayLike<number>[]): number => parts.reduce((n, part) => n + part.length, 0)

const joinLists = (lists: readonly Lists[]): Lists => {
  const values = lists.map((list) => list.values)
  const offsets = [0]
  for (const list of lists) {
    const base = offsets.at(-1) as number
    for (const at of list.offsets.subarray(1)) offsets.push(base + at)
  }
  return {
    offsets: Float64Array.from(offsets),
    values: joinNumbers(values, new Float64Array(length(values))),
  }
}

/** Blocks of the same columns, one after another, as one. */
export const joinBlocks = (blocks: readonly Block[]): Block => {
  const columns = blocks[0]?.columns ?? []
  const join = (k: number): ColumnData => {
    const parts = blocks.map(({ data }) => data[k] as ColumnData)
    if (columns[k]?.kind === 'list') return joinLists(parts.filter(isLists))
    if (columns[k]?.kind === 'code') {
      const codes = parts as readonly Uint8Array[]
      return joinNumbers(codes, new Uint8Array(length(codes)))
    }
    const numbers = parts as readonly Float64Array[]
    return joinNumbers(numbers, new Float64Array(length(numbers)))
  }
  return {
    rows: blocks.reduce((n, block) => n + block.rows, 0),
    columns,
    data: columns.map((_, k) => join(k)),
  }
}

/** How many rows have which status. */
export const countStatuses = ({ columns, data }: Block): Record<string, number> => {
  const at = columns.findIndex(({ name }) => name === 'status')
  const names = columns[at]?.names ?? []
  const counts: Record<string, number> = {}
  for (const code of (data[at] as Uint8Array | undefined) ?? []) {
    const name = names[code] ?? String(code)
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}
