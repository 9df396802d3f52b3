// The inequalities of the paper, measured against their bounds on maps with known constants. With eₖ = ‖x₍k₎ − x̄‖, 2-norms:
//   one-step       ‖Jᴼˢx₍k₎ − Jx̄‖ ≤ ρ L_F / (1 − ρ) + L_J e₍k₋₁₎,                       Jᴼˢx₍k₎ = ∂θF(x₍k₋₁₎, θ)
//   implicit       ‖Jᴵᴰx₍k₎ − Jx̄‖ ≤ (L_J L_F / (1 − ρ)² + L_J / (1 − ρ)) e₍k₎,          with ∂ₓF L_J-Lipschitz in x, too
//   truncated      ‖J⁽ᴷ⁾x₍k₎ − Jx̄‖ ≤ ρᴷ L_F / (1 − ρ) + K ρᵏ⁻¹ L_J (1 + L_F / (1 − ρ)) e₀,   the last K ≤ k steps: from
//                  E₍i₊₁₎ = A₍i₎ E₍i₎ + (A₍i₎ − Ā) Jx̄ + (B₍i₎ − B̄) with E = −Jx̄ before the first of them
//   hypergradient  ‖Jᴼˢx₍k₎ᵀ ∇g(x₍k₎) − ∇(g∘x̄)‖ ≤ ρ / (1 − ρ) · (L_F l_g + (L_J l_g + L_F l_∇g) M ρᵏ⁻²),
//                  M = ‖x₀ − F(x₀, θ)‖, where ‖∇g‖ ≤ l_g and ∇g is l_∇g-Lipschitz
//   quadratic      ‖Jᴼˢx₍k₎ − Jx̄‖ ≤ L_J e₍k₋₁₎,  where ∂ₓF(x̄, θ) = 0
//   superlinear    ‖Jᴼˢx₍k₎ − Jx̄‖ ≤ ω(e₍k₋₁₎) → 0,  where ∂ₓF(x̄, θ) = 0 and ω is a modulus of continuity of x ↦ ∂θF
// The outer loss is g(x) = ½ ‖x − y‖²: l_∇g = 1, and l_g = ‖x̄ − y‖ + r bounds ‖∇g‖ on the ball that holds the iterates.
import {
  compile,
  fixedPoint,
  grad,
  implicit,
  jacobian,
  oneStep,
  shared,
  solve,
  sumSquares,
  truncated,
} from '../../lib/index.js'
import type { NDArray, Solver, Strategy, Tensor } from '../../lib/index.js'
import { afterSteps } from './afterSteps.js'
import { contraction, contractionsOf } from './contractions.js'
import type { ContractionFamily, ContractionSize, Parts } from './contractions.js'
import { entry, spectralNorm } from './matrices.js'
import { difference, distance } from './spectrum.js'
import { vanishingOf, withSolver } from './vanishing.js'
import type { VanishingFamily, VanishingParts, VanishingSize } from './vanishing.js'

export const inequalities = [
  'one-step',
  'implicit',
  'truncated',
  'hypergradient',
  'superlinear',
  'quadratic',
] as const
export type Inequality = (typeof inequalities)[number]

/** One inequality at one iteration of one instance. */
export interface Measured {
  readonly inequality: Inequality
  readonly k: number
  readonly measured: number
  readonly bound: number
  /** measured / (bound + rounding), at most 1 where the inequality holds. */
  readonly ratio: number
}

/** An instance, and everything that was measured on it. */
export interface Trial {
  readonly n: number
  readonly m: number
  /** 0 for a map whose derivative vanishes at x̄. */
  readonly rho: number
  readonly seed: number
  readonly rows: readonly Measured[]
}

/** What a check may get wrong on purpose, to see that it is noticed. */
export interface Fault {
  /** The ρ of the bounds over the true one; default 1. */
  readonly statedRho?: number
  /** The iterate whose error stands in the bounds of one-step: x₍k₋₁₎ (default), or by mistake x₍k₎. */
  readonly errorAt?: 'previous' | 'last'
}

/** Unit roundoff of doubles. */
const unit = 2 ** -53

/**
 * How far rounding alone may take a measured norm beyond its bound: a few units of roundoff for each entry of a row of what is
 * computed, of its own size, amplified by the solves with I − A, twice: x̄ is a fixed point to rounding only, and Jx̄ is
 * evaluated there.
 */
const roundingOf = (size: number, n: number, rho = 0): number => (4 * n * unit * (1 + size)) / (1 - rho) ** 2

const within = (
  inequality: Inequality,
  k: number,
  measured: number,
  bound: number,
  rounding: number,
): Measured => ({
  ...{ inequality, k, measured, bound },
  ratio: measured / (bound + rounding),
})

/** x₍k₎ and x₍k₋₁₎, and what the strategies make of them. */
const iterates = <S>(solver: Solver<Tensor, Tensor, S>, x0: Tensor, k: Tensor) => {
  const at = (count: Tensor, theta: Tensor, strategy?: Strategy): Tensor =>
    solve(afterSteps(solver, count), { x0, theta, ...(strategy === undefined ? {} : { strategy }) })
  return {
    x: (theta: Tensor, strategy?: Strategy): Tensor => at(k, theta, strategy),
    previous: (theta: Tensor): Tensor => at(k.sub(1), theta),
    jacobianBy: (strategy: Strategy) => (theta: Tensor) => jacobian((t: Tensor) => at(k, t, strategy))(theta),
  }
}

/** K of truncated. */
const lastSteps = 3

/** The paper evaluates ∂θF at x₍k₋₁₎. */
const oneStepOfThePaper = oneStep({ at: 'previous' })

