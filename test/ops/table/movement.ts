// Samples of the ops that move elements, and of the reductions.
import type { Shape } from '../../../lib/base/shape.js'
import type { Tensor } from '../../../lib/ir/tensor.js'
import { array } from '../../../lib/base/ndarray.js'
import { mul, sin } from '../../../lib/ops/elementwise.js'
import * as op from '../../../lib/ops/movement.js'
import { max, min, sum } from '../../../lib/ops/reduce.js'
import type { Axes } from '../../../lib/ops/reduce.js'
import { apart, given, normal } from '../draw.js'
import { sample } from '../sample.js'
import type { Kind, Sample, Table } from '../sample.js'

type Unary = (x: Tensor) => Tensor

const nonFinite = given([
  [NaN, Infinity, 1],
  [-Infinity, -0, 2],
  [3, 4, NaN],
])

/** Rows of an op of one array: a name, the function, and the shape of its operand. */
const rows = (
  kind: Kind,
  list: readonly (readonly [string, Unary, Shape])[],
  nonFiniteFn?: Unary,
): readonly Sample[] => [
  ...list.map(([name, fn, shape]) => sample(name, fn, [kind(...shape)])),
  ...(nonFiniteFn === undefined ? [] : [sample('non-finite', nonFiniteFn, [nonFinite], 'none')]),
]

type Reduce = (x: Tensor, axes?: Axes) => Tensor
const reduction = (reduce: Reduce, kind: Kind, oracle: Sample['oracle'] = 'complex'): readonly Sample[] => [
  ...(
    [
      ['generic', undefined, [2, 3]],
      ['first axis', 0, [2, 3]],
      ['last axis', -1, [4, 2, 3]],
      ['two axes', [0, 2], [2, 3, 2]],
      ['size one', undefined, [1]],
      ['an axis of size one', 1, [3, 1]],
      ['empty', 1, [0, 3]],
    ] as const
  ).map(([name, axes, shape]) => sample(name, (x) => reduce(x, axes), [kind(...shape)], oracle)),
  sample(
    'non-finite, over rows',
    (x) => reduce(x, 1),
    [
      given([
        [NaN, 1],
        [Infinity, -Infinity],
        [-Infinity, 2],
        [Infinity, 3],
        [-0, 0],
      ]),
    ],
    'none',
  ),
]

const reverse = (x: Tensor): Tensor => op.transpose(x, [2, 0, 1])

