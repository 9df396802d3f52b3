// Derivative rules of every op, over the table: forward mode against complex steps (or five-point differences where an op
// is not analytic), reverse mode against forward mode, second derivatives.
import { test } from 'tap'
import { TraceError } from '../../lib/base/errors.js'
import { graphOf, jvpOf, vjpOf } from '../oracle/transforms.js'
import { adjointError, jvpError, secondError, secondForwardError, valueError } from './checks.js'
import { drawAll } from './draw.js'
import { table } from './table.js'

const bars = {
  complex: { first: 1e-13, second: 1e-12 },
  differences: { first: 1e-9, second: 1e-9 },
}
const adjointBar = 1e-13

for (const [name, samples] of Object.entries(table)) {
  test(name, async (t) => {
    for (const { name: kind, fn, draws, oracle, forwardOnly } of samples) {
      if (oracle === 'none') continue
      const inputs = drawAll(kind, draws, 0)
      const graph = graphOf(fn, inputs)
      const { first, second } = bars[oracle]
      const below = (error: number, bar: number, what: string): void => {
        t.ok(error <= bar, `${kind}: ${what} ${error.toExponential(1)} ≤ ${bar.toExponential(0)}`)
      }
      if (oracle === 'complex') below(valueError(graph, inputs), 1e-13, 'value')
      below(jvpError(graph, inputs, oracle), first, 'jvp')
      if (forwardOnly === true) {
        t.throws(() => vjpOf(graph), TraceError, `${kind}: reverse mode is refused`)
        below(secondForwardError(graph, inputs, oracle), second, 'jvp of jvp')
      } else {
        below(adjointError(graph, inputs), adjointBar, 'adjoint')
        below(secondError(graph, inputs, oracle), second, 'jvp of vjp')
        // Differences alone see a factor that a rule detaches by mistake; at the edge of a domain they see nothing.
        if (kind === 'boundary' || name === 'stopGradient') continue
        below(secondError(graph, inputs, 'differences'), bars.differences.second, 'jvp of vjp by differences')
      }
    }
  })
}

test('the entries of a packed LU factorization have no derivative', async (t) => {
  const [first] = table['lu'] ?? []
  const graph = graphOf(first?.fn as NonNullable<typeof first>['fn'], drawAll('lu', first?.draws ?? [], 0))
  t.throws(() => jvpOf(graph), TraceError)
  t.throws(() => vjpOf(graph), TraceError)
})
