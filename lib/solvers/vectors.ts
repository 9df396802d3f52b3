// Trees of arrays as elements of one vector space: what solvers do with x, whatever its structure.
import { flatten, flattenLike, unflatten } from '../base/tree.js'
import type { Tensor } from '../ir/tensor.js'
import { isOperand, tensor } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import { add, mul, sub } from '../ops/elementwise.js'
import { packing } from '../ops/packing.js'
import { norm2 } from '../ops/reduce.js'

/** f of corresponding arrays of two trees of one structure. */
export const zip = <X>(x: X, y: X, f: (a: Tensor, b: Tensor) => Operand): X => {
  const { leaves, spec } = flatten(x, isOperand, 'x')
  const others = flattenLike(y, spec, isOperand, 'y')
  return unflatten(
    spec,
    leaves.map((leaf, i) => f(tensor(leaf), tensor(others[i] as Operand))),
  ) as X
}

/** All entries of a tree as one vector [n], and the way back. */
export const pack = <X>(x: X): { readonly vector: Tensor; readonly unpack: (v: Tensor) => X } => {
  const { leaves, spec } = flatten(x, isOperand, 'x')
  const tensors = leaves.map(tensor)
  const space = packing(tensors.map((t) => t.shape))
  return { vector: space.pack(tensors), unpack: (v) => unflatten(spec, space.unpack(v)) as X }
}

/** x + α y */
export const addScaled = <X>(x: X, alpha: Operand, y: X): X => zip(x, y, (a, b) => add(a, mul(alpha, b)))

export const subtract = <X>(x: X, y: X): X => zip(x, y, sub)

/** Euclidean norm over all entries. */
export const norm = <X>(x: X): Tensor => norm2(pack(x).vector)
