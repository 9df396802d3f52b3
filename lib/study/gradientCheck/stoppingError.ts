// What it does to a difference that a solve stops at a tolerance. Its value and derivative are functions of θ and of the residual r
// at which it happened to stop, to first order f = f* + c r and f′ = f*′ + γ r. A residual that moves with θ moves the difference
// by c dr/dθ. Both sides of a point where the number of steps changes show c and γ: r jumps there, θ does not.
//   c = Δf / Δr,   γ = Δf′ / Δr
import { statusCode } from '../../base/status.js'
import type { ValueSamples } from './sampling.js'

/** Values along a line through θ, at distances t. */
export interface Line {
  readonly values: (t: readonly number[]) => ValueSamples
  /** Derivatives along all directions that are asked about: one list for each t. */
  readonly derivatives: (t: readonly number[]) => readonly Float64Array[]
  /** The derivative along the line, as far as it is known. */
  readonly slope: number
}

/** How value and derivatives depend on the residual. */
export interface StoppingError {
  /** |c| */
  readonly value: number
  /** |γ|, for each direction. */
  readonly derivative: Float64Array
}

interface Sample {
  readonly t: number
  readonly value: number
  readonly iterations: number
  readonly residual: number
}

/** Where a change of the number of steps is looked for, nearest first. */
const reach = [0.4, 0.2, 0.1, 0.05, 0.02, 0.01, 4e-3, 1e-3, 2e-4, 2e-5, 1e-6]
const rounds = 6
const inside = 15

const sampled = (line: Line, t: readonly number[]): Sample[] => {
  const { value, status, iterations, residual } = line.values(t)
  const all = t.map((at, i) => ({
    t: at,
    value: value[i] as number,
    iterations: iterations[i] as number,
    residual: residual[i] as number,
    usable: status[i] === statusCode.converged,
  }))
  return all.filter(({ usable, value: f, residual: r }) => usable && Number.isFinite(f) && Number.isFinite(r))
}

/** The neighbours nearest to 0 between which the number of steps changes. */
const change = (samples: readonly Sample[]): readonly [Sample, Sample] | undefined => {
  const pairs = samples.slice(1).map((b, i) => [samples[i] as Sample, b] as const)
  return pairs
    .filter(([a, b]) => a.iterations !== b.iterations)
    .sort(([a, b], [c, d]) => Math.abs(a.t + b.t) - Math.abs(c.t + d.t))[0]
}

/**
 * How value and derivatives depend on the residual, measured where the number of steps changes along a line.
 * Undefined where it does not change within reach, or the residual does not change with it.
 */
export const stoppingError = (line: Line): StoppingError | undefined => {
  let pair = change(sampled(line, [...reach.map((t) => -t), 0, ...[...reach].reverse()]))
  for (let round = 0; round < rounds && pair !== undefined; round++) {
    const [a, b] = pair
    const between = Array.from({ length: inside }, (_, i) => a.t + ((b.t - a.t) * (i + 1)) / (inside + 1))
    pair = change([a, ...sampled(line, between), b])
  }
  if (pair === undefined) return undefined
  const [a, b] = pair
  const moved = b.residual - a.residual
  if (moved === 0) return undefined
  const [left, right] = line.derivatives([a.t, b.t]) as readonly [Float64Array, Float64Array]
  return {
    value: Math.abs((b.value - a.value - line.slope * (b.t - a.t)) / moved),
    derivative: left.map((d, i) => Math.abs(((right[i] as number) - d) / moved)),
  }
}
