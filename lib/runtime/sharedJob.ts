// A batch under way in shared memory, so that any number of threads can take part in it: set up once, joined by each
// thread for a slice of time, read when nobody works on it any more. It knows nothing of who those threads are.
import { ArgumentError, OnestepError } from '../base/errors.js'
import type { Progress, Results } from '../base/executor.js'
import { allocate, allocateBytes } from '../base/memory.js'
import { sizeOf } from '../base/shape.js'
import { statuses } from '../base/status.js'
import type { Status } from '../base/status.js'
import { defaultInternalBytes } from '../program/explain.js'
import type { Job, Ready } from './compile.js'
import type { MemoryPool } from './memoryPool.js'
import { instanceState, jobSignal, native } from './native.js'
import type { JobPlan, LoadedProgram, Outcome, Turn } from './native.js'
import { batchResults, forEachInstance } from './results.js'

/** What a thread must be given to take part: plain data and shared memory, which is not copied. */
export interface JobMessage {
  /** Names the program within this process. */
  readonly program: number
  readonly bytes: Uint8Array
  readonly constants: readonly Float64Array[]
  readonly memory: Uint8Array
  readonly uniform: Uint8Array
  readonly inputs: readonly Float64Array[]
  readonly outputs: readonly Float64Array[]
  readonly tallied?: number
}

export interface JobOptions {
  /** Threads that may take part. */
  readonly threads: number
  readonly memoryLimit?: number | undefined
  readonly blasThreads?: number | undefined
}

/** What a run needs beside its inputs and outputs. */
export interface JobMemory {
  /** Threads that would take part. */
  readonly threads: number
  /** Instances that would be under way at one time. */
  readonly positions: number
  /** Bytes of the uniform values, of the tiles of all threads, and of what all threads share. */
  readonly uniformBytes: number
  readonly tileBytes: number
  readonly sharedBytes: number
  /** All of it: what `memoryLimit` bounds. */
  readonly workingBytes: number
}

/** What a job would need. */
export const predictJob = ({ ready, batch }: Job, { threads, memoryLimit }: JobOptions): JobMemory => {
  const { seats, plan } = fit(handleOf(ready), batch, wanted(threads, ready, batch), memoryLimit)
  return {
    threads: seats,
    positions: plan.positions,
    uniformBytes: plan.uniformBytes,
    tileBytes: seats * plan.tileBytes,
    sharedBytes: plan.memoryBytes,
    workingBytes: workingBytes(seats, plan),
  }
}

const workingBytes = (seats: number, { memoryBytes, uniformBytes, tileBytes }: JobPlan): number =>
  memoryBytes + uniformBytes + seats * tileBytes

interface Program {
  readonly number: number
  /** Uniform values that depend on constants only: computed by the first job, kept for all. */
  uniform?: Uint8Array
}
const programs = new WeakMap<Ready, Program>()
let nextProgram = 0
let nextEpoch = 0

const programOf = (ready: Ready): Program => {
  const known = programs.get(ready)
  if (known !== undefined) return known
  const made = { number: nextProgram++ }
  programs.set(ready, made)
  return made
}

/** What `joinJob` needs beside the message: every dispatch has an epoch of its own. */
export const newEpoch = (): number => nextEpoch++

/** Takes part in a job on this thread. */
export const join = (handle: LoadedProgram, message: JobMessage, turn: Turn): Outcome =>
  native().joinJob(handle, message.memory, message.uniform, message.inputs, message.outputs, {
    ...turn,
    ...(message.tallied === undefined ? {} : { tallied: message.tallied }),
  })

export class SharedJob {
  readonly message: JobMessage
  /** Threads that may take part at one time. */
  readonly seats: number
  readonly batch: number
  private readonly ready: Ready
  private readonly handle: LoadedProgram
  /** The output that holds the status of all instances alike, where it is one number; −1 without a status. */
  private readonly sharedStatus: number
  private readonly blasThreads: number
  private readonly workingBytes: number
  private readonly pool: MemoryPool
  private readonly begun = performance.now()
  private told: keyof typeof jobSignal = 'go'
  private lastBeats: readonly number[] = []

