// The choice of T, lanes a tile: predicted nanoseconds an instance for each candidate, the smallest wins.
//
//   time(T) = (dispatch + T · work / efficiency(T) · spill(tile bytes)) / T
//
// Efficiencies are fractions of the GEMM peak, measured on an AVX-512 core with OpenBLAS: a product with a matrix that all
// lanes share has T columns for each of a lane's, which is best at 8 when the matrix is narrow and at 64 when it is
// square; small matrices of a lane's own run 4–6 times faster side by side, large ones gain nothing.
import type { Shape } from '../base/shape.js'
import { sizeOf } from '../base/shape.js'
import { elementTime, flops, isProduct, memoryElement, peakFlop } from './cost.js'
import type { Layout, ProgramValue } from './format.js'
import type { Instruction, KernelInstruction } from './instruction.js'

/** What `lanes: 'auto'` chooses from. */
export const laneCandidates: readonly number[] = [1, 8, 16, 32, 64]

/** Nanoseconds to start an instruction, and a step of a fused one. */
const dispatch = 50
const stepDispatch = 12
/** Nanoseconds of a call of BLAS or LAPACK. */
const libraryCall = 150
/** How often an unbounded loop is taken to run. */
const assumedIterations = 50

/** The predicted time of an instance at some T, in nanoseconds. */
export interface Prediction {
  readonly lanes: number
  readonly nanoseconds: number
}

/** Predictions for all candidates; the layout may have been made for any T. */
export const predictLanes = (layout: Layout): readonly Prediction[] =>
  laneCandidates.map((lanes) => ({ lanes, nanoseconds: new Predictor(layout, lanes).instance() }))

/** The number of lanes with the least predicted time; among those within 5 %, the smallest. */
export const chooseLanes = (layout: Layout): number => {
  const predictions = predictLanes(layout)
  const least = Math.min(...predictions.map(({ nanoseconds }) => nanoseconds))
  return (predictions.find(({ nanoseconds }) => nanoseconds <= 1.05 * least) as Prediction).lanes
}

/** A value of y at x between points that are given at ascending logarithms. */
const interpolate = (points: readonly (readonly [number, number])[], x: number): number => {
  const [first] = points as [readonly [number, number]]
  let [a, ya] = first
  for (const [b, yb] of points) {
    if (x <= b) return b === a ? yb : ya + ((yb - ya) * Math.log(Math.max(x, a) / a)) / Math.log(b / a)
    ;[a, ya] = [b, yb]
  }
  return ya
}

/** Fractions of the peak by columns, for a narrow shared matrix (at most 24 rows or columns) and a wide one (at least 256). */
const narrow: readonly (readonly [number, number])[] = [
  [1, 0.12],
  [8, 1],
  [16, 0.7],
  [32, 0.6],
  [64, 0.5],
  [128, 0.45],
]
const wide: readonly (readonly [number, number])[] = [
  [1, 0.12],
  [8, 0.45],
  [16, 0.6],
  [32, 0.8],
  [64, 0.9],
]

const sharedEfficiency = (rows: number, inner: number, columns: number): number => {
  const width = Math.min(rows, inner)
  const share = interpolate(
    [
      [24, 0],
      [256, 1],
    ],
    width,
  )
  return (1 - share) * interpolate(narrow, columns) + share * interpolate(wide, columns)
}

/** How much slower memory is when a tile takes so many bytes: L2, L3, beyond. */
const spill = (bytes: number): number =>
  interpolate(
    [
      [2 ** 19, 1],
      [2 ** 21, 1.6],
      [2 ** 23, 2],
      [2 ** 25, 4],
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
    return time / this.lanes
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
          assumedIterations * waiting * (this.block(instruction.condition) + this.block(instruction.body))
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
        const wideSide = laneB ? columns : rows
        return libraryCall + work / sharedEfficiency(laneB ? rows : columns, inner, T * wideSide)
      }
      return this.own(work, Math.max(rows, inner, columns), Math.min(rows, columns) === 1)
    }
    if (kernel === 'gram' && !this.isLane(inputs[0] as number)) return T * libraryCall + work / 0.7
    return this.own(work, n, false)
  }

  /** Matrices of a lane's own: lane loops while they are small, BLAS and LAPACK one lane after another when they are large. */
  private own(work: number, n: number, isVector: boolean): number {
    const T = this.lanes
    // Cholesky: n = 8 takes 217 ns alone and 35 in lanes, n = 16 604 and 144, n = 64 24.8 and 6.4 µs.
    const alone = isVector
      ? 0.12
      : interpolate(
          [
            [8, 0.04],
            [64, 0.07],
            [512, 0.7],
          ],
          n,
        )
    const oneByOne = T * libraryCall + work / alone
    return T === 1 ? oneByOne : Math.min(oneByOne, (work * this.slowness) / 0.25)
  }
}
