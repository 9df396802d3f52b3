// Trees of arrays: records and lists whose leaves are arrays. A leaf is whatever `isLeaf` says. Imports errors.
import { ArgumentError } from './errors.js'

/** A leaf, a list of trees, or a record of trees. */
export type Tree<L> = L | readonly Tree<L>[] | { readonly [key: string]: Tree<L> }

/** The structure of a tree without its leaves. Record keys keep the order in which they were written. */
export type TreeSpec =
  | { readonly kind: 'leaf' }
  | { readonly kind: 'list'; readonly children: readonly TreeSpec[] }
  | { readonly kind: 'record'; readonly keys: readonly string[]; readonly children: readonly TreeSpec[] }

const LEAF: TreeSpec = { kind: 'leaf' }

/** A mark on a tree, such as `shared`. It has a meaning in one place, and is refused anywhere else. */
export abstract class Mark<T> {
  readonly value: T
  /** The name of the function that sets it. */
  abstract readonly mark: string
  /** Where it may stand. */
  abstract readonly place: string

  constructor(value: T) {
    this.value = value
  }
}

/** Refuses a mark where it has no meaning. */
export const refuseMark = (node: unknown, path: string): void => {
  if (!(node instanceof Mark)) return
  throw new ArgumentError(`${path} is marked as ${node.mark}, which has no meaning here`, {
    code: 'ERR_MARK',
    expected: `${node.mark}() on ${node.place}`,
    remedy: 'Take the mark away here, and set it there',
  })
}

const noMark = (_: unknown): _ is never => false

/**
 * Leaves in depth-first order, and the structure that puts them back. Where `isMark` is given, such marks are taken off,
 * and `marks` has the innermost one around each leaf.
 */
export const flatten = <L, M extends Mark<unknown> = never>(
  tree: unknown,
  isLeaf: (x: unknown) => x is L,
  what = 'tree',
  isMark: (x: unknown) => x is M = noMark,
): { leaves: L[]; marks: (M | undefined)[]; spec: TreeSpec } => {
  const leaves: L[] = []
  const marks: (M | undefined)[] = []
  const walk = (node: unknown, path: string, mark?: M): TreeSpec => {
    if (isMark(node)) return walk(node.value, path, node)
    if (isLeaf(node)) {
      leaves.push(node)
      marks.push(mark)
      return LEAF
    }
    if (Array.isArray(node)) {
      return { kind: 'list', children: node.map((child, i) => walk(child, `${path}[${String(i)}]`, mark)) }
    }
    refuseMark(node, path)
    if (
      typeof node === 'object' &&
      node !== null &&
      [Object.prototype, null].includes(Object.getPrototypeOf(node) as null)
    ) {
      const keys = Object.keys(node)
      const record = node as Record<string, unknown>
      return { kind: 'record', keys, children: keys.map((key) => walk(record[key], `${path}.${key}`, mark)) }
    }
    throw new ArgumentError(`${path} is not an array`, {
      expected: 'a number, an array, or a record or list of them',
      received:
        node === null
          ? 'null'
          : typeof node === 'object'
            ? (node.constructor?.name ?? 'object')
            : typeof node,
      remedy: 'Use plain objects and lists of arrays, and pass anything else by closing over it',
    })
  }
  const spec = walk(tree, what)
  return { leaves, marks, spec }
}

/** The tree of this structure with these leaves. */
export const unflatten = <L>(spec: TreeSpec, leaves: readonly L[]): Tree<L> => {
  let next = 0
  const build = (at: TreeSpec): Tree<L> => {
    switch (at.kind) {
      case 'leaf':
        return leaves[next++] as L
      case 'list':
        return at.children.map(build)
      case 'record':
        return Object.fromEntries(at.keys.map((key, i) => [key, build(at.children[i] as TreeSpec)]))
    }
  }
  return build(spec)
}

/** How many leaves a structure has. */
export const leafCount = (spec: TreeSpec): number =>
  spec.kind === 'leaf' ? 1 : spec.children.reduce((n, child) => n + leafCount(child), 0)

