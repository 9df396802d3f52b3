// Two runs beside each other: for each variant and column that both have the medians, their change, and an interval for it.
//   change = (median b − median a) / |median a|;   of the share of rows that failed: b − a
// Where both runs have the same θ, rows of one θ are drawn together, so that the spread over θ is no noise. Seconds are one number a
// chunk where chunks are timed as a whole: equal neighbours count once, and each run is drawn by itself. Of a bench each process is one
// number, the least of its runs: runs of one process are not independent of each other, and what disturbs them only adds.
import { toExactJson } from '../../base/exactJson.js'
import { ArgumentError } from '../../base/errors.js'
import {
  bootstrapInterval,
  hodgesLehmann,
  mannWhitney,
  median,
  shareDifference,
  type BootstrapOptions,
  type Interval,
} from '../statistics.js'
import { variantRows, type Manifest } from '../store/manifest.js'
import { convergedIn } from './best.js'
import { fieldsOf } from './fields.js'
import { positionsIn, sampledPositions } from './sampling.js'
import { numbersOf, piecesOf, type StudySource } from './source.js'
import { measuredFields } from './summary.js'

/** What a change comes to. */
export type Verdict = 'regression' | 'improvement' | 'same' | 'unclear' | 'too few' | 'not judged'

export interface ComparedColumn {
  readonly variant: string
  /** A column, or 'failed': the share of rows that did not converge. */
  readonly column: string
  /** Medians, and of how many numbers; shares of how many rows. */
  readonly a: number
  readonly b: number
  readonly countA: number
  readonly countB: number
  readonly change: number
  readonly low: number
  readonly high: number
  /** Of seconds: the shift of Hodges and Lehmann, and the p of Mann and Whitney. */
  readonly shift?: number
  readonly p?: number
  readonly verdict: Verdict
}

export interface Comparison {
  readonly names: readonly [string, string]
  readonly ids: readonly [string, string]
  readonly threshold: number
  /** Whether both have the same θ. */
  readonly paired: boolean
  readonly columns: readonly ComparedColumn[]
  /** Variants that only one of the two has. */
  readonly only: readonly [readonly string[], readonly string[]]
}

export interface CompareOptions {
  /** A change beyond it is one; default 0.05. */
  readonly threshold?: number
  /** Columns that are judged, of which less is better; by default {@link judgedColumns}. */
  readonly judge?: readonly string[]
  /** Of the intervals; default 0.95. */
  readonly level?: number
  readonly seed?: number
}

/** Columns of which less is better. */
export const judgedColumns: readonly string[] = [
  'failed',
  'seconds',
  'cpuSeconds',
  'peakBytes',
  'iterations',
  'steps',
  'value',
  'error',
]

/** Rows of a variant that are compared, numbers below which nothing is judged, and draws. */
const limits = { rows: 400, timed: 5000, least: 5, resamples: 800 }

/** Columns of times. */
const isTime = (column: string): boolean => /seconds$/i.test(column)

/** What is known of one variant: positions and numbers of converged rows. */
interface Gathered {
  readonly positions: number[]
  readonly numbers: Map<string, number[]>
  readonly times: Map<string, number[]>
  rows: number
  failed: number
}

/** Of a bench: what each process measured, the least of its runs. */
const gatherProcesses = async (source: StudySource): Promise<readonly Gathered[]> => {
  const { manifest } = source
  const columns = measuredFields(fieldsOf(manifest.columns).fields)
  const all = manifest.variants.map(() => ({
    least: columns.map(() => new Map<number, number>()),
    rows: 0,
    failed: 0,
  }))
  for await (const { block, variant, from, to, position } of piecesOf(source)) {
    const own = all[variant] as (typeof all)[number]
    const hasConverged = convergedIn(block)
    const data = columns.map((name) => numbersOf(block, name))
    for (let row = from; row < to; row++) {
      own.rows++
      if (!hasConverged(row)) {
        own.failed++
        continue
      }
      const run = Math.floor((position + row - from) / manifest.thetas)
      own.least.forEach((least, k) => {
        const x = data[k]?.[row] ?? NaN
        if (Number.isFinite(x)) least.set(run, Math.min(x, least.get(run) ?? Infinity))
      })
    }
  }
  return all.map(({ least, rows, failed }): Gathered => {
    const of = (kind: boolean): Map<string, number[]> =>
      new Map(
        columns.flatMap((name, k) =>
          isTime(name) === kind ? [[name, [...(least[k]?.values() ?? [])]]] : [],
        ),
      )
    return { positions: [], numbers: of(false), times: of(true), rows, failed }
  })
}

