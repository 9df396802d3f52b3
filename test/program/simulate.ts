// An executor of Programs in plain TypeScript, for tests: real arenas, filled with NaN before every tile, and a check at every
// instruction that its outputs lie in its operands' memory only where the format allows it.
import { NDArray, zeros } from '../../lib/base/ndarray.js'
import { sizeOf } from '../../lib/base/shape.js'
import type { Shape } from '../../lib/base/shape.js'
import { decode } from '../../lib/program/decode.js'
import type { Layout, Load, ProgramValue, Store } from '../../lib/program/format.js'
import type { Instruction } from '../../lib/program/instruction.js'
import type { Program } from '../../lib/program/lower.js'
import { realArrays } from '../../lib/runtime/interpreter.js'

type Code = readonly Instruction<number>[]
type While = Extract<Instruction<number>, { kind: 'while' }>

/** Runs a Program over a batch: uniform inputs hold one array, the others one for each instance, and so the outputs. */
export const simulate = (program: Program, inputs: readonly Float64Array[], batch: number): Float64Array[] =>
  new Machine(program, inputs, batch).run()

const inPlace: Readonly<Record<string, number>> = {
  cholesky: 0,
  lu: 0,
  triangle: 0,
  triangularSolve: 1,
  choleskySolve: 1,
  luSolve: 2,
}

/** What the interpreter's rule of a kernel wants, from the attribute words. */
const attributesOf = (
  kernel: string,
  words: readonly number[],
  inputs: readonly NDArray[],
  out: Shape,
): object => {
  const rank = inputs[0]?.rank ?? 0
  const part = (i: number): readonly number[] => words.slice(i * rank, (i + 1) * rank)
  const [a, b, c] = words
  switch (kernel) {
    case 'sum':
    case 'max':
    case 'min':
      return { axes: words.slice(1) }
    case 'transpose':
      return { permutation: words }
    case 'slice':
      return { start: part(0), stop: part(1), step: part(2) }
    case 'pad':
      return { low: part(0), high: part(1), interior: part(2) }
    case 'concat':
      return { axis: a }
    case 'gather':
    case 'scatterAdd':
      return { axis: a, indices: words.slice(2), size: out[a as number] }
    case 'triangle':
      return { lower: a === 1, offset: b }
    case 'matmul':
      return { transposeA: a === 1, transposeB: b === 1 }
    case 'triangularSolve':
      return { lower: a === 1, transpose: b === 1, unit: c === 1 }
    case 'choleskySolve':
    case 'luSolve':
      return { transpose: a === 1 }
    case 'eye':
      return { size: out[0] }
    default:
      return {}
  }
}

class Machine {
  private readonly layout: Layout
  private readonly program: Program
  private readonly batch: number
  private readonly uniformArena: Float64Array
  private readonly tile: Float64Array
  private readonly slots: Float64Array[]
  private readonly inputs: readonly Float64Array[]
  private readonly outputs: Float64Array[]
  /** Lanes that the code being run computes for: 1 in uniform stages. */
  private lanes = 1
  private slicePointers = new Map<number, { of: ProgramValue; step: number }>()

  constructor(program: Program, inputs: readonly Float64Array[], batch: number) {
    this.program = program
    this.layout = decode(program.bytes)
    this.batch = batch
    this.inputs = inputs
    this.uniformArena = new Float64Array(this.layout.uniformArena).fill(NaN)
    this.tile = new Float64Array(this.layout.tileArena)
    this.outputs = this.layout.outputs.map(
      ({ uniform, shape }) => new Float64Array(sizeOf(shape) * (uniform ? 1 : batch)),
    )
    this.slots = this.layout.slots.map(({ kind, index, size }) => {
      if (kind === 'input') return inputs[index] as Float64Array
      return kind === 'output'
        ? (this.outputs[index] as Float64Array)
        : new Float64Array(size * batch).fill(NaN)
    })
    this.layout.values.forEach((value, i) => {
      const size = sizeOf(value.shape)
      const end = value.offset + (value.space === 'lane' ? size * this.layout.lanes : size)
      const room = {
        constant: Infinity,
        immediate: Infinity,
        slice: Infinity,
        uniform: this.layout.uniformArena,
        lane: this.layout.tileArena,
      }
      if (end > room[value.space]) throw new Error(`value ${i} leaves its arena`)
    })
  }

