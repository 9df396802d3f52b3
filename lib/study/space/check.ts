// What a space must fulfil before θ(i) has a meaning: axes that are right by themselves, conditions that hold somewhere, sizes that
// can be counted. Every fault names the axis, and where in the space it stands, so that a reader of study files can show the line.
import { ArgumentError, closest } from '../../base/errors.js'
import { sizeOf } from '../../base/shape.js'
import type { Axis, Condition, Space } from '../specification/specification.js'
import { gridCount, gridValue, isGrid, nearestPosition, positionsOf } from './axes.js'
import type { GridAxis } from './axes.js'
import { axisFaults, isCount } from './axisFaults.js'
import type { SpaceFault } from './axisFaults.js'
import { gridTree } from './gridTree.js'
import { sobolPoints } from './sobol.js'
import { sobolDimensions } from './sobolNumbers.js'

/** The axes from this one along conditions and back to it, or undefined. */
const circleOf = (name: string, axes: ReadonlyMap<string, Axis>): string[] | undefined => {
  const path = [name]
  const seen = new Set<string>()
  for (let at = axes.get(name)?.when?.axis; at !== undefined; at = axes.get(at)?.when?.axis) {
    if (seen.has(at)) return undefined
    path.push(at)
    if (at === name) return path
    seen.add(at)
  }
  return undefined
}

/** What is wrong with the axis that a condition names, given those that stand above. */
const parentFault = (
  name: string,
  when: Condition,
  axes: ReadonlyMap<string, Axis>,
  above: ReadonlySet<string>,
): SpaceFault | undefined => {
  const on = axes.get(when.axis)
  const fault = {
    path: ['when', 'axis'],
    expected: above.size === 0 ? 'no condition on the first axis' : `one of ${[...above].join(', ')}`,
    received: JSON.stringify(when.axis),
  }
  if (on === undefined) {
    const guess = closest(when.axis, [...axes.keys()])
    const remedy =
      guess === undefined ? 'Write that axis above, or remove the condition' : `Did you mean "${guess}"?`
    return { ...fault, what: 'the condition names no axis of the space', remedy }
  }
  if (!above.has(when.axis)) {
    const circle = circleOf(name, axes)
    if (circle !== undefined) {
      const what = `conditions go round in a circle, ${circle.join(' → ')}`
      return { ...fault, what, remedy: 'Remove one of these conditions' }
    }
    const what = 'the condition is on an axis that stands below'
    return { ...fault, what, remedy: `Write "${when.axis}" above "${name}"` }
  }
  if (isGrid(on)) return undefined
  return {
    ...fault,
    what: 'the condition is on an axis that is drawn',
    expected: 'an axis of kind linear, log or list',
    received: `"${when.axis}", of kind ${on.kind}`,
    remedy: 'Write that axis as a list',
  }
}

/** Values of a condition that the axis never has. */
const valueFaults = ({ axis: name, values }: Condition, on: GridAxis): SpaceFault[] =>
  positionsOf(on, values).flatMap((position, k) => {
    if (position >= 0) return []
    const value = values[k] as number
    return [
      {
        path: ['when', 'values', k],
        what: `"${name}" never has this value`,
        expected: `one of its ${String(gridCount(on))} values`,
        received: String(value),
        remedy: `The nearest one is ${String(gridValue(on, nearestPosition(on, value)))}`,
      },
    ]
  })

const otherwiseFaults = ({ when, otherwise }: Axis): SpaceFault[] => {
  const fault = { path: ['otherwise'], received: otherwise === undefined ? 'nothing' : String(otherwise) }
  if (when === undefined) {
    if (otherwise === undefined) return []
    const what = 'otherwise stands without a condition'
    return [{ ...fault, what, expected: 'nothing', remedy: 'Remove it, or add `when`' }]
  }
  if (otherwise !== undefined && Number.isFinite(otherwise)) return []
  const what = 'it has no value where its condition does not hold'
  const remedy = 'Give `otherwise`, the value that switches the parameter off, such as 0'
  return [{ ...fault, what, expected: 'a finite number', remedy }]
}

