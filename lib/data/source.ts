// The text of one data file as bytes with a reading position: lines are counted, every error names file and line.
// Readers walk it once, byte by byte, and copy text only for names and messages. Imports errors only.
import { readFile } from 'node:fs/promises'
import { ArgumentError, DataError, closest } from '../base/errors.js'

/** What a reader parses: a string, or the UTF-8 bytes of one (a Buffer). */
export type Text = string | Uint8Array

/** What to do with a number that is not finite (NaN, inf, -Infinity …): refuse the file, or keep the value. */
export type NonFinite = 'refuse' | 'keep'

export const END = -1
export const TAB = 9
export const LF = 10
export const CR = 13
export const SPACE = 32
export const QUOTE = 34
export const APOSTROPHE = 39
export const COMMA = 44

const MAX_SHOWN = 40

/** Powers of ten that a double holds exactly. */
const POWERS = Array.from({ length: 23 }, (_, k) => Number(`1e${String(k)}`))

/**
 * The double nearest to the decimal number written in bytes [start, end), or NaN where the bytes are no such number.
 * Grammar: [+-] digits [. digits] [e [+-] digits], with at least one digit in front or behind the point.
 * Up to 15 digits m and |e| ≤ 22, m · 10ᵉ is one rounding of two exact doubles (Clinger, PLDI 1990); the rest goes to
 * Number(), which rounds correctly too.
 */
export const decimal = (bytes: Buffer, start: number, end: number): number => {
  let i = start
  const sign = i < end ? bytes[i] : END
  if (sign === 43 || sign === 45) i++
  let mantissa = 0
  let digits = 0
  let exponent = 0
  let point = false
  for (; i < end; i++) {
    const c = bytes[i] ?? END
    if (c >= 48 && c <= 57) {
      mantissa = mantissa * 10 + (c - 48)
      digits++
      if (point) exponent--
    } else if (c === 46 && !point) point = true
    else break
  }
  if (digits === 0) return NaN
  if (i < end) {
    if (((bytes[i] ?? END) | 32) !== 101) return NaN
    const minus = bytes[++i] === 45
    if (minus || bytes[i] === 43) i++
    if (i >= end) return NaN
    let power = 0
    for (; i < end; i++) {
      const c = bytes[i] ?? END
      if (c < 48 || c > 57) return NaN
      power = Math.min(power * 10 + (c - 48), 1e6)
    }
    exponent += minus ? -power : power
  }
  if (digits > 15 || exponent < -22 || exponent > 22) return Number(bytes.toString('latin1', start, end))
  const scale = POWERS[Math.abs(exponent)] ?? NaN
  const size = exponent < 0 ? mantissa / scale : mantissa * scale
  return sign === 45 ? -size : size
}

/** How many of `bytes` are one of `wanted`: an upper bound on cells, found before anything is allocated. */
export const countBytes = (bytes: Buffer, ...wanted: readonly number[]): number => {
  const counted = new Uint8Array(256)
  for (const byte of wanted) counted[byte] = 1
  let count = 0
  for (const byte of bytes) count += counted[byte] ?? 0
  return count
}

/**
 * Checks that option `name` of a reader is one of `choices`.
 * @throws {ArgumentError}
 */
export const checkChoice = (
  reader: string,
  name: string,
  value: unknown,
  choices: readonly unknown[],
): void => {
  if (choices.includes(value)) return
  throw new ArgumentError(`${reader}: option "${name}" is wrong`, {
    expected: choices.map((choice) => JSON.stringify(choice)).join(' or '),
    received: typeof value === 'string' ? JSON.stringify(value) : String(value),
    remedy: `Correct "${name}" or leave it out`,
  })
}

const short = (text: string): string => (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text)

/** A name for a message: quoted, control characters escaped, cut after 40 characters. */
export const quoteName = (name: string): string => JSON.stringify(short(name))

/** "one of a, b, c …" for a message, short however many and long the names are. */
export const oneOf = (names: readonly string[]): string => {
  const shown = names.slice(0, 20).map(short)
  return `one of ${shown.join(', ')}${names.length > shown.length ? ', …' : ''}`
}

/** "Did you mean …?" where one of `names` is close to `word`, else `otherwise`. */
export const didYouMean = (word: string, names: readonly string[], otherwise: string): string => {
  const short = names.slice(0, 1000).filter((name) => name.length <= MAX_SHOWN)
  const guess = word.length > MAX_SHOWN ? undefined : closest(word, short)
  return guess === undefined ? otherwise : `Did you mean "${guess}"?`
}

const toBytes = (text: Text): Buffer => {
  if (typeof text === 'string') return Buffer.from(text, 'utf8')
  if (!ArrayBuffer.isView(text) || text.BYTES_PER_ELEMENT !== 1) {
    throw new ArgumentError('a reader was given no text', {
      expected: 'a string or a Buffer',
      received: text === null ? 'null' : typeof text,
      remedy: 'Pass the contents of a file, or read the file by its path',
    })
  }
  return Buffer.from(text.buffer, text.byteOffset, text.byteLength)
}

