// The only file that knows the addon: where it is, what it exports, and whether it can be trusted here.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { NativeError } from '../base/errors.js'
import { setMemoryPressure } from '../base/memory.js'
import { damage, damaged, loadFailure, missing, packageRoot, rebuild } from './diagnosis.js'

export { packageRoot }

/** What the addon says of its build and of this machine; residuals are LAPACK's test ratios. */
export interface SelfCheck {
  readonly blas: {
    /** `openblas_get_config()`. */
    readonly config: string
    /** The processor kernel that OpenBLAS chose. */
    readonly core: string
    /** Threads of BLAS itself; pinned to 1. */
    readonly threads: number
    /** A build without locks: silently wrong when several threads call it. */
    readonly singleThreaded: boolean
    readonly integerBits: number
  }
  /** The Highway target that kernels run on. */
  readonly simd: string
  /** Whether the processor turns subnormal numbers into zero on this thread. */
  readonly flushesSubnormals: boolean
  /** ‖A − LLᵀ‖₁ / (n ε ‖A‖₁), n = 48. */
  readonly choleskyResidual: number
  /** ‖PA − LU‖₁ / (n ε ‖A‖₁), n = 48. */
  readonly luResidual: number
}

/** Everything that the addon exports. */
export interface NativeAddon {
  selfCheck(): SelfCheck
  /** Loads and validates a Program; `constants` in the order in which it names them. */
  loadProgram(bytes: Uint8Array, constants: readonly Float64Array[]): LoadedProgram
  /**
   * Runs a Program over `batch` instances, into `outputs`. A uniform input or output holds one array, any other one
   * for each instance, one after another.
   */
  runProgram(
    program: LoadedProgram,
    inputs: readonly Float64Array[],
    outputs: readonly Float64Array[],
    batch: number,
    options?: RunProgramOptions,
  ): RunStatistics
  /** What a job over `batch` instances needs when `chunkBytes` may lie between stages. */
  planJob(program: LoadedProgram, batch: number, seats: number, chunkBytes: number): JobPlan
  /** Sets a job up in shared memory that nobody uses. */
  openJob(program: LoadedProgram, memory: Uint8Array, uniform: Uint8Array, setUp: JobSetUp): void
  /** Takes part in a job until there is nothing to do for this thread. */
  joinJob(
    program: LoadedProgram,
    memory: Uint8Array,
    uniform: Uint8Array,
    inputs: readonly Float64Array[],
    outputs: readonly Float64Array[],
    turn: Turn,
  ): Outcome
  signalJob(program: LoadedProgram, memory: Uint8Array, signal: number): void
  /**
   * The thread that sat there is gone: what it held is computed again, or is crashed where that has happened before.
   * Returns how many instances those were.
   */
  putBack(
    program: LoadedProgram,
    memory: Uint8Array,
    uniform: Uint8Array,
    seat: number,
    epoch: number,
  ): number
  readJob(program: LoadedProgram, memory: Uint8Array): JobCounters
  /** Copies the state of each instance. */
  jobStates(program: LoadedProgram, memory: Uint8Array, states: Uint8Array): void
  /** Every kernel that an instruction may name. */
  kernelNames(): string[]
  /** Whether two vectors hold the same numbers, bit for bit. */
  sameBits(a: Float64Array, b: Float64Array): boolean
  /** Tells V8 of `bytes` of memory that it does not count by itself; negative when they are free again. */
  adjustMemory(bytes: number): void
}

/** A Program in the memory of the addon, of one thread. */
export type LoadedProgram = object & { readonly brand?: 'LoadedProgram' }

export interface RunProgramOptions {
  /** One word in shared memory: 1 ends the run. */
  readonly control?: Int32Array
  /** Bytes of what lies between stages. */
  readonly chunkBytes?: number
}

/** What a job on shared memory needs. */
export interface JobPlan {
  /** Instances that can be under way at one time. */
  readonly positions: number
  /** Of the memory that all threads share, and of the uniform values. */
  readonly memoryBytes: number
  readonly uniformBytes: number
  /** Of one thread. */
  readonly tileBytes: number
}

export interface JobSetUp {
  readonly batch: number
  /** Threads that can take part at one time. */
  readonly seats: number
  readonly positions: number
  /** The uniform values are there from an earlier job, or being computed by one. */
  readonly keepUniform?: boolean
}

/** How a thread takes part in a job. */
export interface Turn {
  readonly seat: number
  /** Tells apart who sat there, one after another; never used twice at the same time in a process. */
  readonly epoch: number
  /** Milliseconds after which the thread gives way if it is asked to; default 50. */
  readonly slice?: number
  /** The output, a number an instance, whose values are counted as codes. */
  readonly tallied?: number
  /** Threads of BLAS; more than 1 waits until nothing else computes in this process, and keeps others out. */
  readonly blasThreads?: number
  /** Leaves everything as it lies after so many iterations, as a thread that dies does. */
  readonly faultAfter?: number
}

