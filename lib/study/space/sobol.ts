// Sobol sequences, each point by itself: word i of a dimension is the exclusive or of the direction numbers v_k at the one bits k
// of i, in natural order (not that of the Gray code). The first 2ᵐ points have one point in each of 2ᵐ equal intervals of every
// dimension, and so has every aligned block of 2ᵐ points.
//   v_k = m_k · 2^(31 − k);   v_k = v_(k−s) ⊕ v_(k−s) / 2ˢ ⊕ a₁ v_(k−1) ⊕ … ⊕ a_(s−1) v_(k−s+1)   for a polynomial of degree s
// I. M. Sobol, USSR Computational Mathematics and Mathematical Physics 7, 86–112 (1967).
import { sobolNumbers } from './sobolNumbers.js'

const bits = 32

/** Points of a sequence: its words have 32 bits. */
export const sobolPoints = 2 ** bits

/** Where the numbers of a dimension begin in the table; the first one has none. */
const startOf = (dimension: number): number => {
  let at = 0
  for (let d = 1; d < dimension; d++) at += bits - Math.clz32(sobolNumbers[at] as number)
  return at
}

/** The direction numbers v₀ … v₃₁ of a dimension, 0 ≤ dimension < sobolDimensions. */
export const sobolDirections = (dimension: number): Uint32Array => {
  const v = new Uint32Array(bits)
  if (dimension === 0) return v.map((_, k) => 2 ** (bits - 1 - k))
  const at = startOf(dimension)
  const polynomial = sobolNumbers[at] as number
  const degree = bits - 1 - Math.clz32(polynomial)
  for (let k = 0; k < bits; k++) {
    if (k < degree) {
      v[k] = (sobolNumbers[at + 1 + k] as number) << (bits - 1 - k)
      continue
    }
    const oldest = v[k - degree] as number
    let word = oldest ^ (oldest >>> degree)
    for (let j = 1; j < degree; j++) {
      if ((polynomial >>> (degree - j)) & 1) word ^= v[k - j] as number
    }
    v[k] = word
  }
  return v
}

/** Word i of a dimension, 0 ≤ i < 2³²: an integer in [0, 2³²). */
export const sobolWord = (directions: Uint32Array, i: number): number => {
  let word = 0
  for (let rest = i >>> 0, k = 0; rest !== 0; rest >>>= 1, k++) {
    if (rest & 1) word ^= directions[k] as number
  }
  return word >>> 0
}

/**
 * Words lo, lo + 1, … of a dimension, shifted digit by digit: u = (word ⊕ ⌊2³² s⌋ + 2³² s − ⌊2³² s⌋) / 2³² for a shift s in
 * (0, 1), written to out[at], out[at + stride], …. All u are in (0, 1), and a block of 2ᵐ points stays as even as it was.
 */
export const sobolFill = (
  directions: Uint32Array,
  shift: number,
  lo: number,
  out: Float64Array,
  at: number,
  stride: number,
): void => {
  const high = Math.floor(shift * sobolPoints)
  const low = shift * sobolPoints - high
  // From i − 1 to i the bits up to the lowest one bit of i change: the exclusive or of their directions is one word.
  const change = new Uint32Array(bits)
  directions.forEach((v, k) => (change[k] = v ^ (change[k - 1] ?? 0)))
  let word = sobolWord(directions, lo)
  for (let k = at, i = lo; k < out.length; k += stride, i++) {
    if (i > lo) word ^= change[bits - 1 - Math.clz32(i & -i)] as number
    out[k] = (((word ^ high) >>> 0) + low) / sobolPoints
  }
}