export class Source {
  readonly bytes: Buffer
  readonly name: string
  /** Offset of the next byte to read. */
  at = 0
  /** Line of that byte, from 1. */
  line = 1

  /** @throws {DataError} when the bytes are plainly not UTF-8 text (gzip, UTF-16). */
  constructor(text: Text, name: string) {
    this.bytes = toBytes(text)
    this.name = name
    const [a, b, c] = this.bytes
    if (a === 0xef && b === 0xbb && c === 0xbf) this.at = 3 // a UTF-8 byte order mark says nothing
    if (a === 0x1f && b === 0x8b) {
      throw this.error('the file is compressed', {
        received: 'gzip data',
        remedy: 'Uncompress it with gunzip',
      })
    }
    if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
      throw this.error('the text is not UTF-8', {
        received: 'a UTF-16 byte order mark',
        remedy: 'Convert it with iconv -t UTF-8',
      })
    }
  }

  get done(): boolean {
    return this.at >= this.bytes.length
  }

  /** The next byte, or END. */
  get next(): number {
    return this.bytes[this.at] ?? END
  }

  /** Whether a line, or the text, ends here. */
  get atLineEnd(): boolean {
    const c = this.next
    return c === LF || c === CR || c === END
  }

  /** Steps over spaces and tabs. */
  skipBlanks(): void {
    while (this.next === SPACE || this.next === TAB) this.at++
  }

  /** Steps over what is left of the line, not over its end. */
  skipLine(): void {
    while (!this.atLineEnd) this.at++
  }

  /** Steps over one line end, LF, CR LF or CR; does nothing at the end of the text. */
  skipLineEnd(): void {
    if (this.done) return
    this.at += this.next === CR && this.bytes[this.at + 1] === LF ? 2 : 1
    this.line++
  }

  /** Bytes [start, end) as text. */
  text(start: number, end: number): string {
    return this.bytes.toString('utf8', start, end)
  }

  /** Bytes [start, end) for a message: quoted, control characters escaped, cut after 40 bytes. */
  show(start: number, end: number): string {
    const cut = end - start > MAX_SHOWN
    return JSON.stringify(this.text(start, cut ? start + MAX_SHOWN : end) + (cut ? '…' : ''))
  }

  /** An error at the current line, to be thrown by the caller. */
  error(what: string, detail: { expected?: string; received?: string; remedy: string }): DataError {
    return new DataError(`${this.name}:${String(this.line)}: ${what}`, detail)
  }

  /**
   * The number in bytes [start, end) when `decimal` found none or an infinite one: the named non-finite values where
   * `nonFinite` keeps them.
   * @throws {DataError} naming `what` in every other case.
   */
  unusual(start: number, end: number, nonFinite: NonFinite, what: string): number {
    const named = end - start <= 9 ? /^([+-]?)(?:(nan)|inf(?:inity)?)$/i.exec(this.text(start, end)) : null
    const received = this.show(start, end)
    if (named === null) {
      throw !Number.isNaN(decimal(this.bytes, start, end))
        ? this.error(`${what} is too large`, {
            expected: 'a number below 1.8e308 in size',
            received,
            remedy: 'Rescale it, or write Infinity',
          })
        : this.error(`${what} is not a number`, {
            expected: 'a decimal number such as -1.5e-3',
            received,
            remedy: 'Correct the file',
          })
    }
    if (nonFinite === 'refuse') {
      throw this.error(`${what} is not finite`, {
        expected: 'a finite number',
        received,
        remedy: "Clean the file, or pass nonFinite: 'keep'",
      })
    }
    if (named[2] !== undefined) return NaN
    return named[1] === '-' ? -Infinity : Infinity
  }
}

/** The remedy for each reason why a file cannot be read. */
const remedies: Readonly<Record<string, string>> = {
  ENOENT: 'Check the path; data files are not part of the package',
  EISDIR: 'Name a file in that folder',
  ENOTDIR: 'Check the path: a part of it is a file, not a folder',
  EACCES: 'Give this user the right to read it',
  ERR_FS_FILE_TOO_LARGE: 'Split the file into parts below 2 GiB',
}

/**
 * The bytes of the file at `path`.
 * @throws {DataError} when the file is missing or cannot be read.
 * @throws {ArgumentError} when `path` is not a string.
 */
export const readBytes = async (path: string): Promise<Buffer> => {
  if (typeof path !== 'string') {
    throw new ArgumentError('a reader was given no path', {
      expected: 'a string',
      received: typeof path,
      remedy: 'Pass the path of a file',
    })
  }
  try {
    return await readFile(path)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? ''
    const what = code === 'ENOENT' ? 'the file does not exist' : `the file cannot be read (${code})`
    throw new DataError(`${path}: ${what}`, {
      remedy: remedies[code] ?? 'See the cause of this error',
      cause,
    })
  }
}
