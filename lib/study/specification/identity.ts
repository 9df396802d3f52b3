// Whether two specifications mean the same rows, and where they differ. The description is for people and counts for nothing; the order
// of the parameters counts, since the grid runs through them in that order.
import { createHash } from 'node:crypto'
import { stringify } from 'yaml'
import { shownPath } from './fault.js'
import type { Path } from './fault.js'
import { written } from './print.js'
import type { StudySpecification } from './specification.js'

/** Text that is the same for the same data: keys in order, every number with all its bits. */
const canonical = (value: unknown): string => {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, entry]) => entry !== undefined)
    const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${sorted.map(([key, entry]) => `${JSON.stringify(key)}:${canonical(entry)}`).join(',')}}`
  }
  return JSON.stringify(value)
}

/** SHA-256 of what a specification means, in hexadecimal digits. */
export const studyIdentity = ({ description: _, space, ...rest }: StudySpecification): string =>
  createHash('sha256')
    .update(canonical({ ...rest, space: { ...space, axes: Object.entries(space.axes) } }))
    .digest('hex')

const most = 100
const short = (value: unknown): string => {
  if (value === undefined) return 'nothing'
  const text = stringify(value, {
    collectionStyle: 'flow',
    lineWidth: 0,
    aliasDuplicateObjects: false,
  }).trim()
  return text.length > most ? `${text.slice(0, most)}…` : text
}

type Written = Readonly<Record<string, unknown>>
const isRecord = (value: unknown): value is Written =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const compare = (was: unknown, is: unknown, path: Path): string[] => {
  if (canonical(was) === canonical(is)) return []
  if (isRecord(was) && isRecord(is)) {
    return [...new Set([...Object.keys(was), ...Object.keys(is)])].flatMap((key) =>
      compare(was[key], is[key], [...path, key]),
    )
  }
  if (Array.isArray(was) && Array.isArray(is) && was.length === is.length) {
    return was.flatMap((entry, i) => compare(entry, is[i], [...path, i]))
  }
  return [`${shownPath(path)}: ${short(was)} → ${short(is)}`]
}

/** Where two specifications differ, a line for each place as a study file writes it: 'space.lambda.count: 100 → 50'. */
export const differences = (was: StudySpecification, is: StudySpecification): string[] => {
  const [before, after] = [was, is].map((specification) => ({
    ...written(specification),
    description: undefined,
  }))
  const found = compare(before, after, [])
  const [first, second] = [was, is].map(({ space }) => Object.keys(space.axes).join(', ')) as [string, string]
  const same = [...first.split(', ')].sort().join() === [...second.split(', ')].sort().join()
  return first !== second && same ? [...found, `space: in the order ${first} → ${second}`] : found
}
