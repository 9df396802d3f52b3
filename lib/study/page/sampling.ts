// Which rows stand for all: one row of each of `most` strata of equal length, at a place in it that depends on its number alone. The
// same rows of every variant are taken, so that variants can be compared row by row.
import { stream } from '../../base/random.js'

/** Positions in 0 … rows − 1, ascending: all of them, or `most`. */
export const sampledPositions = (rows: number, most: number, name: string): Float64Array => {
  if (rows <= most) return Float64Array.from({ length: rows }, (_, i) => i)
  const places = stream(0, name).uniforms(most)
  return places.map((u, s) => {
    const [low, high] = [Math.floor((s * rows) / most), Math.floor(((s + 1) * rows) / most)]
    return low + Math.floor(u * (high - low))
  })
}

/** The first of ascending positions that is not below `position`. */
const firstFrom = (positions: Float64Array, position: number): number => {
  let [low, high] = [0, positions.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((positions[middle] ?? Infinity) < position) low = middle + 1
    else high = middle
  }
  return low
}

/** Those of ascending positions that lie in lo ≤ position < hi. */
export const positionsIn = (positions: Float64Array, lo: number, hi: number): Float64Array =>
  positions.subarray(firstFrom(positions, lo), firstFrom(positions, hi))
