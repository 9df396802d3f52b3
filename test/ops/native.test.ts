// The native executor against the interpreter: every sample of the table and its derivatives, as single-lane programs and in
// tiles, with batches that fill a tile, fall short of it, and run over.
import { test } from 'tap'
import { ops } from '../../lib/ir/op.js'
import type { Op } from '../../lib/ir/op.js'
import { elementwiseOps } from '../../lib/ops/elementwise.js'
import { directions, entryError, relativeError } from '../oracle/compare.js'
import { graphOf, jvpOf, vjpOf } from '../oracle/transforms.js'
import { drawAll } from './draw.js'
import { replaceOp } from './mutants.js'
import { against, nativeError, runner, sharedError } from './natively.js'
import { table } from './table.js'

const bar = 1e-12
const tiles = [1, 8, 16]
const batches = [1, 3, 8, 19]

for (const [name, samples] of Object.entries(table)) {
  const measure = elementwiseOps.has(name) ? entryError : relativeError
  test(name, async (t) => {
    for (const { name: kind, fn, draws, oracle, forwardOnly } of samples) {
      const below = (error: number, what: string): void => {
        t.ok(error <= bar, `${kind}: ${what} ${error.toExponential(1)} ≤ ${bar.toExponential(0)}`)
      }
      const variants = Array.from({ length: 19 }, (_, k) => drawAll(kind, draws, k))
      const few = variants.slice(0, 3)
      const graph = graphOf(fn, variants[0] ?? [])
      below(nativeError(graph, variants, measure, tiles, batches), 'values')
      if (graph.inputs.length > 1) below(sharedError(graph, few, measure), 'values with a shared input')
      if (oracle === 'none') continue
      const along = directions(
        graph.inputs.map((value) => value.shape),
        'tangent',
      )
      const tangents = few.map((own) => [...own, ...along])
      below(nativeError(jvpOf(graph), tangents, relativeError, [1, 8]), 'jvp')
      if (forwardOnly === true) continue
      const back = directions(
        graph.outputs.map((value) => value.shape),
        'cotangent',
      )
      const cotangents = few.map((own) => [...own, ...back])
      below(nativeError(vjpOf(graph), cotangents, relativeError, [1, 8]), 'vjp')
    }
  })
}

test('a wrong kernel is seen', async (t) => {
  for (const [right, wrong] of [
    ['sin', 'cos'],
    ['maximum', 'minimum'],
    ['sub', 'add'],
  ] as const) {
    const [sample] = table[right] ?? []
    const variants = [0, 1, 2].map((k) => drawAll(right, sample?.draws ?? [], k))
    const graph = graphOf(sample?.fn ?? (() => []), variants[0] ?? [])
    const planted = replaceOp(graph, right, () => ops.get(wrong) as Op)
    for (const lanes of tiles) {
      const error = against(graph, variants, runner(planted, lanes)(variants), relativeError)
      t.ok(error > 1e-3, `${wrong} in the place of ${right}, ${String(lanes)} lanes`)
    }
  }
})
