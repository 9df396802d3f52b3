// Elementwise ops: one record each, its partial derivatives in a line. Broadcasting follows NumPy.
import { broadcastShapes, sameShape } from '../base/shape.js'
import type { Shape } from '../base/shape.js'
import { defineOp } from '../ir/op.js'
import type { Maybe, Op } from '../ir/op.js'
import { defineMethods } from '../ir/tensor.js'
import type { Tensor } from '../ir/tensor.js'
import { apply1, tensor } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import { broadcast, reshape } from './movement.js'

/** ∂out/∂xᵢ as a factor of the tangent; a number where it is constant (0 ends the derivative). */
type Factor = number | ((inputs: readonly Tensor[], out: Tensor) => Operand)

const scale = (t: Tensor, factor: Factor, inputs: readonly Tensor[], out: Tensor): Maybe => {
  if (factor === 0) return undefined
  if (factor === 1) return t
  if (factor === -1) return neg(t)
  return mul(t, typeof factor === 'number' ? factor : factor(inputs, out))
}

/** Sum of tangents, where undefined is zero. */
export const addMaybe = (a: Maybe, b: Maybe): Maybe => (a === undefined ? b : b === undefined ? a : add(a, b))

const stretch = (t: Maybe, shape: Shape): Maybe =>
  t === undefined || sameShape(t.shape, shape) ? t : broadcast(t, shape)

const elementwise = (name: string, ...partials: readonly Factor[]): Op<object> => {
  const op: Op<object> = defineOp({
    name,
    shapes: (inputs) => [broadcastShapes(...inputs)],
    jvp: ({ inputs, outputs }, tangents) => {
      const out = outputs[0] as Tensor
      const terms = tangents.map((t, i) =>
        t === undefined ? undefined : scale(t, partials[i] as Factor, inputs, out),
      )
      return [stretch(terms.reduce(addMaybe, undefined), out.shape)]
    },
    vjp: ({ inputs, outputs }, [v]) =>
      partials.map((partial) =>
        v === undefined ? undefined : scale(v, partial, inputs, outputs[0] as Tensor),
      ),
    // The batch goes in front of the longest operand, so that all of them stay aligned at the last axis.
    vmap: (inputs, batched) => {
      const rank = Math.max(...inputs.map((x, i) => x.rank - (batched[i] ? 1 : 0)))
      const aligned = inputs.map((x, i) => {
        const missing = batched[i] ? rank - (x.rank - 1) : 0
        return missing === 0
          ? x
          : reshape(x, [x.shape[0] as number, ...new Array<number>(missing).fill(1), ...x.shape.slice(1)])
      })
      return { outputs: [apply1(op, aligned, {})], batched: [true] }
    },
  })
  elementwiseOps.set(name, op)
  return op
}

/** All elementwise ops by name. */
export const elementwiseOps = new Map<string, Op>()

const unary =
  (op: Op<object>): ((x: Operand) => Tensor) =>
  (x) =>
    apply1(op, [x], {})
const binary =
  (op: Op<object>): ((x: Operand, y: Operand) => Tensor) =>
  (x, y) =>
    apply1(op, [x, y], {})

type Inputs = readonly [Tensor, Tensor]
const two =
  (rule: (x: Tensor, y: Tensor, out: Tensor) => Operand): Factor =>
  (inputs, out) =>
    rule(...(inputs as Inputs), out)
const one =
  (rule: (x: Tensor, out: Tensor) => Operand): Factor =>
  (inputs, out) =>
    rule(inputs[0] as Tensor, out)

// Arithmetic.
export const add = binary(elementwise('add', 1, 1))
export const sub = binary(elementwise('sub', 1, -1))
export const mul = binary(
  elementwise(
    'mul',
    two((_, y) => y),
    two((x) => x),
  ),
)
// d(x/y) = dx/y − (x/y) dy/y
export const div = binary(
  elementwise(
    'div',
    two((_, y) => reciprocal(y)),
    two((_, y, out) => neg(div(out, y))),
  ),
)
export const neg = unary(elementwise('neg', -1))
export const reciprocal = unary(
  elementwise(
    'reciprocal',
    one((_, out) => neg(square(out))),
  ),
)
export const square = unary(
  elementwise(
    'square',
    one((x) => mul(x, 2)),
  ),
)
export const sqrt = unary(
  elementwise(
    'sqrt',
    one((_, out) => div(0.5, out)),
  ),
)
/** Derivative sign(x): 0 at 0. */
export const abs = unary(
  elementwise(
    'abs',
    one((x) => sign(x)),
  ),
)
export const sign = unary(elementwise('sign', 0))
export const floor = unary(elementwise('floor', 0))
/** xʸ. The derivative in y is 0 where x ≤ 0; the derivative in x is 0 where y = 0. */
export const pow = binary(
  elementwise(
    'pow',
    two((x, y) => where(equal(y, 0), 0, mul(y, pow(x, sub(y, 1))))),
    two((x, _, out) => where(greater(x, 0), mul(out, log(where(greater(x, 0), x, 1))), 0)),
  ),
)

