// A solver as graphs: its loop, its map, its state, its equation, traced together, so that all of them take what the solver's
// functions close over as further operands, which are differentiated like θ.
import { ArgumentError, ShapeError } from '../base/errors.js'
import { formatShape } from '../base/shape.js'
import type { Shape } from '../base/shape.js'
import { statusCode } from '../base/status.js'
import { flatten, flattenLike, unflatten } from '../base/tree.js'
import type { TreeSpec } from '../base/tree.js'
import { reaches, shapesOf } from '../control/loop.js'
import type { Graph } from '../ir/graph.js'
import type { Tensor } from '../ir/tensor.js'
import { inline, isOperand, report, tensor, traceGraph, traceTogether } from '../ir/trace.js'
import type { Operand, Operands } from '../ir/trace.js'
import { isFinite, maximum, mul, stopGradient, where } from '../ops/elementwise.js'
import { packing } from '../ops/packing.js'
import { sum } from '../ops/reduce.js'
import { simplify } from '../transform/simplify.js'
import { iterate } from './iterate.js'
import type { Solver } from './solver.js'
import type { Solved, Strategy } from './strategy.js'

/** A solver with its start and θ, ready to become an op. */
export interface TracedSolver<X> {
  /** The leaves of x0, those of θ, and what the solver's functions close over. */
  readonly inputs: readonly Tensor[]
  /** How many of the inputs are leaves of x0. */
  readonly starts: number
  /** Iterates. Outputs: x̄ as a vector, the number of steps, the status, `previous` where it is kept, the state. */
  readonly forward: Graph
  /** The finished solve, in the trace of these inputs and outputs of `forward`. */
  readonly solvedAt: (inputs: readonly Tensor[], outputs: readonly Tensor[]) => Solved
  /** Whether the map that is differentiated depends on one of the flagged operands (inputs without x0). */
  readonly dependsOn: (flags: readonly boolean[]) => boolean
  /** Whether one of the flagged operands enters the start of the iteration, but not the map. */
  readonly entersStartOnly: (flags: readonly boolean[]) => boolean
  /** The tree of x0 from a vector. */
  readonly unpack: (x: Tensor) => X
}

/**
 * Traces a solver.
 * @throws {ArgumentError} when x0 is empty.
 * @throws {ShapeError} when a function of the solver returns another structure or other shapes than x0.
 */
