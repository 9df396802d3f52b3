// The gradient of an outer objective through the solution of inner problems.
//   h(θ) = g(x̄(θ), θ),   ∇h = ∂θg + Σᵢ (∂x̄ᵢ/∂θ)ᵀ ∂ₓᵢg,   each ∂x̄ᵢ/∂θ by a strategy
import { ArgumentError, ShapeError, checkOptions } from '../base/errors.js'
import { formatShape, sizeOf } from '../base/shape.js'
import { flatten, unflatten } from '../base/tree.js'
import { reaches, shapesOf } from '../control/loop.js'
import { certificateOptions, certifyGradient } from '../differentiation/certificate.js'
import type { CertificateOptions } from '../differentiation/certificate.js'
import { solveOpenly } from '../differentiation/solve.js'
import type { OpenSolve } from '../differentiation/solve.js'
import type { AnySolver, Solver } from '../differentiation/solver.js'
import type { Solved, Strategy } from '../differentiation/strategy.js'
import type { Maybe } from '../ir/op.js'
import type { Tensor } from '../ir/tensor.js'
import { isOperand, tensor, traceGraph } from '../ir/trace.js'
import type { Operand, Operands } from '../ir/trace.js'
import { addMaybe } from '../ops/elementwise.js'
import { broadcast } from '../ops/movement.js'
import { packing } from '../ops/packing.js'
import { valueAndGrad } from '../transform/derivatives.js'
import { stack } from './stack.js'

/** One inner problem of several. */
export interface InnerProblem<X, P> {
  readonly solver: AnySolver<X, P>
  /** Where its iteration starts, unless the call says so. */
  readonly x0: Operands<X>
  /** How it is differentiated; default: the strategy of the whole. */
  readonly strategy?: Strategy
}

interface Common<X, P> {
  /** g(x, θ), a scalar. */
  readonly outer: (x: X, theta: P) => Operand
  /** How x̄ is differentiated; default implicit(). */
  readonly strategy?: Strategy
  /** Reports how wrong the hypergradient can be: `certificate` beside the results. Default true; false saves what it costs. */
  readonly certificate?: boolean | CertificateOptions
}

/** One inner problem: a solver and its start. */
export interface HypergradientOptions<X, P, S> extends Common<X, P> {
  readonly inner: Solver<X, P, S>
  readonly x0: Operands<X>
}

/** Several inner problems by name; x is then a record of their solutions. */
export interface SeveralInner<X extends Readonly<Record<string, unknown>>, P> extends Common<X, P> {
  readonly inner: { readonly [K in keyof X]: InnerProblem<X[K], P> }
}

/** The outer objective, its gradient of the structure of θ, and x̄. */
export interface HypergradientValue<X, P> {
  readonly value: Tensor
  readonly gradient: P
  readonly x: X
}

/** A traced function: compile it, run it over batches of θ; a warm start may be given as second argument. */
export type Hypergradient<X, P> = (theta: P, x0?: X) => HypergradientValue<X, P>

const isSolver = (inner: object): inner is Solver<unknown, unknown, unknown> =>
  'step' in inner && typeof inner.step === 'function'

const solversOf = (
  inner: object,
  x0: unknown,
): { readonly names: readonly string[] | undefined; readonly problems: InnerProblem<unknown, unknown>[] } => {
  if (isSolver(inner)) {
    if (x0 === undefined) {
      throw new ArgumentError('hypergradient needs x0, where the inner solver starts', {
        remedy: 'Give x0 of the structure of x',
      })
    }
    return { names: undefined, problems: [{ solver: inner, x0 }] }
  }
  const names = Object.keys(inner)
  if (names.length === 0) throw new ArgumentError('hypergradient: there is no inner problem')
  const problems = names.map((name) => {
    const problem = (inner as Record<string, InnerProblem<unknown, unknown>>)[name] as InnerProblem<
      unknown,
      unknown
    >
    checkOptions(`hypergradient: inner problem ${name}`, problem, ['solver', 'x0', 'strategy'])
    return problem
  })
  return { names, problems }
}

/** Refuses an outer objective that is no scalar, or that x̄ does not enter. */
const checkOuter = (
  outer: (xs: readonly Tensor[], theta: readonly Tensor[]) => Operand,
  xs: readonly Tensor[],
  theta: readonly Tensor[],
): void => {
  const { graph } = traceGraph(
    (ts) => [outer(ts.slice(0, xs.length), ts.slice(xs.length))],
    shapesOf([...xs, ...theta]),
  )
  const shape = graph.outputs[0]?.shape ?? []
  if (shape.length !== 0) {
    throw new ShapeError('hypergradient: the outer objective is not a scalar', {
      expected: '[]',
      received: formatShape(shape),
      remedy: 'Sum it, or take its mean',
    })
  }
  if (reaches(graph, [...xs.map(() => true), ...theta.map(() => false)])[0] === true) return
  throw new ArgumentError('hypergradient: the outer objective does not depend on x', {
    expected: 'g(x, theta) with x in it',
    remedy: 'Use x in the outer objective; for a function of theta alone, valueAndGrad is enough',
  })
}

type AnyOptions<X, P> = Common<X, P> & { readonly inner: object; readonly x0?: unknown }

/** A strategy that takes the outer objective as a whole does so where it is that of all inner problems. */
const wholeOf = <X, P>(
  problems: readonly InnerProblem<unknown, unknown>[],
  { strategy }: AnyOptions<X, P>,
): Strategy['gradient'] =>
  problems.every(({ strategy: own }) => own === undefined) ? strategy?.gradient : undefined

