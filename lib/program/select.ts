// Instruction selection: the units of a block become instructions over variables. Operands that a kernel cannot read where
// they are get a `copy` before it; see "Operands in lane stages" in docs/program-format.md.
import { GraphError } from '../base/errors.js'
import { fuse } from './fuse.js'
import { fusedInstructions } from './registers.js'
import { isElementwise } from './import.js'
import type { Instruction } from './instruction.js'
import { alias, forEachUse, isLane, isWhole, variable } from './region.js'
import type { Operation, Region, ScanShape, Variable } from './region.js'

export type Selected = Instruction<Variable>

/** Pairs of variables that are one place in memory: a loop's outputs are its carries. */
export type Merged = [Variable, Variable][]

/** Turns operations into instructions, for uniform or for lane code. */
export class Selector {
  readonly merged: Merged = []
  private readonly lane: boolean

  constructor(lane: boolean) {
    this.lane = lane
  }

  /** The instructions of a block after which `kept` is still used. */
  block(operations: readonly Operation[], kept: Iterable<Variable>): Selected[] {
    const roots = new Set<Variable>()
    for (const v of kept) roots.add(v.root)
    const users = usersOf(operations)
    const code: Selected[] = []
    for (const unit of fuse(operations, roots)) {
      const [first] = unit as [Operation]
      if (first.regions.length > 0) this.control(first, code)
      else if (isElementwise(first.kernel)) code.push(...fusedInstructions(unit, users, roots))
      else code.push(this.kernel(first, code))
    }
    return code
  }

  /** A variable that lies in the memory of this kind of code: the given one, or a copy. */
  own(v: Variable, code: Selected[]): Variable {
    const { root } = v
    if (root.slice ? isLane(root) === this.lane : root.constant === undefined && isLane(root) === this.lane)
      return v
    return this.copy(v, code)
  }

  private copy(v: Variable, code: Selected[]): Variable {
    const target = variable(v.shape, { lane: this.lane })
    code.push({ kind: 'kernel', kernel: 'copy', inputs: [v], outputs: [target], attributes: [] })
    return target
  }

  /** What a block leaves for its loop: in memory of its own, and not in another carry, which is written at the same time. */
  private results(list: readonly Variable[], carries: readonly Variable[], code: Selected[]): Variable[] {
    const roots = new Set(carries)
    return list.map((v, i) => {
      const other = roots.has(v.root) && !(v.root === carries[i] && isWhole(v))
      return other ? this.copy(v, code) : this.own(v, code)
    })
  }

  private kernel(operation: Operation, code: Selected[]): Selected {
    const { kernel, outputs } = operation
    return {
      kind: 'kernel',
      kernel,
      inputs: this.operands(operation, code),
      outputs,
      attributes: words(operation),
    }
  }

  private operands(operation: Operation, code: Selected[]): Variable[] {
    const { kernel, inputs } = operation
    if (!this.lane || kernel === 'copy') return inputs
    const last = inputs.length - 1
    switch (kernel) {
      case 'matmul':
      case 'gram': {
        if (inputs.some(isLane)) return inputs
        const smallest = inputs.reduce((a, b) => (b.size < a.size ? b : a))
        return inputs.map((v) => (v === smallest ? this.own(v, code) : v))
      }
      case 'triangularSolve':
      case 'choleskySolve':
      case 'luSolve':
        return inputs.map((v, i) => (i === last ? this.own(v, code) : v))
      default:
        return inputs.map((v) => this.own(v, code))
    }
  }

  private control(operation: Operation, code: Selected[]): void {
    const [first, second] = operation.regions as [Region, Region]
    const { outputs, inputs, kernel, scan } = operation
    if (kernel === 'cond') {
      const branch = (region: Region): { body: Selected[]; results: Variable[] } => {
        const body = this.block(region.operations, region.results)
        return { body, results: region.results.map((v) => this.own(v, body)) }
      }
      const predicate = this.own(inputs[0] as Variable, code)
      const [then, otherwise] = [branch(first), branch(second)]
      const thenResults = then.results
      code.push({
        kind: 'cond',
        predicate,
        outputs,
        thenResults,
        elseResults: otherwise.results,
        then: then.body,
        else: otherwise.body,
      })
      return
    }
    const carries = first.params.slice(0, inputs.length)
    inputs.forEach((v, i) => {
      code.push({
        kind: 'kernel',
        kernel: 'copy',
        inputs: [v],
        outputs: [carries[i] as Variable],
        attributes: [],
      })
      this.merged.push([carries[i] as Variable, outputs[i] as Variable])
    })
    code.push(scan === undefined ? this.while(operation, carries) : this.scan(operation, scan, carries, code))
  }

