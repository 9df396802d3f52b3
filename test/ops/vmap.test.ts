// Batching rules of every op, over the table: a batch against its elements one by one, for every choice of the inputs that
// carry it; and the same for first derivatives, where the point, the direction or both carry it.
import { test } from 'tap'
import { graphOf, jvpOf, vjpOf } from '../oracle/transforms.js'
import { directions } from '../oracle/compare.js'
import { pointOrDirection, vmapError } from './checks.js'
import { drawAll } from './draw.js'
import { table } from './table.js'

const bar = 1e-14
const batch = [0, 1, 2, 3]

for (const [name, samples] of Object.entries(table)) {
  test(name, async (t) => {
    for (const { name: kind, fn, draws, oracle, forwardOnly } of samples) {
      const variants = batch.map((variant) => drawAll(kind, draws, variant))
      const graph = graphOf(fn, variants[0] ?? [])
      const below = (error: number, limit: number, what: string): void => {
        t.ok(error <= limit, `${kind}: ${what} ${error.toExponential(1)} ≤ ${limit.toExponential(0)}`)
      }
      below(vmapError(graph, variants), bar, 'values')
      if (oracle === 'none') continue
      const inputShapes = graph.inputs.map((value) => value.shape)
      const outputShapes = graph.outputs.map((value) => value.shape)
      const along = variants.map((own, k) => [...own, ...directions(inputShapes, `tangent ${String(k)}`)])
      const n = inputShapes.length
      below(vmapError(jvpOf(graph), along, pointOrDirection(n, 2 * n)), 10 * bar, 'jvp')
      if (forwardOnly === true) continue
      const against = variants.map((own, k) => [
        ...own,
        ...directions(outputShapes, `cotangent ${String(k)}`),
      ])
      below(vmapError(vjpOf(graph), against, pointOrDirection(n, n + outputShapes.length)), 10 * bar, 'vjp')
    }
  })
}
