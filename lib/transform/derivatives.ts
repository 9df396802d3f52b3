// grad, jacobian and their kin: small functions on top of jvp, vjp and vmap. They work inside traced functions and nest.
// Where an argument is a record or a list of arrays, so is its derivative.
import { ArgumentError, ShapeError, TraceError, checkOptions } from '../base/errors.js'
import { flatten, flattenLike, refuseMark, unflatten } from '../base/tree.js'
import type { TreeSpec } from '../base/tree.js'
import { formatShape, sizeOf } from '../base/shape.js'
import type { Graph } from '../ir/graph.js'
import type { Tensor } from '../ir/tensor.js'
import { isOperand, tensor, traceGraph } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import { broadcast, eye, matrixTranspose, reshape } from '../ops/movement.js'
import { jvpGraph } from './jvp.js'
import { simplify } from './simplify.js'
import { vjpGraph } from './vjp.js'
import { vmapGraph } from './vmap.js'

/** A function of trees of arrays, traced over the leaves of its arguments. */
interface TracedTree {
  /** Simplified; its last inputs stand for what the function closes over. */
  readonly graph: Graph
  /** Leaves of the arguments, then what the function closes over. */
  readonly inputs: readonly Tensor[]
  readonly argumentCount: number
  readonly inputSpec: TreeSpec
  readonly outputSpec: TreeSpec
}

/** Traces fn(...args) with respect to the leaves of `args`, without applying it. */
const traceTree = (fn: (...args: never[]) => unknown, args: readonly unknown[]): TracedTree => {
  const { leaves, spec: inputSpec } = flatten(args, isOperand, 'arguments')
  const own = leaves.map(tensor)
  let outputSpec: TreeSpec = { kind: 'leaf' }
  const { graph, captured } = traceGraph(
    (inputs) => {
      const result = flatten(
        (fn as (...a: unknown[]) => unknown)(...(unflatten(inputSpec, inputs) as unknown[])),
        isOperand,
        'result',
      )
      outputSpec = result.spec
      return result.leaves
    },
    own.map((t) => t.shape),
  )
  return {
    graph: simplify(graph),
    inputs: [...own, ...captured],
    argumentCount: own.length,
    inputSpec,
    outputSpec,
  }
}

const orZero = (t: Tensor | undefined, like: Tensor): Tensor => t ?? broadcast(0, like.shape)

const wantedArguments = ({ inputs, argumentCount }: TracedTree): boolean[] =>
  inputs.map((_, i) => i < argumentCount)

/**
 * Value and directional derivative: jvp(fn, args, tangents) = [fn(args), J(args) tangents]. `tangents` has the structure
 * of `args`.
 */
export const jvp = <A extends unknown[], R>(fn: (...args: A) => R, args: A, tangents: A): [R, R] => {
  const traced = traceTree(fn, args)
  const given = flattenLike(tangents, traced.inputSpec, isOperand, 'tangents').map(tensor)
  given.forEach((t, i) => {
    const x = traced.inputs[i] as Tensor
    if (formatShape(t.shape) !== formatShape(x.shape)) {
      throw new ShapeError('a tangent has another shape than its argument', {
        expected: formatShape(x.shape),
        received: formatShape(t.shape),
      })
    }
  })
  const pushed = jvpGraph(
    traced.graph,
    traced.inputs,
    traced.inputs.map((_, i) => given[i]),
  )
  const moved = pushed.tangents.map((t, i) => orZero(t, pushed.outputs[i] as Tensor))
  return [unflatten(traced.outputSpec, pushed.outputs) as R, unflatten(traced.outputSpec, moved) as R]
}

/**
 * Value and pullback: vjp(fn, args) = [fn(args), v ↦ Jᵀ(args) v]. The cotangent has the structure of the result, the
 * pullback gives a list with one entry an argument.
 */
export const vjp = <A extends unknown[], R>(fn: (...args: A) => R, args: A): [R, (cotangent: R) => A] => {
  const traced = traceTree(fn, args)
  const { outputs, pull } = vjpGraph(traced.graph, traced.inputs, wantedArguments(traced))
  const pullback = (cotangent: R): A => {
    const given = flattenLike(cotangent, traced.outputSpec, isOperand, 'cotangent').map((v, i) =>
      broadcast(v, (outputs[i] as Tensor).shape),
    )
    const pulled = pull(given).slice(0, traced.argumentCount)
    return unflatten(
      traced.inputSpec,
      pulled.map((v, i) => orZero(v, traced.inputs[i] as Tensor)),
    ) as A
  }
  return [unflatten(traced.outputSpec, outputs) as R, pullback]
}

const scalar = (value: unknown, what: string): Tensor => {
  refuseMark(value, 'result')
  if (!isOperand(value))
    throw new ArgumentError(`${what} needs a function with one scalar result`, { received: 'a tree' })
  const t = tensor(value)
  if (t.rank !== 0) {
    throw new ShapeError(`${what} needs a scalar function`, {
      expected: 'a result of shape []',
      received: formatShape(t.shape),
      remedy: 'Sum the result, or use jacobian or vjp',
    })
  }
  return t
}

/** [fn(x, ...rest), ∇ₓ fn(x, ...rest)] of a scalar function; the gradient has the structure of x. */
export const valueAndGrad =
  <X, R extends unknown[]>(fn: (x: X, ...rest: R) => Operand): ((x: X, ...rest: R) => [Tensor, X]) =>
  (x, ...rest) => {
    const [value, pullback] = vjp((y: X) => scalar(fn(y, ...rest), 'grad'), [x])
    return [value, pullback(broadcast(1, []))[0]]
  }

