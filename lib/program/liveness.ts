// Liveness: from when to when each variable of a stage needs its memory.
//
//   live(v) = [definition, last use];  a use inside a loop that began after the definition counts until the loop ends
import { isWhole } from './region.js'
import type { Variable } from './region.js'
import type { Merged, Selected } from './select.js'

/** A stage as the planner sees it. */
export interface Body {
  readonly code: readonly Selected[]
  /** Roots that are there when the stage begins, and that must be there when it ends. */
  readonly entry: readonly Variable[]
  readonly exit: readonly Variable[]
  /** Variables that are one place. */
  readonly merged: Merged
}

/** Whether a root needs memory: constants and slices lie elsewhere, and each stage plans for its own kind of variables. */
export const isPlaced = (root: Variable, lane: boolean): boolean =>
  root.constant === undefined && !root.slice && root.lane === lane

/** The time in which a place in memory is taken. */
export interface Life {
  readonly size: number
  start: number
  end: number
}

/** A variable that may take the place of one of `sources`, if that dies at `time`. */
interface InPlace {
  readonly time: number
  readonly sources: readonly Variable[]
}

/** Kernels whose first output may be the memory of the operand with this number. */
const inPlaceOperand: Readonly<Record<string, number>> = {
  cholesky: 0,
  lu: 0,
  triangle: 0,
  triangularSolve: 1,
  choleskySolve: 1,
  luSolve: 2,
}

type Computing = Extract<Selected, { kind: 'kernel' | 'fused' }>

/** The operands in whose memory an output may be computed; `same` tells whether two roots are one place. */
export const inPlaceOperands = (
  instruction: Computing,
  output: Variable,
  same: (a: Variable, b: Variable) => boolean,
): readonly Variable[] => {
  const { inputs, outputs } = instruction
  if (instruction.kind === 'fused') {
    // Every reading of the operand must be the whole of it, element by element.
    const readsInOrder = (u: Variable): boolean =>
      inputs.every((w) => !same(w.root, u.root) || (isWhole(w) && w.size === output.size))
    return inputs.filter((u) => u.size === output.size && readsInOrder(u))
  }
  const operand = inputs[inPlaceOperand[instruction.kernel] ?? -1]
  if (operand === undefined || output !== outputs[0] || operand.size !== output.size) return []
  return inputs.every((w) => w === operand || !same(w.root, operand.root)) ? [operand] : []
}

/** The lives of everything in a stage that needs memory of one kind, lane or uniform. */
export class Lives {
  readonly lives = new Map<Variable, Life>()
  readonly inPlace = new Map<Variable, InPlace>()
  private readonly lane: boolean
  private readonly representative = new Map<Variable, Variable>()
  private readonly depth = new Map<Variable, number>()
  private readonly loops: Set<Variable>[] = []
  private time = 0

  constructor(body: Body, lane: boolean) {
    this.lane = lane
    for (const [a, b] of body.merged) {
      const [p, q] = [this.find(a.root), this.find(b.root)]
      if (p !== q) this.representative.set(q, p)
    }
    for (const v of body.entry) this.define(v)
    this.block(body.code)
    this.time++
    for (const v of body.exit) this.use(v)
  }

  find(root: Variable): Variable {
    const up = this.representative.get(root)
    return up === undefined ? root : this.find(up)
  }

  private define(v: Variable): void {
    if (!isPlaced(v.root, this.lane)) return
    const root = this.find(v.root)
    if (this.lives.has(root)) return
    this.lives.set(root, { size: root.size, start: this.time, end: this.time })
    this.depth.set(root, this.loops.length)
  }

  private use(v: Variable): void {
    if (!isPlaced(v.root, this.lane)) return
    const root = this.find(v.root)
    const life = this.lives.get(root)
    if (life === undefined)
      throw new Error(`a variable of shape [${v.shape.join(', ')}] is used before it is defined`)
    life.end = this.time
    this.loops[this.depth.get(root) as number]?.add(root)
  }

  private uses(list: readonly Variable[]): void {
    for (const v of list) this.use(v)
  }

  private defines(list: readonly Variable[]): void {
    for (const v of list) this.define(v)
  }

  private block(code: readonly Selected[]): void {
    for (const instruction of code) {
      this.time++
      this.instruction(instruction)
    }
  }

  /** A loop: what it uses of the outside lives until its end. */
  private loop(inside: () => void, until: readonly Variable[]): void {
    const held = new Set<Variable>()
    this.loops.push(held)
    inside()
    this.time++
    this.uses(until)
    this.loops.pop()
    for (const root of held) (this.lives.get(root) as Life).end = this.time
  }

  private instruction(instruction: Selected): void {
    switch (instruction.kind) {
      case 'kernel':
      case 'fused':
        this.uses(instruction.inputs)
        this.defines(instruction.outputs)
        this.noteInPlace(instruction)
        return
      case 'while': {
        const { carries, condition, body, predicate, results } = instruction
        this.loop(() => {
          this.uses(carries)
          this.block(condition)
          this.block(body)
        }, [...carries, predicate, ...results])
        return
      }
      case 'scan': {
        const { carries, body, sequences, stacked, results, count } = instruction
        this.defines(stacked.map((pair) => pair.stacked))
        const outer = [
          ...carries,
          ...sequences.map(({ sequence }) => sequence),
          ...stacked.map((pair) => pair.stacked),
        ]
        this.loop(() => {
          this.uses(outer)
          this.block(body)
        }, [
          ...outer,
          ...results,
          ...stacked.map(({ result }) => result),
          ...(count === undefined ? [] : [count]),
        ])
        return
      }
      case 'cond': {
        this.defines(instruction.outputs)
        this.uses(instruction.outputs)
        this.block(instruction.then)
        this.time++
        this.uses(instruction.thenResults)
        this.block(instruction.else)
        this.time++
        this.uses([...instruction.elseResults, ...instruction.outputs, instruction.predicate])
      }
    }
  }

  private noteInPlace(instruction: Computing): void {
    const same = (a: Variable, b: Variable): boolean => this.find(a) === this.find(b)
    for (const v of instruction.outputs) {
      const sources = inPlaceOperands(instruction, v, same).filter((u) => isPlaced(u.root, this.lane))
      if (sources.length === 0) continue
      this.inPlace.set(this.find(v.root), { time: this.time, sources: sources.map((u) => this.find(u.root)) })
    }
  }
}
