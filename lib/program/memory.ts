// The memory plan: where in an arena each variable of a stage lies.
//
//   live(v) = [definition, last use];  a use inside a loop that began after the definition counts until the loop ends
//
// Variables are placed in the order of definition, each in the smallest gap that is free for all of its life. A variable may take
// over the place of an operand that dies where it is made, if the kernel works in place.
import { forEachOperand } from './select.js'
import type { Merged, Selected } from './select.js'
import { isWhole } from './region.js'
import type { Variable } from './region.js'

/** A stage as the planner sees it. */
export interface Body {
  readonly code: readonly Selected[]
  /** Roots that are there when the stage begins, and that must be there when it ends. */
  readonly entry: readonly Variable[]
  readonly exit: readonly Variable[]
  /** Variables that are one place. */
  readonly merged: Merged
}

/** Offsets of roots in elements, and how many elements the arena needs. */
export interface Placement {
  readonly offsets: ReadonlyMap<Variable, number>
  readonly size: number
}

/** Whether a root needs memory: constants and slices lie elsewhere, and each stage plans for its own kind of variables. */
const isPlaced = (root: Variable, lane: boolean): boolean =>
  root.constant === undefined && !root.slice && root.lane === lane

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

interface Life {
  readonly size: number
  start: number
  end: number
}

/** A variable that may take the place of one of `sources`, if that dies at `time`. */
interface InPlace {
  readonly time: number
  readonly sources: readonly Variable[]
}

/** Kernels whose output may be the memory of the operand with this number. */
const inPlaceOperand: Readonly<Record<string, number>> = {
  cholesky: 0,
  lu: 0,
  triangle: 0,
  triangularSolve: 1,
  choleskySolve: 1,
  luSolve: 2,
}

class Lives {
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

  private noteInPlace(instruction: Extract<Selected, { kind: 'kernel' | 'fused' }>): void {
    const operand = instruction.kind === 'kernel' ? inPlaceOperand[instruction.kernel] : undefined
    if (instruction.kind === 'kernel' && operand === undefined) return
    const outputs = operand === undefined ? instruction.outputs : instruction.outputs.slice(0, 1)
    for (const v of outputs) {
      const candidates =
        operand === undefined ? instruction.inputs : [instruction.inputs[operand] as Variable]
      const sources = candidates.filter(
        (u) =>
          u.size === v.size &&
          isPlaced(u.root, this.lane) &&
          // Every reading of the operand must be the whole of it, element by element.
          instruction.inputs.every(
            (w) =>
              this.find(w.root) !== this.find(u.root) ||
              (operand === undefined ? isWhole(w) && w.size === v.size : w === u),
          ),
      )
      this.inPlace.set(this.find(v.root), { time: this.time, sources: sources.map((u) => this.find(u.root)) })
    }
  }
}

/** Places the variables of a stage, lane or uniform; sizes are rounded up to multiples of `grain` elements. */
export const place = (body: Body, lane: boolean, grain: number): Placement => {
  const plan = new Lives(body, lane)
  const places = new Map<Variable, number>()
  let active: { readonly root: Variable; readonly offset: number; readonly size: number }[] = []
  let size = 0
  const byStart = [...plan.lives.entries()].sort(([, a], [, b]) => a.start - b.start)
  for (const [root, life] of byStart) {
    active = active.filter((other) => (plan.lives.get(other.root) as Life).end >= life.start)
    const need = Math.ceil(life.size / grain) * grain
    const taken = takeOver(plan, root, life, active)
    if (taken >= 0) {
      const { offset } = active[taken] as { offset: number }
      places.set(root, offset)
      active[taken] = { root, offset, size: need }
      continue
    }
    const offset = need === 0 ? 0 : gap(active, need)
    places.set(root, offset)
    if (need === 0) continue
    const at = active.findIndex((other) => other.offset > offset)
    active.splice(at < 0 ? active.length : at, 0, { root, offset, size: need })
    size = Math.max(size, offset + need)
  }
  const offsets = new Map<Variable, number>()
  for (const [root, offset] of places) offsets.set(root, offset)
  for (const pair of body.merged) {
    for (const v of pair) {
      const offset = places.get(plan.find(v.root))
      if (offset !== undefined) offsets.set(v.root, offset)
    }
  }
  return { offsets, size }
}

/** The index of an active variable whose place the new one may take, or −1. */
const takeOver = (
  plan: Lives,
  root: Variable,
  life: Life,
  active: readonly { readonly root: Variable }[],
): number => {
  const chance = plan.inPlace.get(root)
  if (chance === undefined || chance.time !== life.start) return -1
  return active.findIndex((other) => {
    const source = plan.lives.get(other.root) as Life
    return chance.sources.includes(other.root) && source.end === life.start && source.size === life.size
  })
}

/** The start of the smallest gap between active variables, sorted by offset, that holds `need` elements. */
const gap = (active: readonly { readonly offset: number; readonly size: number }[], need: number): number => {
  let best = -1
  let bestSize = Infinity
  let from = 0
  for (const { offset, size } of active) {
    const free = offset - from
    if (free >= need && free < bestSize) [best, bestSize] = [from, free]
    from = Math.max(from, offset + size)
  }
  return best >= 0 ? best : from
}
