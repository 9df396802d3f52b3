// Errors that name the thing, what was expected, what came, and what to do. Imports nothing.

/** What an error says beside its message; every field is optional but `code`. */
export interface ErrorDetail {
  /** Stable machine-readable code, `ERR_…`. */
  readonly code: string
  /** What was expected, in words. */
  readonly expected?: string | undefined
  /** What came instead, in words. */
  readonly received?: string | undefined
  /** What the user can do about it. */
  readonly remedy?: string | undefined
  /** Where in the user's code: a frame of the stack, with file and line. */
  readonly where?: string | undefined
  readonly cause?: unknown
}

const sentence = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`)

/**
 * Base class of every error that onestep throws. The message reads
 * "what happened, at file and line. Expected …, received …. What to do."
 */
export class OnestepError extends Error {
  readonly code: string
  readonly expected: string | undefined
  readonly received: string | undefined
  readonly remedy: string | undefined
  readonly what: string
  readonly where: string | undefined

  constructor(what: string, detail: ErrorDetail) {
    const place = detail.where === undefined ? '' : `, at ${detail.where}`
    const parts = [sentence(place === '' ? what : `${what.replace(/\.$/, '')}${place}`)]
    if (detail.expected !== undefined) {
      const received = detail.received === undefined ? '' : `, received ${detail.received}`
      parts.push(sentence(`Expected ${detail.expected}${received}`))
    } else if (detail.received !== undefined) {
      parts.push(sentence(`Received ${detail.received}`))
    }
    if (detail.remedy !== undefined) parts.push(sentence(detail.remedy))
    super(parts.join(' '), detail.cause === undefined ? undefined : { cause: detail.cause })
    this.name = new.target.name
    this.code = detail.code
    this.expected = detail.expected
    this.received = detail.received
    this.remedy = detail.remedy
    this.what = what
    this.where = detail.where
  }

  /** The same error with another account of what happened, or of where: its stack stays. */
  retold(change: { readonly what?: string; readonly where?: string }): this {
    const Kind = this.constructor as new (what: string, detail: ErrorDetail) => this
    const { what, code, expected, received, remedy, where, cause } = this
    const error = new Kind(change.what ?? what, {
      code,
      expected,
      received,
      remedy,
      where: change.where ?? where,
      cause,
    })
    error.stack = this.stack?.replace(this.message, () => error.message) ?? ''
    return error
  }
}

type Detail = Omit<ErrorDetail, 'code'> & { readonly code?: string }

/** A shape does not fit: raised while tracing, with the user's file and line in the message. */
export class ShapeError extends OnestepError {
  constructor(what: string, detail: Detail = {}) {
    super(what, { code: 'ERR_SHAPE', ...detail })
  }
}

/** An argument, an option name or an option value is wrong. */
export class ArgumentError extends OnestepError {
  constructor(what: string, detail: Detail = {}) {
    super(what, { code: 'ERR_ARGUMENT', ...detail })
  }
}

/** A function was traced in a way that has no meaning (a leaked Tensor, a missing derivative rule). */
export class TraceError extends OnestepError {
  constructor(what: string, detail: Detail = {}) {
    super(what, { code: 'ERR_TRACE', ...detail })
  }
}

/** A graph breaks a rule of the intermediate representation; a bug in an op or a transform. */
export class GraphError extends OnestepError {
  constructor(what: string, detail: Detail = {}) {
    super(what, { code: 'ERR_GRAPH', ...detail })
  }
}

/** A Program buffer is corrupted, of another version, or not made by this library. */
export class ProgramError extends OnestepError {
  constructor(what: string, detail: Detail = {}) {
    super(what, { code: 'ERR_PROGRAM', ...detail })
  }
}

/** The native addon is missing, incomplete or unsafe on this machine. */
export class NativeError extends OnestepError {
  constructor(what: string, detail: Detail = {}) {
    super(what, { code: 'ERR_NATIVE', ...detail })
  }
}

/** A data file is missing or malformed; the message has the file and the line. */
export class DataError extends OnestepError {
  constructor(what: string, detail: Detail = {}) {
    super(what, { code: 'ERR_DATA', ...detail })
  }
}

/** Edit distance of two words, for "did you mean"; two neighbours in the wrong order are one edit. */
const distance = (a: string, b: string): number => {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const turned = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swap = turned ? (before[j - 2] ?? 0) + 1 : Infinity
      next.push(Math.min(change, swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    before = row
    row = next
  }
  return row[b.length] ?? 0
}

/** The closest of `names` to `word`, or undefined when none is close. */
export const closest = (word: string, names: readonly string[]): string | undefined => {
  const ranked = names
    .map((name) => ({ name, d: distance(word.toLowerCase(), name.toLowerCase()) }))
    .sort((p, q) => p.d - q.d)
  const best = ranked[0]
  return best !== undefined && best.d <= Math.max(1, Math.floor(word.length / 3)) ? best.name : undefined
}

/**
 * Refuses option names that `known` does not list.
 * @throws {ArgumentError} naming the option, the known ones, and the likely spelling.
 */
export const checkOptions = (what: string, options: object, known: readonly string[]): void => {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const guess = closest(name, known)
    throw new ArgumentError(`${what}: unknown option "${name}"`, {
      code: 'ERR_UNKNOWN_OPTION',
      expected: known.length === 0 ? 'no options' : `one of ${known.join(', ')}`,
      remedy: guess === undefined ? 'Remove it' : `Did you mean "${guess}"?`,
    })
  }
}
