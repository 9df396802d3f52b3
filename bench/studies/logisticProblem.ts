// Logistic regression with one penalty, as the problem module of a study: some 100 µs for each λ.
import { fileURLToPath } from 'node:url'
import {
  NDArray,
  add,
  defineStudyProblem,
  matmul,
  mean,
  mul,
  neg,
  newton,
  softplus,
  sumSquares,
} from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'

const [samples, features] = [400, 60]

/** Numbers that look drawn: the fractional parts of multiples of the golden ratio. */
const spread = (count: number, from: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => (((i + from) * 0.6180339887498949) % 1) * 2 - 1)

const rows = (from: number): NDArray => new NDArray([samples, features], spread(samples * features, from))
const labels = (from: number): NDArray =>
  new NDArray(
    [samples],
    spread(samples, from).map((x) => (x > 0 ? 1 : -1)),
  )

const [A, b] = [rows(1), labels(1e6)]
const [validation, targets] = [rows(2e6), labels(3e6)]

const loss = (w: Tensor, images: NDArray, signs: NDArray): Tensor =>
  mean(softplus(neg(mul(signs, matmul(images, w)))))

export interface Penalty {
  readonly lambda: Tensor
}

export const inner = newton({
  objective: (w: Tensor, { lambda }: Penalty) => add(loss(w, A, b), mul(mul(0.5, lambda), sumSquares(w))),
  lineSearch: 'none',
  tol: 1e-8,
})

export const x0 = new NDArray([features], new Float64Array(features))

export const outer = (w: Tensor): Tensor => loss(w, validation, targets)

/** A study file of it, with λ drawn. */
export const studyText = (rows: number, chunkRows: number): string => `
name: logistic
problem: ${fileURLToPath(import.meta.url)}
space:
  lambda: { logUniform: [0.001, 10] }
samples: ${String(rows)}
strategies: [oneStep]
record: [value, gradient, residual, iterations]
chunk: { rows: ${String(chunkRows)} }
`

export default defineStudyProblem({
  theta: { lambda: 1 },
  solvers: { newton: () => inner as never },
  x0,
  outer,
})
