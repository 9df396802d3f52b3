// The choice of T, lanes a tile: predicted nanoseconds of an instance for each candidate, the smallest wins.
//
//   time(T) = (dispatch + T · work / efficiency(T) · spill(bytes)) / T · (1 + idle lanes at the end of a batch)
//
// Efficiencies are fractions of the peak of a product, about 100 GFLOP/s on the AVX-512 core where they were measured with
// native/bench/kernels.cc: a product with a matrix that all lanes share runs at a quarter of the peak for one lane, at
// half of it for 8, and near it from 16 on; matrices of a lane's own are faster side by side until they leave the cache.
import type { Shape } from '../base/shape.js'
import { sizeOf } from '../base/shape.js'
import { elementTime, flops, isProduct, memoryElement, peakFlop } from './cost.js'
import type { Layout, ProgramValue } from './format.js'
import type { Instruction, KernelInstruction } from './instruction.js'

/** What `lanes: 'auto'` chooses from. */
export const laneCandidates: readonly number[] = [1, 8, 16, 24, 32, 64]

/** Nanoseconds to start an instruction, and a step of a fused one. */
const dispatch = 25
const stepDispatch = 8
/** Nanoseconds of a call of BLAS or LAPACK. */
const libraryCall = 60
/** How often a loop stage is taken to run, how often an inner loop, and how many instances a thread is taken to have. */
const assumedIterations = 200
const assumedInnerIterations = 5
const assumedBatch = 256

/** The predicted time of an instance at some T, in nanoseconds. */
export interface Prediction {
  readonly lanes: number
  readonly nanoseconds: number
}

/** Predictions for all candidates; the layout may have been made for any T. */
export const predictLanes = (layout: Layout): readonly Prediction[] =>
  laneCandidates.map((lanes) => ({ lanes, nanoseconds: new Predictor(layout, lanes).instance() }))

/** The number of lanes with the least predicted time; among those within a tenth, the smallest. */
export const chooseLanes = (layout: Layout): number => {
  const predictions = predictLanes(layout)
  const least = Math.min(...predictions.map(({ nanoseconds }) => nanoseconds))
  return (predictions.find(({ nanoseconds }) => nanoseconds <= 1.1 * least) as Prediction).lanes
}

type Points = readonly (readonly [number, number])[]

/** The value at x between points, in the logarithm of x. */
const interpolate = (points: Points, x: number): number => {
  let [[a, ya]] = points as readonly [readonly [number, number]]
  for (const [b, yb] of points) {
    if (x <= b) return b === a ? yb : ya + ((yb - ya) * Math.log(Math.max(x, a) / a)) / Math.log(b / a)
    ;[a, ya] = [b, yb]
  }
  return ya
}

/** By columns: a shared matrix of few columns, so that the result is written as fast as memory takes it, and any other. */
const sharedNarrow: Points = [
  [1, 0.18],
  [8, 0.38],
  [16, 0.6],
  [24, 0.66],
  [64, 0.64],
  [128, 0.55],
]
const sharedWide: Points = [
  [1, 0.25],
  [8, 0.65],
  [16, 0.95],
  [24, 1],
]

interface Own {
  readonly together: Points
  readonly alone: Points
  /** Whether an entry meets many others. */
  readonly reused: boolean
}

/** By order: matrices of a lane's own, side by side and one lane after another. */
const ownProducts: Own = {
  reused: true,
  together: [
    [4, 0.24],
    [8, 0.45],
    [16, 0.6],
    [64, 0.8],
  ],
  alone: [
    [4, 0.02],
    [8, 0.1],
    [16, 0.2],
    [64, 0.5],
    [512, 0.9],
  ],
}
/** A matrix and a vector, by the square root of the size of the matrix: as fast as the cache gives it. */
const ownVectors: Own = {
  reused: false,
  together: [
    [4, 0.12],
    [8, 0.15],
    [32, 0.27],
  ],
  alone: [
    [8, 0.03],
    [32, 0.2],
    [100, 0.27],
    [1000, 0.22],
  ],
}
const ownGrams: Own = {
  reused: true,
  together: [
    [8, 0.3],
    [64, 0.4],
    [128, 0.55],
    [256, 0.48],
  ],
  alone: [
    [8, 0.17],
    [32, 0.48],
    [100, 0.65],
    [256, 0.85],
  ],
}
const ownCholeskys: Own = {
  reused: true,
  together: [
    [4, 0.04],
    [8, 0.07],
    [16, 0.15],
    [32, 0.3],
    [64, 0.42],
    [128, 0.55],
  ],
  alone: [
    [8, 0.012],
    [16, 0.045],
    [32, 0.136],
    [64, 0.3],
    [128, 0.5],
    [256, 0.72],
    [512, 0.84],
  ],
}
/** Triangular solves with one right-hand side. */
const ownSubstitutions: Own = {
  reused: false,
  together: [
    [8, 0.07],
    [32, 0.2],
    [128, 0.27],
  ],
  alone: [
    [8, 0.007],
    [32, 0.034],
    [100, 0.09],
    [256, 0.15],
    [1000, 0.19],
  ],
}
/** LU, and solves with a matrix of right-hand sides. */
const ownFactors: Own = {
  reused: true,
  together: [
    [4, 0.04],
    [8, 0.07],
    [16, 0.15],
    [32, 0.25],
    [128, 0.4],
  ],
  alone: [
    [8, 0.012],
    [32, 0.056],
    [128, 0.2],
    [512, 0.35],
  ],
}
const ownOf: Readonly<Record<string, Own>> = { gram: ownGrams, cholesky: ownCholeskys }

