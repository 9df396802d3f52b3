// One block of directions: all values in one batch, the derivatives at θ, and what the values say of each direction.
import { NDArray } from '../../base/ndarray.js'
import { statusCode } from '../../base/status.js'
import type { Status } from '../../base/status.js'
import { statusNames } from '../../runtime/results.js'
import { extrapolate, noiseLevel, ratio } from './differences.js'
import type { Difference } from './differences.js'
import type { Sampler, ValueSamples } from './sampling.js'
import { stoppingError } from './stoppingError.js'
import type { StoppingError } from './stoppingError.js'
import { differs } from './verdict.js'
import type { Finding } from './verdict.js'

/** The largest step length, relative to θ. */
const top = 0.05
/** Distance of the points at which noise is measured, and how many of them are on each side. */
const close = 1e-9
const closePoints = 4
/** Where the effect of stopping cannot be measured: relative errors of value and derivative, in units of the residual. */
const assumed = 10
/** What the effect of stopping is multiplied by. */
const safety = 10

/** θ itself. */
export interface Center {
  readonly value: number
  /** Codes. */
  readonly status: number
  readonly gradientStatus: number
  readonly iterations: number
}

export interface Measured {
  readonly center: Center
  /** One for each direction. */
  readonly findings: readonly Finding[]
}

/** One direction of a block. */
interface Row {
  readonly finding: Finding
  /** θ, then its own points. */
  readonly samples: ValueSamples
  /** The first rung that is used. */
  readonly first: number
}

/** Where the values of one direction stand among its samples: 0 is θ, then h and −h for each rung, then the points close by. */
const plusAt = (rung: number): number => 1 + 2 * rung
const minusAt = (rung: number): number => 2 + 2 * rung

/** Distances along a direction, but for 0, in the order of the samples; the points close by ascend. */
const distances = (ladder: readonly number[]): readonly number[] => {
  const near = Array.from({ length: closePoints }, (_, i) => (i + 1) * close)
  return [...ladder.flatMap((h) => [h, -h]), ...near.map((t) => -t).reverse(), ...near]
}

/** Points along rows of a block, as coefficients of its directions. */
const coefficients = (points: readonly (readonly [row: number, t: number])[], rows: number): NDArray => {
  const all = new NDArray([points.length, rows], new Float64Array(points.length * rows))
  points.forEach(([row, t], i) => (all.data[i * rows + row] = t))
  return all
}

