// The interpreter against results worked out by hand: it is the oracle of everything else, so nothing here is computed.
import { test } from 'tap'
import { GraphError, ShapeError } from '../../lib/base/errors.js'
import { array, zeros } from '../../lib/base/ndarray.js'
import type { Nested } from '../../lib/base/ndarray.js'
import { cond } from '../../lib/control/cond.js'
import { scan } from '../../lib/control/scan.js'
import { whileLoop } from '../../lib/control/while.js'
import { ops } from '../../lib/ir/op.js'
import type { Op } from '../../lib/ir/op.js'
import type { Tensor } from '../../lib/ir/tensor.js'
import { apply, apply1, report } from '../../lib/ir/trace.js'
import type { Operand } from '../../lib/ir/trace.js'
import * as e from '../../lib/ops/elementwise.js'
import * as l from '../../lib/ops/linalg.js'
import * as m from '../../lib/ops/movement.js'
import * as r from '../../lib/ops/reduce.js'
import { interpret } from '../../lib/runtime/interpreter.js'
import { graphOf } from '../oracle/transforms.js'

type Case = readonly [
  name: string,
  fn: (...inputs: Tensor[]) => Operand | readonly Operand[],
  inputs: readonly Nested[],
  expected: readonly Nested[],
]

const lu = (a: Tensor): readonly Tensor[] => apply(ops.get('lu') as Op<object>, [a], {})
const [N, I] = [NaN, Infinity]

