// Rules that are wrong on purpose, and which check must see each of them.
import type { Graph } from '../../lib/ir/graph.js'
import { subgraphs } from '../../lib/ir/graph.js'
import type { Maybe, Op } from '../../lib/ir/op.js'
import type { Tensor } from '../../lib/ir/tensor.js'
import { cos, mul, neg, reciprocal, square, stopGradient, sub } from '../../lib/ops/elementwise.js'
import { matmul } from '../../lib/ops/linalg.js'
import { broadcast, gather, matrixTranspose, tril } from '../../lib/ops/movement.js'
import { sum } from '../../lib/ops/reduce.js'

/** The checks over the table. */
export type Check = 'jvp' | 'adjoint' | 'second' | 'vmap'

export interface Mutant {
  readonly name: string
  readonly op: string
  /** The sample of the op on which it is looked at. */
  readonly sample: string
  readonly change: (op: Op) => Op
  /** The checks that must fail; the others may. */
  readonly caughtBy: readonly [Check, ...Check[]]
}

/** The graph with every node of an op changed, in sub-graphs too. */
export const replaceOp = (graph: Graph, name: string, change: (op: Op) => Op): Graph => ({
  ...graph,
  nodes: graph.nodes.map((node) => ({
    ...node,
    op: node.op.name === name ? change(node.op) : node.op,
    attributes: {
      ...node.attributes,
      ...Object.fromEntries(subgraphs(node).map(([part, body]) => [part, replaceOp(body, name, change)])),
    },
  })),
})

type Rule<K extends 'jvp' | 'vjp' | 'vmap'> = Op[K]

const wrongJvp =
  (rule: (right: Rule<'jvp'>) => Rule<'jvp'>) =>
  (op: Op): Op => ({ ...op, jvp: rule(op.jvp) })
const wrongVjp =
  (rule: (right: Rule<'vjp'>) => Rule<'vjp'>) =>
  (op: Op): Op => ({ ...op, vjp: rule(op.vjp) })
const wrongVmap =
  (rule: (right: Rule<'vmap'>) => Rule<'vmap'>) =>
  (op: Op): Op => ({ ...op, vmap: rule(op.vmap) })

const flip = (list: readonly Maybe[]): readonly Maybe[] => list.map((t) => t && neg(t))
const first = (list: readonly Tensor[]): Tensor => list[0] as Tensor
const second = (list: readonly Tensor[]): Tensor => list[1] as Tensor

