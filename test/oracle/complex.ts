// Complex-step derivatives: the same graphs over complex numbers. For f analytic, Im f(x + i h v) / h = f'(x) v + O(h²),
// and with h = 1e-30 the error is rounding alone. Ops that are analytic in pieces (abs, max, where) follow the piece of
// the real part; ops without derivative drop the imaginary part. Written on its own: it shares the walk and the movement
// of elements with the interpreter, and none of its formulas.
import { NDArray, zeros } from '../../lib/base/ndarray.js'
import type { Shape } from '../../lib/base/shape.js'
import type { Graph } from '../../lib/ir/graph.js'
import { realArrays } from '../../lib/runtime/interpreter.js'
import { broadcastTo, overLeadingAxes } from '../../lib/runtime/interpreter/indexing.js'
import type { Core } from '../../lib/runtime/interpreter/indexing.js'
import { walk } from '../../lib/runtime/interpreter/walk.js'
import type { Kind, Rule } from '../../lib/runtime/interpreter/walk.js'
import * as c from './complex-numbers.js'
import type { Complex } from './complex-numbers.js'

/** An array of complex numbers: its real and imaginary parts. */
export interface ComplexArray {
  readonly re: NDArray
  readonly im: NDArray
}

type ComplexRule = Rule<ComplexArray>

const fromReal = (re: NDArray): ComplexArray => ({ re, im: zeros(re.shape) })

const realRule = (name: string): Rule<NDArray> => realArrays.rules[name] as Rule<NDArray>

/** A real linear op acts on the two parts alike. */
const linear =
  (name: string): ComplexRule =>
  (inputs, attributes, shapes) => {
    const re = realRule(name)(
      inputs.map((x) => x.re),
      attributes,
      shapes,
    )
    const im = realRule(name)(
      inputs.map((x) => x.im),
      attributes,
      shapes,
    )
    return re.map((part, i) => ({ re: part, im: im[i] as NDArray }))
  }

/** An op without derivative sees the real part. */
const constantInPieces =
  (name: string): ComplexRule =>
  (inputs, attributes, shapes) =>
    realRule(name)(
      inputs.map((x) => x.re),
      attributes,
      shapes,
    ).map(fromReal)

const elementwise =
  (f: (...operands: Complex[]) => Complex): ComplexRule =>
  (inputs, _, [shape]) => {
    const operands = inputs.map((x) => ({
      re: broadcastTo(x.re, shape as Shape),
      im: broadcastTo(x.im, shape as Shape),
    }))
    const out = { re: zeros(shape as Shape), im: zeros(shape as Shape) }
    for (let i = 0; i < out.re.size; i++) {
      const z = f(...operands.map((x) => [x.re.data[i], x.im.data[i]] as unknown as Complex))
      ;[out.re.data[i], out.im.data[i]] = z
    }
    return [out]
  }

/** The entry whose real part is extreme, over the reduced axes. */
const extremum =
  (name: string): ComplexRule =>
  ([x], attributes: { readonly axes: readonly number[] }, [shape]) => {
    const { re, im } = x as ComplexArray
    const best = realRule(name)([re], attributes, [shape as Shape])[0] as NDArray
    const kept = re.shape.map((d, axis) => (attributes.axes.includes(axis) ? 1 : d))
    const hit = broadcastTo(new NDArray(kept, best.data), re.shape)
    const chosen = new NDArray(
      re.shape,
      im.data.map((t, i) => (re.data[i] === hit.data[i] ? t : 0)),
    )
    return [{ re: best, im: realRule('sum')([chosen], attributes, [shape as Shape])[0] as NDArray }]
  }

/** Matrices as nested lists of complex numbers; vectors are one row. */
type Rows = readonly (readonly Complex[])[]

const toRows = (re: NDArray, im: NDArray): Rows => {
  const columns = re.shape[re.rank - 1] as number
  const rows = re.rank === 1 ? 1 : (re.shape[0] as number)
  return Array.from({ length: rows }, (_, i) =>
    Array.from(
      { length: columns },
      (_, j) => [re.data[i * columns + j], im.data[i * columns + j]] as unknown as Complex,
    ),
  )
}

const transposed = (a: Rows, columns: number): Rows =>
  Array.from({ length: columns }, (_, j) => a.map((row) => row[j] as Complex))

