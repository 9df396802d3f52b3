// What a module exports, as plain data: a copy, so that nothing that the module does later changes a study.
import type { Flaw, Path } from './fault.js'
import { keyFlaw } from './sourceText.js'
import { limits } from './textLimits.js'

/** A copy of plain data, and what is not plain in it. */
export const plainCopy = (value: unknown): { readonly data: unknown; readonly flaws: readonly Flaw[] } => {
  const flaws: Flaw[] = []
  let values = 0
  const refuse = (path: Path, message: string): undefined => {
    flaws.push({ path, message })
    return undefined
  }
  const copy = (x: unknown, path: Path): unknown => {
    values++
    if (values > limits.values) {
      return values === limits.values + 1
        ? refuse([], `expected at most ${String(limits.values)} values`)
        : undefined
    }
    if (path.length > limits.depth)
      return refuse(path.slice(0, 3), `expected at most ${String(limits.depth)} levels`)
    if (x === null || x === undefined || ['string', 'number', 'boolean'].includes(typeof x)) return x
    if (Array.isArray(x)) return x.map((entry, i) => copy(entry, [...path, i]))
    const prototype: unknown = typeof x === 'object' ? Object.getPrototypeOf(x) : undefined
    if (prototype !== Object.prototype && prototype !== null) {
      const kind = typeof x === 'object' ? 'an object of a class' : `a ${typeof x}`
      return refuse(path, `expected plain data; received ${kind}`)
    }
    return Object.fromEntries(
      Object.entries(x).flatMap(([key, entry]: [string, unknown]) => {
        const wrong = keyFlaw(key, path)
        if (wrong === undefined) return entry === undefined ? [] : [[key, copy(entry, [...path, key])]]
        refuse([...path, key], wrong)
        return []
      }),
    )
  }
  return { data: copy(value, []), flaws }
}