export const mutants: readonly Mutant[] = [
  {
    name: 'jvp with its sign flipped',
    op: 'sin',
    sample: 'generic',
    change: wrongJvp((right) => (call, tangents) => flip(right(call, tangents))),
    caughtBy: ['jvp', 'adjoint'],
  },
  {
    name: 'jvp with a term dropped',
    op: 'mul',
    sample: 'generic',
    change: wrongJvp(
      (right) =>
        (call, [t, u]) =>
          right(call, t === undefined ? [t, u] : [t, undefined]),
    ),
    caughtBy: ['jvp', 'adjoint'],
  },
  {
    name: 'jvp at the wrong operand',
    op: 'div',
    sample: 'generic',
    change: wrongJvp(
      (right) => (call, tangents) =>
        right({ ...call, inputs: [second(call.inputs), first(call.inputs)] }, tangents),
    ),
    caughtBy: ['jvp', 'adjoint'],
  },
  {
    name: 'jvp with a tangent transposed',
    op: 'matmul',
    sample: 'generic',
    change: wrongJvp(
      (right) =>
        (call, [t, u]) =>
          right(call, [t && t.shape[0] === t.shape[1] ? matrixTranspose(t) : t && neg(t), u]),
    ),
    caughtBy: ['jvp', 'adjoint'],
  },
  {
    name: 'jvp of Cholesky without the factor of the diagonal',
    op: 'cholesky',
    sample: 'generic',
    change: wrongJvp((right) => (call, tangents) => right(call, tangents).map((t) => t && tril(t, -1))),
    caughtBy: ['jvp', 'adjoint'],
  },
  {
    name: 'vjp with its sign flipped',
    op: 'exp',
    sample: 'generic',
    change: wrongVjp(
      (right) =>
        (...call) =>
          flip(right(...call)),
    ),
    caughtBy: ['adjoint'],
  },
  {
    name: 'vjp with a term dropped',
    op: 'mul',
    sample: 'generic',
    change: wrongVjp((right) => (...call) => [right(...call)[0], undefined]),
    caughtBy: ['adjoint'],
  },
  {
    name: 'vjp transposed',
    op: 'matmul',
    sample: 'generic',
    change: wrongVjp(
      (right) =>
        (...call) =>
          right(...call).map(
            (v) => v && (v.rank === 2 && v.shape[0] === v.shape[1] ? matrixTranspose(v) : neg(v)),
          ),
    ),
    caughtBy: ['adjoint'],
  },
  {
    name: 'vjp that keeps one row of a broadcast instead of their sum',
    op: 'broadcast',
    sample: 'generic',
    change: wrongVjp(
      (right) =>
        (...call) =>
          right(...call).map((v) => v && gather(v, [0])),
    ),
    caughtBy: ['adjoint'],
  },
  {
    name: 'vjp that sums where it should broadcast',
    op: 'sum',
    sample: 'last axis',
    change: wrongVjp(() => ({ inputs }, [v]) => [v && broadcast(sum(v), first(inputs).shape)]),
    caughtBy: ['adjoint'],
  },
  {
    name: 'vjp with a detached factor',
    op: 'sin',
    sample: 'generic',
    change: wrongVjp(() => ({ inputs }, [v]) => [v && mul(v, stopGradient(cos(first(inputs))))]),
    caughtBy: ['second'],
  },
  {
    name: 'vjp at a detached output',
    op: 'tanh',
    sample: 'rank 3',
    change: wrongVjp(() => ({ outputs }, [v]) => [v && mul(v, sub(1, square(stopGradient(first(outputs)))))]),
    caughtBy: ['second'],
  },
  {
    name: 'jvp of an output that the reverse rule uses',
    op: 'reciprocal',
    sample: 'generic',
    change: wrongJvp(() => ({ inputs }, [t]) => [t && mul(t, reciprocal(first(inputs)))]),
    caughtBy: ['second', 'jvp', 'adjoint'],
  },
  {
    name: 'vmap with its sign flipped',
    op: 'transpose',
    sample: 'generic',
    change: wrongVmap((right) => (...call) => {
      const { outputs, batched } = right(...call)
      return { outputs: outputs.map((t) => neg(t)), batched }
    }),
    caughtBy: ['vmap'],
  },
  {
    name: 'vmap that takes the first element for all',
    op: 'sum',
    sample: 'last axis',
    change: wrongVmap(
      (right) =>
        ([x], flags, attributes, size) =>
          right([gather(x as Tensor, new Array<number>(size).fill(0))], flags, attributes, size),
    ),
    caughtBy: ['vmap'],
  },
  {
    name: 'vmap that drops the batch of one operand',
    op: 'matmul',
    sample: 'generic',
    change: wrongVmap(
      (right) =>
        ([a, b], flags, attributes, size) =>
          flags[0] === true
            ? right(
                [gather(a as Tensor, new Array<number>(size).fill(0)), b as Tensor],
                flags,
                attributes,
                size,
              )
            : right([a as Tensor, neg(b as Tensor)], flags, attributes, size),
    ),
    caughtBy: ['vmap'],
  },
  {
    name: 'vmap that is transposed',
    op: 'matmul',
    sample: 'generic',
    change: wrongVmap((right) => (...call) => {
      const { outputs, batched } = right(...call)
      return {
        outputs: outputs.map((t) =>
          t.shape[t.rank - 1] === t.shape[t.rank - 2]
            ? matrixTranspose(t)
            : matmul(t, matmul(matrixTranspose(t), t)),
        ),
        batched,
      }
    }),
    caughtBy: ['vmap'],
  },
]