  run(): Float64Array[] {
    const { layout, batch } = this
    for (const { input, value } of layout.uniformInputs)
      this.write(value, 0, this.inputs[input] as Float64Array)
    for (const stage of layout.stages) {
      this.lanes = stage.kind === 'uniform' ? 1 : layout.lanes
      if (stage.kind === 'uniform') {
        this.block(stage.code, [true])
        continue
      }
      for (let first = 0; first < batch; first += layout.lanes) {
        this.tile.fill(NaN)
        const instances = Array.from({ length: layout.lanes }, (_, t) => Math.min(first + t, batch - 1))
        this.load(stage.loads, instances)
        const all = instances.map(() => true)
        const store = (t: number): void => {
          this.store(stage.stores, t, instances[t] as number)
        }
        if (stage.kind === 'loop') {
          // What has ended leaves its lane at once: what the lane holds from then on is nobody's.
          this.while(stage.loop, all, store)
        } else {
          this.block(stage.code, all)
          instances.forEach((_, t) => {
            store(t)
          })
        }
      }
    }
    for (const { value, output } of layout.uniformOutputs)
      (this.outputs[output] as Float64Array).set(this.read(value, 0).data)
    return this.outputs
  }

  private load(loads: readonly Load[], instances: readonly number[]): void {
    for (const { source, value } of loads) {
      instances.forEach((instance, t) => {
        if (source < 0) this.write(value, t, this.read(-1 - source, 0).data)
        else {
          const size = this.layout.slots[source]?.size as number
          this.write(
            value,
            t,
            (this.slots[source] as Float64Array).subarray(instance * size, (instance + 1) * size),
          )
        }
      })
    }
  }

  private store(stores: readonly Store[], lane: number, instance: number): void {
    for (const { value, slot } of stores) {
      const { data } = this.read(value, lane)
      ;(this.slots[slot] as Float64Array).set(data, instance * data.length)
    }
  }

  private value(index: number): ProgramValue {
    return this.layout.values[index] as ProgramValue
  }

  private memory(value: ProgramValue): Float64Array {
    return value.space === 'lane' ? this.tile : this.uniformArena
  }

  private read(index: number, lane: number): NDArray {
    const value = this.value(index)
    const { space, offset, shape } = value
    if (space === 'immediate')
      return new NDArray(shape, Float64Array.of(this.layout.immediates[offset] as number))
    if (space === 'constant')
      return new NDArray(shape, (this.program.constants[offset] as { data: Float64Array }).data)
    if (space === 'slice') {
      const pointer = this.slicePointers.get(index)
      if (pointer === undefined) throw new Error('a slice is read outside its scan')
      const source = this.layout.values.indexOf(pointer.of)
      const whole = this.read(source, lane).data
      const size = sizeOf(shape)
      return new NDArray(shape, whole.slice(pointer.step * size, (pointer.step + 1) * size))
    }
    const memory = this.memory(value)
    const result = zeros(shape)
    const T = space === 'lane' ? this.lanes : 1
    for (let i = 0; i < result.size; i++)
      result.data[i] = memory[offset + i * T + (T === 1 ? 0 : lane)] as number
    return result
  }

  private write(index: number, lane: number, data: Float64Array): void {
    const value = this.value(index)
    if (value.space !== 'lane' && value.space !== 'uniform')
      throw new Error(`cannot write to space ${value.space}`)
    if (data.length !== sizeOf(value.shape))
      throw new Error(`value ${index} has ${sizeOf(value.shape)} elements, given ${data.length}`)
    const memory = this.memory(value)
    const T = value.space === 'lane' ? this.lanes : 1
    data.forEach((x, i) => (memory[value.offset + i * T + (T === 1 ? 0 : lane)] = x))
  }

  private block(code: Code, active: readonly boolean[]): void {
    for (const instruction of code) this.instruction(instruction, active)
  }

  private checkOverlap(instruction: Extract<Instruction<number>, { kind: 'kernel' | 'fused' }>): void {
    const extent = (i: number): readonly [string, number, number] => {
      const { space, offset, shape } = this.value(i)
      return [space, offset, offset + sizeOf(shape) * (space === 'lane' ? this.lanes : 1)]
    }
    instruction.outputs.forEach((out, k) => {
      const [space, start, stop] = extent(out)
      for (const other of instruction.outputs.slice(k + 1)) {
        const [s, a, b] = extent(other)
        if (s === space && a < stop && start < b) throw new Error('two outputs overlap')
      }
      instruction.inputs.forEach((input, i) => {
        const [s, a, b] = extent(input)
        if (s !== space || a >= stop || start >= b) return
        const same = a === start && b === stop
        if (instruction.kind === 'fused' ? same : same && k === 0 && inPlace[instruction.kernel] === i) return
        throw new Error(
          `an output of ${instruction.kind === 'fused' ? 'fused' : instruction.kernel} overlaps an operand`,
        )
      })
    })
  }

