// Counter-based random streams: a draw is a pure function of (seed, stream, kind, index), so any thread, chunk or
// machine can compute any part of a sequence without the parts before it. Imports errors only.
//
// Generator: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
//   key     = (seed mod 2³², ⌊seed / 2³²⌋)
//   counter = (block mod 2³², ⌊block / 2³²⌋ | kind · 2²¹ | attempt · 2²⁴, stream mod 2³², ⌊stream / 2³²⌋)
// A numbered stream is its number (< 2⁵³); a named stream is the first 8 bytes of the SHA-256 of its name with the
// top bit set, so that names and numbers never meet. Different kinds of draw never share a block.
import { createHash } from 'node:crypto'
import { ArgumentError } from './errors.js'

const M0 = 0xd2511f53
const M1 = 0xcd9e8d57
const W0 = 0x9e3779b9
const W1 = 0xbb67ae85
const TWO32 = 2 ** 32
const TWO53 = 2 ** 53

/** ⌊a · b / 2³²⌋ for 32-bit unsigned a and b: every partial product stays below 2⁵³. */
const mulhi = (a: number, b: number): number => {
  const low = (a & 0xffff) * b
  const high = (a >>> 16) * b
  return Math.floor((high + Math.floor(low / 65536)) / 65536)
}

const block = new Uint32Array(4)

/** Ten rounds of Philox on the counter (c0, c1, c2, c3) under the key (k0, k1), into `out`. */
const philox = (
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
  out: Uint32Array,
): void => {
  for (let round = 0; round < 10; round++) {
    const high0 = mulhi(M0, c0 >>> 0)
    const high1 = mulhi(M1, c2 >>> 0)
    const low0 = Math.imul(M0, c0)
    const low1 = Math.imul(M1, c2)
    c0 = high1 ^ c1 ^ k0
    c1 = low1
    c2 = high0 ^ c3 ^ k1
    c3 = low0
    k0 = (k0 + W0) | 0
    k1 = (k1 + W1) | 0
  }
  out[0] = c0
  out[1] = c1
  out[2] = c2
  out[3] = c3
}

/**
 * Philox4x32-10 itself.
 * @param counter 4 words of 32 bits.
 * @param key 2 words of 32 bits.
 * @returns 4 words of 32 bits.
 */
export const philox4x32 = (
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): Uint32Array => {
  const out = new Uint32Array(4)
  philox(...counter, ...key, out)
  return out
}

/** 52 random bits m as (m + ½) / 2⁵²: the odd multiples of 2⁻⁵³, exact, never 0 or 1, and 1 − u lies on the same grid. */
const toUniform = (high: number, low: number): number => (high * 2 ** 20 + (low >>> 12) + 0.5) * 2 ** -52

type Degree7 = readonly [number, number, number, number, number, number, number, number]

/** The polynomial with coefficients c, highest power first, at r. */
const horner = (r: number, c: Degree7): number =>
  ((((((c[0] * r + c[1]) * r + c[2]) * r + c[3]) * r + c[4]) * r + c[5]) * r + c[6]) * r + c[7]

// Wichura, Algorithm AS 241 (PPND16), Applied Statistics 37, 1988: three rational approximations, highest power first.
const CENTRE = [
  [
    2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
    13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608,
  ],
  [
    5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
    5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1,
  ],
] as const
const SHOULDER = [
  [
    7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
    3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734,
  ],
  [
    1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
    0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1,
  ],
] as const
const TAIL = [
  [
    2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
    0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772,
  ],
  [
    2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
    0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1,
  ],
] as const

/**
 * Φ⁻¹(p), the quantile of the standard normal distribution, for p in (0, 1); relative error below 1e-15 (AS 241).
 * Only + − × ÷ and sqrt in the middle 85 %, and Math.log in the tails: unlike Box–Muller it does not hang on the
 * sine and cosine of the JavaScript engine, which changed between versions.
 */
export const normalQuantile = (p: number): number => {
  const q = p - 0.5
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q
    return (q * horner(r, CENTRE[0])) / horner(r, CENTRE[1])
  }
  const r = Math.sqrt(-Math.log(q < 0 ? p : 1 - p))
  const [c, shift] = r <= 5 ? [SHOULDER, 1.6] : [TAIL, 5]
  const size = horner(r - shift, c[0]) / horner(r - shift, c[1])
  return q < 0 ? -size : size
}

/** One reproducible source of numbers; made by {@link stream}. Indices and offsets are integers in [0, 2⁵³). */
export interface RandomStream {
  readonly seed: number
  readonly name: string | number
  /** The i-th uniform number: an odd multiple of 2⁻⁵³ in the open interval (0, 1). */
  uniform(i: number): number
  /** Uniform numbers offset … offset + n − 1, shape [n]. */
  uniforms(n: number, offset?: number): Float64Array
  /** The i-th standard normal number, Φ⁻¹ of its own uniform number; |z| ≤ 8.21. */
  normal(i: number): number
  /** Standard normal numbers offset … offset + n − 1, shape [n]. */
  normals(n: number, offset?: number): Float64Array
  /** The i-th integer in [0, bound), exactly uniform (draws beyond the last multiple of bound are repeated). */
  integer(i: number, bound: number): number
  /** The i-th permutation of 0 … n − 1 (Fisher–Yates), shape [n]; n < 2³², i < 2²¹. */
  permutation(n: number, i?: number): Uint32Array
}