/** A function of complex matrices, over leading axes; `shape` is that of its result at one index of them. */
const matrices = <T>(
  ranks: readonly number[],
  core: (operands: readonly Rows[], attributes: T, shapes: readonly Shape[]) => Rows,
  resultRank = 2,
): ComplexRule => {
  const paired: Core<{ readonly own: T; readonly shape: Shape }> = (parts, { own, shape }) => {
    const halves = ranks.map((_, i) => [parts[2 * i], parts[2 * i + 1]] as [NDArray, NDArray])
    const flat = core(
      halves.map(([re, im]) => toRows(re, im)),
      own,
      halves.map(([re]) => re.shape),
    ).flat()
    const part = (k: 0 | 1): NDArray =>
      new NDArray(
        shape,
        Float64Array.from(flat, (z) => z[k]),
      )
    return [part(0), part(1)]
  }
  const both = ranks.flatMap((rank) => [rank, rank])
  return (inputs, attributes: T, [shape]) => {
    const tail = (shape as Shape).slice((shape as Shape).length - resultRank)
    const parts = inputs.flatMap((x) => [x.re, x.im])
    const [re, im] = overLeadingAxes(both, paired)(parts, { own: attributes, shape: tail }, [
      shape as Shape,
      shape as Shape,
    ])
    return [{ re: re as NDArray, im: im as NDArray }]
  }
}

const rowsOf = (shape: Shape | undefined): number => shape?.[0] as number
const columnsOf = (shape: Shape | undefined): number => shape?.[1] as number

/** Σₖ uₖ vₖ, without conjugation: transposes stay analytic. */
const inner = (u: readonly Complex[], v: readonly Complex[]): Complex =>
  u.reduce<Complex>((sum, z, k) => c.add(sum, c.mul(z, v[k] as Complex)), [0, 0])

/** Gauss–Jordan elimination with the largest real part as pivot: X with A X = B, and the pivots. */
const eliminate = (a: Rows, b: Rows): { readonly x: Rows; readonly pivots: readonly Complex[] } => {
  const n = a.length
  const work = a.map((row, i) => [...row, ...(b[i] ?? [])])
  const pivots: Complex[] = []
  for (let k = 0; k < n; k++) {
    let best = k
    for (let i = k; i < n; i++) {
      if (Math.abs((work[i]?.[k] as Complex)[0]) > Math.abs((work[best]?.[k] as Complex)[0])) best = i
    }
    const row = work[best] as Complex[]
    work[best] = work[k] as Complex[]
    const pivot = row[k] as Complex
    pivots.push(pivot)
    const scaled = row.map((z) => c.div(z, pivot))
    work.forEach((other, i) => {
      if (i !== k) work[i] = other.map((z, j) => c.sub(z, c.mul(other[k] as Complex, scaled[j] as Complex)))
    })
    work[k] = scaled
  }
  return { x: work.map((row) => row.slice(n)), pivots }
}

/** A matrix with the entries that a triangular solve does not read made what they are taken to be. */
const triangleOf = (t: Rows, lower: boolean, unit: boolean): Rows =>
  t.map((row, i) => row.map((z, j) => (i === j ? (unit ? [1, 0] : z) : (lower ? j < i : j > i) ? z : [0, 0])))

/** L with L Lᵀ = A, column by column, from the lower triangle of A. */
const choleskyRows = (a: Rows): Rows => {
  const l: Complex[][] = a.map((row) => row.map(() => [0, 0]))
  a.forEach((_, j) => {
    for (let i = j; i < a.length; i++) {
      const known = inner((l[i] as Complex[]).slice(0, j), (l[j] as Complex[]).slice(0, j))
      const rest = c.sub(a[i]?.[j] as Complex, known)
      ;(l[i] as Complex[])[j] = i === j ? c.sqrt(rest) : c.div(rest, l[j]?.[j] as Complex)
    }
  })
  return l
}

interface Transposes {
  readonly transposeA: boolean
  readonly transposeB: boolean
}
interface Triangular {
  readonly lower: boolean
  readonly transpose: boolean
  readonly unit: boolean
}

