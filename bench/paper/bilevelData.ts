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
  /** The number of rows. */
  readonly size: number
  /** Some of the rows, by their numbers. */
  readonly take: (order: Uint32Array) => Rows
}

/** Some of the rows of features: [n, p] and targets: [n]. */
const taking =
  ({ features, targets }: Rows) =>
  (order: Uint32Array): Rows => {
    const p = features.shape[1] as number
    const out = new Float64Array(order.length * p)
    order.forEach((row, i) => out.set(features.data.subarray(row * p, (row + 1) * p), i * p))
    return {
      features: array(out, [order.length, p]),
      targets: array(Float64Array.from(order, (i) => targets.data[i] as number)),
    }
  }

/** The Hessian of the inner problem is dense. */
const mostFeatures = 2000

/**
 * An ARFF file with a target `usr` is a data set for ridge, any other file LIBSVM text with two labels for logistic.
 * @throws {DataError} when the file is missing, malformed, has not two labels or too many features.
 */
export const readBilevelData = async (path: string): Promise<BilevelSource> => {
  if (path.endsWith('.arff')) {
    const rows = await readRidgeData(path)
    return { source: path, loss: 'ridge', size: rows.targets.size, take: taking(rows) }
  }
  const { rows: size, columns: p, indptr, indices, values, targets } = await readLibsvm(path)
  const labels = [...new Set(targets)].sort((a, b) => a - b)
  if (labels.length !== 2 || p > mostFeatures) {
    throw new DataError(`${path} is not a data set for this experiment`, {
      expected: `two different labels, and at most ${String(mostFeatures)} features`,
      received: `${String(labels.length)} and ${String(p)}`,
      remedy: 'Give --data a LIBSVM file such as a9a, or the ARFF file of cpusmall',
    })
  }
  const take = (order: Uint32Array): Rows => {
    const features = new Float64Array(order.length * p)
    order.forEach((row, i) => {
      for (let e = indptr[row] as number; e < (indptr[row + 1] as number); e++)
        features[i * p + (indices[e] as number)] = values[e] as number
    })
    const signs = Float64Array.from(order, (row) => (targets[row] === labels[1] ? 1 : -1))
    return { features: array(features, [order.length, p]), targets: array(signs) }
  }
  return { source: path, loss: 'logistic', size, take }
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
  const rows = { features: array(features, [n, p]), targets: array(targets) }
  return { source: 'synthetic', loss, size: n, take: taking(rows) }
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
  /** Groups of neighbouring features; at most one a feature. */
  readonly groups: number
}

/**
 * The problem of a data set: columns standardised, for ridge targets too, then the features divided by ‖A‖₂ / √N of the training rows,
 * so that the data have curvature 1 at most.
 * @throws {DataError} when there are fewer than four rows, or no feature that varies over the training rows.
 */
export const bilevelProblem = (
  { source, loss, size, take }: BilevelSource,
  { training, validation, groups }: Split,
  { penalty, prior }: Pick<BilevelProblem, 'penalty' | 'prior'>,
): BilevelProblem => {
  const order = stream(1, 'bilevel split').permutation(size)
  const chosen = take(order.slice(0, training + validation))
  const [count, p] = chosen.features.shape as readonly [number, number]
  const features = standardised(chosen.features)
  const targets =
    loss === 'ridge' ? array(standardised(array(chosen.targets.data, [count, 1])).data) : chosen.targets
  const part = (from: number, to: number): Rows => ({
    features: array(features.data.slice(from * p, to * p), [to - from, p]),
    targets: array(targets.data.slice(from, to)),
  })
  const kept = Math.min(training, Math.floor(count / 2))
  const scale = spectralNorm(part(0, kept).features) / Math.sqrt(kept)
  if (count < 4 || !(scale > 0)) {
    throw new DataError(`${source} has nothing to learn from`, {
      expected: 'at least four rows, and a feature that varies',
      received: `${String(count)} rows with ${String(p)} features`,
      remedy: 'Give --data a larger file, or leave it out for synthetic data',
    })
  }
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
    groups: Array.from({ length: p }, (_, j) => Math.floor((j * Math.min(groups, p)) / p)),
    ...{ penalty, prior },
  }
}
