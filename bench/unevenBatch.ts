// The uneven batch: fixed points x = ρ Q x + θ of dimension d, Q orthogonal, whose numbers of steps spread over three decades.
//   from x₀ = 0,  F(x₍k₎) − x₍k₎ = (ρ Q)ᵏ θ,  so that exactly k steps are taken with  ρᵏ ‖θ‖ ≤ tol < ρᵏ⁻¹ ‖θ‖.
// Q = V R V, with V a reflection and R rotations of d/2 planes, has its solution in closed form: one division of complex
// numbers a plane. The gradient is that of ½‖x̄‖².
import { OnestepError, array, fixedPoint, matmul, solve, stream, vjp } from '../lib/index.js'
import type { NDArray, Results, Strategy, Tensor } from '../lib/index.js'

export const dimension = 64
export const tol = 1e-8
export const [fewest, most] = [12, 5068] as const
/** Far more than anybody needs. */
export const maxSteps = 10_000

/** θ-instances, in random order. */
export interface UnevenBatch {
  readonly batch: number
  /** [batch] */
  readonly rho: Float64Array
  /** [batch, d] */
  readonly theta: Float64Array
  /** Steps until ‖F(x) − x‖ ≤ tol: [batch] */
  readonly steps: Int32Array
}

/** What a solve and its gradient give. */
export interface UnevenSolution {
  /** [batch, d] */
  readonly x: Float64Array
  /** The gradient of ½‖x̄‖² in θ: [batch, d] */
  readonly theta: Float64Array
  /** The gradient of ½‖x̄‖² in ρ: [batch] */
  readonly rho: Float64Array
}

/** The angle of the rotation of plane j. */
const angle = (j: number): number => (Math.PI * (j + 0.5)) / (dimension / 2)

/** A unit vector v; the reflection V is I − 2 v vᵀ. */
const normal = (() => {
  const v = stream(1, 'reflection').normals(dimension)
  const length = Math.hypot(...v)
  return v.map((x) => x / length)
})()

/** V x */
const reflect = (x: Float64Array): Float64Array => {
  const along = x.reduce((total, xi, i) => total + xi * (normal[i] as number), 0)
  return x.map((xi, i) => xi - 2 * along * (normal[i] as number))
}

/** Applies a function of complex numbers to each plane: entries 2j and 2j + 1 are one complex number. */
const planes = (
  x: Float64Array,
  fn: (re: number, im: number, j: number) => readonly [number, number],
): Float64Array => {
  const out = new Float64Array(x.length)
  for (let j = 0; 2 * j < x.length; j++) out.set(fn(x[2 * j] as number, x[2 * j + 1] as number, j), 2 * j)
  return out
}

/** Q x */
const turn = (x: Float64Array): Float64Array =>
  reflect(
    planes(reflect(x), (re, im, j) => {
      const [c, s] = [Math.cos(angle(j)), Math.sin(angle(j))]
      return [c * re - s * im, s * re + c * im]
    }),
  )

/** (I − ρ Q)⁻¹ b, or of Qᵀ with `direction` −1: in plane j the division by 1 − ρ exp(± i φⱼ). */
export const resolvent = (rho: number, b: Float64Array, direction: 1 | -1): Float64Array =>
  reflect(
    planes(reflect(b), (re, im, j) => {
      const [p, q] = [1 - rho * Math.cos(angle(j)), -direction * rho * Math.sin(angle(j))]
      const square = p * p + q * q
      return [(re * p + im * q) / square, (im * p - re * q) / square]
    }),
  )

/** Q: [d, d]. */
export const orthogonal = (): NDArray => {
  const q = new Float64Array(dimension * dimension)
  for (let j = 0; j < dimension; j++) {
    const column = turn(Float64Array.from({ length: dimension }, (_, i) => Number(i === j)))
    column.forEach((x, i) => (q[i * dimension + j] = x))
  }
  return array(q, [dimension, dimension])
}

/** Numbers of steps spread evenly in the logarithm between `fewest` and `most`, and the ρ that give them. */
export const unevenBatch = (batch: number, seed = 1): UnevenBatch => {
  const theta = stream(seed, 'uneven theta').normals(batch * dimension)
  const place = stream(seed, 'uneven order').permutation(batch)
  const steps = Int32Array.from(place, (i) => Math.round(fewest * (most / fewest) ** (i / (batch - 1))))
  const rho = Float64Array.from(steps, (k, i) => {
    const length = Math.hypot(...theta.subarray(i * dimension, (i + 1) * dimension))
    return (tol / length) ** (1 / (k - 0.5))
  })
  return { batch, rho, theta, steps }
}

