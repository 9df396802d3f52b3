// Statistics of measurements that are noisy, skewed and few: order statistics, bootstrap intervals, and tests that look at ranks alone.
import { ArgumentError, checkOptions } from '../base/errors.js'
import { normalQuantile, stream } from '../base/random.js'

/** Numbers; their order counts only where it is said. */
export type Sample = ArrayLike<number>

const sorted = (sample: Sample): Float64Array =>
  sample instanceof Float64Array ? sample.slice().sort() : Float64Array.from(sample).sort()

/** The quantile of ascending numbers, for one p. */
const quantileOfSorted = (ascending: Float64Array, p: number): number => {
  const rank = p * (ascending.length - 1)
  const below = ascending[Math.floor(rank)] ?? NaN
  const above = ascending[Math.ceil(rank)] ?? NaN
  return below === above ? below : below + (above - below) * (rank - Math.floor(rank))
}

/**
 * Quantiles, one for each share in `shares`, linear between neighbours (Hyndman and Fan's type 7, the default of R and NumPy); NaN
 * for an empty sample, and where one of the numbers is NaN that lies there.
 */
export const quantiles = (sample: Sample, shares: readonly number[]): number[] => {
  const ascending = sorted(sample)
  return shares.map((p) => quantileOfSorted(ascending, p))
}

/** The quantile for the share p, 0 ≤ p ≤ 1. */
export const quantile = (sample: Sample, p: number): number => quantileOfSorted(sorted(sample), p)

/** The number in the middle, or the mean of the two there. */
export const median = (sample: Sample): number => quantile(sample, 0.5)

/** The median distance to the median; times 1.4826 it estimates the standard deviation of normal numbers. */
export const medianAbsoluteDeviation = (sample: Sample): number => {
  const middle = median(sample)
  return median(Float64Array.from(sample, (x) => Math.abs(x - middle)))
}

/** Φ(z), the distribution function of the standard normal, to about 1e-15 of itself below 0 and of 1 above. */
export const normalProbability = (z: number): number => {
  const size = Math.abs(z)
  if (!(size < 40)) return z > 0 ? 1 : z < 0 ? 0 : NaN
  const density = Math.exp((-size * size) / 2) / Math.sqrt(2 * Math.PI)
  if (size < 3) {
    // Φ(z) − ½ = φ(z) (z + z³/3 + z⁵/15 + …): no term cancels.
    let term = size
    let sum = size
    for (let k = 3; term > sum * 1e-17; k += 2) sum += term *= (size * size) / k
    return z < 0 ? 0.5 - density * sum : 0.5 + density * sum
  }
  // The tail is φ(z) / (z + 1/(z + 2/(z + 3/(z + …)))).
  let fraction = size
  for (let k = 80; k >= 1; k--) fraction = size + k / fraction
  return z < 0 ? density / fraction : 1 - density / fraction
}

export interface BootstrapOptions {
  /** 'percentile', or 'bca' (default): corrected for bias and skewness (Efron, 1987). */
  readonly method?: 'percentile' | 'bca'
  /** Share of intervals that should hold the truth; default 0.95. */
  readonly level?: number
  /** Default 2000. */
  readonly resamples?: number
  readonly seed?: number
}

/** A statistic, and where the truth lies. */
export interface Interval {
  /** The statistic of the samples themselves. */
  readonly estimate: number
  readonly low: number
  readonly high: number
}

const checkBootstrap = (samples: readonly Sample[], level: number, resamples: number): void => {
  const need = (holds: boolean, what: string, expected: string, received: unknown): void => {
    if (!holds)
      throw new ArgumentError(`bootstrapInterval: ${what}`, { expected, received: String(received) })
  }
  need(samples.length > 0, 'no sample', 'one sample at least', 'none')
  for (const { length } of samples) need(length > 0, 'an empty sample', 'one number at least', length)
  need(level > 0 && level < 1, 'option level', 'a number between 0 and 1', level)
  need(
    Number.isInteger(resamples) && resamples >= 10,
    'option resamples',
    'a whole number from 10',
    resamples,
  )
}

/** The statistic without number i of sample s, for all i. */
const leftOut = (
  samples: readonly Float64Array[],
  s: number,
  statistic: (samples: readonly Float64Array[]) => number,
): Float64Array => {
  const own = samples[s] as Float64Array
  return own.map((_, i) =>
    statistic(samples.map((sample, other) => (other === s ? sample.filter((_x, j) => j !== i) : sample))),
  )
}

