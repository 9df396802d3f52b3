// Spaces for tests: short ways to write axes, random spaces with conditions, and θ(i) by plain recursion over the axes as an oracle.
import fc from 'fast-check'
import { linspace, logspace } from '../../../lib/base/ndarray.js'
import { normalQuantile, stream } from '../../../lib/base/random.js'
import { sizeOf } from '../../../lib/base/shape.js'
import type { Axis, Space } from '../../../lib/study/specification/specification.js'

export const list = (...values: readonly number[]): Axis => ({ kind: 'list', values, shape: [] })
export const linear = (low: number, high: number, count: number): Axis => ({
  kind: 'linear',
  low,
  high,
  count,
  shape: [],
})
export const log = (low: number, high: number, count: number): Axis => ({
  kind: 'log',
  low,
  high,
  count,
  shape: [],
})
export const uniform = (low: number, high: number, shape: readonly number[] = []): Axis => ({
  kind: 'uniform',
  low,
  high,
  shape,
})
export const logUniform = (low: number, high: number): Axis => ({ kind: 'logUniform', low, high, shape: [] })
export const normal = (mean: number, deviation: number, shape: readonly number[] = []): Axis => ({
  kind: 'normal',
  mean,
  deviation,
  shape,
})
export const sobol = (
  low: number,
  high: number,
  scale: 'linear' | 'log' = 'linear',
  shape: readonly number[] = [],
): Axis => ({ kind: 'sobol', low, high, scale, shape })

/** The axis where `name` has one of `values`; elsewhere `otherwise`. */
export const where = (name: string, values: readonly number[], otherwise: number, axis: Axis): Axis => ({
  ...axis,
  when: { axis: name, values },
  otherwise,
})

export const space = (axes: Readonly<Record<string, Axis>>, samples = 1): Space => ({ axes, samples })

/** The numbers that a grid axis runs through; none for one that is drawn. */
export const gridValues = (axis: Axis): readonly number[] | undefined => {
  switch (axis.kind) {
    case 'list':
      return axis.values
    case 'linear':
      return [...linspace(axis.low, axis.high, axis.count).data]
    case 'log':
      return [...logspace(axis.low, axis.high, axis.count).data]
    default:
      return undefined
  }
}

/** A point of the grid; `off` are the axes, drawn ones too, that do not count there. */
interface Point {
  readonly values: Readonly<Record<string, number>>
  readonly off: ReadonlySet<string>
}

/** All points of the grid, by recursion: a branch for each value. */
export const gridPoints = ({ axes }: Space): Point[] => {
  const walk = (entries: readonly (readonly [string, Axis])[], point: Point): Point[] => {
    const [first, ...rest] = entries
    if (first === undefined) return [point]
    const [name, axis] = first
    const { values, off } = point
    const { when } = axis
    const holds =
      when === undefined || (!off.has(when.axis) && when.values.includes(values[when.axis] as number))
    const branches = gridValues(axis)
    if (!holds) {
      const otherwise = branches === undefined ? values : { ...values, [name]: axis.otherwise as number }
      return walk(rest, { values: otherwise, off: new Set([...off, name]) })
    }
    if (branches === undefined) return walk(rest, point)
    return branches.flatMap((value) => walk(rest, { values: { ...values, [name]: value }, off }))
  }
  return walk(Object.entries(axes), { values: {}, off: new Set() })
}

/** u for entry e of θ(i), but for Sobol axes, from the stream that the documentation names. */
const drawn = (name: string, axis: Axis, seed: number, repeat: number, index: number): number => {
  const u = stream(seed, `theta ${String(repeat)} ${name}`).uniform(index)
  if (axis.kind === 'normal') return axis.mean + axis.deviation * normalQuantile(u)
  if (axis.kind === 'uniform') return axis.low + u * (axis.high - axis.low)
  if (axis.kind !== 'logUniform') throw new Error(`${axis.kind} is not drawn from a stream`)
  return Math.exp(Math.log(axis.low) + u * (Math.log(axis.high) - Math.log(axis.low)))
}

/** Every θ of a small space, entries flat, without its Sobol axes. */
export const everyTheta = (space: Space, seed: number, repeat: number): Record<string, number[]>[] =>
  gridPoints(space).flatMap(({ values, off }, point) =>
    Array.from({ length: space.samples }, (_, sample) => {
      const i = point * space.samples + sample
      const row = Object.entries(space.axes).flatMap(([name, axis]): [string, number[]][] => {
        if (axis.kind === 'sobol') return []
        if (gridValues(axis) !== undefined) return [[name, [values[name] as number]]]
        const entries = sizeOf(axis.shape)
        const numbers = Array.from({ length: entries }, (_, e) =>
          off.has(name) ? (axis.otherwise as number) : drawn(name, axis, seed, repeat, i * entries + e),
        )
        return [[name, numbers]]
      })
      return Object.fromEntries(row)
    }),
  )

const names = ['beta', 'alpha', 'gamma', 'constructor', 'epsilon', 'delta', 'λ']
const count = fc.integer({ min: 1, max: 4 })
const shape = fc.constantFrom<readonly number[]>([], [1], [3], [2, 2])
const anyAxis: fc.Arbitrary<Axis> = fc.oneof(
  { weight: 3, arbitrary: count.map((n) => linear(-1, 0.7, n)) },
  { weight: 3, arbitrary: count.map((n) => log(1e-3, 7, n)) },
  {
    weight: 4,
    arbitrary: fc
      .uniqueArray(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 4 })
      .map((values) => list(...values)),
  },
  shape.map((s) => uniform(-2, 5, s)),
  fc.constant(logUniform(1e-6, 3)),
  shape.map((s) => normal(1, 2, s)),
  fc.constantFrom(sobol(0, 2), sobol(1e-2, 10, 'log', [2])),
)

/** Spaces of up to seven axes, half of those that may have a condition with one; at most 12,288 θ. */
export const anySpace: fc.Arbitrary<Space> = fc
  .array(fc.record({ axis: anyAxis, conditional: fc.boolean(), on: fc.nat(), mask: fc.nat() }), {
    maxLength: names.length,
  })
  .chain((given) =>
    fc.integer({ min: 1, max: 3 }).map((samples) => {
      const axes: Record<string, Axis> = {}
      given.forEach(({ axis, conditional, on, mask }, k) => {
        const parents = Object.entries(axes).filter(([, { kind }]) => /^(linear|log|list)$/.test(kind))
        const parent = parents[on % Math.max(1, parents.length)]
        const name = names[k] as string
        if (!conditional || parent === undefined) {
          axes[name] = axis
          return
        }
        const values = gridValues(parent[1]) as readonly number[]
        const chosen = values.filter((_, j) => (mask >> j) & 1)
        axes[name] = where(parent[0], chosen.length > 0 ? chosen : values.slice(0, 1), -k, axis)
      })
      const isDrawn = Object.values(axes).some((axis) => gridValues(axis) === undefined)
      return space(axes, isDrawn ? samples : 1)
    }),
  )
  .filter((s) => gridPoints(s).length <= 4096)
