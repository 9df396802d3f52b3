// The Graph: what a traced function leaves behind. Nodes in order of execution, single assignment, pure.
// Imports only types.
import type { Shape } from '../base/shape.js'
import type { Op } from './op.js'

/** One array in a graph. Identity is the object; `id` is for printing and sorting. */
export interface Value {
  readonly id: number
  readonly shape: Shape
}

/** The application of one op. `attributes` is plain data, but for the sub-graphs and rules of control ops. */
export interface Node {
  readonly op: Op
  readonly inputs: readonly Value[]
  readonly attributes: object
  readonly outputs: readonly Value[]
}

/** Facts about an instance that a solve or a derivative leaves beside its values. */
export type ReportKind =
  | 'status'
  | 'gradientStatus'
  | 'iterations'
  | 'residual'
  | 'adjointResidual'
  | 'products'
  | 'method'
  | CertificateKind

/** The figures of a certificate. */
export type CertificateKind = (typeof certificateKinds)[number]
export const certificateKinds = ['estimate', 'bound', 'neglected', 'unconverged', 'rho'] as const

/** A scalar that `compile` returns beside the outputs; several reports of a kind are summed up (see `combineReports`). */
export interface Report {
  readonly kind: ReportKind
  readonly value: Value
}

/**
 * A function as data: `outputs` and `reports` computed from `inputs` by `nodes`. Closed: everything it uses is an
 * input or a constant node.
 */
export interface Graph {
  readonly inputs: readonly Value[]
  readonly nodes: readonly Node[]
  readonly outputs: readonly Value[]
  readonly reports: readonly Report[]
}

let nextId = 0

export const newValue = (shape: Shape): Value => ({ id: nextId++, shape })

const isGraph = (x: unknown): x is Graph =>
  typeof x === 'object' && x !== null && 'nodes' in x && 'inputs' in x && 'outputs' in x

/** The sub-graphs among a node's attributes, by name. */
export const subgraphs = (node: Node): readonly (readonly [string, Graph])[] =>
  Object.entries(node.attributes).filter((pair): pair is [string, Graph] => isGraph(pair[1]))
