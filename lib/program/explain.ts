// What a Program does and costs: its stages and instructions with operations and bytes, the memory of a batch, and why
// it has so many lanes.
import { ArgumentError, checkOptions } from '../base/errors.js'
import { sizeOf } from '../base/shape.js'
import { elementTime, flops } from './cost.js'
import { decode } from './decode.js'
import { describeInstruction } from './describe.js'
import type { Layout, Stage } from './format.js'
import type { Instruction } from './instruction.js'
import { predictLanes } from './lanes.js'
import type { Prediction } from './lanes.js'
import type { Program } from './lower.js'

export interface ExplainedInstruction {
  /** The first line of its text form. */
  readonly text: string
  /** How deep it stands in loops and branches. */
  readonly depth: number
  /** Floating-point operations of one instance, each time it is executed; an elementwise function counts as one. */
  readonly flops: number
  /** Bytes of its operands and results for one instance. */
  readonly bytes: number
}

export interface ExplainedStage {
  readonly kind: Stage['kind']
  /** Bytes of one instance that are loaded when it enters, and stored when it leaves. */
  readonly loadedBytes: number
  readonly storedBytes: number
  readonly instructions: readonly ExplainedInstruction[]
}

/** Plain data, which `formatExplanation` prints. */
export interface Explanation {
  readonly lanes: number
  /** Predicted nanoseconds of one instance for each number of lanes, loops of unknown length taken to run 50 times. */
  readonly predictions: readonly Prediction[]
  readonly stages: readonly ExplainedStage[]
  readonly memory: {
    /** Bytes that exist once: constants, and the uniform arena. */
    readonly constants: number
    readonly uniform: number
    /** Bytes of the tile of one thread. */
    readonly tile: number
    /** Job-wide bytes of each instance: inputs and outputs, and what one stage leaves for another. */
    readonly portsPerInstance: number
    readonly internalPerInstance: number
  }
}

/** Explains a lowered program. */
export const explain = (program: Program): Explanation => {
  const layout = decode(program.bytes)
  const slotBytes = (internal: boolean): number =>
    8 *
    layout.slots.reduce((total, { kind, size }) => total + ((kind === 'internal') === internal ? size : 0), 0)
  return {
    lanes: layout.lanes,
    predictions: predictLanes(layout),
    stages: layout.stages.map((stage) => explainStage(layout, stage)),
    memory: {
      constants: 8 * layout.constants.reduce((total, { size }) => total + size, 0),
      uniform: 8 * layout.uniformArena,
      tile: 8 * layout.tileArena,
      portsPerInstance: slotBytes(false),
      internalPerInstance: slotBytes(true),
    },
  }
}

/** Instances that are under way at one time, at most. */
export const mostPositions = 65536
/** What lies between stages takes so many bytes, unless a job says otherwise. */
export const defaultInternalBytes = 256 * 2 ** 20

/** A job whose memory is predicted. */
export interface PlannedJob {
  /** Instances. */
  readonly batch: number
  /** Threads that work on it. Default 1. */
  readonly threads?: number
  /** Instances that are under way at one time. Default: `choosePositions`. */
  readonly positions?: number
}

/** Bytes of a job, without those that the executor keeps its books with: some tens for each instance under way. */
export interface MemoryPrediction {
  /** Numbers that the function closes over, once a process. */
  readonly constants: number
  /** What is the same for all instances, once a job. */
  readonly uniform: number
  /** One tile for each thread. */
  readonly tiles: number
  /** Inputs and outputs of all instances. */
  readonly ports: number
  /** What stages leave for one another, of the instances that are under way. */
  readonly internal: number
  /** What the job needs beside its data: uniform + tiles + internal. */
  readonly working: number
  readonly total: number
  /** Instances that are under way at one time. */
  readonly positions: number
}

const whole = (what: string, x: number, least: number): number => {
  if (Number.isSafeInteger(x) && x >= least) return x
  throw new ArgumentError(`${what} is no count`, {
    expected: `a whole number of at least ${String(least)}`,
    received: String(x),
  })
}

/**
 * How many instances may be under way at one time: as many as `internalBytes` hold in whole tiles, a tile for each thread
 * at least, and no more than there are. The executor takes the same.
 */
export const choosePositions = (
  { lanes, memory }: Pick<Explanation, 'lanes' | 'memory'>,
  { batch, threads = 1 }: Omit<PlannedJob, 'positions'>,
  internalBytes = defaultInternalBytes,
): number => {
  const fit = Math.min(Math.floor(internalBytes / memory.internalPerInstance), mostPositions)
  const tiles = Math.max(Math.floor(fit / lanes), threads)
  return Math.max(1, Math.min(tiles * lanes, batch))
}

/**
 * Predicts the memory of a job before it runs.
 * @throws {ArgumentError} on what is no count, and on unknown options.
 */
export const predictMemory = (
  explanation: Pick<Explanation, 'lanes' | 'memory'>,
  job: PlannedJob,
): MemoryPrediction => {
  checkOptions('predictMemory', job, ['batch', 'threads', 'positions'])
  const { memory } = explanation
  const batch = whole('batch', job.batch, 0)
  const threads = whole('threads', job.threads ?? 1, 1)
  const wanted = whole('positions', job.positions ?? choosePositions(explanation, { batch, threads }), 1)
  const positions = Math.max(1, Math.min(wanted, batch, mostPositions))
  const { constants, uniform } = memory
  const tiles = threads * memory.tile
  const ports = batch * memory.portsPerInstance
  const internal = positions * memory.internalPerInstance
  const working = uniform + tiles + internal
  return {
    constants,
    uniform,
    tiles,
    ports,
    internal,
    working,
    total: constants + ports + working,
    positions,
  }
}

