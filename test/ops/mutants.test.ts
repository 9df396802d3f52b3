// The checks themselves are checked: each must fail on a rule that is wrong on purpose, and hold when it is put right.
import { test } from 'tap'
import { NDArray } from '../../lib/base/ndarray.js'
import type { Graph } from '../../lib/ir/graph.js'
import { ops } from '../../lib/ir/op.js'
import type { Op } from '../../lib/ir/op.js'
import { simplify } from '../../lib/transform/simplify.js'
import { interpret } from '../../lib/runtime/interpreter.js'
import { graphOf } from '../oracle/transforms.js'
import {
  adjointError,
  jvpError,
  secondError,
  simplifyDerivativeError,
  simplifyError,
  valueError,
  vmapError,
} from './checks.js'
import { drawAll } from './draw.js'
import { mutants, replaceOp } from './mutants.js'
import type { Check } from './mutants.js'
import type { Sample } from './sample.js'
import { table } from './table.js'

const planted = 1e-3
const bar = 1e-8

const find = (op: string, name: string): Sample => {
  const found = table[op]?.find((s) => s.name === name)
  if (found === undefined) throw new Error(`no sample "${name}" of ${op}`)
  return found
}

const checks: Readonly<Record<Check, (graph: Graph, variants: readonly (readonly NDArray[])[]) => number>> = {
  jvp: (graph, [inputs]) => jvpError(graph, inputs ?? [], 'complex'),
  adjoint: (graph, [inputs]) => adjointError(graph, inputs ?? []),
  second: (graph, [inputs]) => secondError(graph, inputs ?? [], 'differences'),
  vmap: vmapError,
}

for (const { name, op, sample, change, caughtBy } of mutants) {
  test(`${op}: ${name}`, async (t) => {
    const { fn, draws, name: kind } = find(op, sample)
    const variants = [0, 1, 2].map((variant) => drawAll(kind, draws, variant))
    const graph = graphOf(fn, variants[0] ?? [])
    for (const check of caughtBy) {
      t.ok(checks[check](graph, variants) <= bar, `${check} holds of the right rule`)
      t.ok(checks[check](replaceOp(graph, op, change), variants) > planted, `${check} sees the wrong one`)
    }
  })
}

const as = (from: string, to: string) => (graph: Graph) => replaceOp(graph, from, () => ops.get(to) as Op)

test('a wrong function in the interpreter', async (t) => {
  for (const [right, wrong] of [
    ['sin', 'cos'],
    ['expm1', 'exp'],
    ['softplus', 'sigmoid'],
    ['sub', 'add'],
  ] as const) {
    const { fn, draws, name } = find(right, 'generic')
    const inputs = drawAll(name, draws, 0)
    const graph = graphOf(fn, inputs)
    const error = valueError(graph, inputs, (g, x) => interpret(as(right, wrong)(g), x).outputs)
    t.ok(error > planted, `${wrong} in the place of ${right}`)
  }
})

test('a wrong simplification', async (t) => {
  const { fn, draws, name } = find('div', 'broadcast')
  const inputs = drawAll(name, draws, 0)
  const graph = graphOf(fn, inputs)
  const wrong = (g: Graph): Graph => as('div', 'mul')(simplify(g))
  t.ok(simplifyError(graph, inputs, wrong) > planted, 'is seen in values')
  t.ok(simplifyDerivativeError(graph, inputs, wrong) > planted, 'is seen in derivatives')
})

test('results of another shape, and special values that differ', async (t) => {
  const { fn, draws, name } = find('sqrt', 'non-finite')
  const inputs = drawAll(name, draws, 0)
  const graph = graphOf(fn, inputs)
  const close = (change: (x: number) => number) => (g: Graph, x: readonly NDArray[]) =>
    interpret(g, x).outputs.map((y) => new NDArray(y.shape, y.data.map(change)))
  t.ok(
    valueError(
      graph,
      inputs,
      close((y) => y),
    ) < bar,
  )
  t.equal(
    valueError(
      graph,
      inputs,
      close((y) => (Number.isNaN(y) ? 0 : y)),
    ),
    Infinity,
    'NaN became 0',
  )
  t.equal(
    valueError(
      graph,
      inputs,
      close((y) => (y === Infinity ? 1 : y)),
    ),
    Infinity,
    'infinity became 1',
  )
  const flat = (g: Graph, x: readonly NDArray[]): readonly NDArray[] =>
    interpret(g, x).outputs.map((y) => new NDArray([1, y.size], y.data))
  t.equal(valueError(graph, inputs, flat), Infinity, 'another shape')
})