/** ∇ₓ fn(x, ...rest) of a scalar function; it has the structure of x. */
export const grad =
  <X, R extends unknown[]>(fn: (x: X, ...rest: R) => Operand): ((x: X, ...rest: R) => X) =>
  (x, ...rest) =>
    valueAndGrad(fn)(x, ...rest)[1]

export interface VmapOptions {
  /** For each argument: 0 where all of its arrays carry the batch as axis 0 (default), null where it is shared. */
  readonly in?: 0 | readonly (0 | null)[]
}

/** fn on a batch: every array of a batched argument and of the result carries it as axis 0. */
export const vmap =
  <A extends unknown[], R>(fn: (...args: A) => R, options: VmapOptions = {}): ((...args: A) => R) =>
  (...args) => {
    checkOptions('vmap', options, ['in'])
    const axes: readonly unknown[] = Array.isArray(options.in) ? options.in : [options.in ?? 0]
    if (
      axes.some((axis) => axis !== 0 && axis !== null) ||
      (Array.isArray(options.in) && axes.length !== args.length)
    ) {
      throw new ArgumentError('vmap: option in', {
        expected: `0, or a list of ${String(args.length)} entries 0 or null, one an argument`,
        received: JSON.stringify(options.in),
      })
    }
    const flagOf = (i: number): boolean =>
      Array.isArray(options.in) ? (options.in as readonly (0 | null)[])[i] !== null : true
    const lists = args.map((argument) => flatten(argument, isOperand, 'argument'))
    const flags = lists.flatMap(({ leaves }, i) => leaves.map(() => flagOf(i)))
    const given = lists.flatMap(({ leaves }) => leaves.map(tensor))
    const sizes = new Set(given.filter((_, i) => flags[i]).map((t) => t.shape[0]))
    const [size] = sizes
    if (sizes.size !== 1 || size === undefined) {
      throw new ShapeError('vmap: batched arguments differ in their first axis', {
        expected: 'one common size of axis 0',
        received:
          given
            .filter((_, i) => flags[i])
            .map((t) => formatShape(t.shape))
            .join(', ') || 'no batched argument',
      })
    }
    let outputSpec: TreeSpec = { kind: 'leaf' }
    const { graph, captured } = traceGraph(
      (inputs) => {
        const tree = unflatten({ kind: 'list', children: lists.map((list) => list.spec) }, inputs) as A
        const result = flatten(fn(...tree), isOperand, 'result')
        outputSpec = result.spec
        return result.leaves
      },
      given.map((t, i) => (flags[i] ? t.shape.slice(1) : t.shape)),
    )
    const out = vmapGraph(
      simplify(graph),
      [...given, ...captured],
      [...flags, ...captured.map(() => false)],
      size,
    )
    const stacked = out.outputs.map((t, i) => (out.batched[i] ? t : broadcast(t, [size, ...t.shape])))
    return unflatten(outputSpec, stacked) as R
  }

export interface JacobianOptions {
  /** 'forward' costs one jvp an input, 'reverse' one vjp an output. Default: whichever is fewer. */
  readonly mode?: 'forward' | 'reverse'
}

/** ∂fn/∂x of a function of one array with one array as result: shape [...result, ...x]. */
export const jacobian =
  (fn: (x: Tensor) => Operand, options: JacobianOptions = {}): ((x: Operand) => Tensor) =>
  (operand) => {
    checkOptions('jacobian', options, ['mode'])
    if (options.mode !== undefined && !['forward', 'reverse'].includes(options.mode)) {
      throw new ArgumentError('jacobian: option mode', {
        expected: "'forward' or 'reverse'",
        received: String(options.mode),
      })
    }
    const x = tensor(operand)
    const traced = traceTree((y: Tensor) => tensor(fn(y)), [x])
    const outShape = (traced.graph.outputs[0] as { shape: readonly number[] }).shape
    const [n, m] = [sizeOf(x.shape), sizeOf(outShape)]
    const mode = options.mode ?? (n <= m ? 'forward' : 'reverse')
    const basis = (size: number, shape: readonly number[]): Tensor => reshape(eye(size), [size, ...shape])
    const rest = traced.inputs.slice(1)
    if (mode === 'forward') {
      const columns = vmap((t: Tensor) => {
        const { outputs, tangents } = jvpGraph(traced.graph, [x, ...rest], [t])
        return orZero(tangents[0], outputs[0] as Tensor)
      })(basis(n, x.shape))
      return reshape(matrixTranspose(reshape(columns, [n, m])), [...outShape, ...x.shape])
    }
    const rows = vmap((v: Tensor) => {
      const pulled = vjpGraph(traced.graph, [x, ...rest], wantedArguments(traced)).pull([v])
      return orZero(pulled[0], x)
    })(basis(m, outShape))
    return reshape(rows, [...outShape, ...x.shape])
  }

/** ∇² fn(x) v of a scalar function, without forming the Hessian. */
export const hvp = (fn: (x: Tensor) => Operand, x: Operand, v: Operand): Tensor =>
  jvp((y: Tensor) => grad((z: Tensor) => fn(z))(y), [tensor(x)], [tensor(v)])[1]

/** ∇² fn(x) of a scalar function: shape [...x, ...x]. */
export const hessian =
  (fn: (x: Tensor) => Operand): ((x: Operand) => Tensor) =>
  (operand) => {
    const x = tensor(operand)
    const n = sizeOf(x.shape)
    if (x.shape.some((d) => d === 0))
      throw new TraceError('the Hessian of a function of nothing', { received: formatShape(x.shape) })
    // Symmetric, so rows of pushed-forward gradients need no transpose.
    const rows = vmap((v: Tensor) => hvp(fn, x, v))(reshape(eye(n), [n, ...x.shape]))
    return reshape(rows, [...x.shape, ...x.shape])
  }
