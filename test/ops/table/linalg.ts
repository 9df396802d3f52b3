// Samples of linear algebra.
import type { Tensor } from '../../../lib/ir/tensor.js'
import { apply, apply1 } from '../../../lib/ir/trace.js'
import { ops } from '../../../lib/ir/op.js'
import type { Op } from '../../../lib/ir/op.js'
import { add, mul } from '../../../lib/ops/elementwise.js'
import * as op from '../../../lib/ops/linalg.js'
import { matrixTranspose } from '../../../lib/ops/movement.js'
import { given, normal, positiveDefinite, regular, triangular } from '../draw.js'
import type { Draw } from '../draw.js'
import { sample } from '../sample.js'
import type { Kind, Sample, Table } from '../sample.js'

// A Cholesky factorization reads one triangle, and its derivative takes the matrix to be symmetric.
const symmetric = (a: Tensor): Tensor => mul(0.5, add(a, matrixTranspose(a)))

const flags = [false, true]

const product =
  (transposeA: boolean, transposeB: boolean) =>
  (x: Tensor, y: Tensor): Tensor =>
    apply1(ops.get('matmul') as Op<object>, [x, y], { transposeA, transposeB })

const singular = given([
  [
    [1, 2],
    [2, 4],
  ],
  [
    [3, 1],
    [1, 2],
  ],
  [
    [NaN, 1],
    [1, 2],
  ],
  [
    [2, 1],
    [Infinity, 2],
  ],
  [
    [0, 0],
    [0, 0],
  ],
  [
    [-1, 0],
    [0, 1],
  ],
])

type Solve = (a: Tensor, b: Tensor) => Tensor

/** A matrix and right-hand sides in all the shapes that a solve takes. */
const solves = (solve: Solve, matrix: Kind): readonly Sample[] => [
  sample('generic', solve, [matrix(3, 3), normal(3, 2)]),
  sample('vector', solve, [matrix(3, 3), normal(3)]),
  sample('batch of both', solve, [matrix(2, 3, 3), normal(2, 3, 2)]),
  sample('one matrix, batch of sides', solve, [matrix(3, 3), normal(2, 3, 1)]),
  sample('batch of matrices, one side', solve, [matrix(2, 2, 2), normal(2, 3)]),
  sample('broadcast batches', solve, [matrix(2, 1, 2, 2), normal(3, 2, 1)]),
  sample('size one', solve, [matrix(1, 1), normal(1, 1)]),
  sample('empty', solve, [matrix(0, 0), normal(0, 2)]),
  sample('no columns', solve, [matrix(2, 2), normal(2, 0)]),
]

const nonFiniteSolve = (solve: Solve): Sample =>
  sample('singular or non-finite', solve, [singular, given([[1], [2]])], 'none')

const factored = (
  name: string,
  fn: (a: Tensor) => Tensor | readonly Tensor[],
  matrix: Kind,
  oracle: Sample['oracle'],
): readonly Sample[] => [
  ...(
    [
      ['generic', [3, 3]],
      ['larger', [6, 6]],
      ['batch', [2, 3, 3]],
      ['two batch axes', [2, 1, 2, 2]],
      ['size one', [1, 1]],
      ['empty', [0, 0]],
      ['empty batch', [0, 2, 2]],
    ] as const
  ).map(([kind, shape]) => sample(kind, fn, [matrix(...shape)], oracle)),
  sample(`singular or non-finite ${name}`, fn, [singular], 'none'),
]

const tie = given([
  [1, 2, 3],
  [-1, 5, 6],
  [1, 0, 4],
])

