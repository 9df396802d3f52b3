// The samples of a standard problem, from what a study file says of them: drawn, digits, or a file whose rows are split by the seed.
import { extname, resolve } from 'node:path'
import { ArgumentError, checkOptions, DataError } from '../../base/errors.js'
import { NDArray, array } from '../../base/ndarray.js'
import { stream } from '../../base/random.js'
import { readArff } from '../../data/arff.js'
import { readCsv } from '../../data/csv.js'
import { loadDigits, splitDigits } from '../../data/digits.js'
import type { Digits } from '../../data/digits.js'
import { dense, readLibsvm } from '../../data/libsvm.js'
import { splitTarget } from '../../data/table.js'
import type { NumberTable } from '../../data/table.js'
import type { Samples, TrainingData } from '../../problems/samples.js'
import { syntheticClassification, syntheticRegression } from '../../problems/synthetic.js'
import type { DataSpecification } from '../specification/specification.js'
import { flag, numbers, readNumber, text } from './options.js'
import type { Options } from './options.js'
import { standardized } from './standardize.js'

/** What a problem wants to be told of a sample: a number, −1 or 1, or a class 0, 1, … */
export type Targets = 'numbers' | 'signs' | 'classes'

/** Options of a standard problem that are about its data, by the kind of data, with what they mean. */
export const dataOptions: Readonly<Record<DataSpecification['kind'], Readonly<Record<string, string>>>> = {
  synthetic: {
    noise: 'deviation of the normal noise on outputs; default 0.5',
    correlation: 'of neighbouring features, in [0, 1); default 0',
    support: 'how many entries of the planted x are not 0; default all',
    validationSamples: 'default half as many as training samples',
    classes: 'where the problem has classes; default 3',
  },
  digits: {
    side: 'pixels along a side: 28, 14, 7 or 4; default 14',
    positive: 'the digits whose target is 1, where the others have −1; default [1, 3, 5, 7, 9]',
  },
  file: {
    target: 'name of the column of targets in CSV and ARFF; default the last one',
    standardize: 'true: features get mean 0 and deviation 1 on the training rows; default false',
    features: 'number of columns of a LIBSVM file; default its largest index',
  },
}

const synthetic = (
  { samples, features, seed }: DataSpecification & { readonly kind: 'synthetic' },
  targets: Targets,
  options: Options,
): TrainingData => {
  const { classes = 3, ...rest } = options
  const shared = { noise: 0.5, ...rest, samples, features, seed }
  if (targets !== 'classes' && 'classes' in options) {
    throw new ArgumentError('data: option "classes" has no meaning for this problem', {
      remedy: 'Remove it, or take the problem dataCleaning',
    })
  }
  if (targets === 'numbers') return syntheticRegression(shared)
  return syntheticClassification(targets === 'signs' ? shared : { ...shared, classes: Number(classes) })
}

const digits = async (
  { training, validation, seed }: DataSpecification & { readonly kind: 'digits' },
  targets: Targets,
  options: Options,
): Promise<TrainingData> => {
  const positive = numbers('data', options, 'positive', [1, 3, 5, 7, 9])
  const all = await loadDigits({ side: readNumber('data', options, 'side', 14) })
  const samples = ({ count, side, images, labels }: Digits): Samples => ({
    features: new NDArray([count, side * side], images),
    targets: Float64Array.from(labels, (label) =>
      targets === 'classes' ? label : positive.includes(label) ? 1 : -1,
    ),
  })
  const [first, second] = splitDigits(all, [training, validation], { seed }) as [Digits, Digits]
  return { training: samples(first), validation: samples(second) }
}

/** Features row by row, and the targets beside them. */
interface Table {
  readonly rows: number
  readonly columns: number
  readonly data: Float64Array
  readonly targets: Float64Array
}

const tableOf = (path: string, table: NumberTable, target: string | undefined): Table => {
  const name = target ?? table.names.at(-1)
  if (name === undefined || table.columns < 2) {
    throw new DataError(`${path}: there are too few columns`, {
      expected: 'at least one feature, and the target',
      received: String(table.columns),
    })
  }
  const { features, targets } = splitTarget(table, name)
  return { rows: features.rows, columns: features.columns, data: features.data, targets }
}

