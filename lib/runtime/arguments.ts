// The arguments of a compiled function: trees of whatever users hold numbers in, read into arrays, with a signature that
// says for which shapes the function must be traced.
import { ArgumentError } from '../base/errors.js'
import { Shared } from '../base/executor.js'
import { NDArray, array, isArrayInput } from '../base/ndarray.js'
import { sameShape } from '../base/shape.js'
import type { Shape } from '../base/shape.js'
import { refuseMark } from '../base/tree.js'
import type { TreeSpec } from '../base/tree.js'
import { isTensor } from '../ir/tensor.js'

/** One array among the arguments. */
export interface Leaf {
  readonly array: NDArray
  readonly shared: boolean
  /** Where it stands: "arguments[0].lambda". */
  readonly path: string
}

export interface Arguments {
  readonly leaves: readonly Leaf[]
  readonly spec: TreeSpec
}

/**
 * Reads arguments. Records are read in alphabetical order of their keys, so that their order makes no difference.
 * @throws {ArgumentError | ShapeError} on what is not an array or a tree of arrays.
 */
export const readArguments = (args: readonly unknown[]): Arguments => {
  const leaves: Leaf[] = []
  const walk = (node: unknown, path: string, shared: boolean): TreeSpec => {
    if (node instanceof Shared) return walk(node.value, path, true)
    if (isArrayInput(node)) {
      leaves.push({ array: array(node), shared, path })
      return { kind: 'leaf' }
    }
    if (Array.isArray(node)) {
      return { kind: 'list', children: node.map((child, i) => walk(child, `${path}[${String(i)}]`, shared)) }
    }
    if (typeof node === 'object' && node !== null && isRecord(node)) {
      const keys = Object.keys(node).sort()
      const record = node as Record<string, unknown>
      return {
        kind: 'record',
        keys,
        children: keys.map((key) => walk(record[key], `${path}.${key}`, shared)),
      }
    }
    refuseMark(node, path)
    throw unreadable(node, path)
  }
  const spec: TreeSpec = {
    kind: 'list',
    children: args.map((arg, i) => walk(arg, `arguments[${String(i)}]`, false)),
  }
  return { leaves, spec }
}

const isRecord = (node: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(node)
  return prototype === Object.prototype || prototype === null
}

const unreadable = (node: unknown, path: string): ArgumentError => {
  if (isTensor(node)) {
    return new ArgumentError(`${path} of a compiled function is a Tensor`, {
      code: 'ERR_TRACE',
      expected: 'numbers',
      remedy: 'Inside a traced function call the function itself, not its compiled form',
    })
  }
  return new ArgumentError(`${path} is not an array`, {
    expected: 'a number, an array, or a record or list of them',
    received:
      node === null
        ? 'null'
        : typeof node === 'object'
          ? (node.constructor?.name ?? 'an object')
          : typeof node,
  })
}

/** The structure of a tree as text, with one entry of `leaves` in the place of each array. */
export const signature = (spec: TreeSpec, leaves: readonly string[]): string => {
  let next = 0
  const walk = (at: TreeSpec): string => {
    if (at.kind === 'leaf') return leaves[next++] as string
    const children = at.children.map(
      (child, i) => (at.kind === 'record' ? `${JSON.stringify(at.keys[i])}:` : '') + walk(child),
    )
    return at.kind === 'record' ? `{${children.join()}}` : `(${children.join()})`
  }
  return walk(spec)
}

/**
 * The fast way to read arguments of one instance when they look like those of the last call: numbers, Float64Arrays and
 * NDArrays of the same shapes, whose numbers are used where they lie.
 */
export class Matcher {
  private readonly spec: TreeSpec
  private readonly shapes: readonly Shape[]
  private readonly scalars: readonly Float64Array[]
  /** The data of each array, after `match` returned true. */
  readonly data: Float64Array[]
  private next = 0

  constructor(spec: TreeSpec, shapes: readonly Shape[]) {
    this.spec = spec
    this.shapes = shapes
    this.scalars = shapes.map((shape) => new Float64Array(shape.length === 0 ? 1 : 0))
    this.data = [...this.scalars]
  }

  match(args: readonly unknown[]): boolean {
    this.next = 0
    return this.walk(args, this.spec)
  }

  private walk(node: unknown, at: TreeSpec): boolean {
    if (at.kind === 'leaf') return this.leaf(node)
    const { children } = at
    if (at.kind === 'list') {
      if (!Array.isArray(node) || node.length !== children.length) return false
      for (let i = 0; i < children.length; i++) if (!this.walk(node[i], children[i] as TreeSpec)) return false
      return true
    }
    if (typeof node !== 'object' || node === null || !isRecord(node)) return false
    let count = 0
    for (const _ in node) count++
    if (count !== at.keys.length) return false
    for (let i = 0; i < children.length; i++) {
      const child = (node as Record<string, unknown>)[at.keys[i] as string]
      if (child === undefined || !this.walk(child, children[i] as TreeSpec)) return false
    }
    return true
  }

  private leaf(node: unknown): boolean {
    const i = this.next++
    const shape = this.shapes[i] as Shape
    if (typeof node === 'number') {
      if (shape.length !== 0) return false
      const own = this.scalars[i] as Float64Array
      own[0] = node
      this.data[i] = own
      return true
    }
    if (node instanceof NDArray) {
      if (!sameShape(node.shape, shape)) return false
      this.data[i] = node.data
      return true
    }
    if (node instanceof Float64Array && shape.length === 1 && node.length === shape[0]) {
      this.data[i] = node
      return true
    }
    return false
  }
}