const countOf = (codes: Uint8Array): Partial<Record<Status, number>> => {
  const counts: Partial<Record<Status, number>> = {}
  for (const name of statusNames(codes)) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** Samples `from` … `from` + `count` − 1 of a block, with θ itself in front. */
const ownOf = (all: ValueSamples, from: number, count: number): ValueSamples => {
  const indices = [0, ...Array.from({ length: count }, (_, i) => from + i)]
  return {
    value: Float64Array.from(indices, (i) => all.value[i] as number),
    status: Uint8Array.from(indices, (i) => all.status[i] as number),
    iterations: Int32Array.from(indices, (i) => all.iterations[i] as number),
    residual: Float64Array.from(indices, (i) => all.residual[i] as number),
    solves: all.solves,
  }
}

/**
 * The difference along one direction. It rests on rungs from which on all values are finite and have the status of θ, so that it
 * never crosses a change of status; undefined where fewer than 3 are left. `first` is the first of them.
 */
const differenceOf = (
  { value, status }: ValueSamples,
  ladder: readonly number[],
): { readonly found: Difference | undefined; readonly first: number } => {
  const usable = (i: number): boolean => status[i] === status[0] && Number.isFinite(value[i])
  const at = (i: number): number => value[i] as number
  const first = 1 + ladder.findLastIndex((_, rung) => !usable(plusAt(rung)) || !usable(minusAt(rung)))
  const from = plusAt(ladder.length)
  const near = Array.from({ length: 2 * closePoints }, (_, i) => from + i)
  if (ladder.length - first < 3 || ![0, ...near].every(usable)) return { found: undefined, first }
  const rungs = ladder
    .slice(first)
    .map((h, j) => ({ h, plus: at(plusAt(first + j)), minus: at(minusAt(first + j)) }))
  const constant = rungs.every(({ plus, minus }) => plus === at(0) && minus === at(0))
  const equidistant = [...near.slice(0, closePoints), 0, ...near.slice(closePoints)].map(at)
  const sigma = Math.max(noiseLevel(equidistant), constant ? 0 : 2 ** -53 * Math.abs(at(0)))
  return { found: extrapolate(at(0), rungs, sigma), first }
}

/** |dr/dθ| along one direction, from the residuals at the rungs on which its difference rests. */
const turnOf = ({ finding, samples, first }: Row, ladder: readonly number[]): number => {
  const [low, high] = finding.found?.rungs ?? [0, -1]
  const { residual } = samples
  const turns = ladder.map(
    (h, rung) => Math.abs((residual[plusAt(rung)] as number) - (residual[minusAt(rung)] as number)) / (2 * h),
  )
  return Math.max(0, ...turns.slice(first + low, first + high + 1))
}

/** All directions of a block, at their points. */
const sample = (sampler: Sampler, D: NDArray, ladder: readonly number[]) => {
  const rows = D.shape[0] as number
  const ts = distances(ladder)
  const points = Array.from({ length: rows }, (_, row) => ts.map((t) => [row, t] as const)).flat()
  const all = sampler.values(D, coefficients([[0, 0], ...points], rows))
  const here = sampler.derivatives(D, coefficients([[0, 0]], rows))
  const measured = Array.from(here.derivative[0] as Float64Array, (derivative, row): Row => {
    const samples = ownOf(all, 1 + row * ts.length, ts.length)
    const { found, first } = differenceOf(samples, ladder)
    const finding = { derivative, found, stopping: 0, statuses: countOf(samples.status) }
    return { finding, samples, first }
  })
  const center = {
    value: all.value[0] as number,
    status: all.status[0] as number,
    gradientStatus: here.gradientStatus[0] as number,
    iterations: all.iterations[0] as number,
  }
  return { center, measured, residual: all.residual[0] as number, solves: all.solves }
}

/** What the residual does to value and derivatives: measured along row `at` of D, or assumed. */
const effectOfStopping = (
  { values, derivatives }: Sampler,
  D: NDArray,
  at: number,
  findings: readonly Finding[],
  value: number,
): StoppingError => {
  const along = (t: readonly number[]): NDArray => {
    const points = t.map((s) => [at, s] as const)
    return coefficients(points, D.shape[0] as number)
  }
  const line = {
    values: (t: readonly number[]) => values(D, along(t)),
    derivatives: (t: readonly number[]) => derivatives(D, along(t)).derivative,
    slope: findings[at]?.found?.derivative ?? 0,
  }
  return (
    stoppingError(line) ?? {
      value: assumed * Math.max(1, Math.abs(value)),
      derivative: Float64Array.from(findings, ({ derivative }) => assumed * Math.abs(derivative)),
    }
  )
}

/**
 * Measures the derivatives along the rows of D: [rows, n]. What stopping at a tolerance does to them is measured only where
 * they differ from the derivatives given, relatively by more than `tol`.
 */
export const measure = (sampler: Sampler, D: NDArray, steps: number, tol: number): Measured => {
  const ladder = Array.from({ length: steps }, (_, rung) => top / ratio ** rung)
  const { center, measured, residual, solves } = sample(sampler, D, ladder)
  const findings = measured.map(({ finding }) => finding)
  const suspect = findings.findIndex((finding) => differs(finding, tol))
  if (suspect < 0 || !solves || center.status !== statusCode.converged) return { center, findings }
  const effect = effectOfStopping(sampler, D, suspect, findings, center.value)
  // The norm of a residual that turns may stand still: what moves along one direction is assumed of all, and at least r itself.
  const turn = Math.max(residual, ...measured.map((row) => turnOf(row, ladder)))
  return {
    center,
    findings: findings.map((finding, row) => ({
      ...finding,
      stopping: safety * (effect.value * turn + (effect.derivative[row] as number) * residual),
    })),
  }
}
