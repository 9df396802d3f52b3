// Whether a matrix is formed: what is predicted from the traced product, at orders that are far from where the two cost the same.
import { test } from 'tap'
import { prefersMatrix } from '../../lib/differentiation/predictedCost.js'
import { array, compile, exp, matmul, mul, ones, scan, tanh } from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'

/** Products d ↦ K d of order n. */
const products: Readonly<Record<string, (n: number) => (d: Tensor) => Tensor>> = {
  diagonal: (n) => (d) => mul(d, ones([n])),
  dense: (n) => {
    const K = array(new Float64Array(n * n).fill(1 / n), [n, n])
    return (d) => matmul(K, d)
  },
  // Entry by entry, n products at once are n times the work of one.
  long: () => (d) => {
    let t = d
    for (let k = 0; k < 300; k++) t = tanh(exp(t))
    return t
  },
  'long, in a loop': () => (d) => scan((t: Tensor) => [tanh(exp(t)), []] as const, d, [], { length: 300 })[0],
}

const prefers = (name: string, n: number): boolean => {
  let answer: boolean | undefined
  // Tracing is all that is needed.
  compile((x: Tensor) => {
    answer = prefersMatrix((products[name] as (n: number) => (d: Tensor) => Tensor)(n), n)
    return x
  }).graph(1)
  if (answer === undefined) throw new Error('not traced')
  return answer
}

const table: readonly (readonly [string, number, boolean])[] = [
  ['diagonal', 3, true],
  ['diagonal', 60, true],
  ['diagonal', 160, true],
  ['diagonal', 500, false],
  ['dense', 10, true],
  ['dense', 180, true],
  ['dense', 500, false],
  ['long', 30, true],
  ['long', 250, false],
  ['long, in a loop', 30, true],
  ['long, in a loop', 250, false],
]

for (const [name, n, matrix] of table) {
  test(`${name} product of order ${String(n)}: ${matrix ? 'the matrix' : 'iterations'}`, async (t) => {
    t.equal(prefers(name, n), matrix)
  })
}
