// Linear algebra: products, weighted Gram matrices, factorizations and the solves that use them. All ops act on the last
// two axes; leading axes are a batch and broadcast, as in NumPy's gufuncs.
import { ShapeError, TraceError } from '../base/errors.js'
import { broadcastShapes, formatShape } from '../base/shape.js'
import type { Shape } from '../base/shape.js'
import { defineOp } from '../ir/op.js'
import type { Batched, Maybe, Op } from '../ir/op.js'
import { defineMethods } from '../ir/tensor.js'
import type { Tensor } from '../ir/tensor.js'
import { apply, apply1, tensor } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import { abs, add, addMaybe, log, mul, neg, stopGradient, sub } from './elementwise.js'
import { broadcast, diag, diagonal, matrixTranspose, reshape, transpose, tril } from './movement.js'
import { sum } from './reduce.js'

const matrixShape = (shape: Shape | undefined, what: string): readonly [Shape, number, number] => {
  if (shape === undefined || shape.length < 2) {
    throw new ShapeError(`${what} is not a matrix`, {
      expected: 'at least two axes',
      received: formatShape(shape ?? []),
    })
  }
  return [shape.slice(0, -2), shape[shape.length - 2] as number, shape[shape.length - 1] as number]
}

const squareShape = (shape: Shape | undefined, what: string): readonly [Shape, number] => {
  const [lead, n, m] = matrixShape(shape, what)
  if (n !== m) throw new ShapeError(`${what} is not square`, { received: formatShape(shape as Shape) })
  return [lead, n]
}

/** A batch in front of every operand that lacks it, with as many axes between as the longest operand has. */
const align = (
  inputs: readonly Tensor[],
  batched: readonly boolean[],
  ranks: readonly number[],
): Tensor[] => {
  const leads = inputs.map((x, i) => x.rank - (batched[i] ? 1 : 0) - (ranks[i] as number))
  const lead = Math.max(...leads)
  return inputs.map((x, i) =>
    batched[i]
      ? reshape(x, [
          x.shape[0] as number,
          ...new Array<number>(lead - (leads[i] as number)).fill(1),
          ...x.shape.slice(1),
        ])
      : x,
  )
}

const batchedOutputs = (outputs: readonly Tensor[]): Batched => ({
  outputs,
  batched: outputs.map(() => true),
})

interface MatmulAttributes {
  readonly transposeA: boolean
  readonly transposeB: boolean
}

// C = op(A) op(B), each op a transpose or nothing.
export const matmulOp: Op<MatmulAttributes> = defineOp({
  name: 'matmul',
  shapes: ([a, b], { transposeA, transposeB }) => {
    const [leadA, rowsA, columnsA] = matrixShape(a, 'the left operand')
    const [leadB, rowsB, columnsB] = matrixShape(b, 'the right operand')
    const [n, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA]
    const [l, m] = transposeB ? [columnsB, rowsB] : [rowsB, columnsB]
    if (k !== l) {
      throw new ShapeError('inner sizes of a matrix product differ', {
        expected: `${String(k)} rows on the right`,
        received: String(l),
      })
    }
    return [[...broadcastShapes(leadA, leadB), n, m]]
  },
  jvp: ({ inputs: [a, b], attributes }, [da, db]) => [
    addMaybe(
      da && apply1(matmulOp, [da, b as Tensor], attributes),
      db && apply1(matmulOp, [a as Tensor, db], attributes),
    ),
  ],
  vjp: ({ inputs, attributes: { transposeA, transposeB } }, [v]) => {
    if (v === undefined) return [undefined, undefined]
    const [a, b] = inputs as [Tensor, Tensor]
    return [
      transposeA
        ? product(b, v, { transposeA: transposeB, transposeB: true })
        : product(v, b, { transposeA: false, transposeB: !transposeB }),
      transposeB
        ? product(v, a, { transposeA: true, transposeB: transposeA })
        : product(a, v, { transposeA: !transposeA, transposeB: false }),
    ]
  },
  vmap: (inputs, batched, attributes, size) => {
    const [a, b] = inputs as [Tensor, Tensor]
    const { transposeA, transposeB } = attributes
    // One matrix times a batch of vectors is one product of matrices: the batch becomes the rows.
    if (batched[1] && !batched[0] && a.rank === 2 && b.rank === 3) {
      const k = b.shape[transposeB ? 2 : 1] as number
      const m = b.shape[transposeB ? 1 : 2] as number
      const rows = reshape(transposeB || m === 1 ? b : matrixTranspose(b), [size * m, k])
      const out = product(rows, a, { transposeA: false, transposeB: !transposeA })
      const stacked = reshape(out, [size, m, out.shape[1] as number])
      return batchedOutputs([
        m === 1 ? reshape(stacked, [size, out.shape[1] as number, 1]) : matrixTranspose(stacked),
      ])
    }
    if (batched[0] && !batched[1] && b.rank === 2 && a.rank === 3) {
      const k = a.shape[transposeA ? 1 : 2] as number
      const n = a.shape[transposeA ? 2 : 1] as number
      const rows = reshape(transposeA && n !== 1 ? matrixTranspose(a) : a, [size * n, k])
      const out = product(rows, b, { transposeA: false, transposeB })
      return batchedOutputs([reshape(out, [size, n, out.shape[1] as number])])
    }
    return batchedOutputs([apply1(matmulOp, align(inputs, batched, [2, 2]), attributes)])
  },
})

