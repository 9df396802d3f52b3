// simplify changes the work, never the numbers: every sample, and its derivatives, before and after.
import { test } from 'tap'
import { verifyGraph } from '../../lib/ir/verify.js'
import { prepareForLowering, simplify } from '../../lib/transform/simplify.js'
import { interpret } from '../../lib/runtime/interpreter.js'
import { relativeError } from '../oracle/compare.js'
import { graphOf } from '../oracle/transforms.js'
import { simplifyDerivativeError, simplifyError } from './checks.js'
import { drawAll } from './draw.js'
import { table } from './table.js'

const bar = 1e-14
const derivativeBar = 1e-13

for (const [name, samples] of Object.entries(table)) {
  test(name, async (t) => {
    for (const { name: kind, fn, draws, oracle, forwardOnly } of samples) {
      const inputs = drawAll(kind, draws, 0)
      const graph = graphOf(fn, inputs)
      t.doesNotThrow(() => verifyGraph(simplify(graph)), `${kind}: simplified, it verifies`)
      t.ok(simplifyError(graph, inputs) <= bar, `${kind}: same values`)
      const prepared = prepareForLowering(graph)
      t.doesNotThrow(() => verifyGraph(prepared), `${kind}: prepared for lowering, it verifies`)
      const [before, after] = [interpret(graph, inputs).outputs, interpret(prepared, inputs).outputs]
      t.ok(relativeError(after, before) <= bar, `${kind}: same values when prepared for lowering`)
      if (oracle === 'none' || forwardOnly === true) continue
      t.ok(simplifyDerivativeError(graph, inputs) <= derivativeBar, `${kind}: same derivatives`)
    }
  })
}
