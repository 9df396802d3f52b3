// The building blocks of the schema of a study file. Each says what it expects, so that no message is without that; and where
// something can be written in several ways, what stands there chooses one, so that a message is about what was meant.
import * as z from 'zod'
import { guess } from './fault.js'

/** What is expected of a number. */
export interface Bounds {
  readonly above?: number
  readonly least?: number
  readonly below?: number
  readonly most?: number
  readonly whole?: boolean
}

/** 'an integer ≥ 1', 'a number in (0, 1]' */
const boundsInWords = ({ above, least, below, most, whole = false }: Bounds): string => {
  const kind = whole ? 'an integer' : 'a number'
  const [low, high] = [above ?? least, below ?? most]
  if (low !== undefined && high !== undefined) {
    const [open, close] = [above === undefined ? '[' : '(', below === undefined ? ']' : ')']
    return `${kind} in ${open}${String(low)}, ${String(high)}${close}`
  }
  if (low !== undefined) return `${kind} ${above === undefined ? '≥' : '>'} ${String(low)}`
  if (high !== undefined) return `${kind} ${below === undefined ? '≤' : '<'} ${String(high)}`
  return whole ? kind : 'a finite number'
}

/** A finite number within bounds. Whole ones are exact: at most 2⁵³ − 1. */
export const number = (bounds: Bounds = {}): z.ZodNumber => {
  const { above, least, below, most, whole } = bounds
  const error = `expected ${boundsInWords(bounds)}`
  let schema = z.number({ error })
  if (whole === true) schema = schema.int({ error })
  if (above !== undefined) schema = schema.gt(above, { error })
  if (least !== undefined) schema = schema.gte(least, { error })
  if (below !== undefined) schema = schema.lt(below, { error })
  if (most !== undefined) schema = schema.lte(most, { error })
  return schema
}

/** An integer of at least 1. */
export const count = (): z.ZodNumber => number({ whole: true, least: 1 })

/** true or false. */
export const flag = (): z.ZodBoolean => z.boolean({ error: 'expected true or false' })

const intro = 'expected one of '

/** 'expected one of a, b, c' */
export const oneOf = (names: readonly string[]): string =>
  names.length === 1 ? `expected ${String(names[0])}` : `${intro}${names.join(', ')}`

/** The names of a message that `oneOf` made. */
export const namesIn = (message: string): readonly string[] => {
  const list = message.startsWith(intro) ? message.slice(intro.length) : message.replace('expected ', '')
  return list.split(', ')
}

/** One of these words. */
export const word = <const T extends readonly [string, ...string[]]>(names: T) =>
  z.enum(names, { error: oneOf(names) })

/** A string that a pattern describes, which `expected` says in words. */
export const text = (expected: string, pattern: RegExp): z.ZodString => {
  const error = `expected ${expected}`
  return z.string({ error }).regex(pattern, { error })
}

/** The name of something in a problem: what can be a word in many languages, and means nothing to a file system or to JavaScript. */
export const name = (what: string): z.ZodString => {
  const error = `expected ${what}: letters, digits, "_" and "-", beginning with a letter`
  const pattern = /^(?!(?:constructor|prototype)$)\p{L}[\p{L}\p{M}\p{N}_-]{0,63}$/u
  return (
    z
      .string({ error })
      .regex(pattern, { error })
      // Not every reader of JSON Schema knows \p.
      .meta({ pattern: '^[^\\s\\d._/\\\\$-][^\\s./\\\\$]{0,63}$' })
  )
}

/** A map with these keys and no others. */
export const record = <T extends z.ZodRawShape>(shape: T, expected = 'a map') =>
  z.strictObject(shape, {
    error: ({ code }) => (code === 'unrecognized_keys' ? oneOf(Object.keys(shape)) : `expected ${expected}`),
  })

/** Marks an issue whose message says all, what was received, too. */
export const complete = { complete: true } as const

/** Entries, at least one of them unless `least` says else, and each of them once. */
export const list = <T>(entry: z.ZodType<T>, expected = 'a list', least = 1) =>
  z
    .array(entry, { error: `expected ${expected}` })
    .min(least, { error: `expected ${expected} that is not empty` })
    .check((context) => {
      const seen = new Map<string, number>()
      context.value.forEach((value, i) => {
        const key = JSON.stringify(value)
        const first = seen.get(key)
        if (first === undefined) seen.set(key, i)
        else {
          context.issues.push({
            code: 'custom',
            message: `expected each entry once; this is entry ${String(first)} again`,
            path: [i],
            input: value,
            params: complete,
          })
        }
      })
    })
    .meta({ uniqueItems: true })

