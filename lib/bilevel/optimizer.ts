// Outer optimizers: what is done with a hypergradient. θ is one vector [m] here, g its gradient, P the projection on its domain.
//   descent    θ ← P(θ − α g),                α fixed, or by backtracking on h
//   momentum   v ← β v + g,                   θ ← P(θ − α v)                       (Polyak 1964)
//   nesterov   v ← β v + g,                   θ ← P(θ − α (g + β v))               (Nesterov 1983)
//   adam       m ← β₁ m + (1 − β₁) g,         v ← β₂ v + (1 − β₂) g²               (Kingma and Ba 2015)
//              θ ← P(θ − α (m / (1 − β₁ᵗ)) / ((v / (1 − β₂ᵗ))^½ + ε))
import { ArgumentError, checkOptions } from '../base/errors.js'
import type { Tensor } from '../ir/tensor.js'
import { tensor } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import { add, div, minimum, mul, pow, sqrt, square, sub } from '../ops/elementwise.js'
import { dot } from '../ops/linalg.js'
import { broadcast } from '../ops/movement.js'
import type { Backtracking } from '../solvers/backtracking.js'
import { lbfgs } from './lbfgs.js'
import { searchAlong } from './outerSearch.js'
import { safeStepSize } from './safeStepSize.js'
import type { OuterConstants } from './safeStepSize.js'

/** Where an optimizer stands, in one θ-instance. */
export interface OuterPoint {
  /** [m] */
  readonly theta: Tensor
  /** [m] */
  readonly gradient: Tensor
  readonly value: Tensor
  /** h at another θ: solves the inner problem there; NaN where that fails. */
  readonly objective: (theta: Tensor) => Tensor
  /** How wrong h may be, since the inner problem is solved so far only: about four times what more exactness changes. */
  readonly noise: () => Tensor
  /** The nearest θ that is allowed. */
  readonly project: (theta: Tensor) => Tensor
}

export interface OuterStep<S> {
  readonly theta: Tensor
  readonly state: S
  /** α; 0 says that no step was found that lowers h. */
  readonly stepSize: Operand
}

/** What is done with a hypergradient; `S` is a tree of arrays. Everything is traced. */
export interface Optimizer<S = unknown> {
  readonly name: string
  /** What it was made with, as plain data: a descent is gone on from by an optimizer that was made with the same. */
  readonly settings?: object
  readonly init: (theta: Tensor) => S
  readonly step: (state: S, at: OuterPoint) => OuterStep<S>
}

export interface DescentRule {
  /** α, or `backtracking()` on the outer objective. */
  readonly stepSize: number | Backtracking
  /** Where they are known, a step size above the one that is safe is warned of. */
  readonly constants?: OuterConstants
}

const positive = (what: string, value: number): void => {
  if (value > 0 && Number.isFinite(value)) return
  throw new ArgumentError(what, { expected: 'a positive number', received: String(value) })
}

const share = (what: string, value: number): void => {
  if (value >= 0 && value < 1) return
  throw new ArgumentError(what, { expected: 'a number in [0, 1)', received: String(value) })
}

const moved = (theta: Tensor, alpha: Operand, direction: Tensor): Tensor => sub(theta, mul(alpha, direction))

/** Gradient descent. Backtracking tries at first what was right before, divided by the rule's `shrink`, at most its `initial`. */
const descent = (options: DescentRule): Optimizer => {
  checkOptions('optimizer.descent', options, ['stepSize', 'constants'])
  const { stepSize, constants } = options
  if (typeof stepSize === 'number') {
    positive('optimizer.descent: stepSize', stepSize)
    const safe = constants === undefined ? Infinity : safeStepSize(constants)
    if (stepSize > safe * (1 + 1e-12)) {
      process.emitWarning(
        `optimizer.descent: the step size ${String(stepSize)} is above 1 / L_h = ${String(safe)}, up to which hypergradient descent cannot overshoot.`,
        { type: 'OnestepWarning', code: 'ONESTEP_STEP_SIZE' },
      )
    }
    const fixed: Optimizer<Record<string, never>> = {
      name: 'descent',
      settings: { stepSize },
      init: () => ({}),
      step: (state, { theta, gradient, project }) => ({
        theta: project(moved(theta, stepSize, gradient)),
        state,
        stepSize,
      }),
    }
    return fixed as Optimizer
  }
  if (stepSize?.kind !== 'backtracking') {
    throw new ArgumentError('optimizer.descent: stepSize', {
      expected: 'a number, or backtracking()',
      received: typeof stepSize,
    })
  }
  const searched: Optimizer<{ readonly alpha: Operand }> = {
    name: 'descent with backtracking',
    settings: stepSize,
    init: () => ({ alpha: stepSize.initial }),
    step: ({ alpha }, at) => {
      const first = minimum(stepSize.initial, div(alpha, stepSize.shrink))
      const path = (a: Tensor): Tensor => at.project(moved(at.theta, a, at.gradient))
      const change = (a: Tensor): Tensor => dot(at.gradient, sub(path(a), at.theta))
      const found = searchAlong(stepSize, at, { path, change, last: alpha, first })
      return { theta: found.theta, state: { alpha: found.last }, stepSize: found.stepSize }
    },
  }
  return searched as Optimizer
}

