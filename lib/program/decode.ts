// Bytes → Layout, for printing and explaining. The executor reads and validates a buffer by itself.
import { ProgramError } from '../base/errors.js'
import { CHECKED_FROM, MAGIC, VERSION, checksum, slotKinds, spaces, stageKinds } from './format.js'
import type { Layout, Port, Stage } from './format.js'
import type { FusedStep, Instruction } from './instruction.js'

const floats = new Float64Array(1)
const halves = new Uint32Array(floats.buffer)

class Reader {
  private readonly words: Int32Array
  private at = CHECKED_FROM
  private readonly end: number

  constructor(words: Int32Array) {
    this.words = words
    this.end = words.length
  }

  get done(): boolean {
    return this.at >= this.end
  }

  word(): number {
    if (this.at >= this.end) throw damaged('it ends too early')
    return this.words[this.at++] as number
  }

  count(): number {
    const n = this.word()
    if (n < 0 || n > this.end - this.at) throw damaged('a list is longer than the buffer')
    return n
  }

  list(n: number): number[] {
    return Array.from({ length: n }, () => this.word())
  }

  many<T>(read: () => T): T[] {
    return Array.from({ length: this.count() }, read)
  }

  long(): number {
    const low = this.word() >>> 0
    return low + (this.word() >>> 0) * 2 ** 32
  }

  double(): number {
    halves.set(this.list(2))
    return floats[0] as number
  }

  shape(): number[] {
    return this.list(this.count())
  }

  name(): string {
    const length = this.count()
    const words = Int32Array.from(this.list(Math.ceil(length / 4)))
    return new TextDecoder().decode(new Uint8Array(words.buffer, 0, length))
  }

  /** Reads to the end of a sized part. */
  sized<T>(read: (more: () => boolean) => T): T {
    const end = this.count() + this.at
    const result = read(() => this.at < end)
    if (this.at !== end) throw damaged('a part has another length than it says')
    return result
  }
}

const damaged = (what: string): ProgramError =>
  new ProgramError(`the Program buffer is damaged: ${what}`, { remedy: 'Lower the function again' })

/**
 * What a Program buffer says, for printing and explaining; the executor validates it by itself.
 * @throws {ProgramError} when it is of another version or its checksum does not fit.
 */
export const decode = (bytes: Uint8Array): Layout => {
  const words = new Int32Array(Math.floor(bytes.length / 4))
  new Uint8Array(words.buffer).set(bytes.subarray(0, 4 * words.length))
  if (words[0] !== MAGIC || words[1] !== VERSION) {
    throw new ProgramError('the buffer is no Program of this version', {
      expected: `version ${String(VERSION)}`,
      received: words[0] === MAGIC ? `version ${String(words[1])}` : 'something else',
      remedy: 'Lower the function again with this version of onestep',
    })
  }
  const [low, high] = checksum(bytes.subarray(4 * CHECKED_FROM))
  if (bytes.length !== words[2] || words[3] !== (low | 0) || words[4] !== (high | 0))
    throw damaged('its checksum is wrong')
  const input = new Reader(words)
  const lanes = input.word()
  const kernels = input.many(() => input.name())
  const port = (): Port => ({ uniform: input.word() === 1, shape: input.shape() })
  const [inputs, outputs] = [input.many(port), input.many(port)]
  const constants = input.many(() => {
    const hash = Buffer.from(Int32Array.from(input.list(8)).buffer).toString('hex')
    return { hash, size: input.long() }
  })
  const immediates = input.many(() => input.double())
  const values = input.many(() => ({
    space: pick(spaces, input.word()),
    offset: input.long(),
    shape: input.shape(),
  }))
  const slots = input.many(() => ({
    kind: pick(slotKinds, input.word()),
    index: input.word(),
    size: input.long(),
  }))
  const uniformInputs = input.many(() => ({ input: input.word(), value: input.word() }))
  const uniformOutputs = input.many(() => ({ value: input.word(), output: input.word() }))
  const [uniformArena, tileArena] = [input.long(), input.long()]
  const stages = input.many(() => readStage(input, kernels))
  if (!input.done) throw damaged('words are left over')
  return {
    lanes,
    inputs,
    outputs,
    constants,
    immediates,
    values,
    slots,
    uniformInputs,
    uniformOutputs,
    uniformArena,
    tileArena,
    stages,
  }
}

const pick = <T>(list: readonly T[], code: number): T => {
  const found = list[code]
  if (found === undefined) throw damaged(`there is no kind ${String(code)}`)
  return found
}

const readStage = (input: Reader, kernels: readonly string[]): Stage => {
  const kind = pick(stageKinds, input.word())
  return input.sized(() => {
    if (kind === 'uniform') return { kind, code: readBlock(input, kernels) }
    const loads = input.many(() => ({ source: input.word(), value: input.word() }))
    const stores = input.many(() => ({ value: input.word(), slot: input.word() }))
    if (kind === 'straight') return { kind, loads, stores, code: readBlock(input, kernels) }
    return { kind, loads, stores, loop: readWhile(input, kernels) }
  })
}

const readBlock = (input: Reader, kernels: readonly string[]): Instruction<number>[] =>
  input.sized((more) => {
    const code: Instruction<number>[] = []
    while (more()) code.push(readInstruction(input, kernels))
    return code
  })

const readWhile = (
  input: Reader,
  kernels: readonly string[],
): Extract<Instruction<number>, { kind: 'while' }> => {
  const carries = input.list(input.count())
  const results = input.list(carries.length)
  const predicate = input.word()
  const condition = readBlock(input, kernels)
  return { kind: 'while', carries, results, predicate, condition, body: readBlock(input, kernels) }
}

const readInstruction = (input: Reader, kernels: readonly string[]): Instruction<number> => {
  const kernel = pick(kernels, input.word())
  return input.sized((more): Instruction<number> => {
    const [inputCount, outputCount] = [input.count(), input.count()]
    const [inputs, outputs] = [input.list(inputCount), input.list(outputCount)]
    switch (kernel) {
      case 'fused': {
        const registers = input.word()
        const steps = input.many((): FusedStep => {
          const [name, to] = [pick(kernels, input.word()), input.word()]
          return { kernel: name, to, from: input.list(input.count()) }
        })
        return { kind: 'fused', inputs, outputs, registers, steps, results: input.list(outputCount) }
      }
      case 'while':
        return readWhile(input, kernels)
      case 'scan': {
        const [count, length, reverse] = [input.word(), input.word(), input.word() === 1]
        const carries = input.list(input.count())
        const results = input.list(carries.length)
        const sequences = input.many(() => ({ sequence: input.word(), slice: input.word() }))
        const stacked = input.many(() => ({ stacked: input.word(), result: input.word() }))
        const body = readBlock(input, kernels)
        return {
          kind: 'scan',
          count: count < 0 ? undefined : count,
          length,
          reverse,
          carries,
          results,
          sequences,
          stacked,
          body,
        }
      }
      case 'cond': {
        const predicate = input.word()
        const ends = input.list(input.count())
        const [thenResults, elseResults] = [input.list(ends.length), input.list(ends.length)]
        const then = readBlock(input, kernels)
        return {
          kind: 'cond',
          predicate,
          outputs: ends,
          thenResults,
          elseResults,
          then,
          else: readBlock(input, kernels),
        }
      }
      default: {
        const attributes: number[] = []
        while (more()) attributes.push(input.word())
        return { kind: 'kernel', kernel, inputs, outputs, attributes }
      }
    }
  })
}
