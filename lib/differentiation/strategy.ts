// What a strategy is given and what it returns. A strategy reads like the pseudo-code of the paper: it sees the solve as a
// map F on vectors, at the op's own attached output x̄, and never knows which solver ran.
import type { Maybe } from '../ir/op.js'
import type { Tensor } from '../ir/tensor.js'

/** The derivative of a map of (x, θ) at a point, as linear maps. */
export interface Linearization {
  /** The value of the map. */
  readonly value: Tensor
  /** ∂ₓF ẋ + ∂θF θ̇; either may be undefined for zero. */
  readonly push: (dx: Maybe, dTheta: readonly Maybe[]) => Maybe
  /** ∂ₓFᵀ v */
  readonly pullX: (v: Tensor) => Tensor
  /** ∂θFᵀ v, one entry an operand; undefined where it does not depend on it. */
  readonly pullTheta: (v: Tensor) => readonly Maybe[]
}

/** A map of a vector x: [n] and the operands θ. */
export type VectorMap = (x: Tensor, theta: readonly Tensor[]) => Tensor

/** The algorithm itself, on its own state, for strategies that differentiate the trajectory. */
export interface Trajectory {
  /** The state before the first step. */
  readonly init: (x0: readonly Tensor[], theta: readonly Tensor[]) => Tensor[]
  readonly step: (state: readonly Tensor[], theta: readonly Tensor[]) => Tensor[]
  readonly point: (state: readonly Tensor[]) => Tensor
  readonly x0: readonly Tensor[]
  readonly maxSteps: number
}

/** A finished solve, in the trace in which its derivative is being written. */
export interface Solved {
  /** x̄: [n], the result, attached: derivatives of what a strategy returns see it. */
  readonly x: Tensor
  /** All entries of θ and whatever else the solver closes over, one Tensor a leaf. */
  readonly theta: readonly Tensor[]
  /** The map that is differentiated. */
  readonly map: VectorMap
  /** Number of steps that were made, a scalar. */
  readonly steps: Tensor
  /** x₍k₋₁₎: [n], where the strategy asked for it by `keepsPrevious`. */
  readonly previous: Tensor | undefined
  /** The last step length, where the solver has one. */
  readonly stepLength: Tensor | undefined
  /** The residual G and solves with ∂ₓG, where the solver has them. The operator is evaluated at (x, θ) held constant. */
  readonly residual: VectorMap | undefined
  readonly linearize:
    | ((
        x: Tensor,
        theta: readonly Tensor[],
      ) => { solve: (b: Tensor) => Tensor; solveTransposed: (b: Tensor) => Tensor })
    | undefined
  readonly trajectory: Trajectory
}

/** A gradient, one entry an operand, and the adjoint that it was made from, which may start the next solve nearby. */
export interface Gradient {
  readonly parts: readonly Maybe[]
  readonly adjoint: Tensor
}

/** A rule for the derivative of a solve. */
export interface Strategy {
  /** For messages, tables and reports. */
  readonly name: string
  /** ẋ, the tangent of x̄: [n], from the tangents of θ. */
  readonly jvp: (solved: Solved, dTheta: readonly Maybe[], dX0: readonly Maybe[]) => Maybe
  /**
   * Cotangents of θ from the cotangent v: [n] of x̄, followed by those of x0 if `throughX0`. `wanted` tells, in the same order,
   * which operands need one.
   */
  readonly vjp: (solved: Solved, v: Tensor, wanted: readonly boolean[]) => readonly Maybe[]
  /**
   * The gradient of g(x̄(θ), θ), one entry an operand, ∂θg included: for strategies that use the outer objective g as a whole, or
   * that look for the adjoint from where it was last. Default: ∂θg and the vjp of ∂ₓg.
   */
  readonly gradient?: (
    solved: Solved,
    outer: (x: Tensor, theta: readonly Tensor[]) => Tensor,
    wanted: readonly boolean[],
    start?: Tensor,
  ) => Gradient
  /** Whether it reports a certificate by itself. */
  readonly certifies?: boolean
  /** Whether x0 is differentiated, too: so do strategies of the whole trajectory. Default false, x0 is a constant. */
  readonly throughX0?: boolean
  /** Whether x₍k₋₁₎ must be kept. */
  readonly keepsPrevious?: boolean
  /** A map to differentiate instead of the solver's: (x, θ) ↦ F(x, θ) on the trees that the solver uses. */
  readonly map?: (x: never, theta: never) => unknown
}