  /** @throws {OnestepError} `ERR_MEMORY_LIMIT`, with what the job needs, when the limit is too small for it. */
  constructor({ ready, inputs, batch }: Job, pool: MemoryPool, options: JobOptions) {
    const { program } = ready
    const { threads, memoryLimit, blasThreads = 1 } = options
    const handle = handleOf(ready)
    const { seats, plan } = fit(handle, batch, wanted(threads, ready, batch), memoryLimit)
    const own = programOf(ready)
    // Other numbers of threads of BLAS give other bits.
    const lasting = blasThreads === 1 && program.inputs.every(({ uniform }) => !uniform)
    const keepUniform = lasting && own.uniform !== undefined
    const uniform = (lasting ? own.uniform : undefined) ?? new Uint8Array(allocateBytes(plan.uniformBytes))
    if (lasting) own.uniform = uniform
    const memory = pool.take(plan.memoryBytes)
    native().openJob(handle, memory, uniform, { batch, seats, positions: plan.positions, keepUniform })
    const report = program.reports.indexOf('status')
    const status = report < 0 ? -1 : program.outputs.length - program.reports.length + report
    this.message = {
      program: own.number,
      bytes: program.bytes,
      constants: program.constants.map(({ data }) => data),
      memory,
      uniform,
      inputs: inputs.map(inSharedMemory),
      outputs: program.outputs.map(({ uniform: once, shape }) =>
        allocate(sizeOf(shape) * (once ? 1 : batch)),
      ),
      ...(status < 0 || program.outputs[status]?.uniform === true ? {} : { tallied: status }),
    }
    this.seats = seats
    this.batch = batch
    this.sharedStatus = status
    this.ready = ready
    this.handle = handle
    this.blasThreads = blasThreads
    this.workingBytes = workingBytes(seats, plan)
    this.pool = pool
  }

  /** Takes part on the thread that made it. */
  join(turn: Turn): Outcome {
    return join(this.handle, this.message, turn)
  }

  /** Ends the job: every thread leaves it within a tenth of a second. */
  abort(): void {
    this.tell('abort')
  }

  /** Another job waits, or none any more. */
  giveWay(wanted: boolean): void {
    this.tell(wanted ? 'giveWay' : 'go')
  }

  /** The thread of a seat is gone; returns how many instances it held. */
  putBack(seat: number, epoch: number): number {
    return native().putBack(this.handle, this.message.memory, this.message.uniform, seat, epoch)
  }

  /** Grows with everything that is done. */
  get work(): number {
    const { passed, iterations } = native().readJob(this.handle, this.message.memory)
    return passed + iterations
  }

  /** Instances that ended, in one way or another. */
  get ended(): number {
    const { finished, crashed } = native().readJob(this.handle, this.message.memory)
    return finished + crashed
  }

  progress(): Progress {
    const counters = native().readJob(this.handle, this.message.memory)
    const { finished, crashed, iterations, tally, beats } = counters
    const alive = beats.filter((beat, seat) => beat !== (this.lastBeats[seat] ?? 0)).length
    this.lastBeats = beats
    const counts: Partial<Record<Status, number>> = {}
    const count = (name: Status, n: number): void => {
      if (n > 0) counts[name] = (counts[name] ?? 0) + n
    }
    statuses.forEach(({ name }, code) => {
      count(name, tally[code] ?? 0)
    })
    if (this.message.tallied === undefined) {
      const code = this.message.outputs[this.sharedStatus]?.[0] ?? 0
      count(statuses[code]?.name ?? 'nonFinite', finished)
    }
    count('crashed', crashed)
    const seconds = (performance.now() - this.begun) / 1000
    // Counters go on while they are read: what is done is what was counted, until all of it is.
    const counted = Object.values(counts).reduce((sum, n) => sum + n, 0)
    const done = finished + crashed === this.batch ? this.batch : counted
    return { done, total: this.batch, iterations, statuses: counts, alive, seconds }
  }