  private instruction(instruction: Instruction<number>, active: readonly boolean[]): void {
    switch (instruction.kind) {
      case 'kernel': {
        this.checkOverlap(instruction)
        for (let t = 0; t < this.lanes; t++) this.kernel(instruction, t)
        return
      }
      case 'fused': {
        this.checkOverlap(instruction)
        for (let t = 0; t < this.lanes; t++) this.fused(instruction, t)
        return
      }
      case 'while':
        this.while(instruction, active)
        return
      case 'scan':
        this.scan(instruction, active)
        return
      case 'cond': {
        const taken = active.map((on, t) => on && this.truth(instruction.predicate, t))
        const branches = [
          [instruction.then, instruction.thenResults, taken],
          [instruction.else, instruction.elseResults, active.map((on, t) => on && !(taken[t] as boolean))],
        ] as const
        for (const [code, results, lanes] of branches) {
          if (!lanes.some(Boolean)) continue
          this.block(code, lanes)
          this.copy(results, instruction.outputs, lanes)
        }
      }
    }
  }

  private kernel(
    { kernel, inputs, outputs, attributes: words }: Extract<Instruction<number>, { kind: 'kernel' }>,
    t: number,
  ): void {
    const operands = inputs.map((v) => this.read(v, t))
    const shapes = outputs.map((v) => this.value(v).shape)
    const attributes = attributesOf(kernel, words, operands, shapes[0] as Shape)
    if (kernel === 'choleskySolve' || kernel === 'luSolve') operands.unshift(operands[0] as NDArray)
    if (kernel === 'copy') {
      this.write(outputs[0] as number, t, (operands[0] as NDArray).data)
      return
    }
    const rule = realArrays.rules[kernel]
    if (rule === undefined) throw new Error(`no kernel ${kernel}`)
    rule(operands, attributes, shapes).forEach((x, i) => {
      this.write(outputs[i] as number, t, x.data)
    })
  }

  private fused(
    { inputs, outputs, registers, steps, results }: Extract<Instruction<number>, { kind: 'fused' }>,
    t: number,
  ): void {
    const shape = this.value(outputs[0] as number).shape
    const operands = inputs.map((v) => this.read(v, t))
    const file = new Array<NDArray | undefined>(registers)
    for (const { kernel, to, from } of steps) {
      const args = from.map((a) => (a < 0 ? operands[-1 - a] : file[a]) as NDArray)
      file[to] = (realArrays.rules[kernel] as NonNullable<(typeof realArrays.rules)[string]>)(args, {}, [
        shape,
      ])[0]
    }
    outputs.forEach((v, i) => {
      this.write(v, t, (file[results[i] as number] as NDArray).data)
    })
  }

  private truth(value: number, t: number): boolean {
    const x = this.read(value, t).data[0] as number
    return x !== 0 && !Number.isNaN(x)
  }

  private copy(from: readonly number[], to: readonly number[], lanes: readonly boolean[]): void {
    from.forEach((source, i) => {
      lanes.forEach((on, t) => {
        if (on) this.write(to[i] as number, t, this.read(source, t).data)
      })
    })
  }

  private while(loop: While, active: readonly boolean[], leave?: (lane: number) => void): void {
    for (let going = active; ;) {
      this.block(loop.condition, going)
      going = going.map((on, t) => {
        const goesOn = on && this.truth(loop.predicate, t)
        if (on && !goesOn) leave?.(t)
        return goesOn
      })
      if (!going.some(Boolean)) return
      this.block(loop.body, going)
      this.copy(loop.results, loop.carries, going)
    }
  }

  private scan(loop: Extract<Instruction<number>, { kind: 'scan' }>, active: readonly boolean[]): void {
    const stacked = (v: number, t: number, step: number, data: Float64Array): void => {
      const whole = this.read(v, t).data
      whole.set(data, step * data.length)
      this.write(v, t, whole)
    }
    for (let k = 0; k < loop.length; k++) {
      const step = loop.reverse ? loop.length - 1 - k : k
      const { count } = loop
      const taking = active.map(
        (on, t) => on && (count === undefined || step < (this.read(count, t).data[0] as number)),
      )
      for (const { sequence, slice } of loop.sequences)
        this.slicePointers.set(slice, { of: this.value(sequence), step })
      if (taking.some(Boolean)) this.block(loop.body, taking)
      for (const pair of loop.stacked) {
        const size = sizeOf(this.value(pair.stacked).shape) / loop.length
        taking.forEach((on, t) => {
          stacked(pair.stacked, t, step, on ? this.read(pair.result, t).data : new Float64Array(size))
        })
      }
      this.copy(loop.results, loop.carries, taking)
    }
    for (const { slice } of loop.sequences) this.slicePointers.delete(slice)
  }
}
