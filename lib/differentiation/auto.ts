// auto: as much work as the tolerance needs, chosen by each lane.
//   The adjoint Kᵀw = −∇ₓg of the equation G(x̄, θ) = 0, K = ∂ₓG, and with it ∇θL, L = g + wᵀG (see certificate.ts):
//     the solver's own equation has a factor                  one solve
//     predicted to be cheaper, see predictedCost.ts           LU of K = ∂ₓF − I, formed by n products
//     K symmetric, which a probe tells                        conjugate gradients
//     else                                                    GMRES, whose first step is the scaled one-step derivative
//   and LU again where these two did not meet the tolerance, if the matrix is not too large.
//   Refined until what a correction of w changes is below the tolerance: for a superlinear F that is after a product or two,
//   and w = ∇ₓg is one-step.
//   Where x̄ is not a fixed point to that tolerance, it is moved there by x ← x − K⁻¹G, and the derivative is taken there.
import { ArgumentError, TraceError, checkOptions } from '../base/errors.js'
import { gradientStatusCode } from '../base/status.js'
import { cond } from '../control/cond.js'
import { applyCustom } from '../control/custom.js'
import { shapesOf } from '../control/loop.js'
import { whileLoop } from '../control/while.js'
import type { Tensor } from '../ir/tensor.js'
import { report, tensor, traceGraph } from '../ir/trace.js'
import {
  add,
  div,
  greater,
  isFinite,
  less,
  lessEqual,
  logicalAnd,
  maximum,
  mul,
  neg,
  stopGradient,
  sub,
  where,
} from '../ops/elementwise.js'
import { dot } from '../ops/linalg.js'
import { broadcast } from '../ops/movement.js'
import { norm2 } from '../ops/reduce.js'
import { grad } from '../transform/derivatives.js'
import { lagrangianGradient, normOf, reportCertificate, rounding } from './certificate.js'
import { linearizeAt } from './linearize.js'
import { largestFormed, rootSystem } from './rootSystem.js'
import type { LinearSolver, Root, RootSystem } from './rootSystem.js'
import type { Gradient, Solved, Strategy } from './strategy.js'

export interface AutoOptions {
  /** The error of the derivative that is allowed, relative to its norm; default 1e-6. */
  readonly tol?: number
  /** Step limit of CG and GMRES; default max(100, 2 n). */
  readonly maxSteps?: number
}

/**
 * The relative residual to which iterative methods solve: in ill-conditioned systems a small residual hides a large error, the more
 * so the larger this is.
 */
const careful = 1e-6
/** Corrections of a solution, at most; and what is left after the last one, as a share of what it changed. */
const mostCorrections = 6
const leftOver = 0.1
/** Steps that move x̄ towards x*, at most. */
const mostSteps = 8
/** Below this share of the tolerance x̄ stays where it is: of a change that was measured, and of one that was guessed. */
const small = 0.1
const negligible = 0.01
/** Where steps towards x* cost a solve with a factor at hand, they go on until they are rounding. */
const exact = 1e-14
const tiny = 1e-300

interface Settled {
  readonly d: Tensor
  /** What d makes of the derivative. */
  readonly image: readonly Tensor[]
  /** What the last correction changed of it. */
  readonly left: Tensor
  readonly products: Tensor
}

