// The text form of graphs, word for word.
import { test } from 'tap'
import { array, zeros } from '../../lib/base/ndarray.js'
import { cond } from '../../lib/control/cond.js'
import { customDerivative } from '../../lib/control/custom.js'
import { scan } from '../../lib/control/scan.js'
import { whileLoop } from '../../lib/control/while.js'
import { printGraph } from '../../lib/ir/print.js'
import type { Tensor } from '../../lib/ir/tensor.js'
import { report } from '../../lib/ir/trace.js'
import type { Operand } from '../../lib/ir/trace.js'
import { add, exp, greater, mul, sin } from '../../lib/ops/elementwise.js'
import { matmul, triangularSolve } from '../../lib/ops/linalg.js'
import { gather, matrixTranspose, slice } from '../../lib/ops/movement.js'
import { sum } from '../../lib/ops/reduce.js'
import { simplify } from '../../lib/transform/simplify.js'
import { graphOf, vjpOf } from '../oracle/transforms.js'

type Case = readonly [
  name: string,
  fn: (...inputs: Tensor[]) => Operand | readonly Operand[],
  shapes: readonly (readonly number[])[],
  text: string,
]

const cases: readonly Case[] = [
  ['an input is an output', (x) => x, [[2]], '{ a: [2] →\n  in a }'],
  ['no input', () => 1.5, [], '{ →\n  in 1.5 }'],
  [
    'scalars stand where they are used',
    (x, y) => sum(add(mul(x, 2), y), 1),
    [[2, 3], [3]],
    `
{ a: [2, 3], b: [3] →
  c: [2, 3] = mul a 2
  d: [2, 3] = add c b
  e: [2] = sum d axes=[1]
  in e }`,
  ],
  [
    'arrays that are closed over',
    (x) => [add(x, array([1, -0, NaN])), add(sum(x), array([1, 2, 3, 4, 5, 6, 7, 8, 9]))],
    [[3]],
    `
{ a: [3] →
  b: [3] = constant array=(1, -0, NaN)
  c: [3] = add a b
  d: [] = sum a axes=[0]
  e: [9] = constant array=(1, 2, 3, 4, 5, 6, 7, 8, …)
  f: [9] = add d e
  in c, f }`,
  ],
  [
    'attributes',
    (x) => [
      matrixTranspose(slice(x, [0, 2], [1, 3])),
      gather(x, [1, 1, 0, 2, 1, 0, 1, 2, 2, 0], 1),
      triangularSolve(x, x, { transpose: true }),
    ],
    [[3, 3]],
    `
{ a: [3, 3] →
  b: [2, 2] = slice a start=[0, 1] stop=[2, 3] step=[1, 1]
  c: [2, 2] = transpose b permutation=[1, 0]
  d: [3, 10] = gather a axis=1 indices=[1, 1, 0, 2, 1, 0, 1, 2, …]
  e: [3, 3] = triangularSolve a a lower=true transpose=true unit=false
  in c, d, e }`,
  ],
  [
    'a report',
    (x) => {
      report('residual', sum(x))
      return x
    },
    [[2]],
    `
{ a: [2] →
  b: [] = sum a axes=[0]
  in a; residual = b }`,
  ],
  [
    'sub-graphs, one in the other',
    (x) =>
      whileLoop(
        (y) => greater(10, sum(y)),
        (y) =>
          cond(
            greater(sum(x), 0),
            () => add(y, x),
            () => exp(y),
          ),
        x,
      ),
    [[2]],
    `
{ a: [2] →
  b: [2] = while a a carried=1
    condition: { a: [2], b: [2] →
      c: [] = sum a axes=[0]
      d: [] = greater 10 c
      in d }
    body: { a: [2], b: [2] →
      c: [] = sum b axes=[0]
      d: [] = greater c 0
      e: [2] = cond d a b
        then: { a: [2], b: [2] →
          c: [2] = add a b
          in c }
        else: { a: [2], b: [2] →
          c: [2] = exp a
          in c }
      in e }
  in b }`,
  ],
  [
    'a scan',
    (x, u) => scan((y: Tensor, v: Tensor) => [sin(y), mul(y, v)] as const, x, u),
    [[], [4]],
    `
{ a: [], b: [4] →
  c: [], d: [4] = scan a b length=4 carried=1 sequences=1 reverse=false counted=false
    body: { a: [], b: [] →
      c: [] = sin a
      d: [] = mul a b
      in c, d }
  in c, d }`,
  ],
  [
    'a custom derivative',
    (x) => customDerivative((y) => sin(y), {})(x),
    [[2]],
    `
{ a: [2] →
  b: [2] = custom a label=customDerivative
    graph: { a: [2] →
      b: [2] = sin a
      in b }
  in b }`,
  ],
]

for (const [name, fn, shapes, text] of cases) {
  test(name, async (t) => {
    t.equal(printGraph(graphOf(fn, shapes.map(zeros))), text.trimStart())
  })
}

test('names go on after z', async (t) => {
  const chain = graphOf((x) => Array.from({ length: 30 }).reduce<Tensor>((y) => sin(y), x), [zeros([])])
  t.match(printGraph(chain), /\n {2}aa: \[\] = sin z\n {2}ab: \[\] = sin aa\n/)
})

test('a transform, before and after', async (t) => {
  // The gradient of ½‖A x‖² in a direction v: Aᵀ (A x) v, and never an outer product.
  const graph = graphOf((a, x) => sum(mul(matmul(a, x), matmul(a, x))), [zeros([3, 2]), zeros([2])])
  t.equal(
    printGraph(graph),
    `
{ a: [3, 2], b: [2] →
  c: [2, 1] = reshape b shape=[2, 1]
  d: [3, 1] = matmul a c transposeA=false transposeB=false
  e: [3] = reshape d shape=[3]
  f: [2, 1] = reshape b shape=[2, 1]
  g: [3, 1] = matmul a f transposeA=false transposeB=false
  h: [3] = reshape g shape=[3]
  i: [3] = mul e h
  j: [] = sum i axes=[0]
  in j }`.trimStart(),
  )
  const simpler = printGraph(simplify(vjpOf(graph)))
  t.equal(simpler.match(/= matmul/g)?.length, 3, simpler)
})
