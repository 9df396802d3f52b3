// L-BFGS (Nocedal 1980): d = −H g, with H by the two loops over the last pairs s = θ₊ − θ, y = g₊ − g:
//   q ← g;   newest to oldest: aᵢ = ρᵢ sᵢᵀq, q ← q − aᵢ yᵢ;   r ← γ q;   oldest to newest: r ← r + (aᵢ − ρᵢ yᵢᵀr) sᵢ
// with ρ = 1 / sᵀy and γ = sᵀy / yᵀy of the newest pair. Pairs that are not there yet have ρ = 0 and do nothing. Where h is not
// convex, sᵀy ≤ 0, all pairs are forgotten and γ = ‖s‖ / ‖y‖, so that steps stay as long as the bend of h allows. Entries that stand at
// a bound that the gradient presses on are held (Bertsekas 1982): H acts on the others alone.
import { ArgumentError, checkOptions } from '../base/errors.js'
import type { Tensor } from '../ir/tensor.js'
import { tensor } from '../ir/trace.js'
import {
  add,
  div,
  equal,
  greater,
  logicalAnd,
  maximum,
  mul,
  neg,
  notEqual,
  square,
  sub,
  where,
} from '../ops/elementwise.js'
import { dot } from '../ops/linalg.js'
import { broadcast, concat, reshape, slice } from '../ops/movement.js'
import { norm2 } from '../ops/reduce.js'
import { backtracking } from '../solvers/backtracking.js'
import type { Backtracking } from '../solvers/backtracking.js'
import { searchAlong } from './outerSearch.js'
import type { Optimizer } from './optimizer.js'

export interface LbfgsOptions {
  /** Pairs that are kept; default 5. */
  readonly memory?: number
  /** The search along d; default backtracking(), which tries 1 first. */
  readonly search?: Backtracking
}

interface LbfgsState {
  /** [memory, m] */
  readonly s: Tensor
  /** [memory, m] */
  readonly y: Tensor
  /** ρ: [memory], 0 where there is no pair. */
  readonly rho: Tensor
  /** γ; 0 before the first pair. */
  readonly gamma: Tensor
  readonly theta: Tensor
  readonly gradient: Tensor
  readonly alpha: Tensor
}

/** A pair counts where the curvature along it is surely positive. */
const leastCurvature = 1e-10

const row = (x: Tensor, i: number): Tensor => reshape(slice(x, [i, i + 1]), x.shape.slice(1))

/** L-BFGS with backtracking on the outer objective. */
export const lbfgs = (options: LbfgsOptions = {}): Optimizer => {
  checkOptions('optimizer.lbfgs', options, ['memory', 'search'])
  const { memory = 5, search: rule = backtracking() } = options
  if (!(Number.isInteger(memory) && memory >= 1 && memory <= 100) || rule.kind !== 'backtracking') {
    throw new ArgumentError('optimizer.lbfgs: options out of range', {
      expected: 'memory an integer from 1 to 100, search by backtracking()',
      received: `memory ${String(memory)}, search ${String(rule.kind)}`,
    })
  }
  const remember = (state: LbfgsState, theta: Tensor, gradient: Tensor): LbfgsState => {
    const [s, y] = [sub(theta, state.theta), sub(gradient, state.gradient)]
    const [curvature, lengthS, lengthY] = [dot(s, y), norm2(s), norm2(y)]
    const counts = greater(curvature, mul(leastCurvature, mul(lengthS, lengthY)))
    const moved = logicalAnd(greater(lengthS, 0), greater(lengthY, 0))
    const over = (a: Tensor, b: Tensor): Tensor => div(a, where(moved, b, 1))
    const push = (list: Tensor, entry: Tensor): Tensor => {
      const pushed = concat([slice(list, [1, memory]), reshape(entry, [1, ...list.shape.slice(1)])])
      return where(counts, pushed, where(moved, 0, list))
    }
    const scale = where(counts, over(curvature, square(lengthY)), over(lengthS, lengthY))
    return {
      ...state,
      s: push(state.s, s),
      y: push(state.y, y),
      rho: push(state.rho, div(1, where(counts, curvature, 1))),
      gamma: where(moved, scale, state.gamma),
    }
  }
  /** H g of the entries that are free. */
  const applyInverse = ({ s, y, rho, gamma }: LbfgsState, g: Tensor): Tensor => {
    let q = g
    const shares: Tensor[] = []
    for (let i = memory - 1; i >= 0; i--) {
      const a = mul(row(rho, i), dot(row(s, i), q))
      shares[i] = a
      q = sub(q, mul(a, row(y, i)))
    }
    // Without a pair the first step has a length of 1 at most.
    let r = mul(q, where(greater(gamma, 0), gamma, div(1, maximum(1, norm2(g)))))
    for (let i = 0; i < memory; i++) {
      r = add(r, mul(sub(shares[i] as Tensor, mul(row(rho, i), dot(row(y, i), r))), row(s, i)))
    }
    return r
  }
  const optimizer: Optimizer<LbfgsState> = {
    name: 'L-BFGS',
    settings: { memory, search: rule },
    init: (theta) => {
      const pairs = broadcast(0, [memory, ...theta.shape])
      const none = tensor(0)
      return {
        ...{ s: pairs, y: pairs, rho: broadcast(0, [memory]), gamma: none },
        ...{ theta, gradient: broadcast(0, theta.shape), alpha: tensor(rule.initial) },
      }
    },
    step: (before, at) => {
      const { theta, gradient, project } = at
      const state = remember(before, theta, gradient)
      const held = logicalAnd(equal(project(sub(theta, gradient)), theta), notEqual(gradient, 0))
      const free = (x: Tensor): Tensor => where(held, 0, x)
      const direction = neg(free(applyInverse(state, free(gradient))))
      const path = (a: Tensor): Tensor => project(add(theta, mul(a, direction)))
      const found = searchAlong(rule, at, {
        path,
        change: (a) => dot(gradient, sub(path(a), theta)),
        last: state.alpha,
        first: rule.initial,
      })
      return {
        theta: found.theta,
        state: { ...state, theta, gradient, alpha: found.last },
        stepSize: found.stepSize,
      }
    },
  }
  return optimizer as Optimizer
}
