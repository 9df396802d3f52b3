// Axes of a figure: which interval they span, where their ticks stand, which points make a visible difference.
// Pure arithmetic; knows no drawing. Imports errors only.
import { ArgumentError, checkOptions } from '../base/errors.js'

export type ScaleKind = 'linear' | 'log'

export interface Axis {
  readonly label: string
  /** 'linear' (default) or 'log' (base 10; values ≤ 0 are left out, and the figure says how many). */
  readonly scale?: ScaleKind
  /** Ends of the axis; default: what the data spans, and a little more. */
  readonly domain?: readonly [number, number]
  /** Ticks at whole numbers only, for what is counted; default false. On linear axes. */
  readonly whole?: boolean
}

export interface Tick {
  readonly value: number
  readonly label: string
}

export type Interval = readonly [number, number]

/** Whether a value can be shown on a scale: finite, positive on a log scale, and no larger than 10³⁰⁰ on a linear one. */
export const isShown = (kind: ScaleKind, value: number): boolean =>
  kind === 'log' ? value > 0 && value < Infinity : Math.abs(value) <= 1e300

/**
 * Checks an axis that the user wrote.
 * @throws {ArgumentError} naming the axis `what`.
 */
export const checkAxis = (what: string, axis: Axis): void => {
  checkOptions(what, axis, ['label', 'scale', 'domain', 'whole'])
  const { scale = 'linear', domain, whole = false } = axis
  if (scale !== 'linear' && scale !== 'log') {
    throw new ArgumentError(`${what}: option "scale" is wrong`, {
      expected: "'linear' or 'log'",
      received: String(scale),
      remedy: 'Take one of the two',
    })
  }
  if (whole && scale === 'log') {
    throw new ArgumentError(`${what}: option "whole" is wrong`, {
      expected: 'nothing on a log axis, whose ticks are powers of ten',
      received: 'true',
      remedy: 'Leave it out, or take a linear axis',
    })
  }
  if (domain === undefined) return
  const [low, high] = domain
  if (isShown(scale, low) && isShown(scale, high) && low < high) return
  throw new ArgumentError(`${what}: option "domain" is wrong`, {
    expected: scale === 'log' ? '[low, high] with 0 < low < high' : '[low, high] with low < high',
    received: `[${domain.join(', ')}]`,
    remedy: 'Correct it, or leave it out',
  })
}

const forward = (kind: ScaleKind, value: number): number => (kind === 'log' ? Math.log10(value) : value)
const backward = (kind: ScaleKind, value: number): number => (kind === 'log' ? 10 ** value : value)

/** Where a value stands between the ends of the domain: 0 at the low end, 1 at the high end. */
export const place = (kind: ScaleKind, [low, high]: Interval, value: number): number =>
  (forward(kind, value) - forward(kind, low)) / (forward(kind, high) - forward(kind, low))

