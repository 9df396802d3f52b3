// scan: a fixed number of steps with a carry, slices of sequences in, stacked slices out. With a count, each lane makes its
// own number of steps. Forward mode carries pairs. Reverse mode keeps the carry of each step and goes back through them,
// recomputing one step at a time; a scan of scans is therefore a scan with checkpoints.
import { ShapeError, checkOptions } from '../base/errors.js'
import { formatShape } from '../base/shape.js'
import type { Shape } from '../base/shape.js'
import { flatten, flattenLike, unflatten } from '../base/tree.js'
import type { TreeSpec } from '../base/tree.js'
import type { Graph } from '../ir/graph.js'
import { defineOp } from '../ir/op.js'
import type { Maybe, Op } from '../ir/op.js'
import type { Tensor } from '../ir/tensor.js'
import { apply, inline, isOperand, report, tensor, traceGraph } from '../ir/trace.js'
import type { Operand } from '../ir/trace.js'
import { add, floor, greater, less, maximum, minimum, neg, sub, where } from '../ops/elementwise.js'
import { broadcast, reshape, transpose } from '../ops/movement.js'
import { max } from '../ops/reduce.js'
import { jvpGraph } from '../transform/jvp.js'
import { vjpGraph } from '../transform/vjp.js'
import { vmapGraph } from '../transform/vmap.js'
import {
  checkCarry,
  closure,
  orZero,
  reaches,
  reportsAsOutputs,
  select,
  shapesOf,
  spread,
  withUnused,
} from './loop.js'

interface ScanAttributes {
  /** (carry…, slices…, operands…) → (carry…, stacked slices…) */
  readonly body: Graph
  readonly length: number
  readonly carried: number
  readonly sequences: number
  readonly reverse: boolean
  /** Whether the first input is the number of steps that a lane makes. */
  readonly counted: boolean
}

interface Parts<T> {
  readonly count: readonly T[]
  readonly carry: readonly T[]
  readonly sequences: readonly T[]
  readonly operands: readonly T[]
}

const split = <T>(inputs: readonly T[], { carried, sequences, counted }: ScanAttributes): Parts<T> => {
  const a = counted ? 1 : 0
  return {
    count: inputs.slice(0, a),
    carry: inputs.slice(a, a + carried),
    sequences: inputs.slice(a + carried, a + carried + sequences),
    operands: inputs.slice(a + carried + sequences),
  }
}

const slices = (sequences: readonly Tensor[]): readonly Shape[] => sequences.map((t) => t.shape.slice(1))

