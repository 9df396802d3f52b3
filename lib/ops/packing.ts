// A list of arrays as one vector, and back. Reshapes and slices only.
import { sizeOf } from '../base/shape.js'
import type { Shape } from '../base/shape.js'
import type { Tensor } from '../ir/tensor.js'
import { concat, reshape, slice } from './movement.js'

/** A tree of arrays as one vector, and back. */
export interface Packing {
  readonly size: number
  readonly pack: (leaves: readonly Tensor[]) => Tensor
  readonly unpack: (x: Tensor) => Tensor[]
}

/** How arrays of these shapes make one vector. */
export const packing = (shapes: readonly Shape[]): Packing => {
  const sizes = shapes.map(sizeOf)
  const size = sizes.reduce((a, b) => a + b, 0)
  return {
    size,
    pack: (leaves) => concat(leaves.map((leaf) => reshape(leaf, [-1]))),
    unpack: (x) => {
      let at = 0
      return shapes.map((shape, i) => {
        const from = at
        at += sizes[i] as number
        return reshape(slice(x, [from, at]), shape)
      })
    },
  }
}
