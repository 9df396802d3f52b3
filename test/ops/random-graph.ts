// Random functions for property tests: a list of numbers decides which op is applied to which earlier arrays. Every step
// is smooth and keeps its values of the size of its operands, so that derivatives of any depth stay comparable.
import { sizeOf } from '../../lib/base/shape.js'
import { cond } from '../../lib/control/cond.js'
import { scan } from '../../lib/control/scan.js'
import type { Tensor } from '../../lib/ir/tensor.js'
import * as e from '../../lib/ops/elementwise.js'
import * as l from '../../lib/ops/linalg.js'
import * as m from '../../lib/ops/movement.js'
import { mean, logsumexp, sum } from '../../lib/ops/reduce.js'

/** Choices of one step: the op, two operands, and a number for everything else. */
export type Step = readonly [op: number, first: number, second: number, detail: number]

type Build = (x: Tensor, y: Tensor, detail: number) => Tensor

const at = <T>(list: readonly T[], i: number): T => list[i % list.length] as T

/** Numbers between −1 and 1 from any numbers. */
const small = (x: Tensor): Tensor => e.tanh(x)
const positive = (x: Tensor): Tensor => e.add(1.5, small(x))

/** y, or a number made of it where its shape does not fit x. */
const fitting = (x: Tensor, y: Tensor): Tensor => {
  const rank = Math.max(x.rank, y.rank)
  const size = (t: Tensor, axis: number): number => t.shape[axis - rank + t.rank] ?? 1
  const fits = Array.from({ length: rank }, (_, axis) => [size(x, axis), size(y, axis)]).every(
    ([a, b]) => a === b || a === 1 || b === 1,
  )
  return fits ? y : mean(y)
}

/** At least a matrix. */
const matrix = (x: Tensor): Tensor => (x.rank >= 2 ? x : m.reshape(x, [-1, 1]))
const axisOf = (x: Tensor, detail: number): number => (x.rank === 0 ? 0 : detail % x.rank)
const atLeastVector = (x: Tensor): Tensor => (x.rank === 0 ? m.reshape(x, [1]) : x)

/** A Aᵀ / columns + 1: symmetric positive definite. */
const definite = (x: Tensor): Tensor => {
  const a = matrix(small(x))
  const columns = a.shape[a.rank - 1] as number
  return e.add(e.div(l.matmul(a, m.matrixTranspose(a)), columns), m.eye(a.shape[a.rank - 2] as number))
}

const elementwise =
  (f: (x: Tensor, y: Tensor) => Tensor): Build =>
  (x, y) =>
    f(x, fitting(x, y))

