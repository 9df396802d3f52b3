// Samples of the ops with sub-graphs. Bodies close over Tensors, so that operands are lifted and differentiated.
import { cond } from '../../../lib/control/cond.js'
import { customDerivative } from '../../../lib/control/custom.js'
import { scan } from '../../../lib/control/scan.js'
import { whileLoop } from '../../../lib/control/while.js'
import type { Tensor } from '../../../lib/ir/tensor.js'
import { tensor } from '../../../lib/ir/trace.js'
import type { Operand } from '../../../lib/ir/trace.js'
import {
  add,
  cos,
  div,
  exp,
  greater,
  less,
  mul,
  neg,
  sin,
  square,
  sub,
  tanh,
} from '../../../lib/ops/elementwise.js'
import { matmul } from '../../../lib/ops/linalg.js'
import { sum } from '../../../lib/ops/reduce.js'
import { apart, between, given, normal, oneOf } from '../draw.js'
import { sample } from '../sample.js'
import type { Sample, Table } from '../sample.js'

/** x ← tanh(W x + c) while ‖x‖² > limit, at most ten times. */
const contract = (w: Tensor, x: Tensor, limit: Operand): Tensor[] => {
  const [last, steps] = whileLoop(
    ([y, k]) => mul(greater(sum(square(y)), limit), less(k, 10)),
    ([y, k]): [Tensor, Tensor] => [tanh(mul(0.8, matmul(w, y))), add(k, 1)],
    [x, tensor(0)] as [Tensor, Tensor],
  )
  return [last, steps]
}

/** √a by Newton's method until the step is small. */
const squareRoot = (a: Tensor): Tensor =>
  whileLoop(
    ({ x, previous }) => greater(sum(square(sub(x, previous))), 1e-28),
    ({ x }) => ({ x: mul(0.5, add(x, div(a, x))), previous: x }),
    { x: a, previous: mul(a, 2) },
  ).x

const forward = (s: Sample): Sample => ({ ...s, forwardOnly: true })

/** A recurrence with an operand, a sequence and stacked outputs. */
const recurrence =
  (options: { readonly reverse?: boolean; readonly count?: Operand }) =>
  (w: Tensor, x: Tensor, sequence: Tensor): readonly Tensor[] => {
    const [last, path] = scan(
      (y: Tensor, u: Tensor) => {
        const next = tanh(add(mul(w, y), u))
        return [next, [mul(next, u), sum(y)]] as const
      },
      x,
      sequence,
      options,
    )
    return [last, ...path]
  }

/** Steps without a sequence; the count is a Tensor. */
const power = (x: Tensor, count: Tensor): Tensor =>
  scan((y: Tensor) => [mul(y, x), []] as const, mul(x, 0.5), [], { length: 6, count })[0]

/** The same with a sequence, from the last step to the first. */
const countDown = (x: Tensor, count: Tensor, sequence: Tensor): readonly Tensor[] => {
  const [last, path] = scan((y: Tensor, u: Tensor) => [tanh(mul(y, u)), u] as const, x, sequence, {
    reverse: true,
    count,
  })
  return [last, path]
}

const nested = (x: Tensor, rows: Tensor): readonly Tensor[] => {
  const [last, sums] = scan(
    (y: Tensor, row: Tensor) => {
      const [inner, path] = scan((z: Tensor, u: Tensor) => [sin(add(z, mul(u, y))), z] as const, y, row)
      return [inner, path] as const
    },
    x,
    rows,
  )
  return [last, sums]
}

const branch = (p: Tensor, x: Tensor, y: Tensor): readonly Tensor[] =>
  cond(
    greater(p, 0),
    () => [mul(x, y), sin(x)],
    () => [add(exp(neg(x)), 0), x],
  )

/** sin(x) y with its derivatives written by hand. */
const custom = customDerivative((x, y) => mul(sin(x), y), {
  jvp: ([x, y], _, [dx, dy]) =>
    add(mul(mul(cos(x as Tensor), y as Tensor), dx as Tensor), mul(sin(x as Tensor), dy as Tensor)),
  vjp: ([x, y], _, v) => [mul(mul(cos(x as Tensor), y as Tensor), v), mul(sin(x as Tensor), v)],
})

