// Iterative solvers of A x = b in traced ops, for A given as a function. Each runs as one whileLoop, so that in lanes every
// instance stops on its own, and each returns the residual that it really reached.
import { gradientStatusCode } from '../base/status.js'
import type { Tensor } from '../ir/tensor.js'
import { tensor } from '../ir/trace.js'
import { add, div, equal, greater, isFinite, less, logicalAnd, mul, sub, where } from '../ops/elementwise.js'
import { dot, matmul, outer } from '../ops/linalg.js'
import { broadcast } from '../ops/movement.js'
import { norm2 } from '../ops/reduce.js'
import { whileLoop } from './while.js'

export type LinearMap = (x: Tensor) => Tensor

/** A x = b with what a method may need of A. */
export interface LinearSystem {
  readonly apply: LinearMap
  readonly applyTransposed: LinearMap
  /** Shape [n]. */
  readonly b: Tensor
  /** Where the iteration starts; default 0. */
  readonly start?: Tensor | undefined
  /** Stop when ‖b − A x‖ ≤ tol ‖b‖. */
  readonly tol: number
  readonly maxSteps: number
}

/** An approximate solution; `residual` is ‖b − A x‖ / ‖b‖, `status` a gradient status code. */
export interface LinearSolution {
  readonly x: Tensor
  readonly status: Tensor
  readonly iterations: Tensor
  readonly residual: Tensor
}

/** The first iterate and its residual. */
const begin = ({ apply, b, start }: LinearSystem): { readonly x: Tensor; readonly r: Tensor } =>
  start === undefined ? { x: broadcast(tensor(0), b.shape), r: b } : { x: start, r: sub(b, apply(start)) }

/** x / y, and 0 where y is 0: a direction that vanished makes no step. */
const ratio = (x: Tensor, y: Tensor): Tensor => where(equal(y, 0), 0, div(x, where(equal(y, 0), 1, y)))

/** Measures the residual of x afresh, whatever a recurrence believed. */
export const measured = ({ apply, b, tol }: LinearSystem, x: Tensor, iterations: Tensor): LinearSolution => {
  const scale = norm2(b)
  const residual = ratio(norm2(sub(b, apply(x))), scale)
  const { ok, notConverged, singular } = gradientStatusCode
  // The recurrence and the true residual differ by rounding; a factor of 10 tells a failure from that.
  const status = where(isFinite(residual), where(greater(residual, 10 * tol), notConverged, ok), singular)
  return { x, status, iterations, residual }
}

interface Running {
  readonly x: Tensor
  readonly r: Tensor
  readonly k: Tensor
}

const goesOn =
  <S extends Running>({ b, tol, maxSteps }: LinearSystem): ((state: S) => Tensor) =>
  ({ r, k }) =>
    logicalAnd(greater(norm2(r), mul(tol, norm2(b))), less(k, maxSteps))

/** Conjugate gradients (Hestenes and Stiefel 1952): A symmetric positive definite. */
export const cg = (system: LinearSystem): LinearSolution => {
  const { apply } = system
  const { x: x0, r: r0 } = begin(system)
  const end = whileLoop(
    goesOn(system),
    ({ x, r, p, s, k }: Running & { p: Tensor; s: Tensor }) => {
      const q = apply(p)
      const alpha = ratio(s, dot(p, q))
      const next = sub(r, mul(alpha, q))
      const t = dot(next, next)
      return { x: add(x, mul(alpha, p)), r: next, p: add(next, mul(ratio(t, s), p)), s: t, k: add(k, 1) }
    },
    { x: x0, r: r0, p: r0, s: dot(r0, r0), k: tensor(0) },
  )
  return measured(system, end.x, end.k)
}

/** Conjugate gradients on Aᵀ A x = Aᵀ b: any A, at the price of its condition number squared. */
export const normalCg = (system: LinearSystem): LinearSolution => {
  const { apply, applyTransposed } = system
  const { x: x0, r: r0 } = begin(system)
  const z = applyTransposed(r0)
  const end = whileLoop(
    goesOn(system),
    ({ x, r, p, s, k }: Running & { p: Tensor; s: Tensor }) => {
      const q = apply(p)
      const alpha = ratio(s, dot(q, q))
      const next = sub(r, mul(alpha, q))
      const g = applyTransposed(next)
      const t = dot(g, g)
      return { x: add(x, mul(alpha, p)), r: next, p: add(g, mul(ratio(t, s), p)), s: t, k: add(k, 1) }
    },
    { x: x0, r: r0, p: z, s: dot(z, z), k: tensor(0) },
  )
  return measured(system, end.x, end.k)
}

