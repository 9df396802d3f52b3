// The formula of every strategy: A = ∂ₓF and B = ∂θF by complex steps through a map written by hand, and plain matrix algebra.
// And the check: how far a strategy on a problem is from a formula, in both modes.
import { NDArray } from '../../lib/base/ndarray.js'
import {
  implicit,
  jacobian,
  jvp,
  neumann,
  oneStep,
  phantom,
  tensor,
  truncated,
  unrolled,
  vjp,
} from '../../lib/index.js'
import type { Strategy, Tensor } from '../../lib/index.js'
import { evaluate, normal, value } from '../harness/evaluate.js'
import type { Traced } from '../harness/evaluate.js'
import { relativeError } from '../oracle/compare.js'
import { complexStep } from '../oracle/complex.js'
import {
  fromArray,
  fromColumns,
  identity,
  minus,
  neumannSum,
  scaled,
  solved,
  times,
  toArray,
  transposed,
} from '../oracle/matrices.js'
import type { Matrix } from '../oracle/matrices.js'
import { graphOf } from '../oracle/transforms.js'
import type { Problem } from './problems.js'

const basis = (x: NDArray): readonly NDArray[] =>
  Array.from(
    x.data,
    (_, j) =>
      new NDArray(
        x.shape,
        x.data.map((__, i) => Number(i === j)),
      ),
  )

/** The Jacobian of a function of several arrays with respect to one of them, one complex step a column. */
export const derivative = (fn: Traced, inputs: readonly NDArray[], by: number): Matrix => {
  const graph = graphOf(fn, inputs)
  const still = inputs.map(
    (x) =>
      new NDArray(
        x.shape,
        x.data.map(() => 0),
      ),
  )
  return fromColumns(
    basis(inputs[by] as NDArray).map(
      (d) =>
        (
          complexStep(
            graph,
            inputs,
            still.map((zero, i) => (i === by ? d : zero)),
          ).tangents[0] as NDArray
        ).data,
    ),
  )
}

/** What is known of a run of k steps, computed once a problem. */
export interface Facts {
  readonly problem: Problem
  /** xⱼ for j ≤ k. */
  readonly at: (j: number) => NDArray
  /** The last step length. */
  readonly alpha: number
  /** ∂ₓF, ∂θF at a point, with the last step length. */
  readonly A: (x: NDArray) => Matrix
  readonly B: (x: NDArray) => Matrix
  /** −∂ₓG⁻¹ ∂θG at a point. */
  readonly ofResidual: (x: NDArray) => Matrix
}

const remember = <K, V>(make: (key: K) => V): ((key: K) => V) => {
  const known = new Map<K, V>()
  return (key) => {
    if (!known.has(key)) known.set(key, make(key))
    return known.get(key) as V
  }
}

export const factsOf = (problem: Problem): Facts => {
  const { theta, run, map, residual, steps: k } = problem
  const at = remember((j: number): NDArray => value((p) => run(p, { strategy: implicit(), steps: j }), theta))
  const [before, after] = [at(k - 1), at(k)]
  const full = value((x, p) => map(x, p, 1), before, theta)
  const d = full.data.map((z, i) => z - (before.data[i] as number))
  const alpha =
    d.reduce((s, z, i) => s + z * ((after.data[i] as number) - (before.data[i] as number)), 0) /
    d.reduce((s, z) => s + z * z, 0)
  const step: Traced = (x, p) => map(x, p, alpha)
  const G: Traced = (x, p) => (residual as NonNullable<typeof residual>)(x, p)
  return {
    problem,
    at,
    alpha,
    A: remember((x) => derivative(step, [x, theta], 0)),
    B: remember((x) => derivative(step, [x, theta], 1)),
    ofResidual: remember((x) =>
      scaled(-1, solved(derivative(G, [x, theta], 0), derivative(G, [x, theta], 1))),
    ),
  }
}

export const last = ({ at, problem: { steps } }: Facts): NDArray => at(steps)
export const previous = ({ at, problem: { steps } }: Facts): NDArray => at(steps - 1)
const implicitly = (f: Facts, x: NDArray): Matrix => solved(minus(identity(x.size), f.A(x)), f.B(x))

/** The derivative of K steps x + τ (F − x) from a point that is held constant. */
const replayed = (
  { problem: { map, theta }, alpha }: Facts,
  start: NDArray,
  count: number,
  damping = 1,
): Matrix =>
  derivative(
    (p) =>
      Array.from({ length: count }).reduce<Tensor>(
        (x) => x.mul(1 - damping).add(map(x, p, alpha).mul(damping)),
        tensor(start),
      ),
    [theta],
    0,
  )

export interface Row {
  readonly name: string
  readonly strategy: Strategy
  readonly expected: (facts: Facts) => Matrix
  /** Whether the strategy is defined for the problem. */
  readonly fits: (problem: Problem) => boolean
}

const everywhere = (): boolean => true
const isNewton = ({ residual }: Problem): boolean => residual !== undefined

