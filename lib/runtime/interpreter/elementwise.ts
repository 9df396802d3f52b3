// Elementwise ops: the function of one element, by the name of the op. Special values are those of the kernels.
import type { NDArray } from '../../base/ndarray.js'
import { zeros } from '../../base/ndarray.js'
import type { Shape } from '../../base/shape.js'
import { broadcastTo } from './indexing.js'
import type { Rule } from './walk.js'

type Scalar = (...operands: number[]) => number
// Written with three operands so that the table below is checked: a function may leave out the last ones.
type Function3 = (x: number, y: number, z: number) => number

const bit = (truth: boolean): number => (truth ? 1 : 0)

/** C's pow: 1 to any power is 1, NaN included, and so is −1 to ±∞. JavaScript says NaN to both. */
const pow: Function3 = (x, y) => (x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : Math.pow(x, y))

/** 1 / (1 + e⁻ˣ), by whichever of e⁻ˣ and eˣ does not overflow. */
const sigmoid: Function3 = (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)))

/** Every elementwise function. NaN is true in logic and false in comparisons. */
export const functions: Readonly<Record<string, Function3>> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  neg: (x) => -x,
  reciprocal: (x) => 1 / x,
  square: (x) => x * x,
  sqrt: Math.sqrt,
  abs: Math.abs,
  sign: Math.sign,
  floor: Math.floor,
  pow,
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sigmoid,
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  less: (x, y) => bit(x < y),
  lessEqual: (x, y) => bit(x <= y),
  greater: (x, y) => bit(x > y),
  greaterEqual: (x, y) => bit(x >= y),
  equal: (x, y) => bit(x === y),
  notEqual: (x, y) => bit(x !== y),
  logicalAnd: (x, y) => bit(x !== 0 && y !== 0),
  logicalOr: (x, y) => bit(x !== 0 || y !== 0),
  logicalNot: (x) => bit(x === 0),
  isFinite: (x) => bit(Number.isFinite(x)),
  maximum: (x, y) => Math.max(x, y),
  minimum: (x, y) => Math.min(x, y),
  where: (condition, a, b) => (condition !== 0 ? a : b),
  stopGradient: (x) => x,
}

const elementwise =
  (f: Scalar): Rule<NDArray> =>
  (inputs, _, [shape]) => {
    const operands = inputs.map((x) => broadcastTo(x, shape as Shape).data)
    const result = zeros(shape as Shape)
    for (let i = 0; i < result.size; i++) result.data[i] = f(...operands.map((data) => data[i] as number))
    return [result]
  }

export const elementwiseRules: Readonly<Record<string, Rule<NDArray>>> = Object.fromEntries(
  Object.entries(functions).map(([name, f]) => [name, elementwise(f)]),
)