/** d with K d = b, corrected until what a correction changes of its image is below tol times the image. */
const settle = (
  b: Tensor,
  {
    apply,
    solve,
    image,
    kind,
    tol,
    start,
  }: {
    readonly apply: (d: Tensor) => Tensor
    readonly solve: LinearSolver
    /** Linear in d. */
    readonly image: (d: Tensor) => readonly Tensor[]
    readonly kind: RootSystem['kind']
    readonly tol: number
    readonly start?: Tensor | undefined
  },
): Settled => {
  const correct = ({ d, image: before, products }: Omit<Settled, 'left'>): Settled => {
    const more = solve(sub(b, apply(d)), careful)
    const change = image(more.d)
    return {
      d: add(d, more.d),
      image: before.map((t, i) => add(t, change[i] as Tensor)),
      // A correction that was not found says nothing of what is left.
      left: where(greater(more.reached, 2 * careful), Infinity, normOf(change)),
      products: add(products, more.products),
    }
  }
  const first = solve(b, careful * tol, start)
  const begin = correct({ ...first, image: image(first.d) })
  if (kind !== 'iterative') return begin
  const limit = mul(tol / 3, normOf(begin.image))
  return whileLoop(
    ({ left, k }: Settled & { readonly k: Tensor }) =>
      logicalAnd(greater(left, limit), less(k, mostCorrections)),
    ({ k, ...at }) => ({ ...correct(at), k: add(k, 1) }),
    { ...begin, k: tensor(1) },
  )
}

/** A derivative at a point that is held to be the fixed point. */
interface AtPoint {
  readonly parts: readonly Tensor[]
  /** The solution of the linear system. */
  readonly solution: Tensor
  /** What the linear solve left of it. */
  readonly left: Tensor
  /** How much longer the solution of the linear system is than its right-hand side. */
  readonly gain: Tensor
  readonly products: Tensor
  /** How the derivative changes from x̄ to x̄ + e. */
  readonly change: (e: Tensor) => readonly Tensor[]
}

interface Found extends Omit<AtPoint, 'change' | 'gain'> {
  /** What x̄, moved as near to x* as it was, is still away. */
  readonly unconverged: Tensor
  /** ‖x* − x̄‖ */
  readonly moved: Tensor
  readonly method: Tensor
}

/** How the derivative at a point is taken. */
interface Taking {
  /** Whether the matrix of the system is formed in any case. */
  readonly direct?: boolean
  /** Where its solution is looked for first. */
  readonly start?: Tensor | undefined
}
type Taken = (root: Root, taking: Taking) => { readonly system: RootSystem; readonly derivative: AtPoint }

/**
 * Moves x̄ towards x* by x ← x − K⁻¹G(x), K of x̄, until a step is negligible; `short` is the part of the way that is left.
 * The steps shrink geometrically, by a factor that is the smaller the nearer x̄ was.
 */
const polish = ({ x, theta, residual, solve }: RootSystem, gain: Tensor, least: number) => {
  const end = whileLoop(
    ({ e, before, k }: Record<'x' | 'e' | 'before' | 'k' | 'products', Tensor>) =>
      logicalAnd(
        logicalAnd(greater(mul(e, maximum(1, gain)), mul(least, norm2(x))), less(e, mul(0.5, before))),
        less(k, mostSteps),
      ),
    (at) => {
      const { d, reached, products } = solve(neg(residual(at.x, theta)), careful)
      const e = where(greater(reached, 2 * careful), Infinity, norm2(d))
      return { x: add(at.x, d), e, before: at.e, k: add(at.k, 1), products: add(at.products, products) }
    },
    { x, e: tensor(1e300), before: tensor(Infinity), k: tensor(0), products: tensor(0) },
  )
  const way = norm2(sub(end.x, x))
  return { x: end.x, way, short: div(end.e, maximum(way, tiny)), products: end.products }
}