/** BiCGSTAB (van der Vorst 1992): any A, short recurrences. */
export const bicgstab = (system: LinearSystem): LinearSolution => {
  const { apply } = system
  const { x: x0, r: r0 } = begin(system)
  const end = whileLoop(
    goesOn(system),
    ({ x, r, p, rho, k }: Running & { p: Tensor; rho: Tensor }) => {
      const v = apply(p)
      const alpha = ratio(rho, dot(r0, v))
      const s = sub(r, mul(alpha, v))
      const t = apply(s)
      const omega = ratio(dot(t, s), dot(t, t))
      const next = sub(s, mul(omega, t))
      const sigma = dot(r0, next)
      const beta = mul(ratio(sigma, rho), ratio(alpha, omega))
      return {
        x: add(x, add(mul(alpha, p), mul(omega, s))),
        r: next,
        p: add(next, mul(beta, sub(p, mul(omega, v)))),
        rho: sigma,
        k: add(k, 1),
      }
    },
    { x: x0, r: r0, p: r0, rho: dot(r0, r0), k: tensor(0) },
  )
  return measured(system, end.x, end.k)
}

/**
 * GMRES restarted after `restart` steps, in the adaptive simpler form of Jiránek and Rozložník (2010): the rows of Q are an
 * orthonormal basis of A P, the next direction is the residual where it shrinks and the last basis vector where it
 * stagnates, so that no least-squares problem is left to solve.
 */
export const gmres = (system: LinearSystem, restart: number): LinearSolution => {
  const { apply, b } = system
  const n = b.shape[0] as number
  const { x: x0, r: r0 } = begin(system)
  const size = Math.max(1, Math.min(restart, n))
  const rows = Float64Array.from({ length: size }, (_, i) => i)
  const empty = broadcast(tensor(0), [size, n])
  const end = whileLoop(
    goesOn(system),
    ({ x, r, P, Q, d, j, k }: Running & { P: Tensor; Q: Tensor; d: Tensor; j: Tensor }) => {
      const p0 = ratio(d, norm2(d))
      const q0 = apply(p0)
      // Orthogonalized twice, which is enough.
      const h1 = matmul(Q, q0)
      const q1 = sub(q0, matmul(h1, Q))
      const h2 = matmul(Q, q1)
      const q2 = sub(q1, matmul(h2, Q))
      const length = norm2(q2)
      const q = ratio(q2, length)
      const p = ratio(sub(p0, matmul(add(h1, h2), P)), length)
      const alpha = dot(q, r)
      const next = sub(r, mul(alpha, q))
      const full = equal(j, size - 1)
      const row = equal(rows, j)
      const keep = (basis: Tensor, v: Tensor): Tensor => where(full, 0, add(basis, outer(row, v)))
      const shrinks = less(norm2(next), mul(0.9, norm2(r)))
      return {
        x: add(x, mul(alpha, p)),
        r: next,
        P: keep(P, p),
        Q: keep(Q, q),
        d: where(shrinks, next, where(full, next, q)),
        j: where(full, 0, add(j, 1)),
        k: add(k, 1),
      }
    },
    { x: x0, r: r0, P: empty, Q: empty, d: r0, j: tensor(0), k: tensor(0) },
  )
  return measured(system, end.x, end.k)
}

/** x ← b + (I − A) x, the Neumann series of A⁻¹, for ‖I − A‖ < 1. */
export const richardson = (system: LinearSystem): LinearSolution => {
  const { apply } = system
  const end = whileLoop(
    goesOn(system),
    ({ x, r, k }: Running) => ({ x: add(x, r), r: sub(r, apply(r)), k: add(k, 1) }),
    { ...begin(system), k: tensor(0) },
  )
  return measured(system, end.x, end.k)
}