const product = (a: Operand, b: Operand, attributes: MatmulAttributes): Tensor =>
  apply1(matmulOp, [a, b], attributes)

/**
 * Matrix product over the last two axes; leading axes broadcast. A vector on the left is a row, one on the right a column,
 * and its axis is dropped from the result, as in NumPy.
 * Shapes: [..., n, k] × [..., k, m] → [..., n, m].
 */
export const matmul = (a: Operand, b: Operand): Tensor => {
  const [x, y] = [tensor(a), tensor(b)]
  if (x.rank === 0 || y.rank === 0) {
    throw new ShapeError(
      `matmul(${formatShape(x.shape)}, ${formatShape(y.shape)}): a scalar is not a matrix`,
      {
        remedy: 'Multiply by scalars with mul',
      },
    )
  }
  const row = x.rank === 1 ? reshape(x, [1, ...x.shape]) : x
  const column = y.rank === 1 ? reshape(y, [...y.shape, 1]) : y
  const out = product(row, column, { transposeA: false, transposeB: false })
  const shape = [...out.shape]
  if (y.rank === 1) shape.splice(-1, 1)
  if (x.rank === 1) shape.splice(y.rank === 1 ? -1 : -2, 1)
  return reshape(out, shape)
}

/** Σ xᵢ yᵢ of two vectors. */
export const dot = (x: Operand, y: Operand): Tensor => {
  const [a, b] = [tensor(x), tensor(y)]
  if (a.rank !== 1 || b.rank !== 1) {
    throw new ShapeError(`dot(${formatShape(a.shape)}, ${formatShape(b.shape)})`, { expected: 'two vectors' })
  }
  return matmul(a, b)
}

/** x yᵀ of two vectors: [n], [m] → [n, m]. */
export const outer = (x: Operand, y: Operand): Tensor => {
  const [a, b] = [tensor(x), tensor(y)]
  if (a.rank !== 1 || b.rank !== 1) {
    throw new ShapeError(`outer(${formatShape(a.shape)}, ${formatShape(b.shape)})`, {
      expected: 'two vectors',
    })
  }
  return product(reshape(a, [-1, 1]), reshape(b, [1, -1]), { transposeA: false, transposeB: false })
}

const asColumn = (x: Tensor): Tensor => reshape(x, [...x.shape, 1])

// G = Aᵀ diag(w) A
const gramOp: Op<object> = defineOp({
  name: 'gram',
  shapes: ([a, w]) => {
    const [lead, n, p] = matrixShape(a, 'the matrix of a Gram product')
    const weights = w as Shape
    if (weights[weights.length - 1] !== n) {
      throw new ShapeError('weights of a Gram product do not fit', {
        expected: `${String(n)} weights, one a row`,
        received: formatShape(weights),
      })
    }
    return [[...broadcastShapes(lead, weights.slice(0, -1)), p, p]]
  },
  // dG = dAᵀ W A + Aᵀ W dA + Aᵀ dW A
  jvp: ({ inputs }, [da, dw]) => {
    const [a, w] = inputs as [Tensor, Tensor]
    const half = da && product(mul(asColumn(w), a), da, { transposeA: true, transposeB: false })
    return [addMaybe(half && add(half, matrixTranspose(half)), dw && gram(a, dw))]
  },
  // Ā = diag(w) A (V + Vᵀ),  w̄ᵢ = aᵢᵀ V aᵢ
  vjp: ({ inputs }, [v]) => {
    if (v === undefined) return [undefined, undefined]
    const [a, w] = inputs as [Tensor, Tensor]
    return [mul(asColumn(w), matmul(a, add(v, matrixTranspose(v)))), sum(mul(matmul(a, v), a), -1)]
  },
  vmap: (inputs, batched) => batchedOutputs([apply1(gramOp, align(inputs, batched, [2, 1]), {})]),
})