/** Why a thread stopped: nothing waits any more, another job waits, the job was ended, or `faultAfter`. */
export type Outcome = 'idle' | 'gaveWay' | 'aborted' | 'fault'

/** Told to all threads of a job. */
export const jobSignal = { go: 0, abort: 1, giveWay: 2 } as const

export interface JobCounters {
  readonly finished: number
  /** Stages that instances have left. */
  readonly passed: number
  readonly crashed: number
  readonly laneSlots: number
  readonly iterations: number
  /** A number for each seat that grows as long as its thread is alive. */
  readonly beats: readonly number[]
  /** How many instances had which code. */
  readonly tally: readonly number[]
}

/** Bits of the state of an instance. */
export const instanceState = { finished: 1, putBack: 2, crashed: 4 } as const

export interface RunStatistics {
  /** Instances that left the last stage. */
  readonly finished: number
  /** Of loop stages: lanes × iterations that were run, and those of them that a lane needed. */
  readonly laneSlots: number
  readonly iterations: number
}

/** LAPACK's own tests want their ratios below this. */
export const residualLimit = 30

/** Where the addon is looked for: ONESTEP_NATIVE_PATH alone if it is set, else the build folder. */
export const nativePath = (root = packageRoot()): string =>
  process.env['ONESTEP_NATIVE_PATH'] ?? join(root, 'build', 'Release', 'onestep.node')

/** Everything about `check` that would make results wrong; empty on a sound machine. */
export const unsound = (check: SelfCheck): readonly NativeError[] => {
  const { blas } = check
  const unsafe = (what: string, remedy: string): NativeError =>
    new NativeError(what, { code: 'ERR_NATIVE_UNSAFE', received: blas.config, remedy })
  const found: NativeError[] = []
  const threaded =
    'Install the threaded OpenBLAS with 32-bit integers (Debian: apt-get install libopenblas0-pthread)'
  if (blas.integerBits !== 32) found.push(unsafe('This OpenBLAS has 64-bit integers', threaded))
  for (const [name, residual] of [
    ['Cholesky', check.choleskyResidual],
    ['LU', check.luResidual],
  ] as const) {
    if (residual < residualLimit) continue
    const what = `OpenBLAS computes a wrong ${name} factorization here (test ratio ${residual}, limit ${residualLimit})`
    found.push(unsafe(what, 'Update OpenBLAS, or set OPENBLAS_CORETYPE=Haswell before Node starts'))
  }
  if (check.flushesSubnormals) {
    const what = 'The processor turns subnormal numbers into zero on this thread'
    found.push(unsafe(what, 'Another addon was built with -ffast-math: load onestep without it'))
  }
  return found
}

/**
 * Loads an addon and runs its self-check.
 * @throws {NativeError} `ERR_NATIVE_MISSING` when it was never built, `ERR_NATIVE_LIBRARY`, `ERR_NATIVE_FORMAT`
 * or `ERR_NATIVE_LINK` when it cannot be loaded, `ERR_NATIVE_UNSAFE` when its results would be wrong here.
 */
export const openNative = (path: string, root = packageRoot()): NativeAddon => {
  if (!existsSync(path)) throw missing(path, root)
  const fault = path.endsWith('.node') ? damage(path) : undefined
  if (fault !== undefined) throw damaged(path, root, fault)
  let addon: NativeAddon
  try {
    addon = createRequire(import.meta.url)(path) as NativeAddon
  } catch (cause) {
    throw loadFailure(path, root, cause)
  }
  if (typeof addon.selfCheck !== 'function') {
    throw new NativeError(`${path} is no addon of this version of onestep`, {
      code: 'ERR_NATIVE_FORMAT',
      remedy: `Build it again: ${rebuild(root)}`,
    })
  }
  const [first] = unsound(addon.selfCheck())
  if (first !== undefined) throw first
  return addon
}

let loaded: NativeAddon | undefined

/** The addon of this package, loaded once per thread. Errors as in `openNative`. */
export const native = (): NativeAddon => {
  if (loaded !== undefined) return loaded
  const addon = openNative(nativePath())
  setMemoryPressure((bytes) => {
    addon.adjustMemory(bytes)
  })
  return (loaded = addon)
}

/**
 * Refuses to compute on `threads` threads with an OpenBLAS that has no locks: measured, such a build
 * returns wrong numbers without a word. One thread is fine.
 * @throws {NativeError} `ERR_NATIVE_SINGLE_THREADED`
 */
export const checkThreads = (threads: number, check: SelfCheck = native().selfCheck()): void => {
  if (threads <= 1 || !check.blas.singleThreaded) return
  throw new NativeError('This OpenBLAS is single-threaded: several threads that call it get wrong numbers', {
    code: 'ERR_NATIVE_SINGLE_THREADED',
    expected: 'a threaded OpenBLAS, or 1 thread',
    received: `${check.blas.config} for ${threads} threads`,
    remedy:
      'Debian: apt-get install libopenblas0-pthread && update-alternatives --auto ' +
      'libopenblas.so.0-$(gcc -dumpmachine); Fedora: dnf install openblas-threads, then build again',
  })
}
