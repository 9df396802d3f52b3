// A specification as a study file: the long way round, with every default said. Reading it gives the same specification again.
import { Document, visit } from 'yaml'
import type {
  Axis,
  DataSpecification,
  Named,
  ProblemSpecification,
  StudySpecification,
} from './specification.js'

type Written = Readonly<Record<string, unknown>>

/** Entries that are there. */
const given = (record: Written): Written =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))

const named = ({ name, options }: Named): unknown =>
  Object.keys(options).length === 0 ? name : { [name]: options }

const writtenData = (data: DataSpecification): Written => {
  if (data.kind === 'file') {
    const { kind: _, path, ...rest } = data
    return { file: path, ...rest }
  }
  const { kind, ...rest } = data
  return { [kind]: rest }
}

const writtenProblem = (problem: ProblemSpecification): Written => {
  const { options } = problem
  const rest = Object.keys(options).length === 0 ? {} : { options }
  if (problem.kind === 'module') return { module: problem.path, ...rest }
  const { name, data } = problem
  return { standard: name, ...(data === undefined ? {} : { data: writtenData(data) }), ...rest }
}

const writtenAxis = (axis: Axis): Written => {
  const { when, otherwise, shape } = axis
  const common = {
    shape: shape.length === 0 ? undefined : shape,
    when: when && { [when.axis]: when.values },
    otherwise,
  }
  switch (axis.kind) {
    case 'linear':
    case 'log':
      return given({ [axis.kind]: [axis.low, axis.high], count: axis.count, ...common })
    case 'list':
      return given({ values: axis.values, ...common })
    case 'normal':
      return given({ normal: { mean: axis.mean, deviation: axis.deviation }, ...common })
    case 'sobol':
      return given({ sobol: [axis.low, axis.high], scale: axis.scale, ...common })
    case 'uniform':
    case 'logUniform':
      return given({ [axis.kind]: [axis.low, axis.high], ...common })
  }
}

/** What one would write in a study file to say all of a specification. */
export const written = (specification: StudySpecification): Written => {
  const { name, description, kind, problem, space, strategies, solvers, tolerances, maxSteps } = specification
  const { record, metrics, repeats, seed, descent, bench, chunk } = specification
  const axes = Object.entries(space.axes).map(([axis, value]) => [axis, writtenAxis(value)] as const)
  const tolerance = typeof descent?.tolerance === 'object' ? named(descent.tolerance) : descent?.tolerance
  return given({
    ...{ name, description, kind, problem: writtenProblem(problem) },
    space: axes.length === 0 ? undefined : Object.fromEntries(axes),
    samples: space.samples,
    ...{
      strategies: strategies.map(named),
      solvers: solvers.map(named),
      tolerances,
      maxSteps,
      record,
      metrics,
    },
    ...{ repeats, seed },
    descent:
      descent &&
      given({ ...descent, optimizer: named(descent.optimizer), domain: named(descent.domain), tolerance }),
    bench,
    chunk: Object.keys(chunk).length === 0 ? undefined : chunk,
  })
}

/** A specification as YAML: parts and parameters below each other, what is in them on one line. */
export const printStudy = (specification: StudySpecification): string => {
  const document = new Document(written(specification), { aliasDuplicateObjects: false })
  const space = document.get('space')
  visit(document, {
    Collection: (_, node) => {
      node.flow = node !== document.contents && node !== space
    },
  })
  return document.toString({ lineWidth: 0, flowCollectionPadding: true })
}
