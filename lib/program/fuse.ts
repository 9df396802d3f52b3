// Elementwise fusion: which operations of a block are computed together, one cache-sized piece after another. With
//
//   phase(v) = max over operands u of  phase(u) + (0 if u and v could be one loop, or u is not elementwise; else 1)
//
// the elementwise operations of one shape and one phase can be fused: a path that leaves such a group comes back in a later
// phase, so there is no cycle. Axes of size 1 do not count as shape.
import { isElementwise } from './import.js'
import { forEachUse, isWhole } from './region.js'
import type { Operation, Variable } from './region.js'

/** Operations that become one instruction: several elementwise ones, or one of any other kind. */
export type Unit = readonly Operation[]

/** Longer groups are cut, so that the registers of one (4 KiB each) stay in L1. */
const longestGroup = 48

const iterationKey = (operation: Operation): string | undefined =>
  isElementwise(operation.kernel)
    ? (operation.outputs[0] as Variable).shape.filter((d) => d !== 1).join('x')
    : undefined

interface Facts {
  readonly key: string | undefined
  readonly uses: ReadonlySet<Operation>
  readonly users: { readonly user: Operation; readonly joinable: boolean }[]
  phase: number
}

/** The units of a block in an order that respects what uses what. `kept`: roots that are used after the block. */
export const fuse = (operations: readonly Operation[], kept: ReadonlySet<Variable>): readonly Unit[] => {
  const producer = new Map<Variable, Operation>()
  const facts = new Map<Operation, Facts>()
  const factsOf = (operation: Operation): Facts => facts.get(operation) as Facts
  for (const operation of operations) {
    const uses = new Set<Operation>()
    const key = iterationKey(operation)
    let phase = 0
    forEachUse(operation, (root) => {
      const used = producer.get(root)
      if (used === undefined || uses.has(used)) return
      uses.add(used)
      const other = factsOf(used)
      const joinable = key !== undefined && key === other.key && readsWhole(operation, root)
      other.users.push({ user: operation, joinable })
      phase = Math.max(phase, other.phase + (joinable || other.key === undefined ? 0 : 1))
    })
    facts.set(operation, { key, uses, users: [], phase })
    for (const v of operation.outputs) producer.set(v, operation)
  }
  delay(operations, factsOf, kept)
  return schedule(operations, unite(operations, factsOf), factsOf)
}

const readsWhole = (operation: Operation, root: Variable): boolean =>
  operation.inputs.every((v) => v.root !== root || isWhole(v))

/** An operation that only a later phase of its shape uses joins it, unless that keeps more operands alive than it saves. */
const delay = (
  operations: readonly Operation[],
  factsOf: (operation: Operation) => Facts,
  kept: ReadonlySet<Variable>,
): void => {
  for (const operation of [...operations].reverse()) {
    const own = factsOf(operation)
    const [out] = operation.outputs as [Variable]
    if (own.key === undefined || own.users.length === 0 || kept.has(out)) continue
    if (!own.users.every(({ joinable }) => joinable)) continue
    const large = new Set(operation.inputs.filter((v) => v.size === out.size).map((v) => v.root))
    if (large.size <= 1) own.phase = Math.min(...own.users.map(({ user }) => factsOf(user).phase))
  }
}

const unite = (operations: readonly Operation[], factsOf: (operation: Operation) => Facts): Operation[][] => {
  const open = new Map<string, Operation[]>()
  const units: Operation[][] = []
  for (const operation of operations) {
    const { key, phase } = factsOf(operation)
    const group = key === undefined ? undefined : `${key} ${String(phase)}`
    const unit = group === undefined ? undefined : open.get(group)
    if (unit !== undefined && unit.length < longestGroup) {
      unit.push(operation)
      continue
    }
    const fresh = [operation]
    units.push(fresh)
    if (group !== undefined) open.set(group, fresh)
  }
  return units
}

/** Units in topological order; among those that are ready, the one whose last member stood first. */
const schedule = (
  operations: readonly Operation[],
  units: readonly Operation[][],
  factsOf: (operation: Operation) => Facts,
): Unit[] => {
  const unitOf = new Map<Operation, number>()
  units.forEach((unit, i) => {
    for (const operation of unit) unitOf.set(operation, i)
  })
  const last = new Array<number>(units.length).fill(0)
  operations.forEach((operation, i) => (last[unitOf.get(operation) as number] = i))
  const waiting = units.map(() => 0)
  const users = units.map(() => new Set<number>())
  units.forEach((unit, i) => {
    for (const operation of unit) {
      for (const used of factsOf(operation).uses) {
        const from = unitOf.get(used) as number
        if (from === i || users[from]?.has(i)) continue
        users[from]?.add(i)
        waiting[i] = (waiting[i] as number) + 1
      }
    }
  })
  const byLast = (a: number, b: number): number => (last[a] as number) - (last[b] as number)
  const ready = units
    .map((_, i) => i)
    .filter((i) => waiting[i] === 0)
    .sort(byLast)
  const order: Unit[] = []
  for (let at = ready.shift(); at !== undefined; at = ready.shift()) {
    order.push(units[at] as Operation[])
    for (const user of users[at] as Set<number>) {
      waiting[user] = (waiting[user] as number) - 1
      if (waiting[user] !== 0) continue
      const place = ready.findIndex((other) => byLast(user, other) < 0)
      ready.splice(place < 0 ? ready.length : place, 0, user)
    }
  }
  return order
}
