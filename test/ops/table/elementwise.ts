// Samples of the elementwise ops.
import type { Tensor } from '../../../lib/ir/tensor.js'
import * as op from '../../../lib/ops/elementwise.js'
import { apart, between, given } from '../draw.js'
import type { Draw } from '../draw.js'
import { sample } from '../sample.js'
import type { Kind, Sample, Table } from '../sample.js'

type Unary = (x: Tensor) => Tensor
type Binary = (x: Tensor, y: Tensor) => Tensor
type Oracle = Sample['oracle']

/** NaN, infinities, zeros of both signs, the ends of the range, and where exp and log turn over. */
const specials = [
  ...[
    NaN,
    Infinity,
    -Infinity,
    0,
    -0,
    1,
    -1,
    0.5,
    -0.5,
    2,
    -2,
    3,
    1e-8,
    -1e-8,
    30,
    -30,
    709.7,
    709.8,
    -708.5,
    -745.2,
  ],
  ...[5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308, 1e16, -1e16],
]
const column = given(specials.map((x) => [x]))
const row = given(specials)

const unary = (
  fn: Unary,
  kind: Kind,
  oracle: Oracle = 'complex',
  edges?: readonly number[],
): readonly Sample[] => [
  sample('generic', fn, [kind(2, 3)], oracle),
  sample('scalar', fn, [kind()], oracle),
  sample('rank 3', fn, [kind(2, 1, 4)], oracle),
  sample('empty', fn, [kind(0, 3)], oracle),
  sample('size one', fn, [kind(1)], oracle),
  ...(edges === undefined ? [] : [sample('boundary', fn, [given(edges)], oracle)]),
  sample('non-finite', fn, [row], 'none'),
]

const binary = (
  fn: Binary,
  x: Kind,
  y: Kind,
  oracle: Oracle = 'complex',
  edges?: readonly [Draw, Draw],
): readonly Sample[] => [
  sample('generic', fn, [x(2, 3), y(2, 3)], oracle),
  sample('broadcast', fn, [x(2, 1, 3), y(4, 1)], oracle),
  sample('scalar on the left', fn, [x(), y(3)], oracle),
  sample('scalar on the right', fn, [x(2, 2), y()], oracle),
  sample('empty', fn, [x(0, 3), y(1, 3)], oracle),
  sample('size one', fn, [x(1, 1), y(1)], oracle),
  ...(edges === undefined ? [] : [sample('boundary', fn, edges, oracle)]),
  sample('non-finite', fn, [column, row], 'none'),
]

const wide: Kind = (...shape) => between(-3, 3, ...shape)
const positive: Kind = (...shape) => between(0.2, 4, ...shape)
const nearZero: Kind = (...shape) => between(-0.1, 0.1, ...shape)
/** Zeros and other numbers, as operands of logic. */
const mixed = given([0, -0, 1, 0, -2, 0.5])

const logic = (fn: Binary): readonly Sample[] => [
  ...binary(fn, apart, nearZero, 'differences'),
  sample('zeros', fn, [mixed, given([0, 3, 0, -1, 2, 0])], 'none'),
]

export const elementwiseTable: Table = {
  add: binary(op.add, wide, wide),
  sub: binary(op.sub, wide, wide),
  mul: binary(op.mul, wide, wide, 'complex', [given([0, 2, 0, -3]), given([3, 0, 0, 1])]),
  div: binary(op.div, wide, positive, 'complex', [given([0, 1, -2]), given([2, -1e-3, 1e3])]),
  neg: unary(op.neg, wide),
  reciprocal: unary(op.reciprocal, positive, 'complex', [-2, -1e-3, 1e3]),
  square: unary(op.square, wide, 'complex', [0, 1e-5, -1e3]),
  sqrt: unary(op.sqrt, positive, 'complex', [1e-6, 1e6]),
  abs: unary(op.abs, apart, 'differences'),
  sign: unary(op.sign, apart, 'differences'),
  floor: unary(op.floor, apart, 'differences'),
  pow: [
    ...binary(op.pow, positive, wide, 'complex', [
      given([-2, -2, -0.5, 0, 0, 0, 3]),
      given([3, -2, 0, 0, 1, 2, 0]),
    ]),
    ...[-3, -2, -1, -0.5, 0, 0.5, 1, 2, 3, 7].map((n) =>
      sample(`power ${String(n)}`, (x) => op.pow(x, n), [positive(4)]),
    ),
    ...[-2, -1, 0, 1, 2, 3].map((n) =>
      sample(`negative base to ${String(n)}`, (x) => op.pow(x, n), [between(-3, -0.3, 4)]),
    ),
    sample('exponent alone', (y) => op.pow(2.5, y), [wide(3)]),
  ],
  exp: unary(op.exp, wide, 'complex', [0, -700, 3]),
  expm1: unary(op.expm1, wide, 'complex', [0, 1e-9, -40, 5]),
  log: unary(op.log, positive, 'complex', [1, 1e-3, 20]),
  log1p: unary(op.log1p, positive, 'complex', [0, 1e-9, -0.9, 20]),
  sin: unary(op.sin, wide, 'complex', [0, 1e3]),
  cos: unary(op.cos, wide, 'complex', [0, 1e3]),
  tanh: unary(op.tanh, wide, 'complex', [0, 1e-9, 5, -30]),
  sigmoid: unary(op.sigmoid, wide, 'complex', [0, 5, -30]),
  softplus: unary(op.softplus, wide, 'complex', [0, 40, -30]),
  less: binary(op.less, apart, nearZero, 'differences'),
  lessEqual: binary(op.lessEqual, apart, nearZero, 'differences'),
  greater: binary(op.greater, apart, nearZero, 'differences'),
  greaterEqual: binary(op.greaterEqual, apart, nearZero, 'differences'),
  equal: binary(op.equal, apart, nearZero, 'differences'),
  notEqual: binary(op.notEqual, apart, nearZero, 'differences'),
  logicalAnd: logic(op.logicalAnd),
  logicalOr: logic(op.logicalOr),
  logicalNot: [
    ...unary(op.logicalNot, apart, 'differences'),
    sample('zeros', op.logicalNot, [mixed], 'none'),
  ],
  isFinite: unary(op.isFinite, wide, 'differences'),
  maximum: binary(op.maximum, apart, nearZero, 'differences'),
  minimum: binary(op.minimum, apart, nearZero, 'differences'),
  where: [
    sample(
      'generic',
      (c, x, y) => op.where(op.greater(c, 0), x, y),
      [apart(2, 3), wide(2, 3), wide(2, 3)],
      'differences',
    ),
    sample('broadcast', (c, x, y) => op.where(op.greater(c, 0), x, y), [
      given([[1], [-1]]),
      wide(2, 1, 3),
      wide(),
    ]),
    sample('condition alone', (c) => op.where(c, 2, 3), [apart(3)], 'differences'),
    sample('empty', op.where, [given([]), wide(1), wide(0)], 'complex'),
    sample('size one', op.where, [given([1]), wide(1), wide()], 'complex'),
    sample(
      'non-finite',
      op.where,
      [
        given([NaN, 0, -0, 1, Infinity, 0, 1]),
        given([1, NaN, 1, NaN, 1, 1, -0]),
        given([2, 2, NaN, 2, NaN, -0, 2]),
      ],
      'none',
    ),
  ],
  stopGradient: [
    sample('generic', (x) => op.mul(op.stopGradient(x), x), [wide(3)]),
    sample('alone', op.stopGradient, [wide(2, 2)]),
    sample('empty', op.stopGradient, [wide(0)]),
    sample('size one', op.stopGradient, [wide(1)]),
  ],
}