/** A X = B or Aᵀ X = B by A itself: the factor is auxiliary and carries no derivative. */
const solveByMatrix = (ranks: readonly number[]): ComplexRule =>
  matrices<{ readonly transpose: boolean }>(ranks, (operands, { transpose }, shapes) => {
    const a = operands[0] as Rows
    return eliminate(
      transpose ? transposed(a, columnsOf(shapes[0])) : a,
      operands[operands.length - 1] as Rows,
    ).x
  })

const complexRules: Readonly<Record<string, ComplexRule>> = {
  constant: constantInPieces('constant'),
  eye: constantInPieces('eye'),
  ...Object.fromEntries(
    [
      'reshape',
      'transpose',
      'broadcast',
      'slice',
      'pad',
      'concat',
      'gather',
      'scatterAdd',
      'triangle',
      'sum',
    ].map((name) => [name, linear(name)]),
  ),
  ...Object.fromEntries(
    [
      ...[
        'less',
        'lessEqual',
        'greater',
        'greaterEqual',
        'equal',
        'notEqual',
        'logicalAnd',
        'logicalOr',
        'logicalNot',
      ],
      ...['isFinite', 'sign', 'floor', 'stopGradient'],
    ].map((name) => [name, constantInPieces(name)]),
  ),
  ...Object.fromEntries(Object.entries(c.functions).map(([name, f]) => [name, elementwise(f)])),
  max: extremum('max'),
  min: extremum('min'),
  matmul: matrices<Transposes>([2, 2], ([a, b], { transposeA, transposeB }, [shapeA, shapeB]) => {
    const left = transposeA ? transposed(a as Rows, columnsOf(shapeA)) : (a as Rows)
    const right = transposeB ? (b as Rows) : transposed(b as Rows, columnsOf(shapeB))
    return left.map((u) => right.map((v) => inner(u, v)))
  }),
  gram: matrices([2, 1], ([a, w], _, [shape]) => {
    const columns = transposed(a as Rows, columnsOf(shape))
    const weights = (w as Rows)[0] as readonly Complex[]
    return columns.map((u) =>
      columns.map((v) =>
        inner(
          u.map((z, k) => c.mul(z, weights[k] as Complex)),
          v,
        ),
      ),
    )
  }),
  cholesky: matrices([2], ([a]) => choleskyRows(a as Rows)),
  triangularSolve: matrices<Triangular>([2, 2], ([t, b], { lower, transpose, unit }, [shape]) => {
    const full = triangleOf(t as Rows, lower, unit)
    return eliminate(transpose ? transposed(full, rowsOf(shape)) : full, b as Rows).x
  }),
  choleskySolve: solveByMatrix([2, 2, 2]),
  luSolve: solveByMatrix([2, 2, 1, 2]),
  lu: constantInPieces('lu'),
  logdet: matrices(
    [2],
    ([a]) => [
      [
        eliminate(a as Rows, []).pivots.reduce<Complex>(
          (sum, p) => c.add(sum, c.log(c.functions.abs(p))),
          [0, 0],
        ),
      ],
    ],
    0,
  ),
}

/** Complex arrays as the walk sees them: predicates and counts are the real part. */
export const complexArrays: Kind<ComplexArray> = {
  rules: complexRules,
  number: (scalar) => realArrays.number(scalar.re),
  row: (x, i) => ({ re: realArrays.row(x.re, i), im: realArrays.row(x.im, i) }),
  stack: (rows, shape) => ({
    re: realArrays.stack(
      rows.map((x) => x.re),
      shape,
    ),
    im: realArrays.stack(
      rows.map((x) => x.im),
      shape,
    ),
  }),
  zeros: (shape) => fromReal(zeros(shape)),
}

const step = 1e-30

/** Value and derivative of a graph at `inputs` in a direction: [f(x), f'(x) v]. */
export const complexStep = (
  graph: Graph,
  inputs: readonly NDArray[],
  direction: readonly NDArray[],
): { readonly outputs: readonly NDArray[]; readonly tangents: readonly NDArray[] } => {
  const start = inputs.map((re, i) => ({
    re,
    im: new NDArray(
      re.shape,
      (direction[i] as NDArray).data.map((t) => step * t),
    ),
  }))
  const results = walk(complexArrays, graph, start, () => undefined)
  return {
    outputs: results.map((z) => z.re),
    tangents: results.map(
      (z) =>
        new NDArray(
          z.im.shape,
          z.im.data.map((t) => t / step),
        ),
    ),
  }
}
