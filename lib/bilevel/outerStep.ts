// One outer step, as one traced function of one θ-instance: the hypergradient at u, and where the optimizer goes from there.
import { flattenLike, unflatten } from '../base/tree.js'
import type { TreeSpec } from '../base/tree.js'
import type { CertificateOptions } from '../differentiation/certificate.js'
import { oneStep } from '../differentiation/oneStep.js'
import type { Solver } from '../differentiation/solver.js'
import type { Strategy } from '../differentiation/strategy.js'
import { reportsAsOutputs } from '../control/loop.js'
import type { Shape } from '../base/shape.js'
import type { Tensor } from '../ir/tensor.js'
import { inline, isOperand, tensor, traceGraph } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import { abs, greater, isFinite, maximum, minimum, mul, sub, where } from '../ops/elementwise.js'
import { broadcast } from '../ops/movement.js'
import { packing } from '../ops/packing.js'
import { norm2 } from '../ops/reduce.js'
import type { Domain } from './domain.js'
import { adjointSize, hypergradientFrom } from './hypergradient.js'
import type { Optimizer } from './optimizer.js'
import { strategyWithParameters, withParameters, withTolerance } from './substitute.js'

type Inner = Solver<unknown, unknown, unknown>

interface NamedInner {
  readonly solver: Inner
  readonly x0: unknown
  readonly strategy?: Strategy
}

/** What `hypergradient` takes, for one inner problem or several. */
export interface AnyProblem {
  readonly inner: Inner | Readonly<Record<string, NamedInner>>
  readonly x0?: unknown
  readonly outer: (x: never, theta: never) => Operand
  readonly strategy?: Strategy
  readonly certificate?: boolean | CertificateOptions
}

export interface OuterProgram {
  /** The problem of an instance, from its data. */
  readonly problem: (data: unknown) => AnyProblem
  readonly domain: Domain
  readonly optimizer: Optimizer
  /** The structure of θ and the shapes of its leaves, of one instance. */
  readonly structure: { readonly spec: TreeSpec; readonly shapes: readonly Shape[] }
  readonly warmStart: boolean
  /** The worst status with which the inner solution of a trial counts. */
  readonly worst: number
}

/** Where an outer step starts. */
export interface Place {
  readonly u: Tensor
  readonly x: unknown
  /** The last adjoint, where the strategy can be started with one. */
  readonly adjoint: { readonly last?: Tensor }
  readonly state: unknown
}

/** How exactly the inner problem is to be solved. */
export interface Accuracy {
  /** The tolerance of this step; left out where the solvers have their own. */
  readonly tolerance?: Tensor
  /** What it is multiplied by, 1 or less. */
  readonly tightening: Tensor
}

/** What an inner tolerance is multiplied by where more exactness is wanted. */
export const refining = 0.01
/** No tolerance is tightened below this. */
const leastTolerance = 1e-12

const isSolver = (inner: object): inner is Inner => 'step' in inner && typeof inner.step === 'function'

/** The problem with u in the place of θ, and its inner problems solved as exactly as asked. */
const adapted = (given: AnyProblem, thetaOf: (u: Tensor) => unknown, accuracy: Accuracy): AnyProblem => {
  const tighter = (tol: Operand): Tensor => {
    const base = accuracy.tolerance ?? tol
    return minimum(base, maximum(leastTolerance, mul(base, accuracy.tightening)))
  }
  const solverOf = (solver: Inner): Inner =>
    withParameters(withTolerance(solver, tighter), thetaOf as (u: unknown) => unknown)
  const how = (strategy: Strategy | undefined): { readonly strategy?: Strategy } =>
    strategy === undefined ? {} : { strategy: strategyWithParameters(strategy, thetaOf) }
  const { inner, outer, strategy } = given
  return {
    ...given,
    ...how(strategy),
    inner: isSolver(inner)
      ? solverOf(inner)
      : Object.fromEntries(
          Object.entries(inner).map(([name, problem]) => [
            name,
            { ...problem, ...how(problem.strategy), solver: solverOf(problem.solver) },
          ]),
        ),
    outer: (x, u) => outer(x, thetaOf(u) as never),
  }
}

/** Where the inner problems start, of the structure of x. */
const startsOf = ({ inner, x0 }: AnyProblem): unknown =>
  isSolver(inner)
    ? x0
    : Object.fromEntries(Object.entries(inner).map(([name, problem]) => [name, problem.x0]))

/** The columns of an instance before the first step. */
export const firstColumns =
  ({ problem, domain, optimizer, structure, warmStart }: OuterProgram) =>
  (theta: unknown, data: unknown) => {
    const leaves = flattenLike(theta, structure.spec, isOperand, 'theta')
    const given = problem(data)
    // Its options are wrong or right before anything is computed.
    const size = adjointSize(given)
    const u = domain.start(packing(structure.shapes).pack(leaves.map(tensor)))
    const adjoint: Place['adjoint'] = warmStart && size !== undefined ? { last: broadcast(0, [size]) } : {}
    return { u, x: startsOf(given), adjoint, state: optimizer.init(u), theta }
  }

/** One outer step of an instance; see the head of this file. */
export const outerStep =
  ({ problem, domain, optimizer, structure, warmStart, worst }: OuterProgram) =>
  ({ u, x, adjoint, state }: Place, accuracy: Accuracy, data: unknown) => {
    const space = packing(structure.shapes)
    const thetaOf = (v: Tensor): unknown => unflatten(structure.spec, space.unpack(domain.theta(v)))
    const original = problem(data)
    const given = adapted(original, thetaOf, accuracy)
    const run = (options: AnyProblem, at: Tensor, start: unknown, nu?: Tensor) =>
      hypergradientFrom<unknown, Tensor>(options as never)(at, start, nu)
    const here = run(given, u, warmStart ? x : undefined, adjoint.last)
    /** h alone, from the last solution on; the gradient that comes with it is never computed. What it reports stays here: a trial that fails is no failure of the instance. */
    const objective =
      (options: AnyProblem) =>
      (at: Tensor): Tensor => {
        const { graph, captured } = traceGraph(
          ([v]) => [run({ ...options, strategy: oneStep(), certificate: false }, v as Tensor, here.x).value],
          [at.shape],
        )
        const { graph: silent, kinds } = reportsAsOutputs(graph)
        const [value, ...reports] = inline(silent, [at, ...captured])
        const status = reports.filter((_, i) => kinds[i] === 'status').reduce(maximum, tensor(0))
        return where(greater(status, worst), NaN, value as Tensor)
      }
    const { value, gradient } = here
    const noise = (): Tensor => {
      const tightening = mul(accuracy.tightening, refining)
      const difference = sub(objective(adapted(original, thetaOf, { ...accuracy, tightening }))(u), value)
      return where(isFinite(difference), mul(4, abs(difference)), 0)
    }
    const next = optimizer.step(state, {
      ...{ theta: u, gradient, value, noise },
      objective: objective(given),
      project: domain.project,
    })
    return {
      ...{ next: next.theta, state: next.state, stepSize: next.stepSize, x: here.x, value },
      adjoint: adjoint.last === undefined ? {} : { last: here.adjoint as Tensor },
      theta: thetaOf(u),
      /** ‖u − P(u − ∇h)‖: the norm of the gradient, without what presses on a bound. */
      norm: norm2(sub(u, domain.project(sub(u, gradient)))),
    }
  }
