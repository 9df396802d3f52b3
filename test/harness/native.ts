// A graph on the native executor, against what the interpreter computed: as a single instance (T = 1), and in a tile of eight
// lanes, twice, with another instance between that goes its own way.
import { NDArray } from '../../lib/base/ndarray.js'
import type { Graph, ReportKind } from '../../lib/ir/graph.js'
import { lower } from '../../lib/program/lower.js'
import { backends } from '../../lib/runtime/backends.js'
import type { Interpreted } from '../../lib/runtime/interpreter.js'
import { relativeError } from '../oracle/compare.js'

/** Whether a report is what it must be: statuses are exact, rounding may move the end of a loop, residuals are rounding. */
const agrees = (kind: ReportKind, received: number, expected: number): boolean => {
  if (kind === 'residual' || kind === 'adjointResidual') return true
  return Object.is(received, expected) || (kind === 'iterations' && Math.abs(received - expected) <= 2)
}

type Outputs = readonly Float64Array[]

/** Another instance of the same shapes. */
const moved = ({ data }: NDArray): readonly number[] =>
  Array.from(data, (x, i) => x * (1 + 0.01 * (1 + (i % 3))))

/**
 * @throws {Error} when outputs differ by more than `bar`, relative to the largest, when a status or a number of steps
 * differs, or when an instance depends on the lane in which it runs.
 */
export const checkNative = (
  graph: Graph,
  inputs: readonly NDArray[],
  { outputs, reports }: Interpreted,
  bar: number,
): void => {
  const check = (what: string, given: Outputs, kinds: readonly ReportKind[]): void => {
    const own = outputs.map((x, i) => new NDArray(x.shape, given[i] as Float64Array))
    const error = relativeError(own, outputs)
    if (!(error <= bar)) throw new Error(`${what}: outputs differ by ${String(error)}`)
    kinds.forEach((kind, k) => {
      const received = given[outputs.length + k]?.[0] as number
      if (agrees(kind, received, reports[kind] as number)) return
      throw new Error(`${what}: ${kind} ${String(received)}, expected ${String(reports[kind])}`)
    })
  }
  const run = (
    data: Outputs,
    lanes: number,
    batch: number,
  ): { outputs: Outputs; kinds: readonly ReportKind[] } => {
    const program = lower(graph, { uniform: graph.inputs.map(() => lanes === 1), lanes })
    return { outputs: backends.native(program, graph).run(data, batch), kinds: program.reports }
  }
  const single = run(
    inputs.map((x) => x.data),
    1,
    1,
  )
  check('T = 1', single.outputs, single.kinds)
  if (inputs.length === 0) return
  const tile = run(
    inputs.map((x) => Float64Array.from([...x.data, ...moved(x), ...x.data])),
    8,
    3,
  )
  const instance = (k: number): Outputs =>
    tile.outputs.map((data) => data.slice((k * data.length) / 3, ((k + 1) * data.length) / 3))
  const [first, third] = [instance(0), instance(2)]
  check('T = 8', first, tile.kinds)
  if (first.every((data, i) => data.every((x, k) => Object.is(x, third[i]?.[k])))) return
  throw new Error('T = 8: the bits of an instance depend on the lane in which it runs')
}
