// The numbers of a row that a page shows one by one: scalars, codes, and the first entries of small arrays. What is drawn of a study
// follows from the names of its columns alone: theta.*, value, gradient.*, certificate.*, metric.*, history.*.
import type { Axis } from '../specification/specification.js'
import type { Block, Column } from '../store/block.js'
import type { Manifest } from '../store/manifest.js'
import type { ScaleKind } from '../scale.js'
import { entriesOf } from './source.js'

export interface Field {
  /** 'value', 'theta.lambda', 'theta.lambda[2]'. */
  readonly name: string
  /** Of the column among those of the manifest; −1 for the norm of the gradient, which is computed. */
  readonly column: number
  readonly entry: number
  readonly kind: 'number' | 'integer' | 'code'
  /** What the codes mean. */
  readonly names?: readonly string[]
}

/** Entries of an array that are shown. */
const MOST_ENTRIES = 8

/** ‖∇h‖₂ over all parameters, where the gradient has more than one entry. */
export const GRADIENT_NORM = 'gradient norm'

/** θ, and where a descent from there ended. */
export const isParameter = ({ name }: Pick<Field, 'name'>): boolean => /^(theta|end)\./.test(name)
export const isGradient = ({ name }: Pick<Field, 'name'>): boolean => name.startsWith('gradient.')

/** The fields of a study, and the columns that are left out because they hold lists, or in part because they hold large arrays. */
export const fieldsOf = (
  columns: readonly Column[],
): { readonly fields: readonly Field[]; readonly shortened: readonly string[] } => {
  const fields: Field[] = []
  const shortened: string[] = []
  for (const [column, { name, kind, names, ...rest }] of columns.entries()) {
    if (kind === 'list' || name === 'index' || name === 'variant') continue
    const entries = entriesOf({ name, kind, ...rest })
    if (entries > MOST_ENTRIES) shortened.push(name)
    const isScalar = rest.shape.length === 0
    for (let entry = 0; entry < Math.min(entries, MOST_ENTRIES); entry++) {
      const shown = isScalar ? name : `${name}[${String(entry)}]`
      fields.push({ name: shown, column, entry, kind, ...(names === undefined ? {} : { names }) })
    }
  }
  const gradients = columns.filter(isGradient)
  if (gradients.reduce((sum, column) => sum + entriesOf(column), 0) > 1) {
    const last = fields.findLastIndex(isGradient)
    fields.splice(last + 1, 0, { name: GRADIENT_NORM, column: -1, entry: 0, kind: 'number' })
  }
  return { fields, shortened }
}

/** The whole gradient in a row of a block, all parameters one after the other. */
export const gradientOf = (block: Block, row: number): Float64Array => {
  const parts: number[] = []
  for (const [c, column] of block.columns.entries()) {
    const data = block.data[c]
    if (!isGradient(column) || data === undefined || 'offsets' in data) continue
    const size = entriesOf(column)
    for (let j = 0; j < size; j++) parts.push(data[row * size + j] ?? NaN)
  }
  return Float64Array.from(parts)
}

/** The fields of a row of a block whose columns are those of the manifest. */
export const rowValues = (fields: readonly Field[], block: Block, row: number): Float64Array =>
  Float64Array.from(fields, ({ column, entry }) => {
    if (column < 0) return Math.sqrt(gradientOf(block, row).reduce((sum, g) => sum + g * g, 0))
    const [data, of] = [block.data[column], block.columns[column]]
    if (data === undefined || of === undefined || 'offsets' in data) return NaN
    return data[row * entriesOf(of) + entry] ?? NaN
  })

const isLog = (axis: Axis): boolean =>
  axis.kind === 'log' || axis.kind === 'logUniform' || (axis.kind === 'sobol' && axis.scale === 'log')

/** The parameters that values belong to: where descents ended, else θ. */
export const parametersOf = (fields: readonly Field[]): readonly Field[] => {
  const ends = fields.filter(({ name }) => name.startsWith('end.'))
  return ends.length > 0 ? ends : fields.filter(isParameter)
}

/** 'lambda' of 'theta.lambda', 'gradient.lambda[1]' and 'end.lambda'. */
export const bareName = ({ name }: Field): string => name.slice(name.indexOf('.') + 1)

/** How the axis of a parameter runs in the space of the study; list axes over three decades and more run on a log scale, too. */
export const scaleOf = ({ specification }: Manifest, field: Field): ScaleKind => {
  const parameter = bareName(field).replace(/\[\d+\]$/, '')
  const { axes } = specification.space
  const axis = Object.hasOwn(axes, parameter) ? axes[parameter] : undefined
  if (axis === undefined) return 'linear'
  if (axis.kind !== 'list') return isLog(axis) ? 'log' : 'linear'
  const [low, high] = [Math.min(...axis.values), Math.max(...axis.values)]
  return low > 0 && high >= 1e3 * low ? 'log' : 'linear'
}
