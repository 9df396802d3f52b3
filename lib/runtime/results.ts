// What a program wrote, as the user sees it: trees of arrays, and facts about each instance.
import type { Certificate, Results } from '../base/executor.js'
import { allocate } from '../base/memory.js'
import { NDArray } from '../base/ndarray.js'
import type { Shape } from '../base/shape.js'
import { adjointMethods, gradientStatusCode, gradientStatuses, statusCode, statuses } from '../base/status.js'
import type { AdjointMethod, GradientStatus, Status } from '../base/status.js'
import { unflatten } from '../base/tree.js'
import type { Tree, TreeSpec } from '../base/tree.js'
import { certificateKinds } from '../ir/graph.js'
import type { CertificateKind, ReportKind } from '../ir/graph.js'
import type { Program } from '../program/lower.js'
import { sumOutputs } from './summation.js'
import type { Summation } from './summation.js'

/** What one instance computed. A function without solves always converges, in 0 steps; residuals are there only if it reports them. */
export interface Result<V = Tree<number | NDArray>> {
  /** The tree that the function returned: numbers for scalars, else NDArrays. */
  readonly value: V
  readonly status: Status
  readonly gradientStatus: GradientStatus
  readonly iterations: number
  readonly residual?: number
  readonly adjointResidual?: number
  /** Products with ∂ₓF that the strategy auto, or a certificate, made; 0 with a factor of the solver's own. */
  readonly products?: number
  /** How they solved the adjoint equation. */
  readonly method?: AdjointMethod
  /** Where a solve was asked for one. */
  readonly certificate?: Certificate
  /** 1 where the summed outputs leave the instance out, else 0. */
  readonly leftOut: number
}

/** The names of status codes. */
export const statusNames = (codes: Uint8Array): Status[] => [...codes].map((code) => statusOf(code))
/** The names of gradient status codes. */
export const gradientStatusNames = (codes: Uint8Array): GradientStatus[] =>
  [...codes].map((code) => gradientStatusOf(code))

/** A NaN or another number that is no code must not read as code 0, which means that all is well. */
const validCode = (x: number, table: readonly object[], otherwise: number): number =>
  Number.isInteger(x) && x >= 0 && x < table.length ? x : otherwise

const statusCodeOf = (x: number): number => validCode(x, statuses, statusCode.nonFinite)
const gradientStatusCodeOf = (x: number): number =>
  validCode(x, gradientStatuses, gradientStatusCode.undefined)
const statusOf = (x: number): Status => (statuses[statusCodeOf(x)] as (typeof statuses)[number]).name
const gradientStatusOf = (x: number): GradientStatus =>
  (gradientStatuses[gradientStatusCodeOf(x)] as (typeof gradientStatuses)[number]).name

/** `Uint8Array.from(data, codeOf)`, which takes thirty times as long. */
const codesOf = (data: Float64Array, codeOf: (x: number) => number): Uint8Array => {
  const codes = new Uint8Array(data.length)
  for (let i = 0; i < data.length; i++) codes[i] = codeOf(data[i] as number)
  return codes
}

/** What the outputs of a program mean. */
export interface Meaning {
  readonly spec: TreeSpec
  /** Shapes of one instance, without the reports. */
  readonly shapes: readonly Shape[]
  /** For each of them how it is summed over a batch, or undefined where each instance has its own. */
  readonly sums: readonly (Summation | undefined)[]
  readonly reports: readonly ReportKind[]
}

const methodOf = (code: number): AdjointMethod => adjointMethods[code] ?? 'gmres'

const isCertificate = (kind: ReportKind): kind is CertificateKind =>
  (certificateKinds as readonly ReportKind[]).includes(kind)

/** The certificate among the reports, where there is one; a residual that nothing reports is not known. */
const certificateFrom = <T>(
  reports: readonly ReportKind[],
  of: (k: number) => T,
  { residual, rigorous }: { readonly residual: T; readonly rigorous: (bound: T) => unknown },
): { readonly certificate?: Certificate<T> } => {
  const figures = reports.flatMap((kind, k) => (isCertificate(kind) ? [[kind, of(k)] as const] : []))
  if (figures.length === 0) return {}
  const known = Object.fromEntries(figures) as Record<CertificateKind, T>
  return { certificate: { ...known, residual, rigorous: rigorous(known.bound) } as Certificate<T> }
}

