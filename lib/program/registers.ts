// One fused instruction from a group of elementwise operations: operands become inputs, the others registers, which are
// given out by a linear scan. A register holds one block of the iteration, so few of them keep a group in L1.
import { sizeOf } from '../base/shape.js'
import type { Shape } from '../base/shape.js'
import type { FusedInstruction, FusedStep } from './instruction.js'
import { alias } from './region.js'
import type { Operation, Variable } from './region.js'

/** A register is a block of 512 doubles, 4 KiB. */
const mostRegisters = 10
const mostInputs = 24

type Users = ReadonlyMap<Variable, readonly Operation[]>

/**
 * The instructions of a group in order; more than one where a single one would need too many registers. `users` names who
 * uses what within the block, `kept` what is used after it.
 */
export const fusedInstructions = (
  unit: readonly Operation[],
  users: Users,
  kept: ReadonlySet<Variable>,
): FusedInstruction<Variable>[] => {
  const made = fusedInstruction(unit, users, kept)
  if (unit.length === 1 || (made.registers <= mostRegisters && made.inputs.length <= mostInputs))
    return [made]
  const half = unit.length >> 1
  return [unit.slice(0, half), unit.slice(half)].flatMap((part) => fusedInstructions(part, users, kept))
}

const fusedInstruction = (
  unit: readonly Operation[],
  users: Users,
  kept: ReadonlySet<Variable>,
): FusedInstruction<Variable> => {
  const members = new Set(unit)
  const shape = (unit[0]?.outputs[0] as Variable).shape
  const inputs = new Map<string, { readonly index: number; readonly v: Variable }>()
  const register = new Map<Variable, number>()
  const lastUse = new Map<Variable, Operation>()
  for (const operation of unit) for (const v of operation.inputs) lastUse.set(v.root, operation)
  const leaves = (v: Variable): boolean =>
    kept.has(v) || (users.get(v) ?? []).some((user) => !members.has(user))

  const argument = (v: Variable, result: Shape): number => {
    const held = register.get(v.root)
    if (held !== undefined) return held
    const squeezed = squeezeLike(result, v.shape)
    const key = `${String(v.root.id)} ${String(v.at)} ${squeezed.join()}`
    const known = inputs.get(key) ?? { index: inputs.size, v: alias(v, squeezed) }
    inputs.set(key, known)
    return -1 - known.index
  }
  const free: number[] = []
  let registers = 0
  const steps: FusedStep[] = []
  for (const operation of unit) {
    const out = operation.outputs[0] as Variable
    const from = operation.inputs.map((v) => argument(v, out.shape))
    for (const root of new Set(operation.inputs.map((v) => v.root))) {
      const held = register.get(root)
      if (held !== undefined && lastUse.get(root) === operation && !leaves(root)) free.push(held)
    }
    const to = free.pop() ?? registers++
    register.set(out, to)
    steps.push({ kernel: operation.kernel, to, from })
  }
  const outputs = unit.map((operation) => operation.outputs[0] as Variable).filter(leaves)
  return {
    kind: 'fused',
    inputs: [...inputs.values()].map(({ v }) => v),
    outputs: outputs.map((v) =>
      alias(
        v,
        shape.filter((d) => d !== 1),
      ),
    ),
    registers,
    steps,
    results: outputs.map((v) => register.get(v) as number),
  }
}

/** An operand's shape without the axes in which the result has size 1, and without leading ones: it broadcasts the same. */
const squeezeLike = (result: Shape, operand: Shape): Shape => {
  if (sizeOf(operand) === 1) return []
  const lead = result.length - operand.length
  const squeezed = result.flatMap((d, i) => (d === 1 || i < lead ? [] : [operand[i - lead] as number]))
  const first = squeezed.findIndex((d) => d !== 1)
  return first < 0 ? squeezed : squeezed.slice(first)
}
