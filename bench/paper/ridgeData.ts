// The data of the ridge experiment: cpusmall from a file, raw and unscaled, or a synthetic set of the same nature.
import { DataError, array, readArff, stream } from '../../lib/index.js'
import type { RidgeData } from './weightedRidge.js'

/** A data set, and what it is. */
export interface RidgeSource extends RidgeData {
  readonly source: string
}

/**
 * Reads an ARFF file with a numeric attribute `usr`, the target; all other attributes are features.
 * @throws {DataError} when the file is missing, malformed, or has no such attribute.
 */
export const readRidgeData = async (path: string): Promise<RidgeSource> => {
  const { names, rows, columns, data } = await readArff(path)
  const target = names.indexOf('usr')
  if (target < 0) {
    throw new DataError(`${path} has no attribute "usr"`, {
      expected: 'the target "usr" of the set cpusmall (computer activity, 12 features)',
      received: names.join(', '),
      remedy: 'Give --data the file cpu.small.arff, or leave --data out for synthetic data',
    })
  }
  const features = new Float64Array(rows * (columns - 1))
  const targets = new Float64Array(rows)
  for (let i = 0, to = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const value = data[i * columns + j] as number
      if (j === target) targets[i] = value
      else features[to++] = value
    }
  }
  return { source: path, features: array(features, [rows, columns - 1]), targets: array(targets) }
}

/** Singular values of cpusmall in orders of magnitude: three dominant directions, then a gap. */
const singularValues = [1.3e8, 2.5e7, 1e7, 2.1e5, 1.3e5, 1.5e4, 1.1e4, 5e3, 4.9e3, 2.2e3, 470, 117]

/** Orthonormal columns [n, p] spanning those of a matrix, by Gram–Schmidt carried out twice. */
const orthonormal = (a: Float64Array, n: number, p: number): Float64Array => {
  const q = Float64Array.from(a)
  const dot = (i: number, j: number): number => {
    let total = 0
    for (let k = 0; k < n; k++) total += (q[k * p + i] as number) * (q[k * p + j] as number)
    return total
  }
  for (let j = 0; j < p; j++) {
    for (let i = 0; i < 2 * j; i++) {
      const h = dot(i % j, j)
      for (let k = 0; k < n; k++) q[k * p + j] = (q[k * p + j] as number) - h * (q[k * p + (i % j)] as number)
    }
    const length = Math.sqrt(dot(j, j))
    for (let k = 0; k < n; k++) q[k * p + j] = (q[k * p + j] as number) / length
  }
  return q
}

/** n rows with 12 features of the singular values of cpusmall, scaled with √n, and targets between 0 and 100. */
export const syntheticRidgeData = (seed: number, n: number): RidgeSource => {
  const p = singularValues.length
  const noise = stream(seed, 'ridge features').normals(n * p)
  // The dominant direction is nearly constant, as in counts that never fall below 0.
  for (let i = 0; i < n; i++) noise[i * p] = 1 + 0.3 * (noise[i * p] as number)
  const u = orthonormal(noise, n, p)
  const v = orthonormal(stream(seed, 'ridge directions').normals(p * p), p, p)
  const features = new Float64Array(n * p)
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < p; k++) {
      const scaled = (u[i * p + k] as number) * (singularValues[k] as number) * Math.sqrt(n / 8192)
      for (let j = 0; j < p; j++)
        features[i * p + j] = (features[i * p + j] as number) + scaled * (v[j * p + k] as number)
    }
  }
  const spread = stream(seed, 'ridge targets').normals(n)
  const targets = spread.map((z) => Math.min(99, Math.max(0, 84 + 18 * z)))
  return { source: 'synthetic', features: array(features, [n, p]), targets: array(targets) }
}

/** Samples of the published set. */
export const publishedSamples = 8192

const first = ({ source, features, targets }: RidgeSource, n: number): RidgeSource => {
  const [rows, p] = features.shape as readonly [number, number]
  const kept = Math.min(n, rows)
  return {
    source,
    features: array(features.data.slice(0, kept * p), [kept, p]),
    targets: array(targets.data.slice(0, kept)),
  }
}

/** The data of the experiment: those of the file, or synthetic ones without it; `quick`: 512 samples. */
export const experimentRidgeData = async (path: string | undefined, quick: boolean): Promise<RidgeSource> => {
  const n = quick ? 512 : publishedSamples
  return path === undefined ? syntheticRidgeData(1, n) : first(await readRidgeData(path), n)
}
