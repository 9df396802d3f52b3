// Values given beside a study file, `-s key=value`: a path into the file as it is written, and a value in YAML.
//   seed=3    tolerances=[1e-6, 1e-9]    space.lambda.count=50    strategies[0].truncated.steps=3    problem.options.tune=penalties
// Where the file has a short form, `data: digits`, a path into it makes it a long one, `data: { digits: {} }`. null takes a key away.
import { quoted } from './fault.js'
import type { Path } from './fault.js'
import { hostileKeys, readText } from './sourceText.js'

/** One of them. */
export interface Override {
  readonly text: string
  readonly path: Path
}

/** What is wrong with an override itself. */
export interface OverrideFlaw {
  readonly override: string
  readonly message: string
}

export interface Overridden {
  readonly data: unknown
  readonly overrides: readonly Override[]
  readonly flaws: readonly OverrideFlaw[]
}

type Container = Record<string, unknown> | unknown[]

const isContainer = (value: unknown): value is Container => typeof value === 'object' && value !== null

/** 'strategies[0].truncated.steps' → ['strategies', 0, 'truncated', 'steps']; undefined where it is no path. */
const pathOf = (text: string): (string | number)[] | undefined => {
  const path: (string | number)[] = []
  for (const part of text.split('.')) {
    const [, key, indices] = /^([^.[\]\s]+)((?:\[\d{1,9}\])*)$/.exec(part) ?? []
    if (key === undefined || hostileKeys.includes(key)) return undefined
    path.push(key, ...[...(indices as string).matchAll(/\d+/g)].map(([index]) => Number(index)))
  }
  return path
}

/** The long form of what stands at a path, into which a key leads; undefined where there is none. */
const longForm = (value: unknown, path: Path, key: string | number): Container | undefined => {
  if (isContainer(value) && !(Array.isArray(value) && typeof key === 'string' && !/^\d+$/.test(key)))
    return value
  if (value === undefined || value === null) return typeof key === 'string' ? {} : undefined
  const [first, second] = path
  if (first === 'space' && path.length === 2) return { values: value }
  if (typeof value !== 'string') return undefined
  if (first === 'problem' && second === undefined)
    return key === 'module' ? { module: value } : shortProblem(value)
  return key === value ? { [value]: {} } : undefined
}

const shortProblem = (value: string): Container =>
  /[/\\.]/.test(value) ? { module: value } : { standard: value }

/** Puts a value where a path leads. @returns what is wrong with the path, if anything. */
const put = (root: Container, path: Path, value: unknown): string | undefined => {
  let at = root
  for (const [i, part] of path.entries()) {
    const key = Array.isArray(at) && typeof part === 'string' && /^\d+$/.test(part) ? Number(part) : part
    if (Array.isArray(at) && (typeof key !== 'number' || key >= at.length)) {
      return `expected an index below ${String(at.length)}; received ${quoted(String(part))}`
    }
    if (!Array.isArray(at) && typeof key === 'number') return 'expected a key: this is no list'
    const within = at as Record<string | number, unknown>
    const next = path[i + 1]
    if (next === undefined) {
      if (value === null && !Array.isArray(at)) Reflect.deleteProperty(within, key)
      else within[key] = value
      return undefined
    }
    const inner = longForm(Object.hasOwn(within, key) ? within[key] : undefined, path.slice(0, i + 1), next)
    if (inner === undefined) return `nothing leads to ${quoted(String(next))} from here`
    within[key] = inner
    at = inner
  }
  return undefined
}

/** The data of a study file with these values in it, in their order. The data that is given stays as it is. */
export const override = (given: unknown, texts: readonly string[]): Overridden => {
  const data: unknown = structuredClone(given)
  const overrides: Override[] = []
  const flaws: OverrideFlaw[] = []
  for (const text of texts) {
    const refuse = (message: string): unknown => flaws.push({ override: text, message })
    const sign = text.indexOf('=')
    const path = sign < 1 ? undefined : pathOf(text.slice(0, sign).trim())
    if (path === undefined) {
      refuse('expected key=value, such as seed=3 or space.lambda.count=50')
      continue
    }
    const written = text.slice(sign + 1)
    if (written.trim() === '') {
      refuse('expected a value after "="; null takes the key away')
      continue
    }
    const { data: value, flaws: wrong } = readText(written, 'yaml')
    for (const { message } of wrong) refuse(message)
    if (wrong.length > 0 || !isContainer(data)) continue
    const message = put(data, path, value)
    if (message === undefined) overrides.push({ text, path })
    else refuse(message)
  }
  return { data, overrides, flaws }
}
