// Equal operations become one, and only equal ones: operands that broadcast leave the shape of the result open.
import { test } from 'tap'
import { add, broadcast, mul } from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'
import { values } from '../harness/evaluate.js'

test('one product in two shapes stays two', async (t) => {
  const fn = (a: Tensor, b: Tensor, c: Tensor): readonly Tensor[] => [
    mul(a, b),
    add(mul(broadcast(a, [3]), b), c),
    add(mul(broadcast(a, [2, 1]), b), 1),
  ]
  const outputs = values(fn, 2, 5, [1, 2, 3])
  t.strictSame(
    outputs.map((x) => [...x.data]),
    [[10], [11, 12, 13], [11, 11]],
  )
})
