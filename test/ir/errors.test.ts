// Mistakes while tracing: each is refused with a code, what was expected, what came and what to do, at the user's line.
import { test } from 'tap'
import { OnestepError } from '../../lib/base/errors.js'
import { array, zeros } from '../../lib/base/ndarray.js'
import type { ArrayInput } from '../../lib/base/ndarray.js'
import { cond } from '../../lib/control/cond.js'
import { scan } from '../../lib/control/scan.js'
import { whileLoop } from '../../lib/control/while.js'
import type { Tensor } from '../../lib/ir/tensor.js'
import { tensor, traceGraph, userFrame } from '../../lib/ir/trace.js'
import type { Operand } from '../../lib/ir/trace.js'
import * as e from '../../lib/ops/elementwise.js'
import * as l from '../../lib/ops/linalg.js'
import * as m from '../../lib/ops/movement.js'
import { max, sum } from '../../lib/ops/reduce.js'
import { grad, jvp } from '../../lib/transform/derivatives.js'

const caught = (fn: () => unknown): OnestepError => {
  try {
    fn()
  } catch (error) {
    if (error instanceof OnestepError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** Traces at shapes [2, 3], [3] and []. */
const trace = (fn: (x: Tensor, y: Tensor, s: Tensor) => unknown): unknown =>
  traceGraph(([x, y, s]) => [fn(x as Tensor, y as Tensor, s as Tensor) as Operand], [[2, 3], [3], []])

type Case = readonly [
  name: string,
  fn: (x: Tensor, y: Tensor, s: Tensor) => unknown,
  code: string,
  what: RegExp,
  expected?: RegExp | undefined,
  received?: RegExp,
]

let leaked: Tensor | undefined
trace((x) => (leaked = x))
const wrongType = (x: unknown): Operand => x as Operand

// prettier-ignore
const cases: readonly Case[] = [
  ['shapes that do not broadcast', (x) => e.add(x, [1, 2]), 'ERR_SHAPE', /^add\(\[2, 3\], \[2\]\): shapes/,
    /equal or 1/, /3 and 2/],
  ['three shapes that do not broadcast', (x, y) => e.where(x, y, [1, 2]), 'ERR_SHAPE',
    /^where\(\[2, 3\], \[3\], \[2\]\)/],
  ['inner sizes', (x) => l.matmul(x, x), 'ERR_SHAPE', /^matmul\(\[2, 3\], \[2, 3\]\): inner sizes/, /3 rows/,
    /2/],
  ['a scalar in matmul', (x, _, s) => l.matmul(x, s), 'ERR_SHAPE', /a scalar is not a matrix/],
  ['dot of matrices', (x) => l.dot(x, x), 'ERR_SHAPE', /^dot\(\[2, 3\], \[2, 3\]\)/, /two vectors/],
  ['gram weights', (x, y) => l.gram(x, y), 'ERR_SHAPE', /^gram\(\[2, 3\], \[3\]\): weights/, /2 weights/,
    /\[3\]/],
  ['Cholesky of a rectangle', (x) => l.cholesky(x), 'ERR_SHAPE', /^cholesky\(\[2, 3\]\): .*not square/,
    undefined, /\[2, 3\]/],
  ['LU of a vector', (_, y) => l.luFactor(y), 'ERR_SHAPE', /^lu\(\[3\]\): .*not a matrix/, /two axes/,
    /\[3\]/],
  ['a right-hand side', (x) => l.luSolve(m.eye(3), x), 'ERR_SHAPE', /^luSolve\(.*right-hand side/, /3 rows/,
    /\[2, 3\]/],
  ['a triangular right-hand side', (x) => l.triangularSolve(m.eye(3), x), 'ERR_SHAPE', /^triangularSolve\(/,
    /3 rows/],
  ['reshape', (x) => m.reshape(x, [7]), 'ERR_SHAPE', /^reshape\(\[2, 3\]\): .*number of elements/,
    /6 elements/, /\[7\]/],
  ['reshape to no shape', (x) => m.reshape(x, [1.5, 4]), 'ERR_SHAPE', /not a shape/, /non-negative/,
    /\[1.5,4\]/],
  ['a hole that does not come out', (x) => m.reshape(x, [-1, 4]), 'ERR_SHAPE', /not a shape/],
  ['no permutation', (x) => m.transpose(x, [0, 0]), 'ERR_SHAPE', /not a permutation/, /each of the 2 axes/,
    /\[0, 0\]/],
  ['an axis that is not there', (x) => sum(x, 2), 'ERR_SHAPE', /axis 2 does not exist/, /from -2 to 1/, /2/],
  ['an axis that is no integer', (x) => sum(x, 0.5), 'ERR_SHAPE', /axis 0.5 does not exist/],
  ['an axis named twice', (x) => sum(x, [0, -2]), 'ERR_SHAPE', /name one axis twice/, /distinct/],
  ['max of nothing', () => max(array([])), 'ERR_SHAPE', /^max\(\[0\]\): the max of no elements/,
    /at least one/, /\[0\]/],
  ['broadcast to less', (x) => m.broadcast(x, [3]), 'ERR_SHAPE',
    /^broadcast\(\[2, 3\]\): cannot broadcast to \[3\]/, /target or 1/],
  ['a slice outside', (x) => m.slice(x, [0, 3]), 'ERR_SHAPE', /^slice\(\[2, 3\]\): slice 0:3:1 of axis 0/,
    /stop ≤ 2/],
  ['a slice that goes backwards', (x) => m.slice(x, [0, 2, -1]), 'ERR_SHAPE', /slice 0:2:-1/, /step ≥ 1/],
  ['too many ranges', (_, y) => m.slice(y, [0, 1], [0, 1]), 'ERR_SHAPE', /names 2 axes/, /at most 1/],
  ['negative padding', (_, y) => m.pad(y, [-1], [0]), 'ERR_SHAPE', /negative amount/, /non-negative/],
  ['padding of other axes', (x) => m.pad(x, [1], [1]), 'ERR_SHAPE', /pad of \[2, 3\]/, /2 amounts/],
  ['concat of other sizes', (x, y) => m.concat([x, m.reshape(y, [3, 1])], 1), 'ERR_SHAPE', /^concat\(/,
    /same sizes/, /\[2, 3\], \[3, 1\]/],
  ['concat of nothing', () => m.concat([]), 'ERR_SHAPE', /concat of nothing/, /at least one/],
  ['gather outside', (_, y) => m.gather(y, [3]), 'ERR_SHAPE', /^gather\(\[3\]\): gather index 3/, /0 to 2/],
  ['scatterAdd of another length', (_, y) => m.scatterAdd(y, [0], 2), 'ERR_SHAPE', /^scatterAdd\(\[3\]\)/,
    /3 integers/],
  ['a triangle of a vector', (_, y) => m.tril(y), 'ERR_SHAPE', /^triangle\(\[3\]\)/, /two axes/],
  ['diag of a scalar', (_, __, s) => m.diag(s), 'ERR_SHAPE', /diag of a scalar/, /at least one axis/],
  ['diagonal of a rectangle', (x) => m.diagonal(x), 'ERR_SHAPE', /not square/, undefined, /\[2, 3\]/],
  ['a negative identity', () => m.eye(-1), 'ERR_SHAPE', /not a shape/],
  ['a carry that changes its shape',
    (x, y) => scan((c: Tensor, u: Tensor) => [e.mul(c, u), 0] as const, x.sum(), x)[0].add(y), 'ERR_SHAPE',
    /carry 0 changes its shape/, /\[\]/, /\[3\]/],
  ['a scan without length', (x) => scan((c: Tensor) => [c, 0] as const, x, undefined)[0], 'ERR_SHAPE',
    /no length/, /option length/],
  ['sequences of other lengths', (x, y) => scan((c: Tensor) => [c, 0] as const, x, [x, y])[0], 'ERR_SHAPE',
    /^scan\(.*another length/, /2 entries/, /\[3\]/],
  ['a condition that is not a scalar', (x) => whileLoop((c) => c, (c: Tensor) => c, x), 'ERR_SHAPE',
    /condition is not a scalar/, /\[\]/, /\[2, 3\]/],
  ['a predicate that is not a scalar', (x, y) => cond(y, () => x, () => x), 'ERR_SHAPE',
    /predicate is not a scalar/, /\[\]/, /\[3\]/],
  ['branches of other shapes', (x, y, s) => cond(s, () => x, () => y), 'ERR_SHAPE', /different shapes/,
    /\[2, 3\]/, /\[3\]/],
  ['branches of another structure', (x, y, s) => cond<object>(s, () => ({ x }), () => ({ y })),
    'ERR_STRUCTURE', /another structure/, /exactly the keys x/, /unknown key "y"/],
  ['a carry that loses a key',
    (x, y) => scan((c: Record<string, Tensor>) => [{ x: c['x'] as Tensor }, 0] as const, { x, y }, undefined, { length: 2 }),
    'ERR_STRUCTURE', /another structure/, /exactly the keys x, y/, /no key "y"/],
  ['a tangent of another structure',
    (x, y) => jvp((a: object) => (a as { p: Tensor }).p.sum(), [{ p: x }], [[y]])[0], 'ERR_STRUCTURE',
    /another structure/, /record of p/, /list of 1/],
  ['a tangent of another shape', (x, y) => jvp((a: Tensor) => a.sum(), [x], [y])[0], 'ERR_SHAPE',
    /another shape/, /\[2, 3\]/, /\[3\]/],
  ['a tree with something else in it',
    (x) => jvp((a: object) => e.add(x, (a as { p: Tensor }).p), [{ p: new Map() }], [{}]), 'ERR_ARGUMENT',
    /is not an array/, /record or list/, /Map/],
  ['the gradient of a vector', (_, y) => grad((z: Tensor) => e.sin(z))(y), 'ERR_SHAPE', /scalar function/,
    /\[\]/, /\[3\]/],
  ['ragged lists', (x) => e.add(x, [[1, 2, 3], [4, 5]]), 'ERR_SHAPE', /ragged/, /3 entries along axis 1/,
    /2/],
  ['lists of another depth', (x) => e.add(x, wrongType([1, [2], 3])), 'ERR_ARGUMENT',
    /ragged or hold something/, /numbers in shape \[3\]/, /Array/],
  ['lists with words', (x) => e.add(x, wrongType([[1], ['2']])), 'ERR_ARGUMENT', /not a number/,
    /numbers in shape/, /string/],
  ['a Float32Array', (x) => e.add(x, wrongType(new Float32Array(3))), 'ERR_ARGUMENT', /cannot make an array/,
    /Float64Array/, /Float32Array/],
  ['null', (x) => e.add(x, wrongType(null)), 'ERR_TRACE', /operand is not an array/, /a Tensor/, /null/],
  ['a word', (x) => e.add(x, wrongType('1')), 'ERR_TRACE', /operand is not an array/, /a Tensor/, /string/],
  ['a boolean', (x) => e.add(x, wrongType(true)), 'ERR_TRACE', /operand is not an array/, /a Tensor/,
    /boolean/],
  ['a record where an array belongs', (x) => e.add(x, wrongType({ x })), 'ERR_TRACE',
    /operand is not an array/, /a Tensor/, /object/],
  ['a Tensor of another function', (x) => e.add(x, leaked as Tensor), 'ERR_TRACE', /outside the function/,
    /of this function/, /\[2, 3\]/],
  ['a Tensor that leaks out of a body', (x) => {
    let inner: Tensor | undefined
    scan((c: Tensor, u: Tensor) => [(inner = e.add(c, u)), 0] as const, tensor(zeros([3])), x)
    return e.add(x, inner as Tensor)
  }, 'ERR_TRACE', /outside the function/, /of this function/, /\[3\]/],
  ['a Tensor that leaks into the result', () => leaked, 'ERR_TRACE', /outside the function/],
]

/** Remedies that must be there: what a user cannot guess. */
const withRemedy = new Set([
  ...[
    'ragged lists',
    'lists of another depth',
    'lists with words',
    'a Float32Array',
    'a Tensor of another function',
  ],
  ...['branches of another structure', 'a carry that loses a key', 'a tree with something else in it'],
  ...['the gradient of a vector', 'a scalar in matmul', 'a Tensor that leaks out of a body'],
])

for (const [name, fn, code, what, expected, received] of cases) {
  test(name, async (t) => {
    const error = caught(() => trace(fn))
    t.equal(error.code, code)
    t.match(error.what, what)
    if (expected !== undefined) t.match(error.expected, expected, 'expected')
    if (received !== undefined) t.match(error.received, received, 'received')
    if (withRemedy.has(name)) t.type(error.remedy, 'string', 'remedy')
    for (const part of [error.expected, error.received, error.remedy]) {
      if (part !== undefined) t.ok(error.message.includes(part), `the message says "${part}"`)
    }
    if (name !== 'a Tensor that leaks into the result')
      t.match(error.message, /errors\.test\.[jt]s:\d+:\d+/, 'names the file')
  })
}

test('ops outside of a traced function', async (t) => {
  const error = caught(() => e.add(1, 2))
  t.equal(error.code, 'ERR_TRACE')
  t.match(error.remedy, /compile/)
})

test('a function that calls itself for ever', async (t) => {
  const forever = (x: Tensor): Tensor => forever(e.sin(x))
  t.match(
    caught(() => trace(forever)),
    { code: 'ERR_TRACE', remedy: /iterate, scan or whileLoop/ },
  )
})

/** The line on which this is called, handing `x` through. */
let marked: string | undefined
const mark = <T extends ArrayInput>(x: T): T => {
  marked = lineOf(userFrame(new Error().stack?.replace(/^.*\n.*\n/, '')))
  return x
}
const lineOf = (frame: string | undefined): string | undefined => /:(\d+):\d+\)?$/.exec(frame ?? '')?.[1]

// The mistake and the mark stand on one line each time.
const places: Readonly<Record<string, (x: Tensor) => unknown>> = {
  'a function': (x) => e.add(x, mark([1, 2])),
  'a method': (x) => x.sin().add(mark([1, 2])),
  'a reduction': (x) => sum(x, mark(7)),
  'a list of operands': (x) => m.concat([x, x, mark([[1], [2, 3]])]),
  'the body of a scan': (x) =>
    scan((c: Tensor, u: Tensor) => [e.add(e.add(c, u), mark([1, 2])), 0] as const, tensor(zeros([3])), x),
  'a branch in a loop': (x) =>
    whileLoop(
      (c) => c.sum(),
      (c) =>
        cond(
          c.sum(),
          () => c,
          () => c.sub(mark([1, 2])),
        ),
      x,
    ),
  'a function that is differentiated': (x) => grad((y: Tensor) => l.matmul(y, mark([1, 2])).sum())(x),
}

for (const [name, fn] of Object.entries(places)) {
  test(`the line in ${name}`, async (t) => {
    marked = undefined
    const error = caught(() => trace(fn))
    t.ok(marked !== undefined, 'the mark was passed')
    t.equal(lineOf(error.where), marked)
    t.ok(error.message.includes(`, at ${error.where ?? '?'}`))
    t.equal(error.message.split('errors.test').length, 2, 'the place is named once')
    t.ok(error.stack?.startsWith(`ShapeError: ${error.message}`), 'the stack tells the same')
  })
}
