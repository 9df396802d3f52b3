// Copies that need not be made:
//
//   into a carry before a loop      if nobody else uses the source: it is computed in the place of the carry
//   of a result into its carry      if nobody uses the old carry once the result is there, and no lane keeps it
import { inPlaceOperands, isPlaced } from './liveness.js'
import type { Body } from './liveness.js'
import { isWhole } from './region.js'
import type { Variable } from './region.js'
import { forEachOperand } from './select.js'
import type { Merged, Selected } from './select.js'

type Loop = Extract<Selected, { kind: 'while' | 'scan' }>

/**
 * Drops copies. With `alone` there is one lane, which takes part in every step; and so do all lanes of a loop stage that hold
 * an instance, since what has ended leaves its lane at once.
 */
export const coalesce = (body: Body, alone: boolean, stage: 'loop' | 'straight' = 'straight'): Body => {
  const merged = [...body.merged]
  const uses = new Map<Variable, number>()
  const count = (v: Variable): void => {
    uses.set(v.root, (uses.get(v.root) ?? 0) + 1)
  }
  forEachOperand(body.code, count)
  body.exit.forEach(count)
  // What a loop leaves is known by its outputs, which are merged with the carries.
  const outputs = new Map(body.merged)

  const block = (code: readonly Selected[], defined: Set<Variable>): Selected[] =>
    code.flatMap((instruction): Selected[] => {
      if (instruction.kind === 'kernel' && instruction.kernel === 'copy') {
        const [source] = instruction.inputs as [Variable]
        const [target] = instruction.outputs as [Variable]
        const { root } = source
        if (isWhole(source) && isPlaced(root, target.lane) && uses.get(root) === 1 && defined.has(root)) {
          merged.push([root, target])
          defined.add(target)
          return []
        }
      }
      for (const v of definedBy(instruction)) defined.add(outputs.get(v) ?? v)
      return [inside(instruction)]
    })
  const inside = (instruction: Selected): Selected => {
    switch (instruction.kind) {
      case 'kernel':
      case 'fused':
        return instruction
      case 'while': {
        const condition = block(instruction.condition, new Set())
        const code = copiesFirst(block(instruction.body, new Set()), instruction.carries)
        const loop = { ...instruction, condition, body: code }
        const whole = stage === 'loop' && body.code.includes(instruction)
        if (alone || whole) merged.push(...settledResults(loop))
        return loop
      }
      case 'scan': {
        const loop = { ...instruction, body: block(instruction.body, new Set()) }
        if (alone || loop.count === undefined) merged.push(...settledResults(loop))
        return loop
      }
      case 'cond':
        return {
          ...instruction,
          then: block(instruction.then, new Set()),
          else: block(instruction.else, new Set()),
        }
    }
  }
  return { ...body, code: block(body.code, new Set(body.entry)), merged }
}

/** Copies of carries come first: the carry is free then for its result. */
const copiesFirst = (code: readonly Selected[], carries: readonly Variable[]): Selected[] => {
  const copies = (instruction: Selected): boolean =>
    instruction.kind === 'kernel' &&
    instruction.kernel === 'copy' &&
    carries.includes((instruction.inputs[0] as Variable).root)
  return [...code.filter(copies), ...code.filter((instruction) => !copies(instruction))]
}

/** The roots that an instruction defines; a loop those of its carries. */
const definedBy = (instruction: Selected): readonly Variable[] => {
  switch (instruction.kind) {
    case 'kernel':
    case 'fused':
    case 'cond':
      return instruction.outputs.map((v) => v.root)
    case 'while':
      return instruction.carries
    case 'scan':
      return [...instruction.carries, ...instruction.stacked.map(({ stacked }) => stacked.root)]
  }
}

/** Results that can be computed where their carries lie, since a step that is begun is a step that counts. */
const settledResults = (loop: Loop): Merged =>
  loop.carries.flatMap((carry, i): Merged => {
    const result = loop.results[i] as Variable
    const { root } = result
    const stacked = loop.kind === 'scan' ? loop.stacked.map((pair) => pair.result) : []
    const others = [...loop.results.filter((_, k) => k !== i), ...stacked]
    if (!isWhole(result) || !isPlaced(root, carry.lane) || result.size !== carry.size) return []
    if (others.some((v) => v.root === carry) || loop.results.some((v, k) => k !== i && v.root === root))
      return []
    const at = loop.body.findIndex((instruction) => definedBy(instruction).includes(root))
    const maker = loop.body[at]
    if (maker?.kind !== 'fused' && maker?.kind !== 'kernel') return []
    let usedLater = false
    forEachOperand(loop.body.slice(at + 1), (v) => (usedLater ||= v.root === carry))
    if (usedLater) return []
    const output = maker.outputs.find((v) => v.root === root) as Variable
    const reads = maker.inputs.some((v) => v.root === carry)
    const inPlace = inPlaceOperands(maker, output, (a, b) => a === b).some((v) => v.root === carry)
    return reads && !inPlace ? [] : [[carry, root]]
  })