export const linalgTable: Table = {
  matmul: [
    ...flags.flatMap((a) =>
      flags.map((b) => {
        const [x, y]: [Draw, Draw] = [a ? normal(3, 2) : normal(2, 3), b ? normal(4, 3) : normal(3, 4)]
        return sample(`generic ${a ? 'Aᵀ' : 'A'} ${b ? 'Bᵀ' : 'B'}`, product(a, b), [x, y])
      }),
    ),
    sample('generic', op.matmul, [normal(3, 3), normal(3, 3)]),
    sample('batch', op.matmul, [normal(2, 3, 2), normal(2, 2, 4)]),
    sample('batch on the left', op.matmul, [normal(2, 3, 2), normal(2, 4)]),
    sample('batch on the right', op.matmul, [normal(3, 2), normal(2, 2, 4)]),
    sample('broadcast batches', product(true, true), [normal(2, 1, 2, 3), normal(3, 1, 2)]),
    sample('matrix and vector', op.matmul, [normal(2, 3), normal(3)]),
    sample('vector and matrix', op.matmul, [normal(2), normal(2, 3)]),
    sample('vectors', op.dot, [normal(3), normal(3)]),
    sample('outer', op.outer, [normal(2), normal(3)]),
    sample('with itself', (x) => op.matmul(matrixTranspose(x), x), [normal(4, 2)]),
    sample('size one', op.matmul, [normal(1, 1), normal(1, 1)]),
    sample('empty', op.matmul, [normal(0, 2), normal(2, 3)]),
    sample('nothing to sum', op.matmul, [normal(2, 0), normal(0, 3)]),
    sample(
      'non-finite',
      op.matmul,
      [
        given([
          [NaN, 0],
          [1, Infinity],
          [1, 2],
        ]),
        given([
          [1, 2],
          [0, -Infinity],
        ]),
      ],
      'none',
    ),
  ],
  gram: [
    sample('generic', op.gram, [normal(4, 2), normal(4)]),
    sample('batch', op.gram, [normal(2, 3, 2), normal(2, 3)]),
    sample('one matrix, batch of weights', op.gram, [normal(3, 2), normal(2, 3)]),
    sample('batch of matrices, one list of weights', op.gram, [normal(2, 3, 2), normal(3)]),
    sample('size one', op.gram, [normal(1, 1), normal(1)]),
    sample('empty', op.gram, [normal(0, 2), normal(0)]),
    sample('no columns', op.gram, [normal(3, 0), normal(3)]),
    sample(
      'non-finite',
      op.gram,
      [
        given([
          [1, NaN],
          [2, 1],
        ]),
        given([1, 0]),
      ],
      'none',
    ),
  ],
  cholesky: factored('matrices', (a) => op.cholesky(symmetric(a)), positiveDefinite, 'complex'),
  lu: [
    ...factored('matrices', (a) => apply(ops.get('lu') as Op<object>, [a], {}), regular, 'none'),
    sample('the first of equal pivots', (a) => apply(ops.get('lu') as Op<object>, [a], {}), [tie], 'none'),
  ],
  triangularSolve: flags.flatMap((lower) =>
    flags.flatMap((transpose) =>
      flags.flatMap((unit) => {
        const solve: Solve = (t, b) => op.triangularSolve(t, b, { lower, transpose, unit })
        const list = solves(solve, (...shape) => triangular(lower, ...shape))
        const kind = `${lower ? 'L' : 'U'}${transpose ? 'ᵀ' : ''}${unit ? ' with unit diagonal' : ''}`
        // Every combination of options meets a generic sample; one of each triangle meets every shape.
        const shapes = unit || transpose ? list.slice(0, 3) : list
        return shapes.map((s) => ({ ...s, name: `${s.name}, ${kind}` }))
      }),
    ),
  ),
  choleskySolve: [
    ...solves((a, b) => op.choleskySolve(symmetric(a), b), positiveDefinite),
    nonFiniteSolve(op.choleskySolve),
  ],
  luSolve: [
    ...solves(op.luSolve, regular),
    ...solves((a, b) => op.luFactor(a).solveTransposed(b), regular).map((s) => ({
      ...s,
      name: `${s.name}, transposed`,
    })),
    nonFiniteSolve(op.luSolve),
  ],
  logdet: factored('matrices', op.logdet, regular, 'complex'),
}
