// cond: one of two branches, chosen by a scalar. Each lane takes its own branch; under vmap with a predicate for each
// element both branches are computed and selected.
import { ShapeError } from '../base/errors.js'
import { formatShape, sameShape } from '../base/shape.js'
import { flatten, flattenLike, unflatten } from '../base/tree.js'
import type { TreeSpec } from '../base/tree.js'
import type { Graph, ReportKind } from '../ir/graph.js'
import { defineOp } from '../ir/op.js'
import type { Op } from '../ir/op.js'
import type { Tensor } from '../ir/tensor.js'
import { apply, inline, isOperand, report, tensor, traceGraph, traceTogether } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import { maximum, where } from '../ops/elementwise.js'
import { broadcast, reshape } from '../ops/movement.js'
import { jvpGraph } from '../transform/jvp.js'
import { vjpGraph } from '../transform/vjp.js'
import { vmapGraph } from '../transform/vmap.js'
import { orZero, reaches, select, shapesOf, spread, truth } from './loop.js'

interface CondAttributes {
  readonly then: Graph
  readonly else: Graph
}

export const condOp: Op<CondAttributes> = defineOp({
  name: 'cond',
  shapes: (inputs, attributes) => {
    const [predicate] = inputs
    if (predicate === undefined || predicate.length !== 0) {
      throw new ShapeError('cond: the predicate is not a scalar', {
        expected: '[]',
        received: formatShape(predicate ?? []),
      })
    }
    const [a, b] = [attributes.then.outputs, attributes.else.outputs].map((list) => list.map((v) => v.shape))
    if (a?.length !== b?.length || a?.some((shape, i) => !sameShape(shape, b?.[i] ?? []))) {
      throw new ShapeError('cond: the branches return different shapes', {
        expected: a?.map(formatShape).join(', '),
        received: b?.map(formatShape).join(', '),
      })
    }
    return a ?? []
  },
  jvp: ({ inputs, outputs, attributes }, tangents) => {
    const flags = tangents.slice(1).map((t) => t !== undefined)
    const moved = select(tangents.slice(1), flags) as Tensor[]
    const argumentsOf = inputs.slice(1)
    const either = reaches(attributes.then, flags).map(
      (r, i) => r || (reaches(attributes.else, flags)[i] as boolean),
    )
    const push = (graph: Graph): Graph =>
      traceGraph(
        (ts) => {
          const pushed = jvpGraph(
            { ...graph, reports: [] },
            ts.slice(0, argumentsOf.length),
            spread(ts.slice(argumentsOf.length), flags),
          )
          return select(
            pushed.tangents.map((t, i) => orZero(t, (outputs[i] as Tensor).shape)),
            either,
          )
        },
        shapesOf([...argumentsOf, ...moved]),
      ).graph
    const branches = { then: push(attributes.then), else: push(attributes.else) }
    return spread(buildCond(branches, inputs[0] as Tensor, [...argumentsOf, ...moved]), either)
  },
  vjp: ({ inputs, attributes }, cotangents, wanted) => {
    const flags = cotangents.map((v) => v !== undefined)
    const given = select(cotangents, flags) as Tensor[]
    const argumentsOf = inputs.slice(1)
    const want = wanted.slice(1)
    const pull = (graph: Graph): Graph =>
      traceGraph(
        (ts) => {
          const back = vjpGraph({ ...graph, reports: [] }, ts.slice(0, argumentsOf.length), want)
          const pulled = back.pull(spread(ts.slice(argumentsOf.length), flags))
          return select(
            pulled.map((v, i) => orZero(v, (argumentsOf[i] as Tensor).shape)),
            want,
          )
        },
        shapesOf([...argumentsOf, ...given]),
      ).graph
    const branches = { then: pull(attributes.then), else: pull(attributes.else) }
    return [undefined, ...spread(buildCond(branches, inputs[0] as Tensor, [...argumentsOf, ...given]), want)]
  },
  vmap: (inputs, batched, attributes, size) => {
    const [predicate, ...argumentsOf] = inputs as [Tensor, ...Tensor[]]
    const flags = batched.slice(1)
    if (batched[0]) {
      const a = vmapGraph(attributes.then, argumentsOf, flags, size)
      const b = vmapGraph(attributes.else, argumentsOf, flags, size)
      const outputs = a.outputs.map((t, i) => {
        const rank = (attributes.then.outputs[i] as { shape: readonly number[] }).shape.length
        return where(
          reshape(truth(predicate), [size, ...new Array<number>(rank).fill(1)]),
          t,
          b.outputs[i] as Tensor,
        )
      })
      return { outputs, batched: outputs.map(() => true) }
    }
    let out: readonly boolean[] = attributes.then.outputs.map(() => false)
    const batch = (graph: Graph): Graph =>
      traceGraph((ts) => {
        const mapped = vmapGraph(graph, ts, flags, size)
        out = out.map((flag, i) => flag || (mapped.batched[i] as boolean))
        return mapped.outputs.map((t, i) =>
          mapped.batched[i] || !out[i] ? t : broadcast(t, [size, ...t.shape]),
        )
      }, shapesOf(argumentsOf)).graph
    // The first pass over each branch finds which outputs are batched, the second makes both agree.
    batch(attributes.then)
    batch(attributes.else)
    const branches = { then: batch(attributes.then), else: batch(attributes.else) }
    return { outputs: buildCond(branches, predicate, argumentsOf), batched: out }
  },
})

