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
  jacobian,
  neumann,
  norm2,
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
import { entry, spectralNorm } from './matrices.js'
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
  /** ε with what is true at θ₍l₎ in its floor, ρ / (1 − ρ) ‖∂θF(x̄, θ)‖ ‖∇g(x̄)‖; null for all but one-step of gradient descent. */
  readonly local: number | null
}

export interface BilevelCurve {
  readonly estimator: string
  readonly inner: 'gradient descent' | 'Newton'
  /** The bound of `bias`; null where the paper has none. */
  readonly epsilon: number | null
  /** Whether bias ≤ local ≤ ε and least ≤ bound at all points; null where there is no ε. */
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

/** What is true at one θ. */
interface Truth {
  /** h(θ) and ∇h(θ) */
  readonly value: number
  readonly gradient: Float64Array
  /** ρ / (1 − ρ) ‖∂θF(x̄, θ)‖ ‖∇g(x̄)‖ of gradient descent */
  readonly floor: number
}

/** What is true at each θ of a list, by implicit at the solution. */
const truth = (problem: BilevelProblem, { rho, step }: BilevelConstants) => {
  const outer = outerLoss(problem)
  const descending = descentOf(problem, step, 1)
  const x0 = zeros([problem.groups.length])
  const program = compile((theta: Tensor) => {
    const x = (t: Tensor): Tensor => solve(newtonOf(problem, tau), { x0, theta: t, strategy: implicit() })
    const map = (t: Tensor): Tensor => descending.point(descending.step(descending.init(x(theta), t), t))
    return {
      h: valueAndGrad((t: Tensor) => outer(x(t), t))(theta),
      B: jacobian(map)(theta),
      slope: norm2(grad((y: Tensor) => outer(y, theta))(x(theta))),
    }
  })
  return (thetas: readonly Float64Array[]): Truth[] => {
    const { value, status } = program.batch(thetas.map((theta) => [...theta]))
    if (status.some((code) => code !== statusCode.converged)) {
      throw new OnestepError('bilevel: the true hypergradient was not found', {
        code: 'ERR_NOT_CONVERGED',
        received: [...new Set(statusNames(status))].join(', '),
        remedy: 'Look for features of very different sizes in the data',
      })
    }
    const { h, B, slope } = value
    return thetas.map((_, i) => ({
      value: h[0].data[i] as number,
      gradient: entry(h[1], i).data,
      floor: (rho / (1 - rho)) * spectralNorm(entry(B, i)) * (slope.data[i] as number),
    }))
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
  /** The part of ε that the inner steps leave, where `local` is known. */
  readonly transient: number | null
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
  const unknown = { inner, epsilon: null, transient: null } as const
  const transient = transientOf(constants, k)
  return [
    {
      ...{ estimator: 'one-step', inner, transient },
      epsilon: transient + (withoutFloor ? 0 : floorOf(constants)),
      d: byDescent(oneStep({ at: 'previous' })),
    },
    { ...unknown, estimator: `truncated-${String(K)}`, d: byDescent(truncated(K)) },
    { ...unknown, estimator: `neumann-${String(K)}`, d: byDescent(neumann(K)) },
    {
      ...unknown,
      estimator: 'implicit (CG)',
      d: byDescent(implicit({ linearSolver: 'cg', tol: 1e-12 })),
    },
    {
      ...{ estimator: 'one-step', inner: 'Newton', transient: null },
      epsilon: tau * constants.newtonShare,
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
  const truthAt = truth(problem, constants)
  const looked = lookedAt(steps)
  const curve = async ({ estimator, inner, epsilon, transient, d }: Contestant): Promise<BilevelCurve> => {
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
    const truths = truthAt(looked.map((l) => thetas[l] as Float64Array))
    const start = (truths[0] as Truth).value
    let least = Infinity
    const points = looked.map((l, i): BilevelPoint => {
      const here = truths[i] as Truth
      const gradient = distance(here.gradient) ** 2
      least = Math.min(least, gradient)
      return {
        ...{ l, value: here.value, gradient, least },
        bound: epsilon === null ? null : epsilon ** 2 + (2 * constants.Lh * start) / (l + 1),
        bias: distance(directions[l] as Float64Array, here.gradient),
        local: transient === null ? null : here.floor + transient,
      }
    })
    const keeps = (limit: number, { least: low, bound, bias, local }: BilevelPoint): boolean =>
      low <= (bound ?? 0) && bias <= (local ?? limit) && (local ?? limit) <= limit
    const holds = epsilon === null ? null : points.every((point) => keeps(epsilon, point))
    return { estimator, inner, epsilon, holds, points }
  }
  const curves = await Promise.all(contestants(problem, constants, options).map(curve))
  return { constants, curves }
}
