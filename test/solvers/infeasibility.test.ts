// Quadratic programs that have no solution by construction, told apart by a certificate that is checked entry by entry; and
// feasible ones like them, degenerate ones among them, of which none may be called infeasible.
import { test } from 'tap'
import {
  array,
  compile,
  interiorPoint,
  primalDualStart,
  solve,
  statusNames,
  stream,
} from '../../lib/index.js'
import type { NDArray, PrimalDual, QuadraticProgram, Status, Tensor } from '../../lib/index.js'

/** A program of n variables, m equalities and p inequalities, as plain rows. */
interface Rows {
  readonly Q: number[][]
  readonly q: number[]
  readonly A: number[][]
  readonly b: number[]
  readonly G: number[][]
  readonly h: number[]
}
interface Size {
  readonly n: number
  readonly m: number
  readonly p: number
  /** Rank of Q. */
  readonly rank: number
}
/** Random numbers, other ones at each call. */
interface Draw {
  readonly normals: (count: number) => Float64Array
  readonly uniforms: (count: number) => Float64Array
}
const drawing = (seed: number, name: string): Draw => {
  let calls = 0
  const next = () => stream(seed, `${name} ${String(calls++)}`)
  return { normals: (count) => next().normals(count), uniforms: (count) => next().uniforms(count) }
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, v, i) => sum + v * (b[i] as number), 0)
const times = (matrix: readonly number[][], x: readonly number[]): number[] =>
  matrix.map((row) => dot(row, x))
/** Σ wᵢ rowᵢ */
const blend = (matrix: readonly number[][], w: readonly number[], n: number): number[] =>
  Array.from({ length: n }, (_, j) =>
    matrix.reduce((sum, row, i) => sum + (w[i] as number) * (row[j] as number), 0),
  )
const largest = (values: readonly number[]): number => values.reduce((a, v) => Math.max(a, Math.abs(v)), 0)

const normals = (draw: Draw, count: number): number[] => [...draw.normals(count)]
const uniforms = (draw: Draw, count: number): number[] => [...draw.uniforms(count)]
const matrixOf = (draw: Draw, rows: number, columns: number): number[][] =>
  Array.from({ length: rows }, () => normals(draw, columns))
/** 10ᵘ with u uniform on (low, high). */
const scale = (draw: Draw, low: number, high: number): number =>
  10 ** (low + (high - low) * (draw.uniforms(1)[0] as number))

const psd = (draw: Draw, n: number, rank: number): number[][] => {
  const R = matrixOf(draw, n, rank)
  return R.map((a) => R.map((b) => dot(a, b)))
}
/** A q for which x, y, z satisfy Qx + q + Aᵀy + Gᵀz = 0. */
const stationary = (
  { Q, A, G }: Omit<Rows, 'q' | 'b' | 'h'>,
  x: number[],
  y: number[],
  z: number[],
): number[] => {
  const [curved, equal, active] = [times(Q, x), blend(A, y, x.length), blend(G, z, x.length)]
  return curved.map((v, j) => -v - (equal[j] as number) - (active[j] as number))
}
const halfZero = (draw: Draw, values: number[]): number[] => {
  const keep = uniforms(draw, values.length)
  return values.map((v, i) => ((keep[i] as number) < 0.5 ? v : 0))
}

/** The last inequality contradicts a positive combination of the others and the equalities; the dual is feasible. */
const contradiction = (draw: Draw, { n, m, p, rank }: Size): Rows => {
  const [Q, A, b] = [psd(draw, n, rank), matrixOf(draw, m, n), normals(draw, m)]
  const [rows, right] = [matrixOf(draw, p - 1, n), normals(draw, p - 1)]
  const z = uniforms(draw, p - 1).map((v, i) => (i < 4 ? 0.1 + 2 * v : 0))
  const y = normals(draw, m)
  const [equal, other] = [blend(A, y, n), blend(rows, z, n)]
  const G = [...rows, equal.map((v, j) => -v - (other[j] as number))]
  const h = [...right, -dot(b, y) - dot(right, z) - scale(draw, -2, 1)]
  return {
    Q,
    A,
    b,
    G,
    h,
    q: stationary({ Q, A, G }, normals(draw, n), normals(draw, m), halfZero(draw, uniforms(draw, p))),
  }
}

