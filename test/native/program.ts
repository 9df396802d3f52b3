// What the addon says of Programs, and how the tests run one.
import { nativePath, openNative } from '../../lib/runtime/native.js'
import type { Assembler } from './assembler.js'

export interface Statistics {
  readonly finished: number
  readonly laneSlots: number
  readonly iterations: number
}

export interface RunOptions {
  readonly control?: Int32Array
  readonly states?: Int32Array
  readonly chunkBytes?: number
}

/** A loaded Program; only the addon can look inside. */
export type Handle = object

export interface ProgramAddon {
  kernelNames(): string[]
  loadProgram(bytes: Uint8Array, constants: readonly Float64Array[]): Handle
  runProgram(
    program: Handle,
    inputs: readonly Float64Array[],
    outputs: readonly Float64Array[],
    batch: number,
    options?: RunOptions,
  ): Statistics
}

export const addon = openNative(nativePath()) as unknown as ProgramAddon

/** A vector in shared memory, as the library's own are. */
export const shared = (data: ArrayLike<number>): Float64Array => {
  const copy = new Float64Array(new SharedArrayBuffer(8 * data.length))
  copy.set(data)
  return copy
}

export const load = (program: Assembler): Handle => addon.loadProgram(program.bytes(), program.constants)

/** Doubles an instance of each output, or of all for a uniform one. */
export type OutputSizes = readonly (number | { readonly uniform: number })[]

export const run = (
  program: Assembler | Handle,
  inputs: readonly Float64Array[],
  sizes: OutputSizes,
  batch: number,
  options?: RunOptions,
): { outputs: Float64Array[]; statistics: Statistics } => {
  const handle = 'bytes' in program ? load(program as Assembler) : program
  const outputs = sizes.map((size) =>
    shared(new Float64Array(typeof size === 'number' ? size * batch : size.uniform)),
  )
  const statistics = addon.runProgram(
    handle,
    inputs,
    outputs,
    batch,
    ...(options === undefined ? [] : [options]),
  )
  return { outputs, statistics }
}
