// Two ways to run a Program: the native executor in this thread, and the interpreter.
import { NDArray } from '../base/ndarray.js'
import { sizeOf } from '../base/shape.js'
import type { Graph, ReportKind } from '../ir/graph.js'
import type { Program } from '../program/lower.js'
import { interpret } from './interpreter.js'
import { native } from './native.js'
import type { LoadedProgram } from './native.js'
import { forEachInstance } from './results.js'

/** A program that is ready to run. */
export interface Loaded {
  /**
   * The outputs, then the reports, each with a leading axis of instances that may be a single one. The arrays are new.
   */
  run(inputs: readonly Float64Array[], batch: number): Float64Array[]
  /** What the addon loaded; the interpreter has none. */
  readonly handle?: LoadedProgram
  /** Whether two vectors hold the same numbers, bit for bit. */
  sameBits(a: Float64Array, b: Float64Array): boolean
}

type Backend = (program: Program, graph: Graph) => Loaded

/** Loads a program into the addon. */
export const loadNatively = (program: Program): Loaded => {
  const addon = native()
  const handle = addon.loadProgram(
    program.bytes,
    program.constants.map(({ data }) => data),
  )
  const sizes = program.outputs.map(({ shape }) => sizeOf(shape))
  return {
    handle,
    run: (inputs, batch) => {
      const outputs = program.outputs.map(
        ({ uniform }, i) => new Float64Array((sizes[i] as number) * (uniform ? 1 : batch)),
      )
      addon.runProgram(handle, inputs, outputs, batch)
      return forEachInstance(program, outputs, batch)
    },
    sameBits: (a, b) => addon.sameBits(a, b),
  }
}

const runInterpreted: Backend = (program, graph) => ({
  run: (inputs, batch) => {
    const outputs = program.outputs.map(({ shape }) => new Float64Array(sizeOf(shape) * batch))
    for (let instance = 0; instance < batch; instance++) {
      const own = program.inputs.map(({ uniform, shape }, i) => {
        const data = inputs[i] as Float64Array
        const size = sizeOf(shape)
        return new NDArray(shape, uniform ? data : data.slice(instance * size, (instance + 1) * size))
      })
      const { outputs: values, reports } = interpret(graph, own)
      const all = [
        ...values.map(({ data }) => data),
        ...program.reports.map((kind: ReportKind) => Float64Array.of(reports[kind] ?? NaN)),
      ]
      all.forEach((data, k) => {
        outputs[k]?.set(data, instance * data.length)
      })
    }
    return outputs
  },
  sameBits: (a, b) => {
    const words = (x: Float64Array): Int32Array => new Int32Array(x.buffer, x.byteOffset, 2 * x.length)
    const [p, q] = [words(a), words(b)]
    return p.length === q.length && p.every((word, i) => word === q[i])
  },
})

export const backends: Readonly<Record<'native' | 'interpreter', Backend>> = {
  native: loadNatively,
  interpreter: runInterpreted,
}