/** x̄ and the gradient of ½‖x̄‖², exactly: by the implicit function theorem, or what one step gives at x̄. */
export const closedForm = (
  { batch, rho, theta }: UnevenBatch,
  /** The name of the strategy: 'implicit' or 'one-step'. */
  derivative: string,
): UnevenSolution => {
  const out = {
    x: new Float64Array(theta.length),
    theta: new Float64Array(theta.length),
    rho: new Float64Array(batch),
  }
  for (let i = 0; i < batch; i++) {
    const r = rho[i] as number
    const x = resolvent(r, theta.subarray(i * dimension, (i + 1) * dimension), 1)
    // θ̄ = ∂θFᵀ ν and ρ̄ = (Q x̄)ᵀ ν with ν = (I − ρ Qᵀ)⁻¹ x̄; one step: ν = x̄
    const nu = derivative === 'implicit' ? resolvent(r, x, -1) : x
    const turned = turn(x)
    out.x.set(x, i * dimension)
    out.theta.set(nu, i * dimension)
    out.rho[i] = nu.reduce((total, v, k) => total + v * (turned[k] as number), 0)
  }
  return out
}

/** Of one instance; of a batch, each array has a leading axis. */
export interface UnevenParameters<T> {
  readonly rho: T
  readonly theta: T
}

/** x̄, and the gradient of ½‖x̄‖² in the place of each parameter. */
export interface UnevenResult<T> extends UnevenParameters<T> {
  readonly x: T
}

/** x̄ and the gradient of ½‖x̄‖² in θ and ρ, to be traced. */
export const unevenGradient = (
  strategy: Strategy,
): ((p: UnevenParameters<Tensor>) => UnevenResult<Tensor>) => {
  const Q = orthogonal()
  const solver = fixedPoint<Tensor, UnevenParameters<Tensor>>({
    map: (x, { rho, theta }) => matmul(Q, x).mul(rho).add(theta),
    tol,
    maxSteps,
  })
  const x0 = array(new Float64Array(dimension))
  return (p) => {
    const [x, pull] = vjp((q: UnevenParameters<Tensor>) => solve(solver, { x0, theta: q, strategy }), [p])
    return { x, ...pull(x)[0] }
  }
}

/** The arrays of a batch. */
export const unevenArguments = ({ batch, rho, theta }: UnevenBatch): UnevenParameters<NDArray> => ({
  rho: array(rho),
  theta: array(theta, [batch, dimension]),
})

/** The numbers of results. */
export const unevenSolution = ({ x, theta, rho }: UnevenResult<NDArray>): UnevenSolution => ({
  x: x.data,
  theta: theta.data,
  rho: rho.data,
})

/** Refuses to measure a wrong computation. */
export const checkSolved = (
  { steps }: UnevenBatch,
  { status, gradientStatus, iterations }: Results<unknown>,
): void => {
  const failed = status.findIndex((code, i) => code !== 0 || gradientStatus[i] !== 0)
  const other = iterations.findIndex((k, i) => k !== steps[i])
  const [i, what] = failed >= 0 ? [failed, 'does not converge'] : [other, 'takes another number of steps']
  if (i < 0) return
  throw new OnestepError(`instance ${String(i)} of the uneven batch ${what}`, {
    code: 'ERR_BENCH',
    expected: `${String(steps[i])} steps`,
    received: `${String(iterations[i])} steps, status ${String(status[i])}, gradient status ${String(gradientStatus[i])}`,
    remedy: 'Find out why before measuring anything',
  })
}

/** The largest error of an instance, relative to the length of what is right: of x̄, and of the gradient. */
export const unevenErrors = (
  given: UnevenSolution,
  right: UnevenSolution,
): { readonly x: number; readonly gradient: number } => {
  const batch = right.rho.length
  const worst = { x: 0, gradient: 0 }
  for (let i = 0; i < batch; i++) {
    const parts = (s: UnevenSolution, name: 'x' | 'theta'): Float64Array =>
      s[name].subarray(i * dimension, (i + 1) * dimension)
    const error = (pairs: readonly (readonly [Float64Array, Float64Array])[]): number => {
      let [off, length] = [0, 0]
      for (const [a, b] of pairs) {
        for (let k = 0; k < b.length; k++) {
          off += ((a[k] as number) - (b[k] as number)) ** 2
          length += (b[k] as number) ** 2
        }
      }
      return Math.sqrt(off / length)
    }
    const one = [given.rho.subarray(i, i + 1), right.rho.subarray(i, i + 1)] as const
    // Math.max keeps a NaN.
    worst.x = Math.max(worst.x, error([[parts(given, 'x'), parts(right, 'x')]]))
    worst.gradient = Math.max(worst.gradient, error([[parts(given, 'theta'), parts(right, 'theta')], one]))
  }
  return worst
}