/** Aᵀ diag(w) A without forming diag(w): [..., n, p], [..., n] → [..., p, p]. */
export const gram = (a: Operand, weights: Operand): Tensor => apply1(gramOp, [a, weights], {})

// A = L Lᵀ. With Φ the lower triangle with half of the diagonal:
//   dL = L Φ(L⁻¹ dA L⁻ᵀ),   Ā = sym(L⁻ᵀ Φ(Lᵀ L̄) L⁻¹)
const phi = (x: Tensor): Tensor => sub(tril(x), mul(0.5, diag(diagonal(x))))
const choleskyOp: Op<object> = defineOp({
  name: 'cholesky',
  shapes: ([a]) => {
    squareShape(a, 'the matrix of a Cholesky factorization')
    return [a as Shape]
  },
  jvp: ({ outputs: [l] }, [da]) => {
    if (da === undefined) return [undefined]
    const symmetric = mul(0.5, add(da, matrixTranspose(da)))
    const left = triangularSolve(l as Tensor, symmetric)
    const both = triangularSolve(l as Tensor, matrixTranspose(left))
    return [matmul(l as Tensor, phi(both))]
  },
  vjp: ({ outputs }, [v]) => {
    if (v === undefined) return [undefined]
    const l = outputs[0] as Tensor
    const p = phi(product(l, v, { transposeA: true, transposeB: false }))
    const left = triangularSolve(l, p, { transpose: true })
    const both = triangularSolve(l, matrixTranspose(left), { transpose: true })
    return [mul(0.5, add(both, matrixTranspose(both)))]
  },
  vmap: ([a]) => batchedOutputs([apply1(choleskyOp, [a as Tensor], {})]),
})

/**
 * The lower triangular L with A = L Lᵀ: [..., n, n] → [..., n, n]. Reads the lower triangle of A, which is taken to be
 * symmetric. L is NaN where A is not positive definite or not finite.
 */
export const cholesky = (a: Operand): Tensor => apply1(choleskyOp, [a], {})

interface TriangularAttributes {
  readonly lower: boolean
  readonly transpose: boolean
  readonly unit: boolean
}

const rightHandSide = (a: Shape | undefined, b: Shape | undefined, what: string): readonly Shape[] => {
  const [leadA, n] = squareShape(a, `the matrix of ${what}`)
  const [leadB, rows, m] = matrixShape(b, `the right-hand side of ${what}`)
  if (rows !== n) {
    throw new ShapeError(`the right-hand side of ${what} does not fit`, {
      expected: `${String(n)} rows`,
      received: formatShape(b as Shape),
    })
  }
  return [[...broadcastShapes(leadA, leadB), n, m]]
}

/** A batch of right-hand sides for one matrix becomes more columns; everything else keeps the batch in front. */
const vmapSolve =
  <A extends object>(op: Op<A>, ranks: readonly number[]): Op<A>['vmap'] =>
  (inputs, batched, attributes, size) => {
    const b = inputs[inputs.length - 1] as Tensor
    const matrices = inputs.slice(0, -1)
    if (
      b.rank === 3 &&
      batched[inputs.length - 1] &&
      !batched.slice(0, -1).some(Boolean) &&
      (matrices[0] as Tensor).rank === 2
    ) {
      const [, n, m] = b.shape as [number, number, number]
      const columns = reshape(transpose(b, [1, 0, 2]), [n, size * m])
      const out = apply1(op, [...matrices, columns], attributes)
      return batchedOutputs([transpose(reshape(out, [n, size, m]), [1, 0, 2])])
    }
    return batchedOutputs([apply1(op, align(inputs, batched, ranks), attributes)])
  }