  /** The results; no thread may take part any more, and the job ends here. */
  results(): Results {
    const { ready, batch, message } = this
    const { finished, laneSlots, iterations } = native().readJob(this.handle, message.memory)
    const results = batchResults(
      ready.meaning,
      forEachInstance(ready.program, message.outputs, batch),
      batch,
      finished === batch ? undefined : this.statesOfAll(),
    )
    this.release()
    const run = {
      lanes: ready.program.lanes,
      threads: this.seats,
      blasThreads: this.blasThreads,
      seconds: (performance.now() - this.begun) / 1000,
      laneSlots,
      laneIterations: iterations,
      workingBytes: this.workingBytes,
    }
    return { ...results, run }
  }

  /** The memory of the job is free again. */
  release(): void {
    this.pool.give(this.message.memory)
  }

  /** An aborted job stays so. */
  private tell(signal: keyof typeof jobSignal): void {
    if (signal === this.told || this.told === 'abort') return
    this.told = signal
    native().signalJob(this.handle, this.message.memory, jobSignal[signal])
  }

  private statesOfAll(): (Status | undefined)[] {
    const states = new Uint8Array(this.batch)
    native().jobStates(this.handle, this.message.memory, states)
    return Array.from(states, (state) =>
      (state & instanceState.finished) !== 0
        ? undefined
        : (state & instanceState.crashed) !== 0
          ? 'crashed'
          : 'aborted',
    )
  }
}

/** As many threads as find a tile of work in a batch. */
const wanted = (threads: number, { program }: Ready, batch: number): number =>
  Math.max(1, Math.min(threads, Math.ceil(batch / program.lanes)))

const handleOf = ({ loaded }: Ready): LoadedProgram => {
  if (loaded.handle !== undefined) return loaded.handle
  throw new ArgumentError('threads run native programs only', {
    expected: "a function, or what compile(fn) made of it with the backend 'native'",
    received: "the backend 'interpreter'",
  })
}

/** As many instances at one time as fit, then as many threads. */
const fit = (
  handle: LoadedProgram,
  batch: number,
  threads: number,
  limit: number | undefined,
): { seats: number; plan: JobPlan } => {
  const plan = (seats: number, chunk: number): JobPlan => native().planJob(handle, batch, seats, chunk)
  if (limit === undefined) return { seats: threads, plan: plan(threads, defaultInternalBytes) }
  if (!(limit > 0)) {
    throw new ArgumentError('memoryLimit is no number of bytes', {
      expected: 'a positive number',
      received: String(limit),
    })
  }
  for (let seats = threads; seats >= 1; seats--) {
    const least = plan(seats, 1)
    const rest = Math.min(limit, Number.MAX_SAFE_INTEGER) - workingBytes(seats, least)
    if (rest < 0) continue
    // What `rest` buys costs some words of the queues, too: a few attempts find what fits.
    for (let chunk = Math.floor(rest); chunk >= 1; chunk = Math.floor(chunk * 0.9)) {
      const larger = plan(seats, chunk)
      if (workingBytes(seats, larger) <= limit) return { seats, plan: larger }
    }
    return { seats, plan: least }
  }
  const least = plan(1, 1)
  throw new OnestepError('the job does not fit into memoryLimit', {
    code: 'ERR_MEMORY_LIMIT',
    expected: `at least ${String(workingBytes(1, least))} bytes (uniform values ${String(least.uniformBytes)}, the tile of a thread ${String(least.tileBytes)}, one tile of instances under way ${String(least.memoryBytes)})`,
    received: String(limit),
    remedy: 'Raise memoryLimit, or use fewer lanes',
  })
}

/** Arrays that another thread could see are used where they lie; others are copied, so that nobody can take them away. */
const inSharedMemory = (data: Float64Array): Float64Array => {
  if (data.buffer instanceof SharedArrayBuffer) return data
  const copy = allocate(data.length)
  copy.set(data)
  return copy
}