/** One lane for each k. */
const contractionProgram = (family: ContractionFamily) =>
  compile((k: Tensor, instance: { theta: Tensor; x0: Tensor; target: Tensor; parts: Parts<Tensor> }) => {
    const { theta, x0, target, parts } = instance
    const map = contraction(family, parts)
    const { x, previous, jacobianBy } = iterates(fixedPoint({ map }), x0, k)
    const loss = (t: Tensor): Tensor => sumSquares(x(t, oneStepOfThePaper).sub(target)).mul(0.5)
    return {
      ...{ x: x(theta), previous: previous(theta), first: map(x0, theta) },
      ...{ oneStep: jacobianBy(oneStepOfThePaper)(theta), implicit: jacobianBy(implicit())(theta) },
      truncated: jacobianBy(truncated(lastSteps))(theta),
      gradient: grad(loss)(theta),
    }
  })

/** Jᵀ v */
const pulled = ({ data, shape }: NDArray, v: Float64Array): Float64Array => {
  const [n, m] = shape as readonly [number, number]
  const out = new Float64Array(m)
  for (let i = 0; i < n; i++)
    for (let j = 0; j < m; j++) out[j] = (out[j] as number) + (data[i * m + j] as number) * (v[i] as number)
  return out
}

/** Draws instances of a family of contractions and measures one-step, implicit and hypergradient at each k. */
export const contractionTrials = (
  family: ContractionFamily,
  fault: Fault = {},
): ((size: ContractionSize, ks: readonly number[]) => Trial) => {
  const { statedRho = 1, errorAt = 'previous' } = fault
  const draw = contractionsOf(family)
  const program = contractionProgram(family)
  return (size, ks) => {
    const instance = draw(size)
    const { n, LF, LJ, radius, x: xbar, jacobian: exact, target, theta, x0, parts } = instance
    const { value } = program.batch(Float64Array.from(ks), shared({ theta, x0, target, parts }))
    const rho = statedRho * instance.rho
    const v = difference(xbar, target).data
    const trueGradient = pulled(exact, v)
    const [lg, lgg] = [distance(v) + radius, 1]
    const M = distance(entry(value.first, 0).data, x0.data)
    const scale = spectralNorm(exact)
    const rounding = roundingOf(scale + distance(xbar.data) + distance(parts.c.data), n, rho)
    const rows = ks.flatMap((k, i) => {
      const e = distance(entry(value.x, i).data, xbar.data)
      const before = errorAt === 'last' ? e : distance(entry(value.previous, i).data, xbar.data)
      const error = (j: NDArray): number => spectralNorm(difference(entry(j, i), exact))
      const [J, K] = [LF / (1 - rho), Math.min(k, lastSteps)]
      return [
        within('one-step', k, error(value.oneStep), rho * J + LJ * before, rounding),
        within('implicit', k, error(value.implicit), (LJ / (1 - rho)) * (J + 1) * e, rounding),
        within(
          'truncated',
          k,
          error(value.truncated),
          rho ** K * J + K * rho ** (k - 1) * LJ * (1 + J) * radius,
          rounding,
        ),
        within(
          'hypergradient',
          k,
          distance(entry(value.gradient, i).data, trueGradient),
          (rho / (1 - rho)) * (LF * lg + (LJ * lg + LF * lgg) * M * rho ** (k - 2)),
          rounding * distance(v),
        ),
      ]
    })
    return { n, m: instance.m, rho: instance.rho, seed: size.seed, rows }
  }
}

const vanishingProgram = (family: VanishingFamily) =>
  compile((k: Tensor, instance: { theta: Tensor; x0: Tensor; parts: VanishingParts<Tensor> }) => {
    const { theta, x0, parts } = instance
    const { x, previous, jacobianBy } = withSolver(family, parts, (solver) => iterates(solver, x0, k))
    return {
      ...{ x: x(theta), previous: previous(theta) },
      oneStep: jacobianBy(oneStepOfThePaper)(theta),
    }
  })

/** A trial of a map whose derivative vanishes at x̄. */
export interface VanishingTrial extends Trial {
  /** ‖Jᴼˢx̄ − Jx̄‖ / ‖Jx̄‖: one step from x̄ itself. */
  readonly atSolution: number
}

/** Draws instances of a family of maps with ∂ₓF(x̄, θ) = 0 and measures one-step at each k, and at x̄ itself. */
export const vanishingTrials = (
  family: VanishingFamily,
  { errorAt = 'previous' }: Fault = {},
): ((size: VanishingSize, ks: readonly number[]) => VanishingTrial) => {
  const draw = vanishingOf(family)
  const program = vanishingProgram(family)
  return (size, ks) => {
    const { n, m, theta, x0, x: xbar, jacobian: exact, parts, modulus, sensitivity } = draw(size)
    const { value } = program.batch(Float64Array.from(ks), shared({ theta, x0, parts }))
    const there = program(1, { theta, x0: xbar, parts }).value
    const scale = spectralNorm(exact)
    const rounding = roundingOf(scale + distance(xbar.data), n)
    // The fixed point of what is computed is not x̄ to the last bit: t = U θ + c is a sum that may cancel.
    const astray = roundingOf(distance(parts.c.data) + distance(xbar.data), n) * sensitivity
    const rows = ks.map((k, i) => {
      const before = entry(errorAt === 'last' ? value.x : value.previous, i)
      const e = distance(before.data, xbar.data)
      const measured = spectralNorm(difference(entry(value.oneStep, i), exact))
      return within(family.inequality, k, measured, modulus(e), modulus(e + astray) - modulus(e) + rounding)
    })
    const atSolution = spectralNorm(difference(there.oneStep as NDArray, exact)) / scale
    return { n, m, rho: 0, seed: size.seed, rows, atSolution }
  }
}