const weights = between(-0.7, 0.7, 3, 3)

export const controlTable: Table = {
  while: [
    forward(sample('generic', (w, x) => contract(w, x, 0.01), [weights, normal(3)])),
    forward(sample('a limit of its own', contract, [weights, normal(3), between(0.005, 0.02)])),
    forward(sample('no step', (w, x) => contract(w, x, 100), [weights, normal(3)])),
    forward(sample('until it converges', squareRoot, [between(0.5, 9, 2)])),
    forward(sample('size one', squareRoot, [between(0.5, 9, 1)])),
    forward(sample('empty', (x) => contract(x, x, 0.1)[1] as Tensor, [normal(0, 0)])),
    sample('non-finite', (w, x) => contract(w, x, 0.01), [given([[NaN]]), given([[2]])], 'none'),
    sample(
      'a predicate that is NaN',
      (x) =>
        whileLoop(
          (y) => y,
          (y: Tensor) => sub(y, 1),
          x,
        ),
      [oneOf(NaN, 3, -0, 1)],
      'none',
    ),
  ],
  scan: [
    sample('generic', recurrence({}), [normal(3), normal(3), normal(4, 3)]),
    sample('reverse', recurrence({ reverse: true }), [normal(3), normal(3), normal(4, 3)]),
    sample('counted', recurrence({ count: 2 }), [normal(3), normal(3), normal(4, 3)]),
    sample('counted, reverse', recurrence({ count: 3, reverse: true }), [normal(2), normal(2), normal(5, 2)]),
    // Between whole numbers a count has derivative 0; at them, values alone.
    sample('a count for each', power, [between(0.5, 1.5, 2), oneOf(3.5, 0.5, 7.5, 2.5)]),
    sample('a count for each, reverse', countDown, [
      between(0.5, 1.5, 2),
      oneOf(3.5, -1, 7.5, 2.5),
      normal(6, 2),
    ]),
    sample('a whole count for each', power, [between(0.5, 1.5, 2), oneOf(4, 0, 6, 9)], 'none'),
    sample(
      'a whole count, reverse',
      countDown,
      [between(0.5, 1.5, 2), oneOf(4, 0, 6, 9), normal(6, 2)],
      'none',
    ),
    sample('scan of scans', nested, [normal(), normal(3, 2)]),
    sample('size one', recurrence({}), [normal(1), normal(1), normal(1, 1)]),
    sample('no step', recurrence({}), [normal(2), normal(2), normal(0, 2)]),
    sample('empty', recurrence({}), [normal(0), normal(0), normal(3, 0)]),
    sample(
      'non-finite',
      recurrence({}),
      [
        given([NaN, 1]),
        given([1, Infinity]),
        given([
          [1, 1],
          [0, 2],
        ]),
      ],
      'none',
    ),
    sample('a count that is NaN', power, [given([2]), oneOf(NaN, 3, -1)], 'none'),
  ],
  cond: [
    sample('generic', branch, [apart(), normal(3), normal(3)]),
    sample('then', branch, [given(1), normal(2), normal(2)]),
    sample('else', branch, [given(-1), normal(2), normal(2)]),
    sample('size one', branch, [apart(), normal(1), normal(1)]),
    sample('empty', branch, [apart(), normal(0), normal(0)]),
    sample(
      'a number as predicate',
      (p, x) =>
        cond(
          p,
          () => square(x),
          () => x,
        ),
      [given(0.5), normal(2)],
    ),
    sample(
      'a predicate that is NaN',
      (p, x) =>
        cond(
          p,
          () => square(x),
          () => x,
        ),
      [oneOf(NaN, 1, 0), normal(2)],
      'none',
    ),
  ],
  custom: [
    sample('generic', (x, y) => custom(x, y), [normal(3), normal(3)]),
    sample('size one', (x, y) => custom(x, y), [normal(1), normal(1)]),
    sample('empty', (x, y) => custom(x, y), [normal(0), normal(0)]),
    sample('non-finite', (x, y) => custom(x, y), [given([NaN, 1]), given([1, Infinity])], 'none'),
  ],
}