export interface MomentumOptions {
  /** α */
  readonly stepSize: number
  /** β in [0, 1); default 0.9. */
  readonly beta?: number
}

const withVelocity =
  (name: string, direction: (gradient: Tensor, velocity: Tensor, beta: number) => Tensor) =>
  (options: MomentumOptions): Optimizer => {
    checkOptions(`optimizer.${name}`, options, ['stepSize', 'beta'])
    const { stepSize, beta = 0.9 } = options
    positive(`optimizer.${name}: stepSize`, stepSize)
    share(`optimizer.${name}: beta`, beta)
    const optimizer: Optimizer<{ readonly velocity: Tensor }> = {
      name,
      settings: { stepSize, beta },
      init: (theta) => ({ velocity: broadcast(0, theta.shape) }),
      step: (state, { theta, gradient, project }) => {
        const velocity = add(mul(beta, state.velocity), gradient)
        return {
          theta: project(moved(theta, stepSize, direction(gradient, velocity, beta))),
          state: { velocity },
          stepSize,
        }
      },
    }
    return optimizer as Optimizer
  }

/** Heavy ball. */
const momentum = withVelocity('momentum', (_, velocity) => velocity)
/** Nesterov's momentum. */
const nesterov = withVelocity('nesterov', (gradient, velocity, beta) => add(gradient, mul(beta, velocity)))

export interface AdamOptions {
  /** α: no entry of θ moves much farther in one step. */
  readonly stepSize: number
  /** β₁, β₂ in [0, 1); defaults 0.9 and 0.999. */
  readonly beta1?: number
  readonly beta2?: number
  /** ε; default 1e-8. */
  readonly epsilon?: number
}

/** Adam. */
const adam = (options: AdamOptions): Optimizer => {
  checkOptions('optimizer.adam', options, ['stepSize', 'beta1', 'beta2', 'epsilon'])
  const { stepSize, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options
  positive('optimizer.adam: stepSize', stepSize)
  share('optimizer.adam: beta1', beta1)
  share('optimizer.adam: beta2', beta2)
  positive('optimizer.adam: epsilon', epsilon)
  const mix = (beta: number, a: Tensor, b: Tensor): Tensor => add(mul(beta, a), mul(1 - beta, b))
  const optimizer: Optimizer<{ readonly first: Tensor; readonly second: Tensor; readonly count: Operand }> = {
    name: 'adam',
    settings: { stepSize, beta1, beta2, epsilon },
    init: (theta) => ({ first: broadcast(0, theta.shape), second: broadcast(0, theta.shape), count: 0 }),
    step: (state, { theta, gradient, project }) => {
      const count = add(state.count, 1)
      const first = mix(beta1, state.first, gradient)
      const second = mix(beta2, state.second, square(gradient))
      const mean = div(first, sub(1, pow(beta1, count)))
      const size = sqrt(div(second, sub(1, pow(beta2, count))))
      const direction = div(mean, add(size, epsilon))
      return {
        theta: project(moved(theta, stepSize, direction)),
        state: { first, second, count },
        stepSize: tensor(stepSize),
      }
    },
  }
  return optimizer as Optimizer
}

/** Outer optimizers. */
export const optimizer = { descent, momentum, nesterov, adam, lbfgs }
