// The gradients of the optimal value and of ½‖x‖² with respect to all vectors of a quadratic program, through its scaling and
// through the optimality conditions, and whether they exist.
import type { NDArray } from '../../base/ndarray.js'
import type { GradientStatus } from '../../base/status.js'
import { implicit } from '../../differentiation/implicit.js'
import { solve } from '../../differentiation/solve.js'
import { mul } from '../../ops/elementwise.js'
import { sumSquares } from '../../ops/reduce.js'
import { compile } from '../../runtime/compile.js'
import type { interiorPoint } from '../../solvers/interiorPoint.js'
import { vjp } from '../../transform/derivatives.js'
import type { Active } from './activeSides.js'
import type { ProgramForm, ProgramVectors } from './quadraticProgram.js'
import { uniquenessOf } from './uniqueness.js'

/** `interiorPoint` for the vectors of a program. */
export type ProgramSolver = ReturnType<typeof interiorPoint<ProgramVectors>>

/** Gradients with respect to the vectors of a program, and what they are worth. */
export interface Sensitivity {
  readonly status: GradientStatus
  /** Why the status is not ok; else empty. */
  readonly reason: string
  /** Of the optimal value. */
  readonly value: ProgramVectors<Float64Array>
  /** Of ½‖x‖². */
  readonly halfNorm: ProgramVectors<Float64Array>
}

/** The numbers of a record of arrays. */
export const numbers = <K extends string>(tree: { readonly [P in K]?: unknown }): Record<K, Float64Array> =>
  Object.fromEntries(Object.entries(tree).map(([name, v]) => [name, (v as NDArray).data])) as Record<
    K,
    Float64Array
  >

/**
 * Solves once more, and differentiates.
 * @param solver the one that found the solution
 * @param active the sides at which the solution was found to lie
 */
export const sensitivityOf = (form: ProgramForm, solver: ProgramSolver, active: Active): Sensitivity => {
  const f = compile((theta: ProgramVectors) => {
    const outcome = (vectors: ProgramVectors) => {
      const point = solve(solver, { x0: form.start, theta: vectors, strategy: implicit() })
      const { x } = form.solution(point)
      return { value: form.objective(x, vectors), halfNorm: mul(0.5, sumSquares(x)) }
    }
    const [, pull] = vjp(outcome, [theta])
    const [one, zero] = [mul(1, 1), mul(0, 1)]
    return {
      value: pull({ value: one, halfNorm: zero })[0],
      halfNorm: pull({ value: zero, halfNorm: one })[0],
    }
  })
  const { value, gradientStatus } = f(form.theta)
  const gradients = value as {
    readonly value: ProgramVectors<NDArray>
    readonly halfNorm: ProgramVectors<NDArray>
  }
  const n = form.data.c.length
  const Q = Array.from({ length: n }, (_, i) => form.matrices.Q.data.subarray(i * n, (i + 1) * n))
  const unique = uniquenessOf(Q, active.rows)
  const weak = active.sides.filter(({ strict }) => !strict).map(({ name }) => name)
  const named = `${weak.slice(0, 5).join(', ')}${weak.length > 5 ? ', …' : ''}`
  const reasons: readonly (readonly [boolean, GradientStatus, string])[] = [
    [weak.length > 0, 'undefined', `strict complementarity fails or cannot be told: ${named}`],
    [!unique.x, 'singular', 'the solution is not unique'],
    [!unique.multipliers, 'singular', 'the multipliers are not unique: active sides depend on one another'],
    [gradientStatus !== 'ok', gradientStatus, 'the linear system of the derivative was not solved'],
  ]
  const failed = reasons.filter(([fails]) => fails)
  return {
    status: failed[0]?.[1] ?? 'ok',
    reason: failed.map(([, , reason]) => reason).join('; '),
    value: numbers(gradients.value),
    halfNorm: numbers(gradients.halfNorm),
  }
}
