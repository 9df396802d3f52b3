// How wrong a derivative can be. Whatever strategy it came from, it is compared with the adjoint of the equation at x̄, solved as
// well as float64 allows, and with what that would become at the fixed point x*:
//   L(x, θ) = g(x, θ) + wᵀG(x, θ),   ∂ₓGᵀw = −∇ₓg   ⇒   ∇θL is the gradient of g(x̄(θ), θ)             (the Lagrangian)
//   neglected:    ‖gradient − ∇θL‖ at x̄                                              what the strategy leaves out
//   unconverged:  the change of ∇θL from x̄ to x̄ + e, e = −∂ₓG⁻¹G ≈ x* − x̄, and how far     what the iterate is away from x*
//                 that is from its derivative along e; not known where that is above a quarter
// With constants from the caller, ρ ≥ ‖∂ₓF‖₂, L_F ≥ ‖∂θF‖₂, L_J of both, the sum becomes a theorem: with G = F − x, r = ∇ₓL what is
// left of the adjoint equation, N = ‖w‖ + ‖r‖/(1−ρ) and ε = ‖F(x̄) − x̄‖/(1−ρ) ≥ ‖x* − x̄‖,
//   ‖gradient − truth‖ ≤ neglected + L_F ‖r‖/(1−ρ) + ε (l + L_J N)(1 + L_F/(1−ρ)),   l of ∇g
import { ArgumentError, checkOptions } from '../base/errors.js'
import type { CertificateKind } from '../ir/graph.js'
import type { Maybe } from '../ir/op.js'
import type { Tensor } from '../ir/tensor.js'
import { report, tensor } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import {
  add,
  div,
  greater,
  isFinite,
  maximum,
  mul,
  neg,
  stopGradient,
  sub,
  where,
} from '../ops/elementwise.js'
import { dot } from '../ops/linalg.js'
import { broadcast } from '../ops/movement.js'
import { norm2, sumSquares } from '../ops/reduce.js'
import { grad, jvp } from '../transform/derivatives.js'
import { linearizeAt } from './linearize.js'
import { rootSystem } from './rootSystem.js'
import type { LinearSolver, RootSystem } from './rootSystem.js'
import type { Solved } from './strategy.js'

/** What the caller knows of F on a set that holds the iterates and x*, in Euclidean norms. */
export interface MapConstants {
  /** ρ ≥ ‖∂ₓF‖₂, below 1. */
  readonly rho: number
  /** L_F ≥ ‖∂θF‖₂ */
  readonly theta: number
  /** L_J, a Lipschitz constant in x of both ∂ₓF and ∂θF. */
  readonly jacobian: number
  /** l, a Lipschitz constant in x of the outer objective's gradient, with respect to x and to θ; default 0, a linear one. */
  readonly outerGradient?: number
}

export interface CertificateOptions {
  /** Constants that make the bound rigorous; without them it is Infinity. */
  readonly constants?: MapConstants
  /** What the estimate is multiplied by; default 2. */
  readonly safety?: number
  /** Step limit of GMRES where a system is too large to be formed; default max(100, 2 n). */
  readonly maxSteps?: number
}

/**
 * Options with their defaults, checked; `true` is all defaults.
 * @throws {ArgumentError} for options out of range, ρ ≥ 1 among them.
 */
export const certificateOptions = (options: CertificateOptions | true): CertificateOptions => {
  if (options === true) return {}
  checkOptions('certificate', options, ['constants', 'safety', 'maxSteps'])
  const { constants, safety = 2, maxSteps = 1 } = options
  if (!(safety >= 1 && Number.isFinite(safety)) || !(Number.isInteger(maxSteps) && maxSteps >= 1)) {
    throw new ArgumentError('certificate: options out of range', {
      expected: 'safety ≥ 1, maxSteps an integer ≥ 1',
      received: `safety ${String(safety)}, maxSteps ${String(maxSteps)}`,
    })
  }
  if (constants === undefined) return options
  checkOptions('certificate: constants', constants, ['rho', 'theta', 'jacobian', 'outerGradient'])
  const { rho, theta, jacobian, outerGradient = 0 } = constants
  if (![rho, theta, jacobian, outerGradient].every((c) => c >= 0 && Number.isFinite(c)) || rho >= 1) {
    throw new ArgumentError('certificate: constants out of range', {
      expected: '0 ≤ rho < 1, the others finite and ≥ 0',
      received: JSON.stringify(constants),
      remedy:
        'A map with ρ ≥ 1 contracts nothing in this norm: leave the constants out, and take the estimate',
    })
  }
  return options
}

/** How far the first solve goes, and how far those that correct. */
const [fine, coarse] = [1e-6, 1e-2]
/** Rounding of sums, in units of what is summed. */
export const rounding = 1e-14