/** The last equality is a combination of the others with another right-hand side. */
const inconsistent = (draw: Draw, { n, m, p, rank }: Size): Rows => {
  const [Q, rows, right] = [psd(draw, n, rank), matrixOf(draw, m - 1, n), normals(draw, m - 1)]
  const w = normals(draw, m - 1)
  const A = [...rows, blend(rows, w, n)]
  const b = [...right, dot(right, w) + scale(draw, -2, 1)]
  const [G, h] = [matrixOf(draw, p, n), normals(draw, p)]
  return {
    Q,
    A,
    b,
    G,
    h,
    q: stationary({ Q, A, G }, normals(draw, n), normals(draw, m), halfZero(draw, uniforms(draw, p))),
  }
}

/** d is a direction in which nothing holds the objective; the constraints hold at a point, some with equality. */
const bottomless = (draw: Draw, { n, m, p, rank }: Size): Rows => {
  const raw = normals(draw, n)
  const d = raw.map((v) => v / Math.hypot(...raw))
  const across = (v: number[]): number[] => {
    const t = dot(v, d)
    return v.map((e, j) => e - t * (d[j] as number))
  }
  const R = Array.from({ length: rank }, () => across(normals(draw, n)))
  const Q = d.map((_, i) =>
    d.map((__, j) => R.reduce((sum, r) => sum + (r[i] as number) * (r[j] as number), 0)),
  )
  const A = Array.from({ length: m }, () => across(normals(draw, n)))
  const G = matrixOf(draw, p, n).map((row) => (dot(row, d) > 0 ? row.map((v) => -v) : row))
  const inside = normals(draw, n)
  const q = across(normals(draw, n))
  const fall = scale(draw, -2, 1)
  const slack = halfZero(draw, uniforms(draw, p))
  return {
    ...{ Q, A, G, q: q.map((v, j) => v - fall * (d[j] as number)), b: times(A, inside) },
    h: times(G, inside).map((v, i) => v + (slack[i] as number)),
  }
}

/** A solution by construction; Q may lack rank, multipliers and slacks may vanish together. */
const solvable = (draw: Draw, { n, m, p, rank }: Size): Rows => {
  const [Q, A, G, x] = [psd(draw, n, rank), matrixOf(draw, m, n), matrixOf(draw, p, n), normals(draw, n)]
  const z = halfZero(
    draw,
    uniforms(draw, p).map((v) => 2 * v),
  )
  const free = halfZero(draw, uniforms(draw, p))
  const slack = z.map((v, i) => (v > 0 ? 0 : (free[i] as number)))
  return {
    ...{ Q, A, G, q: stationary({ Q, A, G }, x, normals(draw, m), z), b: times(A, x) },
    h: times(G, x).map((v, i) => v + (slack[i] as number)),
  }
}

const sizes: readonly Size[] = [
  { n: 1, m: 0, p: 3, rank: 0 },
  { n: 2, m: 0, p: 6, rank: 2 },
  { n: 4, m: 2, p: 5, rank: 1 },
  { n: 6, m: 3, p: 2, rank: 3 },
  { n: 9, m: 2, p: 18, rank: 4 },
  { n: 13, m: 6, p: 9, rank: 13 },
  { n: 18, m: 1, p: 30, rank: 0 },
  { n: 25, m: 9, p: 40, rank: 20 },
]
const families = [
  { name: 'contradiction', make: contradiction, expected: 'infeasible', fits: ({ p }: Size) => p > 1 },
  { name: 'inconsistent', make: inconsistent, expected: 'infeasible', fits: ({ m }: Size) => m > 1 },
  { name: 'bottomless', make: bottomless, expected: 'unbounded', fits: ({ n, rank }: Size) => n > rank },
  { name: 'solvable', make: solvable, expected: 'converged', fits: () => true },
] as const
const each = 12

const packed = (rows: readonly (readonly number[])[][], ...shape: number[]): NDArray =>
  array(Float64Array.from(rows.flat(2)), [rows.length, ...shape])

