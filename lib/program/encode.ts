// Layout → bytes, word by word as docs/program-format.md says.
import { allocateBytes } from '../base/memory.js'
import type { Shape } from '../base/shape.js'
import { CHECKED_FROM, MAGIC, VERSION, checksum, slotKinds, spaces, stageKinds } from './format.js'
import type { Layout, Stage } from './format.js'
import type { Instruction } from './instruction.js'

type Code = readonly Instruction<number>[]

const floats = new Float64Array(1)
const halves = new Uint32Array(floats.buffer)

class Writer {
  words = new Int32Array(1024)
  length = 0

  word(x: number): void {
    if (this.length === this.words.length) {
      const larger = new Int32Array(2 * this.length)
      larger.set(this.words)
      this.words = larger
    }
    this.words[this.length++] = x
  }

  list(list: readonly number[]): void {
    for (const x of list) this.word(x)
  }

  counted(list: readonly number[]): void {
    this.word(list.length)
    this.list(list)
  }

  long(x: number): void {
    this.word(x >>> 0)
    this.word(Math.floor(x / 2 ** 32))
  }

  double(x: number): void {
    floats[0] = x
    this.list([halves[0] as number, halves[1] as number])
  }

  shape(shape: Shape): void {
    this.counted(shape)
  }

  name(name: string): void {
    const bytes = new TextEncoder().encode(name)
    this.word(bytes.length)
    for (let i = 0; i < bytes.length; i += 4) {
      const byte = (k: number): number => bytes[i + k] ?? 0
      this.word(byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24))
    }
  }

  /** A word that says how many words follow, then those words. */
  sized(write: () => void): void {
    const at = this.length
    this.word(0)
    write()
    this.words[at] = this.length - at - 1
  }
}

/** The buffer of a Program, in shared memory. */
export const encode = (layout: Layout): Uint8Array => {
  const out = new Writer()
  const kernels = new Map<string, number>()
  const kernel = (name: string): number => {
    const known = kernels.get(name) ?? kernels.size
    kernels.set(name, known)
    return known
  }
  // Stages come last but name kernels, whose list comes first: they are written apart.
  const stages = new Writer()
  stages.word(layout.stages.length)
  for (const stage of layout.stages) writeStage(stages, stage, kernel)

  out.list([MAGIC, VERSION, 0, 0, 0, layout.lanes])
  out.word(kernels.size)
  for (const name of kernels.keys()) out.name(name)
  for (const ports of [layout.inputs, layout.outputs]) {
    out.word(ports.length)
    for (const { uniform, shape } of ports) {
      out.word(Number(uniform))
      out.shape(shape)
    }
  }
  out.word(layout.constants.length)
  for (const { hash, size } of layout.constants) {
    const bytes = Buffer.from(hash, 'hex')
    for (let i = 0; i < 32; i += 4) out.word(bytes.readInt32LE(i))
    out.long(size)
  }
  out.word(layout.immediates.length)
  for (const x of layout.immediates) out.double(x)
  out.word(layout.values.length)
  for (const { space, offset, shape } of layout.values) {
    out.word(spaces.indexOf(space))
    out.long(offset)
    out.shape(shape)
  }
  out.word(layout.slots.length)
  for (const { kind, index, size } of layout.slots) {
    out.list([slotKinds.indexOf(kind), index])
    out.long(size)
  }
  out.word(layout.uniformInputs.length)
  for (const { input, value } of layout.uniformInputs) out.list([input, value])
  out.word(layout.uniformOutputs.length)
  for (const { value, output } of layout.uniformOutputs) out.list([value, output])
  out.long(layout.uniformArena)
  out.long(layout.tileArena)

  const length = 4 * (out.length + stages.length)
  const buffer = allocateBytes(length)
  const words = new Int32Array(buffer)
  words.set(out.words.subarray(0, out.length))
  words.set(stages.words.subarray(0, stages.length), out.length)
  words[2] = length
  const bytes = new Uint8Array(buffer)
  ;[words[3], words[4]] = checksum(bytes.subarray(4 * CHECKED_FROM))
  return bytes
}

type KernelIndex = (name: string) => number

const writeStage = (out: Writer, stage: Stage, kernel: KernelIndex): void => {
  out.word(stageKinds.indexOf(stage.kind))
  out.sized(() => {
    if (stage.kind === 'uniform') {
      writeBlock(out, stage.code, kernel)
      return
    }
    out.word(stage.loads.length)
    for (const { source, value } of stage.loads) out.list([source, value])
    out.word(stage.stores.length)
    for (const { value, slot } of stage.stores) out.list([value, slot])
    if (stage.kind === 'straight') writeBlock(out, stage.code, kernel)
    else writeWhile(out, stage.loop, kernel)
  })
}

const writeBlock = (out: Writer, code: Code, kernel: KernelIndex): void => {
  out.sized(() => {
    for (const instruction of code) writeInstruction(out, instruction, kernel)
  })
}

/** The attribute words of a `while`, which are also the words of a loop stage. */
const writeWhile = (
  out: Writer,
  loop: Extract<Instruction<number>, { kind: 'while' }>,
  kernel: KernelIndex,
): void => {
  out.counted(loop.carries)
  out.list(loop.results)
  out.word(loop.predicate)
  writeBlock(out, loop.condition, kernel)
  writeBlock(out, loop.body, kernel)
}

const writeInstruction = (out: Writer, instruction: Instruction<number>, kernel: KernelIndex): void => {
  const { kind } = instruction
  out.word(kernel(kind === 'kernel' ? instruction.kernel : kind))
  out.sized(() => {
    const operands = kind === 'kernel' || kind === 'fused'
    out.list(operands ? [instruction.inputs.length, instruction.outputs.length] : [0, 0])
    if (operands) out.list([...instruction.inputs, ...instruction.outputs])
    switch (kind) {
      case 'kernel':
        out.list(instruction.attributes)
        return
      case 'fused':
        out.list([instruction.registers, instruction.steps.length])
        for (const { kernel: name, to, from } of instruction.steps) {
          out.list([kernel(name), to])
          out.counted(from)
        }
        out.list(instruction.results)
        return
      case 'while':
        writeWhile(out, instruction, kernel)
        return
      case 'scan': {
        const { count, length, reverse, carries, results, sequences, stacked } = instruction
        out.list([count ?? -1, length, Number(reverse)])
        out.counted(carries)
        out.list(results)
        out.word(sequences.length)
        for (const { sequence, slice } of sequences) out.list([sequence, slice])
        out.word(stacked.length)
        for (const pair of stacked) out.list([pair.stacked, pair.result])
        writeBlock(out, instruction.body, kernel)
        return
      }
      case 'cond':
        out.word(instruction.predicate)
        out.counted(instruction.outputs)
        out.list(instruction.thenResults)
        out.list(instruction.elseResults)
        writeBlock(out, instruction.then, kernel)
        writeBlock(out, instruction.else, kernel)
    }
  })
}
