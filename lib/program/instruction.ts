// Instructions: what a Program is made of, with operands of a type V, which is a variable while a program is lowered and an
// index into its list of values once it is laid out. See docs/program-format.md.

export interface KernelInstruction<V> {
  readonly kind: 'kernel'
  readonly kernel: string
  readonly inputs: readonly V[]
  readonly outputs: readonly V[]
  /** Attribute words, as the format lists them. */
  readonly attributes: readonly number[]
}

/** One elementwise function; an argument is a register (≥ 0) or −1 − the number of an input. */
export interface FusedStep {
  readonly kernel: string
  readonly to: number
  readonly from: readonly number[]
}

export interface FusedInstruction<V> {
  readonly kind: 'fused'
  readonly inputs: readonly V[]
  readonly outputs: readonly V[]
  readonly registers: number
  readonly steps: readonly FusedStep[]
  /** The register of each output. */
  readonly results: readonly number[]
}

export interface WhileInstruction<V> {
  readonly kind: 'while'
  readonly carries: readonly V[]
  readonly results: readonly V[]
  readonly predicate: V
  readonly condition: readonly Instruction<V>[]
  readonly body: readonly Instruction<V>[]
}

export interface ScanInstruction<V> {
  readonly kind: 'scan'
  readonly count: V | undefined
  readonly length: number
  readonly reverse: boolean
  readonly carries: readonly V[]
  readonly results: readonly V[]
  readonly sequences: readonly { readonly sequence: V; readonly slice: V }[]
  readonly stacked: readonly { readonly stacked: V; readonly result: V }[]
  readonly body: readonly Instruction<V>[]
}

export interface CondInstruction<V> {
  readonly kind: 'cond'
  readonly predicate: V
  readonly outputs: readonly V[]
  readonly thenResults: readonly V[]
  readonly elseResults: readonly V[]
  readonly then: readonly Instruction<V>[]
  readonly else: readonly Instruction<V>[]
}

export type Instruction<V> =
  KernelInstruction<V> | FusedInstruction<V> | WhileInstruction<V> | ScanInstruction<V> | CondInstruction<V>

/** The same instruction with other operands. */
export const mapInstruction = <V, W>(instruction: Instruction<V>, f: (v: V) => W): Instruction<W> => {
  const all = (list: readonly V[]): W[] => list.map(f)
  const block = (list: readonly Instruction<V>[]): Instruction<W>[] =>
    list.map((inner) => mapInstruction(inner, f))
  switch (instruction.kind) {
    case 'kernel':
    case 'fused':
      return { ...instruction, inputs: all(instruction.inputs), outputs: all(instruction.outputs) }
    case 'while':
      return {
        kind: 'while',
        carries: all(instruction.carries),
        results: all(instruction.results),
        predicate: f(instruction.predicate),
        condition: block(instruction.condition),
        body: block(instruction.body),
      }
    case 'scan':
      return {
        ...instruction,
        count: instruction.count === undefined ? undefined : f(instruction.count),
        carries: all(instruction.carries),
        results: all(instruction.results),
        sequences: instruction.sequences.map(({ sequence, slice }) => ({
          sequence: f(sequence),
          slice: f(slice),
        })),
        stacked: instruction.stacked.map(({ stacked, result }) => ({
          stacked: f(stacked),
          result: f(result),
        })),
        body: block(instruction.body),
      }
    case 'cond':
      return {
        kind: 'cond',
        predicate: f(instruction.predicate),
        outputs: all(instruction.outputs),
        thenResults: all(instruction.thenResults),
        elseResults: all(instruction.elseResults),
        then: block(instruction.then),
        else: block(instruction.else),
      }
  }
}