const readTable = async (path: string, format: string, options: Options): Promise<Table> => {
  const target = text('data', options, 'target')
  if (format === 'csv') return tableOf(path, await readCsv(path), target)
  if (format === 'arff') return tableOf(path, await readArff(path), target)
  if (format === 'libsvm') {
    if (target !== undefined) {
      throw new ArgumentError('data: option "target" has no meaning for LIBSVM, whose rows begin with it')
    }
    const features = readNumber('data', options, 'features', 0)
    const matrix = await readLibsvm(path, features === 0 ? {} : { features })
    const { rows, columns, targets } = matrix
    return { rows, columns, data: dense(matrix), targets }
  }
  throw new ArgumentError('data: the format is unknown', {
    expected: 'libsvm, arff or csv',
    received: format,
    remedy: extname(path) === '' ? 'Name the format' : 'Name the format that the file has',
  })
}

/** Targets as the problem wants them: two values become −1 and 1, the smaller first; several become classes in their order. */
const translated = (path: string, targets: Float64Array, wanted: Targets): Float64Array => {
  if (wanted === 'numbers') return targets
  const values = [...new Set(targets)].sort((a, b) => a - b)
  const fits = wanted === 'signs' ? values.length === 2 : values.length >= 2 && values.every(Number.isInteger)
  if (!fits) {
    throw new DataError(`${path}: the targets do not fit the problem`, {
      expected: wanted === 'signs' ? 'two values, such as −1 and 1' : 'at least two whole numbers',
      received: `${String(values.length)} values: ${values.slice(0, 5).join(', ')}${values.length > 5 ? ', …' : ''}`,
      remedy: 'Name the column of the targets with the option "target", or take another problem',
    })
  }
  return targets.map((value) => (wanted === 'classes' ? values.indexOf(value) : value === values[0] ? -1 : 1))
}

const file = async (
  { path: named, format, validation, seed }: DataSpecification & { readonly kind: 'file' },
  wanted: Targets,
  options: Options,
  folder: string,
): Promise<TrainingData> => {
  const path = resolve(folder, named)
  const { rows, columns, data, targets: raw } = await readTable(path, format, options)
  const kept = Math.round(rows * validation)
  if (!(validation > 0 && validation < 1) || kept < 1 || kept >= rows) {
    throw new DataError(`${path}: no rows are left for training or for validation`, {
      expected: 'a share for validation in (0, 1) that leaves rows to both',
      received: `${String(validation)} of ${String(rows)} rows`,
    })
  }
  const targets = translated(path, raw, wanted)
  const order = stream(seed, 'split').permutation(rows)
  const part = (chosen: ArrayLike<number>): Samples & { readonly features: NDArray } => {
    const features = new Float64Array(chosen.length * columns)
    const own = Float64Array.from(chosen, (from) => targets[from] as number)
    Array.from(chosen, (from, to) => {
      features.set(data.subarray(from * columns, (from + 1) * columns), to * columns)
    })
    return { features: new NDArray([chosen.length, columns], features), targets: array(own) }
  }
  const [training, rest] = [part(order.subarray(kept)), part(order.subarray(0, kept))]
  if (!flag('data', options, 'standardize')) return { training, validation: rest }
  const [trained, validated] = standardized(training.features, rest.features)
  return {
    training: { features: trained, targets: training.targets },
    validation: { features: validated, targets: rest.targets },
  }
}

/**
 * Training and validation samples.
 * @param options those of `dataOptions` for this kind of data; others are errors.
 * @param folder what relative paths are relative to.
 * @throws {DataError} for files that are missing, malformed or unfit; {ArgumentError} for wrong options.
 */
export const loadData = async (
  specification: DataSpecification,
  targets: Targets,
  options: Options,
  folder: string,
): Promise<TrainingData> => {
  const known = Object.keys(dataOptions[specification.kind])
  checkOptions(`data: ${specification.kind}`, options, known)
  if (specification.kind === 'synthetic') return synthetic(specification, targets, options)
  if (specification.kind === 'digits') return digits(specification, targets, options)
  return file(specification, targets, options, folder)
}