export const scanOp: Op<ScanAttributes> = defineOp({
  name: 'scan',
  shapes: (inputs, attributes) => {
    const { count, carry, sequences } = split(inputs, attributes)
    const { body, length, carried } = attributes
    if (!Number.isInteger(length) || length < 0) {
      throw new ShapeError('scan: the length is not a number of steps', {
        expected: 'an integer ≥ 0',
        received: String(length),
      })
    }
    if (count[0] !== undefined && count[0].length !== 0) {
      throw new ShapeError('scan: the count is not a scalar', { received: formatShape(count[0]) })
    }
    for (const shape of sequences) {
      if (shape[0] !== length) {
        throw new ShapeError('scan: a sequence has another length', {
          expected: `${String(length)} entries along axis 0`,
          received: formatShape(shape),
        })
      }
    }
    const results = body.outputs.map((v) => v.shape)
    checkCarry('scan', results.slice(0, carried), carry)
    return [...carry, ...results.slice(carried).map((shape) => [length, ...shape])]
  },
  jvp: ({ inputs, outputs, attributes }, tangents) => {
    const { body, carried } = attributes
    const x = split(inputs, attributes)
    const t = split(tangents, attributes)
    const sequenceFlags = t.sequences.map((s) => s !== undefined)
    const operandFlags = t.operands.map((o) => o !== undefined)
    const reached = (carry: readonly boolean[]): readonly boolean[] =>
      reaches(body, [...carry, ...sequenceFlags, ...operandFlags])
    const flags = closure(
      t.carry.map((c) => c !== undefined),
      (carry) => reached(carry).slice(0, carried),
    )
    const stackedFlags = reached(flags).slice(carried)
    const dCarry = select(x.carry, flags).map((c, i) => orZero(select(t.carry, flags)[i], c.shape))
    const dSequences = select(t.sequences, sequenceFlags) as Tensor[]
    const dOperands = select(t.operands, operandFlags) as Tensor[]
    const counts = [
      carried,
      dCarry.length,
      x.sequences.length,
      dSequences.length,
      x.operands.length,
      dOperands.length,
    ]
    const pair = traceGraph(
      (ins) => {
        let at = 0
        const [c, dc, s, ds, o, d] = counts.map((n) => ins.slice(at, (at += n))) as [
          Tensor[],
          Tensor[],
          Tensor[],
          Tensor[],
          Tensor[],
          Tensor[],
        ]
        const given = [...spread(dc, flags), ...spread(ds, sequenceFlags), ...spread(d, operandFlags)]
        const pushed = jvpGraph(body, [...c, ...s, ...o], given)
        const moved = (
          list: readonly Maybe[],
          values: readonly Tensor[],
          which: readonly boolean[],
        ): Tensor[] =>
          select(
            list.map((m, i) => [m, values[i] as Tensor] as const),
            which,
          ).map(([m, v]) => orZero(m, v.shape))
        return [
          ...pushed.outputs.slice(0, carried),
          ...moved(pushed.tangents.slice(0, carried), pushed.outputs.slice(0, carried), flags),
          ...pushed.outputs.slice(carried),
          ...moved(pushed.tangents.slice(carried), pushed.outputs.slice(carried), stackedFlags),
        ]
      },
      [
        ...shapesOf([...x.carry, ...dCarry]),
        ...slices(x.sequences),
        ...slices(dSequences),
        ...shapesOf([...x.operands, ...dOperands]),
      ],
    )
    const out = buildScan(pair.graph, attributes, {
      count: x.count,
      carry: [...x.carry, ...dCarry],
      sequences: [...x.sequences, ...dSequences],
      operands: [...x.operands, ...dOperands],
    })
    const stacked = outputs.length - carried
    const tail = out.slice(carried + dCarry.length + stacked)
    return [...spread(out.slice(carried, carried + dCarry.length), flags), ...spread(tail, stackedFlags)]
  },
  vjp: ({ inputs, attributes }, cotangents, wanted) => {
    const { body, carried, reverse } = attributes
    const x = split(inputs, attributes)
    const want = split(wanted, attributes)
    // Forward once more, keeping the carry at the start of each step.
    const keeping: Graph = {
      ...body,
      outputs: [...body.outputs.slice(0, carried), ...body.inputs.slice(0, carried)],
      reports: [],
    }
    const kept = buildScan(keeping, attributes, x).slice(carried)
    const vCarry = x.carry.map((c, i) => orZero(cotangents[i], c.shape))
    const stackedFlags = cotangents.slice(carried).map((v) => v !== undefined)
    const vStacked = select(cotangents.slice(carried), stackedFlags) as Tensor[]
    const sums = select(x.operands, want.operands).map((o) => broadcast(tensor(0), o.shape))
    const counts = [carried, sums.length, kept.length, x.sequences.length, vStacked.length, x.operands.length]
    const bodyWanted = [...x.carry.map(() => true), ...want.sequences, ...want.operands]
    const back = traceGraph(
      (ins) => {
        let at = 0
        const [v, s, c, q, w, o] = counts.map((n) => ins.slice(at, (at += n))) as [
          Tensor[],
          Tensor[],
          Tensor[],
          Tensor[],
          Tensor[],
          Tensor[],
        ]
        const { pull } = vjpGraph({ ...body, reports: [] }, [...c, ...q, ...o], bodyWanted)
        const pulled = pull([...v, ...spread(w, stackedFlags)])
        const vs = select(pulled.slice(carried, carried + q.length), want.sequences)
        const vo = select(pulled.slice(carried + q.length), want.operands)
        return [
          ...pulled.slice(0, carried).map((p, i) => orZero(p, (c[i] as Tensor).shape)),
          ...s.map((sum, i) => (vo[i] === undefined ? sum : add(sum, vo[i]))),
          ...vs.map((p, i) => orZero(p, (select(q, want.sequences)[i] as Tensor).shape)),
        ]
      },
      [
        ...shapesOf([...vCarry, ...sums]),
        ...slices([...kept, ...x.sequences, ...vStacked]),
        ...shapesOf(x.operands),
      ],
    )
    const out = buildScan(
      back.graph,
      { ...attributes, reverse: !reverse },
      {
        count: x.count,
        carry: [...vCarry, ...sums],
        sequences: [...kept, ...x.sequences, ...vStacked],
        operands: x.operands,
      },
    )
    return [
      ...x.count.map(() => undefined),
      ...out.slice(0, carried),
      ...spread(out.slice(carried + sums.length), want.sequences),
      ...spread(out.slice(carried, carried + sums.length), want.operands),
    ]
  },
  vmap: (inputs, batched, attributes, size) => {
    const { body, carried, length, reverse } = attributes
    const x = split(inputs, attributes)
    const b = split(batched, attributes)
    const each = b.count[0] === true
    const bodyFlags = (carry: readonly boolean[]): boolean[] => [...carry, ...b.sequences, ...b.operands]
    const plain = (t: Tensor, flag: boolean | undefined): Shape => (flag ? t.shape.slice(1) : t.shape)
    const stepShapes = (carry: readonly boolean[]): Shape[] => [
      ...x.carry.map((t, i) => (carry[i] ? [size, ...plain(t, b.carry[i])] : t.shape)),
      ...x.sequences.map((t, i) => (b.sequences[i] ? [size, ...t.shape.slice(2)] : t.shape.slice(1))),
      ...shapesOf(x.operands),
    ]
    let stacked: readonly boolean[] = []
    const flags = closure(b.carry, (carry) => {
      if (each) return carry.map(() => true)
      let out: readonly boolean[] = []
      traceGraph((ts) => {
        const mapped = vmapGraph(body, ts, bodyFlags(carry), size)
        out = mapped.batched
        return mapped.outputs
      }, stepShapes(carry))
      stacked = out.slice(carried)
      return out.slice(0, carried)
    })
    const carry = x.carry.map((t, i) => (flags[i] && !b.carry[i] ? broadcast(t, [size, ...t.shape]) : t))
    const sequences = x.sequences.map((t, i) =>
      b.sequences[i] ? transpose(t, [1, 0, ...t.shape.slice(2).map((_, k) => k + 2)]) : t,
    )
    // With a count for each element, the step number is carried, and elements beyond their count are masked.
    // The most steps are a whole number, and an element whose count is NaN makes none.
    const whole = (count: Tensor): Tensor => neg(floor(neg(where(greater(count, 0), count, 0))))
    const most = each ? [max(whole(x.count[0] as Tensor))] : x.count
    const counter = each ? [reverse ? sub(minimum(most[0] as Tensor, length), 1) : tensor(0)] : []
    const extra = each ? [x.count[0] as Tensor] : []
    const stepped = traceGraph(
      (ts) => {
        const own = [...ts.slice(0, carried), ...ts.slice(carried + counter.length, ts.length - extra.length)]
        const out = vmapGraph(body, own, bodyFlags(flags), size)
        const full = out.outputs.map((t, i) =>
          !out.batched[i] && (i < carried ? flags[i] : each) ? broadcast(t, [size, ...t.shape]) : t,
        )
        if (!each) return full
        stacked = full.slice(carried).map(() => true)
        const step = ts[carried] as Tensor
        const active = less(step, ts[ts.length - 1] as Tensor)
        const masked = full.map((t, i) =>
          where(
            reshape(active, [size, ...t.shape.slice(1).map(() => 1)]),
            t,
            i < carried ? (ts[i] as Tensor) : 0,
          ),
        )
        return [...masked.slice(0, carried), add(step, reverse ? -1 : 1), ...masked.slice(carried)]
      },
      [
        ...stepShapes(flags).slice(0, carried),
        ...shapesOf(counter),
        ...stepShapes(flags).slice(carried),
        ...shapesOf(extra),
      ],
    )
    const out = buildScan(stepped.graph, attributes, {
      count: most,
      carry: [...carry, ...counter],
      sequences,
      operands: [...x.operands, ...extra],
    })
    const tail = out
      .slice(carried + counter.length)
      .map((t, i) => (stacked[i] ? transpose(t, [1, 0, ...t.shape.slice(2).map((_, k) => k + 2)]) : t))
    return { outputs: [...out.slice(0, carried), ...tail], batched: [...flags, ...stacked] }
  },
})

