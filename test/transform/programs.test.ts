// simplify on random programs of products, transposes, outer products, negations and scalars. Inputs and scalars are small
// integers and powers of two, so that every order of the same sums has the same bits: equal means equal.
import fc from 'fast-check'
import { test } from 'tap'
import { NDArray } from '../../lib/base/ndarray.js'
import { sameShape, sizeOf } from '../../lib/base/shape.js'
import type { Shape } from '../../lib/base/shape.js'
import {
  add,
  broadcast,
  concat,
  div,
  eye,
  matmul,
  mul,
  neg,
  outer,
  reshape,
  slice,
  square,
  sub,
  sum,
  transpose,
} from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'
import type { Graph } from '../../lib/ir/graph.js'
import { verifyGraph } from '../../lib/ir/verify.js'
import { interpret } from '../../lib/runtime/interpreter.js'
import { simplify } from '../../lib/transform/simplify.js'
import { flops, productFlops } from '../harness/work.js'
import { graphOf, jvpOf, vjpOf, vmapOf } from '../oracle/transforms.js'

/** A step of a program: what to do, with operands chosen among the values so far by number. */
interface Step {
  readonly kind: (typeof kinds)[number]
  readonly a: number
  readonly b: number
  readonly scalar: number
}
const kinds = [
  ...['add', 'sub', 'mul', 'matmul', 'matmul', 'outer', 'outer', 'transpose', 'transpose'],
  ...[
    'neg',
    'scale',
    'divide',
    'square',
    'sum',
    'sumRows',
    'rows',
    'columns',
    'identity',
    'weighted',
    'crossed',
    'slice',
    'concat',
  ],
] as const

const shapesOf = (n: number, p: number): readonly Shape[] => [[n, n], [n, p], [n], [p], []]
const sizes: readonly (readonly [number, number])[] = [
  [3, 2],
  [4, 1],
  [1, 2],
  [0, 2],
]

const last = (x: Tensor, back: number): number => x.shape[x.rank - back] as number

/** The result of a step, or undefined where the operands do not fit it. */
const carryOut = ({ kind, scalar }: Step, x: Tensor, y: Tensor): Tensor | undefined => {
  const same = sameShape(x.shape, y.shape)
  const matrices = x.rank === 2 && y.rank === 2
  switch (kind) {
    case 'add':
      return same || x.rank === 0 ? add(x, y) : undefined
    case 'sub':
      return same || y.rank === 0 ? sub(x, y) : undefined
    case 'mul':
      return same || x.rank === 0 || y.rank === 0 ? mul(x, y) : undefined
    case 'matmul':
      return x.rank > 0 && y.rank > 0 && last(x, 1) === last(y, y.rank === 1 ? 1 : 2)
        ? matmul(x, y)
        : undefined
    case 'outer':
      return x.rank === 1 && y.rank === 1 ? outer(x, y) : undefined
    case 'transpose':
      return x.rank === 2 ? transpose(x) : undefined
    case 'neg':
      return neg(x)
    case 'scale':
      return mul(scalar, x)
    case 'divide':
      return div(x, 2)
    case 'square':
      return square(x)
    case 'sum':
      return x.rank > 0 ? sum(x, -1) : undefined
    case 'sumRows':
      return x.rank === 2 ? sum(x, 0) : undefined
    case 'rows':
      return matrices || x.rank !== 2 || y.rank !== 1 || last(x, 2) !== last(y, 1)
        ? undefined
        : mul(x, reshape(y, [-1, 1]))
    case 'columns':
      return matrices || x.rank !== 2 || y.rank !== 1 || last(x, 1) !== last(y, 1)
        ? undefined
        : mul(x, broadcast(y, x.shape))
    case 'identity':
      return x.rank === 2 ? matmul(x, mul(scalar, eye(last(x, 1)))) : undefined
    case 'weighted':
      return x.rank === 2 && y.rank === 1 && last(x, 2) === last(y, 1)
        ? matmul(transpose(x), mul(reshape(y, [-1, 1]), x))
        : undefined
    case 'crossed':
      return x.rank === 2 && y.rank === 1 && last(x, 1) === last(y, 1)
        ? matmul(transpose(x), mul(x, y))
        : undefined
    case 'slice':
      return x.rank > 0 && last(x, x.rank) >= 2 ? slice(x, [0, 2]) : undefined
    case 'concat':
      return x.rank > 0 && same && sizeOf(x.shape) < 10 ? concat([x, y]) : undefined
  }
}

const program =
  (steps: readonly Step[]) =>
  (...inputs: Tensor[]): Tensor[] => {
    const values = [...inputs]
    for (const step of steps) {
      const made = carryOut(
        step,
        values[step.a % values.length] as Tensor,
        values[step.b % values.length] as Tensor,
      )
      if (made !== undefined) values.push(made)
    }
    return [values[values.length - 1] as Tensor, values[values.length - 2] as Tensor]
  }

