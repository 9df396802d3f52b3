// checkGradient: the derivative that strategies and rules give, beside differences of values through the whole solve. A difference
// is a measurement with an error of its own; where that is too large to tell, the verdict says so.
import { ArgumentError, checkOptions } from '../../base/errors.js'
import { NDArray, array, isArrayInput } from '../../base/ndarray.js'
import type { ArrayInput } from '../../base/ndarray.js'
import { stream } from '../../base/random.js'
import { stridesOf } from '../../base/shape.js'
import type { GradientStatus, Status } from '../../base/status.js'
import { flatten, leafPaths } from '../../base/tree.js'
import type { Operand } from '../../ir/trace.js'
import type { Numbers } from '../../runtime/compile.js'
import { gradientStatusNames, statusNames } from '../../runtime/results.js'
import { measure } from './measure.js'
import type { Measured } from './measure.js'
import { sampler } from './sampling.js'
import type { DerivativeMode } from './sampling.js'
import { errorOf, judge, sharesOf, sizeOf } from './verdict.js'
import type { Doubt, ErrorShares, Finding, Verdict } from './verdict.js'

export interface CheckGradientOptions {
  /** Number of random directions; default 4, or as many as θ has entries, or 0 where coordinates are named. */
  readonly directions?: number
  /** Entries of θ to be checked one by one, counted through its leaves in order; 'all' of them. Default none. */
  readonly coordinates?: 'all' | readonly number[]
  /** Of the random directions; default 0. */
  readonly seed?: number
  /** The relative difference that passes as agreement; default 1e-5. */
  readonly tol?: number
  /** Number of step lengths, from 0.05 down, each a third of the one before, relative to the size of θ; default 10, from 3 to 20. */
  readonly steps?: number
  /** Whose rules are checked: those of `grad` and `vjp` ('reverse', default) or of `jvp` ('forward'). */
  readonly mode?: DerivativeMode
}

/** The derivative along one unit vector. */
export interface DirectionCheck {
  /** "random 0", or the path of an entry. */
  readonly name: string
  /** The unit vector of a random direction, over all entries of θ in the order of its leaves. */
  readonly vector?: Float64Array
  readonly derivative: number
  /** NaN where there is none. */
  readonly difference: number
  /** Of the difference, estimated from above. */
  readonly error: number
  readonly shares: ErrorShares
  /**
   * |derivative − difference| / max(|derivative|, |difference|); 0 where both are 0. A row that is small beside the others agrees where
   * its difference is accurate in their measure.
   */
  readonly relativeError: number
  readonly verdict: Verdict
  readonly doubt?: Doubt
  /** How many of the values that were computed have which status. */
  readonly statuses: Readonly<Partial<Record<Status, number>>>
}

/** What `checkGradient` found; plain data. `formatGradientCheck` makes it a table. */
export interface GradientCheck {
  /** `disagrees` if one row does, else `inconclusive` if one row is. */
  readonly verdict: Verdict
  readonly rows: readonly DirectionCheck[]
  /** At θ itself. */
  readonly value: number
  readonly status: Status
  readonly gradientStatus: GradientStatus
  readonly iterations: number
  readonly tol: number
  readonly seed: number
}

/** Directions in one batch. */
const blockSize = 16

/** A direction d: a step of length 1 along it changes θ by its own size. */
interface Direction {
  readonly name: string
  /** Made when it is needed: there may be as many as θ has entries. */
  readonly d: () => Float64Array
  readonly random: boolean
}

/** The size of each entry: its own, that of its array where it is 0, or 1. */
const sizesOf = (leaves: readonly NDArray[]): Float64Array => {
  const sizes = leaves.map(({ data }) => {
    const meanSquare = data.reduce((s, x) => s + x * x, 0) / Math.max(1, data.length)
    return data.map((x) => Math.abs(x) || Math.sqrt(meanSquare) || 1)
  })
  return concatenated(sizes)
}

