// What an operation costs: floating-point operations, and nanoseconds on one core as far as shapes tell.
//
// Times per element were measured on an AVX-512 core with blocks in L1; they need only be right to a factor of two,
// since they decide what to hoist and how many lanes a tile has, never a result.
import { sizeOf } from '../base/shape.js'
import type { Shape } from '../base/shape.js'

/** Nanoseconds an element of elementwise kernels; those that are not named take `plainElement`. */
const elementTimes: Readonly<Record<string, number>> = {
  div: 0.25,
  reciprocal: 0.25,
  sqrt: 0.3,
  exp: 1,
  expm1: 1.3,
  log: 0.75,
  log1p: 1,
  sin: 2,
  cos: 2,
  tanh: 1.5,
  sigmoid: 1.4,
  softplus: 2,
  pow: 5,
}
const plainElement = 0.08
/** Reading or writing an element of a value that lies in L2. */
export const memoryElement = 0.15
/** A floating-point operation of a product at the peak of one core, about 100 GFLOP/s. */
export const peakFlop = 0.01

export const elementTime = (kernel: string): number => elementTimes[kernel] ?? plainElement

const side = (shape: Shape | undefined, fromEnd: number): number => shape?.[shape.length - fromEnd] ?? 1

/** Kernels that are dominated by products; per lane, for the shapes of their inputs and outputs. */
const productFlops: Readonly<
  Record<string, (inputs: readonly Shape[], outputs: readonly Shape[], transposeA: boolean) => number>
> = {
  matmul: ([a], [c], transposeA) => 2 * sizeOf(c as Shape) * side(a, transposeA ? 2 : 1),
  gram: ([a], [g]) => (sizeOf(g as Shape) + 2 * side(a, 1)) * side(a, 2),
  cholesky: ([a]) => (sizeOf(a as Shape) * side(a, 1)) / 3,
  lu: ([a]) => (2 * sizeOf(a as Shape) * side(a, 1)) / 3,
  triangularSolve: ([a], [x]) => sizeOf(x as Shape) * side(a, 1),
  choleskySolve: ([a], [x]) => 2 * sizeOf(x as Shape) * side(a, 1),
  luSolve: ([a], [x]) => 2 * sizeOf(x as Shape) * side(a, 1),
}

export const isProduct = (kernel: string): boolean => kernel in productFlops

const reductions = new Set(['sum', 'max', 'min', 'scatterAdd'])

/** Floating-point operations of one application, per lane; movement has none. */
export const flops = (
  kernel: string,
  inputs: readonly Shape[],
  outputs: readonly Shape[],
  attributes: Readonly<Record<string, unknown>> = {},
): number => {
  const product = productFlops[kernel]
  if (product !== undefined) return product(inputs, outputs, attributes['transposeA'] === true)
  return reductions.has(kernel) ? sizeOf(inputs[0] as Shape) : 0
}
