// The interpreter: a graph computed in plain TypeScript, one node after another. Obvious, slow and right: the oracle
// that the native executor is tested against. It never imports the addon.
import { ShapeError } from '../base/errors.js'
import type { NDArray } from '../base/ndarray.js'
import { zeros } from '../base/ndarray.js'
import { formatShape, sameShape } from '../base/shape.js'
import type { Graph, ReportKind } from '../ir/graph.js'
import { elementwiseRules } from './interpreter/elementwise.js'
import { block } from './interpreter/indexing.js'
import { linalgRules } from './interpreter/linalg.js'
import { movementRules } from './interpreter/movement.js'
import { walk } from './interpreter/walk.js'
import type { Kind } from './interpreter/walk.js'

/** What a graph computes. */
export interface Interpreted {
  readonly outputs: readonly NDArray[]
  /** One number a kind: the maximum where a kind was reported more than once, NaN if one of them is. */
  readonly reports: Readonly<Partial<Record<ReportKind, number>>>
}

/** NDArrays as the walk sees them. */
export const realArrays: Kind<NDArray> = {
  rules: { ...elementwiseRules, ...movementRules, ...linalgRules },
  number: (scalar) => scalar.data[0] as number,
  row: (x, i) => block(x, x.shape.slice(1), i),
  stack: (rows, shape) => {
    const result = zeros(shape)
    rows.forEach((x, i) => {
      result.data.set(x.data, i * x.size)
    })
    return result
  },
  zeros,
}

/**
 * Computes `graph` at `inputs`, one array for each input of the graph, without batch.
 * @throws {ShapeError} when the arrays do not have the shapes of the graph's inputs.
 */
export const interpret = (graph: Graph, inputs: readonly NDArray[]): Interpreted => {
  const expected = graph.inputs.map((value) => value.shape)
  if (
    inputs.length !== expected.length ||
    inputs.some((x, i) => !sameShape(x.shape, expected[i] as number[]))
  ) {
    throw new ShapeError('the inputs do not fit the graph', {
      expected: expected.map(formatShape).join(', ') || 'no inputs',
      received: inputs.map((x) => formatShape(x.shape)).join(', ') || 'no inputs',
    })
  }
  const reports: Partial<Record<ReportKind, number>> = {}
  const outputs = walk(realArrays, graph, inputs, (kind, { data }) => {
    reports[kind] = Math.max(reports[kind] ?? -Infinity, data[0] as number)
  })
  return { outputs, reports }
}
