// Copies that need not be made: the source is computed in the place of the target.
import { isPlaced } from './liveness.js'
import type { Body } from './liveness.js'
import { isWhole } from './region.js'
import type { Variable } from './region.js'
import { forEachOperand } from './select.js'
import type { Selected } from './select.js'

/**
 * Drops copies into carries where the source is used by nobody else and lies in the same block: the source is computed in
 * the place of the carry.
 */
export const coalesce = (body: Body): Body => {
  const merged = [...body.merged]
  const uses = new Map<Variable, number>()
  const count = (v: Variable): void => {
    uses.set(v.root, (uses.get(v.root) ?? 0) + 1)
  }
  forEachOperand(body.code, count)
  body.exit.forEach(count)
  // What a loop leaves is known by its outputs, which are merged with the carries.
  const outputs = new Map(body.merged)
  const clean = (block: readonly Selected[], defined: Set<Variable>): Selected[] =>
    block.flatMap((instruction): Selected[] => {
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
      switch (instruction.kind) {
        case 'kernel':
        case 'fused':
        case 'cond':
          for (const v of instruction.outputs) defined.add(v.root)
          break
        case 'scan':
          for (const { stacked } of instruction.stacked) defined.add(stacked.root)
          for (const v of instruction.carries) defined.add(outputs.get(v) ?? v)
          break
        case 'while':
          for (const v of instruction.carries) defined.add(outputs.get(v) ?? v)
      }
      if (instruction.kind === 'while') {
        const condition = clean(instruction.condition, new Set())
        return [{ ...instruction, condition, body: clean(instruction.body, new Set()) }]
      }
      if (instruction.kind === 'scan') return [{ ...instruction, body: clean(instruction.body, new Set()) }]
      if (instruction.kind === 'cond') {
        const then = clean(instruction.then, new Set())
        return [{ ...instruction, then, else: clean(instruction.else, new Set()) }]
      }
      return [instruction]
    })
  return { ...body, code: clean(body.code, new Set(body.entry)), merged }
}
