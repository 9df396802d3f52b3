// Backtracking on the outer objective. h is known only as exactly as the inner problem is solved: where the decrease that is wanted
// drowns in that, a step no longer than the last one is taken on the word of the gradient. A search that fails all the same says so,
// by a step of length 0, and leaves θ where it is.
import type { Tensor } from '../ir/tensor.js'
import type { Operand } from '../ir/trace.js'
import { greater, mul, where } from '../ops/elementwise.js'
import { search } from '../solvers/backtracking.js'
import type { Backtracking } from '../solvers/backtracking.js'
import type { OuterPoint } from './optimizer.js'

export interface SearchPath {
  /** θ(α), with θ(0) the point. */
  readonly path: (alpha: Tensor) => Tensor
  /** The change of h that its gradient predicts for θ(α). */
  readonly change: (alpha: Tensor) => Tensor
  /** The last step length, and the one that is tried first. */
  readonly last: Operand
  readonly first: Operand
}

/** θ(α) with an α that lowers h enough, and the step length that the next search knows as the last one. */
export const searchAlong = (
  rule: Backtracking,
  { theta, value, objective, noise }: OuterPoint,
  { path, change, last, first }: SearchPath,
): { readonly theta: Tensor; readonly stepSize: Tensor; readonly last: Tensor } => {
  const alpha = search(rule, (a) => objective(path(a)), value, change, last, first, noise())
  // A search that used all of its trials ends at the shortest of them.
  const found = greater(alpha, mul(first, rule.shrink ** rule.maxShrinks * (1 + 1e-9)))
  return {
    theta: where(found, path(alpha), theta),
    stepSize: where(found, alpha, 0),
    last: where(found, alpha, last),
  }
}
