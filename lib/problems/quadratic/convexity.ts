// Whether ½ xᵀQx is convex. With S = diag(Q)^(−1/2) a factor LLᵀ of SQS + τI exists if SQS has no eigenvalue below −τ/2,
// and does not if it has one below −2τ: rounding moves eigenvalues by a few n ε only (Higham 2002, theorem 10.7). The
// tolerance τ = 1e-7 lets a semidefinite matrix pass whose entries were printed with seven digits and more.
import { ArgumentError } from '../../base/errors.js'
import { quoteName } from '../../data/source.js'
import type { QpsData } from '../../data/qps.js'
import { eachEntry } from '../../data/sparseColumns.js'

const tolerance = 1e-7

/**
 * Refuses an objective that is not convex (not concave, where it is maximised).
 * @throws {ArgumentError} naming a variable along which it bends the wrong way.
 */
export const checkConvex = ({ Q, sense, name, columnNames }: QpsData): void => {
  const sign = sense === 'max' ? -1 : 1
  const refuse = (j: number, received: string): never => {
    const shape = sense === 'max' ? 'concave' : 'convex'
    throw new ArgumentError(`the objective${name === '' ? '' : ` of ${quoteName(name)}`} is not ${shape}`, {
      code: 'ERR_NOT_CONVEX',
      expected: `a positive semidefinite matrix ${sense === 'max' ? '−Q where it is maximised' : 'Q'}`,
      received: `${received} at variable ${quoteName(columnNames[j] ?? '')}`,
      remedy: 'Correct Q or the sense; local minima of other programs are not found here',
    })
  }
  const n = Q.columns
  const scale = new Float64Array(n)
  eachEntry(Q, (i, j, value) => {
    if (i === j && sign * value < 0) refuse(j, `diagonal entry ${String(value)}`)
    if (i === j) scale[j] = Math.sqrt(Math.abs(value))
  })
  // Variables without products need no factor.
  const coupled = new Set<number>()
  eachEntry(Q, (i, j, value) => {
    if (i === j || value === 0) return
    for (const k of [i, j]) {
      if (scale[k] === 0) refuse(k, 'a zero on the diagonal of a column that has other entries')
      coupled.add(k)
    }
  })
  const order = [...coupled].sort((a, b) => a - b)
  const place = new Map(order.map((j, k) => [j, k] as const))
  const size = order.length
  const rows = Array.from({ length: size }, (_, k) => new Float64Array(k + 1))
  eachEntry(Q, (i, j, value) => {
    const [row, column] = [place.get(i), place.get(j)]
    if (row === undefined || column === undefined) return
    const scaled = (sign * value) / (scale[i] as number) / (scale[j] as number)
    ;(rows[row] as Float64Array)[column] = i === j ? scaled + tolerance : scaled
  })
  for (let i = 0; i < size; i++) {
    const row = rows[i] as Float64Array
    for (let j = 0; j <= i; j++) {
      const other = rows[j] as Float64Array
      let rest = row[j] as number
      for (let k = 0; k < j; k++) rest -= (row[k] as number) * (other[k] as number)
      if (j < i) row[j] = rest / (other[j] as number)
      else if (rest > 0) row[j] = Math.sqrt(rest)
      else refuse(order[i] as number, `pivot ${(rest - tolerance).toExponential(1)} of the scaled factor`)
    }
  }
}
