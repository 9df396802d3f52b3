// Sums of products in twice the working precision (Ogita, Rump, Oishi, Accurate sum and dot product, SIAM J. Sci. Comput.
// 2005, algorithm 5.3), and the largest of numbers of which one may be NaN. Imports nothing.

const SPLITTER = 2 ** 27 + 1

/** Sums from 0 on, one for each index. */
export class Sums {
  private readonly high: Float64Array
  private readonly low: Float64Array

  constructor(size: number) {
    this.high = new Float64Array(size)
    this.low = new Float64Array(size)
  }

  /** Adds a · b to sum i. */
  add(i: number, a: number, b = 1): void {
    const product = a * b
    const s = this.high[i] as number
    const sum = s + product
    const t = sum - s
    const error = s - (sum - t) + (product - t) + (b === 1 ? 0 : productError(a, b, product))
    this.high[i] = sum
    // Where the error overflows there is nothing left to correct.
    if (Number.isFinite(error)) this.low[i] = (this.low[i] as number) + error
  }

  /** Adds factor times sum k of others, both of its parts. */
  addSum(i: number, others: Sums, k: number, factor = 1): void {
    this.add(i, others.high[k] as number, factor)
    this.add(i, others.low[k] as number, factor)
  }

  at(i: number): number {
    return (this.high[i] as number) + (this.low[i] as number)
  }
}

/** a · b − fl(a · b) */
const productError = (a: number, b: number, product: number): number => {
  const [ah, bh] = [a * SPLITTER - (a * SPLITTER - a), b * SPLITTER - (b * SPLITTER - b)]
  const [al, bl] = [a - ah, b - bh]
  return al * bl - (product - ah * bh - al * bh - ah * bl)
}

/** The largest of numbers ≥ 0; NaN where one is NaN. */
export const worst = (values: Iterable<number>): number => {
  let largest = 0
  for (const v of values) largest = v > largest || Number.isNaN(v) ? v : largest
  return largest
}