// op(T) X = B with T triangular:  dX = op(T)⁻¹ (dB − op(dT) X),  B̄ = op(T)⁻ᵀ V,  T̄ = −B̄ Xᵀ in the triangle, or its transpose
const triangularSolveOp: Op<TriangularAttributes> = defineOp({
  name: 'triangularSolve',
  shapes: ([a, b]) => rightHandSide(a, b, 'a triangular solve'),
  jvp: ({ inputs, outputs: [x], attributes }, [da, db]) => {
    const moved =
      da &&
      neg(product(part(da, attributes), x as Tensor, { transposeA: attributes.transpose, transposeB: false }))
    const right = addMaybe(db, moved)
    return [right && apply1(triangularSolveOp, [inputs[0] as Tensor, right], attributes)]
  },
  vjp: ({ inputs, outputs: [x], attributes }, [v]) => {
    if (v === undefined) return [undefined, undefined]
    const b = apply1(triangularSolveOp, [inputs[0] as Tensor, v], {
      ...attributes,
      transpose: !attributes.transpose,
    })
    const a = attributes.transpose
      ? product(neg(x as Tensor), b, { transposeA: false, transposeB: true })
      : product(neg(b), x as Tensor, { transposeA: false, transposeB: true })
    return [part(a, attributes), b]
  },
  vmap: (...rest) => vmapSolve(triangularSolveOp, [2, 2])(...rest),
})

/** The entries of a matrix that a triangular solve reads. */
const part = (x: Tensor, { lower, unit }: TriangularAttributes): Tensor => {
  const offset = unit ? 1 : 0
  return lower ? tril(x, -offset) : matrixTranspose(tril(matrixTranspose(x), -offset))
}

/** A vector is one column; the result has its shape. */
const withColumns = (b: Operand, solve: (columns: Tensor) => Tensor): Tensor => {
  const t = tensor(b)
  return t.rank === 1 ? reshape(solve(reshape(t, [-1, 1])), t.shape) : solve(t)
}

/**
 * X with T X = B, or Tᵀ X = B: T triangular [..., n, n], B [n] or [..., n, m]. Options: `lower` (default true),
 * `transpose` (false), `unit` (false: the diagonal is read). The other triangle is not read.
 */
export const triangularSolve = (
  t: Operand,
  b: Operand,
  options: Partial<TriangularAttributes> = {},
): Tensor =>
  withColumns(b, (columns) =>
    apply1(triangularSolveOp, [t, columns], { lower: true, transpose: false, unit: false, ...options }),
  )

// A X = B by a factor of A:  dX = A⁻¹ (dB − dA X),  B̄ = A⁻ᵀ V,  Ā = −B̄ Xᵀ. The factor is an auxiliary operand without
// a derivative of its own, so that one factor serves the solve, its transpose and all its derivatives.
const solveRules = <A extends { readonly transpose: boolean }>(
  op: () => Op<A>,
): Pick<Op<A>, 'jvp' | 'vjp'> => ({
  jvp: ({ inputs, outputs: [x], attributes }, tangents) => {
    const [da, db] = [tangents[0], tangents[tangents.length - 1]]
    const moved = da && neg(product(da, x as Tensor, { transposeA: attributes.transpose, transposeB: false }))
    const right = addMaybe(db, moved)
    return [right && apply1(op(), [...inputs.slice(0, -1), right], attributes)]
  },
  vjp: ({ inputs, outputs: [x], attributes }, [v]) => {
    const factor: Maybe[] = inputs.slice(1, -1).map(() => undefined)
    if (v === undefined) return [undefined, ...factor, undefined]
    const b = apply1(op(), [...inputs.slice(0, -1), v], { ...attributes, transpose: !attributes.transpose })
    const a = attributes.transpose
      ? product(neg(x as Tensor), b, { transposeA: false, transposeB: true })
      : product(neg(b), x as Tensor, { transposeA: false, transposeB: true })
    return [a, ...factor, b]
  },
})

interface SolveAttributes {
  readonly transpose: boolean
}

const choleskySolveOp: Op<SolveAttributes> = defineOp({
  name: 'choleskySolve',
  shapes: ([a, l, b]) => {
    squareShape(l, 'a Cholesky factor')
    return rightHandSide(a, b, 'a Cholesky solve')
  },
  ...solveRules<SolveAttributes>(() => choleskySolveOp),
  vmap: (...rest) => vmapSolve(choleskySolveOp, [2, 2, 2])(...rest),
})

