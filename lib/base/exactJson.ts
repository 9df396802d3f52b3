// Plain data as JSON and back, every bit of it: JSON itself has no NaN, no infinities, no −0 and no typed arrays.
//   NaN → {"$number": "NaN"},   Float64Array [1, −0] → {"$Float64Array": [1, "-0"]}
import { DataError } from './errors.js'

const kinds = { Float64Array, Int32Array, Uint8Array } as const
type Typed = InstanceType<(typeof kinds)[keyof typeof kinds]>

const named: Readonly<Record<string, number>> = { NaN, Infinity, '-Infinity': -Infinity, '-0': -0 }

/** A number as JSON has it, or its name. */
const numberOf = (x: number): number | string =>
  Number.isFinite(x) && !Object.is(x, -0) ? x : Object.is(x, -0) ? '-0' : String(x)

const refuse = (what: string, path: string, received: string): never => {
  throw new DataError(`${what} at ${path}`, { received })
}

/**
 * The text of a value: numbers, strings, booleans, null, lists, records, Float64Array, Int32Array and Uint8Array. Fields that are
 * undefined are left out. All NaN are one.
 * @throws {DataError} for anything else, naming its place.
 */
export const toExactJson = (value: unknown): string => {
  const encode = (x: unknown, path: string): unknown => {
    if (typeof x === 'number') {
      const written = numberOf(x)
      return typeof written === 'number' ? written : { $number: written }
    }
    if (x === null || typeof x === 'string' || typeof x === 'boolean') return x
    if (Array.isArray(x)) return x.map((entry, i) => encode(entry, `${path}[${String(i)}]`))
    if (typeof x === 'object') {
      const kind = Object.entries(kinds).find(([, Kind]) => x instanceof Kind)
      if (kind !== undefined) return { [`$${kind[0]}`]: Array.from(x as Typed, numberOf) }
      if (Object.getPrototypeOf(x) === Object.prototype) {
        return Object.fromEntries(
          Object.entries(x)
            .filter(([, entry]) => entry !== undefined)
            .map(([key, entry]) =>
              key.startsWith('$')
                ? refuse('JSON: a key that begins with $', path, key)
                : [key, encode(entry, `${path}.${key}`)],
            ),
        )
      }
    }
    return refuse('JSON: a value that is no plain data', path, typeof x)
  }
  return JSON.stringify(encode(value, 'value'))
}

/**
 * The value of a text that `toExactJson` wrote.
 * @throws {DataError} for a text that is no JSON, or has something else where a number should be.
 */
export const fromExactJson = (text: string): unknown => {
  const read = (x: unknown): number => {
    if (typeof x === 'number') return x
    if (typeof x === 'string' && Object.hasOwn(named, x)) return named[x] as number
    return refuse('JSON: no number', 'a list of numbers', JSON.stringify(x))
  }
  try {
    return JSON.parse(text, (_, x: unknown) => {
      if (typeof x !== 'object' || x === null || Array.isArray(x)) return x
      const [key, ...rest] = Object.keys(x)
      if (key === undefined || rest.length > 0 || !key.startsWith('$')) return x
      const content = (x as Record<string, unknown>)[key]
      if (key === '$number') return read(content)
      const Kind = Object.hasOwn(kinds, key.slice(1)) ? kinds[key.slice(1) as keyof typeof kinds] : undefined
      if (Kind === undefined || !Array.isArray(content)) {
        return refuse('JSON: an unknown mark', key, JSON.stringify(content) ?? '')
      }
      return Kind.from(content.map(read))
    })
  } catch (error) {
    if (error instanceof DataError) throw error
    throw new DataError('the text is no JSON', { received: String(error), cause: error })
  }
}
