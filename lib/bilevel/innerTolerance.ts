// How exactly the inner problem is solved in each outer step (Pedregosa 2016, "Hyperparameter optimization with approximate
// gradient", section 5). Where the tolerances are summable, hypergradient descent converges.
import { ArgumentError, checkOptions } from '../base/errors.js'

/** The absolute tolerance of the inner solves in outer step k = 0, 1, … */
export type InnerTolerance = (step: number) => number

export interface ScheduleOptions {
  /** ε₀, the tolerance of the first step; default 1e-3. */
  readonly start?: number
  /** No tolerance is smaller; default 1e-12. */
  readonly floor?: number
}

export interface ExponentialOptions extends ScheduleOptions {
  /** By what the tolerance falls in each step, in (0, 1); default 0.9. */
  readonly factor?: number
}

const schedule = (
  what: string,
  options: ScheduleOptions,
  own: readonly string[],
  decay: InnerTolerance,
): InnerTolerance => {
  checkOptions(what, options, ['start', 'floor', ...own])
  const { start = 1e-3, floor = 1e-12 } = options
  if (!(floor > 0 && start >= floor && Number.isFinite(start))) {
    throw new ArgumentError(`${what}: options out of range`, {
      expected: '0 < floor ≤ start',
      received: `start ${String(start)}, floor ${String(floor)}`,
    })
  }
  return (k) => Math.max(floor, start * decay(k))
}

/** ε₀ factorᵏ */
const exponential = (options: ExponentialOptions = {}): InnerTolerance => {
  const { factor = 0.9 } = options
  if (!(factor > 0 && factor < 1)) {
    throw new ArgumentError('innerTolerance.exponential: factor', {
      expected: 'a number in (0, 1)',
      received: String(factor),
    })
  }
  return schedule('innerTolerance.exponential', options, ['factor'], (k) => factor ** k)
}

/** ε₀ / (k + 1)² */
const quadratic = (options: ScheduleOptions = {}): InnerTolerance =>
  schedule('innerTolerance.quadratic', options, [], (k) => 1 / (k + 1) ** 2)

/** ε₀ / (k + 1)³ */
const cubic = (options: ScheduleOptions = {}): InnerTolerance =>
  schedule('innerTolerance.cubic', options, [], (k) => 1 / (k + 1) ** 3)

/** Schedules of the inner tolerance, from step to step. */
export const innerTolerance = { exponential, quadratic, cubic }
