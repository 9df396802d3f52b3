// NDArray: plain data, a shape and its doubles in row-major order. It has no arithmetic: computing is done by
// compiled functions. Imports shapes, memory and errors.
import { ArgumentError, ShapeError } from './errors.js'
import { allocate } from './memory.js'
import { checkShape, formatShape, sizeOf, stridesOf } from './shape.js'
import type { Shape } from './shape.js'

/** Nested lists of numbers, as deep as the array has axes. */
export type Nested = number | readonly Nested[]

/** An ndarray of another library: data with a shape and optional strides (in elements). */
export interface ArrayLikeND {
  readonly data: ArrayLike<number>
  readonly shape: readonly number[]
  readonly stride?: readonly number[]
  readonly strides?: readonly number[]
  readonly offset?: number
}

/** Everything that `array` turns into an NDArray. */
export type ArrayInput = NDArray | Float64Array | Nested | ArrayLikeND

/** A shape and `sizeOf(shape)` doubles in row-major order. The data belong to the array: it never aliases its source. */
export class NDArray {
  readonly shape: Shape
  readonly data: Float64Array

  /**
   * Takes `data` as it is, without copying; use `array` to copy from anything else.
   * @throws {ShapeError} when the length of `data` is not the product of `shape`.
   */
  constructor(shape: Shape, data: Float64Array) {
    checkShape(shape)
    if (!(data instanceof Float64Array)) {
      throw new ArgumentError('an NDArray holds doubles', {
        expected: 'a Float64Array',
        received: describe(data),
      })
    }
    if (data.length !== sizeOf(shape)) {
      throw new ShapeError(`shape ${formatShape(shape)} does not fit the data`, {
        expected: `${String(sizeOf(shape))} numbers`,
        received: String(data.length),
      })
    }
    this.shape = Object.freeze([...shape])
    this.data = data
  }

  get size(): number {
    return this.data.length
  }

  get rank(): number {
    return this.shape.length
  }

  /** The element at an index, one number an axis. */
  at(...index: readonly number[]): number {
    const strides = stridesOf(this.shape)
    if (
      index.length !== this.rank ||
      index.some((i, k) => !Number.isInteger(i) || i < 0 || i >= (this.shape[k] as number))
    ) {
      throw new ShapeError(`index ${formatShape(index)} is outside the array`, {
        expected: `an index into shape ${formatShape(this.shape)}`,
      })
    }
    return this.data[index.reduce((at, i, k) => at + i * (strides[k] as number), 0)] as number
  }

  /** Nested lists with the same numbers. */
  toNested(): Nested {
    const build = (axis: number, offset: number): Nested => {
      if (axis === this.rank) return this.data[offset] as number
      const step = sizeOf(this.shape.slice(axis + 1))
      return Array.from({ length: this.shape[axis] as number }, (_, i) => build(axis + 1, offset + i * step))
    }
    return build(0, 0)
  }
}

const describe = (value: unknown): string => {
  if (value === null) return 'null'
  if (typeof value === 'object') return value.constructor?.name ?? 'an object'
  return typeof value === 'number' || typeof value === 'boolean'
    ? `${typeof value} ${String(value)}`
    : typeof value
}

const nestedShape = (value: Nested): Shape => {
  const shape: number[] = []
  let at: Nested | undefined = value
  while (Array.isArray(at)) {
    shape.push(at.length)
    at = (at as readonly Nested[])[0]
  }
  return shape
}

const fillNested = (value: Nested, shape: Shape, axis: number, data: Float64Array, offset: number): void => {
  if (axis === shape.length) {
    if (typeof value !== 'number') {
      throw new ArgumentError('nested lists are ragged or hold something that is not a number', {
        expected: `numbers in shape ${formatShape(shape)}`,
        received: describe(value),
        remedy: 'Give nested lists of numbers, all of one depth',
      })
    }
    data[offset] = value
    return
  }
  if (!Array.isArray(value) || value.length !== shape[axis]) {
    throw new ShapeError('nested lists are ragged', {
      expected: `${String(shape[axis])} entries along axis ${String(axis)}`,
      received: Array.isArray(value) ? String(value.length) : describe(value),
      remedy: 'Give all lists of one depth the same length',
    })
  }
  const step = sizeOf(shape.slice(axis + 1))
  ;(value as readonly Nested[]).forEach((entry, i) => {
    fillNested(entry, shape, axis + 1, data, offset + i * step)
  })
}

