// The derivative of a function of one variable from its values alone, and how far that can be trusted.
//   D(h) = (f₊ − f₋) / 2h = f′ + c₂h² + c₄h⁴ + …       Richardson: a ladder h₀ > h₁ > … with powers of h² eliminated
//   S(h) = (f₊ − 2f₀ + f₋) / h = K + f″h + O(h³)       K = f′(0+) − f′(0−): not 0 at a kink, however small h is
//   noise: σ² = (j!)²/(2j)! · mean (Δʲf)² for points so close that f itself is smooth there (Moré, Wild, SIAM J. Sci. Comput. 2011)
// Imports nothing.

/** The values at ±h. */
export interface Rung {
  readonly h: number
  readonly plus: number
  readonly minus: number
}

/** A difference, with the shares of its error. */
export interface Difference {
  readonly derivative: number
  /** The smallest h that it rests on. */
  readonly step: number
  /** The rungs that it rests on: first and last index. */
  readonly rungs: readonly [first: number, last: number]
  /** What the ladder leaves open: how much its entries differ. */
  readonly truncation: number
  /** What noise in the values makes of it. */
  readonly noise: number
  /** Half the jump of the derivative: both one-sided derivatives are that far away. */
  readonly kink: number
}

/** h falls by this from rung to rung. */
export const ratio = 3
/** Powers of h² that are eliminated at most. */
const order = 4
/** Orders of the differences that measure noise: f has left them, rounding has not. */
const noiseOrders = [4, 5, 6]

const difference = (values: readonly number[]): number[] =>
  values.slice(1).map((x, i) => x - (values[i] as number))

/** (2j)! / (j!)² */
const central = (j: number): number =>
  Array.from({ length: j }, (_, i) => (j + 1 + i) / (1 + i)).reduce((a, b) => a * b, 1)

/**
 * The standard deviation of the noise in values at equidistant, very close points; at least 9 of them.
 * The largest of what differences of the orders 4, 5 and 6 show.
 */
export const noiseLevel = (values: readonly number[]): number => {
  let at: number[] = [...values]
  let level = 0
  for (let j = 1; j <= Math.max(...noiseOrders); j++) {
    at = difference(at)
    if (!noiseOrders.includes(j)) continue
    const meanSquare = at.reduce((s, x) => s + x * x, 0) / at.length
    level = Math.max(level, Math.sqrt(meanSquare / central(j)))
  }
  return level
}

/**
 * The derivative at 0 from the values at 0 and at ±h on a ladder of at least 3 rungs, each `ratio` times as small as the one
 * before: the entry of the Richardson table whose error is least; undefined where the values overflow.
 * @param sigma standard deviation of the noise in the values
 */
export const extrapolate = (
  center: number,
  rungs: readonly Rung[],
  sigma: number,
): Difference | undefined => {
  let row: number[] = []
  let best: Difference | undefined
  let kink = Infinity
  let before: number | undefined
  rungs.forEach(({ h, plus, minus }, i) => {
    const next = [(plus - minus) / (2 * h)]
    const noise = (2 * sigma) / h
    for (let j = 1; j <= Math.min(i, order); j++) {
      const [left, above] = [next[j - 1] as number, row[j - 1] as number]
      const entry = left + (left - above) / (ratio ** (2 * j) - 1)
      next.push(entry)
      const truncation = Math.max(Math.abs(entry - left), Math.abs(entry - above))
      const error = truncation + noise
      if (Number.isFinite(error) && !(best !== undefined && error >= best.truncation + best.noise)) {
        best = { derivative: entry, step: h, rungs: [i - j, i], truncation, noise, kink: 0 }
      }
    }
    row = next
    const second = (plus - center - (center - minus)) / h
    if (before !== undefined) kink = Math.min(kink, Math.abs((ratio * second - before) / (ratio - 1)) / 2)
    before = second
  })
  return best && { ...best, kink }
}
