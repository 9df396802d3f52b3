// A Program outside of the process that traced it: a record of plain data that names the buffer and its constants by hash. What is
// made of it again is a function that runs like any other, on this thread or by a pool, but was never traced here: no code crosses.
import { createHash } from 'node:crypto'
import { ArgumentError, DataError, ShapeError } from '../base/errors.js'
import type { PrepareOptions } from '../base/executor.js'
import { allocateBytes } from '../base/memory.js'
import { formatShape } from '../base/shape.js'
import type { Shape } from '../base/shape.js'
import { leafPaths } from '../base/tree.js'
import type { TreeSpec } from '../base/tree.js'
import type { ReportKind } from '../ir/graph.js'
import type { Constant } from '../program/constants.js'
import { decode } from '../program/decode.js'
import { readArguments, signature } from './arguments.js'
import { loadNatively } from './backends.js'
import { batchOf, jobsOf, registerJobs } from './compile.js'
import type { CompileOptions, Job, JobSource, Ready } from './compile.js'

/** What a stored program takes and returns, and where its parts are: plain data. */
export interface StoredProgram {
  readonly format: 'onestep program'
  readonly version: 1
  /** SHA-256 of the buffer, and of each constant, as hexadecimal digits. */
  readonly program: string
  readonly constants: readonly string[]
  readonly arguments: { readonly spec: TreeSpec; readonly shapes: readonly Shape[] }
  readonly results: { readonly spec: TreeSpec; readonly shapes: readonly Shape[] }
  readonly reports: readonly ReportKind[]
}

/** A program with its parts by hash. */
export interface ProgramParts {
  readonly record: StoredProgram
  readonly parts: ReadonlyMap<string, Uint8Array>
}

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

const bytesOf = ({ buffer, byteOffset, byteLength }: Float64Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/**
 * Traces and lowers a function for these arguments of a batch, of any number of instances, and says what it became.
 * @throws {ArgumentError} where it sums over its batch, which has no meaning for parts of one.
 */
export const storeProgram = (
  fn: unknown,
  inputs: readonly unknown[],
  options: PrepareOptions = {},
): ProgramParts => {
  const { ready } = jobsOf(fn, options).job(inputs)
  const { program, meaning } = ready
  if (meaning.sums.some((sum) => sum !== undefined)) {
    throw new ArgumentError('a function with summed outputs cannot be stored', {
      remedy: 'Return what belongs to each instance, and sum it afterwards',
    })
  }
  const { spec } = readArguments(inputs)
  const hash = hashOf(program.bytes)
  return {
    record: {
      format: 'onestep program',
      version: 1,
      program: hash,
      constants: program.constants.map((constant) => constant.hash),
      arguments: { spec, shapes: program.inputs.map(({ shape }) => shape) },
      results: { spec: meaning.spec, shapes: meaning.shapes },
      reports: meaning.reports,
    },
    parts: new Map([
      [hash, program.bytes],
      ...program.constants.map(({ hash: name, data }) => [name, bytesOf(data)] as const),
    ]),
  }
}

/** Jobs of a program that is as it is: other shapes and other lanes are refused. */
class StoredJobs implements JobSource {
  private readonly ready: Ready
  private readonly expected: TreeSpec
  private readonly marks: string

  constructor(ready: Ready, expected: TreeSpec) {
    this.ready = ready
    this.expected = expected
    this.marks = signature(expected, ready.program.inputs.map(markOf))
  }

  job(args: readonly unknown[]): Job {
    const { spec, leaves } = readArguments(args)
    const batch = batchOf(leaves)
    const given = leaves.map(({ array, shared }) =>
      markOf({ uniform: shared, shape: shared ? array.shape : array.shape.slice(1) }),
    )
    if (signature(spec, given) === this.marks) {
      return { ready: this.ready, inputs: leaves.map(({ array }) => array.data), batch }
    }
    throw new ShapeError('a stored program was given other arguments than it was made for', {
      expected: this.marks,
      received: signature(spec, given),
      remedy: `Give ${leafPaths(this.expected, 'arguments').join(', ')} in these shapes, with a leading axis of instances`,
    })
  }

  with({ lanes = 'auto' }: CompileOptions): JobSource {
    if (lanes === 'auto' || lanes === this.ready.program.lanes) return this
    throw new ArgumentError('a stored program has its number of lanes', {
      expected: String(this.ready.program.lanes),
      received: String(lanes),
      remedy: 'Leave the option lanes out',
    })
  }
}

const markOf = ({ uniform, shape }: { readonly uniform: boolean; readonly shape: Shape }): string =>
  (uniform ? 'u' : '') + formatShape(shape)

/** A stored program as a function; it goes wherever a function that is to be traced does, and is called nowhere else. */
export type StoredFunction = (...args: never[]) => never

const damaged = (what: string, expected: string, received: string): DataError =>
  new DataError(`a stored program: ${what}`, {
    expected,
    received,
    remedy: 'Store it again with this version of onestep',
  })

/**
 * The function of a stored program.
 * @param part the bytes of a hash; they are checked
 * @throws {DataError} where a part is not what its hash says; {ProgramError} where the buffer is damaged or of another version.
 */
export const openProgram = (record: StoredProgram, part: (hash: string) => Uint8Array): StoredFunction => {
  if (record.format !== 'onestep program' || record.version !== 1) {
    throw damaged(
      'its format is another one',
      'onestep program, version 1',
      `${String(record.format)}, ${String(record.version)}`,
    )
  }
  const checked = (hash: string): Uint8Array => {
    const source = part(hash)
    const bytes = new Uint8Array(allocateBytes(source.length))
    bytes.set(source)
    const found = hashOf(bytes)
    if (found !== hash) throw damaged('a part is not what its hash says', hash, found)
    return bytes
  }
  const bytes = checked(record.program)
  const layout = decode(bytes)
  const named = layout.constants.map(({ hash }) => hash)
  if (named.join() !== record.constants.join()) {
    throw damaged('its constants are others', named.join(), record.constants.join())
  }
  const outputs = layout.outputs.length
  if (outputs !== record.results.shapes.length + record.reports.length) {
    throw damaged(
      'its outputs are others',
      String(outputs),
      String(record.results.shapes.length + record.reports.length),
    )
  }
  const constants = layout.constants.map(({ hash, size }): Constant => {
    const data = checked(hash)
    if (data.length !== 8 * size) {
      throw damaged(`constant ${hash}`, `${String(8 * size)} bytes`, String(data.length))
    }
    return { hash, data: new Float64Array(data.buffer, data.byteOffset, size) }
  })
  const { lanes, inputs } = layout
  const program = { bytes, constants, lanes, inputs, outputs: layout.outputs, reports: record.reports }
  const { spec, shapes } = record.results
  const ready: Ready = {
    watched: [],
    program,
    meaning: { spec, shapes, sums: shapes.map(() => undefined), reports: record.reports },
    loaded: loadNatively(program),
  }
  const fn: StoredFunction = () => {
    throw new ArgumentError('a stored program cannot be called or traced', {
      remedy: 'Run it by a pool, or by localExecutor()',
    })
  }
  registerJobs(fn, new StoredJobs(ready, record.arguments.spec))
  return fn
}
