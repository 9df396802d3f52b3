// From what is written to the specification of a study: every default said, and everything wrong told at once. The schema judges each
// part by itself; here is what needs several of them. Parts that are wrong by themselves do not hide what is wrong with others.
import type * as z from 'zod'
import { dataOptions } from '../problem/data.js'
import { standardProblems } from '../problem/standardProblems.js'
import { spaceFaults, thetaCount } from '../space/space.js'
import type { SpaceFault } from '../space/space.js'
import { axisSchema, parameterName } from './axis.js'
import { namesIn, oneOf } from './choice.js'
import { guess, quoted, shown } from './fault.js'
import type { Flaw, Path } from './fault.js'
import { shape, studySchema } from './schema.js'
import type { WrittenStudy } from './schema.js'
import type {
  Axis,
  DataSpecification,
  ProblemSpecification,
  Space,
  StudySpecification,
} from './specification.js'

type Parts = Partial<WrittenStudy>
type Raw = Readonly<Record<string, unknown>>

const isRaw = (value: unknown): value is Raw =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const unknownKey = (path: Path, key: string, names: readonly string[]): Flaw => ({
  path: [...path, key],
  message: `unknown key; ${guess(key, names) ?? oneOf(names)}`,
  atKey: true,
})

/** What the schema says, in our words. */
const flawsOf = (issue: z.core.$ZodIssue): Flaw[] => {
  const path = issue.path as (string | number)[]
  const { message, input } = issue
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => unknownKey(path, key, namesIn(message)))
  if (issue.code === 'invalid_key') {
    const key = String(path.at(-1))
    return [{ path, message: `${issue.issues[0]?.message ?? message}; received ${quoted(key)}`, atKey: true }]
  }
  if (issue.code === 'custom' && issue.params?.complete === true) return [{ path, message }]
  if (input === undefined) return [{ path, message: `missing; ${message}` }]
  const near = typeof input === 'string' ? guess(input, namesIn(message)) : undefined
  return [{ path, message: `${message}; received ${shown(input)}${near === undefined ? '' : `; ${near}`}` }]
}

/** The parts that are right by themselves. */
const rightParts = (data: unknown): Parts => {
  if (!isRaw(data)) return {}
  const parsed = Object.entries(shape).flatMap(([key, schema]): [string, unknown][] => {
    const result = (schema as z.ZodType).safeParse(data[key])
    return result.success && result.data !== undefined ? [[key, result.data]] : []
  })
  const axes = isRaw(data.space) ? rightAxes(data.space) : {}
  return { ...Object.fromEntries(parsed), ...(isRaw(data.space) ? { space: axes } : {}) }
}

const rightAxes = (space: Raw): Record<string, Axis> =>
  Object.fromEntries(
    Object.entries(space).flatMap(([name, written]): [string, Axis][] => {
      const { success, data } = axisSchema.safeParse(written)
      if (!parameterName.safeParse(name).success) return []
      return success ? [[name, data]] : []
    }),
  )

/** Which parts go with which kind. */
const kindFlaws = ({ kind = 'map' }: Parts, raw: Raw): Flaw[] =>
  (['descent', 'bench'] as const).flatMap((part): Flaw[] => {
    const has = Object.hasOwn(raw, part)
    if (kind === part) {
      const message = `${part} needs a part of this name, such as ${part}: ${part === 'bench' ? '{ sizes: [10, 100] }' : '{ optimizer: lbfgs }'}`
      return has ? [] : [{ path: ['kind'], message }]
    }
    const message = `the kind is ${kind}, to which this means nothing`
    return has ? [{ path: [part], message, atKey: true }] : []
  })

const problemFlaws = ({ problem, data, solvers }: Parts, raw: Raw): Flaw[] => {
  if (problem === undefined) return []
  if (problem.kind === 'module') {
    const message = 'a problem module has its own data; hand them to it by its options'
    return data === undefined ? [] : [{ path: ['data'], message, atKey: true }]
  }
  const flaws: Flaw[] = []
  const entry = standardProblems[problem.name]
  if (entry === undefined) return []
  if (problem.data !== undefined && data !== undefined) {
    flaws.push({ path: ['data'], message: 'the problem has data, too; leave one of them out', atKey: true })
  }
  const given = problem.data ?? data
  const kind = given?.kind ?? entry.data[0]
  if (given !== undefined && !entry.data.includes(given.kind)) {
    const wanted = entry.data.length === 0 ? 'no data' : entry.data.join(' or ')
    const path = problem.data === undefined ? ['data'] : ['problem', 'data']
    flaws.push({
      path,
      message: `expected ${wanted} for the problem ${problem.name}; received ${given.kind}`,
    })
  }
  const known = [
    ...Object.keys(entry.options),
    ...(kind === undefined ? [] : Object.keys(dataOptions[kind])),
    'size',
  ]
  for (const key of Object.keys(problem.options)) {
    if (!known.includes(key)) flaws.push(unknownKey(['problem', 'options'], key, known))
  }
  const names = ['default', ...entry.solvers]
  solvers?.forEach(({ name }, i) => {
    if (names.includes(name)) return
    const near = guess(name, names)
    const path = Array.isArray(raw.solvers) ? ['solvers', i] : ['solvers']
    flaws.push({
      path,
      message: `${oneOf(names)}; received ${quoted(name)}${near === undefined ? '' : `; ${near}`}`,
    })
  })
  return flaws
}

