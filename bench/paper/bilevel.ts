// Hypergradient descent with estimators of the hypergradient: with d(θ) = Jᵀ∇g(x₍k₎) + γ θ, J by one-step or another strategy,
//   θ₍l₊₁₎ = θ₍l₎ − α d(θ₍l₎),   α = 1 / L_h
// and the proposition, for one-step:  ‖d − ∇h‖ ≤ ε,   min₍l≤K₎ ‖∇h(θ₍l₎)‖² ≤ ε² + 2 L_h (h(θ₀) − h*) / (K + 1).
// ε does not go to 0 with k: gradient descent leaves the floor ρ L_F l_g / (1 − ρ), Newton leaves none. The true ∇h(θ₍l₎) is that of
// implicit at the solution.
import {
  OnestepError,
  compile,
  grad,
  implicit,
  neumann,
  oneStep,
  scan,
  solve,
  statusCode,
  statusNames,
  truncated,
  valueAndGrad,
  zeros,
} from '../../lib/index.js'
import type { NDArray, Solver, Strategy, Tensor } from '../../lib/index.js'
import {
  constantsOf,
  descentOf,
  floorOf,
  groupsOf,
  newtonOf,
  outerLoss,
  transientOf,
} from './bilevelProblem.js'
import type { BilevelConstants, BilevelProblem } from './bilevelProblem.js'
import type { Runner } from './runner.js'
import { distance } from './spectrum.js'

/** Newton ends at ‖∇f‖ ≤ τ. */
const tau = 1e-12

/** One outer step that was looked at. */
export interface BilevelPoint {
  readonly l: number
  /** h(θ₍l₎) */
  readonly value: number
  /** ‖∇h(θ₍l₎)‖² */
  readonly gradient: number
  /** The smallest of these up to here, over the steps that were looked at. */
  readonly least: number
  /** ε² + 2 L_h h(θ₀) / (l + 1); null where the paper has no ε. */
  readonly bound: number | null
  /** ‖d − ∇h‖ of the estimator */
  readonly bias: number
}

export interface BilevelCurve {
  readonly estimator: string
  readonly inner: 'gradient descent' | 'Newton'
  /** The bound of `bias`; null where the paper has none. */
  readonly epsilon: number | null
  /** Whether bias ≤ ε and least ≤ bound at all points; null where there is no ε. */
  readonly holds: boolean | null
  readonly points: readonly BilevelPoint[]
}

export interface BilevelOptions {
  /** Inner steps of gradient descent. */
  readonly k: number
  /** K of truncated and Neumann. */
  readonly K: number
  /** Outer steps. */
  readonly steps: number
  /** Leaves the floor out of ε, as if it went to 0 with k: a mistake made on purpose, to see that it is noticed. */
  readonly withoutFloor?: boolean
  /** Called after each part; see partsOf. */
  readonly onPart?: () => void
}

/** Outer steps of one call of a program. */
const segment = 500

/** How often `onPart` is called: five estimators. */
export const partsOf = (steps: number): number => 5 * Math.ceil(steps / segment)

/** d(θ) by an inner solver and a strategy. */
const hypergradient =
  <S>(problem: BilevelProblem, solver: Solver<Tensor, Tensor, S>, strategy: Strategy) =>
  (theta: Tensor): Tensor => {
    const outer = outerLoss(problem)
    const x0 = zeros([problem.groups.length])
    return grad((t: Tensor) => outer(solve(solver, { x0, theta: t, strategy }), t))(theta)
  }

/** `segment` outer steps from θ: the last θ, and θ and d of each step. */
const descent = (d: (theta: Tensor) => Tensor, alpha: number) =>
  compile((theta: Tensor) => {
    const [last, steps] = scan(
      (t: Tensor) => {
        const direction = d(t)
        return [t.sub(direction.mul(alpha)), { theta: t, direction }] as const
      },
      theta,
      undefined,
      { length: segment },
    )
    return { last, ...steps }
  })

