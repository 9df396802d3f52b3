// Where θ may lie, and the coordinates u that an optimizer moves in: θ = θ(u), and u stays in a box.
//   box          u = θ,        low ≤ θ ≤ high, by projection: clip(u, low, high)
//   logarithmic  u = log θ,    so that a step changes θ by a factor, ∂h/∂u = θ ∂h/∂θ, and θ stays positive
import { ArgumentError, checkOptions } from '../base/errors.js'
import type { Tensor } from '../ir/tensor.js'
import { clip, exp, log } from '../ops/elementwise.js'

/** Where θ may lie; see `domain`. All functions are on the vector of all entries of θ, or of u. */
export interface Domain {
  readonly name: string
  readonly theta: (u: Tensor) => Tensor
  readonly start: (theta: Tensor) => Tensor
  /** The nearest u that is allowed; the identity where there is no bound. */
  readonly project: (u: Tensor) => Tensor
  /** The bounds of θ. */
  readonly low: number
  readonly high: number
}

export interface BoxOptions {
  /** The least θ, of all entries; default: none. */
  readonly low?: number
  /** The largest θ, of all entries; default: none. */
  readonly high?: number
}

const bounds = (what: string, options: BoxOptions, least: number): { low: number; high: number } => {
  checkOptions(what, options, ['low', 'high'])
  const { low = least, high = Infinity } = options
  if (low >= least && low < high) return { low, high }
  throw new ArgumentError(`${what}: bounds`, {
    expected: least === 0 ? '0 ≤ low < high' : 'low < high',
    received: `${String(low)} and ${String(high)}`,
  })
}

const projected =
  (low: number, high: number) =>
  (u: Tensor): Tensor =>
    low === -Infinity && high === Infinity ? u : clip(u, low, high)

/** low ≤ θ ≤ high. */
const box = (options: BoxOptions = {}): Domain => {
  const { low, high } = bounds('domain.box', options, -Infinity)
  const same = (x: Tensor): Tensor => x
  return { name: 'box', theta: same, start: same, project: projected(low, high), low, high }
}

/** θ = exp(u) > 0, within low ≤ θ ≤ high up to rounding. Gradients, their norms and step sizes are those in u = log θ. */
const logarithmic = (options: BoxOptions = {}): Domain => {
  const { low, high } = bounds('domain.logarithmic', options, 0)
  return {
    name: 'logarithmic',
    theta: exp,
    start: log,
    project: projected(Math.log(low), Math.log(high)),
    // What has a logarithm.
    low: Math.max(low, Number.MIN_VALUE),
    high,
  }
}

/** Where θ may lie, and in which coordinates an outer optimizer moves. */
export const domain = { box, logarithmic }