/** The ops of a random graph, by name so that a failure can be read. */
export const builders: Readonly<Record<string, Build>> = {
  add: elementwise((x, y) => e.mul(0.5, e.add(x, y))),
  sub: elementwise((x, y) => e.mul(0.5, e.sub(x, y))),
  mul: elementwise((x, y) => e.mul(x, small(y))),
  div: elementwise((x, y) => e.div(x, positive(y))),
  pow: elementwise((x, y) => e.pow(positive(x), small(y))),
  where: elementwise((x, y) => e.where(e.greater(x, 0.3), e.mul(x, y), e.neg(x))),
  neg: e.neg,
  reciprocal: (x) => e.reciprocal(positive(x)),
  square: (x) => e.square(small(x)),
  sqrt: (x) => e.sqrt(positive(x)),
  exp: (x) => e.exp(small(x)),
  expm1: (x) => e.expm1(small(x)),
  log: (x) => e.log(positive(x)),
  log1p: (x) => e.log1p(e.mul(0.5, small(x))),
  sin: e.sin,
  cos: e.cos,
  tanh: e.tanh,
  sigmoid: e.sigmoid,
  softplus: (x) => e.sub(e.softplus(small(x)), 0.5),
  sum: (x, _, detail) => e.mul(0.5, sum(small(x), x.rank === 0 ? [] : [axisOf(x, detail)])),
  mean: (x) => mean(x),
  logsumexp: (x, _, detail) => (x.rank === 0 ? x : logsumexp(small(x), axisOf(x, detail))),
  reshape: (x, _, detail) => m.reshape(x, detail % 2 === 0 ? [-1] : [1, ...x.shape]),
  transpose: (x, _, detail) =>
    m.transpose(
      x,
      x.shape.map((__, i) => (i + detail) % x.rank),
    ),
  broadcast: (x, _, detail) => m.broadcast(x, [1 + (detail % 3), ...x.shape]),
  slice: (x, _, detail) => {
    const n = x.shape[0] ?? 0
    return n < 2 ? x : m.slice(x, [detail % 2, n, 1 + (detail % 3)])
  },
  pad: (x, _, detail) =>
    m.pad(
      x,
      x.shape.map(() => detail % 2),
      x.shape.map(() => 1),
      x.shape.map(() => detail % 3),
    ),
  concat: (x, _, detail) =>
    m.concat([atLeastVector(x), e.sin(atLeastVector(x))], detail % Math.max(1, x.rank)),
  gather: (x, _, detail) => {
    const n = x.shape[0] ?? 0
    return n === 0 ? x : m.gather(x, [detail % n, 0, (detail + 1) % n])
  },
  scatterAdd: (x, _, detail) =>
    x.rank === 0
      ? x
      : m.scatterAdd(
          x,
          Array.from({ length: x.shape[0] as number }, (__, i) => (i + detail) % 2),
          2,
        ),
  tril: (x) => m.tril(matrix(x)),
  triu: (x) => m.triu(matrix(x), 1),
  matmul: (x, y) => {
    const [a, b] = [matrix(small(x)), matrix(y)]
    const k = a.shape[a.rank - 1] as number
    const right = b.shape[b.rank - 2] === k && b.rank === 2 ? b : m.matrixTranspose(a)
    return e.div(l.matmul(a, right), Math.max(1, k))
  },
  gram: (x, y) => {
    const a = matrix(small(x))
    const rows = a.shape[a.rank - 2] as number
    return e.div(l.gram(a, m.broadcast(mean(y), [rows])), Math.max(1, rows))
  },
  cholesky: (x) => l.cholesky(definite(x)),
  triangularSolve: (x, y, detail) => {
    const t = l.cholesky(definite(x))
    const b = matrix(x)
    return l.triangularSolve(t, e.mul(b, mean(small(y))), { transpose: detail % 2 === 1 })
  },
  choleskySolve: (x, y) => l.choleskySolve(definite(x), e.mul(matrix(x), mean(small(y)))),
  luSolve: (x, y) => l.luSolve(e.add(definite(x), e.mul(mean(small(y)), m.tril(definite(x), -1))), matrix(x)),
  logdet: (x) => l.logdet(definite(x)),
  scan: (x, y) => {
    const [last, path] = scan(
      (c: Tensor, u: Tensor) => [small(e.add(c, e.mul(u, mean(y)))), e.mul(c, u)] as const,
      mean(x),
      e.sin(m.ravel(x)),
    )
    return e.add(last, path)
  },
  cond: (x, y) =>
    cond(
      e.greater(sum(x), 0.1),
      () => e.sin(x),
      () => e.mul(x, mean(small(y))),
    ),
}

const names = Object.keys(builders)

/** The name of the op that a step applies. */
export const opOf = ([op]: Step): string => at(names, op)

const largest = 48

/** The function that the steps describe: the last three arrays, from any number of inputs. */
export const randomFunction =
  (steps: readonly Step[]) =>
  (...inputs: Tensor[]): readonly Tensor[] => {
    const made = steps.reduce<readonly Tensor[]>((arrays, step) => {
      const [, first, second, detail] = step
      const out = (builders[opOf(step)] as Build)(at(arrays, first), at(arrays, second), detail)
      // Arrays that grew are averaged over their first axis, or over all of them.
      const kept =
        sizeOf(out.shape) <= largest && out.rank <= 4
          ? out
          : mean(out, sizeOf(out.shape.slice(1)) <= largest && out.rank <= 5 ? 0 : undefined)
      return [...arrays, kept]
    }, inputs)
    return made.slice(-3)
  }