/** h(θ) and ∇h(θ) for a list of θ: [n], [n, m]. */
const truth = (problem: BilevelProblem) => {
  const outer = outerLoss(problem)
  const x0 = zeros([problem.groups.length])
  const program = compile(
    valueAndGrad((theta: Tensor) =>
      outer(solve(newtonOf(problem, tau), { x0, theta, strategy: implicit() }), theta),
    ),
  )
  return (thetas: readonly Float64Array[]): readonly [NDArray, NDArray] => {
    const { value, status } = program.batch(thetas.map((theta) => [...theta]))
    if (status.every((code) => code === statusCode.converged)) return value
    throw new OnestepError('bilevel: the true hypergradient was not found', {
      code: 'ERR_NOT_CONVERGED',
      received: [...new Set(statusNames(status))].join(', '),
      remedy: 'Give data without entries that are not finite',
    })
  }
}

/** Steps that are looked at: all of the first ones, then about twenty in each power of ten. */
const lookedAt = (steps: number): number[] => {
  const list = [0]
  for (let l = 1; l < steps; l = Math.max(l + 1, Math.round(l * 1.12))) list.push(l)
  return [...list, steps - 1].filter((l, i, all) => l !== all[i - 1])
}

interface Contestant {
  readonly estimator: string
  readonly inner: BilevelCurve['inner']
  readonly epsilon: number | null
  readonly d: (theta: Tensor) => Tensor
}

const contestants = (
  problem: BilevelProblem,
  constants: BilevelConstants,
  { k, K, withoutFloor = false }: BilevelOptions,
): readonly Contestant[] => {
  const byDescent = (strategy: Strategy) =>
    hypergradient(problem, descentOf(problem, constants.step, k), strategy)
  const inner = 'gradient descent'
  const floor = withoutFloor ? 0 : floorOf(constants)
  return [
    {
      ...{ estimator: 'one-step', inner, epsilon: floor + transientOf(constants, k) },
      d: byDescent(oneStep({ at: 'previous' })),
    },
    { estimator: `truncated-${String(K)}`, inner, epsilon: null, d: byDescent(truncated(K)) },
    { estimator: `neumann-${String(K)}`, inner, epsilon: null, d: byDescent(neumann(K)) },
    {
      estimator: 'implicit (CG)',
      inner,
      epsilon: null,
      d: byDescent(implicit({ linearSolver: 'cg', tol: 1e-12 })),
    },
    {
      ...{ estimator: 'one-step', inner: 'Newton', epsilon: tau * constants.newtonShare },
      d: hypergradient(problem, newtonOf(problem, tau), oneStep()),
    },
  ]
}

/** The curve of each estimator from θ₀ = 0; the programs run wherever `run` puts them. */
export const bilevelCurves = async (
  run: Runner,
  problem: BilevelProblem,
  options: BilevelOptions,
): Promise<{ readonly constants: BilevelConstants; readonly curves: readonly BilevelCurve[] }> => {
  const { steps, onPart = () => undefined } = options
  const constants = constantsOf(problem)
  const m = groupsOf(problem)
  const truthAt = truth(problem)
  const looked = lookedAt(steps)
  const curve = async ({ estimator, inner, epsilon, d }: Contestant): Promise<BilevelCurve> => {
    const advance = descent(d, 1 / constants.Lh)
    const thetas: Float64Array[] = []
    const directions: Float64Array[] = []
    let theta = zeros([m])
    while (thetas.length < steps) {
      const part = (await run(advance, theta)) as Record<'last' | 'theta' | 'direction', NDArray>
      for (let i = 0; i < segment; i++) {
        thetas.push(part.theta.data.slice(i * m, (i + 1) * m))
        directions.push(part.direction.data.slice(i * m, (i + 1) * m))
      }
      theta = part.last
      onPart()
    }
    const [values, gradients] = truthAt(looked.map((l) => thetas[l] as Float64Array))
    let least = Infinity
    const points = looked.map((l, i): BilevelPoint => {
      const slope = gradients.data.subarray(i * m, (i + 1) * m)
      const gradient = distance(slope) ** 2
      least = Math.min(least, gradient)
      const decay = (2 * constants.Lh * (values.data[0] as number)) / (l + 1)
      return {
        ...{ l, value: values.data[i] as number, gradient, least },
        bound: epsilon === null ? null : epsilon ** 2 + decay,
        bias: distance(directions[l] as Float64Array, slope),
      }
    })
    const holds =
      epsilon === null
        ? null
        : points.every(({ least: low, bound, bias }) => low <= (bound as number) && bias <= epsilon)
    return { estimator, inner, epsilon, holds, points }
  }
  const curves = await Promise.all(contestants(problem, constants, options).map(curve))
  return { constants, curves }
}
