// Eigenvalues by Jacobi rotations against matrices of known spectrum, and norms.
import { deepStrictEqual, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'tap'
import {
  difference,
  distance,
  operatorNorm,
  relativeError,
  squaredSingularValues,
  symmetricEigenvalues,
} from '../../bench/paper/spectrum.js'
import { array } from '../../lib/index.js'

/** Q diag(values) Qᵀ with Q = I − 2 u uᵀ / uᵀu. */
const withSpectrum = (values: readonly number[], u: readonly number[]): Float64Array => {
  const n = values.length
  const length = u.slice(0, n).reduce((s, x) => s + x * x, 0)
  const q = (i: number, j: number): number =>
    (i === j ? 1 : 0) - (2 * (u[i] as number) * (u[j] as number)) / length
  const out = new Float64Array(n * n)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      for (let k = 0; k < n; k++)
        out[i * n + j] = (out[i * n + j] as number) + q(i, k) * (values[k] as number) * q(j, k)
    }
  }
  return out
}

test('eigenvalues of a matrix that was made from them', async (t) => {
  const values = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 9 })
  const weights = fc.array(fc.double({ min: 0.1, max: 1, noNaN: true }), { minLength: 9, maxLength: 9 })
  fc.assert(
    fc.property(values, weights, (list, u) => {
      const found = symmetricEigenvalues(withSpectrum(list, u), list.length)
      const sorted = [...list].sort((x, y) => y - x)
      const scale = Math.max(1, ...list.map(Math.abs))
      found.forEach((x, i) =>
        ok(Math.abs(x - (sorted[i] as number)) <= 1e-12 * scale, `${String(x)} ≠ ${String(sorted[i])}`),
      )
    }),
  )
  t.pass('they agree')
})

test('graded spectra keep their large end', async (t) => {
  const values = [1.6e16, 6e14, 1e14, 4e10, 1.4e4]
  const found = symmetricEigenvalues(withSpectrum(values, [1, 2, 3, 4, 5]), 5)
  ;[0, 1, 2].forEach((i) => t.ok(Math.abs((found[i] as number) / (values[i] as number) - 1) < 1e-12))
})

test('norms', async (t) => {
  const a = array([
    [3, 0, 0],
    [0, 0, 4],
  ])
  deepStrictEqual([...squaredSingularValues(a)], [16, 9])
  t.equal(operatorNorm(a), 4)
  t.equal(operatorNorm(difference(a, a)), 0)
  t.equal(distance([3, 4]), 5)
  t.equal(distance([3, 5], [3, 1]), 4)
  t.equal(relativeError([3, 5], [3, 4]), 0.2)
})