/** a = Σ U³ / (6 (Σ U²)^(3/2)), U the influence of each number of each sample, by leaving it out. */
const acceleration = (
  samples: readonly Float64Array[],
  statistic: (samples: readonly Float64Array[]) => number,
): number => {
  let cubes = 0
  let squares = 0
  for (const [s, { length: n }] of samples.entries()) {
    const without = leftOut(samples, s, statistic)
    const mean = without.reduce((sum, x) => sum + x, 0) / n
    for (const x of without) {
      const influence = ((n - 1) * (mean - x)) / n
      cubes += influence ** 3
      squares += influence ** 2
    }
  }
  return squares > 0 ? cubes / (6 * squares ** 1.5) : 0
}

/**
 * An interval for a statistic of one sample or of several that are independent, by drawing each anew from itself.
 * @param samples one or more samples.
 * @param statistic a function of all of them, such as the difference of two medians.
 * @throws {ArgumentError} for an empty sample or an option out of range.
 * @example bootstrapInterval([before, after], ([a, b]) => median(b) - median(a), { seed: 1 })
 */
export const bootstrapInterval = (
  samples: readonly Sample[],
  statistic: (samples: readonly Float64Array[]) => number,
  options: BootstrapOptions = {},
): Interval => {
  checkOptions('bootstrapInterval', options, ['method', 'level', 'resamples', 'seed'])
  const { method = 'bca', level = 0.95, resamples = 2000, seed = 0 } = options
  checkBootstrap(samples, level, resamples)
  const own = samples.map((sample) => Float64Array.from(sample))
  const drawn = own.map((sample) => new Float64Array(sample.length))
  const estimate = statistic(own)
  const uniform = own.map((_, s) => stream(seed, s))
  const values = new Float64Array(resamples)
  for (let b = 0; b < resamples; b++) {
    for (const [s, into] of drawn.entries()) {
      const [from, n] = [own[s] as Float64Array, into.length]
      const u = (uniform[s] as (typeof uniform)[number]).uniforms(n, b * n)
      for (let i = 0; i < n; i++) into[i] = from[Math.floor((u[i] as number) * n)] as number
    }
    values[b] = statistic(drawn)
  }
  values.sort()
  const tail = (1 - level) / 2
  if (method === 'percentile') {
    return { estimate, low: quantileOfSorted(values, tail), high: quantileOfSorted(values, 1 - tail) }
  }
  const below = values.reduce((n, v) => n + (v < estimate ? 1 : v === estimate ? 0.5 : 0), 0) / resamples
  // All on one side: the statistic lies at the end of what can be drawn, and no correction is known.
  const bias = below > 0 && below < 1 ? normalQuantile(below) : 0
  const a = acceleration(own, statistic)
  const corrected = (p: number): number => {
    const z = bias + normalQuantile(p)
    return normalProbability(bias + z / (1 - a * z))
  }
  const [low, high] = [tail, 1 - tail].map((p) => quantileOfSorted(values, corrected(p))) as [number, number]
  return { estimate, low, high }
}

/** How many of the differences y − x are at most d; both ascending. */
const differencesUpTo = (x: Float64Array, y: Float64Array, d: number): number => {
  let count = 0
  let j = 0
  // The larger x, the more of the y reach x + d.
  for (const a of x) {
    while (j < y.length && (y[j] as number) - a <= d) j++
    count += j
  }
  return count
}

/** The smallest difference y − x that at least `rank` of them do not exceed, by halving the doubles between two bounds. */
const differenceOfRank = (x: Float64Array, y: Float64Array, rank: number): number => {
  let low = (y[0] as number) - (x[x.length - 1] as number)
  let high = (y[y.length - 1] as number) - (x[0] as number)
  if (differencesUpTo(x, y, low) >= rank) return low
  for (;;) {
    const middle = low / 2 + high / 2
    if (!(middle > low && middle < high)) return high
    if (differencesUpTo(x, y, middle) >= rank) high = middle
    else low = middle
  }
}