/** The path of every leaf, such as "theta.lambda" or "x[0]", for messages and column names. */
export const leafPaths = (spec: TreeSpec, root = ''): string[] => {
  switch (spec.kind) {
    case 'leaf':
      return [root]
    case 'list':
      return spec.children.flatMap((child, i) => leafPaths(child, `${root}[${String(i)}]`))
    case 'record':
      return spec.children.flatMap((child, i) =>
        leafPaths(child, root === '' ? (spec.keys[i] as string) : `${root}.${spec.keys[i] as string}`),
      )
  }
}

const order = (spec: Extract<TreeSpec, { kind: 'record' }>): number[] =>
  spec.keys.map((_, i) => i).sort((i, j) => ((spec.keys[i] as string) < (spec.keys[j] as string) ? -1 : 1))

/**
 * The leaves of `tree` in the order of `spec`: records match by key, whatever order their keys were written in.
 * @throws {ArgumentError} when the structure differs, naming the first place.
 */
export const flattenLike = <L>(
  tree: unknown,
  spec: TreeSpec,
  isLeaf: (x: unknown) => x is L,
  what = 'tree',
): L[] => {
  const leaves: L[] = []
  const walk = (node: unknown, at: TreeSpec, path: string): void => {
    refuseMark(node, path)
    if (at.kind === 'leaf') {
      if (!isLeaf(node)) throw mismatch(path, 'an array', node)
      leaves.push(node)
    } else if (at.kind === 'list') {
      if (!Array.isArray(node) || node.length !== at.children.length) {
        throw mismatch(path, `a list of ${String(at.children.length)}`, node)
      }
      at.children.forEach((child, i) => {
        walk(node[i], child, `${path}[${String(i)}]`)
      })
    } else {
      if (typeof node !== 'object' || node === null || isLeaf(node) || Array.isArray(node)) {
        throw mismatch(path, `a record of ${at.keys.join(', ')}`, node)
      }
      const record = node as Record<string, unknown>
      const unknown = Object.keys(record).find((key) => !at.keys.includes(key))
      const missing = at.keys.find((key) => !(key in record))
      if (unknown !== undefined || missing !== undefined) {
        throw mismatch(path, `exactly the keys ${at.keys.join(', ')}`, node, unknown, missing)
      }
      at.children.forEach((child, i) => {
        walk(record[at.keys[i] as string], child, `${path}.${at.keys[i] as string}`)
      })
    }
  }
  walk(tree, spec, what)
  return leaves
}

const mismatch = (
  path: string,
  expected: string,
  node: unknown,
  unknown?: string,
  missing?: string,
): ArgumentError =>
  new ArgumentError(`${path} has another structure`, {
    code: 'ERR_STRUCTURE',
    expected,
    received:
      unknown !== undefined
        ? `the unknown key "${unknown}"`
        : missing !== undefined
          ? `no key "${missing}"`
          : Array.isArray(node)
            ? `a list of ${String(node.length)}`
            : node === null
              ? 'null'
              : typeof node === 'object'
                ? (node.constructor?.name ?? 'a record')
                : typeof node,
    remedy: 'Give the same lists and keys, whatever the order of the keys',
  })

/** Whether two structures are the same up to the order of record keys. */
export const sameStructure = (a: TreeSpec, b: TreeSpec): boolean => {
  if (a.kind === 'leaf' || b.kind === 'leaf') return a.kind === b.kind
  if (a.kind !== b.kind || a.children.length !== b.children.length) return false
  if (a.kind === 'list' || b.kind === 'list') {
    return a.children.every((child, i) => sameStructure(child, b.children[i] as TreeSpec))
  }
  const [p, q] = [order(a), order(b)]
  return p.every(
    (i, k) =>
      a.keys[i] === b.keys[q[k] as number] &&
      sameStructure(a.children[i] as TreeSpec, b.children[q[k] as number] as TreeSpec),
  )
}
