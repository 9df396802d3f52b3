// Options as a study file has them: a record of anything. They are read one by one, and what is wrong is told by name.
import { ArgumentError } from '../../base/errors.js'

export type Options = Readonly<Record<string, unknown>>

const refuse = (what: string, name: string, expected: string, received: unknown): never => {
  throw new ArgumentError(`${what}: option "${name}" is wrong`, {
    expected,
    received: JSON.stringify(received) ?? String(received),
  })
}

/** A finite number. */
export const readNumber = (what: string, options: Options, name: string, otherwise: number): number => {
  const value = options[name] ?? otherwise
  return typeof value === 'number' && Number.isFinite(value)
    ? value
    : refuse(what, name, 'a finite number', value)
}

/** A number above 0. */
export const positiveNumber = (what: string, options: Options, name: string, otherwise: number): number => {
  const value = readNumber(what, options, name, otherwise)
  return value > 0 ? value : refuse(what, name, 'a number above 0', value)
}

/** A whole number ≥ 1. */
export const count = (what: string, options: Options, name: string, otherwise: number): number => {
  const value = readNumber(what, options, name, otherwise)
  return Number.isInteger(value) && value >= 1 ? value : refuse(what, name, 'a whole number ≥ 1', value)
}

/** A list of numbers. */
export const numbers = (
  what: string,
  options: Options,
  name: string,
  otherwise: readonly number[],
): readonly number[] => {
  const value = options[name] ?? otherwise
  const isList = Array.isArray(value) && value.every((entry) => typeof entry === 'number')
  return isList ? value : refuse(what, name, 'a list of numbers', value)
}

/** true or false; default false. */
export const flag = (what: string, options: Options, name: string): boolean => {
  const value = options[name] ?? false
  return typeof value === 'boolean' ? value : refuse(what, name, 'true or false', value)
}

/** A text, or undefined. */
export const text = (what: string, options: Options, name: string): string | undefined => {
  const value = options[name]
  return value === undefined || typeof value === 'string' ? value : refuse(what, name, 'a text', value)
}

/** One of some words. */
export const choice = <W extends string>(
  what: string,
  options: Options,
  name: string,
  words: readonly [W, ...W[]],
): W => {
  const value = options[name] ?? words[0]
  return words.find((word) => word === value) ?? refuse(what, name, words.join(', '), value)
}

/** The options with these names, for who reads them. */
export const pick = (options: Options, names: readonly string[]): Options =>
  Object.fromEntries(Object.entries(options).filter(([name]) => names.includes(name)))