// prettier-ignore
const cases: readonly Case[] = [
  ['broadcasting', (x, y) => e.sub(x, y), [[[1], [2]], [10, 20]], [[[-9, -19], [-8, -18]]]],
  ['pow at its edges', e.pow, [[1, -1, -1, N, 0, 0, -8, -2, I, 2], [N, I, -I, 0, 0, -1, 1 / 3, 3, -1, -I]],
    [[1, 1, 1, 1, 1, I, N, -8, 0, 0]]],
  ['maximum and minimum', (x, y) => [e.maximum(x, y), e.minimum(x, y)], [[N, 1, -0, 0, I], [1, N, 0, -0, 2]],
    [[N, N, 0, 0, I], [N, N, -0, -0, 2]]],
  ['where chooses', e.where, [[1, 0, N, -0, 2], [1, N, 3, N, 5], [N, 2, N, 4, N]], [[1, 2, 3, 4, 5]]],
  ['comparisons of NaN', (x, y) => [e.less(x, y), e.greaterEqual(x, y), e.equal(x, y), e.notEqual(x, y)],
    [[N, 1, 0], [N, N, -0]], [[0, 0, 0], [0, 0, 1], [0, 0, 1], [1, 1, 0]]],
  ['logic', (x, y) => [e.logicalAnd(x, y), e.logicalOr(x, y), e.logicalNot(x)], [[0, 2, N, -0], [0, 0, 1, N]],
    [[0, 0, 1, 0], [0, 1, 1, 1], [1, 0, 0, 1]]],
  ['isFinite, sign and floor', (x) => [e.isFinite(x), e.sign(x), e.floor(x)], [[N, -I, -0, -1.5]],
    [[0, 0, 1, 1], [N, -1, -0, -1], [N, -I, -0, -2]]],
  ['sigmoid and softplus far out', (x) => [e.sigmoid(x), e.softplus(x)], [[-800, -700, 800, N, -I, I]],
    [[0, 9.85967654375977e-305, 1, N, 0, 1], [0, 9.85967654375977e-305, 800, N, 0, I]]],
  ['transpose', (x) => m.transpose(x, [1, 2, 0]), [[[[1, 2], [3, 4], [5, 6]]]],
    [[[[1], [2]], [[3], [4]], [[5], [6]]]]],
  ['slice', (x) => m.slice(x, [0, 3, 2], [1, 3]), [[[1, 2, 3], [4, 5, 6], [7, 8, 9]]], [[[2, 3], [8, 9]]]],
  ['pad', (x) => m.pad(x, [1, 0], [0, 1], [1, 0]), [[[1, 2], [3, 4]]],
    [[[0, 0, 0], [1, 2, 0], [0, 0, 0], [3, 4, 0]]]],
  ['concat', (x, y) => m.concat([x, y], 1), [[[1], [2]], [[3, 4], [5, 6]]], [[[1, 3, 4], [2, 5, 6]]]],
  ['gather and scatterAdd', (x) => [m.gather(x, [2, 0, 2]), m.scatterAdd(x, [1, 1, 0], 3)], [[1, 2, 4]],
    [[4, 1, 4], [4, 3, 0]]],
  ['triangles keep nothing of the rest', (x) => [m.tril(x, -1), m.triu(x)], [[[1, N], [3, 4]]],
    [[[0, 0], [3, 0]], [[1, N], [0, 4]]]],
  ['eye and diag', (x) => [m.eye(2), m.diag(x), m.diagonal(m.diag(x))], [[5, 6]],
    [[[1, 0], [0, 1]], [[5, 0], [0, 6]], [5, 6]]],
  ['reductions', (x) => [r.sum(x, 0), r.max(x, 1), r.min(x, 1), r.sum(x)], [[[1, N], [3, -4]]],
    [[4, N], [N, 3], [N, -4], N]],
  ['reductions of signed zeros and infinities', (x) => [r.max(x, 1), r.min(x, 1)],
    [[[-0, 0], [0, -0], [-I, -I]]], [[0, 0, -I], [-0, -0, -I]]],
  ['a sum of nothing', (x) => r.sum(x, 1), [[[], []]], [[0, 0]]],
  ['matmul of a batch by one matrix', l.matmul, [[[[1, 2]], [[3, 4]]], [[0, 1], [1, 0]]],
    [[[[2, 1]], [[4, 3]]]]],
  ['gram', l.gram, [[[1, 2], [3, 4]], [1, -1]], [[[-8, -10], [-10, -12]]]],
  ['cholesky reads the lower triangle', l.cholesky, [[[4, N], [2, 5]]], [[[2, 0], [1, 2]]]],
  ['cholesky that fails', l.cholesky, [[[[1, 2], [2, 4]], [[N, 0], [0, 1]], [[1, 0], [I, 1]]]],
    [[[[N, N], [N, N]], [[N, N], [N, N]], [[N, N], [N, N]]]]],
  ['lu takes the largest pivot', lu, [[[1, 2], [-4, 8]]], [[[-4, 8], [-0.25, 4]], [1, 0]]],
  ['lu takes the first of equal pivots', lu, [[[1, 2, 2], [2, 2, 4], [-2, 4, 1]]],
    [[[2, 2, 4], [-1, 6, 5], [0.5, 1 / 6, -5 / 6]], [1, 2, 0]]],
  ['lu that fails', lu, [[[[1, 2], [2, 4]], [[1, N], [0, 1]], [[0, 1], [1, 0]]]],
    [[[[N, N], [N, N]], [[N, N], [N, N]], [[1, 0], [0, 1]]], [[0, 1], [0, 1], [1, 0]]]],
  ['luSolve', (a, b) => [l.luFactor(a).solve(b), l.luFactor(a).solveTransposed(b)],
    [[[0, 0, 2], [4, 0, 0], [0, 8, 0]], [2, 4, 8]], [[1, 1, 1], [4, 0.5, 0.5]]],
  ['triangular solves',
    (t, b) => [l.triangularSolve(t, b), l.triangularSolve(t, b, { transpose: true }),
      l.triangularSolve(t, b, { lower: false }), l.triangularSolve(t, b, { unit: true })],
    [[[2, 1], [4, 1]], [2, 4]], [[1, 0], [-7, 4], [-1, 4], [2, -4]]],
  ['a zero on the diagonal', (t, b) => l.triangularSolve(t, b), [[[0, 1], [4, 1]], [2, 4]], [[I, -I]]],
  ['logdet', l.logdet, [[[[0, 1], [-1, 0]], [[1, 1], [1, 1]]]], [[0, N]]],
  ['a loop that never runs', (x) => whileLoop(() => 0, (y) => e.mul(y, 2), x), [3], [3]],
  ['a predicate that is NaN ends a loop', (x) => whileLoop((y) => y, (y: Tensor) => e.sqrt(e.sub(y, 3)), x),
    [4], [N]],
  ['scan', (x, u) => scan((y: Tensor, v: Tensor) => [e.add(y, v), y] as const, x, u), [1, [10, 20, 30]],
    [61, [1, 11, 31]]],
  ['scan in reverse',
    (x, u) => scan((y: Tensor, v: Tensor) => [e.add(y, v), y] as const, x, u, { reverse: true }),
    [1, [10, 20, 30]], [61, [51, 31, 1]]],
  ['scan with a count',
    (x, u) => scan((y: Tensor, v: Tensor) => [e.add(y, v), y] as const, x, u, { count: 2 }),
    [1, [10, 20, 30]], [31, [1, 11, 0]]],
  ['scan in reverse with a count',
    (x, u) => scan((y: Tensor, v: Tensor) => [e.add(y, v), y] as const, x, u, { count: 2, reverse: true }),
    [1, [10, 20, 30]], [31, [21, 1, 0]]],
  ['cond', (p, x) => [cond(p, () => e.add(x, 1), () => x), cond(e.sub(p, p), () => e.add(x, 1), () => x)],
    [-0.5, 7], [8, 7]],
  ['cond of NaN', (p, x) => cond(p, () => e.add(x, 1), () => x), [N, 7], [7]],
]

