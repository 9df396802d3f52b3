// Graph → region. What costs nothing disappears here: constants and reshapes become variables without code, and a
// broadcast that only feeds elementwise ops is left to them.
import type { NDArray } from '../base/ndarray.js'
import { sameShape, sizeOf } from '../base/shape.js'
import type { Shape } from '../base/shape.js'
import type { Graph, Node, ReportKind, Value } from '../ir/graph.js'
import { elementwiseOps } from '../ops/elementwise.js'
import { alias, variable } from './region.js'
import type { Operation, Region, Variable } from './region.js'

/** A graph as a region, and what its results mean. */
export interface Imported {
  readonly region: Region
  /** The kinds of the last results; the results before them are the outputs of the graph. */
  readonly reports: readonly ReportKind[]
}

/** Whether the kernel works element by element, so that it can be fused and reads broadcast operands. */
export const isElementwise = (kernel: string): boolean => elementwiseOps.has(kernel)

/** The region of a prepared graph; `uniform` says which inputs are the same for all lanes. */
export const importGraph = (graph: Graph, uniform: readonly boolean[]): Imported => {
  const importer = new Importer()
  const params = graph.inputs.map((value, i) => variable(value.shape, { lane: uniform[i] !== true }))
  const all = { ...graph, outputs: [...graph.outputs, ...graph.reports.map((report) => report.value)] }
  const region = importer.region(all, params, params)
  const reported = region.results.splice(graph.outputs.length)
  const kinds = [...new Set(graph.reports.map((report) => report.kind))]
  for (const kind of kinds) {
    // Several reports of one kind are summed up by the maximum, in which a NaN stays.
    const values = reported.filter((_, i) => graph.reports[i]?.kind === kind)
    region.results.push(
      values.reduce((a, b) => importer.emit(region, 'maximum', {}, [a, b], [[]])[0] as Variable),
    )
  }
  return { region, reports: kinds }
}

interface ControlAttributes {
  readonly condition: Graph
  readonly body: Graph
  readonly then: Graph
  readonly else: Graph
  readonly carried: number
  readonly length: number
  readonly sequences: number
  readonly reverse: boolean
  readonly counted: boolean
}

class Importer {
  // A graph may stand in several places, so every replay of it has an environment of its own.
  private environment = new Map<Value, Variable>()
  private readonly constants = new Map<NDArray, Variable>()
  /** What a broadcast variable is a broadcast of. */
  private readonly narrow = new Map<Variable, Variable>()

  region(graph: Graph, params: Variable[], inputs: readonly Variable[]): Region {
    const outer = this.environment
    this.environment = new Map(graph.inputs.map((value, i) => [value, inputs[i] as Variable]))
    const region: Region = { params, operations: [], results: [] }
    for (const node of graph.nodes) {
      const results = this.node(region, node)
      node.outputs.forEach((value, i) => this.environment.set(value, results[i] as Variable))
    }
    region.results = graph.outputs.map((value) => this.read(value))
    this.environment = outer
    return region
  }

  emit(
    region: Region,
    kernel: string,
    attributes: object,
    inputs: Variable[],
    shapes: readonly Shape[],
  ): Variable[] {
    const outputs = shapes.map((shape) => variable(shape))
    region.operations.push({
      ...plain,
      kernel,
      attributes: attributes as Operation['attributes'],
      inputs,
      outputs,
    })
    return outputs
  }

  private read(value: Value): Variable {
    return this.environment.get(value) as Variable
  }

