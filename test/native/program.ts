// How the tests run a hand-written Program.
import { native } from '../../lib/runtime/native.js'
import type { LoadedProgram, RunProgramOptions, RunStatistics } from '../../lib/runtime/native.js'
import { Assembler } from './assembler.js'

export const addon = native()

/** A vector in shared memory, as the library's own are. */
export const shared = (data: ArrayLike<number>): Float64Array => {
  const copy = new Float64Array(new SharedArrayBuffer(8 * data.length))
  copy.set(data)
  return copy
}

export const load = (program: Assembler): LoadedProgram =>
  addon.loadProgram(program.bytes(), program.constants)

/** Doubles an instance of each output, or of all for a uniform one. */
export type OutputSizes = readonly (number | { readonly uniform: number })[]

/** Runs a Program into new outputs, which hold NaN where nothing is written. */
export const run = (
  program: Assembler | LoadedProgram,
  inputs: readonly Float64Array[],
  sizes: OutputSizes,
  batch: number,
  options?: RunProgramOptions,
): { outputs: Float64Array[]; statistics: RunStatistics } => {
  const handle = program instanceof Assembler ? load(program) : program
  const outputs = sizes.map((size) =>
    new Float64Array(typeof size === 'number' ? size * batch : size.uniform).fill(NaN),
  )
  const statistics = addon.runProgram(handle, inputs, outputs, batch, options)
  return { outputs, statistics }
}
