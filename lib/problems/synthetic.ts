// Synthetic data of linear models, the same for the same seed on every machine: normal features with columns correlated as r^|i−j|
// (an autoregressive sequence, as in the simulations of Zou and Hastie 2005), a planted x, and its targets.
import { ArgumentError, checkOptions } from '../base/errors.js'
import { NDArray, zeros } from '../base/ndarray.js'
import { stream } from '../base/random.js'
import type { TrainingData } from './samples.js'

export interface SyntheticOptions {
  /** Training rows; default 40. */
  readonly samples?: number
  /** Validation rows; default half as many. */
  readonly validationSamples?: number
  /** p; default 10. */
  readonly features?: number
  /** r, the correlation of neighbouring columns, in [0, 1); default 0. */
  readonly correlation?: number
  /** Deviation of the normal noise on the outputs; default 0.1. */
  readonly noise?: number
  /** How many entries of the planted x are not 0; default all. */
  readonly support?: number
  /** Default 0. */
  readonly seed?: number
}

export interface ClassificationOptions extends SyntheticOptions {
  /** 2 (default): targets −1 and 1. More: targets 0 … classes − 1. */
  readonly classes?: number
}

const known = ['samples', 'validationSamples', 'features', 'correlation', 'noise', 'support', 'seed']

/** Both parts, with targets made of the noisy outputs [c] of each row. */
const draw = (
  name: string,
  options: SyntheticOptions,
  c: number,
  targetOf: (outputs: Float64Array) => number,
): { readonly training: Part; readonly validation: Part } => {
  const { samples: n = 40, features: p = 10, correlation: r = 0, noise = 0.1, seed = 0 } = options
  const { validationSamples: m = Math.max(1, Math.floor(n / 2)), support = p } = options
  const counts = [n, m, p].every((count) => Number.isInteger(count) && count >= 1)
  if (
    !counts ||
    !(r >= 0 && r < 1) ||
    !(noise >= 0) ||
    !(Number.isInteger(support) && support >= 0 && support <= p)
  ) {
    throw new ArgumentError(`${name}: options out of range`, {
      expected:
        'samples, validationSamples, features ≥ 1, correlation in [0, 1), noise ≥ 0, support ≤ features',
      received: JSON.stringify({
        samples: n,
        validationSamples: m,
        features: p,
        correlation: r,
        noise,
        support,
      }),
    })
  }
  const planted = stream(seed, 'planted').normals(p * c)
  const chosen = stream(seed, 'support').permutation(p).subarray(0, support)
  const part = (label: string, rows: number): Part => {
    const features = new NDArray([rows, p], stream(seed, `${label} features`).normals(rows * p))
    const noises = stream(seed, `${label} noise`).normals(rows * c)
    const targets = zeros([rows])
    for (let i = 0; i < rows; i++) {
      const a = features.data.subarray(i * p, (i + 1) * p)
      for (let j = 1; j < p; j++) a[j] = r * (a[j - 1] as number) + Math.sqrt(1 - r * r) * (a[j] as number)
      const outputs = noises.slice(i * c, (i + 1) * c).map((e, k) => {
        let z = noise * e
        for (const j of chosen) z += (a[j] as number) * (planted[j * c + k] as number)
        return z
      })
      targets.data[i] = targetOf(outputs)
    }
    return { features, targets }
  }
  return { training: part('training', n), validation: part('validation', m) }
}

interface Part {
  readonly features: NDArray
  readonly targets: NDArray
}

/** Targets aᵢᵀx + noise. @throws {ArgumentError} for wrong options. */
export const syntheticRegression = (options: SyntheticOptions = {}): TrainingData => {
  checkOptions('syntheticRegression', options, known)
  return draw('syntheticRegression', options, 1, ([z]) => z as number)
}

/** Targets: the sign of aᵢᵀx + noise, or the class with the largest output. @throws {ArgumentError} for wrong options. */
export const syntheticClassification = (options: ClassificationOptions = {}): TrainingData => {
  checkOptions('syntheticClassification', options, [...known, 'classes'])
  const { classes = 2 } = options
  if (!(Number.isInteger(classes) && classes >= 2)) {
    throw new ArgumentError('syntheticClassification: option "classes" is wrong', {
      expected: 'an integer ≥ 2',
      received: String(classes),
    })
  }
  return classes === 2
    ? draw('syntheticClassification', options, 1, ([z]) => ((z as number) < 0 ? -1 : 1))
    : draw('syntheticClassification', options, classes, (z) => z.indexOf(Math.max(...z)))
}