/** Where something of an axis is written. */
const writtenPath = ([first, ...rest]: Path, { axes }: Space): Path => {
  if (first !== 'axes') return first === undefined ? ['space'] : [first, ...rest]
  const [name, field, ...inner] = rest
  if (name === undefined) return ['space']
  const axis = axes[name]
  const base = ['space', name]
  if (field === undefined || axis === undefined) return base
  if (field === 'when') return [...base, 'when', ...(axis.when === undefined ? [] : [axis.when.axis])]
  if (field === 'low' || field === 'high') return [...base, axis.kind]
  return [...base, field, ...inner]
}

const lowered = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

const spaceFlaws = ({ space: axes, samples = 1, kind = 'map' }: Parts, raw: Raw): Flaw[] => {
  const written = isRaw(raw.space) ? Object.keys(raw.space) : []
  if (axes === undefined || written.length === 0) {
    const message =
      'missing; expected a map of parameters to how they run, such as lambda: { log: [1e-4, 1e2], count: 100 }'
    const needed = kind !== 'bench' && (raw.space === undefined || isRaw(raw.space))
    return needed ? [{ path: ['space'], message }] : []
  }
  const space: Space = { axes, samples }
  const broken = written.filter((name) => !Object.hasOwn(axes, name))
  const hidden = ({ path }: SpaceFault): boolean =>
    broken.length > 0 &&
    (path[0] !== 'axes' || broken.includes(axes[String(path[1])]?.when?.axis ?? '') || path.length < 2)
  return spaceFaults(space)
    .filter((fault) => !hidden(fault))
    .map(({ path, what, expected, received, remedy }) => ({
      path: writtenPath(path, space),
      message: `${what.replace(/^(axis "[^"]*"|space): /, '')}; expected ${expected}; received ${received}; ${lowered(remedy)}`,
    }))
}

const rowFlaws = (specification: StudySpecification): Flaw[] => {
  const { space, strategies, solvers, tolerances, repeats, bench } = specification
  const cells = bench === undefined ? 1 : bench.sizes.length * bench.threads.length
  const sizes = [strategies.length, solvers.length, tolerances.length, repeats, cells]
  const product = sizes.reduce((a, b) => a * b, thetaCount(space))
  if (product <= Number.MAX_SAFE_INTEGER) return []
  return [
    { path: ['repeats'], message: `expected at most 2^53 rows in all; received ${product.toExponential(2)}` },
  ]
}

/** The data of a standard problem, said even where the file does not. */
const dataOf = (
  name: string,
  given: DataSpecification | undefined,
): { readonly data?: DataSpecification } => {
  if (given !== undefined) return { data: given }
  const { data: [first] = [], samples = 0, features = 0 } = standardProblems[name] ?? {}
  return first === 'synthetic' ? { data: { kind: first, samples, features, seed: 0 } } : {}
}

const problemOf = ({ problem, data }: WrittenStudy): ProblemSpecification =>
  problem.kind === 'module' ? problem : { ...problem, ...dataOf(problem.name, problem.data ?? data) }

const specificationOf = (written: WrittenStudy): StudySpecification => {
  const { name, description, kind, space = {}, samples = 1, strategies } = written
  const {
    solvers,
    tolerances,
    maxSteps,
    record,
    metrics,
    repeats,
    seed,
    descent,
    bench,
    chunk = {},
  } = written
  return {
    version: 1,
    name,
    ...(description === undefined ? {} : { description }),
    ...{ kind, problem: problemOf(written), space: { axes: space, samples } },
    ...{ strategies, solvers, tolerances },
    ...(maxSteps === undefined ? {} : { maxSteps }),
    record,
    ...(metrics === undefined ? {} : { metrics }),
    ...{ repeats, seed },
    ...(descent === undefined ? {} : { descent }),
    ...(bench === undefined ? {} : { bench }),
    chunk,
  }
}

/** The specification that data mean, or everything that is wrong with them. */
export const resolveStudy = (
  data: unknown,
): { readonly specification?: StudySpecification; readonly flaws: readonly Flaw[] } => {
  const parsed = studySchema.safeParse(data, { reportInput: true })
  const raw = isRaw(data) ? data : {}
  const parts = parsed.success ? parsed.data : rightParts(data)
  const flaws = [
    ...(parsed.success ? [] : parsed.error.issues.flatMap(flawsOf)),
    ...(isRaw(data)
      ? [...kindFlaws(parts, raw), ...problemFlaws(parts, raw), ...spaceFlaws(parts, raw)]
      : []),
  ]
  if (!parsed.success || flaws.length > 0) return { flaws }
  const specification = specificationOf(parsed.data)
  const late = rowFlaws(specification)
  return late.length > 0 ? { flaws: late } : { specification, flaws: [] }
}