/** The shift of y against x of Hodges and Lehmann: the median of all differences y − x. In time O((m + n) log), without forming them. */
export const hodgesLehmann = (x: Sample, y: Sample): number => {
  const [a, b] = [sorted(x), sorted(y)]
  const pairs = a.length * b.length
  if (pairs === 0 || a.some(Number.isNaN) || b.some(Number.isNaN)) return NaN
  const low = differenceOfRank(a, b, Math.floor((pairs + 1) / 2))
  return pairs % 2 === 1 ? low : low / 2 + differenceOfRank(a, b, pairs / 2 + 1) / 2
}

export interface MannWhitney {
  /** Pairs in which x is the larger one; ties count half. */
  readonly u: number
  /** Of both sides: how likely numbers from one distribution are at least as far apart. */
  readonly p: number
  /** U / (m n): how likely an x is larger than a y; ½ for equal distributions. */
  readonly effect: number
}

/** How many ways there are for each U ≤ `most`, of m and n numbers without ties, as a share of all. */
const exactShares = (m: number, n: number, most: number): Float64Array => {
  // The generating function is Π (1 − qⁿ⁺ⁱ) / (1 − qⁱ), i = 1 … m.
  const ways = new Float64Array(most + 1)
  ways[0] = 1
  let all = 1
  for (let i = 1; i <= m; i++) {
    for (let u = most; u >= n + i; u--) ways[u] = (ways[u] as number) - (ways[u - n - i] as number)
    for (let u = i; u <= most; u++) ways[u] = (ways[u] as number) + (ways[u - i] as number)
    all = (all * (n + i)) / i
  }
  return ways.map((w) => w / all)
}

/**
 * The test of Mann and Whitney whether one of two independent samples tends to larger numbers: exact where one has at most 8 numbers and
 * none are tied, else by the normal distribution with corrections for ties and continuity.
 */
export const mannWhitney = (x: Sample, y: Sample): MannWhitney => {
  const [m, n] = [x.length, y.length]
  const all = [...Array.from(x, (v) => ({ v, own: 1 })), ...Array.from(y, (v) => ({ v, own: 0 }))]
  if (m === 0 || n === 0 || all.some(({ v }) => Number.isNaN(v))) return { u: NaN, p: NaN, effect: NaN }
  all.sort((a, b) => (a.v < b.v ? -1 : a.v > b.v ? 1 : 0))
  let ranks = 0
  let ties = 0
  for (let i = 0; i < all.length;) {
    let end = i
    let own = 0
    for (; end < all.length && all[end]?.v === all[i]?.v; end++) own += all[end]?.own ?? 0
    const size = end - i
    ranks += (own * (i + 1 + end)) / 2
    ties += size ** 3 - size
    i = end
  }
  const u = ranks - (m * (m + 1)) / 2
  const far = Math.max(u, m * n - u)
  if (ties === 0 && Math.min(m, n) <= 8) {
    const tail = exactShares(m, n, m * n - far).reduce((sum, w) => sum + w, 0)
    return { u, p: Math.min(1, 2 * tail), effect: u / (m * n) }
  }
  const total = m + n
  const deviation = Math.sqrt(((m * n) / 12) * (total + 1 - ties / (total * (total - 1))))
  const z = (far - (m * n) / 2 - 0.5) / deviation
  const p = deviation > 0 ? Math.min(1, 2 * normalProbability(-z)) : 1
  return { u, p, effect: u / (m * n) }
}

/** Wilson's interval for a share k / n, for the normal quantile z. */
const wilson = (k: number, n: number, z: number): readonly [number, number] => {
  const [p, centre] = [k / n, (k + (z * z) / 2) / (n + z * z)]
  const half = (z / (n + z * z)) * Math.sqrt(n * p * (1 - p) + (z * z) / 4)
  return [Math.max(0, centre - half), Math.min(1, centre + half)]
}

/** The difference of two shares, l / n − k / m, with Newcombe's interval (method 10), which is right for shares near 0 and 1, too. */
export const shareDifference = (
  [k, m]: readonly [number, number],
  [l, n]: readonly [number, number],
  level = 0.95,
): Interval => {
  const z = normalQuantile((1 + level) / 2)
  const [p, q] = [k / m, l / n]
  const [[lowP, highP], [lowQ, highQ]] = [wilson(k, m, z), wilson(l, n, z)]
  return {
    estimate: q - p,
    low: q - p - Math.hypot(q - lowQ, highP - p),
    high: q - p + Math.hypot(highQ - q, p - lowP),
  }
}
