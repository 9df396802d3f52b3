// Random traced functions: a list of numbers is read as choices of ops and operands, so that fast-check can shrink it.
import { zeros } from '../../lib/base/ndarray.js'
import { sameShape } from '../../lib/base/shape.js'
import type { Shape } from '../../lib/base/shape.js'
import { cond } from '../../lib/control/cond.js'
import { scan } from '../../lib/control/scan.js'
import { whileLoop } from '../../lib/control/while.js'
import type { Tensor } from '../../lib/ir/tensor.js'
import { report, tensor } from '../../lib/ir/trace.js'
import * as e from '../../lib/ops/elementwise.js'
import { cholesky, choleskyFactor, gram, luFactor, matmul, triangularSolve } from '../../lib/ops/linalg.js'
import {
  broadcast,
  concat,
  eye,
  gather,
  matrixTranspose,
  pad,
  reshape,
  scatterAdd,
  slice,
  stack,
  tril,
} from '../../lib/ops/movement.js'
import { max, sum } from '../../lib/ops/reduce.js'

/** Shapes of the inputs of every random function. */
export const inputShapes: readonly Shape[] = [[], [3], [3, 3], [], [2, 3]]

class Choices {
  private readonly list: readonly number[]
  private at = 0

  constructor(list: readonly number[]) {
    this.list = list
  }

  get left(): number {
    return this.list.length - this.at
  }

  next(n: number): number {
    return (this.list[this.at++] ?? 0) % n
  }

  pick<T>(list: readonly T[]): T {
    return list[this.next(list.length)] as T
  }
}

/** Numbers stay of moderate size, so that long chains do not end in NaN alone. */
const tame = (x: Tensor): Tensor => e.sin(x)

const unary = [
  e.neg,
  e.abs,
  e.square,
  e.tanh,
  e.sigmoid,
  e.floor,
  e.exp,
  e.stopGradient,
  e.isFinite,
  e.softplus,
]
const binary = [e.add, e.sub, e.mul, e.maximum, e.minimum, e.less, e.equal]

/** A number from the choices that is not the same everywhere. */
const number = (c: Choices): number => c.pick([0, -0, 1, 0.5, -2, 3])

/** A well-conditioned symmetric matrix from any [3, 3]. */
const definite = (a: Tensor): Tensor => matmul(a, matrixTranspose(a)).add(matmul(eye(3), eye(3)).mul(2))

