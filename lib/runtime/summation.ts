// Sums over the instances of a batch, in an order that their numbers alone fix:
//
//     s = tree(b₀, b₁, …),   bₖ = ((x₆₄ₖ + x₆₄ₖ₊₁) + …) + x₆₄ₖ₊₆₃,
//
// where an instance that failed is left out, and the tree adds neighbours, level by level; an odd one at the end of a level
// goes up as it is. So the bits of a sum depend on the batch alone: not on threads, lanes or the order of work.
import { sizeOf } from '../base/shape.js'
import type { Shape } from '../base/shape.js'

/** How an output is summed. */
export interface Summation {
  /** Whether one instance that failed makes the sum NaN. */
  readonly strict: boolean
}

/** Outputs of which some are sums, and how many instances those leave out. */
export interface Sums {
  readonly outputs: readonly Float64Array[]
  readonly leftOut: number
}

/** Instances that are added one after another. */
const blockSize = 64

/**
 * The outputs, [batch, …shape] each, with sums in the place of those that `sums` names. All sums leave out the same
 * instances: those that are not `good`, and those with a number among the summed outputs that is not finite.
 */
export const sumOutputs = (
  { shapes, sums }: { readonly shapes: readonly Shape[]; readonly sums: readonly (Summation | undefined)[] },
  outputs: readonly Float64Array[],
  batch: number,
  good: (instance: number) => boolean,
): Sums => {
  if (sums.every((sum) => sum === undefined)) return { outputs, leftOut: 0 }
  const kept = Uint8Array.from({ length: batch }, (_, i) => (good(i) ? 1 : 0))
  const sizes = shapes.map(sizeOf)
  outputs.forEach((x, k) => {
    if (sums[k] !== undefined) dropNonFinite(x, sizes[k] as number, kept)
  })
  const leftOut = batch - kept.reduce((count, flag) => count + flag, 0)
  const summedOutputs = outputs.map((x, k) => {
    const sum = sums[k]
    if (sum === undefined) return x
    const total = sumInstances(x, sizes[k] as number, kept)
    return sum.strict && leftOut > 0 ? total.fill(NaN) : total
  })
  return { outputs: summedOutputs, leftOut }
}

const dropNonFinite = (x: Float64Array, size: number, kept: Uint8Array): void => {
  for (let i = 0; i < kept.length; i++) {
    for (let e = i * size; e < (i + 1) * size; e++) if (!Number.isFinite(x[e])) kept[i] = 0
  }
}

/** Σᵢ xᵢ over the instances that are kept. */
const sumInstances = (x: Float64Array, size: number, kept: Uint8Array): Float64Array => {
  if (!kept.includes(1)) return new Float64Array(size)
  const count = Math.ceil(kept.length / blockSize)
  // −0 + x is x for every x, but 0 + x is not: it makes 0 of −0.
  const blocks = new Float64Array(count * size).fill(-0)
  const add = (to: number, from: Float64Array, at: number): void => {
    for (let e = 0; e < size; e++) (blocks[to + e] as number) += from[at + e] as number
  }
  for (let i = 0; i < kept.length; i++) {
    if (kept[i] === 1) add(Math.floor(i / blockSize) * size, x, i * size)
  }
  for (let stride = 1; stride < count; stride *= 2) {
    for (let k = 0; k + stride < count; k += 2 * stride) add(k * size, blocks, (k + stride) * size)
  }
  return blocks.slice(0, size)
}