// Exponentials and their kin.
export const exp = unary(
  elementwise(
    'exp',
    one((_, out) => out),
  ),
)
export const expm1 = unary(
  elementwise(
    'expm1',
    one((_, out) => add(out, 1)),
  ),
)
export const log = unary(
  elementwise(
    'log',
    one((x) => reciprocal(x)),
  ),
)
export const log1p = unary(
  elementwise(
    'log1p',
    one((x) => reciprocal(add(x, 1))),
  ),
)
export const sin = unary(
  elementwise(
    'sin',
    one((x) => cos(x)),
  ),
)
export const cos = unary(
  elementwise(
    'cos',
    one((x) => neg(sin(x))),
  ),
)
export const tanh = unary(
  elementwise(
    'tanh',
    one((_, out) => sub(1, square(out))),
  ),
)
/** 1 / (1 + e⁻ˣ) */
export const sigmoid = unary(
  elementwise(
    'sigmoid',
    one((_, out) => mul(out, sub(1, out))),
  ),
)
/** log(1 + eˣ) */
export const softplus = unary(
  elementwise(
    'softplus',
    one((x) => sigmoid(x)),
  ),
)

// Comparisons give 1 or 0 and have no derivative. NaN compares false, and unequal to everything.
export const less = binary(elementwise('less', 0, 0))
export const lessEqual = binary(elementwise('lessEqual', 0, 0))
export const greater = binary(elementwise('greater', 0, 0))
export const greaterEqual = binary(elementwise('greaterEqual', 0, 0))
export const equal = binary(elementwise('equal', 0, 0))
export const notEqual = binary(elementwise('notEqual', 0, 0))
export const logicalAnd = binary(elementwise('logicalAnd', 0, 0))
export const logicalOr = binary(elementwise('logicalOr', 0, 0))
export const logicalNot = unary(elementwise('logicalNot', 0))
/** 1 where x is neither NaN nor infinite, else 0. */
export const isFinite = unary(elementwise('isFinite', 0))

// Selections. At a tie, maximum and minimum give half of the derivative to each side.
const share = (wins: (x: Operand, y: Operand) => Tensor): [Factor, Factor] => [
  two((x, y) => where(equal(x, y), 0.5, wins(x, y))),
  two((x, y) => where(equal(x, y), 0.5, wins(y, x))),
]
/** The larger of two; NaN if either is NaN. */
export const maximum = binary(elementwise('maximum', ...share((x, y) => greater(x, y))))
/** The smaller of two; NaN if either is NaN. */
export const minimum = binary(elementwise('minimum', ...share((x, y) => less(x, y))))

const whereOp = elementwise(
  'where',
  0,
  two((c) => notEqual(c, 0)),
  two((c) => equal(c, 0)),
)
// The rule of `where` selects instead of multiplying: 0 · ∞ of the branch that was not taken must not leak.
const selectRule: Pick<Op<object>, 'jvp' | 'vjp'> = {
  jvp: ({ inputs: [c], outputs: [out] }, [, a, b]) =>
    a === undefined && b === undefined
      ? [undefined]
      : [stretch(where(c as Tensor, a ?? 0, b ?? 0), (out as Tensor).shape)],
  vjp: ({ inputs: [c] }, [v]) =>
    v === undefined
      ? [undefined, undefined, undefined]
      : [undefined, where(c as Tensor, v, 0), where(c as Tensor, 0, v)],
}
Object.assign(whereOp, selectRule)
/** `a` where `condition` is not 0, else `b`. A NaN in the branch that is not taken does not show. */
export const where = (condition: Operand, a: Operand, b: Operand): Tensor =>
  apply1(whereOp, [condition, a, b], {})

/** max(x, 0); derivative 0 at 0. */
export const relu = (x: Operand): Tensor => {
  const t = tensor(x)
  return where(greater(t, 0), t, where(notEqual(t, t), t, 0))
}

/** x limited to [low, high]. */
export const clip = (x: Operand, low: Operand, high: Operand): Tensor => minimum(maximum(x, low), high)

/** The value of x, with derivative zero. */
export const stopGradient = unary(elementwise('stopGradient', 0))

declare module '../ir/tensor.js' {
  interface Tensor {
    add(y: Operand): Tensor
    sub(y: Operand): Tensor
    mul(y: Operand): Tensor
    div(y: Operand): Tensor
    pow(y: Operand): Tensor
    neg(): Tensor
    abs(): Tensor
    sign(): Tensor
    sqrt(): Tensor
    square(): Tensor
    reciprocal(): Tensor
    exp(): Tensor
    expm1(): Tensor
    log(): Tensor
    log1p(): Tensor
    sin(): Tensor
    cos(): Tensor
    tanh(): Tensor
    sigmoid(): Tensor
    softplus(): Tensor
    relu(): Tensor
    floor(): Tensor
    maximum(y: Operand): Tensor
    minimum(y: Operand): Tensor
    clip(low: Operand, high: Operand): Tensor
    less(y: Operand): Tensor
    lessEqual(y: Operand): Tensor
    greater(y: Operand): Tensor
    greaterEqual(y: Operand): Tensor
    equal(y: Operand): Tensor
    notEqual(y: Operand): Tensor
    isFinite(): Tensor
    stopGradient(): Tensor
  }
}

defineMethods({
  ...{
    add,
    sub,
    mul,
    div,
    pow,
    neg,
    abs,
    sign,
    sqrt,
    square,
    reciprocal,
    exp,
    expm1,
    log,
    log1p,
    sin,
    cos,
    tanh,
  },
  ...{ sigmoid, softplus, relu, floor, maximum, minimum, clip, isFinite, stopGradient },
  ...{ less, lessEqual, greater, greaterEqual, equal, notEqual },
})
