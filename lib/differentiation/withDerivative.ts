// Solutions that the library did not compute, with a derivative by any strategy that needs no trajectory. All that counts is the
// equation which holds at x̄: attaching a derivative is a solve of no steps, from x̄, whose error is what the equation is off by.
//   map:       ‖F(x̄, θ) − x̄‖₂ ≤ tol
//   residual:  ‖G(x̄, θ)‖₂ ≤ tol;  the map that is differentiated is Newton's, F = x − ∂ₓG⁻¹ G, with ∂ₓG by LU
import { ArgumentError, checkOptions } from '../base/errors.js'
import { flatten, flattenLike, unflatten } from '../base/tree.js'
import type { TreeSpec } from '../base/tree.js'
import { applyCustom } from '../control/custom.js'
import { shapesOf } from '../control/loop.js'
import type { Tensor } from '../ir/tensor.js'
import { isOperand, tensor, traceGraph } from '../ir/trace.js'
import type { Operand, Operands } from '../ir/trace.js'
import { sub } from '../ops/elementwise.js'
import { luFactor } from '../ops/linalg.js'
import { broadcast } from '../ops/movement.js'
import { packing } from '../ops/packing.js'
import { norm2 } from '../ops/reduce.js'
import { jacobian } from '../transform/derivatives.js'
import type { CertificateOptions } from './certificate.js'
import { implicit } from './implicit.js'
import { solve } from './solve.js'
import type { Solver } from './solver.js'
import type { Solved, Strategy, Trajectory } from './strategy.js'

/** The equation that a solution satisfies: a fixed point of `map`, or a root of `residual`; exactly one of them. */
export interface OptimalityCondition<X, P> {
  /** F with F(x̄, θ) = x̄, of the structure of x. It is what one-step, Neumann and phantom differentiate: its rate is theirs. */
  readonly map?: (x: X, theta: P) => X
  /**
   * G with G(x̄, θ) = 0, of the structure of x, with ∂ₓG regular. ∂ₓG is formed: for a large x give
   * `map: x − G(x, θ)` and `implicit({ linearSolver: 'gmres' })`, which never form it.
   */
  readonly residual?: (x: X, theta: P) => X
}

export interface AttachOptions<X, P> extends OptimalityCondition<X, P> {
  /** How x̄ is differentiated; default implicit(). Strategies that differentiate the trajectory are refused. */
  readonly strategy?: Strategy
  /** Reports how wrong the derivative can be: `certificate` beside the results. Default false. */
  readonly certificate?: boolean | CertificateOptions
  /**
   * The instance has the status `converged` where ‖F(x̄, θ) − x̄‖₂ or ‖G(x̄, θ)‖₂ is at most this, else `maxSteps`: what was handed
   * in is no solution yet, and the steps allowed, none, do not make it one. Default 1e-6.
   */
  readonly tol?: number
}

export interface WithDerivativeOptions<X, P> extends AttachOptions<X, P> {
  /** x̄ from θ, by any traced function: it is run and never differentiated. */
  readonly forward: (theta: P) => Operands<X>
}

const attachOptions = ['map', 'residual', 'strategy', 'certificate', 'tol']

/** A solver whose start is its solution. */
const noSteps = <X, P>(what: string, options: AttachOptions<X, P>): Solver<X, P, X> => {
  const { map, residual, tol = 1e-6 } = options
  if ((map === undefined) === (residual === undefined)) {
    throw new ArgumentError(`${what} needs the equation that holds at the solution`, {
      expected: 'exactly one of map and residual',
      received: map === undefined ? 'neither' : 'both',
      remedy: 'Give map, with F(x, theta) = x, or residual, with G(x, theta) = 0',
    })
  }
  if (!(tol >= 0)) {
    throw new ArgumentError(`${what}: tol`, { expected: 'a number ≥ 0', received: String(tol) })
  }
  const vectorOf = (x: X): { readonly vector: Tensor; readonly spec: TreeSpec; unpack: (v: Tensor) => X } => {
    const { leaves, spec } = flatten(x, isOperand, 'x')
    const tensors = leaves.map(tensor)
    const { pack, unpack } = packing(shapesOf(tensors))
    return { vector: pack(tensors), spec, unpack: (v) => unflatten(spec, unpack(v)) as X }
  }
  /** `value` as a vector; it must have the structure of x. */
  const like = (value: X, spec: TreeSpec, name: string): Tensor => {
    const leaves = flattenLike(value, spec, isOperand, name).map(tensor)
    return packing(shapesOf(leaves)).pack(leaves)
  }
  const common = {
    name: what,
    init: (x: X) => x,
    step: (x: X) => x,
    point: (x: X) => x,
    stopping: { maxSteps: 0, tol, rtol: 0, divergence: Infinity },
  }
  if (residual === undefined) {
    const F = map as (x: X, theta: P) => X
    return {
      ...common,
      map: (x, theta) => F(x, theta),
      error: (x, theta) => {
        const { vector, spec } = vectorOf(x)
        return norm2(sub(like(F(x, theta), spec, 'map(x, theta)'), vector))
      },
    }
  }
  const at = (x: X, theta: P) => {
    const { vector, spec, unpack } = vectorOf(x)
    const G = (v: Tensor): Tensor => like(residual(unpack(v), theta), spec, 'residual(x, theta)')
    return { vector, unpack, G, factor: () => luFactor(jacobian(G, { mode: 'forward' })(vector)) }
  }
  return {
    ...common,
    residual,
    error: (x, theta) => {
      const { vector, G } = at(x, theta)
      return norm2(G(vector))
    },
    map: (x, theta) => {
      const { vector, unpack, G, factor } = at(x, theta)
      return unpack(sub(vector, factor().solve(G(vector))))
    },
    linearize: (x, theta) => at(x, theta).factor(),
  }
}

