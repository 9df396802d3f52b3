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
import type { Program } from '../../lib/program/lower.js'
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

/** A lowered function and what it is run at: data of a batch of instances, or of all of them. */
interface Sample {
  readonly graph: Graph
  readonly program: Program
  readonly inputs: readonly Float64Array[]
  readonly batch: number
}

/** The part of one instance. */
const partOf = (data: Float64Array, uniform: boolean, shape: Shape, b: number): Float64Array =>
  uniform ? data : data.slice(b * sizeOf(shape), (b + 1) * sizeOf(shape))

const runAll = ({ program }: Sample, inputs: readonly Float64Array[], batch: number): Float64Array[] => {
  const sizes = program.outputs.map(({ uniform, shape }) =>
    uniform ? { uniform: sizeOf(shape) } : sizeOf(shape),
  )
  const constants = program.constants.map(({ data }) => data)
  return run(addon.loadProgram(program.bytes, constants), inputs, sizes, batch).outputs
}

/** All outputs of one instance, one behind another. */
const instance = ({ program }: Sample, outputs: readonly Float64Array[], b: number): number[] =>
  outputs.flatMap((data, k) => {
    const { uniform, shape } = program.outputs[k] as Program['outputs'][number]
    return [...partOf(data, uniform, shape, b)]
  })

const inputsOf = ({ program, inputs }: Sample, b: number): Float64Array[] =>
  inputs.map((data, i) => {
    const { uniform, shape } = program.inputs[i] as Program['inputs'][number]
    return partOf(data, uniform, shape, b)
  })

/**
 * Where the native result differs. An entry that the interpreter itself changes when its inputs move by a rounding error
 * (a floor or a comparison at its edge) tells nothing, and is left out.
 */
const difference = (sample: Sample, outputs: readonly Float64Array[]): string | undefined => {
  const { graph, program, batch } = sample
  for (let b = 0; b < batch; b++) {
    const own = inputsOf(sample, b).map((data, i) => new NDArray(graph.inputs[i]?.shape as Shape, data))
    const received = instance(sample, outputs, b)
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

const choices = fc.array(fc.nat(1000), { minLength: 4, maxLength: 120 })
const flags = fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean())

const samples: fc.Arbitrary<Sample> = fc
  .tuple(choices, flags, fc.constantFrom(1, 8, 16), fc.nat(99))
  .map(([list, uniform, lanes, seed]) => {
    const graph = prepareForLowering(traceGraph(randomFunction(list), inputShapes).graph)
    const batch = 9
    const inputs = inputShapes.map((shape, i) =>
      stream(seed, String(i)).normals(sizeOf(shape) * (uniform[i] ? 1 : batch)),
    )
    return { graph, program: lower(graph, { uniform, lanes }), inputs, batch }
  })

test('random functions compute what the interpreter computes, and leave their inputs alone', async (t) => {
  const property = fc.property(samples, (sample) => {
    const before = sample.inputs.map((x) => x.slice())
    const found = difference(sample, runAll(sample, sample.inputs, sample.batch))
    if (found !== undefined) throw new Error(found)
    if (sample.inputs.some((x, i) => !addon.sameBits(x, before[i] as Float64Array))) {
      throw new Error('an input has changed')
    }
  })
  t.doesNotThrow(() => {
    fc.assert(property, soak ? { numRuns: 10_000 } : { numRuns: 400, seed: 11 })
  })
})

test('an instance of a random function has the same bits alone as in a batch', async (t) => {
  const property = fc.property(samples, fc.nat(8), (sample, b) => {
    const together = instance(sample, runAll(sample, sample.inputs, sample.batch), b)
    const alone = instance(sample, runAll(sample, inputsOf(sample, b), 1), 0)
    if (!addon.sameBits(Float64Array.from(together), Float64Array.from(alone))) {
      throw new Error(
        `${together.join()} in a batch, ${alone.join()} alone\n${describe(sample.program.bytes)}`,
      )
    }
  })
  t.doesNotThrow(() => {
    fc.assert(property, soak ? { numRuns: 5_000 } : { numRuns: 200, seed: 12 })
  })
})
