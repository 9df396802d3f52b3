// A batch of quadratic programs as a layer of a network has them, each with data of its own (the recipe of OptNet):
//   min ½ xᵀQx + pᵀx   subject to   Gx ≤ h,    Q = L Lᵀ + 10⁻³ I, L uniform on [0, 1);  G, p standard normal
// and h = G x₀ + s₀ with x₀ standard normal and s₀ uniform on [0, 1), so that x₀ is feasible. About half of the constraints are
// active at n = 100, and the condition of Q is about 2·10⁶. The gradient is that of Σ x̄ in p.
import { array, interiorPoint, ones, solve, stream, valueAndGrad, zeros } from '../lib/index.js'
import type { NDArray, PrimalDual, Solver, Strategy, Tensor } from '../lib/index.js'

/** The data of a program; of a batch, each array has a leading axis. */
export interface QpParameters<T> {
  /** [n, n] */
  readonly Q: T
  /** [n] */
  readonly p: T
  /** [m, n] */
  readonly G: T
  /** [m] */
  readonly h: T
}

/** What a solve leaves. */
export interface QpPoint<T> {
  /** [n] */
  readonly x: T
  /** Slacks and multipliers of the constraints: [m] */
  readonly s: T
  readonly z: T
}

/** So many programs of n variables and m constraints. */
export const qpBatch = (batch: number, n: number, m: number, seed = 1): QpParameters<NDArray> => {
  const draw = (name: string) => stream(seed, `qp batch ${name}`)
  const L = draw('L').uniforms(batch * n * n)
  const [G, p] = [draw('G').normals(batch * m * n), draw('p').normals(batch * n)]
  const [x0, h] = [draw('x0').normals(batch * n), draw('s0').uniforms(batch * m)]
  const Q = new Float64Array(batch * n * n)
  const product = (a: Float64Array, row: number, b: Float64Array, other: number): number => {
    let total = 0
    for (let k = 0; k < n; k++) total += (a[row * n + k] as number) * (b[other * n + k] as number)
    return total
  }
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        const entry = product(L, b * n + i, L, b * n + j) + (i === j ? 1e-3 : 0)
        Q[(b * n + i) * n + j] = Q[(b * n + j) * n + i] = entry
      }
    }
    for (let i = b * m; i < (b + 1) * m; i++) h[i] = (h[i] as number) + product(G, i, x0, b)
  }
  return {
    Q: array(Q, [batch, n, n]),
    p: array(p, [batch, n]),
    G: array(G, [batch, m, n]),
    h: array(h, [batch, m]),
  }
}

/**
 * The solution, differentiated by the strategy, to be traced: the largest residual of the optimality conditions, the gap among
 * them, is at most tol.
 */
export const qpPoint = (data: QpParameters<Tensor>, strategy: Strategy, tol: number): QpPoint<Tensor> => {
  const solver = interiorPoint({
    problem: ({ p, ...rest }: QpParameters<Tensor>) => ({ ...rest, q: p }),
    tau: 0.99999,
    tol,
    measure: 'kkt',
  }) as Solver<PrimalDual<Tensor>, QpParameters<Tensor>, unknown>
  const start = { x: zeros(data.p.shape), s: ones(data.h.shape), z: ones(data.h.shape) }
  return solve(solver, {
    x0: start as PrimalDual<unknown> as PrimalDual<Tensor>,
    theta: data,
    strategy,
  }) as QpPoint<Tensor>
}

/** Σ x̄, and its gradient in p: [n], to be traced. */
export const qpGradient =
  (strategy: Strategy, tol: number) =>
  (data: QpParameters<Tensor>): { readonly value: Tensor; readonly gradient: Tensor } => {
    const loss = (p: Tensor): Tensor => qpPoint({ ...data, p }, strategy, tol).x.sum()
    const [value, gradient] = valueAndGrad(loss)(data.p)
    return { value, gradient }
  }