/** The Euclidean norm over several arrays. */
export const normOf = (parts: readonly Maybe[]): Tensor =>
  parts.reduce<Tensor>((t, p) => (p === undefined ? t : add(t, sumSquares(p))), tensor(0)).sqrt()

const difference = (a: Maybe, b: Maybe): Maybe =>
  a === undefined ? b && neg(b) : b === undefined ? a : sub(a, b)

/**
 * The way of a derivative to x*, whose beginning is `straight` and which bends by `bend`: not known where the second step of Newton's
 * method would be more than a quarter of the first, since it need not converge from there (the monotonicity test of Deuflhard 2004).
 */
const wayTo = (straight: Tensor, bend: Tensor, noise: Tensor): Tensor =>
  where(greater(bend, add(mul(0.25, straight), noise)), Infinity, add(straight, bend))
/** What the solution of a system, refined once, is still wrong by, as a share of it: more than rounding, whatever the condition. */
const refined = 1e-8

/** Applies of Aᵀ or A that ρ is measured by. */
const probes = 3

/** ‖A‖₂ from below: the largest growth in a few products from `start`, of the map that is differentiated. */
const growth = (apply: (u: Tensor) => Tensor, start: Tensor): Tensor => {
  let u = start
  let size = norm2(u)
  let most = tensor(0)
  for (let k = 0; k < probes; k++) {
    const next = apply(u)
    const length = norm2(next)
    most = maximum(most, where(greater(size, 0), div(length, where(greater(size, 0), size, 1)), 0))
    ;[u, size] = [next, length]
  }
  return most
}

interface Shares {
  readonly neglected: Tensor
  readonly unconverged: Tensor
  /** What refining the reference moved it by. */
  readonly moved: Tensor
  /** The size of the derivative. */
  readonly size: Tensor
  readonly rho: Tensor
  /** The rigorous bound but for `neglected` and rounding, given the constants. */
  readonly rest: (constants: MapConstants) => Tensor
}

/** Reports the figures of a certificate: what is no number is not known, Infinity. */
export const reportCertificate = ({ rho, ...figures }: Readonly<Record<CertificateKind, Operand>>): void => {
  for (const [kind, figure] of Object.entries(figures)) {
    report(kind as CertificateKind, where(isFinite(figure), figure, Infinity))
  }
  report('rho', rho)
}

const note = (
  { neglected, unconverged, moved, size, rho, rest }: Shares,
  options: CertificateOptions,
): void => {
  const { constants, safety = 2 } = options
  const floor = mul(rounding, size)
  const estimate = add(mul(safety, add(neglected, unconverged)), add(mul(0.1, moved), floor))
  const proved =
    constants === undefined
      ? tensor(Infinity)
      : where(greater(rho, constants.rho * (1 + 1e-9)), Infinity, add(add(neglected, rest(constants)), floor))
  reportCertificate({ estimate, bound: proved, neglected, unconverged, rho })
}

const formOf = ({ constants }: CertificateOptions): 'own' | 'fixedPoint' =>
  constants === undefined ? 'own' : 'fixedPoint'

/** Solves by a system, which count what they cost; `done` reports it. */
const counted = ({ solve, solveTransposed, method, made }: RootSystem) => {
  const spent: Tensor[] = [tensor(made)]
  const counting =
    (solver: LinearSolver) =>
    (b: Tensor, tol: number): Tensor => {
      const { d, reached, products } = solver(b, tol)
      spent.push(products)
      // What was not solved is not known: a NaN becomes Infinity in every figure.
      return add(d, where(greater(reached, 10 * tol), NaN, 0))
    }
  return {
    solve: counting(solve),
    solveTransposed: counting(solveTransposed),
    done: () => {
      report(
        'products',
        spent.reduce((a, b) => add(a, b)),
      )
      report('method', method)
    },
  }
}

export interface GradientToCertify {
  readonly solved: Solved
  /** g(x, θ), a scalar, on the vector of x and the leaves of θ. */
  readonly outer: (x: Tensor, theta: readonly Tensor[]) => Tensor
  /** The gradient of g(x̄(θ), θ), one entry an operand; undefined where it is 0. */
  readonly gradient: readonly Maybe[]
  /** Which operands count. */
  readonly wanted: readonly boolean[]
  /** The adjoint that the gradient was made from, where it is that of F(x, θ) − x: solving begins there. */
  readonly adjoint?: Tensor | undefined
}

/** y ↦ [∇ₓL, ∇θL] of L = g + wᵀG at (y, θ). */
export const lagrangianGradient =
  ({ theta, residual }: RootSystem, outer: GradientToCertify['outer'], w: Tensor) =>
  (y: Tensor): [Tensor, Tensor[]] =>
    grad(([z, th]: [Tensor, Tensor[]]) => add(outer(z, th), dot(w, residual(z, th))))([y, [...theta]])