  /** A loop over `carries`, whose first values somebody else provides. */
  while({ regions }: Operation, carries: readonly Variable[]): Extract<Selected, { kind: 'while' }> {
    const [first, second] = regions as [Region, Region]
    const condition = this.block(first.operations, first.results)
    const predicate = this.own(first.results[0] as Variable, condition)
    const body = this.block(second.operations, second.results)
    return {
      kind: 'while',
      carries,
      results: this.results(second.results, carries, body),
      predicate,
      condition,
      body,
    }
  }

  private scan(
    { regions, outputs }: Operation,
    scan: ScanShape,
    carries: readonly Variable[],
    code: Selected[],
  ): Selected {
    const [region] = regions as [Region]
    const slices = region.params.slice(scan.carried)
    const body = this.block(region.operations, region.results)
    const results = this.results(region.results.slice(0, scan.carried), carries, body)
    const stacked = region.results.slice(scan.carried).map((v, i) => ({
      stacked: outputs[scan.carried + i] as Variable,
      result: this.own(v, body),
    }))
    // Each shape in which a slice is used is a pair of its own, since a scan sets the pointers of values.
    const shapes = new Map<string, { sequence: Variable; slice: Variable }>()
    const aliases = new Set<Variable>()
    forEachOperand(body, (v) => v.root.slice && aliases.add(v))
    for (const v of [...results, ...stacked.map((pair) => pair.result)]) if (v.root.slice) aliases.add(v)
    for (const v of aliases) {
      const at = slices.indexOf(v.root)
      if (at < 0) continue
      shapes.set(`${String(v.root.id)} ${v.shape.join()}`, {
        sequence: alias(scan.sequences[at] as Variable, [scan.length, ...v.shape]),
        slice: v,
      })
    }
    return {
      kind: 'scan',
      count: scan.count === undefined ? undefined : this.own(scan.count, code),
      length: scan.length,
      reverse: scan.reverse,
      carries,
      results,
      sequences: [...shapes.values()],
      stacked,
      body,
    }
  }
}

const usersOf = (operations: readonly Operation[]): ReadonlyMap<Variable, readonly Operation[]> => {
  const users = new Map<Variable, Operation[]>()
  for (const operation of operations) {
    forEachUse(operation, (root) => {
      const known = users.get(root)
      if (known === undefined) users.set(root, [operation])
      else known.push(operation)
    })
  }
  return users
}

/** The attribute words of a kernel, as docs/program-format.md lists them. */
const words = ({ kernel, attributes }: Operation): number[] => {
  const list = (name: string): readonly number[] => attributes[name] as readonly number[]
  const flag = (name: string): number => Number(attributes[name])
  switch (kernel) {
    case 'sum':
    case 'max':
    case 'min':
      return [list('axes').length, ...list('axes')]
    case 'transpose':
      return [...list('permutation')]
    case 'slice':
      return [...list('start'), ...list('stop'), ...list('step')]
    case 'pad':
      return [...list('low'), ...list('high'), ...list('interior')]
    case 'concat':
      return [flag('axis')]
    case 'gather':
    case 'scatterAdd':
      return [flag('axis'), list('indices').length, ...list('indices')]
    case 'triangle':
      return [flag('lower'), flag('offset')]
    case 'matmul':
      return [flag('transposeA'), flag('transposeB')]
    case 'triangularSolve':
      return [flag('lower'), flag('transpose'), flag('unit')]
    case 'choleskySolve':
    case 'luSolve':
      return [flag('transpose')]
    case 'broadcast':
    case 'copy':
    case 'eye':
    case 'gram':
    case 'cholesky':
    case 'lu':
      return []
    default:
      throw new GraphError(`there is no kernel "${kernel}"`, {
        expected: 'an op with a kernel, or one that expands into such ops',
        remedy: 'Give the op an `expand` rule',
      })
  }
}

/** Calls `visit` with every operand in a block, those of inner blocks included. */
export const forEachOperand = (block: readonly Selected[], visit: (v: Variable) => void): void => {
  for (const instruction of block) {
    switch (instruction.kind) {
      case 'kernel':
      case 'fused':
        instruction.inputs.forEach(visit)
        break
      case 'while':
        forEachOperand(instruction.condition, visit)
        forEachOperand(instruction.body, visit)
        ;[...instruction.results, instruction.predicate].forEach(visit)
        break
      case 'scan':
        forEachOperand(instruction.body, visit)
        for (const { sequence } of instruction.sequences) visit(sequence)
        for (const { result } of instruction.stacked) visit(result)
        instruction.results.forEach(visit)
        if (instruction.count !== undefined) visit(instruction.count)
        break
      case 'cond':
        forEachOperand(instruction.then, visit)
        forEachOperand(instruction.else, visit)
        ;[instruction.predicate, ...instruction.thenResults, ...instruction.elseResults].forEach(visit)
    }
  }
}
