// What onestep itself costs: the way from TypeScript to a program, and from a call to the executor and back.
import {
  compile,
  newton,
  oneStep,
  solve,
  sumSquares,
  valueAndGrad,
  statistics,
  timing,
} from '../lib/index.js'
import type { Tensor } from '../lib/index.js'
import { atMost, reported } from './figures.js'
import type { Figure } from './figures.js'
import { logisticData, logisticObjective, logisticStart, logisticWeights } from './paper/logistic.js'

/** Traces and lowers a Newton solve with its one-step derivative from scratch. */
const lowerNewton = (p: number): (() => unknown) => {
  const data = logisticData(1, p)
  const theta = logisticWeights(2 * p)
  const x0 = logisticStart(p)
  return () => {
    const solver = newton<Tensor, Tensor>({ objective: logisticObjective(data), lineSearch: 'none' })
    const loss = (t: Tensor): Tensor => sumSquares(solve(solver, { x0, theta: t, strategy: oneStep() }))
    return compile(valueAndGrad(loss), { lanes: 1 }).lower(theta)
  }
}

/** Milliseconds to lower, microseconds to call. */
export const overheadFigures = async (): Promise<Figure[]> => {
  const lowering = lowerNewton(50)
  const start = performance.now()
  lowering()
  const first = performance.now() - start
  const addOne = compile((x: Tensor) => x.add(1))
  const times = await timing.sideBySide(
    { lower: timing.waiting(lowering), call: timing.waiting(() => addOne(1)) },
    { rounds: 9, turn: 0.02 },
  )
  return [
    reported(
      'tracing and lowering Newton with its one-step derivative, the first time in the process: ms',
      first,
    ),
    atMost(
      'tracing and lowering Newton with its one-step derivative: ms',
      1e3 * statistics.median(times.lower),
      50,
    ),
    atMost('a compiled call of x + 1: µs', 1e6 * statistics.median(times.call), 10),
  ]
}