/** The number of unknowns of the adjoint with which the strategy can be started; undefined for one that cannot. */
export const adjointSize = (options: AnyOptions<never, never>): number | undefined => {
  const { problems } = solversOf(options.inner, options.x0)
  if (wholeOf(problems, options) === undefined) return undefined
  const starts = problems.flatMap(({ x0 }) => flatten(x0, isOperand, 'x0').leaves)
  return starts.reduce<number>((sum, leaf) => sum + sizeOf(tensor(leaf).shape), 0)
}

/** The same as `hypergradient`, from an adjoint that was right nearby; with the one that it was made from, where there is one. */
export const hypergradientFrom = <X, P>(
  options: AnyOptions<X, P>,
): ((theta: P, x0?: X, adjoint?: Tensor) => HypergradientValue<X, P> & { readonly adjoint?: Tensor }) => {
  checkOptions('hypergradient', options, ['inner', 'x0', 'outer', 'strategy', 'certificate'])
  const { outer, strategy, certificate = true } = options
  const { names, problems } = solversOf(options.inner, options.x0)
  const whole = wholeOf(problems, options)
  const certifiesItself = whole !== undefined && strategy?.certifies === true
  const certify = certificate === false || certifiesItself ? undefined : certificateOptions(certificate)
  const named = (parts: readonly unknown[]): X =>
    (names === undefined ? parts[0] : Object.fromEntries(names.map((name, i) => [name, parts[i]]))) as X
  return (theta, x0, adjoint0) => {
    const pTree = flatten(theta, isOperand, 'theta')
    const p = pTree.leaves.map(tensor)
    const thetaOf = (leaves: readonly Tensor[]): P => unflatten(pTree.spec, leaves) as unknown as P
    const solves = problems.map(({ solver, x0: first, strategy: own }, i): OpenSolve<unknown> => {
      const warm =
        names === undefined ? x0 : (x0 as Record<string, unknown> | undefined)?.[names[i] as string]
      const how = own ?? strategy
      return solveOpenly(solver as unknown as Solver<unknown, unknown, unknown>, {
        x0: warm ?? first,
        theta,
        ...(how === undefined ? {} : { strategy: how }),
      })
    })
    const each = solves.map(({ solved }) => solved())
    /** Which operands are leaves of θ; the others are closed over. */
    const ofTheta = ({ theta: operands }: Solved): boolean[] => operands.map((_, k) => k < p.length)
    const space = packing(each.map(({ x }) => x.shape))
    const treeOf = (xs: readonly Tensor[]): X =>
      named(xs.map((x, i) => (solves[i] as OpenSolve<unknown>).unpack(x)))
    const objective = (xs: readonly Tensor[], leaves: readonly Tensor[]): Operand =>
      outer(treeOf(xs), thetaOf(leaves))
    const asVector = (x: Tensor, operands: readonly Tensor[]): Tensor =>
      tensor(objective(space.unpack(x), operands.slice(0, p.length)))
    const xs = each.map(({ x }) => x)
    checkOuter(objective, xs, p)
    const certified = (gradient: readonly Maybe[], adjoint?: Tensor): void => {
      if (certify === undefined) return
      const solved = stack(each, p.length)
      const padded = solved.theta.map((_, k) => gradient[k])
      const wanted = ofTheta(solved)
      certifyGradient({ solved, outer: asVector, gradient: padded, wanted, adjoint }, certify)
    }
    const asTheta = (gradient: readonly Maybe[]): P =>
      thetaOf(p.map((t, k) => gradient[k] ?? broadcast(0, t.shape)))
    if (whole !== undefined) {
      const solved = stack(each, p.length)
      solves.forEach(({ warn }, i) => {
        warn(ofTheta(each[i] as Solved))
      })
      const { parts, adjoint } = whole(solved, asVector, ofTheta(solved), adjoint0)
      certified(parts, adjoint)
      return { value: tensor(objective(xs, p)), gradient: asTheta(parts), x: treeOf(xs), adjoint }
    }
    const [value, [vs, direct]] = valueAndGrad(([x, leaves]: [Tensor[], Tensor[]]) => objective(x, leaves))([
      xs,
      p,
    ])
    const gradient = solves.reduce<readonly Maybe[]>((sum, { pull }, i) => {
      const pulled = pull(vs[i] as Tensor, ofTheta(each[i] as Solved))
      return sum.map((t, k) => addMaybe(t, pulled[k]))
    }, direct)
    certified(gradient)
    return { value, gradient: asTheta(gradient), x: treeOf(xs) }
  }
}

/**
 * θ ↦ { value, gradient, x } of g(x̄(θ), θ). Statuses, iterations and residuals of the inner solves are reported beside.
 * @throws {ArgumentError} for unknown options, and when it is traced: an outer objective that does not depend on x.
 * @throws {ShapeError} when it is traced: an outer objective that is not a scalar.
 */
export function hypergradient<X, P, S>(options: HypergradientOptions<X, P, S>): Hypergradient<X, P>
export function hypergradient<X extends Readonly<Record<string, unknown>>, P>(
  options: SeveralInner<X, P>,
): Hypergradient<X, P>
export function hypergradient<X, P>(options: AnyOptions<X, P>): Hypergradient<X, P> {
  const from = hypergradientFrom(options)
  return (theta, x0) => {
    const { value, gradient, x } = from(theta, x0)
    return { value, gradient, x }
  }
}