const step = fc.record({
  kind: fc.constantFrom(...kinds),
  // Late values more often, so that programs are deep.
  a: fc.nat(12),
  b: fc.nat(12),
  scalar: fc.constantFrom(-2, -1, -0.5, 0.5, 1, 2, 4),
})
const numbers = (shape: Shape): fc.Arbitrary<NDArray> =>
  fc
    .array(fc.integer({ min: -2, max: 2 }), { minLength: sizeOf(shape), maxLength: sizeOf(shape) })
    .map((data) => new NDArray(shape, Float64Array.from(data)))
const inputs = (shapes: readonly Shape[]): fc.Arbitrary<NDArray[]> => fc.tuple(...shapes.map(numbers))

/** Whether every sum in the graph is exact: all numbers are multiples of 2⁻²⁰ below 2³⁰. */
const exact = (graph: Graph, at: readonly NDArray[]): boolean => {
  const all = { ...graph, outputs: graph.nodes.flatMap((node) => node.outputs) }
  return interpret(all, at).outputs.every(({ data }) =>
    data.every((x) => Math.abs(x) < 2 ** 30 && Number.isInteger(x * 2 ** 20)),
  )
}

/** Equal numbers; −0 and 0 are equal. */
const equal = (xs: readonly NDArray[], ys: readonly NDArray[]): boolean =>
  xs.every(
    (x, i) =>
      sameShape(x.shape, (ys[i] as NDArray).shape) && x.data.every((value, k) => value === ys[i]?.data[k]),
  )

const sameAfter = (graph: Graph, at: readonly NDArray[]): boolean => {
  const simpler = simplify(graph)
  verifyGraph(simpler)
  fc.pre(exact(graph, at))
  return equal(interpret(simpler, at).outputs, interpret(graph, at).outputs)
}

const runs = (numRuns: number): { readonly numRuns: number; readonly seed: number } => ({
  numRuns,
  seed: 2023,
})
const steps = (maxLength: number): fc.Arbitrary<Step[]> => fc.array(step, { minLength: 2, maxLength })

for (const [n, p] of sizes) {
  const shapes = shapesOf(n, p)

  test(`values, n = ${String(n)}, p = ${String(p)}`, async () => {
    fc.assert(
      fc.property(steps(12), inputs(shapes), (list, at) => sameAfter(graphOf(program(list), at), at)),
      runs(300),
    )
  })

  test(`jvp, vjp and vmap, n = ${String(n)}, p = ${String(p)}`, async () => {
    fc.assert(
      fc.property(steps(8), inputs(shapes), inputs(shapes), (list, at, along) => {
        const graph = graphOf(program(list), at)
        const cotangents = graph.outputs.map(
          ({ shape }) =>
            new NDArray(
              shape,
              Float64Array.from({ length: sizeOf(shape) }, (_, i) => (i % 3) - 1),
            ),
        )
        const doubled = at.map(
          (x) => new NDArray([2, ...x.shape], Float64Array.from([...x.data, ...x.data.map((z) => 1 - z)])),
        )
        return (
          sameAfter(jvpOf(graph), [...at, ...along]) &&
          sameAfter(vjpOf(graph), [...at, ...cotangents]) &&
          sameAfter(
            vmapOf(
              graph,
              at.map(() => true),
              2,
            ),
            doubled,
          ) &&
          sameAfter(
            vmapOf(
              graph,
              at.map((_, i) => i % 2 === 0),
              2,
            ),
            at.map((x, i) => (i % 2 === 0 ? (doubled[i] as NDArray) : x)),
          )
        )
      }),
      runs(100),
    )
  })

  // A scalar may be multiplied twice to let two products become one, so only products are counted; of a single row a
  // weighted Gram matrix is no saving.
  if (n === 1) continue
  test(`no program gets more products, n = ${String(n)}, p = ${String(p)}`, async () => {
    fc.assert(
      fc.property(steps(12), inputs(shapes), (list, at) => {
        const graph = graphOf(program(list), at)
        const simpler = simplify(graph)
        const again = simplify({ ...simpler })
        return productFlops(simpler) <= productFlops(graph) && productFlops(again) === productFlops(simpler)
      }),
      runs(200),
    )
  })
}

test('programs are not trivial', async (t) => {
  const drawn = fc.sample(fc.tuple(steps(12), inputs(shapesOf(3, 2))), { numRuns: 200, seed: 1 })
  const graphs = drawn.map(([list, at]) => ({ graph: graphOf(program(list), at), at }))
  t.ok(graphs.filter(({ graph, at }) => exact(graph, at)).length > 150, 'most are exact')
  t.ok(
    graphs.filter(({ graph }) => flops(simplify(graph)) < flops(graph)).length > 60,
    'many have work to save',
  )
})