/** Applies the op; of what the body reports, the largest over the steps stands. */
export const buildScan = (
  body: Graph,
  { length, reverse }: Pick<ScanAttributes, 'length' | 'reverse'>,
  { count, carry, sequences, operands }: Parts<Tensor>,
): Tensor[] => {
  const { graph, kinds } = reportsAsOutputs(body)
  const extra = kinds.map(() => tensor(0))
  const carried = carry.length
  const own = body.outputs.length
  let step = graph
  if (extra.length > 0) {
    const wide = withUnused(graph, carried, shapesOf(extra))
    step = traceGraph(
      (ts) => {
        const out = inline(wide, ts)
        const worst = out.slice(own).map((r, i) => maximum(r, ts[carried + i] as Tensor))
        return [...out.slice(0, carried), ...worst, ...out.slice(carried, own)]
      },
      wide.inputs.map((v) => v.shape),
    ).graph
  }
  const out = apply(scanOp, [...count, ...carry, ...extra, ...sequences, ...operands], {
    body: step,
    length,
    carried: carried + extra.length,
    sequences: sequences.length,
    reverse,
    counted: count.length > 0,
  })
  kinds.forEach((kind, i) => {
    report(kind, out[carried + i] as Tensor)
  })
  return [...out.slice(0, carried), ...out.slice(carried + extra.length)]
}