  private node(region: Region, node: Node): readonly Variable[] {
    const inputs = node.inputs.map((value) => this.read(value))
    const shapes = node.outputs.map((value) => value.shape)
    const [x] = inputs as [Variable]
    const [shape] = shapes as [Shape]
    const kernel = node.op.name
    const attributes = node.attributes as Readonly<Record<string, unknown>>
    const emit = (): Variable[] => this.emit(region, kernel, attributes, inputs, shapes)
    switch (kernel) {
      case 'constant':
        return [this.constant(attributes['array'] as NDArray)]
      case 'stopGradient':
        return [x]
      case 'reshape':
        return [alias(x, shape)]
      case 'broadcast': {
        if (x.size === sizeOf(shape)) return [alias(x, shape)]
        const outputs = emit()
        this.narrow.set(outputs[0] as Variable, this.narrow.get(x) ?? x)
        return outputs
      }
      case 'transpose':
        return keepsOrder(x.shape, attributes['permutation'] as readonly number[])
          ? [alias(x, shape)]
          : emit()
      case 'sum':
      case 'max':
      case 'min':
        return x.size > 0 && x.size === sizeOf(shape) ? [alias(x, shape)] : emit()
      case 'slice': {
        const at = contiguousFrom(x.shape, shape, attributes['start'] as never, attributes['step'] as never)
        return at === undefined || x.root.constant !== undefined || x.root.slice
          ? emit()
          : [alias(x, shape, at)]
      }
      case 'choleskySolve':
      case 'luSolve':
        // The matrix itself is an operand for the derivative rules only; the kernel has its factor.
        return this.emit(region, kernel, attributes, inputs.slice(1), shapes)
      case 'while':
      case 'scan':
      case 'cond':
        return this.control(region, kernel, node, inputs, shapes)
      default:
        if (!isElementwise(kernel)) return emit()
        return this.emit(
          region,
          kernel,
          attributes,
          inputs.map((v) => this.narrow.get(v) ?? v),
          shapes,
        )
    }
  }

  private constant(array: NDArray): Variable {
    const known = this.constants.get(array) ?? variable(array.shape, { constant: array })
    this.constants.set(array, known)
    return known
  }

  private control(
    region: Region,
    kernel: string,
    node: Node,
    inputs: Variable[],
    shapes: readonly Shape[],
  ): readonly Variable[] {
    const attributes = node.attributes as ControlAttributes
    const outputs = shapes.map((shape) => variable(shape))
    const push = (operation: Pick<Operation, 'inputs' | 'regions'> & Partial<Operation>): void => {
      region.operations.push({ ...plain, kernel, outputs, ...operation })
    }
    if (kernel === 'cond') {
      const rest = inputs.slice(1)
      push({
        inputs: inputs.slice(0, 1),
        regions: [this.region(attributes.then, [], rest), this.region(attributes.else, [], rest)],
      })
      return outputs
    }
    const { carried } = attributes
    const counted = kernel === 'scan' && attributes.counted
    const given = counted ? inputs.slice(1) : inputs
    const carries = given.slice(0, carried).map((v) => variable(v.shape))
    if (kernel === 'while') {
      const all = [...carries, ...given.slice(carried)]
      const regions = [
        this.region(attributes.condition, carries, all),
        this.region(attributes.body, carries, all),
      ]
      push({ inputs: given.slice(0, carried), regions })
      return outputs
    }
    const taken = given.slice(carried, carried + attributes.sequences)
    const slices = taken.map((v) => variable(v.shape.slice(1), { slice: true }))
    const all = [...carries, ...slices, ...given.slice(carried + taken.length)]
    push({
      inputs: given.slice(0, carried),
      regions: [this.region(attributes.body, [...carries, ...slices], all)],
      scan: {
        length: attributes.length,
        reverse: attributes.reverse,
        count: counted ? inputs[0] : undefined,
        carried,
        sequences: taken,
      },
    })
    return outputs
  }
}

const plain: Operation = { kernel: '', attributes: {}, inputs: [], outputs: [], regions: [], scan: undefined }

/** Whether a permutation moves only axes of size 1, so that the elements stay where they are. */
const keepsOrder = (shape: Shape, permutation: readonly number[]): boolean => {
  const moved = permutation.filter((axis) => shape[axis] !== 1)
  return moved.every((axis, i) => i === 0 || axis > (moved[i - 1] as number))
}

/** Where a rectangular part begins, if its elements are neighbours in memory; see the `slice` op. */
const contiguousFrom = (
  whole: Shape,
  part: Shape,
  start: readonly number[],
  step: readonly number[],
): number | undefined => {
  const first = part.findIndex((d) => d !== 1)
  const inner = first < 0 ? [] : part.slice(first + 1)
  if (
    sizeOf(part) === 0 ||
    (first >= 0 && step[first] !== 1) ||
    !sameShape(inner, whole.slice(whole.length - inner.length))
  ) {
    return undefined
  }
  return start.reduce((at, i, axis) => at * (whole[axis] as number) + i, 0)
}
