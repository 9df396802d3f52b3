// Several solves of one θ as one: their unknowns are stacked, their equations side by side. What differentiates or certifies a
// solve sees one fixed point.
import { ArgumentError } from '../base/errors.js'
import type { Solved, VectorMap } from '../differentiation/strategy.js'
import type { Tensor } from '../ir/tensor.js'
import { concat, slice } from '../ops/movement.js'

/** Parts of a vector of these lengths. */
const partsOf = (x: Tensor, sizes: readonly number[]): Tensor[] => {
  let at = 0
  return sizes.map((size) => {
    at += size
    return slice(x, [at - size, at])
  })
}

/**
 * Solves with the same first `own` operands, the leaves of θ. The operands of the whole are these, then what each closes over.
 * Its trajectory cannot be asked for: the solves make different numbers of steps.
 */
export const stack = (all: readonly Solved[], own: number): Solved => {
  const [only] = all
  if (all.length === 1 && only !== undefined) return only
  const sizes = all.map(({ x }) => x.shape[0] as number)
  const lengths = all.map(({ theta }) => theta.length - own)
  const starts = lengths.map((_, i) => own + lengths.slice(0, i).reduce((a, b) => a + b, 0))
  const operandsOf = (i: number, theta: readonly Tensor[]): Tensor[] => [
    ...theta.slice(0, own),
    ...theta.slice(starts[i], (starts[i] as number) + (lengths[i] as number)),
  ]
  const beside =
    (maps: readonly VectorMap[]): VectorMap =>
    (x, theta) => {
      const parts = partsOf(x, sizes)
      return concat(maps.map((map, i) => map(parts[i] as Tensor, operandsOf(i, theta))))
    }
  const present = <T>(parts: readonly (T | undefined)[]): readonly T[] | undefined =>
    parts.every((part): part is T => part !== undefined) ? parts : undefined
  const residuals = present(all.map(({ residual }) => residual))
  const linearizations = present(all.map(({ linearize }) => linearize))
  const refuse = (): never => {
    throw new ArgumentError('several solves have no common trajectory', {
      remedy: 'Give each its own strategy',
    })
  }
  return {
    x: concat(all.map(({ x }) => x)),
    theta: [...(only?.theta.slice(0, own) ?? []), ...all.flatMap(({ theta }) => theta.slice(own))],
    map: beside(all.map(({ map }) => map)),
    get steps() {
      return refuse()
    },
    previous: undefined,
    stepLength: undefined,
    residual: residuals && linearizations && beside(residuals),
    linearize:
      linearizations &&
      residuals &&
      ((x, theta) => {
        const parts = partsOf(x, sizes)
        const each = linearizations.map((linearize, i) => linearize(parts[i] as Tensor, operandsOf(i, theta)))
        const apply = (which: 'solve' | 'solveTransposed') => (b: Tensor) => {
          const right = partsOf(b, sizes)
          return concat(each.map((operator, i) => operator[which](right[i] as Tensor)))
        }
        return { solve: apply('solve'), solveTransposed: apply('solveTransposed') }
      }),
    get trajectory() {
      return refuse()
    },
  }
}
