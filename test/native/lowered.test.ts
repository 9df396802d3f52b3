// Lowered functions, run natively, against the interpreter: random ones, at one lane and at eight.
import fc from 'fast-check'
import { test } from 'tap'
import { NDArray } from '../../lib/base/ndarray.js'
import { stream } from '../../lib/base/random.js'
import { sizeOf } from '../../lib/base/shape.js'
import type { Shape } from '../../lib/base/shape.js'
import type { Graph } from '../../lib/ir/graph.js'
import { traceGraph } from '../../lib/ir/trace.js'
import { describe } from '../../lib/program/describe.js'
import { lower } from '../../lib/program/lower.js'
import { interpret } from '../../lib/runtime/interpreter.js'
import { prepareForLowering } from '../../lib/transform/simplify.js'
import { inputShapes, randomFunction } from '../program/random-function.js'
import { addon, run } from './program.js'

const soak = process.env['ONESTEP_SOAK'] === '1'

/** All outputs of one instance, one behind another, by the interpreter. */
const interpreted = (graph: Graph, kinds: readonly string[], inputs: readonly NDArray[]): number[] => {
  const { outputs, reports } = interpret(graph, inputs)
  return [
    ...outputs.flatMap((x) => [...x.data]),
    ...kinds.map((kind) => reports[kind as keyof typeof reports] as number),
  ]
}

const close = (x: number, y: number, tolerance: number): boolean =>
  Object.is(x, y) || x === y || Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(x))

const nudged = (inputs: readonly NDArray[], factor: number): NDArray[] =>
  inputs.map(
    (x) =>
      new NDArray(
        x.shape,
        x.data.map((v) => v * factor),
      ),
  )

/**
 * Where the native result differs. An entry that the interpreter itself changes when its inputs move by a rounding error
 * (a floor or a comparison at its edge) tells nothing, and is left out.
 */
const difference = (
  graph: Graph,
  uniform: readonly boolean[],
  lanes: number,
  inputs: readonly NDArray[],
  batch: number,
): string | undefined => {
  const program = lower(graph, { uniform, lanes })
  const sizes = program.outputs.map(({ uniform, shape }) =>
    uniform ? { uniform: sizeOf(shape) } : sizeOf(shape),
  )
  const handle = addon.loadProgram(
    program.bytes,
    program.constants.map(({ data }) => data),
  )
  const { outputs } = run(
    handle,
    inputs.map((x) => x.data),
    sizes,
    batch,
  )
  for (let b = 0; b < batch; b++) {
    const own = inputs.map((x, i) => {
      const shape = graph.inputs[i]?.shape as Shape
      return uniform[i] ? x : new NDArray(shape, x.data.slice(b * sizeOf(shape), (b + 1) * sizeOf(shape)))
    })
    const received = outputs.flatMap((data, k) => {
      const size = sizes[k] as number | { readonly uniform: number }
      return [...(typeof size === 'number' ? data.subarray(b * size, (b + 1) * size) : data)]
    })
    const expected = interpreted(graph, program.reports, own)
    const wrong = expected.findIndex((x, i) => !close(x, received[i] as number, 1e-10))
    if (wrong < 0) continue
    const shaken = [1 + 1e-13, 1 - 1e-13, 1 + 3e-13].map((f) =>
      interpreted(graph, program.reports, nudged(own, f)),
    )
    if (shaken.some((list) => !close(list[wrong] as number, expected[wrong] as number, 1e-10))) continue
    return `instance ${b}, number ${wrong}: ${expected[wrong]} interpreted, ${received[wrong]} native\n${describe(program.bytes)}`
  }
  return undefined
}

test('random functions compute what the interpreter computes', async (t) => {
  const choices = fc.array(fc.nat(1000), { minLength: 4, maxLength: 120 })
  const flags = fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean())
  const property = fc.property(
    choices,
    flags,
    fc.constantFrom(1, 8, 16),
    fc.nat(99),
    (list, uniform, lanes, seed) => {
      const { graph } = traceGraph(randomFunction(list), inputShapes)
      const batch = 9
      const inputs = inputShapes.map((shape, i) => {
        const full = uniform[i] ? shape : [batch, ...shape]
        return new NDArray(full, stream(seed, String(i)).normals(sizeOf(full)))
      })
      const found = difference(prepareForLowering(graph), uniform, lanes, inputs, batch)
      if (found !== undefined) throw new Error(found)
    },
  )
  t.doesNotThrow(() => {
    fc.assert(property, soak ? { numRuns: 10_000 } : { numRuns: 400, seed: 11 })
  })
})