const makers: readonly ((
  c: Choices,
  draw: (shape?: Shape) => Tensor,
  depth: number,
) => Tensor | readonly Tensor[])[] = [
  (c, draw) => tame(c.pick(unary)(draw())),
  (c, draw) => tame(c.pick(unary)(draw())),
  (c, draw) => {
    const x = draw()
    return c.pick(binary)(x, draw(c.pick([x.shape, []])))
  },
  (c, draw) => c.pick(binary)(draw([3]), draw([2, 3])),
  (c, draw) => c.pick(binary)(draw(), number(c)),
  (_, draw) => e.where(draw([]), draw([3]), draw([2, 3])),
  (_, draw) => tame(matmul(draw([3, 3]), draw([3]))),
  (_, draw) => tame(matmul(draw([2, 3]), draw([3, 3]))),
  (_, draw) => tame(matmul(matrixTranspose(draw([2, 3])), draw([2, 3]))),
  (_, draw) => tame(gram(draw([2, 3]), slice(draw([3]), [0, 2]))),
  (c, draw) => tame(sum(draw([2, 3]), c.pick([0, 1]))),
  (c, draw) => max(draw(c.pick([[3], [2, 3], [3, 3]] as const))),
  (_, draw) => matrixTranspose(draw([3, 3])),
  (c, draw) => slice(draw([3, 3]), [c.next(2), 3]),
  (c, draw) => slice(draw([3, 3]), undefined, [c.next(3), 3]),
  (_, draw) => concat([draw([3]), draw([3]), draw([3])]).reshape([3, 3]),
  (_, draw) => stack([draw([3]), draw([3])]),
  (_, draw) => reshape(pad(draw([]).reshape([1]), [1], [1]), [3]),
  (_, draw) => gather(draw([2, 3]), [1, 0, 1]),
  (_, draw) => scatterAdd(draw([3]), [0, 0, 2], 3),
  (c, draw) => tril(draw([3, 3]), c.next(2)),
  (_, draw) => broadcast(draw([]), [3]),
  (_, draw) => broadcast(draw([3]), [2, 3]).mul(broadcast(draw([]), [2, 3])),
  (_, draw) => cholesky(definite(draw([3, 3]))),
  (_, draw) => tame(choleskyFactor(definite(draw([3, 3]))).solve(draw([3]))),
  (_, draw) => tame(luFactor(definite(draw([3, 3]))).solveTransposed(draw([3]))),
  (_, draw) => tame(triangularSolve(tril(definite(draw([3, 3]))), draw([3, 3]), { transpose: true })),
  (_, draw) => tensor(zeros([3])).add(draw([])),
  (c, draw, depth) => {
    if (depth === 0) return draw()
    const limit = c.pick([draw([]).abs().mul(3), tensor(3), tensor(0)])
    const [x, y, , k] = whileLoop(
      ([, , , i]) => e.less(i, limit),
      ([u, v, w, i]) => {
        const pool = grow(c, [u, v, ...outer(draw)], depth - 1)
        // The third carry is never used; the first two may be exchanged.
        const swap = c.next(3) === 0
        const result = find(pool, [3])
        return [swap ? v : result, swap ? u : e.mul(v, result), e.add(w, 1), e.add(i, 1)]
      },
      [c.pick([draw([3]), tensor(zeros([3]))]), draw([3]), tensor(zeros([2, 3])), tensor(0)],
    )
    return [x, y, k]
  },
  (c, draw, depth) => {
    if (depth === 0) return draw()
    const options = { reverse: c.next(2) === 1, ...(c.next(2) === 1 ? { count: draw([]).abs().mul(3) } : {}) }
    const [carry, stacked] = scan(
      ([u, i]: readonly [Tensor, Tensor], [row, n]: readonly [Tensor, Tensor]) => {
        const pool = grow(c, [u, row, n.mul(i), ...outer(draw)], depth - 1)
        const next = find(pool, [3])
        return [
          [tame(next.add(u)), i.add(1)] as const,
          c.pick([
            [next, u],
            [row, i.mul(u)],
            [tensor(zeros([3])), next],
          ] as const),
        ] as const
      },
      [draw([3]), tensor(1)] as const,
      [draw([3, 3]), draw([3])] as const,
      options,
    )
    return [...(carry as readonly Tensor[]), ...(stacked as readonly Tensor[])]
  },
  (c, draw, depth) => {
    if (depth === 0) return draw()
    const predicate = e.greater(draw([]), 0.3)
    const branch = () => {
      const pool = grow(c, outer(draw), depth - 1)
      return [find(pool, [3]), find(pool, [])]
    }
    return cond(predicate, branch, branch)
  },
]

/** A few tensors of the enclosing function. */
const outer = (draw: (shape?: Shape) => Tensor): Tensor[] => [draw([3]), draw([]), draw([2, 3]), draw([3, 3])]

const find = (pool: readonly Tensor[], shape: Shape): Tensor =>
  [...pool].reverse().find((t) => sameShape(t.shape, shape)) ?? tensor(zeros(shape))

/** Applies random ops to the tensors of a pool until the choices for this level are used up. */
const grow = (c: Choices, start: readonly Tensor[], depth: number): readonly Tensor[] => {
  const pool = [...start]
  const draw = (shape?: Shape): Tensor => {
    const fitting = shape === undefined ? pool : pool.filter((t) => sameShape(t.shape, shape))
    return fitting.length === 0 ? tensor(zeros(shape as Shape)) : c.pick(fitting)
  }
  for (let steps = 1 + c.next(depth < 2 ? 4 : 12); steps > 0 && c.left > 0; steps--) {
    const made = c.pick(makers)(c, draw, depth)
    pool.push(...(Array.isArray(made) ? (made as readonly Tensor[]) : [made as Tensor]))
  }
  return pool
}

/** The function that a list of numbers stands for. */
export const randomFunction =
  (choices: readonly number[]) =>
  (inputs: readonly Tensor[]): readonly Tensor[] => {
    const c = new Choices(choices)
    const pool = grow(c, inputs, 2)
    if (c.next(2) === 1) report('iterations', find(pool, []))
    if (c.next(2) === 1) report('residual', sum(find(pool, [3])))
    if (c.next(2) === 1) report('residual', sum(find(pool, [2, 3])))
    return [find(pool, [3]), find(pool, []), c.pick(pool), c.pick(pool), c.pick(pool)]
  }