/** The result of one instance from the outputs of a program, which it takes over. */
export const singleResult = (meaning: Meaning, outputs: readonly Float64Array[]): Result => {
  const { spec, shapes, reports } = meaning
  const result: { -readonly [K in keyof Result]: Result[K] } = {
    value: 0,
    status: 'converged',
    gradientStatus: 'ok',
    iterations: 0,
    leftOut: 0,
  }
  reports.forEach((kind, k) => {
    const x = (outputs[shapes.length + k] as Float64Array)[0] as number
    if (kind === 'status') result.status = statusOf(x)
    else if (kind === 'gradientStatus') result.gradientStatus = gradientStatusOf(x)
    else if (kind === 'method') result.method = methodOf(x)
    else if (!isCertificate(kind)) result[kind] = x
  })
  Object.assign(
    result,
    certificateFrom(reports, (k) => (outputs[shapes.length + k] as Float64Array)[0] as number, {
      residual: result.residual ?? NaN,
      rigorous: Number.isFinite,
    }),
  )
  const good = (): boolean => result.status === 'converged' && result.gradientStatus === 'ok'
  const summed = sumOutputs(meaning, outputs, 1, good)
  const leaves = shapes.map((shape, i) => {
    const data = summed.outputs[i] as Float64Array
    return shape.length === 0 ? (data[0] as number) : new NDArray(shape, data)
  })
  result.value = unflatten(spec, leaves)
  result.leftOut = summed.leftOut
  return result
}

/** The outputs of a program with one entry for each instance: what is uniform once for each, the others as they are. */
export const forEachInstance = (
  { outputs: ports }: Program,
  outputs: readonly Float64Array[],
  batch: number,
): Float64Array[] =>
  outputs.map((data, k) => {
    if (batch === 1 || ports[k]?.uniform !== true) return data
    const repeated = allocate(data.length * batch)
    for (let i = 0; i < batch; i++) repeated.set(data, i * data.length)
    return repeated
  })

/**
 * The results of a batch from the outputs of a program, which they take over.
 * @param ended of each instance, when not all have: the status of those that have not, else `undefined`
 */
export const batchResults = (
  meaning: Meaning,
  outputs: readonly Float64Array[],
  batch: number,
  ended?: readonly (Status | undefined)[],
): Results => {
  const { spec, shapes, sums, reports } = meaning
  ended?.forEach((status, i) => {
    if (status === undefined) return
    for (const data of outputs) {
      const size = data.length / batch
      data.fill(NaN, i * size, (i + 1) * size)
    }
  })
  const results: { -readonly [K in keyof Results]: Results[K] } = {
    value: [],
    batch,
    status: new Uint8Array(batch),
    gradientStatus: new Uint8Array(batch),
    iterations: new Int32Array(batch),
    leftOut: 0,
  }
  reports.forEach((kind, k) => {
    const data = outputs[shapes.length + k] as Float64Array
    if (kind === 'status') results.status = codesOf(data, statusCodeOf)
    else if (kind === 'gradientStatus') results.gradientStatus = codesOf(data, gradientStatusCodeOf)
    else if (kind === 'iterations') results.iterations = Int32Array.from(data)
    else if (kind === 'method') results.method = Uint8Array.from(data)
    else if (!isCertificate(kind)) results[kind] = data
  })
  Object.assign(
    results,
    certificateFrom(reports, (k) => outputs[shapes.length + k] as Float64Array, {
      residual: results.residual ?? new Float64Array(batch).fill(NaN),
      rigorous: (bound) => Array.from(bound, Number.isFinite),
    }),
  )
  const { status, gradientStatus } = results
  ended?.forEach((name, i) => {
    if (name === undefined) return
    status[i] = statusCode[name]
    gradientStatus[i] = gradientStatusCode.skipped
  })
  const good = (i: number): boolean =>
    status[i] === statusCode.converged && gradientStatus[i] === gradientStatusCode.ok
  const summed = sumOutputs(meaning, outputs, batch, good)
  const leaves = shapes.map((shape, i) => {
    const own = sums[i] === undefined ? [batch, ...shape] : shape
    return new NDArray(own, summed.outputs[i] as Float64Array)
  })
  results.value = unflatten(spec, leaves)
  results.leftOut = summed.leftOut
  return results
}
