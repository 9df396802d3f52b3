// The loop of every solver: one whileLoop, natively, each lane until its own end.
import { ShapeError } from '../base/errors.js'
import { formatShape } from '../base/shape.js'
import { statusCode } from '../base/status.js'
import { whileLoop } from '../control/while.js'
import type { Tensor } from '../ir/tensor.js'
import { tensor } from '../ir/trace.js'
import {
  add,
  greater,
  greaterEqual,
  isFinite,
  less,
  lessEqual,
  maximum,
  mul,
  where,
} from '../ops/elementwise.js'
import type { Solver } from './solver.js'

const running = -1

/** Status of a state after k steps; `running` while the iteration goes on. */
const judge = <X, P, S>(
  solver: Solver<X, P, S>,
  state: S,
  error: Tensor,
  first: Tensor,
  k: Tensor,
): Tensor => {
  const { tol, rtol, divergence, maxSteps } = solver.stopping
  const limit = rtol === 0 ? tensor(tol) : maximum(tol, mul(rtol, first))
  const onward = where(greaterEqual(k, maxSteps), statusCode.maxSteps, running)
  const tame = where(greater(error, mul(divergence, maximum(first, 1))), statusCode.diverged, onward)
  const finite = where(isFinite(error), tame, statusCode.nonFinite)
  const verdict = solver.verdict === undefined ? tensor(running) : tensor(solver.verdict(state))
  const onEnd = solver.verdict === undefined ? finite : where(less(verdict, 0), finite, verdict)
  return where(lessEqual(error, limit), statusCode.converged, onEnd)
}

/** An iteration after k steps. */
export interface Iteration<S> {
  readonly state: S
  /** The point before the last step, where it is kept; else 0. */
  readonly previous: Tensor
  /** Number of steps, a scalar. */
  readonly k: Tensor
  readonly error: Tensor
  readonly status: Tensor
}

/**
 * Steps from `init(x0, θ)` until a status is reached.
 * @param kept what of a state is kept for one step more, as `previous`
 */
export const iterate = <X, P, S>(
  solver: Solver<X, P, S>,
  x0: X,
  theta: P,
  kept?: (state: S) => Tensor,
): Iteration<S> => {
  const start = solver.init(x0, theta)
  const zero = tensor(0)
  const errorOf = (state: S): Tensor => {
    const error = tensor(solver.error(state, theta))
    if (error.rank === 0) return error
    throw new ShapeError(`${solver.name}: error(state, theta) is not a scalar`, {
      expected: '[]',
      received: formatShape(error.shape),
      remedy: 'Return a norm',
    })
  }
  const first = errorOf(start)
  return whileLoop<Iteration<S>>(
    ({ status }) => less(status, 0),
    (at) => {
      const state = solver.step(at.state, theta)
      const error = errorOf(state)
      const k = add(at.k, 1)
      const previous = kept === undefined ? at.previous : kept(at.state)
      return { state, previous, k, error, status: judge(solver, state, error, first, k) }
    },
    {
      state: start,
      previous: kept === undefined ? zero : kept(start),
      k: zero,
      error: first,
      status: judge(solver, start, first, first, zero),
    },
  )
}
