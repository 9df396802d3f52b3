// Writes Programs by hand, word by word after docs/program-format.md, for tests of the native loader and executor. It
// shares no code with lib/program, so that a misreading of the page in one of them shows.
import { createHash } from 'node:crypto'

export type Shape = readonly number[]
/** An index into the values of a Program. */
export type Value = number
export type Words = readonly number[]
/** A function of `fused`, its destination register, and its arguments: registers, or −1 − i for input i. */
export type Step = readonly [name: string, register: number, ...arguments: number[]]

const sizeOf = (shape: Shape): number => shape.reduce((a, b) => a * b, 1)

const long = (x: number | bigint): Words => {
  const bits = BigInt.asUintN(64, BigInt(x))
  return [Number(bits & 0xffffffffn), Number(bits >> 32n)]
}

const bitsOf = (x: number): Words => [...new Uint32Array(new Float64Array([x]).buffer)]

const name = (text: string): Words => {
  const bytes = Buffer.from(text)
  const padded = Buffer.alloc(Math.ceil(bytes.length / 4) * 4)
  bytes.copy(padded)
  return [
    bytes.length,
    ...new Uint32Array(padded.buffer.slice(padded.byteOffset, padded.byteOffset + padded.length)),
  ]
}

const list = (entries: readonly Words[]): Words => [entries.length, ...entries.flat()]
const sized = (words: Words): Words => [words.length, ...words]
const column = (pairs: readonly Words[], i: number): Words => pairs.map((pair) => pair[i] as number)

/** FNV-1a over 64 bits. */
export const fnv1a = (bytes: Uint8Array): bigint => {
  let hash = 0xcbf29ce484222325n
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  return hash
}

/** Puts length and checksum of a buffer right. */
export const seal = (bytes: Uint8Array): Uint8Array => {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  words.setUint32(8, bytes.length, true)
  words.setBigUint64(12, fnv1a(bytes.subarray(20)), true)
  return bytes
}

/** [carry, result] */
export type Carry = readonly [Value, Value]

export interface WhileParts {
  readonly carries: readonly Carry[]
  readonly predicate: Value
  readonly condition: readonly Words[]
  readonly body: readonly Words[]
}

export interface ScanParts {
  readonly count?: Value
  readonly length: number
  readonly reverse?: boolean
  readonly carries?: readonly Carry[]
  /** [sequence, slice] */
  readonly sequences?: readonly (readonly [Value, Value])[]
  /** [stacked, result] */
  readonly stacked?: readonly (readonly [Value, Value])[]
  readonly body: readonly Words[]
}

export interface CondParts {
  readonly predicate: Value
  /** [output, result of then, result of else] */
  readonly outputs: readonly (readonly [Value, Value, Value])[]
  readonly then: readonly Words[]
  readonly else: readonly Words[]
}

export interface StageParts {
  /** [source, value]: a slot, or −1 − a uniform value. */
  readonly loads?: readonly Carry[]
  /** [value, slot] */
  readonly stores?: readonly Carry[]
}

/** Makes one Program. Values get memory of their own, one behind another, unless an offset is given. */
export class Assembler {
  readonly lanes: number
  private readonly kernels: string[] = []
  private readonly ports: Record<'input' | 'output', Words[]> = { input: [], output: [] }
  private readonly arrays: Float64Array[] = []
  private readonly immediates: number[] = []
  private readonly values: { space: number; offset: number; shape: Shape }[] = []
  private readonly slots: Words[] = []
  private readonly uniformInputs: Words[] = []
  private readonly uniformOutputs: Words[] = []
  private readonly arena = { uniform: 0, lane: 0 }
  private readonly stages: Words[] = []

  constructor(lanes: number) {
    this.lanes = lanes
  }

  /** The constants, in the order in which `loadProgram` wants them. */
  get constants(): readonly Float64Array[] {
    return this.arrays
  }

  value(space: number, offset: number, shape: Shape): Value {
    return this.values.push({ space, offset, shape }) - 1
  }

  constant(shape: Shape, data: Float64Array): Value {
    return this.value(0, this.arrays.push(data) - 1, shape)
  }

  immediate(x: number): Value {
    return this.value(1, this.immediates.push(x) - 1, [])
  }

  uniform(shape: Shape, offset = this.arena.uniform): Value {
    this.arena.uniform = Math.max(this.arena.uniform, offset + sizeOf(shape))
    return this.value(2, offset, shape)
  }

  lane(shape: Shape, offset = this.arena.lane): Value {
    this.arena.lane = Math.max(this.arena.lane, offset + sizeOf(shape) * this.lanes)
    return this.value(3, offset, shape)
  }

  slice(shape: Shape, perLane: boolean): Value {
    return this.value(4, Number(perLane), shape)
  }

  /** The same memory in another shape, from element `skip` on. */
  alias(of: Value, shape: Shape, skip = 0): Value {
    const { space, offset } = this.values[of] as { space: number; offset: number }
    return this.value(space, offset + skip * (space === 3 ? this.lanes : 1), shape)
  }

