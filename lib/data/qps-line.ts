// The words of one line of a QPS text, split at blanks (free format) or at the columns of punched cards (fixed format),
// where names may hold blanks: fields at columns 2–3, 5–12, 15–22, 25–36, 40–47 and 50–61.
import { CR, decimal, END, LF, type NonFinite, type Source, SPACE, TAB } from './source.js'

/** Where the fields of fixed format begin and end, counted from 0. */
const FIELDS = [
  [1, 3],
  [4, 12],
  [14, 22],
  [24, 36],
  [39, 47],
  [49, 61],
] as const
/** One word more than any statement has. */
const MOST = FIELDS.length

const isBlank = (c: number): boolean => c === SPACE || c === TAB
const isLineEnd = (c: number): boolean => c === LF || c === CR || c === END

/** The words of the line that starts where the source stands; the source itself does not move. */
export class Line {
  count = 0
  private readonly starts = new Int32Array(MOST)
  private readonly ends = new Int32Array(MOST)
  private readonly source: Source

  constructor(source: Source) {
    this.source = source
  }

  /** Splits the line at blanks; words behind the sixth are left out. */
  splitFree(): void {
    const { bytes, at } = this.source
    this.count = 0
    for (let i = at; this.count < MOST;) {
      while (isBlank(bytes[i] ?? END)) i++
      if (isLineEnd(bytes[i] ?? END)) return
      this.starts[this.count] = i
      while (!isBlank(bytes[i] ?? END) && !isLineEnd(bytes[i] ?? END)) i++
      this.ends[this.count++] = i
    }
  }

  /** Splits the line at the columns of fixed format. False where there is a tab, or text between two fields. */
  splitColumns(): boolean {
    const { bytes, at } = this.source
    let end = at
    for (; !isLineEnd(bytes[end] ?? END); end++) if (bytes[end] === TAB) return false
    const blankBetween = (from: number, to: number): boolean => {
      for (let i = from; i < to && i < end; i++) if (bytes[i] !== SPACE) return false
      return true
    }
    this.count = 0
    let gap = at
    for (const [first, last] of FIELDS) {
      if (!blankBetween(gap, at + first)) return false
      gap = at + last
      let [from, to] = [Math.min(at + first, end), Math.min(at + last, end)]
      while (from < to && bytes[from] === SPACE) from++
      while (to > from && bytes[to - 1] === SPACE) to--
      if (from === to) continue
      this.starts[this.count] = from
      this.ends[this.count++] = to
    }
    return blankBetween(gap, end)
  }

  text(word: number): string {
    return this.source.text(this.starts[word] as number, this.ends[word] as number)
  }

  /** The word for a message. */
  show(word: number): string {
    return this.source.show(this.starts[word] as number, this.ends[word] as number)
  }

  /**
   * The number that a word is.
   * @throws {DataError} naming `what` where it is none, NaN, or infinite (unless infinities are kept).
   */
  number(word: number, what: string, nonFinite: NonFinite = 'refuse'): number {
    const [start, end] = [this.starts[word] as number, this.ends[word] as number]
    const value = decimal(this.source.bytes, start, end)
    if (Number.isFinite(value)) return value
    const named = this.source.unusual(start, end, nonFinite, what)
    if (!Number.isNaN(named)) return named
    throw this.source.error(`${what} is not a number`, {
      expected: 'a decimal number or Infinity',
      received: this.show(word),
      remedy: 'Correct the file',
    })
  }
}