/** The derivative at x̄ or, where the error of x̄ can matter, at a point as near to x* as the tolerance asks for. */
const nearFixedPoint = (root: Root, at: Taken, tol: number, taking: Taking) => {
  const { system, derivative } = at(root, taking)
  const { x, linear, solve, kind, method, made } = system
  const cheap = kind === 'factor'
  const size = normOf(derivative.parts)
  // With a factor at hand the change is measured; else it is guessed from the residual, as large as the adjoint makes it.
  const held = cheap
    ? normOf(derivative.change(solve(neg(linear.value), careful).d))
    : div(mul(mul(norm2(linear.value), maximum(1, derivative.gain)), size), maximum(norm2(x), tiny))
  const here = { parts: derivative.parts, solution: derivative.solution, left: derivative.left }
  const found = cond(
    greater(held, mul((cheap ? small : negligible) * tol, size)),
    () => {
      const {
        x: near,
        way,
        short,
        products,
      } = polish(system, derivative.gain, cheap ? exact : negligible * tol)
      const { theta, map, residual, linearize } = root
      const next = at({ x: near, theta, map, residual, linearize }, { ...taking, start: derivative.solution })
      const { parts, solution, left, products: more } = next.derivative
      const change = normOf(parts.map((t, i) => sub(t, derivative.parts[i] as Tensor)))
      const spent = add(add(products, more), next.system.made)
      return { parts, solution, left, products: spent, unconverged: mul(short, change), moved: way }
    },
    () => ({ ...here, products: tensor(0), unconverged: held, moved: tensor(0) }),
  )
  const products = add(add(found.products, derivative.products), made)
  return { kind, found: { ...found, products, method } }
}

/** What is neglected and unconverged, twice. */
const estimateOf = ({ left, unconverged }: Found): Tensor => mul(2, add(mul(leftOver, left), unconverged))

const meets = (found: Found, tol: number): Tensor =>
  lessEqual(estimateOf(found), mul(tol, maximum(normOf(found.parts), tiny)))

/** The derivative by the method that is predicted to be cheapest; by LU where an iterative one did not meet the tolerance. */
const find = (root: Root, at: Taken, tol: number, start?: Tensor): Found => {
  const { kind, found } = nearFixedPoint(root, at, tol, { start })
  if (kind !== 'iterative' || (root.x.shape[0] as number) > largestFormed) return found
  return cond(
    meets(found, tol),
    () => found,
    () => {
      const { found: again } = nearFixedPoint(root, at, tol, { direct: true })
      return { ...again, products: add(found.products, again.products) }
    },
  )
}

/**
 * A derivative that must not be differentiated again, since what it was computed from is held constant. It stays tied to x̄ and θ,
 * so that the attempt is an error and not 0.
 */
const once = (t: Tensor, { x, theta }: Solved): Tensor => {
  const refuse = (): never => {
    throw new TraceError('auto: its derivative cannot be differentiated again', {
      remedy: 'Use implicit() where second derivatives are needed',
    })
  }
  const inputs = [t, x, ...theta]
  const { graph } = traceGraph(([u]) => [u as Tensor], shapesOf(inputs))
  return applyCustom(inputs, { label: 'auto', graph, jvp: refuse, vjp: refuse })[0] as Tensor
}

const note = (found: Found, unseen: Tensor, tol: number): void => {
  const size = normOf(found.parts)
  const met = logicalAnd(meets(found, tol), lessEqual(unseen, tol))
  const { ok, singular, toleranceNotMet } = gradientStatusCode
  report('gradientStatus', where(isFinite(size), where(met, ok, toleranceNotMet), singular))
  const estimate = add(estimateOf(found), mul(rounding, size))
  const [neglected, unconverged] = [mul(leftOver, found.left), found.unconverged]
  reportCertificate({ estimate, bound: Infinity, neglected, unconverged, rho: NaN })
  report('products', found.products)
  report('method', found.method)
}

/**
 * The derivative to a tolerance, by whatever is cheapest, for each lane; gradientStatus `toleranceNotMet` where the tolerance
 * cannot be met, `singular` where ∂ₓG is. Reports its certificate without being asked, and the number of products with ∂ₓF.
 * In a plain `solve` the cotangent of x̄ is taken as it comes, at x̄: an x̄ that is not converged to tol is told by toleranceNotMet;
 * `hypergradient`, which knows the outer objective, corrects for it.
 * Its derivatives cannot be differentiated again.
 */