export const traceSolver = <X, P, S>(
  solver: Solver<X, P, S>,
  start: Operands<X>,
  parameters: Operands<P> | undefined,
  strategy: Pick<Strategy, 'map' | 'keepsPrevious'>,
): TracedSolver<X> => {
  const xTree = flatten(start, isOperand, 'x0')
  const pTree = flatten(parameters ?? [], isOperand, 'theta')
  const x0 = xTree.leaves.map(tensor)
  const p = pTree.leaves.map(tensor)
  if (x0.length === 0) throw new ArgumentError('solve: x0 is empty', { expected: 'at least one array' })
  const keepsPrevious = strategy.keepsPrevious === true
  const shapes = { x: shapesOf(x0), p: shapesOf(p) }
  const { size, pack, unpack } = packing(shapes.x)
  const theta = (leaves: readonly Tensor[]): P => unflatten(pTree.spec, leaves) as unknown as P
  const xOf = (leaves: readonly Tensor[]): X => unflatten(xTree.spec, leaves) as unknown as X
  const leavesOf = (x: X, what: string): Tensor[] => {
    const leaves = flattenLike(x, xTree.spec, isOperand, what).map(tensor)
    leaves.forEach((leaf, i) => {
      if (formatShape(leaf.shape) !== formatShape(shapes.x[i] as Shape)) {
        throw new ShapeError(`${solver.name}: ${what} has another shape than x0`, {
          expected: formatShape(shapes.x[i] as Shape),
          received: formatShape(leaf.shape),
        })
      }
    })
    return leaves
  }

  // The state's structure is known once `init` has been traced.
  let stateSpec: TreeSpec = { kind: 'leaf' }
  const initFn = (ts: readonly Tensor[]): Tensor[] => {
    const state = flatten(
      solver.init(xOf(ts.slice(0, x0.length)), theta(ts.slice(x0.length))),
      isOperand,
      'state',
    )
    stateSpec = state.spec
    return state.leaves.map(tensor)
  }
  const stateShapes = traceGraph(initFn, [...shapes.x, ...shapes.p]).graph.outputs.map((v) => v.shape)
  const stateOf = (leaves: readonly Tensor[]): S => unflatten(stateSpec, leaves) as unknown as S
  const stateLeaves = (state: S): Tensor[] => flattenLike(state, stateSpec, isOperand, 'state').map(tensor)
  const s = stateShapes.length
  const pointOf = (state: S): Tensor => pack(leavesOf(solver.point(state), 'point(state)'))

  const forwardFn = (ts: readonly Tensor[]): Operand[] => {
    const [from, at] = [xOf(ts.slice(0, x0.length)), theta(ts.slice(x0.length))]
    const end = iterate(solver, from, at, keepsPrevious ? pointOf : undefined)
    const x = pointOf(end.state)
    // An error that does not see an entry of x that is not finite must not hide it: sum(0 x) is NaN then.
    const status = maximum(end.status, where(isFinite(sum(mul(x, 0))), 0, statusCode.nonFinite))
    report('status', status)
    report('iterations', end.k)
    report('residual', end.error)
    return [x, end.k, status, ...(keepsPrevious ? [end.previous] : []), ...stateLeaves(end.state)]
  }
  const vector: Shape = [size]
  const mapFn = (ts: readonly Tensor[]): Tensor[] => {
    const x = xOf(unpack(ts[0] as Tensor))
    const params = theta(ts.slice(1, 1 + p.length))
    const custom = strategy.map as ((x: X, theta: P) => X) | undefined
    const next =
      custom !== undefined
        ? custom(x, params)
        : solver.map !== undefined
          ? solver.map(x, params, stateOf(ts.slice(1 + p.length)))
          : solver.point(solver.step(solver.init(x, params), params))
    return [pack(leavesOf(next, 'map(x, theta)'))]
  }
  const atX = (fn: (x: X, params: P, rest: readonly Tensor[]) => Tensor) => (ts: readonly Tensor[]) => [
    fn(xOf(unpack(ts[0] as Tensor)), theta(ts.slice(1, 1 + p.length)), ts.slice(1 + p.length)),
  ]
  const { residual, linearize, stepLength } = solver
  const parts = [
    { fn: forwardFn, shapes: [...shapes.x, ...shapes.p] },
    { fn: mapFn, shapes: [vector, ...shapes.p, ...stateShapes] },
    { fn: initFn, shapes: [...shapes.x, ...shapes.p] },
    {
      fn: (ts: readonly Tensor[]) => stateLeaves(solver.step(stateOf(ts.slice(0, s)), theta(ts.slice(s)))),
      shapes: [...stateShapes, ...shapes.p],
    },
    { fn: (ts: readonly Tensor[]) => [pointOf(stateOf(ts))], shapes: stateShapes },
    ...(residual === undefined
      ? []
      : [
          {
            fn: atX((x, params) => pack(leavesOf(residual(x, params), 'residual(x, theta)'))),
            shapes: [vector, ...shapes.p],
          },
        ]),
    ...(linearize === undefined
      ? []
      : [
          {
            fn: atX((x, params, [b]) => tensor(linearize(x, params).solve(b as Tensor))),
            shapes: [vector, ...shapes.p, vector],
          },
          {
            fn: atX((x, params, [b]) => tensor(linearize(x, params).solveTransposed(b as Tensor))),
            shapes: [vector, ...shapes.p, vector],
          },
        ]),
  ]
  const { graphs, captured } = traceTogether(parts)
  const simpler = graphs.map((graph, i) => simplify({ ...graph, reports: i === 0 ? graph.reports : [] }))
  const next = simpler.values()
  const take = (): Graph => next.next().value as Graph
  const [forward, mapGraph, initGraph, stepGraph, pointGraph] = [take(), take(), take(), take(), take()]
  const residualGraph = residual && take()
  const solveGraphs = linearize && [take(), take()]

  /** θ as strategies see it is the leaves of θ, then what is closed over; graphs want them apart. */
  const call =
    (graph: Graph) =>
    (front: readonly Tensor[], all: readonly Tensor[], back: readonly Tensor[] = []): Tensor[] =>
      inline(graph, [...front, ...all.slice(0, p.length), ...back, ...all.slice(p.length)])

  const solvedAt = (ins: readonly Tensor[], outputs: readonly Tensor[]): Solved => {
    const keeps = keepsPrevious ? 1 : 0
    const state = outputs.slice(3 + keeps, 3 + keeps + s).map(stopGradient)
    const all = ins.slice(x0.length)
    return {
      x: outputs[0] as Tensor,
      theta: all,
      map: (x, th) => call(mapGraph)([x], th, state)[0] as Tensor,
      steps: outputs[1] as Tensor,
      previous: keepsPrevious ? outputs[3] : undefined,
      stepLength: stepLength && tensor(stepLength(stateOf(state))),
      residual: residualGraph && ((x, th) => call(residualGraph)([x], th)[0] as Tensor),
      linearize:
        solveGraphs &&
        ((x, th) => ({
          solve: (b) => call(solveGraphs[0] as Graph)([x], th, [b])[0] as Tensor,
          solveTransposed: (b) => call(solveGraphs[1] as Graph)([x], th, [b])[0] as Tensor,
        })),
      trajectory: {
        init: (from, th) => call(initGraph)(from, th),
        step: (at, th) => call(stepGraph)(at, th),
        point: (at) => inline(pointGraph, [...at, ...all.slice(p.length)])[0] as Tensor,
        x0: ins.slice(0, x0.length),
        maxSteps: solver.stopping.maxSteps,
      },
    }
  }
  const dependsOn = (flags: readonly boolean[]): boolean =>
    reaches(mapGraph, [
      false,
      ...flags.slice(0, p.length),
      ...stateShapes.map(() => false),
      ...flags.slice(p.length),
    ]).some(Boolean)
  return {
    inputs: [...x0, ...p, ...captured],
    starts: x0.length,
    forward,
    solvedAt,
    dependsOn,
    entersStartOnly: (flags) =>
      flags.some((flag, i) => {
        const alone = flags.map((_, k) => flag && k === i)
        return (
          flag && reaches(initGraph, [...x0.map(() => false), ...alone]).some(Boolean) && !dependsOn(alone)
        )
      }),
    unpack: (x) => xOf(unpack(x)),
  }
}