/** How much slower it gets when the memory in use is larger than a cache: L1, L2, L3; and a tile should leave room for others. */
const spill = (bytes: number): number =>
  interpolate(
    [
      [2 ** 15, 1],
      [2 ** 17, 1.3],
      [2 ** 21, 1.7],
      [2 ** 23, 3],
      [2 ** 25, 5],
      [2 ** 30, 50],
    ],
    bytes,
  )

class Predictor {
  private readonly layout: Layout
  private readonly lanes: number
  private readonly slowness: number

  constructor(layout: Layout, lanes: number) {
    this.layout = layout
    this.lanes = lanes
    this.slowness = spill((8 * layout.tileArena * lanes) / layout.lanes)
  }

  instance(): number {
    let time = 0
    for (const stage of this.layout.stages) {
      if (stage.kind === 'uniform') continue
      for (const { value } of stage.loads) time += this.lanes * memoryElement * this.size(value)
      for (const { value } of stage.stores) time += this.lanes * memoryElement * this.size(value)
      if (stage.kind === 'straight') time += this.block(stage.code)
      // A lane that ends is refilled: nobody waits for the slowest.
      else time += assumedIterations * (this.block(stage.loop.condition) + this.block(stage.loop.body))
    }
    return (time / this.lanes) * (1 + (this.lanes - 1) / (2 * assumedBatch))
  }

  private value(index: number): ProgramValue {
    return this.layout.values[index] as ProgramValue
  }

  private shape(index: number): Shape {
    return this.value(index).shape
  }

  private size(index: number): number {
    return sizeOf(this.shape(index))
  }

  private isLane(index: number): boolean {
    const { space, offset } = this.value(index)
    return space === 'lane' || (space === 'slice' && offset === 1)
  }

  private block(code: readonly Instruction<number>[]): number {
    return code.reduce((time, instruction) => time + this.instruction(instruction), 0)
  }

  /** Nanoseconds of a tile. */
  private instruction(instruction: Instruction<number>): number {
    const T = this.lanes
    // Without refill the tile runs until its slowest lane ends.
    const waiting = 1 + 0.15 * Math.log2(T)
    switch (instruction.kind) {
      case 'fused': {
        const size = T * this.size(instruction.outputs[0] as number)
        const blocks = Math.ceil(size / 512)
        const steps = instruction.steps.reduce(
          (time, { kernel }) => time + elementTime(kernel) * size + stepDispatch * blocks,
          0,
        )
        const operands = [...instruction.inputs, ...instruction.outputs].filter(
          (v) => this.size(v) * T >= size,
        )
        return dispatch + steps + (operands.length * size * memoryElement * this.slowness) / 4
      }
      case 'kernel':
        return (
          dispatch + (isProduct(instruction.kernel) ? this.product(instruction) : this.movement(instruction))
        )
      case 'while':
        return (
          assumedInnerIterations *
          waiting *
          (this.block(instruction.condition) + this.block(instruction.body))
        )
      case 'scan':
        return instruction.length * (this.block(instruction.body) + dispatch)
      case 'cond': {
        const [a, b] = [this.block(instruction.then), this.block(instruction.else)]
        return dispatch + (T === 1 ? (a + b) / 2 : a + b)
      }
    }
  }

  private movement({ inputs, outputs }: KernelInstruction<number>): number {
    const touched = [...inputs, ...outputs].reduce((n, v) => n + this.size(v), 0)
    return this.lanes * touched * memoryElement * this.slowness
  }

  private product({ kernel, inputs, outputs, attributes }: KernelInstruction<number>): number {
    const T = this.lanes
    const shapes = inputs.map((v) => this.shape(v))
    const work =
      T *
      flops(
        kernel,
        shapes,
        outputs.map((v) => this.shape(v)),
        { transposeA: attributes[0] === 1 },
      ) *
      peakFlop
    const [a = []] = shapes
    const n = a[a.length - 1] ?? 1
    if (kernel === 'matmul') {
      const out = this.shape(outputs[0] as number)
      const [rows, columns] = [out[out.length - 2] ?? 1, out[out.length - 1] ?? 1]
      const inner = attributes[0] === 1 ? (a[a.length - 2] ?? 1) : n
      const [laneA, laneB] = [this.isLane(inputs[0] as number), this.isLane(inputs[1] as number)]
      if (laneA !== laneB) {
        const fractions = inner <= 24 && (laneB ? rows : columns) > 24 ? sharedNarrow : sharedWide
        return libraryCall + work / interpolate(fractions, T * (laneB ? columns : rows))
      }
      return Math.min(rows, columns) === 1
        ? this.own(work, Math.sqrt(inner * Math.max(rows, columns)), inputs, ownVectors)
        : this.own(work, Math.min(rows, inner, columns), inputs, ownProducts)
    }
    if (kernel === 'gram' && !this.isLane(inputs[0] as number)) return T * libraryCall + work / 0.7
    const vector = kernel.endsWith('Solve') && this.shape(outputs[0] as number).at(-1) === 1
    return this.own(work, n, inputs, vector ? ownSubstitutions : (ownOf[kernel] ?? ownFactors))
  }

  /** Matrices of a lane's own, side by side. */
  private own(
    work: number,
    order: number,
    inputs: readonly number[],
    { together, alone, reused }: Own,
  ): number {
    if (this.lanes === 1) return libraryCall + work / interpolate(alone, order)
    const bytes = 8 * this.lanes * inputs.reduce((total, v) => total + this.size(v), 0)
    // Fractions of products with much reuse were measured with eight lanes: they contain what eight lanes spill.
    const slowness = reused ? Math.sqrt(spill(bytes) / spill((8 * bytes) / this.lanes)) : spill(bytes)
    return (work / interpolate(together, order)) * slowness
  }
}
