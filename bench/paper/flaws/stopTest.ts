// The stop test of the interior point. The published code stops when the right-hand side of the corrector, σμ − ds∘dz, is below
// 10⁻¹⁰: it looks at no residual of the optimality conditions, and at no scale. On its data that is soon enough. With the same
// program in other units (b, h, q times u: x* is u times as large, products s∘z are u² times) it stops far from x*.
// The right test is on all of the optimality conditions, relative to the scale u² of the products.
import { array, compile, grad, implicit, solve, sumSquares } from '../../../lib/index.js'
import type { NDArray, Tensor } from '../../../lib/index.js'
import { qpData, sizes } from '../qp.js'
import type { QpData } from '../qp.js'
import { distance, relativeError } from '../spectrum.js'
import { centralDifference, moved } from './finding.js'
import type { Finding } from './finding.js'
import { anyStart, partsOf, publishedInteriorPoint } from './publishedInteriorPoint.js'
import type { InteriorPointChoice } from './publishedInteriorPoint.js'

/** The same program in other units: x* times u, and the gradient of ½‖x‖² times u. */
const inUnits = (data: QpData, u: number): QpData => {
  const times = ({ data: values }: NDArray): NDArray => array(values.map((value) => value * u))
  return { ...data, b: times(data.b), h: times(data.h), q: times(data.q) }
}

/** x, and the gradient of ½‖x‖² in b, by a stop test. */
const programOf = (data: QpData, measure: InteriorPointChoice['measure'], tol: number) => {
  const solver = publishedInteriorPoint(data, { start: 'right', measure, tol })
  const x = (b: Tensor): Tensor =>
    partsOf(data, solve(solver, { x0: anyStart(data), theta: b, strategy: implicit() })).x
  return compile((b: Tensor) => ({ x: x(b), gradient: grad((t: Tensor) => sumSquares(x(t)).mul(0.5))(b) }))
}

/** With the data as published, and in units of u. */
export const stopTest = (u = 1e-4): Finding[] => {
  const plain = qpData(sizes[0])
  const b = plain.b.data
  const truth = programOf(plain, 'residual', 1e-12)
  const xAt = (at: Float64Array): Float64Array => (truth(at).value.x as NDArray).data
  const exact = xAt(b)

  // The derivative of ½‖x‖² along the gradient, by differences of what is solved in the first units.
  const gradient = (truth(b).value.gradient as NDArray).data
  const direction = gradient.map((g) => g / distance(gradient))
  const half = (h: number): number[] => [0.5 * distance(xAt(moved(b, direction, h))) ** 2]
  const difference = centralDifference(half, 1e-4)[0] as number

  const findings = (unit: number, name: string, bars: readonly [number, number] | undefined): Finding[] => {
    const data = inUnits(plain, unit)
    const [right, published] = [
      programOf(data, 'residual', 1e-10 * unit ** 2)(data.b).value,
      programOf(data, 'corrector', 1e-10)(data.b).value,
    ]
    const of = (quantity: string, measure: (stopped: typeof right) => number, bar?: number): Finding => ({
      ...{ flaw: 'stopTest', quantity: `${quantity}: ${name}`, ...(bar === undefined ? {} : { bar }) },
      ...{ right: measure(right), published: measure(published) },
    })
    const inFirstUnits = (v: unknown): Float64Array => (v as NDArray).data.map((value) => value / unit)
    const slope = (g: unknown): number =>
      inFirstUnits(g).reduce((total, value, i) => total + value * (direction[i] as number), 0)
    return [
      of('‖x − x*‖ / ‖x*‖ where it stops', ({ x }) => relativeError(inFirstUnits(x), exact), bars?.[0]),
      of(
        'derivative of ½‖x‖² in b against central differences, relative error',
        (stopped) => Math.abs(slope(stopped.gradient) / difference - 1),
        bars?.[1],
      ),
    ]
  }
  return [
    ...findings(1, 'data as published', undefined),
    ...findings(u, `in units of ${u.toExponential(0)}`, [1e-6, 1e-6]),
  ]
}
