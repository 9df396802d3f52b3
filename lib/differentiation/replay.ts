// Differentiating steps that are made once more. Each lane has its own number of steps: a scan up to the step limit, in
// which a lane takes part as long as its own count lasts.
import { shapesOf } from '../control/loop.js'
import { scan } from '../control/scan.js'
import type { Tensor } from '../ir/tensor.js'
import { traceGraph } from '../ir/trace.js'
import { add, clip, sub } from '../ops/elementwise.js'
import { broadcast } from '../ops/movement.js'
import { jvpGraph } from '../transform/jvp.js'
import { vjpGraph } from '../transform/vjp.js'
import type { Solved, Strategy } from './strategy.js'

/**
 * `count` of at most `length` steps as a scan of scans, `levels` deep: reverse mode keeps the carry at the start of each
 * inner scan and recomputes the rest, in about levels · length^(1/levels) carries of memory.
 */
export const repeat = (
  step: (carry: Tensor[]) => Tensor[],
  carry: Tensor[],
  length: number,
  count: Tensor,
  levels: number,
): Tensor[] => {
  if (levels <= 1 || length <= 4) {
    return scan((c: Tensor[]) => [step(c), []] as const, carry, [], { length, count })[0]
  }
  const segment = Math.ceil(length ** ((levels - 1) / levels))
  const segments = Math.ceil(length / segment)
  const [[out]] = scan(
    ([c, done]: [Tensor[], Tensor]) => {
      const mine = clip(sub(count, done), 0, segment)
      const next: [Tensor[], Tensor] = [repeat(step, c, segment, mine, levels - 1), add(done, segment)]
      return [next, []] as const
    },
    [carry, broadcast(0, [])] as [Tensor[], Tensor],
    [],
    { length: segments },
  )
  return out
}

type Differentiable = (theta: readonly Tensor[], x0: readonly Tensor[]) => Tensor

/** Rules of a strategy that is the plain derivative of a computation of x̄ from θ (and x0). */
export const byReplay = (replay: (solved: Solved) => Differentiable): Pick<Strategy, 'jvp' | 'vjp'> => {
  const traced = (solved: Solved) => {
    const { theta, trajectory } = solved
    const inputs = [...theta, ...trajectory.x0]
    const { graph, captured } = traceGraph(
      (ts) => [replay(solved)(ts.slice(0, theta.length), ts.slice(theta.length))],
      shapesOf(inputs),
    )
    return { graph, inputs: [...inputs, ...captured] }
  }
  return {
    jvp: (solved, dTheta, dX0) => {
      const { graph, inputs } = traced(solved)
      const given = [...dTheta, ...dX0]
      return jvpGraph(
        { ...graph, reports: [] },
        inputs,
        inputs.map((_, i) => given[i]),
      ).tangents[0]
    },
    vjp: (solved, v, wanted) => {
      const { graph, inputs } = traced(solved)
      const flags = inputs.map((_, i) => wanted[i] ?? false)
      return vjpGraph({ ...graph, reports: [] }, inputs, flags)
        .pull([v])
        .slice(0, wanted.length)
    },
  }
}
