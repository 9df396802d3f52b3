// A stream of single θ-instances as a stream of batches, and back.
import { ArgumentError } from '../base/errors.js'
import { Shared } from '../base/executor.js'
import type { Certificate, Results } from '../base/executor.js'
import { allocate } from '../base/memory.js'
import { NDArray } from '../base/ndarray.js'
import { formatShape, sizeOf } from '../base/shape.js'
import { adjointMethods } from '../base/status.js'
import type { AdjointMethod, GradientStatus, Status } from '../base/status.js'
import { flatten, unflatten } from '../base/tree.js'
import { readArguments, signature } from '../runtime/arguments.js'
import type { Arguments } from '../runtime/arguments.js'
import { gradientStatusNames, statusNames } from '../runtime/results.js'
import type { Result } from '../runtime/results.js'

/** Groups of so many items; the last one may be smaller. */
export async function* groups<T>(
  items: Iterable<T> | AsyncIterable<T>,
  size: number,
): AsyncGenerator<readonly T[], void, undefined> {
  let group: T[] = []
  for await (const item of items) {
    group.push(item)
    if (group.length < size) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}

/** The arguments of instances, stacked into those of a batch; what is shared must be the same for all. */
export const stackArguments = (items: readonly (readonly unknown[])[]): readonly unknown[] => {
  const read = items.map((item) => readArguments(item))
  const [first] = read
  if (first === undefined) return []
  const form = formOf(first)
  read.forEach((args, i) => {
    if (formOf(args) === form) return
    throw new ArgumentError(`item ${String(i)} of a batch has other arguments than the first one`, {
      expected: form,
      received: formOf(args),
      remedy: 'Give all items the same structure and shapes',
    })
  })
  const leaves = first.leaves.map(({ array, shared, path }, k) => {
    const all = read.map(({ leaves: own }) => (own[k] as { array: NDArray }).array)
    if (shared) {
      if (all.every(({ data }) => data === array.data)) return new Shared(array)
      throw new ArgumentError(`${path} is marked as shared, and is another array in another item`, {
        remedy: 'Pass one NDArray to all of them, or do not mark it',
      })
    }
    const size = sizeOf(array.shape)
    const stacked = allocate(size * all.length)
    all.forEach(({ data }, i) => {
      stacked.set(data, i * size)
    })
    return new NDArray([all.length, ...array.shape], stacked)
  })
  return unflatten(first.spec, leaves) as readonly unknown[]
}

const formOf = ({ spec, leaves }: Arguments): string =>
  signature(
    spec,
    leaves.map(({ array, shared }) => (shared ? 'shared ' : '') + formatShape(array.shape)),
  )

const certificateOf = (figures: Certificate<Float64Array>, i: number): Certificate =>
  Object.fromEntries(
    Object.entries(figures).map(([name, values]: [string, Float64Array]) => [name, values[i]]),
  ) as unknown as Certificate

const isNDArray = (x: unknown): x is NDArray => x instanceof NDArray

/** The results of each instance; its arrays are parts of those of the batch. */
export function* eachInstance(results: Results): Generator<Result, void, undefined> {
  const { batch, residual, adjointResidual, products, method, certificate } = results
  const [status, gradientStatus] = [statusNames(results.status), gradientStatusNames(results.gradientStatus)]
  const { leaves, spec } = flatten(results.value, isNDArray)
  for (let i = 0; i < batch; i++) {
    const value = leaves.map(({ shape, data }) => {
      const own = shape.slice(1)
      const size = sizeOf(own)
      return own.length === 0
        ? (data[i] as number)
        : new NDArray(own, data.subarray(i * size, (i + 1) * size))
    })
    yield {
      value: unflatten(spec, value),
      status: status[i] as Status,
      gradientStatus: gradientStatus[i] as GradientStatus,
      iterations: results.iterations[i] as number,
      ...(residual === undefined ? {} : { residual: residual[i] as number }),
      ...(adjointResidual === undefined ? {} : { adjointResidual: adjointResidual[i] as number }),
      ...(method === undefined ? {} : { method: adjointMethods[method[i] as number] as AdjointMethod }),
      ...(products === undefined ? {} : { products: products[i] as number }),
      ...(certificate === undefined ? {} : { certificate: certificateOf(certificate, i) }),
      leftOut: 0,
    }
  }
}
