// Errors that cross threads. Structured cloning takes class, code and fields from an error; its record is plain data, from
// which the other side builds the same error again. Imports errors.
import * as errors from './errors.js'

type Own = new (what: string, detail: errors.ErrorDetail) => errors.OnestepError

interface Known {
  readonly prototype: object
  /** An error of the class, still without what it carries. */
  readonly make: (record: RecordedError) => Error
}

const plain = ({ message }: RecordedError): Error => new Error(message)

/** The classes that both sides know, by name: all that errors.ts exports, and those of the language. */
const classes: ReadonlyMap<string, Known> = new Map<string, Known>([
  ...Object.entries(errors)
    .filter(([, x]) => x === errors.OnestepError || x.prototype instanceof errors.OnestepError)
    .map(
      ([name, x]) =>
        [name, { prototype: x.prototype as object, make: () => new (x as Own)('', { code: '' }) }] as const,
    ),
  ...[Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError].map(
    (Kind) =>
      [
        Kind.name,
        { prototype: Kind.prototype, make: ({ message }: RecordedError) => new Kind(message) },
      ] as const,
  ),
  [
    'AggregateError',
    { prototype: AggregateError.prototype, make: ({ message }) => new AggregateError([], message) },
  ],
  [
    'DOMException',
    { prototype: DOMException.prototype, make: ({ message, name }) => new DOMException(message, name) },
  ],
])

/** What was thrown, as plain data that structured cloning leaves as it is. */
export type ErrorRecord =
  /** A thrown value that is no error; a description of it, where it cannot be cloned. */
  { readonly value: unknown } | RecordedError

export interface RecordedError {
  /** The class; of one that is neither ours nor built in, the nearest class above it that is. */
  readonly kind: string
  /** The error's own name, which may be that of a class that only its thread knows. */
  readonly name: string
  readonly message: string
  readonly stack: string
  /** Its other fields: what, code, expected, received, remedy, where, and whatever else it carries. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly cause?: ErrorRecord
  /** Of an AggregateError. */
  readonly errors?: readonly ErrorRecord[]
}

/** Causes of causes, and errors in an AggregateError, that one record holds. */
const mostErrors = 100

const attempt = <T>(read: () => T, otherwise: () => T): T => {
  try {
    return read()
  } catch {
    return otherwise()
  }
}

const text: (value: unknown) => string = String

const describe = (value: unknown): string =>
  attempt(
    () => {
      if (typeof value === 'function') return `function ${value.name}`
      return typeof value === 'object' && value !== null ? Object.prototype.toString.call(value) : text(value)
    },
    () => `a value of type ${typeof value} that cannot be read`,
  )

/** A copy of the value, or a description of what cannot be cloned. */
const cloned = (value: unknown): unknown =>
  attempt(
    () => structuredClone(value),
    () => describe(value),
  )

const names = new Map<unknown, string>([...classes].map(([name, { prototype }]) => [prototype, name]))

/** The nearest class that both sides know. */
const kindOf = (error: Error): string => {
  let at: unknown = error
  while (at !== null && !names.has(at)) at = Object.getPrototypeOf(at)
  return names.get(at) ?? 'Error'
}

/** The record of whatever was thrown; never throws itself. Causes that form a cycle do so in the record, too. */
export const toRecord = (thrown: unknown): ErrorRecord => {
  const known = new Map<object, ErrorRecord>()
  const visit = (value: unknown): ErrorRecord =>
    attempt<ErrorRecord>(
      () => (value instanceof Error ? visitError(value) : { value: cloned(value) }),
      () => ({ value: describe(value) }),
    )
  const visitError = (error: Error): ErrorRecord => {
    const seen = known.get(error)
    if (seen !== undefined) return seen
    if (known.size === mostErrors) return { value: 'more errors than a record holds' }
    const own = (key: 'name' | 'message' | 'stack', otherwise: string): string =>
      attempt(
        () => (error[key] === undefined ? otherwise : text(error[key])),
        () => `${key} that cannot be read`,
      )
    const [name, message] = [own('name', 'Error'), own('message', '')]
    const fields = Object.keys(error)
      .filter((key) => !['message', 'stack', 'cause'].includes(key))
      .map((key) => {
        const field = attempt(
          () => (error as unknown as Record<string, unknown>)[key],
          () => 'a field that cannot be read',
        )
        return [key, cloned(field)] as const
      })
    const record: { -readonly [K in keyof RecordedError]: RecordedError[K] } = {
      kind: kindOf(error),
      name,
      message,
      stack: own('stack', `${name}: ${message}`),
      fields: Object.fromEntries(fields),
    }
    known.set(error, record)
    if (Object.hasOwn(error, 'cause')) {
      record.cause = attempt<ErrorRecord>(
        () => visit(error.cause),
        () => ({ value: 'a cause that cannot be read' }),
      )
    }
    if (error instanceof AggregateError)
      record.errors = attempt(
        () => [...(error.errors as unknown[])].map(visit),
        () => [],
      )
    return record
  }
  return visit(thrown)
}

/**
 * The error of a record: the same class, name, message, code, fields, stack and cause. A value that is no error comes as
 * the cause of a plain Error.
 */
export const fromRecord = (record: ErrorRecord): Error => {
  const known = new Map<ErrorRecord, Error>()
  const visit = (at: ErrorRecord): unknown => {
    if ('value' in at) return at.value
    return known.get(at) ?? visitError(at)
  }
  const visitError = (at: RecordedError): Error => {
    const error = (classes.get(at.kind)?.make ?? plain)(at)
    known.set(at, error)
    const set = (key: string, value: unknown, enumerable: boolean): void => {
      const has = Object.hasOwn(error, key)
      Object.defineProperty(
        error,
        key,
        has ? { value } : { value, enumerable, writable: true, configurable: true },
      )
    }
    for (const [key, value] of Object.entries(at.fields)) set(key, value, true)
    if (error.name !== at.name) set('name', at.name, false)
    if (error.message !== at.message) set('message', at.message, false)
    if (at.cause !== undefined) set('cause', visit(at.cause), false)
    if (at.errors !== undefined) set('errors', at.errors.map(visit), false)
    error.stack = at.stack
    return error
  }
  const value = visit(record)
  if (!('value' in record)) return value as Error
  const what = typeof value === 'string' ? JSON.stringify(value) : describe(value)
  return new Error(`What was thrown is no error: ${what}`, { cause: value })
}
