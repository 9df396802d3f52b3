// A Program as text: stages, instructions, where values lie.
//
//   loop: %3 ← slot 0 …
//     body:
//       %5 = matmul(%1, %3)
import { formatShape } from '../base/shape.js'
import { decode } from './decode.js'
import type { Layout, Stage } from './format.js'
import type { Instruction } from './instruction.js'

/** The text form of a Program buffer. */
export const describe = (bytes: Uint8Array): string => {
  const layout = decode(bytes)
  const name = (value: number): string => nameOf(layout, value)
  const head = [
    `${String(layout.lanes)} ${layout.lanes === 1 ? 'lane' : 'lanes'} a tile`,
    `${String(layout.tileArena)} doubles a tile`,
    `${String(layout.uniformArena)} uniform doubles`,
    ...layout.slots.map(
      ({ kind, index, size }, i) =>
        `slot ${String(i)}: ${kind} ${String(index)}, ${String(size)} doubles an instance`,
    ),
    ...layout.uniformInputs.map(({ input, value }) => `uniform input ${String(input)} → ${name(value)}`),
    ...layout.uniformOutputs.map(({ value, output }) => `uniform output ${String(output)} ← ${name(value)}`),
  ]
  return [...head, ...layout.stages.flatMap((stage) => describeStage(layout, stage))].join('\n')
}

const letters = { constant: 'c', immediate: 'i', uniform: 'u', lane: '%', slice: 's' } as const

/** A value by its space, offset and shape: %24[3, 3]. */
const nameOf = (layout: Layout, index: number): string => {
  const value = layout.values[index]
  if (value === undefined) return `?${String(index)}`
  if (value.space === 'immediate') return String(layout.immediates[value.offset])
  const at = value.space === 'slice' ? index : value.offset
  return `${letters[value.space]}${String(at)}${formatShape(value.shape)}`
}

const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`)

const describeStage = (layout: Layout, stage: Stage): string[] => {
  const name = (value: number): string => nameOf(layout, value)
  if (stage.kind === 'uniform') return ['uniform', ...indent(describeBlock(layout, stage.code))]
  const loads = stage.loads.map(
    ({ source, value }) => `${name(value)} ← ${source < 0 ? name(-1 - source) : `slot ${String(source)}`}`,
  )
  const stores = stage.stores.map(({ value, slot }) => `${name(value)} → slot ${String(slot)}`)
  const code =
    stage.kind === 'straight' ? describeBlock(layout, stage.code) : describeInstruction(layout, stage.loop)
  return [stage.kind, ...indent([...loads, ...code, ...stores])]
}

const describeBlock = (layout: Layout, code: readonly Instruction<number>[]): string[] =>
  code.flatMap((instruction) => describeInstruction(layout, instruction))

/** One line for an instruction, and indented ones for its blocks. */
export const describeInstruction = (layout: Layout, instruction: Instruction<number>): string[] => {
  const name = (value: number): string => nameOf(layout, value)
  const names = (list: readonly number[]): string => list.map(name).join(', ')
  const pairs = (to: readonly number[], from: readonly number[]): string =>
    to.map((v, i) => `${name(v)} ← ${name(from[i] as number)}`).join(', ')
  const block = (title: string, code: readonly Instruction<number>[]): string[] =>
    code.length === 0 ? [] : indent([`${title}:`, ...indent(describeBlock(layout, code))])
  switch (instruction.kind) {
    case 'kernel': {
      const words =
        instruction.attributes.length === 0 ? '' : ` [${instruction.attributes.slice(0, 12).join(' ')}]`
      return [`${names(instruction.outputs)} = ${instruction.kernel}(${names(instruction.inputs)})${words}`]
    }
    case 'fused': {
      const argument = (a: number): string =>
        a < 0 ? name(instruction.inputs[-1 - a] as number) : `r${String(a)}`
      const steps = instruction.steps.map(
        ({ kernel, to, from }) => `r${String(to)} = ${kernel}(${from.map(argument).join(', ')})`,
      )
      const results = instruction.results.map((r) => `r${String(r)}`).join(', ')
      return [
        `${names(instruction.outputs)} = fused(${names(instruction.inputs)}) → ${results}`,
        ...indent(steps),
      ]
    }
    case 'while':
      return [
        `while ${name(instruction.predicate)}: ${pairs(instruction.carries, instruction.results)}`,
        ...block('condition', instruction.condition),
        ...block('body', instruction.body),
      ]
    case 'scan': {
      const { count, length, reverse, sequences, stacked } = instruction
      const limit = count === undefined ? '' : `, count ${name(count)}`
      return [
        `scan ${String(length)}${limit}${reverse ? ', reverse' : ''}: ${pairs(instruction.carries, instruction.results)}`,
        ...indent(sequences.map(({ sequence, slice }) => `${name(slice)} of ${name(sequence)}`)),
        ...indent(stacked.map((pair) => `${name(pair.stacked)} collects ${name(pair.result)}`)),
        ...block('body', instruction.body),
      ]
    }
    case 'cond': {
      const { outputs, thenResults, elseResults } = instruction
      return [
        `cond ${name(instruction.predicate)}`,
        ...block(`then ${pairs(outputs, thenResults)}`, instruction.then),
        ...block(`else ${pairs(outputs, elseResults)}`, instruction.else),
      ]
    }
  }
}