/** Applies the op; of several reports of a kind in a branch the largest stands, and one that only one branch makes is 0 in the other. */
export const buildCond = (
  branches: CondAttributes,
  predicate: Tensor,
  argumentsOf: readonly Tensor[],
): Tensor[] => {
  const count = branches.then.outputs.length
  const kinds = [...new Set([...branches.then.reports, ...branches.else.reports].map((r) => r.kind))]
  const withReports = (graph: Graph): Graph => {
    if (kinds.length === 0) return graph
    return traceGraph(
      (ts) => {
        const out = inline(
          { ...graph, outputs: [...graph.outputs, ...graph.reports.map((r) => r.value)], reports: [] },
          ts,
        )
        const own = out.slice(count)
        const worst = (kind: ReportKind): Operand =>
          own
            .filter((_, i) => graph.reports[i]?.kind === kind)
            .reduce<Operand>((a, b) => (a === 0 ? b : maximum(a, b)), 0)
        return [...out.slice(0, count), ...kinds.map(worst)]
      },
      graph.inputs.map((v) => v.shape),
    ).graph
  }
  const out = apply(condOp, [predicate, ...argumentsOf], {
    then: withReports(branches.then),
    else: withReports(branches.else),
  })
  kinds.forEach((kind, i) => {
    report(kind, out[count + i] as Tensor)
  })
  return out.slice(0, count)
}

/**
 * `then(...args)` where `predicate` is not 0, else `otherwise(...args)`: trees of arrays of the same structure and
 * shapes. Only the branch that is taken runs, unless lanes of a tile (or elements of a vmap) disagree.
 */
export const cond = <R>(predicate: Operand, then: () => R, otherwise: () => R): R => {
  let spec: TreeSpec | undefined
  const branch = (fn: () => R) => ({
    fn: () => {
      const result = fn()
      if (spec !== undefined) return flattenLike(result, spec, isOperand, 'result of the branch')
      const flat = flatten(result, isOperand, 'result of the branch')
      spec = flat.spec
      return flat.leaves
    },
    shapes: [],
  })
  const { graphs, captured } = traceTogether([branch(then), branch(otherwise)])
  const out = buildCond({ then: graphs[0] as Graph, else: graphs[1] as Graph }, tensor(predicate), captured)
  return unflatten(spec as TreeSpec, out) as R
}
