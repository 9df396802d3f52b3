// compile: a function of Tensors becomes a function of numbers. It is traced once for each set of shapes, lowered once for
// each choice of what is shared, and run natively or by the interpreter.
import { ArgumentError, OnestepError, ShapeError, checkOptions } from '../base/errors.js'
import { Summed } from '../base/executor.js'
import type { Results, Shared } from '../base/executor.js'
import type { ArrayInput, NDArray } from '../base/ndarray.js'
import { formatShape, sizeOf } from '../base/shape.js'
import type { Shape } from '../base/shape.js'
import { flatten, unflatten } from '../base/tree.js'
import type { TreeSpec } from '../base/tree.js'
import type { Graph } from '../ir/graph.js'
import type { Tensor } from '../ir/tensor.js'
import { isOperand, isTracing, traceGraph } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import { watch } from '../program/constants.js'
import type { Watched } from '../program/constants.js'
import { explain } from '../program/explain.js'
import type { Explanation } from '../program/explain.js'
import { checkLanes, lower } from '../program/lower.js'
import type { Program } from '../program/lower.js'
import { prepareForLowering } from '../transform/simplify.js'
import { Matcher, readArguments, signature } from './arguments.js'
import type { Arguments, Leaf } from './arguments.js'
import { backends } from './backends.js'
import type { Loaded } from './backends.js'
import { batchResults, singleResult } from './results.js'
import type { Meaning, Result } from './results.js'

/** What may be given where the traced function takes T: anything that holds numbers in the place of a Tensor. */
export type Numbers<T> = [T] extends [Tensor]
  ? ArrayInput
  : T extends readonly unknown[]
    ? { readonly [K in keyof T]: Numbers<T[K]> }
    : T extends object
      ? { readonly [K in keyof T]: Numbers<T[K]> }
      : T

/** The same for a batch: arrays with a leading axis of instances, or marked as shared. */
export type Batch<T> =
  | Shared<Numbers<T>>
  | ([T] extends [Tensor]
      ? ArrayInput
      : T extends readonly unknown[]
        ? { readonly [K in keyof T]: Batch<T[K]> }
        : T extends object
          ? { readonly [K in keyof T]: Batch<T[K]> }
          : T)

/** What comes back where the traced function returns R: L in the place of a Tensor, and no mark. */
export type Returned<R, L> =
  R extends Summed<infer V>
    ? Returned<V, L>
    : [R] extends [Operand]
      ? L
      : R extends readonly unknown[]
        ? { readonly [K in keyof R]: Returned<R[K], L> }
        : R extends object
          ? { readonly [K in keyof R]: Returned<R[K], L> }
          : L

export interface CompileOptions {
  /** Lanes a tile of a batch: 1, a multiple of 8, or the choice of the cost model. Default 'auto'. */
  readonly lanes?: number | 'auto'
  /** 'native' (default), or 'interpreter': plain TypeScript, slow, without the addon. */
  readonly backend?: 'native' | 'interpreter'
  /** Bytes that hoisting may keep for each lane of a loop. Default 64 MiB. */
  readonly hoistBudgetBytes?: number
}

/** A compiled function. All of its methods take trees of numbers in the shapes that the traced function expects. */
export interface Compiled<A extends readonly unknown[], R> {
  /**
   * Computes one instance.
   * @throws {OnestepError} `ERR_CONSTANT_CHANGED` when an array that the function closed over is no longer what it was.
   */
  (...args: { readonly [K in keyof A]: Numbers<A[K]> }): Result<Returned<R, number | NDArray>>
  /**
   * Computes a batch: every array has a leading axis of instances, but for what is marked with `shared`.
   * @throws {ShapeError} when the numbers of instances differ, naming the argument.
   */
  batch(...args: { readonly [K in keyof A]: Batch<A[K]> }): Results<Returned<R, NDArray>>
  /** The traced graph, for arguments in the shapes of one instance. */
  graph(...args: { readonly [K in keyof A]: Batch<A[K]> }): Graph
  /** The Program that `batch` runs, for arguments in the shapes of one instance, of which some may be shared. */
  lower(...args: { readonly [K in keyof A]: Batch<A[K]> }): Program
  /** What that Program does and costs. */
  explain(...args: { readonly [K in keyof A]: Batch<A[K]> }): Explanation
}

/**
 * Compiles a function of Tensors, or of trees (records and lists) of Tensors, that returns such a tree. A list of
 * numbers is one array; a list that holds arrays or records is a list of trees.
 */
export const compile = <A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  options: CompileOptions = {},
): Compiled<A, R> => {
  const compiler = new Compiler(fn as unknown as (...args: unknown[]) => unknown, options)
  const single = (...args: readonly unknown[]): Result => compiler.single(args)
  registerJobs(single, compiler)
  return Object.assign(single, {
    batch: (...args: readonly unknown[]) => compiler.batch(args),
    graph: (...args: readonly unknown[]) => compiler.graph(args),
    lower: (...args: readonly unknown[]) => compiler.lower(args),
    explain: (...args: readonly unknown[]) => explain(compiler.lower(args)),
  }) as unknown as Compiled<A, R>
}

