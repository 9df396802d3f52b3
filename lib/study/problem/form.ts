// θ of a study is a record of named parameters as people mean them (λ itself); θ of a standard problem is what its formulas like
// (log λ). A form leads from one to the other, and derivatives back:
//   p = log λ:   ∂h/∂λ = ∂h/∂p / λ
import { NDArray, array } from '../../base/ndarray.js'
import type { Solver } from '../../differentiation/solver.js'
import type { Tensor } from '../../ir/tensor.js'
import { log } from '../../ops/elementwise.js'
import { stack } from '../../ops/movement.js'
import type { Arrays } from '../../problems/bilevelProblem.js'
import type { Theta } from './studyProblem.js'

/** θ of a study in plain numbers. */
export type ThetaArrays = Readonly<Record<string, NDArray>>

/** `P` is θ of the standard problem. */
export interface Form<P> {
  readonly traced: (theta: Theta) => P
  readonly plain: (theta: ThetaArrays) => Arrays<P>
  /** The named parameters of a θ of the problem. */
  readonly named: (theta: Arrays<P>) => ThetaArrays
  /** The derivative by the named parameters, given that by θ of the problem. */
  readonly pull: (theta: ThetaArrays, gradient: Arrays<P>) => ThetaArrays
}

const mapped = (x: NDArray, change: (value: number, at: number) => number): NDArray =>
  new NDArray(x.shape, x.data.map(change))

const tensorOf = (theta: Theta, name: string): Tensor => theta[name] as Tensor
const arrayOf = (theta: ThetaArrays, name: string): NDArray => theta[name] as NDArray

/** One parameter, as it is. */
export const asIs = (name: string): Form<Tensor> => ({
  traced: (theta) => tensorOf(theta, name),
  plain: (theta) => arrayOf(theta, name),
  named: (theta) => ({ [name]: theta }),
  pull: (_, gradient) => ({ [name]: gradient }),
})

/** One positive parameter, of which the problem has the logarithm. */
export const positive = (name: string): Form<Tensor> => ({
  traced: (theta) => log(tensorOf(theta, name)),
  plain: (theta) => mapped(arrayOf(theta, name), Math.log),
  named: (theta) => ({ [name]: mapped(theta, Math.exp) }),
  pull: (theta, gradient) => {
    const { data } = arrayOf(theta, name)
    return { [name]: mapped(gradient, (g, at) => g / (data[at] as number)) }
  },
})

/** Positive numbers, of which the problem has the vector of logarithms. */
export const positives = (names: readonly string[]): Form<Tensor> => {
  const each = (value: (i: number, name: string) => number): ThetaArrays =>
    Object.fromEntries(names.map((name, i) => [name, array(value(i, name))]))
  const numberOf = (theta: ThetaArrays, name: string): number => arrayOf(theta, name).data[0] as number
  return {
    traced: (theta) => log(stack(names.map((name) => tensorOf(theta, name)))),
    plain: (theta) => array(names.map((name) => Math.log(numberOf(theta, name)))),
    named: ({ data }) => each((i) => Math.exp(data[i] as number)),
    pull: (theta, { data }) => each((i, name) => (data[i] as number) / numberOf(theta, name)),
  }
}

/** A problem whose θ is such a record already. */
export const record = <P>(): Form<P> => ({
  traced: (theta) => theta as P,
  plain: (theta) => theta as Arrays<P>,
  named: (theta) => theta as unknown as ThetaArrays,
  pull: (_, gradient) => gradient as unknown as ThetaArrays,
})

/** A solver that is given θ in another form. */
export const solverThrough = <X, P, Q, S>(
  { init, step, error, map, residual, linearize, ...rest }: Solver<X, P, S>,
  inward: (theta: Q) => P,
): Solver<X, Q, S> => ({
  ...rest,
  init: (x0, theta) => init(x0, inward(theta)),
  step: (state, theta) => step(state, inward(theta)),
  error: (state, theta) => error(state, inward(theta)),
  ...(map === undefined ? {} : { map: (x, theta, state) => map(x, inward(theta), state) }),
  ...(residual === undefined ? {} : { residual: (x, theta) => residual(x, inward(theta)) }),
  ...(linearize === undefined ? {} : { linearize: (x, theta) => linearize(x, inward(theta)) }),
})