const luOp: Op<object> = defineOp({
  name: 'lu',
  shapes: ([a]) => {
    const [lead, n] = squareShape(a, 'the matrix of an LU factorization')
    return [a as Shape, [...lead, n]]
  },
  jvp: (_, [da]) => {
    if (da === undefined) return [undefined, undefined]
    throw new TraceError('the entries of a packed LU factorization have no derivative rule', {
      remedy: 'Differentiate through luFactor(A).solve(b) or logdet(A)',
    })
  },
  vjp: (_, cotangents) => {
    if (cotangents.every((v) => v === undefined)) return [undefined]
    throw new TraceError('the entries of a packed LU factorization have no derivative rule', {
      remedy: 'Differentiate through luFactor(A).solve(b) or logdet(A)',
    })
  },
  vmap: ([a]) => batchedOutputs(apply(luOp, [a as Tensor], {})),
})

const luSolveOp: Op<SolveAttributes> = defineOp({
  name: 'luSolve',
  shapes: ([a, packed, permutation, b]) => {
    const [, n] = squareShape(packed, 'a packed LU factorization')
    if (permutation?.[permutation.length - 1] !== n) {
      throw new ShapeError('an LU permutation does not fit', { expected: `${String(n)} entries` })
    }
    return rightHandSide(a, b, 'an LU solve')
  },
  ...solveRules<SolveAttributes>(() => luSolveOp),
  vmap: (...rest) => vmapSolve(luSolveOp, [2, 2, 1, 2])(...rest),
})

/** A factorized matrix: solves with it and with its transpose, for vectors [n] and columns [..., n, m]. */
export interface Factor {
  readonly solve: (b: Operand) => Tensor
  readonly solveTransposed: (b: Operand) => Tensor
  /** NaN where the matrix could not be factorized: isFinite of it tells. */
  readonly pivots: Tensor
}

/** Factorizes a symmetric positive definite A: [..., n, n]. Solutions are NaN where A is not positive definite. */
export const choleskyFactor = (a: Operand): Factor => {
  const t = tensor(a)
  const l = cholesky(stopGradient(t))
  const solve = (b: Operand): Tensor =>
    withColumns(b, (columns) => apply1(choleskySolveOp, [t, l, columns], { transpose: false }))
  return { solve, solveTransposed: solve, pivots: diagonal(l) }
}

/** Factorizes a square A: [..., n, n] by LU with partial pivoting. Solutions are NaN where A is singular. */
export const luFactor = (a: Operand): Factor => {
  const t = tensor(a)
  const [packed, permutation] = apply(luOp, [stopGradient(t)], {}) as [Tensor, Tensor]
  const solver =
    (transposed: boolean) =>
    (b: Operand): Tensor =>
      withColumns(b, (columns) =>
        apply1(luSolveOp, [t, packed, permutation, columns], { transpose: transposed }),
      )
  return { solve: solver(false), solveTransposed: solver(true), pivots: diagonal(packed) }
}

/** x with A x = b for a symmetric positive definite A. */
export const choleskySolve = (a: Operand, b: Operand): Tensor => choleskyFactor(a).solve(b)
/** x with A x = b for a square A. */
export const luSolve = (a: Operand, b: Operand): Tensor => luFactor(a).solve(b)

// log |det A| with derivative tr(A⁻¹ dA) = Σ (A⁻ᵀ)ᵢⱼ dAᵢⱼ
const logdetOp: Op<object> = defineOp({
  name: 'logdet',
  shapes: ([a]) => [squareShape(a, 'the matrix of logdet')[0]],
  jvp: ({ inputs: [a] }, [da]) => [da && sum(diagonal(luFactor(a as Tensor).solve(da)), -1)],
  vjp: ({ inputs: [a] }, [v]) => {
    if (v === undefined) return [undefined]
    const t = a as Tensor
    const identity = broadcast(diag(broadcast(1, [t.shape[t.rank - 1] as number])), t.shape)
    return [mul(reshape(v, [...v.shape, 1, 1]), luFactor(t).solveTransposed(identity))]
  },
  vmap: ([a]) => batchedOutputs([apply1(logdetOp, [a as Tensor], {})]),
  expand: ([a]) => [sum(log(abs(luFactor(a as Tensor).pivots)), -1)],
})

/** log |det A| of square matrices: [..., n, n] → [...]; NaN where A is singular. */
export const logdet = (a: Operand): Tensor => apply1(logdetOp, [a], {})

declare module '../ir/tensor.js' {
  interface Tensor {
    matmul(y: Operand): Tensor
    dot(y: Operand): Tensor
  }
}
defineMethods({ matmul, dot })