/** Two numbers, low < high, of which `within` says more. */
export const range = (least = -Infinity) => {
  const error = least === 0 ? 'expected two numbers, 0 < low < high' : 'expected two numbers, low < high'
  return z
    .array(number(), { error })
    .length(2, { error })
    .refine(([low, high]) => (low as number) > least && (low as number) < (high as number), { error })
    .transform(([low, high]) => ({ low: low as number, high: high as number }))
}

/** What may be written in one place: a schema for each kind of value, and for maps one for each key that tells them apart. */
export interface Alternatives<T> {
  readonly string?: z.ZodType<T>
  readonly number?: z.ZodType<T>
  readonly list?: z.ZodType<T>
  readonly maps?: Readonly<Record<string, z.ZodType<T>>>
  /** Any other map. */
  readonly map?: z.ZodType<T>
}

/** The alternatives of each schema that `choice` made, for the JSON Schema. */
export const alternativesOf = new WeakMap<object, readonly z.ZodType[]>()

/** The schema that is meant by a value, or what is wrong with it. */
const chosen = <T>(
  value: unknown,
  expected: string,
  { string, number: numeric, list: several, maps = {}, map }: Alternatives<T>,
): z.ZodType<T> | { readonly message: string; readonly keys?: string[] } => {
  const refusal = { message: `expected ${expected}` }
  if (typeof value === 'string') return string ?? refusal
  if (typeof value === 'number') return numeric ?? refusal
  if (Array.isArray(value)) return several ?? refusal
  if (typeof value !== 'object' || value === null) return refusal
  const names = Object.keys(maps)
  if (names.length === 0) return map ?? refusal
  const keys = Object.keys(value)
  const [first, second] = names.filter((name) => keys.includes(name))
  if (second !== undefined) {
    return { message: `expected only one of ${names.join(', ')}` }
  }
  if (first !== undefined) return maps[first] as z.ZodType<T>
  if (map !== undefined) return map
  const meant = keys.length === 1 ? keys[0] : keys.find((key) => guess(key, names) !== undefined)
  return meant === undefined
    ? { message: `${oneOf(names)} as a key` }
    : { message: oneOf(names), keys: [meant] }
}

/** What one schema found wrong, as what another one found. */
export const passOn = ({ issues }: z.ZodError, to: z.core.$ZodRawIssue[]): void => {
  for (const issue of issues) to.push({ ...issue, input: issue.input } as z.core.$ZodRawIssue)
}

/** What can be written in several ways. The first kind that fits what stands there is meant, and messages are about it alone. */
export const choice = <T>(
  expected: string,
  description: string,
  alternatives: Alternatives<T>,
): z.ZodType<T> => {
  const schema = z
    .unknown()
    .transform((value, context): T => {
      const meant = chosen(value, expected, alternatives)
      if (!('safeParse' in meant)) {
        const { message, keys } = meant
        context.issues.push(
          keys === undefined
            ? { code: 'custom', message, input: value }
            : { code: 'unrecognized_keys', message, keys, input: value as Record<string, unknown> },
        )
        return z.NEVER
      }
      const parsed = meant.safeParse(value, { reportInput: true })
      if (parsed.success) return parsed.data
      passOn(parsed.error, context.issues)
      return z.NEVER
    })
    .describe(description)
  const { string, number: numeric, list: several, maps = {}, map } = alternatives
  const all = [string, numeric, several, ...Object.values(maps), map]
  alternativesOf.set(schema, [...new Set(all.filter((one) => one !== undefined))])
  return schema
}

/** What a schema takes, as it is written, for who reads it again. */
export const asWritten = <T>(schema: z.ZodType<T>): z.ZodType<unknown> => {
  const kept = z.unknown().transform((value, context): unknown => {
    const parsed = schema.safeParse(value, { reportInput: true })
    if (parsed.success) return value
    passOn(parsed.error, context.issues)
    return z.NEVER
  })
  alternativesOf.set(kept, [schema])
  return kept
}

/** One entry, or a list of them. */
export const oneOrMore = <T>(
  entry: z.ZodType<T>,
  expected: string,
  description: string,
  least = 1,
): z.ZodType<readonly T[]> => {
  const one = entry.transform((value): readonly T[] => [value])
  return choice<readonly T[]>(expected, description, {
    ...{ string: one, number: one, map: one },
    list: list(entry, expected, least),
  })
}