/** The interval that shows all `values` (those that can be shown), with a margin of 3 % on either side. */
export const spanOf = (kind: ScaleKind, values: Iterable<number>): Interval => {
  let low = Infinity
  let high = -Infinity
  for (const value of values) {
    if (!isShown(kind, value)) continue
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  if (low > high) return kind === 'log' ? [1, 10] : [0, 1]
  const a = forward(kind, low)
  const b = forward(kind, high)
  const spread = b - a
  const size = Math.max(Math.abs(a), Math.abs(b))
  const isFlat = spread <= Math.max(size * 1e-12, 1e-290)
  const margin = !isFlat ? spread * 0.03 : kind === 'log' ? 0.5 : size > 1e-290 ? size * 0.05 : 1
  const ends: Interval = [backward(kind, a - margin), backward(kind, b + margin)]
  // At the ends of the range the margin is given up.
  return [isShown(kind, ends[0]) ? ends[0] : low, isShown(kind, ends[1]) ? ends[1] : high]
}

/** "10⁻³" in the markup that the figure sets as a raised exponent. */
const power = (factor: number, exponent: number): string => {
  if (factor === 1) return `10^${String(exponent)}`
  return exponent === 0 ? String(factor) : `${String(factor)}·10^${String(exponent)}`
}

/** The smallest step 1, 2 or 5 · 10ᵉ with e from `least` and at most `most` ticks, as [step, e, factor]. */
const linearStep = (
  [low, high]: Interval,
  most: number,
  least: number,
): readonly [number, number, number] => {
  const start = Math.max(Math.floor(Math.log10((high - low) / most)) - 1, least)
  for (let e = start; ; e++) {
    for (const factor of [1, 2, 5]) {
      const step = factor * 10 ** e
      if (Math.floor(high / step + 1e-9) - Math.ceil(low / step - 1e-9) < most) return [step, e, factor]
    }
  }
}

/** `least`: the smallest exponent of a step. */
const linearTicks = (domain: Interval, most: number, least = -320): Tick[] => {
  const [low, high] = domain
  const [step, exponent, factor] = linearStep(domain, most, least)
  const size = Math.max(Math.abs(low), Math.abs(high))
  const common = size >= 1e5 || size < 1e-3 ? Math.floor(Math.log10(size) + 1e-9) : 0
  const decimals = Math.min(Math.max(common - exponent, 0), 20)
  const label = (value: number): string => {
    if (value === 0) return '0'
    const text = (value / 10 ** common).toFixed(decimals).replace('-', '−')
    return common === 0 ? text : `${text}·10^${String(common)}`
  }
  const ticks: Tick[] = []
  const first = Math.ceil(low / step - 1e-9)
  const count = Math.floor(high / step + 1e-9) - first + 1
  for (let i = 0; i < count; i++) {
    const k = first + i
    const isFraction = exponent < 0 && exponent > -300
    const value = isFraction ? (k * factor) / 10 ** -exponent : k * step // 3 / 10, not 3 · 0.1
    ticks.push({ value, label: label(value) })
  }
  return ticks
}

const logTicks = (domain: Interval, most: number): Tick[] => {
  const [low, high] = domain
  // Steps of equal size crowd at the high end of a log axis: take half as many.
  if (high < 10 * low) return linearTicks(domain, Math.max(2, Math.floor(most / 2)))
  const first = Math.ceil(Math.log10(low) - 1e-9)
  const last = Math.floor(Math.log10(high) + 1e-9)
  if (last - first >= 2) {
    const countOf = (k: number): number => Math.floor(last / k) - Math.ceil(first / k) + 1
    const every = [1, 2, 3, 5, 10, 20, 50, 100].find((k) => countOf(k) <= most) ?? 200
    const exponents = Array.from({ length: countOf(every) }, (_, i) => (Math.ceil(first / every) + i) * every)
    return exponents.map((e) => ({ value: 10 ** e, label: power(1, e) }))
  }
  const candidates = [[1, 2, 5], [1, 3], [1]].map((factors) =>
    [first - 1, first, first + 1]
      .flatMap((e) => factors.map((factor) => ({ value: factor * 10 ** e, label: power(factor, e) })))
      .filter(({ value }) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)),
  )
  return candidates.find(({ length }) => length >= 2 && length <= most) ?? candidates[1] ?? []
}

/**
 * About `most` ticks inside the domain: powers of ten on a log axis (with 2 and 5 between, below three decades),
 * steps of 1, 2 or 5 times a power of ten on a linear one (`whole`: none below 1). Labels write a power as "10^-3".
 */
export const ticksOf = (kind: ScaleKind, domain: Interval, most: number, whole = false): Tick[] =>
  kind === 'log' ? logTicks(domain, most) : linearTicks(domain, most, whole ? 0 : undefined)

/** Indices of the points that can be seen, and the number that this scale cannot show. */
export interface Visible {
  readonly indices: readonly number[]
  readonly hidden: number
}

/**
 * Thins a line to what a picture of `columns` pixel columns can show: of neighbours in one column the first, the last,
 * the lowest and the highest stay, so that it looks the same. A run of points that are out of sight (not finite, not
 * positive on a log axis, outside the domain) stays as one gap, and the points are counted.
 */
export const thinLine = (
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  inSight: (i: number) => boolean,
  column: (i: number) => number,
): Visible => {
  const kept: number[] = []
  let hidden = 0
  let current = NaN
  let run = [-1, -1, -1, -1] // first, lowest, highest, last of the current column
  const flush = (): void => {
    if (!Number.isNaN(current)) kept.push(...[...new Set(run)].sort((i, j) => i - j))
    current = NaN
  }
  for (let i = 0; i < x.length; i++) {
    if (!inSight(i)) {
      if (!Number.isNaN(current)) {
        flush()
        kept.push(i)
      }
      hidden++
      continue
    }
    if (column(i) !== current) {
      flush()
      current = column(i)
      run = [i, i, i, i]
    }
    const [first = i, low = i, high = i] = run
    run = [first, (y[i] ?? NaN) < (y[low] ?? NaN) ? i : low, (y[i] ?? NaN) > (y[high] ?? NaN) ? i : high, i]
  }
  flush()
  return { indices: kept, hidden }
}

/** Thins a cloud of dots to one dot a pixel. */
export const thinDots = (
  count: number,
  inSight: (i: number) => boolean,
  pixel: (i: number) => number,
): Visible => {
  const seen = new Set<number>()
  const kept: number[] = []
  let hidden = 0
  for (let i = 0; i < count; i++) {
    if (!inSight(i)) hidden++
    else if (!seen.has(pixel(i))) {
      seen.add(pixel(i))
      kept.push(i)
    }
  }
  return { indices: kept, hidden }
}
