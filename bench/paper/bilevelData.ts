// Data of the bilevel experiment: files, or synthetic data of the same nature, split into training and validation rows.
import { DataError, array, readLibsvm, stream } from '../../lib/index.js'
import type { NDArray } from '../../lib/index.js'
import { readRidgeData } from './ridgeData.js'
import type { BilevelProblem, Loss, Rows } from './bilevelProblem.js'
import { spectralNorm } from './matrices.js'

/** A data set, and what it is. */
export interface BilevelSource {
  readonly source: string
  readonly loss: Loss
  readonly rows: Rows
}

/** An ARFF file with a target `usr` is a data set for ridge, any other file LIBSVM text with two labels for logistic. */
export const readBilevelData = async (path: string): Promise<BilevelSource> => {
  if (path.endsWith('.arff')) return { source: path, loss: 'ridge', rows: await readRidgeData(path) }
  const { rows: n, columns: p, indptr, indices, values, targets } = await readLibsvm(path)
  const labels = [...new Set(targets)].sort((a, b) => a - b)
  if (labels.length !== 2) {
    throw new DataError(`${path} is not a file of two classes`, {
      expected: 'two different labels',
      received: `${String(labels.length)}`,
      remedy: 'Give --data a LIBSVM file such as a9a, or the ARFF file of cpusmall',
    })
  }
  const features = new Float64Array(n * p)
  for (let i = 0; i < n; i++) {
    for (let e = indptr[i] as number; e < (indptr[i + 1] as number); e++)
      features[i * p + (indices[e] as number)] = values[e] as number
  }
  const signs = targets.map((label) => (label === labels[1] ? 1 : -1))
  return {
    source: path,
    loss: 'logistic',
    rows: { features: array(features, [n, p]), targets: array(signs) },
  }
}

/** n rows with p correlated features and targets that some of them explain, with noise. */
export const syntheticBilevelData = (loss: Loss, n: number, p: number, seed = 1): BilevelSource => {
  const random = (name: string): ReturnType<typeof stream> => stream(seed, `bilevel ${loss} ${name}`)
  const common = random('common').normals(n)
  const features = random('features')
    .normals(n * p)
    .map((z, i) => z + 0.5 * (common[Math.floor(i / p)] as number))
  const weights = random('weights').normals(p)
  const noise = random('noise').normals(n)
  const targets = noise.map((z, i) => {
    let u = 0
    for (let j = 0; j < p; j++) u += ((features[i * p + j] as number) * (weights[j] as number)) / Math.sqrt(p)
    return loss === 'ridge' ? u + z : u + z > 0 ? 1 : -1
  })
  return { source: 'synthetic', loss, rows: { features: array(features, [n, p]), targets: array(targets) } }
}

const taken = ({ features, targets }: Rows, order: Uint32Array): Rows => {
  const p = features.shape[1] as number
  const rows = [...order].map((i) => features.data.subarray(i * p, (i + 1) * p))
  const out = new Float64Array(order.length * p)
  rows.forEach((row, i) => out.set(row, i * p))
  return {
    features: array(out, [order.length, p]),
    targets: array(Float64Array.from(order, (i) => targets.data[i] as number)),
  }
}

/** Columns of mean 0 and deviation 1; a constant column becomes 0. */
const standardised = ({ data, shape }: NDArray): NDArray => {
  const [n, p] = shape as readonly [number, number]
  const out = Float64Array.from(data)
  for (let j = 0; j < p; j++) {
    let [total, squares] = [0, 0]
    for (let i = 0; i < n; i++) total += data[i * p + j] as number
    for (let i = 0; i < n; i++) squares += ((data[i * p + j] as number) - total / n) ** 2
    const deviation = Math.sqrt(squares / n) || 1
    for (let i = 0; i < n; i++) out[i * p + j] = ((data[i * p + j] as number) - total / n) / deviation
  }
  return array(out, [n, p])
}

export interface Split {
  /** Training and validation rows, drawn at random; fewer where the data have fewer. */
  readonly training: number
  readonly validation: number
  /** Groups of neighbouring features. */
  readonly groups: number
}

/**
 * The problem of a data set: columns standardised, for ridge targets too, then the features divided by ‖A‖₂ / √N of the training rows,
 * so that the data have curvature 1 at most.
 */
export const bilevelProblem = (
  { loss, rows }: BilevelSource,
  { training, validation, groups }: Split,
  { penalty, prior }: Pick<BilevelProblem, 'penalty' | 'prior'>,
): BilevelProblem => {
  const [n, p] = rows.features.shape as readonly [number, number]
  const order = stream(1, 'bilevel split').permutation(n)
  const chosen = taken(rows, order.slice(0, training + validation))
  const count = chosen.targets.size
  const features = standardised(chosen.features)
  const targets =
    loss === 'ridge' ? array(standardised(array(chosen.targets.data, [count, 1])).data) : chosen.targets
  const part = (from: number, to: number): Rows => ({
    features: array(features.data.slice(from * p, to * p), [to - from, p]),
    targets: array(targets.data.slice(from, to)),
  })
  const kept = Math.min(training, Math.floor(count / 2))
  const scale = spectralNorm(part(0, kept).features) / Math.sqrt(kept)
  const scaled = (made: Rows): Rows => ({
    features: array(
      made.features.data.map((x) => x / scale),
      made.features.shape,
    ),
    targets: made.targets,
  })
  return {
    loss,
    training: scaled(part(0, kept)),
    validation: scaled(part(kept, count)),
    groups: Array.from({ length: p }, (_, j) => Math.floor((j * groups) / p)),
    ...{ penalty, prior },
  }
}