/** What makes jobs: the compiler of a function, or a Program that was stored. */
export interface JobSource {
  job(args: readonly unknown[]): Job
  /** The same function, with some options changed. */
  with(options: CompileOptions): JobSource
}

/** The compilers of functions, of what `compile` returned, and of stored programs. */
const compilers = new WeakMap<object, Map<string, JobSource>>()

/** From now on `fn` is run as `source` says. */
export const registerJobs = (fn: object, source: JobSource): void => {
  compilers.set(fn, new Map([['', source]]))
}

/**
 * What makes the jobs of a function, the same each time; a function that is compiled already has it.
 * @throws {ArgumentError} when it is no function
 */
export const jobsOf = (fn: unknown, options: CompileOptions = {}): JobSource => {
  const key = Object.keys(options).length === 0 ? '' : JSON.stringify(options)
  if (typeof fn !== 'function') return new Compiler(fn as never, options)
  const known = compilers.get(fn) ?? new Map<string, JobSource>()
  compilers.set(fn, known)
  return remember(known, key, () => {
    const compiled = known.get('')
    return compiled === undefined
      ? new Compiler(fn as (...args: unknown[]) => unknown, options)
      : compiled.with(options)
  })
}

/** A function traced for one set of shapes. */
export interface Traced {
  readonly graph: Graph
  readonly prepared: Graph
  /** The structure and the shapes of what it returns, and which of that is summed. */
  readonly results: Omit<Meaning, 'reports'>
  readonly watched: readonly Watched[]
}

/** A program that is ready to run. */
export interface Ready {
  /** Arrays that the function closed over, which must not have changed since. */
  readonly watched: readonly Watched[]
  readonly program: Program
  readonly meaning: Meaning
  readonly loaded: Loaded
}

/** A batch that is ready to run: its program, the numbers of its inputs, and how many instances it has. */
export interface Job {
  readonly ready: Ready
  readonly inputs: readonly Float64Array[]
  readonly batch: number
}

/** Larger caches forget what was made first. */
const mostEntries = 128

const remember = <V>(cache: Map<string, V>, key: string, make: () => V): V => {
  const known = cache.get(key)
  if (known !== undefined) return known
  const made = make()
  if (cache.size >= mostEntries) cache.delete(cache.keys().next().value as string)
  cache.set(key, made)
  return made
}

/** One instance, all arguments uniform: what the last call used, for the next one of the same shapes. */
interface Last {
  readonly ready: Ready
  readonly matcher: Matcher
}

/** Everything that `compile` keeps: traces by shapes, programs by shapes and what is shared. */
export class Compiler implements JobSource {
  private readonly fn: (...args: unknown[]) => unknown
  private readonly options: CompileOptions
  private readonly traces = new Map<string, Traced>()
  private readonly programs = new Map<string, Ready>()
  private last: Last | undefined

  constructor(fn: (...args: unknown[]) => unknown, options: CompileOptions) {
    checkOptions('compile', options, ['lanes', 'backend', 'hoistBudgetBytes'])
    checkLanes(options.lanes ?? 'auto')
    const { backend = 'native' } = options
    if (typeof fn !== 'function') {
      throw new ArgumentError('compile takes a function', {
        expected: 'a function of Tensors',
        received: typeof fn,
      })
    }
    if (!(backend in backends)) {
      throw new ArgumentError('compile: there is no such backend', {
        expected: Object.keys(backends).join(' or '),
        received: JSON.stringify(backend),
      })
    }
    this.fn = fn
    this.options = options
  }

  /** The same function, with some options changed. */
  with(options: CompileOptions): Compiler {
    return new Compiler(this.fn, { ...this.options, ...options })
  }

  single(args: readonly unknown[]): Result {
    if (this.last?.matcher.match(args) === true) return this.runSingle(this.last)
    refuseTracing()
    const { spec, leaves } = readArguments(args)
    const shared = leaves.find((leaf) => leaf.shared)
    if (shared !== undefined) {
      throw new ArgumentError(`${shared.path} is marked as shared, which has a meaning in a batch only`, {
        remedy: 'Pass the array itself, or call batch',
      })
    }
    const shapes = leaves.map(({ array }) => array.shape)
    const ready = this.ready(
      spec,
      shapes,
      shapes.map(() => true),
      1,
    )
    const matcher = new Matcher(spec, shapes)
    leaves.forEach(({ array }, i) => (matcher.data[i] = array.data))
    this.last = { ready, matcher }
    return this.runSingle(this.last)
  }

  private runSingle({ ready, matcher }: Last): Result {
    checkConstants(ready)
    return singleResult(ready.meaning, ready.loaded.run(matcher.data, 1))
  }

  batch(args: readonly unknown[]): Results {
    const job = this.job(args)
    return batchResults(job.ready.meaning, job.ready.loaded.run(job.inputs, job.batch), job.batch)
  }

