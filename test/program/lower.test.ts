// Lowered programs against the interpreter: random functions and every sample of the op table, executed by simulate.ts.
import fc from 'fast-check'
import { test } from 'tap'
import { NDArray } from '../../lib/base/ndarray.js'
import { stream } from '../../lib/base/random.js'
import { sizeOf } from '../../lib/base/shape.js'
import type { Shape } from '../../lib/base/shape.js'
import type { Graph } from '../../lib/ir/graph.js'
import { traceGraph } from '../../lib/ir/trace.js'
import { decode } from '../../lib/program/decode.js'
import { describe } from '../../lib/program/describe.js'
import { encode } from '../../lib/program/encode.js'
import { lower } from '../../lib/program/lower.js'
import { interpret } from '../../lib/runtime/interpreter.js'
import { prepareForLowering } from '../../lib/transform/simplify.js'
import { drawAll } from '../ops/draw.js'
import { table } from '../ops/table.js'
import { graphOf } from '../oracle/transforms.js'
import { inputShapes, randomFunction } from './random-function.js'
import { simulate } from './simulate.js'

const soak = process.env['ONESTEP_SOAK'] === '1'

const same = (x: number, y: number): boolean =>
  Object.is(x, y) || Math.abs(x - y) <= 1e-13 * Math.max(1, Math.abs(x))

/** Compares a lowered graph with the interpreter at each instance; says where they differ. */
const difference = (
  graph: Graph,
  uniform: readonly boolean[],
  lanes: number,
  inputs: readonly NDArray[],
  batch: number,
  hoistBudgetBytes = 1e6,
): string | undefined => {
  const program = lower(graph, { uniform, lanes, hoistBudgetBytes })
  const results = simulate(
    program,
    inputs.map((x) => x.data),
    batch,
  )
  for (let instance = 0; instance < batch; instance++) {
    const own = inputs.map((x, i) => {
      const shape = graph.inputs[i]?.shape as Shape
      const size = sizeOf(shape)
      return uniform[i] ? x : new NDArray(shape, x.data.slice(instance * size, (instance + 1) * size))
    })
    const { outputs, reports } = interpret(graph, own)
    const expected = [
      ...outputs.map((x) => x.data),
      ...program.reports.map((kind) => Float64Array.of(reports[kind] as number)),
    ]
    for (const [k, data] of expected.entries()) {
      const at = program.outputs[k]?.uniform ? 0 : instance * data.length
      for (let i = 0; i < data.length; i++) {
        const [x, y] = [data[i] as number, results[k]?.[at + i] as number]
        if (!same(x, y)) {
          return `instance ${instance}, output ${k}, element ${i}: ${x} interpreted, ${y} lowered\n${describe(program.bytes)}`
        }
      }
    }
  }
  return undefined
}

const drawInputs = (
  shapes: readonly Shape[],
  uniform: readonly boolean[],
  batch: number,
  seed: number,
): NDArray[] =>
  shapes.map((shape, i) => {
    const full = uniform[i] ? shape : [batch, ...shape]
    return new NDArray(full, stream(seed, String(i)).normals(sizeOf(full)))
  })

test('random functions compute what the interpreter computes', async (t) => {
  const choices = fc.array(fc.nat(1000), { minLength: 4, maxLength: 120 })
  const flags = fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean())
  const property = fc.property(
    choices,
    flags,
    fc.constantFrom(1, 8),
    fc.nat(99),
    fc.constantFrom(0, 1e6),
    (list, uniform, lanes, seed, budget) => {
      const { graph } = traceGraph(randomFunction(list), inputShapes)
      const batch = 9
      const inputs = drawInputs(inputShapes, uniform, batch, seed)
      const found = difference(prepareForLowering(graph), uniform, lanes, inputs, batch, budget)
      if (found !== undefined) throw new Error(found)
    },
  )
  t.doesNotThrow(() => {
    fc.assert(property, soak ? { numRuns: 5_000 } : { numRuns: 300, seed: 7 })
  })
})

test('every sample of the op table', async (t) => {
  for (const [name, samples] of Object.entries(table)) {
    for (const s of samples) {
      const variants = [0, 1, 2].map((variant) => drawAll(s.name, s.draws, variant))
      const graph = prepareForLowering(graphOf(s.fn, variants[0] as NDArray[]))
      const batched = (variants[0] as NDArray[]).map(
        (x, i) =>
          new NDArray(
            [3, ...x.shape],
            Float64Array.from(variants.flatMap((list) => [...(list[i] as NDArray).data])),
          ),
      )
      const none = graph.inputs.map(() => false)
      for (const lanes of [1, 8])
        t.equal(difference(graph, none, lanes, batched, 3), undefined, `${name}, ${s.name}, ${lanes} lanes`)
      const all = graph.inputs.map(() => true)
      t.equal(
        difference(graph, all, 1, variants[0] as NDArray[], 1),
        undefined,
        `${name}, ${s.name}, uniform`,
      )
    }
  }
})

test('a buffer decodes to the layout that was encoded', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { minLength: 4, maxLength: 60 }), (list) => {
      const { graph } = traceGraph(randomFunction(list), inputShapes)
      const { bytes } = lower(prepareForLowering(graph), {
        uniform: [true, false, false, false, true],
        lanes: 8,
      })
      t.strictSame(encode(decode(bytes)), bytes)
    }),
    { numRuns: 20, seed: 3 },
  )
})
