// The table is complete, and every sample does what its place in the table says.
import { test } from 'tap'
import { GraphError } from '../../lib/base/errors.js'
import type { Graph } from '../../lib/ir/graph.js'
import { subgraphs } from '../../lib/ir/graph.js'
import { defineOp, ops } from '../../lib/ir/op.js'
import { printGraph } from '../../lib/ir/print.js'
import { verifyGraph } from '../../lib/ir/verify.js'
import { realArrays } from '../../lib/runtime/interpreter.js'
import { graphOf, jvpOf, vjpOf } from '../oracle/transforms.js'
import { drawAll } from './draw.js'
import { table } from './table.js'

const controlOps = ['while', 'scan', 'cond']

const usesOp = (graph: Graph, name: string): boolean =>
  graph.nodes.some((node) => node.op.name === name || subgraphs(node).some(([, part]) => usesOp(part, name)))

test('every op has samples, and the table knows no other', async (t) => {
  t.strictSame([...ops.keys()].sort(), Object.keys(table).sort())
})

test('every op has a rule in the interpreter, or is made of others', async (t) => {
  const known = new Set([...Object.keys(realArrays.rules), ...controlOps])
  for (const [name, op] of ops) t.ok(known.has(name) || op.expand !== undefined, name)
  for (const name of known) t.ok(ops.has(name), `the rule of ${name} belongs to an op`)
})

test('a second op of one name is refused', async (t) => {
  const op = ops.get('add')
  t.throws(() => defineOp(op as NonNullable<typeof op>), GraphError)
})

for (const [name, samples] of Object.entries(table)) {
  test(`samples of ${name}`, async (t) => {
    for (const kind of ['generic', 'size one', 'empty']) {
      t.ok(
        samples.some((s) => s.name.startsWith(kind)),
        `has a sample "${kind}"`,
      )
    }
    t.equal(new Set(samples.map((s) => s.name)).size, samples.length, 'names are distinct')
    for (const s of samples) {
      const inputs = drawAll(s.name, s.draws, 0)
      const graph = graphOf(s.fn, inputs)
      t.ok(usesOp(graph, name), `${s.name}: applies the op`)
      t.doesNotThrow(() => verifyGraph(graph), `${s.name}: verifies`)
      t.equal(
        printGraph(graph),
        printGraph(graphOf(s.fn, inputs)),
        `${s.name}: prints the same when traced again`,
      )
      if (s.oracle === 'none') continue
      t.doesNotThrow(() => verifyGraph(jvpOf(graph)), `${s.name}: its jvp verifies`)
      if (s.forwardOnly !== true)
        t.doesNotThrow(() => verifyGraph(vjpOf(graph)), `${s.name}: its vjp verifies`)
    }
  })
}