const sizeAt = (layout: Layout, value: number): number => sizeOf(layout.values[value]?.shape ?? [])

const explainStage = (layout: Layout, stage: Stage): ExplainedStage => {
  const bytes = (values: readonly number[]): number =>
    8 * values.reduce((total, v) => total + sizeAt(layout, v), 0)
  const instructions: ExplainedInstruction[] = []
  const visit = (code: readonly Instruction<number>[], depth: number): void => {
    for (const instruction of code) {
      instructions.push({ ...explainInstruction(layout, instruction), depth })
      if (instruction.kind === 'while') visit([...instruction.condition, ...instruction.body], depth + 1)
      if (instruction.kind === 'scan') visit(instruction.body, depth + 1)
      if (instruction.kind === 'cond') visit([...instruction.then, ...instruction.else], depth + 1)
    }
  }
  visit(stage.kind === 'loop' ? [stage.loop] : stage.code, 0)
  const uniform = stage.kind === 'uniform'
  return {
    kind: stage.kind,
    loadedBytes: uniform ? 0 : bytes(stage.loads.map(({ value }) => value)),
    storedBytes: uniform ? 0 : bytes(stage.stores.map(({ value }) => value)),
    instructions,
  }
}

const explainInstruction = (
  layout: Layout,
  instruction: Instruction<number>,
): Omit<ExplainedInstruction, 'depth'> => {
  const text = describeInstruction(layout, instruction)[0] as string
  if (instruction.kind !== 'kernel' && instruction.kind !== 'fused') return { text, flops: 0, bytes: 0 }
  const { inputs, outputs } = instruction
  const bytes = 8 * [...inputs, ...outputs].reduce((total, v) => total + sizeAt(layout, v), 0)
  if (instruction.kind === 'fused') {
    const size = sizeAt(layout, outputs[0] as number)
    const functions = instruction.steps.filter(({ kernel }) => elementTime(kernel) > 0).length
    return {
      text: `${text}: ${instruction.steps.map(({ kernel }) => kernel).join(' ')}`,
      flops: functions * size,
      bytes,
    }
  }
  const shape = (v: number) => layout.values[v]?.shape ?? []
  const transposeA = instruction.attributes[0] === 1
  return {
    text,
    flops: flops(instruction.kernel, inputs.map(shape), outputs.map(shape), { transposeA }),
    bytes,
  }
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

const formatBytes = (bytes: number): string => {
  const unit = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)))
  return unit === 0
    ? `${String(bytes)} B`
    : `${(bytes / 2 ** (10 * unit)).toPrecision(3)} ${units[unit] as string}`
}

const formatTime = (ns: number): string =>
  ns < 1e3
    ? `${ns.toFixed(0)} ns`
    : ns < 1e6
      ? `${(ns / 1e3).toPrecision(3)} µs`
      : `${(ns / 1e6).toPrecision(3)} ms`

const plural = (count: number, noun: string): string => `${String(count)} ${noun}${count === 1 ? '' : 's'}`

const formatMemory = (explanation: Explanation, job: PlannedJob): string[] => {
  const { memory } = explanation
  const { batch, threads = 1 } = job
  const predicted = predictMemory(explanation, job)
  const each = (count: number, bytes: number): string => ` = ${String(count)} × ${formatBytes(bytes)}`
  const rows: readonly (readonly [string, number, string])[] = [
    ['constants', predicted.constants, ''],
    ['uniform', predicted.uniform, ''],
    ['tiles of the threads', predicted.tiles, each(threads, memory.tile)],
    ['inputs and outputs', predicted.ports, each(batch, memory.portsPerInstance)],
    ['between stages', predicted.internal, each(predicted.positions, memory.internalPerInstance)],
  ]
  return [
    `memory of ${plural(batch, 'instance')} on ${plural(threads, 'thread')}: ${formatBytes(predicted.total)}`,
    ...rows.map(([name, bytes, product]) => `  ${name.padEnd(21)} ${formatBytes(bytes)}${product}`),
  ]
}

/** The text that `onestep explain` prints; memory is predicted for the job. */
export const formatExplanation = (explanation: Explanation, job: PlannedJob = { batch: 1 }): string => {
  const { lanes, predictions, stages } = explanation
  const candidates = predictions.map((p) => `T = ${String(p.lanes)}: ${formatTime(p.nanoseconds)}`).join(', ')
  const lines = [
    `${plural(lanes, 'lane')} a tile. Predicted time of an instance: ${candidates}`,
    '',
    ...formatMemory(explanation, job),
  ]
  stages.forEach((stage, i) => {
    const inner = stage.instructions.reduce((total, instruction) => total + instruction.flops, 0)
    const rate =
      stage.kind === 'loop' ? 'an iteration' : stage.kind === 'uniform' ? 'once a job' : 'an instance'
    lines.push(
      '',
      `stage ${String(i)}: ${stage.kind}, ${plural(stage.instructions.length, 'instruction')}, ${inner.toPrecision(4)} flops ${rate}` +
        (stage.kind === 'uniform'
          ? ''
          : `, loads ${formatBytes(stage.loadedBytes)}, stores ${formatBytes(stage.storedBytes)}`),
    )
    for (const { text, depth, flops: count, bytes } of stage.instructions) {
      const cost =
        bytes === 0 ? '' : `   ${count === 0 ? '' : `${count.toPrecision(3)} flops, `}${formatBytes(bytes)}`
      lines.push(`${'  '.repeat(depth + 1)}${text}${cost}`)
    }
  })
  return lines.join('\n')
}
