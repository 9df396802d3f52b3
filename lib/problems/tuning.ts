// What θ of a regularised linear model is: how it makes sample weights w and penalties λ, and how derivatives with respect to
// these come back to θ.
import { full, zeros, array } from '../base/ndarray.js'
import type { NDArray } from '../base/ndarray.js'
import type { Tensor } from '../ir/tensor.js'
import type { Operand } from '../ir/trace.js'
import { exp, sigmoid } from '../ops/elementwise.js'

/**
 * 'penalty': log λ, a scalar. 'penalties': log λⱼ, one a feature, [p]. 'weights': w itself, [n], not negative.
 * 'weightLogits': wᵢ = 1 / (1 + e^(−θᵢ)), [n].
 */
export type Tuning = 'penalty' | 'penalties' | 'weights' | 'weightLogits'

/** w: [n] and λ: [p] in plain numbers. */
export interface Weighting {
  readonly w: Float64Array
  readonly lambda: Float64Array
}

export interface Parametrization {
  readonly start: NDArray
  /** w: a scalar or [n], λ: a scalar or [p]. */
  readonly traced: (theta: Tensor) => { readonly w: Operand; readonly lambda: Operand }
  readonly plain: (theta: NDArray) => Weighting
  /** The derivative by θ, of the shape of θ, given those by w and by λ. */
  readonly pull: (theta: NDArray, by: Weighting) => Float64Array
}

const sigma = (t: number): number => 1 / (1 + Math.exp(-t))
const same = (count: number, value: number): Float64Array => new Float64Array(count).fill(value)
const total = (v: Float64Array): number => v.reduce((a, b) => a + b, 0)

/** By name, for n samples, p features, and the log λ at which θ starts, or at which λ stays where w is tuned. */
export const tunings: Readonly<
  Record<Tuning, (n: number, p: number, logPenalty: number) => Parametrization>
> = {
  penalty: (n, p, logPenalty) => ({
    start: array(logPenalty),
    traced: (theta) => ({ w: 1, lambda: exp(theta) }),
    plain: ({ data: [t] }) => ({ w: same(n, 1), lambda: same(p, Math.exp(t as number)) }),
    pull: ({ data: [t] }, { lambda }) => Float64Array.of(Math.exp(t as number) * total(lambda)),
  }),
  penalties: (n, p, logPenalty) => ({
    start: full([p], logPenalty),
    traced: (theta) => ({ w: 1, lambda: exp(theta) }),
    plain: ({ data }) => ({ w: same(n, 1), lambda: data.map(Math.exp) }),
    pull: ({ data }, { lambda }) => data.map((t, j) => Math.exp(t) * (lambda[j] as number)),
  }),
  weights: (n, p, logPenalty) => ({
    start: full([n], 1),
    traced: (theta) => ({ w: theta, lambda: Math.exp(logPenalty) }),
    plain: ({ data }) => ({ w: data, lambda: same(p, Math.exp(logPenalty)) }),
    pull: (_, { w }) => w,
  }),
  weightLogits: (n, p, logPenalty) => ({
    start: zeros([n]),
    traced: (theta) => ({ w: sigmoid(theta), lambda: Math.exp(logPenalty) }),
    plain: ({ data }) => ({ w: data.map(sigma), lambda: same(p, Math.exp(logPenalty)) }),
    pull: ({ data }, { w }) => data.map((t, i) => sigma(t) * sigma(-t) * (w[i] as number)),
  }),
}