export const rows: readonly Row[] = [
  { name: 'one-step', strategy: oneStep(), expected: (f) => f.B(last(f)), fits: everywhere },
  {
    name: 'one-step at the previous iterate',
    strategy: oneStep({ at: 'previous' }),
    expected: (f) => f.B(previous(f)),
    fits: everywhere,
  },
  {
    name: 'one-step divided by the step length',
    strategy: oneStep({ stepLengthCorrection: true }),
    expected: (f) => scaled(1 / f.alpha, f.B(last(f))),
    fits: ({ tellsStepLength }) => tellsStepLength === true,
  },
  {
    name: 'one-step with a held Hessian',
    strategy: oneStep({ detachHessian: true }),
    expected: (f) => f.ofResidual(last(f)),
    fits: isNewton,
  },
  {
    name: 'one-step with a held Hessian at the previous iterate',
    strategy: oneStep({ detachHessian: true, at: 'previous' }),
    expected: (f) => f.ofResidual(previous(f)),
    fits: isNewton,
  },
  { name: 'truncated 1', strategy: truncated(1), expected: (f) => f.B(previous(f)), fits: everywhere },
  {
    name: 'truncated 3',
    strategy: truncated(3),
    expected: (f) => replayed(f, f.at(Math.max(0, f.problem.steps - 3)), Math.min(3, f.problem.steps)),
    fits: everywhere,
  },
  {
    name: 'unrolled',
    strategy: unrolled(),
    expected: ({ problem: { run, theta, steps } }) =>
      derivative((p) => run(p, { strategy: implicit(), steps }), [theta], 0),
    fits: everywhere,
  },
  {
    name: 'implicit',
    strategy: implicit(),
    expected: (f) => (isNewton(f.problem) ? f.ofResidual(last(f)) : implicitly(f, last(f))),
    fits: everywhere,
  },
  ...(['lu', 'cholesky', 'cg', 'gmres', 'bicgstab', 'normalCg', 'neumann'] as const).map((linearSolver) => {
    const direct = linearSolver === 'lu' || linearSolver === 'cholesky'
    const needs =
      linearSolver === 'cholesky' || linearSolver === 'cg'
        ? 'symmetric'
        : linearSolver === 'neumann'
          ? 'contractive'
          : undefined
    return {
      name: `implicit, ${linearSolver}`,
      strategy: implicit({ linearSolver, ...(direct ? {} : { tol: 1e-14, maxSteps: 3000 }) }),
      expected: (f: Facts) => implicitly(f, last(f)),
      fits: (p: Problem) => (direct || p.krylov === true) && (needs === undefined || p[needs] === true),
    }
  }),
  { name: 'neumann 1', strategy: neumann(1), expected: (f) => f.B(last(f)), fits: everywhere },
  {
    name: 'neumann 4',
    strategy: neumann(4),
    expected: (f) => neumannSum(f.A(last(f)), f.B(last(f)), 4),
    fits: everywhere,
  },
  { name: 'phantom 1, 1', strategy: phantom(1, 1), expected: (f) => f.B(last(f)), fits: everywhere },
  {
    name: 'phantom 3, 0.6',
    strategy: phantom(3, 0.6),
    expected: (f) => replayed(f, last(f), 3, 0.6),
    fits: everywhere,
  },
]

/** x, the Jacobian in both modes, J ṗ and vᵀ J. */
const everything = ({ run, steps, theta }: Problem, strategy: Strategy, size: number): Traced => {
  const [direction, covector] = [normal('direction', theta.size), normal('covector', size)]
  return (p) => {
    const fn = (q: Tensor): Tensor => run(q, { strategy, steps })
    const [x, moved] = jvp(fn, [p], [tensor(direction)])
    const pulled = vjp(fn, [p])[1](tensor(covector))[0]
    return [x, jacobian(fn, { mode: 'forward' })(p), jacobian(fn, { mode: 'reverse' })(p), moved, pulled]
  }
}

const flat = (m: Matrix): NDArray => new NDArray([m.flat().length], Float64Array.from(m.flat()))

/** What is compared, in the order of `distances`. */
export const compared = ['x', 'forward Jacobian', 'reverse Jacobian', 'jvp', 'vjp'] as const

/** How far a strategy is from a formula, and what was reported. */
export const distances = (
  facts: Facts,
  strategy: Strategy,
  expected: Matrix,
): { readonly errors: readonly number[]; readonly reports: ReturnType<typeof evaluate>['reports'] } => {
  const { problem } = facts
  const x = last(facts)
  const [direction, covector] = [normal('direction', problem.theta.size), normal('covector', x.size)]
  const { outputs, reports } = evaluate(everything(problem, strategy, x.size), problem.theta)
  const J = toArray(expected)
  const wanted = [
    x,
    J,
    J,
    flat(times(expected, fromArray(direction))),
    flat(times(transposed(expected), fromArray(covector))),
  ]
  return { errors: wanted.map((want, i) => relativeError([outputs[i] as NDArray], [want])), reports }
}
