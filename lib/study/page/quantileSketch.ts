// Quantiles of a stream of numbers in little memory, always the same for the same stream: exact up to `capacity` numbers, beyond
// that by compactors (Munro and Paterson, 1980). Level l holds numbers that stand for 2ˡ each; a full level is sorted, and every other
// number of it moves up, the odd ones and the even ones by turns. The rank is wrong by at most n · levels / (2 · capacity), in
// practice by far less.

export class QuantileSketch {
  readonly #capacity: number
  readonly #levels: { numbers: Float64Array; used: number; odd: boolean }[] = []
  #count = 0
  #skipped = 0
  #low = Infinity
  #high = -Infinity

  /** @param capacity numbers a level; even. */
  constructor(capacity = 4096) {
    this.#capacity = capacity
  }

  /** Of the finite numbers that were added. */
  get count(): number {
    return this.#count
  }

  /** Of those that were not finite. */
  get skipped(): number {
    return this.#skipped
  }

  add(value: number): void {
    if (!Number.isFinite(value)) {
      this.#skipped++
      return
    }
    this.#count++
    this.#low = Math.min(this.#low, value)
    this.#high = Math.max(this.#high, value)
    this.#put(value, 0)
  }

  /** The number below which the share p of all lies, 0 ≤ p ≤ 1; NaN where nothing was added. */
  quantile(p: number): number {
    if (this.#count === 0) return NaN
    if (p <= 0) return this.#low
    if (p >= 1) return this.#high
    const weighted = this.#levels.flatMap(({ numbers, used }, level) =>
      Array.from(numbers.subarray(0, used), (value) => ({ value, weight: 2 ** level })),
    )
    weighted.sort((a, b) => a.value - b.value)
    // Between neighbours as in a sorted list of all: number k stands at rank k, the first one at 0.
    const rank = p * (this.#count - 1)
    let before = 0
    for (const [i, { value, weight }] of weighted.entries()) {
      const last = before + weight - 1
      if (rank <= last) return value
      const next = weighted[i + 1]
      if (next !== undefined && rank < last + 1) return value + (next.value - value) * (rank - last)
      before = last + 1
    }
    return this.#high
  }

  #put(value: number, level: number): void {
    const own = (this.#levels[level] ??= { numbers: new Float64Array(this.#capacity), used: 0, odd: false })
    own.numbers[own.used++] = value
    if (own.used < this.#capacity) return
    own.used = 0
    const sorted = own.numbers.slice().sort()
    for (let i = own.odd ? 1 : 0; i < sorted.length; i += 2) this.#put(sorted[i] ?? NaN, level + 1)
    own.odd = !own.odd
  }
}
