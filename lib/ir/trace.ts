// Tracing: a function is called once with symbolic Tensors and leaves a Graph. Tensors of an enclosing trace that it
// uses are lifted to extra inputs, so that every graph is closed.
import { fileURLToPath } from 'node:url'
import { OnestepError, ShapeError, TraceError } from '../base/errors.js'
import { array, isArrayInput } from '../base/ndarray.js'
import type { ArrayInput, NDArray } from '../base/ndarray.js'
import type { Shape } from '../base/shape.js'
import { formatShape } from '../base/shape.js'
import { refuseMark } from '../base/tree.js'
import { newValue } from './graph.js'
import type { Graph, Node, Report, ReportKind, Value } from './graph.js'
import { defineOp } from './op.js'
import type { Op } from './op.js'
import { Tensor, isTensor } from './tensor.js'

/** Whatever stands for an array inside a traced function. */
export type Operand = Tensor | ArrayInput

/** The trees that may be given where a function takes a tree of Tensors: any operand in the place of a Tensor. */
export type Operands<T> = T extends Tensor
  ? Operand
  : T extends readonly (infer U)[]
    ? readonly Operands<U>[]
    : T extends object
      ? { readonly [K in keyof T]: Operands<T[K]> }
      : T

/** One graph under construction. */
export class Trace {
  readonly parent: Trace | undefined
  readonly inputs: Value[] = []
  readonly nodes: Node[] = []
  readonly reports: Report[] = []
  /** Tensors of enclosing traces that were lifted, in order, and what stands for them here. */
  readonly captures = new Map<Tensor, Tensor>()
  protected readonly constants = new Map<NDArray | number | '-0', Tensor>()

  constructor(parent: Trace | undefined = current) {
    this.parent = parent
  }

  encloses(other: Trace): boolean {
    for (let at: Trace | undefined = other; at !== undefined; at = at.parent) if (at === this) return true
    return false
  }

  /** The Tensor of this trace that stands for `tensor`, which may belong to an enclosing trace. */
  lift(tensor: Tensor): Tensor {
    if (tensor.trace === this) return tensor
    const known = this.captures.get(tensor)
    if (known !== undefined) return known
    if (!tensor.trace.encloses(this)) {
      throw new TraceError('a Tensor was used outside the function in which it was made', {
        expected: 'a Tensor of this function or of one around it',
        received: `a Tensor of shape ${formatShape(tensor.shape)} of another function`,
        remedy: 'Return it from its function instead of keeping it in a variable',
      })
    }
    const inner = new Tensor(this, newValue(tensor.shape))
    this.captures.set(tensor, inner)
    return inner
  }

  constant(source: NDArray | number): Tensor {
    // A Map takes −0 for 0.
    const key = Object.is(source, -0) ? '-0' : source
    const known = this.constants.get(key)
    if (known !== undefined) return known
    const [tensor] = this.apply(constant, [], { array: typeof source === 'number' ? array(source) : source })
    this.constants.set(key, tensor as Tensor)
    return tensor as Tensor
  }

  apply(op: Op, inputs: readonly Tensor[], attributes: object): Tensor[] {
    const lifted = inputs.map((input) => this.lift(input))
    let shapes: readonly Shape[]
    try {
      shapes = op.shapes(
        lifted.map((input) => input.shape),
        attributes,
      )
    } catch (error) {
      throw error instanceof ShapeError ? named(op, lifted, error) : error
    }
    const outputs = shapes.map(newValue)
    this.nodes.push({
      op,
      inputs: lifted.map((input) => input.value),
      attributes,
      outputs,
    })
    return outputs.map((value) => new Tensor(this, value))
  }
}

/** Where the user's code called into the library: the first frame outside of it that has a place, or undefined. */
export const userFrame = (stack: string | undefined): string | undefined =>
  stack
    ?.split('\n')
    .map((line) => line.trim())
    .find((line) => /^at .*:\d+:\d+\)?$/.test(line) && !foreign.some((root) => line.includes(root)))
    ?.slice(3)

// Frames of this library name its files as URLs, or as paths of the sources where source maps are on.
const library = new URL('..', import.meta.url)
const libraryPath = fileURLToPath(library)
const foreign = ['node:internal', library.href, libraryPath, libraryPath.replace(/dist(.)lib.$/, 'lib$1')]

/** The error with the op and the shapes that it was given. */
const named = (op: Op, inputs: readonly Tensor[], error: ShapeError): ShapeError =>
  error.retold({
    what: `${op.name}(${inputs.map((input) => formatShape(input.shape)).join(', ')}): ${error.what}`,
  })

/** The error with the user's file and line, which is told once, by the innermost traced function. */
const located = (error: OnestepError): OnestepError => {
  const where = error.where ?? userFrame(error.stack)
  return where === undefined || where === error.where ? error : error.retold({ where })
}

let current: Trace | undefined

/** The trace that is being built. */
export const currentTrace = (): Trace => {
  if (current === undefined) {
    throw new TraceError('an op was applied outside a traced function', {
      expected: 'a function given to compile, grad, solve or another transform',
      remedy: 'NDArrays have no arithmetic: write const f = compile(fn) and call f',
    })
  }
  return current
}

export const isTracing = (): boolean => current !== undefined

/** Whether x is one operand, rather than a record or list of operands. */
export const isOperand = (x: unknown): x is Operand => isTensor(x) || isArrayInput(x)

