// The slots of a program: job-wide arrays that hold inputs, outputs, and what crosses from one stage to a later one.
import type { Slot } from './format.js'
import { isWhole } from './region.js'
import type { Region, Variable } from './region.js'

/** Gives out slots, stage by stage. */
export class Slots {
  readonly list: Slot[] = []
  private readonly byRoot = new Map<Variable, number>()

  constructor(program: Region) {
    program.params.forEach((v, index) => {
      if (v.lane) this.byRoot.set(v, this.add({ kind: 'input', index, size: v.size }))
    })
  }

  add(slot: Slot): number {
    return this.list.push(slot) - 1
  }

  /** The slot that holds a root, if an earlier stage or the user left it. */
  find(root: Variable): number {
    return this.byRoot.get(root) as number
  }

  /** Where a stage stores the roots that it defines: `later` says whether a later stage reads them. */
  stores(
    program: Region,
    defined: ReadonlySet<Variable>,
    later: (root: Variable) => boolean,
  ): { readonly from: Variable; readonly slot: number }[] {
    const stores: { readonly from: Variable; readonly slot: number }[] = []
    program.results.forEach((v, index) => {
      if (!defined.has(v.root)) return
      const slot = this.add({ kind: 'output', index, size: v.size })
      stores.push({ from: v, slot })
      if (isWhole(v) && !this.byRoot.has(v.root)) this.byRoot.set(v.root, slot)
    })
    for (const root of defined) {
      if (this.byRoot.has(root) || !later(root)) continue
      const slot = this.add({ kind: 'internal', index: this.list.length, size: root.size })
      this.byRoot.set(root, slot)
      stores.push({ from: root, slot })
    }
    return stores
  }
}