const conditionFaults = (
  name: string,
  axis: Axis,
  axes: ReadonlyMap<string, Axis>,
  above: ReadonlySet<string>,
  faulty: ReadonlySet<string>,
): SpaceFault[] => {
  const faults = otherwiseFaults(axis)
  const { when } = axis
  if (when === undefined) return faults
  const wrong = parentFault(name, when, axes, above)
  if (wrong !== undefined) return [...faults, wrong]
  if (when.values.length === 0) {
    const what = 'the condition never holds'
    const remedy = `Give values of "${when.axis}", or remove the axis`
    return [...faults, { path: ['when', 'values'], what, expected: 'a value', received: 'none', remedy }]
  }
  if (faulty.has(when.axis)) return faults
  return [...faults, ...valueFaults(when, axes.get(when.axis) as GridAxis)]
}

const samplesFault = ({ axes, samples }: Space): SpaceFault | undefined => {
  const fault = { path: ['samples'], received: String(samples) }
  if (!isCount(samples)) {
    const expected = 'an integer from 1 to 2^53 - 1'
    return { ...fault, what: 'space: samples is out of range', expected, remedy: 'Take 1' }
  }
  if (samples === 1 || !Object.values(axes).every(isGrid)) return undefined
  const remedy = 'Remove samples, or add an axis that is uniform, logUniform, normal or sobol'
  return { ...fault, what: 'space: there are samples, but no axis is drawn', expected: '1', remedy }
}

/** What is wrong with the size of a space that is right in everything else. */
const sizeFaults = ({ axes, samples }: Space): SpaceFault[] => {
  const size = gridTree(axes).size * samples
  const shapes = Object.values(axes).map(({ shape }) => sizeOf(shape))
  const largest = shapes.reduce((most, entries) => Math.max(most, entries), 1)
  const dimensions = Object.values(axes).reduce(
    (sum, { kind, shape }) => (kind === 'sobol' ? sum + sizeOf(shape) : sum),
    0,
  )
  const rules: readonly (readonly [boolean, string, string, number, string])[] = [
    [
      size * largest > Number.MAX_SAFE_INTEGER,
      'space: there are too many θ',
      'fewer than 2^53 numbers of an axis',
      size * largest,
      'Take fewer values of some axis, or fewer samples',
    ],
    [
      dimensions > sobolDimensions,
      'space: the Sobol sequence has too many dimensions',
      `at most ${String(sobolDimensions)} entries of all Sobol axes together`,
      dimensions,
      'Make some of these axes uniform',
    ],
    [
      dimensions > 0 && size > sobolPoints,
      'space: the Sobol sequence has too many points',
      'at most 2^32 θ',
      size,
      'Take fewer samples, or make the Sobol axes uniform',
    ],
  ]
  return rules.flatMap(([broken, what, expected, received, remedy]) =>
    broken ? [{ path: [], what, expected, received: String(received), remedy }] : [],
  )
}

/**
 * Everything that is wrong with a space, in the order in which it is written; none where it is right. Values of a condition are
 * told only where the axis that they are of is right, and sizes only where nothing else is wrong.
 */
export const spaceFaults = (space: Space): SpaceFault[] => {
  const axes = new Map(Object.entries(space.axes))
  const above = new Set<string>()
  const faulty = new Set<string>()
  const faults = [...axes].flatMap(([name, axis]): SpaceFault[] => {
    const own = axisFaults(name, axis)
    if (own.length > 0) faulty.add(name)
    const all = [...own, ...conditionFaults(name, axis, axes, above, faulty)]
    above.add(name)
    const label = `axis ${JSON.stringify(name)}: `
    return all.map(({ path, what, ...rest }) => ({
      ...rest,
      path: ['axes', name, ...path],
      what: label + what,
    }))
  })
  const samples = samplesFault(space)
  if (samples !== undefined) faults.push(samples)
  return faults.length > 0 ? faults : sizeFaults(space)
}

/**
 * Refuses a space that has no meaning.
 * @throws {ArgumentError} that tells the first fault, with its axis, and how many there are.
 */
export const checkSpace = (space: Space): void => {
  const faults = spaceFaults(space)
  const [first] = faults
  if (first === undefined) return
  const { what, expected, received, remedy } = first
  const count = faults.length === 1 ? '' : `; the first of ${String(faults.length)} faults`
  throw new ArgumentError(what + count, { expected, received, remedy })
}
