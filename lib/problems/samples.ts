// Rows of features with their targets, checked.
import { ArgumentError, ShapeError } from '../base/errors.js'
import { array } from '../base/ndarray.js'
import type { ArrayInput, NDArray } from '../base/ndarray.js'
import { formatShape } from '../base/shape.js'

/** Rows of features: [n, p], and a target for each: [n]. */
export interface Samples {
  readonly features: ArrayInput
  readonly targets: ArrayInput
}

/** Training data, and validation data with the same features. */
export interface TrainingData {
  readonly training: Samples
  readonly validation: Samples
}

/** A: [n, p] and b: [n], or [n, c] for c classes. */
export interface Rows {
  readonly A: NDArray
  readonly b: NDArray
}

/** @throws {ArgumentError} for NaN and infinities. */
export const finiteArray = (what: string, source: ArrayInput): NDArray => {
  const x = array(source)
  const at = x.data.findIndex((v) => !Number.isFinite(v))
  if (at < 0) return x
  throw new ArgumentError(`${what} are not finite`, {
    expected: 'finite numbers',
    received: `${String(x.data[at])} at entry ${String(at)}`,
    remedy: 'Leave such samples out, or fill them in',
  })
}

const checkRows = (what: string, { features, targets }: Samples): Rows => {
  const [A, b] = [finiteArray(`${what} features`, features), finiteArray(`${what} targets`, targets)]
  if (A.rank === 2 && A.size > 0 && b.rank === 1 && b.shape[0] === A.shape[0]) return { A, b }
  throw new ShapeError(`${what}: features and targets do not fit`, {
    expected: 'features [n, p] with n, p ≥ 1, and targets [n]',
    received: `${formatShape(A.shape)} and ${formatShape(b.shape)}`,
    remedy: 'Give one row of features a sample: new NDArray([n, p], data)',
  })
}

/** @throws {ShapeError} unless both parts are features [n, p] with n targets, for one p. */
export const checkData = (
  problem: string,
  { training, validation }: TrainingData,
): { readonly training: Rows; readonly validation: Rows } => {
  const parts = {
    training: checkRows(`${problem}: training`, training),
    validation: checkRows(`${problem}: validation`, validation),
  }
  const [p, q] = [parts.training.A.shape[1], parts.validation.A.shape[1]]
  if (p === q) return parts
  throw new ShapeError(`${problem}: training and validation have other features`, {
    expected: `${String(p)} features`,
    received: String(q),
  })
}

/** @throws {ArgumentError} for targets that `fits` refuses. */
export const checkTargets = (
  problem: string,
  rows: Rows,
  fits: (target: number) => boolean,
  expected: string,
): Rows => {
  const wrong = rows.b.data.find((target) => !fits(target))
  if (wrong === undefined) return rows
  throw new ArgumentError(`${problem}: a target is wrong`, { expected, received: String(wrong) })
}