const checkInteger = (what: string, value: number, low: number, high: number): void => {
  if (Number.isInteger(value) && value >= low && value < high) return
  throw new ArgumentError(`random stream: ${what} is out of range`, {
    expected: `an integer in [${String(low)}, ${String(high)})`,
    received: String(value),
    remedy: 'Random numbers are addressed by whole numbers below 2^53',
  })
}

/** Two 32-bit words that stand for a stream's name or number in the counter. */
const streamWords = (name: string | number): [number, number] => {
  if (typeof name === 'number') {
    checkInteger('the stream number', name, 0, TWO53)
    return [name % TWO32, Math.floor(name / TWO32)]
  }
  const digest = createHash('sha256').update(name, 'utf8').digest()
  return [digest.readUInt32LE(0), (digest.readUInt32LE(4) | 0x80000000) >>> 0]
}

const UNIFORM = 0
const NORMAL = 1
const INTEGER = 2
const PERMUTATION = 3

/**
 * The random stream `name` of the experiment `seed`. Two streams with different seeds or names are independent.
 * @param seed integer in [0, 2⁵³).
 * @param name a name, or an integer in [0, 2⁵³) such as the number of an instance.
 * @throws {ArgumentError} when an argument or an index is out of range.
 * @example stream(42, 'noise').normals(3, 1000) // numbers 1000, 1001 and 1002
 */
export const stream = (seed: number, name: string | number = 0): RandomStream => {
  checkInteger('the seed', seed, 0, TWO53)
  const k0 = seed % TWO32
  const k1 = Math.floor(seed / TWO32)
  const [s0, s1] = streamWords(name)

  const draw = (index: number, kind: number, attempt: number): void => {
    philox(index % TWO32, Math.floor(index / TWO32) | (kind << 21) | (attempt << 24), s0, s1, k0, k1, block)
  }
  // A block holds two numbers: words 0 and 1 make number 2·block, words 2 and 3 make number 2·block + 1.
  const half = (which: number): number =>
    which === 0 ? toUniform(block[0] ?? 0, block[1] ?? 0) : toUniform(block[2] ?? 0, block[3] ?? 0)
  const one = (i: number, kind: number): number => {
    checkInteger('the index', i, 0, TWO53)
    draw(Math.floor(i / 2), kind, 0)
    return half(i % 2)
  }
  const many = (n: number, offset: number, kind: number): Float64Array => {
    checkInteger('the number of draws', n, 0, TWO32)
    checkInteger('the offset', offset, 0, TWO53 - n)
    const out = new Float64Array(n)
    for (let i = 0; i < n; i++) {
      const which = (offset + i) % 2
      if (i === 0 || which === 0) draw(Math.floor((offset + i) / 2), kind, 0)
      out[i] = half(which)
    }
    return out
  }
  /** Exactly uniform in [0, bound): 53 random bits, rejected beyond the largest multiple of bound. */
  const below = (index: number, bound: number, kind: number): number => {
    const limit = TWO53 - (TWO53 % bound)
    let bits = 0
    for (let attempt = 0; attempt < 256; attempt++) {
      draw(index, kind, attempt)
      bits = (block[0] ?? 0) * 2 ** 21 + ((block[1] ?? 0) >>> 11)
      if (bits < limit) break // at worst one chance in two: 256 misses in a row do not occur
    }
    return bits % bound
  }

  return {
    seed,
    name,
    uniform: (i) => one(i, UNIFORM),
    uniforms: (n, offset = 0) => many(n, offset, UNIFORM),
    normal: (i) => normalQuantile(one(i, NORMAL)),
    normals: (n, offset = 0) => many(n, offset, NORMAL).map(normalQuantile),
    integer: (i, bound) => {
      checkInteger('the index', i, 0, TWO53)
      checkInteger('the bound', bound, 1, TWO53)
      return below(i, bound, INTEGER)
    },
    permutation: (n, i = 0) => {
      checkInteger('the length of a permutation', n, 0, TWO32)
      checkInteger('the number of the permutation', i, 0, 2 ** 21)
      const order = Uint32Array.from({ length: n }, (_, j) => j)
      for (let j = n - 1; j > 0; j--) {
        const other = below(i * TWO32 + j, j + 1, PERMUTATION)
        const kept = order[j] ?? 0
        order[j] = order[other] ?? 0
        order[other] = kept
      }
      return order
    },
  }
}
