// Where a derivative does not exist, the documented convention; in both modes.
import { test } from 'tap'
import { array } from '../../lib/base/ndarray.js'
import type { Nested } from '../../lib/base/ndarray.js'
import type { Tensor } from '../../lib/ir/tensor.js'
import * as e from '../../lib/ops/elementwise.js'
import { sum, max, min, norm1, norm2, normInf, prod, logsumexp } from '../../lib/ops/reduce.js'
import { interpret } from '../../lib/runtime/interpreter.js'
import { graphOf, jvpOf, vjpOf } from '../oracle/transforms.js'

type Case = readonly [
  name: string,
  fn: (x: Tensor) => Tensor,
  at: readonly number[],
  gradient: readonly number[],
]

// prettier-ignore
const cases: readonly Case[] = [
  ['abs at 0', (x) => sum(e.abs(x)), [0, -0, -2], [0, 0, -1]],
  ['sign and floor', (x) => sum(e.add(e.sign(x), e.floor(x))), [0, 1, -2], [0, 0, 0]],
  ['relu at 0', (x) => sum(e.relu(x)), [0, -0, 1e-300], [0, 0, 1]],
  ['maximum at a tie', (x) => sum(e.maximum(x, 1)), [1, 2, 0], [0.5, 1, 0]],
  ['minimum at a tie', (x) => sum(e.minimum(1, x)), [1, 2, 0], [0.5, 0, 1]],
  ['maximum of x and x', (x) => sum(e.maximum(x, x)), [1, -2], [1, 1]],
  ['clip at its ends', (x) => sum(e.clip(x, 0, 1)), [0, 1, 0.5, 2], [0.5, 0.5, 1, 0]],
  ['max at a tie of three', (x) => max(x), [3, 3, 1, 3], [1 / 3, 1 / 3, 0, 1 / 3]],
  ['min at a tie', (x) => min(x), [3, 1, 1], [0, 0.5, 0.5]],
  ['largest norm at a tie', (x) => normInf(x), [2, -2, 1], [0.5, -0.5, 0]],
  ['1-norm at 0', (x) => norm1(x), [0, -3], [0, -1]],
  ['2-norm at the origin', (x) => norm2(x), [0, 0], [0, 0]],
  ['stopGradient', (x) => sum(e.mul(x, e.stopGradient(x))), [3, -2], [3, -2]],
  ['x⁰ and 0ⁿ', (x) => e.add(sum(e.pow(x, 0)), sum(e.pow(x, 2))), [0, 2], [0, 4]],
  ['0¹', (x) => sum(e.pow(x, 1)), [0], [1]],
  ['xʸ in y, where x ≤ 0', (y) => sum(e.pow(array([0, -2, 2]), y)), [2, 2, 2], [0, 0, 4 * Math.log(2)]],
  ['the branch that is not taken does not leak', (x) => sum(e.where(e.greater(x, 0), e.log(x), 0)), [-1, 2],
    [0, 0.5]],
  ['a guarded square root', (x) => sum(e.where(e.greater(x, 0), e.sqrt(e.where(e.greater(x, 0), x, 1)), 0)), [0, 4],
    [0, 0.25]],
  ['√0', (x) => sum(e.sqrt(x)), [0, 4], [Infinity, 0.25]],
  ['a product with zeros', (x) => prod(x), [0, 2, 3], [6, 0, 0]],
  ['a product with two zeros', (x) => prod(x), [0, 2, 0], [0, 0, 0]],
  ['logsumexp of −∞', (x) => logsumexp(x), [-Infinity, 0, 0], [0, 0.5, 0.5]],
]

const asNested = (list: readonly number[]): Nested => list

for (const [name, fn, at, gradient] of cases) {
  test(name, async (t) => {
    const x = array(asNested(at))
    const graph = graphOf(fn, [x])
    const reverse = interpret(vjpOf(graph), [x, array(1)]).outputs[0]
    t.strictSame(
      [...(reverse?.data ?? [])].map((g) => g + 0),
      gradient,
      'reverse mode',
    )
    const forward = gradient.map((_, i) => {
      const unit = array(gradient.map((__, k) => (k === i ? 1 : 0)))
      return interpret(jvpOf(graph), [x, unit]).outputs[1]?.data[0]
    })
    // 0 · ∞ in a direction that does not touch the singular entry is NaN, as in IEEE arithmetic; entry by entry it is not.
    if (gradient.every(Number.isFinite))
      t.strictSame(
        forward.map((g) => (g ?? NaN) + 0),
        gradient,
        'forward mode',
      )
  })
}