/** Solves programs of one size as lanes; all data are per lane. */
const solveAll = (programs: readonly Rows[], { n, m, p }: Size) => {
  const data = {
    Q: packed(
      programs.map(({ Q }) => Q),
      n,
      n,
    ),
    q: packed(
      programs.map(({ q }) => [q]),
      n,
    ),
    ...(m === 0
      ? {}
      : {
          A: packed(
            programs.map(({ A }) => A),
            m,
            n,
          ),
          b: packed(
            programs.map(({ b }) => [b]),
            m,
          ),
        }),
    ...(p === 0
      ? {}
      : {
          G: packed(
            programs.map(({ G }) => G),
            p,
            n,
          ),
          h: packed(
            programs.map(({ h }) => [h]),
            p,
          ),
        }),
  }
  const solver = interiorPoint({ problem: (theta: QuadraticProgram) => theta, tol: 1e-9, maxSteps: 80 })
  const f = compile((theta: Record<string, Tensor>) => {
    const program = theta as unknown as QuadraticProgram
    return solve(solver, { x0: primalDualStart(program), theta: program }) as PrimalDual as unknown as Record<
      string,
      Tensor
    >
  })
  const { value, status } = f.batch(data)
  const parts = value as unknown as Record<'x' | 'y' | 'z' | 's', NDArray | undefined>
  const row = (name: 'x' | 'y' | 'z' | 's', k: number, size: number): number[] => [
    ...(parts[name]?.data.subarray(k * size, (k + 1) * size) ?? []),
  ]
  return statusNames(status).map((name, k) => ({
    status: name,
    x: row('x', k, n),
    y: row('y', k, m),
    z: row('z', k, p),
  }))
}

/** How far a certificate is from one, relative to the largest that its sums could be; ∞ where a sign or the scale is wrong. */
const defect = (
  rows: Rows,
  { status, x, y, z }: { status: Status; x: number[]; y: number[]; z: number[] },
): number => {
  const { Q, q, A, b, G, h } = rows
  const n = q.length
  if (status === 'infeasible') {
    if (z.some((v) => v < 0) || Math.abs(dot(b, y) + dot(h, z) + 1) > 1e-9) return Infinity
    const [equal, other] = [blend(A, y, n), blend(G, z, n)]
    const [ofY, ofZ] = [y, z].map((v) => v.reduce((sum, e) => sum + Math.abs(e), 0)) as [number, number]
    const column = (matrix: readonly number[][], j: number): number =>
      largest(matrix.map((row) => row[j] as number))
    return Math.max(
      ...equal.map((v, j) => Math.abs(v + (other[j] as number)) / (column(A, j) * ofY + column(G, j) * ofZ)),
    )
  }
  if (Math.abs(dot(q, x) + 1) > 1e-9) return Infinity
  const size = x.reduce((sum, v) => sum + Math.abs(v), 0)
  const relative = (matrix: readonly number[][], side: (v: number) => number): number[] =>
    times(matrix, x).map((v, i) => side(v) / (largest(matrix[i] as number[]) * size))
  return Math.max(
    ...[...relative(Q, Math.abs), ...relative(A, Math.abs), ...relative(G, (v) => v)].filter(
      (v) => !Number.isNaN(v),
    ),
  )
}

for (const { name, make, expected, fits } of families) {
  test(`programs: ${name}`, async (t) => {
    let count = 0
    for (const [s, size] of sizes.entries()) {
      if (!fits(size)) continue
      const programs = Array.from({ length: each }, (_, k) => make(drawing(k, `${name} ${String(s)}`), size))
      const found = solveAll(programs, size)
      count += found.length
      t.strictSame(
        found.map(({ status }) => status),
        programs.map(() => expected),
        `n = ${String(size.n)}, m = ${String(size.m)}, p = ${String(size.p)}, rank ${String(size.rank)}`,
      )
      if (expected === 'converged') continue
      const worst = Math.max(...found.map((at, k) => defect(programs[k] as Rows, at)))
      t.ok(worst < 1.001e-6, `certificates hold to ${worst.toExponential(1)}`)
    }
    t.ok(count >= 60, `${String(count)} programs`)
  })
}

test('a certificate that is not one is seen', async (t) => {
  const size: Size = { n: 4, m: 2, p: 5, rank: 1 }
  const program = contradiction(drawing(1, 'seen'), size)
  const [found] = solveAll([program], size)
  if (found === undefined) throw new Error('nothing found')
  t.equal(found.status, 'infeasible')
  t.ok(defect(program, found) < 1e-6)
  t.ok(defect(program, { ...found, y: found.y.map((v) => 1.01 * v) }) > 1e-3)
  t.ok(defect({ ...program, h: program.h.map((v) => v + 1) }, found) > 1e-3)
  t.equal(defect(program, { ...found, z: found.z.map((v) => -v) }), Infinity)
})
