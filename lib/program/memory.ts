// The memory plan: where in an arena each variable of a stage lies.
//
// Variables are placed in the order of definition, each in the smallest gap that is free for all of its life. A variable may
// take over the place of an operand that dies where it is made, if the kernel works in place.
import { Lives } from './liveness.js'
import type { Body, Life } from './liveness.js'
import type { Variable } from './region.js'

/** Offsets of roots in elements, and how many elements the arena needs. */
export interface Placement {
  readonly offsets: ReadonlyMap<Variable, number>
  readonly size: number
}

/** A place that is taken. */
interface Taken {
  readonly root: Variable
  readonly life: Life
  readonly offset: number
  readonly size: number
}

/** Places the variables of a stage, lane or uniform; sizes are rounded up to multiples of `grain` elements. */
export const place = (body: Body, lane: boolean, grain: number): Placement => {
  const plan = new Lives(body, lane)
  const places = new Map<Variable, number>()
  // Sorted by offset; what has died is dropped when the first of them has.
  let taken: Taken[] = []
  let firstEnd = Infinity
  let size = 0
  const byStart = [...plan.lives.entries()].sort(([, a], [, b]) => a.start - b.start)
  for (const [root, life] of byStart) {
    if (firstEnd < life.start) {
      taken = taken.filter((other) => other.life.end >= life.start)
      firstEnd = taken.reduce((first, other) => Math.min(first, other.life.end), Infinity)
    }
    const need = Math.ceil(life.size / grain) * grain
    const given = takeOver(plan, root, life, taken)
    const { offset, position } = given ?? gap(taken, need)
    places.set(root, offset)
    if (need === 0) continue
    taken.splice(position, given === undefined ? 0 : 1, { root, life, offset, size: need })
    firstEnd = Math.min(firstEnd, life.end)
    size = Math.max(size, offset + need)
  }
  const offsets = new Map(places)
  for (const pair of body.merged) {
    for (const v of pair) {
      const offset = places.get(plan.find(v.root))
      if (offset !== undefined) offsets.set(v.root, offset)
    }
  }
  return { offsets, size }
}

interface Spot {
  readonly offset: number
  /** Where it stands among the places that are taken. */
  readonly position: number
}

/** The place of a dying operand that the new variable may take. */
const takeOver = (plan: Lives, root: Variable, life: Life, taken: readonly Taken[]): Spot | undefined => {
  const chance = plan.inPlace.get(root)
  if (chance === undefined || chance.time !== life.start || life.size === 0) return undefined
  const position = taken.findIndex(
    (other) =>
      other.life.end === life.start && other.life.size === life.size && chance.sources.includes(other.root),
  )
  return position < 0 ? undefined : { offset: (taken[position] as Taken).offset, position }
}

/** The smallest gap between the places that are taken that holds `need` elements. */
const gap = (taken: readonly Taken[], need: number): Spot => {
  if (need === 0) return { offset: 0, position: 0 }
  let best: Spot | undefined
  let bestSize = Infinity
  let from = 0
  taken.forEach(({ offset, size }, position) => {
    const free = offset - from
    if (free >= need && free < bestSize) {
      best = { offset: from, position }
      bestSize = free
    }
    from = Math.max(from, offset + size)
  })
  return best ?? { offset: from, position: taken.length }
}