const gather = async (source: StudySource): Promise<readonly Gathered[]> => {
  const { manifest } = source
  if (manifest.specification.kind === 'bench') return gatherProcesses(source)
  const rows = variantRows(manifest)
  const picks = sampledPositions(rows, limits.rows, 'compare')
  const timed = sampledPositions(rows, limits.timed, 'compare')
  const columns = measuredFields(fieldsOf(manifest.columns).fields)
  const all = manifest.variants.map((): Gathered => {
    const of = (kind: boolean): Map<string, number[]> =>
      new Map(columns.filter((c) => isTime(c) === kind).map((c) => [c, []]))
    return { positions: [], numbers: of(false), times: of(true), rows: 0, failed: 0 }
  })
  for await (const { block, variant, from, to, position } of piecesOf(source)) {
    const own = all[variant] as Gathered
    const hasConverged = convergedIn(block)
    const rowsOf = (positions: Float64Array): number[] =>
      Array.from(positionsIn(positions, position, position + to - from), (p) => p - position + from).filter(
        hasConverged,
      )
    own.rows += to - from
    for (let row = from; row < to; row++) if (!hasConverged(row)) own.failed++
    for (const row of rowsOf(picks)) {
      own.positions.push(position + row - from)
      for (const [name, numbers] of own.numbers) numbers.push(numbersOf(block, name)?.[row] ?? NaN)
    }
    for (const row of rowsOf(timed)) {
      for (const [name, numbers] of own.times) {
        const time = numbersOf(block, name)?.[row] ?? NaN
        if (Number.isFinite(time) && time !== numbers.at(-1)) numbers.push(time)
      }
    }
  }
  return all
}

const relative = (a: number, b: number): number => (a === b ? 0 : (b - a) / Math.abs(a))

const verdictOf = ({ low, high }: Interval, threshold: number): Verdict => {
  if (low > threshold) return 'regression'
  if (high < -threshold) return 'improvement'
  return low >= -threshold && high <= threshold ? 'same' : 'unclear'
}

interface Pair {
  readonly a: readonly number[]
  readonly b: readonly number[]
}

/** The numbers of both at the positions that both have. */
const matched = (a: Gathered, b: Gathered, column: string): Pair => {
  const other = new Map(b.positions.map((position, i) => [position, b.numbers.get(column)?.[i] ?? NaN]))
  const pairs = a.positions.flatMap((position, i) => {
    const [x, y] = [a.numbers.get(column)?.[i] ?? NaN, other.get(position) ?? NaN]
    return Number.isFinite(x) && Number.isFinite(y) ? [[x, y] as const] : []
  })
  return { a: pairs.map(([x]) => x), b: pairs.map(([, y]) => y) }
}

const finite = (numbers: readonly number[] = []): readonly number[] => numbers.filter(Number.isFinite)

interface Asked {
  readonly threshold: number
  readonly judge: readonly string[]
  readonly level: number
  readonly seed: number
}

/** The change of medians of two samples. */
const changeOf = ([a, b]: readonly ArrayLike<number>[]): number => relative(median(a ?? []), median(b ?? []))

/** Its interval where the numbers of one place belong together. */
const pairedInterval = (a: readonly number[], b: readonly number[], how: BootstrapOptions): Interval => {
  if (a.every((x, i) => x === b[i])) return { estimate: 0, low: 0, high: 0 }
  const [x, y] = [Float64Array.from(a), Float64Array.from(b)]
  const drawn = (from: Float64Array, at: Float64Array | undefined): Float64Array =>
    (at ?? new Float64Array()).map((i) => from[i] ?? NaN)
  return bootstrapInterval(
    [Float64Array.from(a.keys())],
    ([at]) => changeOf([drawn(x, at), drawn(y, at)]),
    how,
  )
}

const compareNumbers = (
  variant: string,
  column: string,
  { a, b }: Pair,
  paired: boolean,
  asked: Asked,
): ComparedColumn[] => {
  if (a.length === 0 || b.length === 0) return []
  const { level, seed, threshold, judge } = asked
  const how = { method: 'percentile', resamples: limits.resamples, level, seed } as const
  const interval = paired ? pairedInterval(a, b, how) : bootstrapInterval([a, b], changeOf, how)
  const enough = Math.min(a.length, b.length) >= limits.least
  const verdict = !judge.includes(column) ? 'not judged' : enough ? verdictOf(interval, threshold) : 'too few'
  return [
    {
      ...{ variant, column, a: median(a), b: median(b), countA: a.length, countB: b.length },
      ...{ change: interval.estimate, low: interval.low, high: interval.high },
      ...(isTime(column) ? { shift: hodgesLehmann(a, b), p: mannWhitney(a, b).p } : {}),
      verdict,
    },
  ]
}