/** A scan body and how often it runs. */
export interface ScanOptions {
  /** Number of steps; may be left out when there is a sequence. */
  readonly length?: number
  /** From the last step to the first. */
  readonly reverse?: boolean
  /** A scalar: steps from `count` on leave the carry as it is and stack zeros. Each θ-instance has its own. */
  readonly count?: Operand
}

/**
 * [last carry, stacked outputs] of `length` steps (carry, slice) ↦ [carry, output]. `carry`, `sequence` and the outputs are
 * trees of arrays; the arrays of `sequence` are cut along axis 0, those of the outputs are stacked along it.
 * Differentiable in both modes; Tensors that the body closes over become operands.
 */
export const scan = <C, X, Y>(
  body: (carry: C, slice: X) => readonly [C, Y],
  init: C,
  sequence: X,
  options: ScanOptions = {},
): [C, Y] => {
  checkOptions('scan', options, ['length', 'reverse', 'count'])
  const c = flatten(init, isOperand, 'carry')
  const s = flatten(sequence ?? [], isOperand, 'sequence')
  const carry = c.leaves.map(tensor)
  const sequences = s.leaves.map(tensor)
  const length = options.length ?? sequences[0]?.shape[0]
  if (length === undefined)
    throw new ShapeError('scan: no length', { expected: 'a sequence or the option length' })
  let outputSpec: TreeSpec = { kind: 'list', children: [] }
  const { graph, captured } = traceGraph(
    (ts) => {
      const [next, out] = body(
        unflatten(c.spec, ts.slice(0, carry.length)) as C,
        unflatten(s.spec, ts.slice(carry.length)) as X,
      )
      const results = flatten(out ?? [], isOperand, 'output')
      outputSpec = results.spec
      return [...flattenLike(next, c.spec, isOperand, 'carry of the body'), ...results.leaves]
    },
    [...shapesOf(carry), ...slices(sequences)],
  )
  const count = options.count === undefined ? [] : [tensor(options.count)]
  const out = buildScan(
    graph,
    { length, reverse: options.reverse ?? false },
    { count, carry, sequences, operands: captured },
  )
  return [
    unflatten(c.spec, out.slice(0, carry.length)) as C,
    unflatten(outputSpec, out.slice(carry.length)) as Y,
  ]
}