/** The strategy, on a solve that has no trajectory. */
const withoutTrajectory = (what: string, strategy: Strategy): Strategy => {
  const refuse = (): never => {
    throw new ArgumentError(`${what}: the strategy ${strategy.name} differentiates the steps of a solver`, {
      expected: 'a strategy that needs nothing but the equation at the solution',
      received: strategy.name,
      remedy: 'Use implicit, oneStep, neumann or phantom, or write the algorithm as a Solver and call solve',
    })
  }
  if (strategy.throughX0 === true || strategy.keepsPrevious === true) refuse()
  const trajectory: Trajectory = { init: refuse, step: refuse, point: refuse, x0: [], maxSteps: 0 }
  const bare = (solved: Solved): Solved => ({ ...solved, trajectory })
  return {
    ...strategy,
    jvp: (solved, dTheta, dX0) => strategy.jvp(bare(solved), dTheta, dX0),
    vjp: (solved, v, wanted) => strategy.vjp(bare(solved), v, wanted),
  }
}

const attached = <X, P>(
  what: string,
  x: Operands<X>,
  theta: Operands<P>,
  options: AttachOptions<X, P>,
): X => {
  const { strategy = implicit(), certificate = false } = options
  return solve(noSteps(what, options), {
    x0: x,
    theta,
    strategy: withoutTrajectory(what, strategy),
    certificate,
  })
}

/**
 * x̄ as it is, with a derivative: for a solution that was computed elsewhere and handed in as numbers beside θ. x̄ itself is a
 * constant; the derivative is with respect to θ and to every Tensor that `map` or `residual` closes over.
 *
 * Reports `residual`, what the equation is off by at x̄, and `status`: `converged` where it is at most `tol`, `nonFinite`, else
 * `maxSteps`.
 * @throws {ArgumentError} without exactly one of map and residual, and for strategies that need a trajectory.
 */
export const attach = <X, P>(x: Operands<X>, theta: Operands<P>, options: AttachOptions<X, P>): X => {
  checkOptions('attach', options, attachOptions)
  return attached('attach', x, theta, options)
}

/** A traced function that is run and never differentiated: tangents come out as zeros, cotangents end. */
const undifferentiated = <X, P>(forward: (theta: P) => Operands<X>, theta: Operands<P>): Operands<X> => {
  const { leaves, spec } = flatten(theta, isOperand, 'theta')
  const own = leaves.map(tensor)
  let resultSpec: TreeSpec = { kind: 'leaf' }
  const { graph, captured } = traceGraph((ts): readonly Operand[] => {
    const result = flatten(forward(unflatten(spec, ts) as P), isOperand, 'forward(theta)')
    resultSpec = result.spec
    return result.leaves
  }, shapesOf(own))
  const inputs = [...own, ...captured]
  const outputs = applyCustom(inputs, {
    label: 'forward',
    graph,
    // Zeros that are there: `solve` sees that x̄ moves with something, and tells where the equation does not.
    jvp: (point) => point.outputs.map((t) => broadcast(0, t.shape)),
    vjp: () => inputs.map(() => undefined),
  })
  return unflatten(resultSpec, outputs) as Operands<X>
}

/**
 * θ ↦ x̄ for any traced algorithm, given the equation that its result satisfies: the algorithm runs, the equation is
 * differentiated. The algorithm may use what has no derivative, such as a `whileLoop` in reverse. Reports as `attach` does,
 * beside what the algorithm reports itself.
 * @throws {ArgumentError} as `attach`; when `forward` is missing.
 */
export const withDerivative = <X, P>(options: WithDerivativeOptions<X, P>): ((theta: Operands<P>) => X) => {
  checkOptions('withDerivative', options, ['forward', ...attachOptions])
  const { forward } = options
  if (typeof forward !== 'function') {
    throw new ArgumentError('withDerivative: forward', {
      expected: 'a traced function of theta',
      received: typeof forward,
    })
  }
  noSteps('withDerivative', options)
  withoutTrajectory('withDerivative', options.strategy ?? implicit())
  return (theta) => attached('withDerivative', undifferentiated(forward, theta), theta, options)
}
