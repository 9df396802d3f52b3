// The verifier: a sound graph passes, and each broken graph is refused for its own reason.
import { test } from 'tap'
import { GraphError } from '../../lib/base/errors.js'
import { array, zeros } from '../../lib/base/ndarray.js'
import { cond } from '../../lib/control/cond.js'
import { scan } from '../../lib/control/scan.js'
import { whileLoop } from '../../lib/control/while.js'
import { newValue } from '../../lib/ir/graph.js'
import type { Graph, Node, Value } from '../../lib/ir/graph.js'
import type { Tensor } from '../../lib/ir/tensor.js'
import { report } from '../../lib/ir/trace.js'
import { verifyGraph } from '../../lib/ir/verify.js'
import { add, exp, greater, mul, sin, sub } from '../../lib/ops/elementwise.js'
import { sum } from '../../lib/ops/reduce.js'
import { graphOf } from '../oracle/transforms.js'

/** b = sin a; c = sum b; d = mul b c */
const chain = (): Graph =>
  graphOf(
    (x) => {
      const y = sin(x)
      report('residual', sum(y))
      return mul(y, sum(y))
    },
    [zeros([2])],
  )
const loop = (): Graph =>
  graphOf(
    (x) =>
      whileLoop(
        (y) => greater(sum(y), 1),
        (y) => sub(y, x),
        x,
      ),
    [zeros([2])],
  )
const steps = (): Graph =>
  graphOf(
    (x, u, count) => scan((y: Tensor, v: Tensor) => [add(y, v), sum(v)] as const, x, u, { count: count }),
    [zeros([2]), zeros([3, 2]), zeros([])],
  )
const branches = (): Graph =>
  graphOf(
    (p, x) =>
      cond(
        p,
        () => exp(x),
        () => sin(x),
      ),
    [zeros([]), zeros([2])],
  )

const replaceNode = (graph: Graph, at: number, change: (node: Node) => Node): Graph => ({
  ...graph,
  nodes: graph.nodes.map((node, i) => (i === at ? change(node) : node)),
})

/** Changes the sub-graph `name` of the node of op `op`. */
const replacePart = (graph: Graph, op: string, name: string, change: (part: Graph) => Graph): Graph =>
  replaceNode(
    graph,
    graph.nodes.findIndex((node) => node.op.name === op),
    (node) => ({
      ...node,
      attributes: {
        ...node.attributes,
        [name]: change((node.attributes as Record<string, Graph>)[name] as Graph),
      },
    }),
  )

const withAttributes = (graph: Graph, op: string, attributes: object): Graph =>
  replaceNode(
    graph,
    graph.nodes.findIndex((node) => node.op.name === op),
    (node) => ({
      ...node,
      attributes: { ...node.attributes, ...attributes },
    }),
  )

const firstInput = (graph: Graph): Value => graph.inputs[0] as Value
const outputOf = (graph: Graph, at: number): Value => graph.nodes[at]?.outputs[0] as Value
const extraInput = (graph: Graph): Graph => ({ ...graph, inputs: [...graph.inputs, newValue([2])] })
const noOutput = (graph: Graph): Graph => ({ ...graph, outputs: [] })
const badOutput = (graph: Graph): Graph => ({ ...graph, outputs: graph.outputs.map(() => newValue([2])) })