export const auto = (options: AutoOptions = {}): Strategy => {
  checkOptions('auto', options, ['tol', 'maxSteps'])
  const { tol = 1e-6, maxSteps } = options
  if (!(tol > 0 && tol < 1) || !(maxSteps === undefined || (Number.isInteger(maxSteps) && maxSteps >= 1))) {
    throw new ArgumentError('auto: options out of range', {
      expected: '0 < tol < 1, maxSteps an integer ≥ 1',
      received: `tol ${String(tol)}, maxSteps ${String(maxSteps)}`,
    })
  }
  const gradientOf = (
    solved: Solved,
    outer: (x: Tensor, theta: readonly Tensor[]) => Tensor,
    wanted: readonly boolean[],
    seesOuter: boolean,
    start?: Tensor,
  ): Gradient => {
    const indices = wanted.flatMap((flag, i) => (flag ? [i] : []))
    const at: Taken = (here, { direct, start: first }) => {
      const system = rootSystem(here, { form: 'own', wanted, maxSteps, direct })
      const { x, theta, linear, kind, solveTransposed } = system
      const pulled = (d: Tensor): Tensor[] => {
        const all = linear.pullTheta(d)
        return indices.map((i) => all[i] ?? broadcast(0, (theta[i] as Tensor).shape))
      }
      const v = grad((y: Tensor) => outer(y, theta))(x)
      const { d, image, left, products } = settle(neg(v), {
        ...{ apply: linear.pullX, solve: solveTransposed, kind, tol, start: first },
        image: pulled,
      })
      const straight = grad((th: Tensor[]) => outer(x, th))([...theta])
      const parts = indices.map((i, k) => add(image[k] as Tensor, straight[i] as Tensor))
      const gain = div(norm2(d), maximum(norm2(v), tiny))
      const change = (e: Tensor): readonly Tensor[] => {
        const [turn, there] = lagrangianGradient(system, outer, d)(add(x, e))
        const late = pulled(solveTransposed(neg(turn), careful).d)
        return indices.map((i, k) => add(sub(there[i] as Tensor, parts[k] as Tensor), late[k] as Tensor))
      }
      return { system, derivative: { parts, solution: d, left, gain, products, change } }
    }
    const found = find(solved, at, tol, start)
    note(found, seesOuter ? tensor(0) : div(found.moved, maximum(norm2(stopGradient(solved.x)), tiny)), tol)
    const parts = wanted.map((flag, i) =>
      flag ? once(found.parts[indices.indexOf(i)] as Tensor, solved) : undefined,
    )
    return { parts, adjoint: found.solution }
  }
  return {
    name: 'auto',
    certifies: true,
    gradient: (solved, outer, wanted, start) => gradientOf(solved, outer, wanted, true, start),
    vjp: (solved, v, wanted) => {
      const held = stopGradient(v)
      return gradientOf(solved, (x) => dot(held, x), wanted, false).parts
    },
    jvp: (solved, dTheta) => {
      if (dTheta.every((t) => t === undefined)) return undefined
      const given = dTheta.map((t) => t && stopGradient(t))
      const at: Taken = (here, { direct, start: first }) => {
        const system = rootSystem(here, { form: 'own', maxSteps, direct })
        const { x, theta, residual, linear, kind, apply, solve } = system
        const source = linear.push(undefined, given) ?? broadcast(0, x.shape)
        const { d, left, products } = settle(neg(source), {
          ...{ apply, solve, kind, tol, start: first },
          image: (e) => [e],
        })
        const gain = div(norm2(d), maximum(norm2(source), tiny))
        const change = (e: Tensor): readonly Tensor[] => {
          const there = linearizeAt(residual, add(x, e), theta).push(d, given) ?? broadcast(0, x.shape)
          return [solve(neg(there), careful).d]
        }
        return { system, derivative: { parts: [d], solution: d, left, gain, products, change } }
      }
      const found = find(solved, at, tol)
      note(found, tensor(0), tol)
      return once(found.parts[0] as Tensor, solved)
    },
  }
}
