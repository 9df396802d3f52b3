// What is wrong with an axis by itself: its name, its kind, its shape, its bounds, its count, its values. Conditions are not told here.
import { closest } from '../../base/errors.js'
import { sizeOf } from '../../base/shape.js'
import type { Axis } from '../specification/specification.js'
import { isGrid } from './axes.js'

/** Something wrong in a space, or in a part of it, from which the path then begins. */
export interface SpaceFault {
  /** Where: ['axes', 'lambda', 'low']. */
  readonly path: readonly (string | number)[]
  /** 'axis "lambda": low is not below high'. */
  readonly what: string
  readonly expected: string
  readonly received: string
  readonly remedy: string
}

const kinds = ['linear', 'log', 'list', 'uniform', 'logUniform', 'normal', 'sobol'] as const
type Bounded = Extract<Axis, { readonly low: number }>

/** Whether x is an integer from 1 to `high`. */
export const isCount = (x: number, high = Number.MAX_SAFE_INTEGER): boolean =>
  Number.isInteger(x) && x >= 1 && x <= high

/** Records put names of digits first, whatever was written; and `__proto__` is no name of anything. */
const isName = (name: string): boolean => /^[\p{L}_][\p{L}\p{M}\p{N}_-]*$/u.test(name) && name !== '__proto__'

const finiteFault = (name: string, x: number): SpaceFault | undefined =>
  Number.isFinite(x)
    ? undefined
    : {
        path: [name],
        what: `${name} is not a finite number`,
        expected: 'a finite number',
        received: String(x),
        remedy: 'Give a number',
      }

const boundFaults = (axis: Bounded): (SpaceFault | undefined)[] => {
  const { kind, low, high } = axis
  const isLog = kind === 'log' || kind === 'logUniform' || (kind === 'sobol' && axis.scale === 'log')
  const bounds = Object.entries({ low, high })
  const faults = bounds.map(
    ([name, bound]) =>
      finiteFault(name, bound) ??
      (isLog && bound <= 0
        ? {
            path: [name],
            what: `${name} has no logarithm`,
            expected: 'a number above 0',
            received: String(bound),
            remedy: 'Give a positive bound, or take a linear scale',
          }
        : undefined),
  )
  if (faults.some((fault) => fault !== undefined)) return faults
  if (low >= high) {
    return [
      {
        path: ['high'],
        what: 'low is not below high',
        expected: `a number above low, ${String(low)}`,
        received: String(high),
        remedy: 'Swap the bounds; a list with one value stands still',
      },
    ]
  }
  // Formed on the way to a point: high − low, and bounds times count − 1.
  const widest = (kind === 'linear' ? axis.count : 1) * Math.max(Math.abs(low), Math.abs(high)) * 2
  if (isLog || Number.isFinite(widest)) return []
  return [
    {
      path: ['high'],
      what: 'the interval is too wide',
      expected: 'bounds well below 1.8e308',
      received: `${String(low)} and ${String(high)}`,
      remedy: 'Scale the parameter in the problem',
    },
  ]
}

const countFault = (count: number): SpaceFault | undefined =>
  isCount(count)
    ? undefined
    : {
        path: ['count'],
        what: 'count is out of range',
        expected: 'an integer from 1 to 2^53 - 1',
        received: String(count),
        remedy: 'Give the number of points',
      }

const valueFaults = (values: readonly number[]): SpaceFault[] => {
  if (values.length === 0) {
    return [
      {
        path: ['values'],
        what: 'there are no values',
        expected: 'at least one number',
        received: 'none',
        remedy: 'Give the values that the axis runs through',
      },
    ]
  }
  const seen = new Set<number>()
  return values.flatMap((value, k) => {
    const fault = { path: ['values', k], received: String(value) }
    if (!Number.isFinite(value)) {
      return [{ ...fault, what: 'a value is not finite', expected: 'finite numbers', remedy: 'Remove it' }]
    }
    if (seen.size < seen.add(value).size) return []
    const remedy = 'Remove it: `repeats` of the study is what computes a θ again'
    return [{ ...fault, what: 'a value stands twice', expected: 'different values', remedy }]
  })
}

const shapeFault = (axis: Axis): SpaceFault | undefined => {
  const { shape } = axis
  const fault = { path: ['shape'], received: `[${shape.join(', ')}]` }
  if (isGrid(axis) && shape.length > 0) {
    const remedy = 'Write an axis for each entry, or draw the array'
    return { ...fault, what: 'grids are for numbers alone', expected: '[]', remedy }
  }
  if (shape.every((d) => isCount(d)) && isCount(sizeOf(shape), 2 ** 31)) return undefined
  return {
    ...fault,
    what: 'this is no shape of a parameter',
    expected: 'positive integers, at most 2^31 entries in all',
    remedy: 'Write [] for a number, [3] for three of them',
  }
}

const normalFaults = (mean: number, deviation: number): (SpaceFault | undefined)[] => {
  const wrong = finiteFault('mean', mean)
  if (wrong !== undefined || (deviation > 0 && Number.isFinite(Math.abs(mean) + 10 * deviation)))
    return [wrong]
  return [
    {
      path: ['deviation'],
      what: 'deviation is out of range',
      expected: 'a finite number above 0',
      received: String(deviation),
      remedy: 'Take 1; a list with one value stands still',
    },
  ]
}

const kindFaults = (axis: Axis): (SpaceFault | undefined)[] => {
  switch (axis.kind) {
    case 'list':
      return valueFaults(axis.values)
    case 'linear':
    case 'log':
      return [countFault(axis.count), ...boundFaults(axis)]
    case 'uniform':
    case 'logUniform':
    case 'sobol':
      return boundFaults(axis)
    case 'normal':
      return normalFaults(axis.mean, axis.deviation)
    default: {
      const { kind } = axis as { readonly kind: unknown }
      const guess = closest(String(kind), kinds)
      return [
        {
          path: ['kind'],
          what: 'there is no such kind of axis',
          expected: `one of ${kinds.join(', ')}`,
          received: JSON.stringify(kind) ?? 'nothing',
          remedy: guess === undefined ? 'Take one of these' : `Did you mean "${guess}"?`,
        },
      ]
    }
  }
}

const nameFault = (name: string): SpaceFault | undefined =>
  isName(name)
    ? undefined
    : {
        path: [],
        what: 'this is no name of an axis',
        expected: 'letters, digits, _ and -, not beginning with a digit',
        received: JSON.stringify(name),
        remedy: 'Rename the parameter',
      }

/** Everything that is wrong with an axis, but for its condition. */
export const axisFaults = (name: string, axis: Axis): SpaceFault[] =>
  [nameFault(name), shapeFault(axis), ...kindFaults(axis)].filter((fault) => fault !== undefined)