  job(args: readonly unknown[]): Job {
    refuseTracing()
    const { spec, leaves } = readArguments(args)
    const batch = batchOf(leaves)
    const shapes = leaves.map(({ array, shared }) => (shared ? array.shape : array.shape.slice(1)))
    const ready = this.ready(
      spec,
      shapes,
      leaves.map(({ shared }) => shared),
      this.options.lanes ?? 'auto',
    )
    checkConstants(ready)
    return { ready, inputs: leaves.map(({ array }) => array.data), batch }
  }

  graph(args: readonly unknown[]): Graph {
    const { spec, shapes } = example(args)
    return this.traced(spec, shapes).graph
  }

  lower(args: readonly unknown[]): Program {
    const { spec, shapes, shared } = example(args)
    return this.lowered(this.traced(spec, shapes), shared, this.options.lanes ?? 'auto')
  }

  private lowered(traced: Traced, uniform: readonly boolean[], lanes: number | 'auto'): Program {
    const { hoistBudgetBytes } = this.options
    return lower(traced.prepared, {
      uniform,
      lanes,
      ...(hoistBudgetBytes === undefined ? {} : { hoistBudgetBytes }),
    })
  }

  private ready(
    spec: TreeSpec,
    shapes: readonly Shape[],
    shared: readonly boolean[],
    lanes: number | 'auto',
  ): Ready {
    const marks = shapes.map((shape, i) => (shared[i] === true ? 'u' : '') + formatShape(shape))
    return remember(this.programs, `${String(lanes)} ${signature(spec, marks)}`, () => {
      const traced = this.traced(spec, shapes)
      const program = this.lowered(traced, shared, lanes)
      const meaning = { ...traced.results, reports: program.reports }
      return {
        watched: traced.watched,
        program,
        meaning,
        loaded: backends[this.options.backend ?? 'native'](program, traced.graph),
      }
    })
  }

  private traced(spec: TreeSpec, shapes: readonly Shape[]): Traced {
    return remember(this.traces, signature(spec, shapes.map(formatShape)), () => {
      let outputSpec: TreeSpec = { kind: 'leaf' }
      let sums: Meaning['sums'] = []
      const { graph } = traceGraph((tensors) => {
        const result = this.fn(...(unflatten(spec, tensors) as unknown[]))
        const flat = flatten(result, isOperand, 'the result', (x) => x instanceof Summed)
        outputSpec = flat.spec
        sums = flat.marks.map((mark) => mark && { strict: mark.strict })
        return flat.leaves
      }, shapes)
      const watched = watch(graph)
      const prepared = prepareForLowering(graph)
      const results = { spec: outputSpec, shapes: graph.outputs.map((value) => value.shape), sums }
      return { graph, prepared, results, watched }
    })
  }
}

const example = (
  args: readonly unknown[],
): { spec: TreeSpec; shapes: readonly Shape[]; shared: readonly boolean[] } => {
  const { spec, leaves }: Arguments = readArguments(args)
  return { spec, shapes: leaves.map(({ array }) => array.shape), shared: leaves.map((leaf) => leaf.shared) }
}

const refuseTracing = (): void => {
  if (!isTracing()) return
  throw new ArgumentError('a compiled function was called while another function is traced', {
    code: 'ERR_TRACE',
    remedy: 'Inside a traced function call the function itself, not its compiled form',
  })
}

/** The number of instances that all arguments of a batch agree on. */
export const batchOf = (leaves: readonly Leaf[]): number => {
  const own = leaves.filter((leaf) => !leaf.shared)
  const [first] = own
  if (first === undefined) {
    throw new ArgumentError('a batch has no argument that tells its number of instances', {
      expected: 'at least one array with a leading axis of instances',
      received: leaves.length === 0 ? 'no arguments' : 'shared arguments only',
      remedy: 'Call the compiled function itself for one instance',
    })
  }
  const batch = first.array.shape[0]
  for (const { array, path } of own) {
    if (array.rank === 0) {
      throw new ShapeError(`${path} of a batch is a single number`, {
        expected: 'one number for each instance',
        remedy: 'Give an array with a leading axis of instances, or mark the number with shared()',
      })
    }
    if (array.shape[0] !== batch) {
      throw new ShapeError(`${path} has another number of instances than ${first.path}`, {
        expected: String(batch),
        received: `${String(array.shape[0])} (shape ${formatShape(array.shape)})`,
        remedy: 'Give every argument the same leading axis, or mark what is the same for all with shared()',
      })
    }
  }
  return batch as number
}

/** Refuses to run with arrays that were changed after tracing: half of the results would be old. */
const checkConstants = ({ watched, loaded }: Ready): void => {
  for (const { array, live, frozen } of watched) {
    if (loaded.sameBits(live, frozen.data)) continue
    throw new OnestepError(
      `an array of shape ${formatShape(array.shape)} that the function closed over was changed after it was traced`,
      {
        code: 'ERR_CONSTANT_CHANGED',
        expected: `the ${String(sizeOf(array.shape))} numbers that it held then`,
        remedy: 'Pass what changes as an argument, or compile the function again with a new array',
      },
    )
  }
}