const concatenated = (parts: readonly Float64Array[]): Float64Array => {
  const all = new Float64Array(parts.reduce((n, { length }) => n + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** The path of every entry: "lambda", "w[0,2]". */
const entryName = (leaves: readonly NDArray[], paths: readonly string[], entry: number): string => {
  let left = entry
  const k = leaves.findIndex(({ size }) => left < size || ((left -= size), false))
  const { shape } = leaves[k] as NDArray
  const strides = stridesOf(shape)
  const index = shape.map((n, axis) => Math.floor(left / (strides[axis] as number)) % n)
  return `${paths[k] as string}${index.length === 0 ? '' : `[${index.join()}]`}`
}

const complete = (options: CheckGradientOptions, n: number) => {
  checkOptions('checkGradient', options, ['directions', 'coordinates', 'seed', 'tol', 'steps', 'mode'])
  const { coordinates = [], seed = 0, tol = 1e-5, steps = 10, mode = 'reverse' } = options
  const refuse = (what: string, expected: string, received: unknown): never => {
    throw new ArgumentError(`checkGradient: ${what}`, { expected, received: String(received) })
  }
  const isList: boolean = Array.isArray(coordinates)
  if (coordinates !== 'all' && !isList) refuse('coordinates', "'all' or a list of entries", coordinates)
  const entries = coordinates === 'all' ? Array.from({ length: n }, (_, i) => i) : coordinates
  const { directions = entries.length > 0 ? 0 : Math.min(4, n) } = options
  if (!(Number.isInteger(directions) && directions >= 0)) refuse('directions', 'an integer ≥ 0', directions)
  if (!(Number.isInteger(steps) && steps >= 3 && steps <= 20)) {
    refuse('steps', 'an integer from 3 to 20', steps)
  }
  if (!(tol > 0 && tol < 1)) refuse('tol', 'a number between 0 and 1', tol)
  if (mode !== 'reverse' && mode !== 'forward') refuse('mode', "'reverse' or 'forward'", mode)
  const wrong = entries.find((i) => !(Number.isInteger(i) && i >= 0 && i < n))
  if (wrong !== undefined) refuse('coordinates', `integers from 0 to ${String(n - 1)}`, wrong)
  if (directions + entries.length === 0) refuse('nothing to check', 'directions or coordinates', 'neither')
  return { entries, directions, seed, tol, steps, mode }
}

/** A row for people, per unit of length: the computation has steps relative to θ. */
const describe = (
  { name, d, random }: Direction,
  finding: Finding,
  judged: { readonly verdict: Verdict; readonly doubt?: Doubt },
): DirectionCheck => {
  const direction = d()
  const length = Math.sqrt(direction.reduce((s, x) => s + x * x, 0))
  const { truncation, noise, kink, stopping } = sharesOf(finding)
  const { derivative, found, statuses } = finding
  const difference = found?.derivative ?? NaN
  const gap = Math.abs(derivative - difference)
  return {
    name,
    ...(random ? { vector: direction.map((x) => x / length) } : {}),
    derivative: derivative / length,
    difference: difference / length,
    error: errorOf(finding) / length,
    shares: {
      truncation: truncation / length,
      noise: noise / length,
      kink: kink / length,
      stopping: stopping / length,
    },
    relativeError: gap === 0 ? 0 : gap / sizeOf(finding),
    ...judged,
    statuses,
  }
}

/**
 * Compares the derivative of a traced function θ ↦ scalar, through whatever solves and rules it goes, with differences of its
 * values: along random directions, entry by entry, or both. θ is any tree of arrays. A function that returns `{ value, gradient }`
 * or `[value, gradient]` has the gradient checked that it gives.
 *
 * Each direction takes 2 · `steps` + 8 values, all directions together one batch (16 directions at a time).
 * @throws {ArgumentError} on wrong options, a θ without finite entries, a function that is not scalar.
 */
export const checkGradient = <P>(
  f: (theta: P) => unknown,
  theta: [Operand] extends [P] ? ArrayInput : Numbers<P>,
  options: CheckGradientOptions = {},
): GradientCheck => {
  if (typeof f !== 'function') {
    throw new ArgumentError('checkGradient takes a function', {
      expected: 'a traced function of θ',
      received: typeof f,
    })
  }
  const { leaves: given, spec } = flatten(theta, isArrayInput, 'theta')
  const leaves = given.map((leaf) => array(leaf))
  const flat = concatenated(leaves.map(({ data }) => data))
  if (flat.length === 0 || !flat.every(Number.isFinite)) {
    throw new ArgumentError('checkGradient: theta', {
      expected: 'at least one number, and finite ones',
      received: flat.length === 0 ? 'none' : String(flat.find((x) => !Number.isFinite(x))),
      remedy: 'Give the point at which the gradient is to be checked',
    })
  }
  const { entries, directions, seed, tol, steps, mode } = complete(options, flat.length)
  const sizes = sizesOf(leaves)
  const paths = leafPaths(spec, 'theta')
  const all: readonly Direction[] = [
    ...Array.from({ length: directions }, (_, k) => ({
      name: `random ${String(k)}`,
      d: () => {
        // ±(½ … 1): no entry is left out.
        const draws = stream(seed, `direction ${String(k)}`).uniforms(flat.length)
        return draws.map((u, i) => (Math.sign(u - 0.5) / 2 + u - 0.5) * (sizes[i] as number))
      },
      random: true,
    })),
    ...entries.map((entry) => ({
      name: entryName(leaves, paths, entry),
      d: () => flat.map((_, i) => (i === entry ? (sizes[entry] as number) : 0)),
      random: false,
    })),
  ]
  const shape = { spec, shapes: leaves.map((leaf) => leaf.shape) }
  const points = sampler(f, flat, shape, mode)
  const blocks = Array.from({ length: Math.ceil(all.length / blockSize) }, (_, k) => {
    const block = all.slice(k * blockSize, (k + 1) * blockSize)
    const D = new NDArray([block.length, flat.length], concatenated(block.map(({ d }) => d())))
    return measure(points, D, steps, tol)
  })
  const { center } = blocks[0] as Measured
  const findings = blocks.flatMap((block) => block.findings)
  const common = findings.reduce((most, finding) => Math.max(most, sizeOf(finding)), 0)
  const rows = findings.map((finding, i) =>
    describe(all[i] as Direction, finding, judge(finding, center, tol, common)),
  )
  const having = (verdict: Verdict): boolean => rows.some((row) => row.verdict === verdict)
  return {
    verdict: having('disagrees') ? 'disagrees' : having('inconclusive') ? 'inconclusive' : 'agrees',
    rows,
    value: center.value,
    status: statusNames(Uint8Array.of(center.status))[0] as Status,
    gradientStatus: gradientStatusNames(Uint8Array.of(center.gradientStatus))[0] as GradientStatus,
    iterations: center.iterations,
    tol,
    seed,
  }
}