  spaceOf(value: Value): number {
    return (this.values[value] as { space: number }).space
  }

  offsetOf(value: Value): number {
    return (this.values[value] as { offset: number }).offset
  }

  /** An input or output per instance, as a slot. */
  slot(kind: 'input' | 'output', shape: Shape): number {
    const port = this.ports[kind].push([0, shape.length, ...shape]) - 1
    return this.slots.push([kind === 'input' ? 0 : 1, port, ...long(sizeOf(shape))]) - 1
  }

  internal(shape: Shape): number {
    return this.slots.push([2, this.slots.length, ...long(sizeOf(shape))]) - 1
  }

  rawSlot(words: Words): number {
    return this.slots.push(words) - 1
  }

  uniformInput(shape: Shape, value = this.uniform(shape)): Value {
    this.uniformInputs.push([this.ports.input.push([1, shape.length, ...shape]) - 1, value])
    return value
  }

  uniformOutput(value: Value, shape: Shape): void {
    this.uniformOutputs.push([value, this.ports.output.push([1, shape.length, ...shape]) - 1])
  }

  kernel(text: string): number {
    const known = this.kernels.indexOf(text)
    return known >= 0 ? known : this.kernels.push(text) - 1
  }

  call(kernel: string, inputs: readonly Value[], outputs: readonly Value[], ...attributes: number[]): Words {
    return [
      this.kernel(kernel),
      ...sized([inputs.length, outputs.length, ...inputs, ...outputs, ...attributes]),
    ]
  }

  fused(inputs: readonly Value[], outputs: readonly Value[], steps: readonly Step[], results: Words): Words {
    const registers = Math.max(...steps.map(([, register]) => register)) + 1
    const words = steps.map(([f, register, ...args]) => [this.kernel(f), register, args.length, ...args])
    return this.call('fused', inputs, outputs, registers, ...list(words), ...results)
  }

  /** One elementwise function. */
  apply(f: string, inputs: readonly Value[], output: Value): Words {
    return this.fused(inputs, [output], [[f, 0, ...inputs.map((_, i) => -1 - i)]], [0])
  }

  private loop({ carries, predicate, condition, body }: WhileParts): Words {
    return [
      ...[carries.length, ...column(carries, 0), ...column(carries, 1), predicate],
      ...[...sized(condition.flat()), ...sized(body.flat())],
    ]
  }

  while(parts: WhileParts): Words {
    return this.call('while', [], [], ...this.loop(parts))
  }

  scan({
    count = -1,
    length,
    reverse = false,
    carries = [],
    sequences = [],
    stacked = [],
    body,
  }: ScanParts): Words {
    return this.call(
      'scan',
      [],
      [],
      ...[count, length, Number(reverse), carries.length, ...column(carries, 0), ...column(carries, 1)],
      ...[...list(sequences), ...list(stacked), ...sized(body.flat())],
    )
  }

  cond({ predicate, outputs, then, else: otherwise }: CondParts): Words {
    return this.call(
      'cond',
      [],
      [],
      ...[predicate, outputs.length, ...column(outputs, 0), ...column(outputs, 1), ...column(outputs, 2)],
      ...[...sized(then.flat()), ...sized(otherwise.flat())],
    )
  }

  uniformStage(...block: readonly Words[]): this {
    return this.stage(0, sized(block.flat()))
  }

  straightStage({ loads = [], stores = [] }: StageParts, ...block: readonly Words[]): this {
    return this.stage(1, [...list(loads), ...list(stores), ...sized(block.flat())])
  }

  loopStage({ loads = [], stores = [] }: StageParts, loop: WhileParts): this {
    return this.stage(2, [...list(loads), ...list(stores), ...this.loop(loop)])
  }

  stage(kind: number, words: Words): this {
    this.stages.push([kind, ...sized(words)])
    return this
  }

  bytes(): Uint8Array {
    const hash = (data: Float64Array): Words => {
      const digest = createHash('sha256')
        .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
        .digest()
      return Array.from({ length: 8 }, (_, i) => digest.readUInt32LE(4 * i))
    }
    const words = [
      ...[0x31454e4f, 1, 0, 0, 0, this.lanes],
      ...list(this.kernels.map(name)),
      ...list(this.ports.input),
      ...list(this.ports.output),
      ...list(this.arrays.map((data) => [...hash(data), ...long(data.length)])),
      ...list(this.immediates.map(bitsOf)),
      ...list(
        this.values.map(({ space, offset, shape }) => [space, ...long(offset), shape.length, ...shape]),
      ),
      ...list(this.slots),
      ...list(this.uniformInputs),
      ...list(this.uniformOutputs),
      ...long(this.arena.uniform),
      ...long(this.arena.lane),
      ...list(this.stages),
    ]
    return seal(new Uint8Array(Uint32Array.from(words, (word) => word >>> 0).buffer))
  }
}