/** Whether x stands for one array: lists do, when the first thing in them is a number; an empty list holds no array. */
export const isArrayInput = (x: unknown): x is ArrayInput => {
  if (typeof x === 'number' || x instanceof NDArray || ArrayBuffer.isView(x)) return true
  if (Array.isArray(x)) return isNested(x[0])
  return typeof x === 'object' && x !== null && 'data' in x && 'shape' in x && Array.isArray(x.shape)
}
const isNested = (x: unknown): boolean =>
  typeof x === 'number' || (Array.isArray(x) && (x.length === 0 || isNested(x[0])))

const isArrayLikeND = (value: object): value is ArrayLikeND => 'data' in value && 'shape' in value

const fromStrided = (source: ArrayLikeND): NDArray => {
  const shape = checkShape([...source.shape])
  const strides = source.strides ?? source.stride ?? stridesOf(shape)
  const target = new NDArray(shape, allocate(sizeOf(shape)))
  const walk = (axis: number, from: number, to: number): void => {
    if (axis === shape.length) {
      const x = source.data[from]
      if (typeof x !== 'number') {
        throw new ShapeError('an ndarray points outside its data', {
          expected: `data of shape ${formatShape(shape)}`,
        })
      }
      target.data[to] = x
      return
    }
    const step = sizeOf(shape.slice(axis + 1))
    for (let i = 0; i < (shape[axis] as number); i++) {
      walk(axis + 1, from + i * (strides[axis] ?? 0), to + i * step)
    }
  }
  walk(0, source.offset ?? 0, 0)
  return target
}

/**
 * An NDArray with a copy of the given numbers, in memory that all threads share. An NDArray is returned as it is.
 * @param shape of the result; the default is the shape of the source (a Float64Array has one axis).
 * @throws {ShapeError | ArgumentError} on ragged lists, other types, or a shape that does not fit.
 */
export const array = (source: ArrayInput, shape?: Shape): NDArray => {
  if (source instanceof NDArray) return shape === undefined ? source : new NDArray(shape, source.data)
  if (source instanceof Float64Array) {
    const data = allocate(source.length)
    data.set(source)
    return new NDArray(shape ?? [source.length], data)
  }
  if (typeof source === 'number' || Array.isArray(source)) {
    const own = nestedShape(source as Nested)
    const data = allocate(sizeOf(own))
    fillNested(source as Nested, own, 0, data, 0)
    return new NDArray(shape ?? own, data)
  }
  if (typeof source === 'object' && source !== null && isArrayLikeND(source)) {
    const copy = fromStrided(source)
    return shape === undefined ? copy : new NDArray(shape, copy.data)
  }
  throw new ArgumentError('cannot make an array', {
    expected: 'a number, nested lists of numbers, a Float64Array or an ndarray',
    received: describe(source),
    remedy: ArrayBuffer.isView(source)
      ? 'Copy it with Float64Array.from first: onestep computes in float64'
      : undefined,
  })
}

/** An array filled with zeros. */
export const zeros = (shape: Shape): NDArray => new NDArray(shape, allocate(sizeOf(checkShape(shape))))

/** An array filled with one number. */
export const full = (shape: Shape, value: number): NDArray => {
  const result = zeros(shape)
  result.data.fill(value)
  return result
}

/** An array filled with ones. */
export const ones = (shape: Shape): NDArray => full(shape, 1)

/** The i-th of `count` evenly spaced numbers from `start` to `stop`; both ends are exact. */
export const linearPoint = (start: number, stop: number, count: number, i: number): number => {
  if (i === 0) return start
  return i === count - 1 ? stop : (start * (count - 1 - i) + stop * i) / (count - 1)
}

/** The i-th of `count` numbers from `start` to `stop`, evenly spaced on a logarithmic scale; both ends are exact. */
export const logPoint = (start: number, stop: number, count: number, i: number): number => {
  if (i === 0) return start
  return i === count - 1 ? stop : Math.exp(linearPoint(Math.log(start), Math.log(stop), count, i))
}

/** `count` numbers from `start` to `stop`, both included, evenly spaced. */
export const linspace = (start: number, stop: number, count: number): NDArray => {
  const result = zeros([count])
  for (let i = 0; i < count; i++) result.data[i] = linearPoint(start, stop, count, i)
  return result
}

/** `count` numbers from `start` to `stop` (both positive, both included), evenly spaced on a logarithmic scale. */
export const logspace = (start: number, stop: number, count: number): NDArray => {
  if (!(start > 0 && stop > 0)) {
    throw new ArgumentError('logspace spans positive numbers', {
      expected: 'start > 0 and stop > 0',
      received: `${String(start)} and ${String(stop)}`,
    })
  }
  const result = zeros([count])
  for (let i = 0; i < count; i++) result.data[i] = logPoint(start, stop, count, i)
  return result
}
