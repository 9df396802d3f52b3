// Constants: arrays that a traced function closed over, frozen. Each content is kept once, in shared memory, under its SHA-256.
import { createHash } from 'node:crypto'
import { allocate } from '../base/memory.js'
import type { NDArray } from '../base/ndarray.js'
import { constant, constantSources } from '../ir/trace.js'
import { subgraphs } from '../ir/graph.js'
import type { Graph } from '../ir/graph.js'

/** The contents of an array at the time of tracing. */
export interface Constant {
  /** SHA-256 of the bytes, in hexadecimal digits. */
  readonly hash: string
  /** A copy that nobody else holds. */
  readonly data: Float64Array
}

const byArray = new WeakMap<NDArray, Constant>()
const byHash = new Map<string, WeakRef<Constant>>()
const forgotten = new FinalizationRegistry<string>((hash) => {
  if (byHash.get(hash)?.deref() === undefined) byHash.delete(hash)
})

/** The frozen copy of an array, made at the first call. */
export const freeze = (array: NDArray): Constant => {
  const known = byArray.get(array)
  if (known !== undefined) return known
  const { data } = array
  const hash = createHash('sha256')
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex')
  let found = byHash.get(hash)?.deref()
  if (found === undefined) {
    found = { hash, data: ownData(array) }
    byHash.set(hash, new WeakRef(found))
    forgotten.register(found, hash)
  }
  byArray.set(array, found)
  return found
}

/** Numbers in shared memory that nobody changes. What was copied from a user's Float64Array is that already. */
const ownData = (array: NDArray): Float64Array => {
  if (constantSources.has(array)) return array.data
  const copy = allocate(array.size)
  copy.set(array.data)
  return copy
}

/** An array that a user may still change, and what it held when it was traced. */
export interface Watched {
  readonly array: NDArray
  /** Where the user holds the numbers: the NDArray itself, or the Float64Array that it was made from. */
  readonly live: Float64Array
  readonly frozen: Constant
}

/** The constants of a traced graph and of the graphs in it, frozen now. */
export const watch = (graph: Graph): readonly Watched[] => {
  const found = new Map<NDArray, Watched>()
  const visit = (at: Graph): void => {
    for (const node of at.nodes) {
      if (node.op === constant) {
        const { array } = node.attributes as { readonly array: NDArray }
        if (!found.has(array)) {
          found.set(array, { array, live: constantSources.get(array) ?? array.data, frozen: freeze(array) })
        }
      }
      for (const [, inner] of subgraphs(node)) visit(inner)
    }
  }
  visit(graph)
  return [...found.values()]
}
