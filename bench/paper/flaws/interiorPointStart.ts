// The start of the interior point. After one linear solve z = Gx − h and s = −z; what is not positive is moved by its margin:
//   s ← s + 1 + max(−s),   z ← z + 1 + max(−z)      the published code moves z by the margin of s, 1 + max(−s) = 1 + max(z)
// On its random data z₀ happens to be positive all the same. With wide margins h − Gx no component of z₀ is, and the method,
// whose iterates must be positive, breaks down.
import { array, compile, interiorPoint, luSolve, oneStep, solve } from '../../../lib/index.js'
import type { NDArray, PrimalDual, Solver, Tensor } from '../../../lib/index.js'
import { qpData, sizes } from '../qp.js'
import type { QpData } from '../qp.js'
import type { Finding } from './finding.js'

/** x, y, and z = Gx − h of  [Q Gᵀ Aᵀ; G −I 0; A 0 0] [x; z; y] = [−q; h; b]. */
const linearStart = ({ Q, q, A, b, G, h }: QpData) => {
  const [n, p, m] = [q.size, h.size, b.size]
  const size = n + p + m
  const matrix = new Float64Array(size * size)
  const put = (i: number, j: number, value: number): void => {
    matrix[i * size + j] = value
  }
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) put(i, j, Q.at(i, j))
    for (const [constraints, rows, from] of [[G, p, n] as const, [A, m, n + p] as const]) {
      for (let j = 0; j < rows; j++) {
        put(i, from + j, constraints.at(j, i))
        put(from + j, i, constraints.at(j, i))
      }
    }
  }
  for (let j = n; j < n + p; j++) put(j, j, -1)
  const right = [...q.data.map((x) => -x), ...h.data, ...b.data]
  const solved = compile((K: Tensor, r: Tensor) => luSolve(K, r))(array(matrix, [size, size]), array(right))
  const all = (solved.value as NDArray).data
  return { x: all.slice(0, n), z: all.slice(n, n + p), y: all.slice(n + p) }
}

const moveBy = (v: Float64Array, margin: number): Float64Array =>
  margin < 0 ? v : v.map((value) => value + 1 + margin)

/** The start by either rule. */
export const startBy = (data: QpData, rule: 'right' | 'published'): PrimalDual<NDArray> => {
  const { x, y, z } = linearStart(data)
  const s = z.map((value) => -value)
  const margin = Math.max(...z)
  return {
    x: array(x),
    s: array(moveBy(s, margin)),
    z: array(moveBy(z, rule === 'right' ? Math.max(...s) : margin)),
    y: array(y),
  }
}

/** How the published loop ends from a start: its steps, or NaN where it breaks down. */
const stepsFrom = (data: QpData, start: PrimalDual<NDArray>): number => {
  const solver = interiorPoint({
    problem: (b: Tensor) => ({ ...data, b }),
    ...({ tau: 0.99999, measure: 'centring', tol: 1e-10 } as const),
  })
  const { init, residual } = solver
  if (residual === undefined) throw new Error('interiorPoint has no residual')
  const given = {
    ...solver,
    init: (point: PrimalDual<Tensor>, b: Tensor) => ({
      ...init(point, b),
      ...{ point, answer: point, residual: residual(point, b) },
    }),
  } as unknown as Solver<PrimalDual<Tensor>, Tensor, unknown>
  const x0 = start as PrimalDual<unknown> as PrimalDual<Tensor>
  const { status, iterations } = compile((b: Tensor) => solve(given, { x0, theta: b, strategy: oneStep() }))(
    data.b,
  )
  return status === 'converged' ? (iterations ?? NaN) : NaN
}

const negative = ({ z }: PrimalDual<NDArray>): number =>
  (z as NDArray).data.filter((value) => value <= 0).length

/** On published data, and with h wider by `margin`. */
export const interiorPointStart = (margin = 3): Finding[] => {
  const published = qpData(sizes[0])
  const wide = { ...published, h: array(published.h.data.map((value) => value + margin)) }
  const flaw = 'start' as const
  return [
    ['random data as published', published] as const,
    [`the same with h + ${String(margin)}`, wide] as const,
  ].flatMap(([name, data]) => {
    const [right, wrong] = [startBy(data, 'right'), startBy(data, 'published')]
    const isHarmed = data === wide
    return [
      {
        ...{ flaw, quantity: `components of z₀ ≤ 0 of ${String(data.h.size)}: ${name}` },
        ...{ right: negative(right), published: negative(wrong), ...(isHarmed ? { bar: 1 } : {}) },
      },
      {
        ...{ flaw, quantity: `steps to convergence: ${name}` },
        ...{
          right: stepsFrom(data, right),
          published: stepsFrom(data, wrong),
          ...(isHarmed ? { bar: 50 } : {}),
        },
      },
    ]
  })
}