/** Reports how wrong a gradient can be. */
export const certifyGradient = (
  { solved, outer, gradient, wanted, adjoint }: GradientToCertify,
  options: CertificateOptions,
): void => {
  const system = rootSystem(solved, { form: formOf(options), wanted, maxSteps: options.maxSteps })
  const { x, theta, linear, kind } = system
  const { solve, solveTransposed, done } = counted(system)
  const mine = (parts: readonly Maybe[]): readonly Maybe[] => parts.filter((_, i) => wanted[i])
  const v = grad((y: Tensor) => outer(y, theta))(x)
  const first =
    adjoint !== undefined && kind === 'iterative' ? stopGradient(adjoint) : solveTransposed(neg(v), fine)
  const moved = solveTransposed(neg(add(v, linear.pullX(first))), coarse)
  const w = stopGradient(add(first, moved))
  const at = lagrangianGradient(system, outer, w)
  const e = solve(neg(linear.value), coarse)
  const [[left, reference], [turnX, turnTheta]] = jvp(at, [x], [e])
  const pulled = (d: Tensor): Tensor[] =>
    linear.pullTheta(d).map((t, i) => t ?? broadcast(0, (theta[i] as Tensor).shape))
  const turn = solveTransposed(neg(turnX), coarse)
  const slope = pulled(turn).map((t, i) => add(t, turnTheta[i] as Tensor))
  // The same change without leaving anything out but the change of ∂ₓG in the last correction.
  const [leftThere, there] = lagrangianGradient(system, outer, stopGradient(add(w, turn)))(add(x, e))
  const last = pulled(solveTransposed(neg(leftThere), coarse))
  const change = there.map((t, i) => add(sub(t, reference[i] as Tensor), last[i] as Tensor))
  const bend = normOf(mine(change.map((t, i) => sub(t, slope[i] as Tensor))))
  const straight = maximum(normOf(mine(slope)), normOf(mine(change)))
  const shift = normOf(mine(linear.pullTheta(moved)))
  const noise = add(shift, mul(refined, normOf(mine(linear.pullTheta(w)))))
  const held = gradient.map((g) => g && stopGradient(g))
  const { pullX } = linearizeAt(solved.map, x, theta)
  note(
    {
      neglected: normOf(mine(reference.map((g, i) => difference(held[i], g)))),
      unconverged: wayTo(straight, bend, noise),
      moved: shift,
      size: normOf(mine(reference)),
      rho: growth(pullX, v),
      rest: ({ rho, theta: lF, jacobian: lJ, outerGradient: l = 0 }) => {
        const open = 1 - rho
        const r = div(norm2(left), open)
        const away = div(norm2(linear.value), open)
        const size = add(norm2(w), r)
        return add(mul(lF, r), mul(away, mul(add(l, mul(lJ, size)), 1 + lF / open)))
      },
    },
    options,
  )
  done()
}

/** Reports how wrong a tangent of x̄ can be. */
export const certifyTangent = (
  solved: Solved,
  tangent: Tensor,
  dTheta: readonly Maybe[],
  options: CertificateOptions,
): void => {
  const system = rootSystem(solved, { form: formOf(options), maxSteps: options.maxSteps })
  const { x, theta, residual, linear } = system
  const { solve, done } = counted(system)
  const given = dTheta.map((t) => t && stopGradient(t))
  const zero = broadcast(0, x.shape)
  const first = solve(neg(linear.push(undefined, given) ?? zero), fine)
  const moved = solve(neg(linear.push(first, given) ?? zero), coarse)
  const reference = stopGradient(add(first, moved))
  const pushAt = (y: Tensor): Tensor => linearizeAt(residual, y, theta).push(reference, given) ?? zero
  const e = solve(neg(linear.value), coarse)
  const [left, turn] = jvp(pushAt, [x], [e])
  const slope = solve(neg(turn), coarse)
  const there = linearizeAt(residual, add(x, e), theta).push(add(reference, slope), given) ?? zero
  const bend = solve(neg(there), coarse)
  const { push } = linearizeAt(solved.map, x, theta)
  note(
    {
      neglected: norm2(sub(stopGradient(tangent), reference)),
      unconverged: add(
        wayTo(norm2(slope), norm2(bend), add(norm2(moved), mul(refined, norm2(reference)))),
        norm2(bend),
      ),
      moved: norm2(moved),
      size: norm2(reference),
      rho: growth((u) => push(u, []) ?? zero, reference),
      rest: ({ rho, jacobian: lJ }) => {
        const open = 1 - rho
        const r = div(norm2(left), open)
        const away = div(norm2(linear.value), open)
        return add(r, mul(away, mul(lJ / open, add(normOf(given), add(norm2(reference), r)))))
      },
    },
    options,
  )
  done()
}