const broken: readonly (readonly [name: string, graph: Graph, reason: RegExp])[] = [
  [
    'an input that stands twice',
    ((g) => ({ ...g, inputs: [firstInput(g), firstInput(g)] }))(chain()),
    /input 1 of the graph defines a value that is defined already.*single assignment/,
  ],
  [
    'an input that a node defines',
    ((g) => replaceNode(g, 0, (node) => ({ ...node, outputs: [firstInput(g)] })))(chain()),
    /node 0 \(sin\) of the graph defines a value that is defined already/,
  ],
  [
    'a value that two nodes define',
    ((g) => replaceNode(g, 3, (node) => ({ ...node, outputs: [outputOf(g, 0)] })))(chain()),
    /node 3 \(mul\) of the graph defines a value that is defined already/,
  ],
  [
    'nodes in the wrong order',
    ((g) => ({ ...g, nodes: [...g.nodes].reverse() }))(chain()),
    /node 0 \(mul\) of the graph uses a value before it is defined/,
  ],
  [
    'a node that uses its own output',
    ((g) => replaceNode(g, 0, (node) => ({ ...node, inputs: node.outputs })))(chain()),
    /node 0 \(sin\) of the graph uses a value before/,
  ],
  [
    'a value of another graph',
    replaceNode(chain(), 0, (node) => ({ ...node, inputs: [newValue([2])] })),
    /node 0 \(sin\) of the graph uses a value of another graph.*closed graph/,
  ],
  [
    'a missing input',
    { ...chain(), inputs: [] },
    /node 0 \(sin\) of the graph uses a value of another graph/,
  ],
  [
    'a missing node',
    ((g) => ({ ...g, nodes: g.nodes.slice(0, -1) }))(chain()),
    /output 0 of the graph uses a value of another graph/,
  ],
  ['an output of another graph', badOutput(chain()), /output 0 of the graph uses a value of another graph/],
  [
    'an input that has no shape',
    ((g) => ({ ...g, inputs: [newValue([-1])] }))(chain()),
    /input 0 of the graph: .*not a shape/,
  ],
  [
    'a recorded shape that is wrong',
    replaceNode(chain(), 0, (node) => ({ ...node, outputs: [newValue([3])] })),
    /node 0 \(sin\) of the graph has the wrong shape. Expected \[2\], received \[3\]/,
  ],
  [
    'a recorded rank that is wrong',
    replaceNode(chain(), 1, (node) => ({ ...node, outputs: [newValue([1])] })),
    /node 1 \(sum\) of the graph has the wrong shape. Expected \[\], received \[1\]/,
  ],
  [
    'an output too many',
    replaceNode(chain(), 0, (node) => ({ ...node, outputs: [...node.outputs, newValue([2])] })),
    /node 0 \(sin\) of the graph has the wrong shape. Expected \[2\], received \[2\], \[2\]/,
  ],
  [
    'operands that do not fit',
    ((g, other = newValue([3])) =>
      replaceNode({ ...g, inputs: [...g.inputs, other] }, 3, (node) => ({
        ...node,
        inputs: [outputOf(g, 0), other],
      })))(chain()),
    /node 3 \(mul\) of the graph: shapes \[2\] and \[3\] do not broadcast/,
  ],
  [
    'attributes that do not fit',
    withAttributes(
      graphOf((x) => sum(x, 0), [zeros([2])]),
      'sum',
      { axes: [] },
    ),
    /node 0 \(sum\) of the graph has the wrong shape. Expected \[2\], received \[\]/,
  ],
  [
    'a constant of another shape',
    withAttributes(
      graphOf((x) => add(x, array([1, 2])), [zeros([2])]),
      'constant',
      { array: zeros([3]) },
    ),
    /node 0 \(constant\) of the graph has the wrong shape/,
  ],
  [
    'a report that is not a scalar',
    ((g) => ({ ...g, reports: [{ kind: 'status' as const, value: firstInput(g) }] }))(chain()),
    /the report status of the graph has the wrong shape. Expected \[\], received \[2\]/,
  ],
  [
    'a report of another graph',
    { ...chain(), reports: [{ kind: 'status', value: newValue([]) }] },
    /the report status of the graph uses a value of another graph/,
  ],
  [
    'a body that is not closed',
    replacePart(loop(), 'while', 'body', badOutput),
    /output 0 of body of node 0 \(while\) of the graph uses a value of another graph/,
  ],
  [
    'a condition with the wrong inputs',
    replacePart(loop(), 'while', 'condition', extraInput),
    /goes into condition of node 0 \(while\).* wrong shape. Expected \[2\], \[2\], received \[2\], \[2\], \[2\]/,
  ],
  [
    'a condition that is not a scalar',
    replacePart(loop(), 'while', 'condition', (g) => ({ ...g, outputs: [firstInput(g)] })),
    /comes out of condition of node 0 \(while\).*Expected \[\], received \[2\]/,
  ],
  [
    'a loop body that loses its carry',
    replacePart(loop(), 'while', 'body', noOutput),
    /comes out of body of node 0 \(while\).*Expected \[2\], received nothing/,
  ],
  [
    'a loop body with an input too many',
    replacePart(loop(), 'while', 'body', extraInput),
    /goes into body of node 0 \(while\)/,
  ],
  [
    'a count that is not a scalar',
    ((g, count = newValue([1])) =>
      replaceNode({ ...g, inputs: [...g.inputs, count] }, 0, (node) => ({
        ...node,
        inputs: [count, ...node.inputs.slice(1)],
      })))(steps()),
    /count of node 0 \(scan\).*Expected \[\], received \[1\]/,
  ],
  [
    'a scan of another length',
    withAttributes(steps(), 'scan', { length: 4 }),
    /a sequence of node 0 \(scan\) of the graph has another length. Expected axis 0 of size 4, received \[3, 2\]/,
  ],
  [
    'a scan body with the wrong inputs',
    replacePart(steps(), 'scan', 'body', extraInput),
    /goes into body of node 0 \(scan\)/,
  ],
  [
    'a scan body with the wrong outputs',
    replacePart(steps(), 'scan', 'body', (g) => ({ ...g, outputs: [...g.outputs].reverse() })),
    /comes out of body of node 0 \(scan\)/,
  ],
  [
    'a predicate that is not a scalar',
    ((g) =>
      replaceNode(g, 0, (node) => ({ ...node, inputs: [g.inputs[1] as Value, ...node.inputs.slice(1)] })))(
      branches(),
    ),
    /predicate of node 0 \(cond\).*Expected \[\], received \[2\]/,
  ],
  [
    'branches with the wrong inputs',
    replacePart(branches(), 'cond', 'else', extraInput),
    /goes into else of node 0 \(cond\)/,
  ],
  [
    'branches that differ',
    replacePart(branches(), 'cond', 'then', noOutput),
    /comes out of then of node 0 \(cond\).*Expected \[2\], received nothing/,
  ],
]

for (const [name, graph] of Object.entries({
  chain: chain(),
  loop: loop(),
  steps: steps(),
  branches: branches(),
})) {
  test(`sound: ${name}`, async (t) => {
    t.doesNotThrow(() => verifyGraph(graph))
  })
}

for (const [name, graph, reason] of broken) {
  test(`broken: ${name}`, async (t) => {
    t.throws(() => verifyGraph(graph), { message: reason, code: 'ERR_GRAPH' })
    t.throws(() => verifyGraph(graph), GraphError)
  })
}