for (const [name, fn, inputs, expected] of cases) {
  test(name, async (t) => {
    const arrays = inputs.map((x) => array(x))
    const { outputs } = interpret(graphOf(fn, arrays), arrays)
    t.equal(outputs.length, expected.length)
    expected.forEach((want, i) => {
      const [got, reference] = [outputs[i] ?? zeros([0]), array(want)]
      t.strictSame(got.shape, reference.shape)
      // Object.is tells −0 from 0; two values differ in their last places.
      const same = reference.data.every(
        (y, k) =>
          Object.is(got.data[k], y) ||
          (y !== 0 && Math.abs((got.data[k] as number) - y) <= 4e-16 * Math.abs(y)),
      )
      t.ok(same, `${String(got.data)} is ${String(reference.data)}`)
    })
  })
}

test('reports of one kind are summed up by the maximum, and NaN stays', async (t) => {
  const graph = graphOf(
    (x) => {
      report('iterations', r.sum(x))
      report('iterations', r.max(x))
      report('residual', r.min(x))
      report('residual', e.log(-1))
      return []
    },
    [zeros([2])],
  )
  t.strictSame(interpret(graph, [array([3, 4])]).reports, { iterations: 7, residual: NaN })
})

test('inputs are left as they are', async (t) => {
  const x = array([
    [1, 2],
    [3, 4],
  ])
  interpret(
    graphOf((a) => [m.ravel(a), l.cholesky(a), lu(a)[0] as Tensor, m.scatterAdd(a, [0, 0], 1)], [x]),
    [x],
  )
  t.strictSame(x.toNested(), [
    [1, 2],
    [3, 4],
  ])
})

test('inputs that do not fit are refused', async (t) => {
  const graph = graphOf((x, y) => e.add(x, y), [zeros([2]), zeros([])])
  t.throws(() => interpret(graph, [zeros([2])]), ShapeError)
  t.throws(() => interpret(graph, [zeros([2]), zeros([1])]), {
    message: /Expected \[2\], \[\], received \[2\], \[1\]/,
  })
})

test('an op without rule and expansion is named', async (t) => {
  const { expand: _, ...primitive } = ops.get('logdet') as Op
  const graph = graphOf((x) => apply1({ ...primitive, name: 'unheardOf' }, [x], {}), [zeros([2, 2])])
  t.throws(() => interpret(graph, [zeros([2, 2])]), { message: /no rule for "unheardOf"/, code: 'ERR_GRAPH' })
  t.throws(() => interpret({ ...graph, inputs: [] }, []), GraphError)
})
