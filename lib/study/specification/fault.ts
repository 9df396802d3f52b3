// What is wrong with a study file: faults with their places, and the error that lists all of them.
//   study.yaml:5:12: space.lambda.log: expected two numbers, low < high; received [1]
//   -s seed=x: seed: expected an integer in [0, 9007199254740991]; received "x"
import { DataError, closest } from '../../base/errors.js'
import type { ErrorDetail } from '../../base/errors.js'

/** Keys and indices from the top of the file. */
export type Path = readonly (string | number)[]

/** Something that is wrong, before it is known where that stands. */
export interface Flaw {
  readonly path: Path
  readonly message: string
  /** Whether it is the last key of the path that is wrong, and not its value. */
  readonly atKey?: boolean
}

/** A flaw with its place. */
export interface Fault {
  /** 'study.yaml:5:12', or '-s seed=x' where an override is at fault. */
  readonly place: string
  readonly line?: number
  readonly column?: number
  /** 'space.lambda.log[0]' */
  readonly path: string
  readonly message: string
}

const mostFaults = 50

/** A study file that is wrong. Its message has a line for each fault. */
export class StudyError extends DataError {
  readonly faults: readonly Fault[]

  constructor(what: string, detail: Partial<ErrorDetail> & { readonly faults?: readonly Fault[] } = {}) {
    super(what, { code: 'ERR_STUDY', ...detail })
    this.faults = detail.faults ?? []
    // A list of lines: what ends a sentence would stand behind the last one alone.
    this.message = what
  }

  /** The error that tells these faults, the first ones of the file first. */
  static of(faults: readonly Fault[]): StudyError {
    const order = (fault: Fault): number => (fault.line ?? 0) * 1e6 + (fault.column ?? 0)
    const sorted = [...faults].sort((a, b) => order(a) - order(b))
    const lines = new Map(
      sorted.map((fault) => {
        const { place, path, message } = fault
        return [printable([place, path, message].filter((part) => part !== '').join(': ')), fault]
      }),
    )
    const more = lines.size - mostFaults
    const told = [...lines.keys()].slice(0, mostFaults)
    return new StudyError([...told, ...(more > 0 ? [`and ${String(more)} more faults`] : [])].join('\n'), {
      faults: [...lines.values()],
    })
  }
}

// Control characters and what turns the direction of writing would not stay within their line on a terminal.
// eslint-disable-next-line no-control-regex -- these
const unprintable = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g
const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** A text on one line, with nothing in it that a terminal acts on. */
const printable = (text: string): string => text.replace(unprintable, escaped)

const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most)}…` : text)

/** A string for a message: in quotes, on one line, and short. */
export const quoted = (text: string): string => printable(JSON.stringify(cut(text, 60)))

/** A value for a message: as YAML writes it, on one line, and short. */
export const shown = (value: unknown): string => {
  if (value === undefined || value === null) return 'nothing'
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'number') {
    if (Number.isNaN(value)) return '.nan'
    if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value)
    return value < 0 ? '-.inf' : '.inf'
  }
  if (typeof value === 'boolean') return String(value)
  if (Array.isArray(value))
    return cut(`[${value.slice(0, 9).map(shown).join(', ')}${value.length > 9 ? ', …' : ''}]`, 80)
  if (typeof value === 'object') {
    const keys = Object.keys(value)
    return keys.length === 0
      ? 'an empty map'
      : cut(`a map with ${keys.slice(0, 9).map(shownKey).join(', ')}`, 80)
  }
  return `a ${typeof value}`
}

const plainKey = /^[\p{L}_$][\p{L}\p{M}\p{N}_$-]{0,63}$/u
const shownKey = (key: string): string => (plainKey.test(key) ? key : quoted(key))

/** 'space.lambda.log[0]' */
export const shownPath = (path: Path): string =>
  path
    .map((key) =>
      typeof key === 'number' ? `[${String(key)}]` : plainKey.test(key) ? `.${key}` : `[${quoted(key)}]`,
    )
    .join('')
    .replace(/^\./, '')

/** 'did you mean "seed"?', or undefined where no name is close. */
export const guess = (word: string, names: readonly string[]): string | undefined => {
  const name = word.length > 60 ? undefined : closest(word, names)
  return name === undefined ? undefined : `did you mean "${name}"?`
}