const compareFailures = (
  variant: string,
  a: Gathered,
  b: Gathered,
  { threshold, judge, level }: Asked,
): ComparedColumn[] => {
  if (a.rows === 0 || b.rows === 0) return []
  const interval = shareDifference([a.failed, a.rows], [b.failed, b.rows], level)
  return [
    {
      ...{
        variant,
        column: 'failed',
        a: a.failed / a.rows,
        b: b.failed / b.rows,
        countA: a.rows,
        countB: b.rows,
      },
      ...{ change: interval.estimate, low: interval.low, high: interval.high },
      verdict: judge.includes('failed') ? verdictOf(interval, threshold) : 'not judged',
    },
  ]
}

/** Whether rows of one number have the same θ in both. */
const sameThetas = (a: Manifest, b: Manifest): boolean => {
  const of = ({ specification, thetas }: Manifest): string =>
    toExactJson([specification.space, specification.seed, specification.repeats, thetas, specification.kind])
  return of(a) === of(b)
}

/**
 * Compares the variants of one name in two runs.
 * @throws {ArgumentError} where they have no variant in common
 * @throws {DataError} for rows that are not those of their manifest
 */
export const compareRuns = async (
  a: StudySource,
  b: StudySource,
  options: CompareOptions = {},
): Promise<Comparison> => {
  const { threshold = 0.05, judge = judgedColumns, level = 0.95, seed = 0 } = options
  const asked: Asked = { threshold, judge, level, seed }
  const namesOf = ({ manifest }: StudySource): readonly string[] => manifest.variants.map(({ name }) => name)
  const [namesA, namesB] = [namesOf(a), namesOf(b)]
  const common = namesA.filter((name) => namesB.includes(name))
  if (common.length === 0) {
    throw new ArgumentError('the two runs have no variant in common', {
      expected: namesA.join('; '),
      received: namesB.join('; '),
      remedy: 'Compare runs of one study, or of studies with variants of the same names',
    })
  }
  const [gatheredA, gatheredB] = [await gather(a), await gather(b)]
  const paired = sameThetas(a.manifest, b.manifest) && a.manifest.specification.kind !== 'bench'
  const columns = common.flatMap((name): ComparedColumn[] => {
    const ofA = gatheredA[namesA.indexOf(name)] as Gathered
    const ofB = gatheredB[namesB.indexOf(name)] as Gathered
    const numbers = [...ofA.numbers.keys()].filter((column) => ofB.numbers.has(column))
    const times = [...ofA.times.keys()].filter((column) => ofB.times.has(column))
    return [
      ...compareFailures(name, ofA, ofB, asked),
      ...times.flatMap((column) =>
        compareNumbers(
          name,
          column,
          { a: thinned(ofA.times.get(column)), b: thinned(ofB.times.get(column)) },
          false,
          asked,
        ),
      ),
      ...numbers.flatMap((column) => {
        const pair = paired
          ? matched(ofA, ofB, column)
          : { a: finite(ofA.numbers.get(column)), b: finite(ofB.numbers.get(column)) }
        return compareNumbers(name, column, pair, paired, asked)
      }),
    ]
  })
  const unknown = options.judge?.find((name) => !columns.some(({ column }) => column === name))
  if (unknown !== undefined) {
    throw new ArgumentError('a column that is to be judged is not in both runs', {
      expected: [...new Set(columns.map(({ column }) => column))].join(', '),
      received: unknown,
    })
  }
  return {
    names: [a.manifest.specification.name, b.manifest.specification.name],
    ids: [a.manifest.id, b.manifest.id],
    threshold,
    paired,
    columns,
    only: [namesA.filter((name) => !common.includes(name)), namesB.filter((name) => !common.includes(name))],
  }
}

const thinned = (numbers: readonly number[] = []): readonly number[] =>
  Array.from(sampledPositions(numbers.length, limits.rows, 'compare'), (i) => numbers[i] ?? NaN)

/** Whether anything that is judged has become worse. */
export const hasRegression = ({ columns }: Comparison): boolean =>
  columns.some(({ verdict }) => verdict === 'regression')
