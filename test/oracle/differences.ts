// Five-point central differences: f'(x) v = [8 (f₊₁ − f₋₁) − (f₊₂ − f₋₂)] / 12h + O(h⁴), with fₖ = f(x + k h v).
import { NDArray } from '../../lib/base/ndarray.js'

type ArrayFunction = (inputs: readonly NDArray[]) => readonly NDArray[]

/**
 * The derivative of f at `inputs` in a direction of about unit size.
 * @param h step; 1e-3 leaves an error near 1e-11 for functions of unit scale.
 */
export const centralDifferences = (
  f: ArrayFunction,
  inputs: readonly NDArray[],
  direction: readonly NDArray[],
  h = 1e-3,
): readonly NDArray[] => {
  const at = (k: number): readonly NDArray[] =>
    f(
      inputs.map(
        (x, i) =>
          new NDArray(
            x.shape,
            x.data.map((value, j) => value + k * h * ((direction[i] as NDArray).data[j] as number)),
          ),
      ),
    )
  const [p2, p1, m1, m2] = [at(2), at(1), at(-1), at(-2)]
  const part = (list: readonly NDArray[], i: number, j: number): number => list[i]?.data[j] as number
  return p1.map(
    (like, i) =>
      new NDArray(
        like.shape,
        like.data.map(
          (_, j) => (8 * (part(p1, i, j) - part(m1, i, j)) - (part(p2, i, j) - part(m2, i, j))) / (12 * h),
        ),
      ),
  )
}
