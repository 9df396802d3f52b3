// Equal operations of one region become one. Tracing has done this within each graph; hoisting brings operations of
// several graphs together.
import type { NDArray } from '../base/ndarray.js'
import { alias, operands } from './region.js'
import type { Operation, Region, Variable } from './region.js'

/** Merges equal operations, in place, in a region and in those inside it. */
export const merge = (region: Region, replaced = new Map<Variable, Variable>()): void => {
  const known = new Map<string, Operation>()
  const current = (v: Variable): Variable => {
    const root = replaced.get(v.root)
    return root === undefined ? v : alias(root, v.shape, v.at)
  }
  region.operations = region.operations.filter((operation) => {
    operation.inputs = operation.inputs.map(current)
    const { scan, regions } = operation
    if (scan !== undefined) {
      scan.sequences = scan.sequences.map(current)
      scan.count = scan.count && current(scan.count)
    }
    for (const inner of regions) merge(inner, replaced)
    if (regions.length > 0) return true
    const key = keyOf(operation)
    const same = known.get(key)
    if (same === undefined) {
      known.set(key, operation)
      return true
    }
    operation.outputs.forEach((v, i) => replaced.set(v, same.outputs[i] as Variable))
    return false
  })
  region.results = region.results.map(current)
}

const contents = new WeakMap<NDArray, string>()
let arrays = 0

/** Constants by identity, but scalars by their number. */
const identity = ({ root, at, shape }: Variable): string => {
  const { constant } = root
  let who = String(root.id)
  if (constant !== undefined) {
    const known =
      contents.get(constant) ??
      (constant.size === 1 ? `=${format(constant.data[0] as number)}` : `#${String(arrays++)}`)
    contents.set(constant, known)
    who = known
  }
  return `${who}+${String(at)}[${shape.join()}]`
}

const format = (x: number): string => (Object.is(x, -0) ? '-0' : String(x))

const keyOf = (operation: Operation): string => {
  const { kernel, attributes, outputs } = operation
  // Operands that broadcast to it leave the shape of a result open.
  const results = outputs.map((v) => `${v.lane ? 'lane' : 'uniform'}[${v.shape.join()}]`).join()
  return `${kernel} ${operands(operation).map(identity).join(' ')} ${JSON.stringify(attributes)} ${results}`
}