/** A Tensor of the current trace; numbers, nested lists and NDArrays become constants. */
export const tensor = (operand: Operand): Tensor => {
  const trace = currentTrace()
  if (isTensor(operand)) return trace.lift(operand)
  if (typeof operand === 'number') return trace.constant(operand)
  if (isArrayInput(operand) || Array.isArray(operand)) return trace.constant(constantOf(operand))
  refuseMark(operand, 'an operand')
  throw new TraceError('an operand is not an array', {
    expected: 'a Tensor, an NDArray, a number, nested lists or a Float64Array',
    received: operand === null ? 'null' : typeof operand,
  })
}

/** Constants by the object the user closed over, so that one array is copied and hashed once. */
const constantArrays = new WeakMap<object, NDArray>()
const constantOf = (source: Exclude<ArrayInput, number>): NDArray => {
  const known = constantArrays.get(source)
  if (known !== undefined) return known
  const made = array(source)
  constantArrays.set(source, made)
  if (source instanceof Float64Array) constantSources.set(made, source)
  if (Array.isArray(source)) freezeLists(source)
  return made
}

/** Nested lists that were traced are frozen, so that changing them is an error at the line that tries. */
const freezeLists = (list: readonly unknown[]): void => {
  Object.freeze(list)
  for (const entry of list) if (Array.isArray(entry)) freezeLists(entry)
}

/** The user's own Float64Array behind an NDArray constant that was copied from it. */
export const constantSources = new WeakMap<NDArray, Float64Array>()

/** An array that the function closes over. */
export const constant = defineOp<{ readonly array: NDArray }>({
  name: 'constant',
  shapes: (_, { array }) => [array.shape],
  jvp: () => [undefined],
  vjp: () => [],
  vmap: (_, __, { array }) => ({ outputs: [currentTrace().constant(array)], batched: [false] }),
})

/** Applies an op to operands in the current trace. */
export const apply = <A extends object>(op: Op<A>, inputs: readonly Operand[], attributes: A): Tensor[] =>
  currentTrace().apply(op as Op, inputs.map(tensor), attributes)

/** Applies an op with one output. */
export const apply1 = <A extends object>(op: Op<A>, inputs: readonly Operand[], attributes: A): Tensor =>
  apply(op, inputs, attributes)[0] as Tensor

/** Notes a fact about the instance; see `Report`. */
export const report = (kind: ReportKind, value: Operand): void => {
  currentTrace().reports.push({ kind, value: tensor(value).value })
}

/** A traced function: its graph, whose last inputs stand for `captured`, Tensors of enclosing traces. */
export interface Traced {
  readonly graph: Graph
  readonly captured: readonly Tensor[]
}

/**
 * Calls `fn` once with Tensors of the given shapes. `trace` may be a subclass that rewrites what is applied.
 */
export const traceGraph = (
  fn: (inputs: Tensor[]) => readonly Operand[],
  shapes: readonly Shape[],
  trace: Trace = new Trace(),
): Traced => {
  const outer = current
  const limit = Error.stackTraceLimit
  current = trace
  Error.stackTraceLimit = Math.max(limit, 32)
  try {
    const inputs = shapes.map((shape) => new Tensor(trace, newValue(shape)))
    const outputs = fn(inputs).map((output) => tensor(output).value)
    const own = inputs.map((input) => input.value)
    const lifted = [...trace.captures.values()].map((input) => input.value)
    return {
      graph: { inputs: [...own, ...lifted], nodes: trace.nodes, outputs, reports: trace.reports },
      captured: [...trace.captures.keys()],
    }
  } catch (error) {
    if (
      error instanceof RangeError &&
      !(error instanceof OnestepError) &&
      /call stack/i.test(error.message)
    ) {
      throw new TraceError('tracing recursed without end', {
        remedy: 'A traced function must not call itself unconditionally: use iterate, scan or whileLoop',
        cause: error,
      })
    }
    throw error instanceof OnestepError ? located(error) : error
  } finally {
    current = outer
    Error.stackTraceLimit = limit
  }
}

/** Traces several functions so that all of their graphs take the same captured Tensors as last inputs. */
export const traceTogether = (
  parts: readonly {
    readonly fn: (inputs: Tensor[]) => readonly Operand[]
    readonly shapes: readonly Shape[]
  }[],
): { readonly graphs: readonly Graph[]; readonly captured: readonly Tensor[] } => {
  const traced = parts.map(({ fn, shapes }) => traceGraph(fn, shapes))
  const captured = [...new Set(traced.flatMap((part) => part.captured))]
  const graphs = traced.map(({ graph, captured: own }) => {
    const ownCount = graph.inputs.length - own.length
    const lifted = captured.map((outer) => {
      const at = own.indexOf(outer)
      return at < 0 ? newValue(outer.shape) : (graph.inputs[ownCount + at] as Value)
    })
    return { ...graph, inputs: [...graph.inputs.slice(0, ownCount), ...lifted] }
  })
  return { graphs, captured }
}

/** Replays a graph in the current trace, node by node; `visit` sees each node with its new inputs and outputs. */
export const inline = (
  graph: Graph,
  inputs: readonly Operand[],
  visit?: (node: Node, inputs: readonly Tensor[], outputs: readonly Tensor[]) => void,
): Tensor[] => {
  const env = new Map<Value, Tensor>()
  graph.inputs.forEach((value, i) => env.set(value, tensor(inputs[i] as Operand)))
  const read = (value: Value): Tensor => env.get(value) as Tensor
  for (const node of graph.nodes) {
    const args = node.inputs.map(read)
    const results =
      node.op === constant
        ? [tensor((node.attributes as { array: NDArray }).array)]
        : apply(node.op as Op<object>, args, node.attributes)
    node.outputs.forEach((value, i) => env.set(value, results[i] as Tensor))
    visit?.(node, args, results)
  }
  for (const { kind, value } of graph.reports) report(kind, read(value))
  return graph.outputs.map(read)
}