export const movementTable: Table = {
  constant: [
    sample(
      'generic',
      (x) =>
        mul(
          x,
          array([
            [1, 2, 3],
            [4, 5, 6],
          ]),
        ),
      [normal(3)],
    ),
    sample('empty', (x) => mul(x, array([])), [normal(1)]),
    sample('size one', (x) => mul(x, 2.5), [normal(2)]),
    sample('non-finite', (x) => mul(x, array([NaN, Infinity, -0])), [given([1, 2, 3])], 'none'),
  ],
  eye: [
    sample('generic', (x) => mul(x, op.eye(3)), [normal(3, 3)]),
    sample('empty', (x) => mul(x, op.eye(0)), [normal(1, 1)]),
    sample('size one', (x) => mul(x, op.eye(1)), [normal(2, 1)]),
  ],
  reshape: rows(
    normal,
    [
      ['generic', (x) => op.reshape(x, [3, 2]), [2, 3]],
      ['a hole', (x) => op.reshape(x, [2, -1, 2]), [4, 3]],
      ['to a vector', op.ravel, [2, 1, 3]],
      ['size one', (x) => op.reshape(x, [1, 1]), []],
      ['to a scalar', (x) => op.reshape(x, []), [1]],
      ['empty', (x) => op.reshape(x, [3, 0, 2]), [0, 4]],
    ],
    op.ravel,
  ),
  transpose: rows(
    normal,
    [
      ['generic', (x) => op.transpose(x), [2, 3]],
      ['rank 3', reverse, [2, 3, 4]],
      ['rank 4', (x) => op.transpose(x, [0, 3, 1, 2]), [2, 3, 1, 2]],
      ['matrices of a batch', op.matrixTranspose, [2, 3, 4]],
      ['size one', (x) => op.transpose(x), [1, 1]],
      ['empty', reverse, [0, 2, 3]],
    ],
    op.matrixTranspose,
  ),
  broadcast: rows(
    normal,
    [
      ['generic', (x) => op.broadcast(x, [2, 3]), [3]],
      ['in the middle', (x) => op.broadcast(x, [2, 4, 3]), [2, 1, 3]],
      ['both', (x) => op.broadcast(x, [5, 2, 2]), [2, 1]],
      ['size one', (x) => op.broadcast(x, [1, 1]), [1]],
      ['of a scalar', (x) => op.broadcast(x, [3, 2]), []],
      ['empty', (x) => op.broadcast(x, [0, 2]), [1, 2]],
    ],
    (x) => op.broadcast(x, [2, 3, 3]),
  ),
  slice: rows(
    normal,
    [
      ['generic', (x) => op.slice(x, [1, 3], [0, 2]), [4, 3]],
      ['steps', (x) => op.slice(x, [0, 7, 3], [1, 4, 2]), [7, 5]],
      ['a step that ends early', (x) => op.slice(x, [1, 6, 2]), [8]],
      ['from the back', (x) => op.slice(x, undefined, [-3, -1]), [2, 5]],
      ['size one', (x) => op.slice(x, [2, 3]), [4]],
      ['empty', (x) => op.slice(x, [2, 2]), [4, 2]],
      ['of nothing', (x) => op.slice(x, undefined, [0, 2]), [0, 3]],
      ['diagonal', op.diagonal, [2, 3, 3]],
    ],
    (x) => op.slice(x, [0, 2]),
  ),
  pad: rows(
    normal,
    [
      ['generic', (x) => op.pad(x, [1, 0], [0, 2]), [2, 3]],
      ['between', (x) => op.pad(x, [0, 1], [2, 0], [1, 2]), [3, 2]],
      ['size one', (x) => op.pad(x, [2], [1]), [1]],
      ['one, between', (x) => op.pad(x, [0], [0], [3]), [1]],
      ['empty', (x) => op.pad(x, [1, 1], [2, 0]), [0, 2]],
      ['diag', op.diag, [2, 3]],
    ],
    (x) => op.pad(x, [1, 0], [0, 1]),
  ),
  concat: [
    sample('generic', (x, y) => op.concat([x, y]), [normal(2, 3), normal(1, 3)]),
    sample('last axis, three', (x, y, z) => op.concat([x, y, z], -1), [
      normal(2, 1),
      normal(2, 3),
      normal(2, 2),
    ]),
    sample('with itself', (x) => op.concat([x, sin(x), x]), [normal(2)]),
    sample('stack', (x, y) => op.stack([x, y], 1), [normal(3), normal(3)]),
    sample('size one', (x, y) => op.concat([x, y]), [normal(1), normal(1)]),
    sample('empty', (x, y) => op.concat([x, y], 1), [normal(2, 0), normal(2, 3)]),
    sample('all empty', (x, y) => op.concat([x, y]), [normal(0), normal(0)]),
    sample('non-finite', (x, y) => op.concat([x, y]), [given([NaN, -0]), given([Infinity])], 'none'),
  ],
  gather: rows(
    normal,
    [
      ['generic', (x) => op.gather(x, [2, 0]), [3, 2]],
      ['repeated, last axis', (x) => op.gather(x, [1, 1, 3, -1, 0, 1], -1), [2, 4]],
      ['middle axis', (x) => op.gather(x, [2, 0], 1), [2, 3, 2]],
      ['size one', (x) => op.gather(x, [0]), [1]],
      ['empty', (x) => op.gather(x, []), [3, 2]],
    ],
    (x) => op.gather(x, [2, 2, 0]),
  ),
  scatterAdd: rows(
    normal,
    [
      ['generic', (x) => op.scatterAdd(x, [3, 0], 4), [2, 3]],
      ['repeated, last axis', (x) => op.scatterAdd(x, [1, 1, 0, 1], 3, -1), [2, 4]],
      ['middle axis', (x) => op.scatterAdd(x, [2, 0, 2], 3, 1), [2, 3, 2]],
      ['size one', (x) => op.scatterAdd(x, [0], 1), [1]],
      ['empty', (x) => op.scatterAdd(x, [], 2), [0, 2]],
    ],
    (x) => op.scatterAdd(x, [1, 1, 0], 2),
  ),
  triangle: rows(
    normal,
    [
      ['generic', (x) => op.tril(x), [3, 3]],
      ['upper', (x) => op.triu(x), [3, 4]],
      ['below the diagonal', (x) => op.tril(x, -1), [4, 3]],
      ['above the diagonal', (x) => op.triu(x, 1), [2, 3, 3]],
      ['wide offset', (x) => op.tril(x, 5), [2, 2]],
      ['nothing left', (x) => op.tril(x, -4), [2, 2]],
      ['size one', (x) => op.triu(x), [1, 1]],
      ['empty', (x) => op.tril(x), [0, 0]],
    ],
    (x) => op.triu(x),
  ),
  sum: reduction(sum, normal),
  max: reduction(max, apart, 'differences'),
  min: reduction(min, apart, 'differences'),
}
