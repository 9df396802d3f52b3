// solve: one op. Forward it iterates, natively, each lane until its own end; its derivative is the rule of a strategy,
// written at the op's own attached output x̄ (Bolte, Pauwels, Vaiter 2023).
import { checkOptions } from '../base/errors.js'
import { gradientStatusCode } from '../base/status.js'
import { applyCustom } from '../control/custom.js'
import type { CustomRule } from '../control/custom.js'
import type { Maybe } from '../ir/op.js'
import type { Tensor } from '../ir/tensor.js'
import { report } from '../ir/trace.js'
import type { Operands } from '../ir/trace.js'
import { addMaybe, stopGradient } from '../ops/elementwise.js'
import { dot } from '../ops/linalg.js'
import { certificateOptions, certifyGradient, certifyTangent } from './certificate.js'
import type { CertificateOptions } from './certificate.js'
import { implicit } from './implicit.js'
import type { Solver } from './solver.js'
import type { Solved, Strategy } from './strategy.js'
import { traceSolver } from './tracedSolver.js'

export interface SolveOptions<X, P> {
  /** Where the iteration starts. */
  readonly x0: Operands<X>
  /** The parameters; may be left out for a solver that uses none. */
  readonly theta?: Operands<P>
  /** How the result is differentiated; default implicit(). */
  readonly strategy?: Strategy
  /** Reports how wrong the derivative can be: `certificate` beside the results. Default false. */
  readonly certificate?: boolean | CertificateOptions
}

const none = (count: number): undefined[] => new Array<undefined>(count).fill(undefined)

/** A solve in the current trace, open to what differentiates it. */
export interface OpenSolve<X> {
  readonly x: X
  /** x̄ as a vector, and back. */
  readonly unpack: (x: Tensor) => X
  readonly solved: () => Solved
  /** Reports `undefined` where the flagged operands reach x̄ through x0 alone; `pull` does so itself. */
  readonly warn: (wanted: readonly boolean[]) => void
  /** Cotangents of the operands (θ, then what is closed over) from that of x̄ as a vector, by the strategy. */
  readonly pull: (v: Tensor, wanted: readonly boolean[]) => readonly Maybe[]
}

/** `solve`, whose result is open to what differentiates it. */
export const solveOpenly = <X, P, S>(solver: Solver<X, P, S>, options: SolveOptions<X, P>): OpenSolve<X> => {
  checkOptions('solve', options, ['x0', 'theta', 'strategy', 'certificate'])
  const { strategy = implicit(), certificate = false } = options
  const { inputs, starts, forward, solvedAt, dependsOn, entersStartOnly, unpack } = traceSolver(
    solver,
    options.x0,
    options.theta,
    strategy,
  )
  const operands = inputs.length - starts
  const keepsPrevious = strategy.keepsPrevious === true
  const certify =
    certificate === false || strategy.certifies === true ? undefined : certificateOptions(certificate)
  // θ that enters through x0 only has derivative zero under every strategy that does not differentiate the trajectory.
  const begin = (x0Flags: readonly boolean[], flags: readonly boolean[]): void => {
    const throughStart = (x0Flags.some(Boolean) && !dependsOn(flags)) || entersStartOnly(flags)
    if (strategy.throughX0 !== true && throughStart) {
      report('gradientStatus', gradientStatusCode.undefined)
    }
    report('gradientStatus', gradientStatusCode.ok)
  }
  const outputCount = forward.outputs.length
  const jvp: CustomRule = (point, tangents) => {
    const known = tangents.map((t) => t !== undefined)
    begin(known.slice(0, starts), known.slice(starts))
    const solved = solvedAt(point.inputs, point.outputs)
    const t = strategy.jvp(solved, tangents.slice(starts), tangents.slice(0, starts))
    if (certify !== undefined && t !== undefined) certifyTangent(solved, t, tangents.slice(starts), certify)
    return [t, undefined, undefined, ...(keepsPrevious ? [t] : []), ...none(outputCount - 3)].slice(
      0,
      outputCount,
    )
  }
  // x₍k₋₁₎ is as good an x̄ as x₍k₎: it has the same derivative, so that second derivatives at 'previous' are right, too.
  const vjp: CustomRule = (point, cotangents, wanted) => {
    const v = addMaybe(cotangents[0], keepsPrevious ? cotangents[3] : undefined)
    const wantX0 = wanted.slice(0, starts)
    const want = wanted.slice(starts)
    if (v === undefined) return none(inputs.length)
    begin(wantX0, want)
    const asked = strategy.throughX0 === true ? [...want, ...wantX0] : want
    const solved = solvedAt(point.inputs, point.outputs)
    const pulled = asked.some(Boolean) ? strategy.vjp(solved, v, asked) : []
    if (certify !== undefined && want.some(Boolean)) {
      const held = stopGradient(v)
      const gradient = pulled.slice(0, operands)
      certifyGradient({ solved, outer: (x) => dot(held, x), gradient, wanted: want }, certify)
    }
    return [...none(starts).map((_, i) => pulled[operands + i]), ...none(operands).map((_, i) => pulled[i])]
  }
  const label = `solve ${solver.name} (${strategy.name})`
  const outputs = applyCustom(inputs, { label, graph: forward, jvp, vjp })
  const solved = (): Solved => solvedAt(inputs, outputs)
  // Nothing is asked of x0; θ that reaches it alone must be told all the same.
  const warn = (wanted: readonly boolean[]): void => {
    begin(
      none(starts).map(() => true),
      wanted,
    )
  }
  return {
    x: unpack(outputs[0] as Tensor),
    unpack,
    solved,
    warn,
    pull: (v, wanted) => {
      warn(wanted)
      return strategy.vjp(solved(), v, wanted)
    },
  }
}

/**
 * The solution x̄(θ) of an iterative algorithm, of the structure of x0. Reports status, iterations and residual (the last
 * error) of the instance; its derivative is that of `strategy`, with respect to θ and to every Tensor that the
 * solver's functions close over (and to x0 for strategies that differentiate the trajectory).
 */
export const solve = <X, P, S>(solver: Solver<X, P, S>, options: SolveOptions<X, P>): X =>
  solveOpenly(solver, options).x
