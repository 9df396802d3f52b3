// The start of the interior point. After one linear solve z = Gx − h and s = −z; what is not positive is moved by its margin:
//   s ← s + 1 + max(−s),   z ← z + 1 + max(−z)      the published code moves z by the margin of s, 1 + max(−s) = 1 + max(z)
// On its random data z₀ happens to be positive all the same. With wide margins h − Gx no component of z₀ is, and the method,
// whose iterates must be positive, breaks down.
import { array, compile, oneStep, solve } from '../../../lib/index.js'
import type { NDArray, Tensor } from '../../../lib/index.js'
import { qpData, sizes } from '../qp.js'
import type { QpData } from '../qp.js'
import type { Finding } from './finding.js'
import { anyStart, partsOf, publishedInteriorPoint, startOf } from './publishedInteriorPoint.js'

type Rule = 'right' | 'published'

/** z₀ by either rule. */
export const startingZ = (data: QpData, rule: Rule): Float64Array => {
  const made = compile((b: Tensor) => partsOf(data, startOf(data, b, rule)).z)(data.b).value
  return (made as NDArray).data
}

/** Steps of the loop from the start by a rule, NaN where it breaks down. */
const stepsFrom = (data: QpData, rule: Rule): number => {
  const solver = publishedInteriorPoint(data, { start: rule, measure: 'corrector', tol: 1e-10 })
  const program = compile((b: Tensor) => solve(solver, { x0: anyStart(data), theta: b, strategy: oneStep() }))
  const { status, iterations } = program(data.b)
  return status === 'converged' ? iterations : NaN
}

/** On published data, and with h wider by `margin`. */
export const interiorPointStart = (margin = 3): Finding[] => {
  const published = qpData(sizes[0])
  const wide = { ...published, h: array(published.h.data.map((value) => value + margin)) }
  const flaw = 'start' as const
  const of = (name: string, data: QpData, bars: readonly [number, number] | undefined): Finding[] => {
    const negative = (rule: Rule): number => startingZ(data, rule).filter((value) => value <= 0).length
    return [
      {
        ...{ flaw, quantity: `components of z₀ ≤ 0 of ${String(data.h.size)}: ${name}` },
        ...{ right: negative('right'), published: negative('published') },
        ...(bars === undefined ? {} : { bar: bars[0] }),
      },
      {
        ...{ flaw, quantity: `steps to convergence: ${name}` },
        ...{ right: stepsFrom(data, 'right'), published: stepsFrom(data, 'published') },
        ...(bars === undefined ? {} : { bar: bars[1] }),
      },
    ]
  }
  return [
    ...of('random data as published', published, undefined),
    ...of(`the same with h + ${String(margin)}`, wide, [1, 50]),
  ]
}
