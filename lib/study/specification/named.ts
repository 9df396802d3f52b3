// Things of the library that a study file names: strategies, optimizers, domains, schedules. One table of each kind says which
// options there are and makes the object, so that what the schema accepts and what is made of it cannot differ.
import * as z from 'zod'
import { ArgumentError, OnestepError, closest } from '../../base/errors.js'
import { choice, complete, record, word } from './choice.js'
import { shownPath } from './fault.js'
import type { Named } from './specification.js'

type Options = Readonly<Record<string, unknown>>

/** A thing with a name. */
export interface Entry<T> {
  readonly description: string
  readonly options: z.ZodType<Options>
  readonly make: (options: Options) => T
}

export type Table<T> = Readonly<Record<string, Entry<T>>>

/** What the library has against options that are right one by one. */
const refusalOf = (make: () => unknown): string | undefined => {
  try {
    make()
    return undefined
  } catch (error) {
    if (!(error instanceof OnestepError)) throw error
    const { what, expected, received } = error
    return expected === undefined ? what : `expected ${expected}; received ${received ?? 'others'}`
  }
}

/** An entry of a table: the options, and what makes the object of them. */
export const entry = <S extends z.ZodRawShape, T>(
  description: string,
  shape: S,
  make: (options: z.output<z.ZodObject<S, z.core.$strict>>) => T,
): Entry<T> => {
  const options = record(shape, 'a map of options').check(({ value, issues }) => {
    if (issues.length > 0) return
    const message = refusalOf(() => make(value))
    if (message !== undefined) issues.push({ code: 'custom', message, input: value, params: complete })
  })
  return {
    description,
    options: options,
    make: (given) => make(options.parse(given)),
  }
}

/** `name`, where no option is required, or `{ name: options }`. */
export const namedSchema = <T>(table: Table<T>, what: string, description: string): z.ZodType<Named> => {
  const names = Object.keys(table) as [string, ...string[]]
  const alone = names.filter((name) => table[name]?.options.safeParse({}).success)
  const bare = word(names)
    .meta({ enum: alone })
    .transform((name, context): Named => {
      const parsed = (table[name] as Entry<T>).options.safeParse({})
      if (parsed.success) return { name, options: {} }
      const missing = parsed.error.issues.map(({ path }) => `${shownPath(path as string[])}: …`).join(', ')
      context.issues.push({
        code: 'custom',
        message: `expected options, { ${name}: { ${missing} } }`,
        input: name,
      })
      return z.NEVER
    })
  const maps = Object.fromEntries(
    Object.entries(table).map(([name, { options, description: about }]) => [
      name,
      record({ [name]: options.describe(about) }, `a map with the options of ${name}`).transform(
        (given): Named => ({ name, options: given[name] as Options }),
      ),
    ]),
  )
  return choice(`${what}: a name, or { name: options }`, description, { string: bare, maps })
}

/** What a name and options stand for. @throws {ArgumentError} for an unknown name or wrong options. */
export const madeOf = <T>(table: Table<T>, what: string, { name, options }: Named): T => {
  const found = Object.hasOwn(table, name) ? table[name] : undefined
  if (found === undefined) {
    const near = closest(name, Object.keys(table))
    throw new ArgumentError(`unknown ${what} "${name}"`, {
      expected: `one of ${Object.keys(table).join(', ')}`,
      remedy: near === undefined ? undefined : `Did you mean "${near}"?`,
    })
  }
  const parsed = found.options.safeParse(options)
  if (parsed.success) return found.make(parsed.data)
  throw new ArgumentError(`${what} ${name}: wrong options`, {
    received: JSON.stringify(options),
    remedy: parsed.error.issues
      .map(({ path, message }) => `${shownPath(path as string[])}: ${message}`)
      .join('; '),
  })
}
